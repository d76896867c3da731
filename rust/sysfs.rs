// SPDX-License-Identifier: GPL-2.0

//! sysfs attributes of a device, and their text.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use core::ptr::{
    null,
    null_mut, //
};
use kernel::{
    bindings,
    fmt,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::bindings as ext;

/// What is done with an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AttributeUse {
    /// All may read it.
    Show,
    /// Root may write it.
    Store,
    /// All may read it, root may write it.
    Both,
}

/// An attribute, as its owner sees it.
#[derive(Clone, Copy)]
pub struct AttributeInfo {
    /// Name of the file.
    pub name: &'static CStr,
    /// Name of the folder that it is in; that of the device if `None`.
    pub folder: Option<&'static CStr>,
    /// What is done with it.
    pub is_for: AttributeUse,
}

/// An attribute.
#[repr(C)]
pub(crate) struct Attribute {
    attr: bindings::device_attribute,
    index: usize,
}

impl Attribute {
    /// Returns its index among those of its device.
    pub(crate) fn index(&self) -> usize {
        self.index
    }
}

/// Called to show the attribute; as in C.
pub(crate) type Show = unsafe extern "C" fn(
    *mut bindings::device,
    *mut bindings::device_attribute,
    *mut c_char,
) -> isize;

/// Called to write the attribute; as in C.
pub(crate) type Store = unsafe extern "C" fn(
    *mut bindings::device,
    *mut bindings::device_attribute,
    *const c_char,
    usize,
) -> isize;

/// The attributes of a device that are in one folder.
///
/// # Invariants
///
/// `c` points to `_list`, which does not change, nor do the attributes that it points to.
struct Group {
    _list: KVec<*mut bindings::attribute>,
    c: bindings::attribute_group,
}

impl Group {
    /// Makes that of the `folder`. The result is valid as long as `all`, which must not change.
    fn new(
        folder: Option<&'static CStr>,
        infos: &[AttributeInfo],
        all: &mut [Attribute],
    ) -> Result<Self> {
        let mut list = KVec::with_capacity(infos.len() + 1, GFP_KERNEL)?;
        for (info, attribute) in infos.iter().zip(all) {
            if info.folder == folder {
                list.push(&raw mut attribute.attr.attr, GFP_KERNEL)?;
            }
        }
        list.push(null_mut(), GFP_KERNEL)?;
        let mut c = pin_init::zeroed();
        let name = folder.map_or(null(), CStr::as_char_ptr);
        // SAFETY: All are valid; the name lives for ever.
        unsafe { ext::accel_helper_attribute_group_init(&mut c, name, list.as_mut_ptr()) };
        // INVARIANT: What a `KVec` points to does not move with it.
        Ok(Self { _list: list, c })
    }
}

/// The attributes of a device, each an [`Attribute`].
///
/// # Invariants
///
/// `pointers` point to `_groups`, and these to `_attributes`, none of which changes.
pub(crate) struct Attributes {
    pointers: KVec<*const bindings::attribute_group>,
    _groups: KVec<Group>,
    _attributes: KVec<Attribute>,
}

impl Attributes {
    /// Makes those of `infos`, in their order.
    pub(crate) fn new(infos: &[AttributeInfo], show: Show, store: Store) -> Result<Self> {
        let mut attributes = KVec::with_capacity(infos.len(), GFP_KERNEL)?;
        for (index, info) in infos.iter().enumerate() {
            let mut attr = pin_init::zeroed();
            let (shown, written) = (
                info.is_for != AttributeUse::Store,
                info.is_for != AttributeUse::Show,
            );
            // SAFETY: `attr` is valid; the name lives for ever.
            unsafe {
                ext::accel_helper_device_attribute_init(
                    &mut attr,
                    info.name.as_char_ptr(),
                    shown.then_some(show),
                    written.then_some(store),
                )
            };
            attributes.push(Attribute { attr, index }, GFP_KERNEL)?;
        }
        let mut groups = KVec::with_capacity(infos.len(), GFP_KERNEL)?;
        for (at, info) in infos.iter().enumerate() {
            let before = infos.get(..at).unwrap_or_default();
            if before.iter().all(|other| other.folder != info.folder) {
                groups.push(Group::new(info.folder, infos, &mut attributes)?, GFP_KERNEL)?;
            }
        }
        let mut pointers = KVec::with_capacity(groups.len() + 1, GFP_KERNEL)?;
        for group in &groups {
            pointers.push(&raw const group.c, GFP_KERNEL)?;
        }
        pointers.push(null(), GFP_KERNEL)?;
        // INVARIANT: What a `KVec` points to does not move with it.
        Ok(Self {
            pointers,
            _groups: groups,
            _attributes: attributes,
        })
    }

    /// Returns what `struct device` wants; valid as long as this.
    pub(crate) fn as_groups(&self) -> *mut *const bindings::attribute_group {
        self.pointers.as_ptr().cast_mut()
    }
}

/// The page that a `show` callback fills.
///
/// # Invariants
///
/// `len <= buf.len()`.
pub struct Page<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Page<'a> {
    /// Wraps the buffer of a `show` callback.
    ///
    /// # Safety
    ///
    /// `buf` must be valid for writes of `PAGE_SIZE` bytes for `'a`, and nobody else's.
    pub(crate) unsafe fn from_raw(buf: *mut c_char) -> Self {
        // SAFETY: By the requirements; sysfs hands out zeroed memory.
        let buf = unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE - 1) };
        Self { buf, len: 0 }
    }

    /// Returns how much was written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.buf.get_mut(self.len..).ok_or(fmt::Error)?;
        room.get_mut(..s.len())
            .ok_or(fmt::Error)?
            .copy_from_slice(s.as_bytes());
        self.len += s.len();
        Ok(())
    }
}
