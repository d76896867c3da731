// SPDX-License-Identifier: GPL-2.0

//! sysfs attributes of a device, and their text.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use core::ptr::null;
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
}

/// An attribute, as its owner sees it.
#[derive(Clone, Copy)]
pub struct AttributeInfo {
    /// Name of the file.
    pub name: &'static CStr,
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

/// The attributes of a device, each an [`Attribute`].
///
/// # Invariants
///
/// `groups`, `group` and `list` point to each other and to `attributes`, none of which changes.
pub(crate) struct Attributes {
    _attributes: KVec<Attribute>,
    list: KVec<*mut bindings::attribute>,
    group: bindings::attribute_group,
    groups: [*const bindings::attribute_group; 2],
}

impl Attributes {
    /// Makes those of `infos`, in their order.
    pub(crate) fn new(
        infos: &[AttributeInfo],
        show: Show,
        store: Store,
    ) -> Result<Pin<KBox<Self>>> {
        let mut attributes = KVec::with_capacity(infos.len(), GFP_KERNEL)?;
        for (index, info) in infos.iter().enumerate() {
            let mut attr = pin_init::zeroed();
            let is_for = |what| info.is_for == what;
            // SAFETY: `attr` is valid; the name lives for ever.
            unsafe {
                ext::accel_helper_device_attribute_init(
                    &mut attr,
                    info.name.as_char_ptr(),
                    is_for(AttributeUse::Show).then_some(show),
                    is_for(AttributeUse::Store).then_some(store),
                )
            };
            attributes.push(Attribute { attr, index }, GFP_KERNEL)?;
        }
        let mut list = KVec::with_capacity(infos.len() + 1, GFP_KERNEL)?;
        for a in &mut attributes {
            list.push(&raw mut a.attr.attr, GFP_KERNEL)?;
        }
        list.push(core::ptr::null_mut(), GFP_KERNEL)?;
        let mut this = KBox::new(
            Self {
                _attributes: attributes,
                list,
                group: pin_init::zeroed(),
                groups: [null(); 2],
            },
            GFP_KERNEL,
        )?;
        let list = this.list.as_mut_ptr();
        // SAFETY: Both are valid.
        unsafe { ext::accel_helper_attribute_group_init(&mut this.group, list) };
        // INVARIANT: The box does not move what is in it.
        this.groups[0] = &raw const this.group;
        Ok(KBox::into_pin(this))
    }

    /// Returns what `struct device` wants; valid as long as this.
    pub(crate) fn as_groups(&self) -> *mut *const bindings::attribute_group {
        self.groups.as_ptr().cast_mut()
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
