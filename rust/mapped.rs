// SPDX-License-Identifier: GPL-2.0

//! Objects that user mappings show, and keep for as long as they do.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Range, //
};
use kernel::{
    bindings,
    mm::virt::{
        flags,
        VmaNew, //
    },
    page::PAGE_SHIFT,
    prelude::*,
    sync::Arc, //
};

use crate::pages::HUGE_ORDER;

pub(crate) const SIGBUS: bindings::vm_fault_t =
    bindings::vm_fault_reason_VM_FAULT_SIGBUS as bindings::vm_fault_t;
pub(crate) const AGAIN: bindings::vm_fault_t =
    bindings::vm_fault_reason_VM_FAULT_NOPAGE as bindings::vm_fault_t;
pub(crate) const LOCKED: bindings::vm_fault_t =
    bindings::vm_fault_reason_VM_FAULT_LOCKED as bindings::vm_fault_t;
pub(crate) const FALLBACK: bindings::vm_fault_t =
    bindings::vm_fault_reason_VM_FAULT_FALLBACK as bindings::vm_fault_t;
pub(crate) const OOM: bindings::vm_fault_t =
    bindings::vm_fault_reason_VM_FAULT_OOM as bindings::vm_fault_t;

/// How mappings show an object.
pub(crate) trait Mapped: 'static {
    /// What they keep.
    type Object: Send + Sync + 'static;

    /// Shows a page.
    ///
    /// # Safety
    ///
    /// `vmf` must be a fault in a mapping that [`keep`] was called for with `object`.
    unsafe fn fault(object: &Self::Object, vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t;

    /// Shows a huge page, or falls back to [`Mapped::fault`].
    ///
    /// # Safety
    ///
    /// As [`Mapped::fault`].
    unsafe fn huge_fault(
        object: &Self::Object,
        vmf: *mut bindings::vm_fault,
    ) -> bindings::vm_fault_t;
}

/// Returns which pages of `count` a shared mapping shows that begins with page `first`.
///
/// # Errors
///
/// EINVAL: the mapping is private or goes beyond the last page.
pub(crate) fn range(vma: &VmaNew, first: usize, count: usize) -> Result<Range<usize>> {
    if vma.flags() & flags::MAYSHARE == 0 {
        return Err(EINVAL);
    }
    let end = first.checked_add((vma.end() - vma.start()) >> PAGE_SHIFT);
    match end.ok_or(EINVAL)? {
        end if end <= count => Ok(first..end),
        _ => Err(EINVAL),
    }
}

/// Has a mapping keep `object`, and show it.
///
/// # Safety
///
/// `vma` must be being set up, and nothing fail after this.
pub(crate) unsafe fn keep<T: Mapped>(vma: &VmaNew, object: Arc<T::Object>) {
    // SAFETY: By the requirements of this function, so `close` gets the reference back.
    unsafe {
        (*vma.as_ptr()).vm_private_data = Arc::into_raw(object).cast_mut().cast();
        (*vma.as_ptr()).vm_ops = &const { Operations::<T>::TABLE };
    }
}

/// The operations of mappings of a `T::Object`.
struct Operations<T>(PhantomData<T>);

impl<T: Mapped> Operations<T> {
    const TABLE: bindings::vm_operations_struct = bindings::vm_operations_struct {
        open: Some(Self::open),
        close: Some(Self::close),
        fault: Some(Self::fault),
        huge_fault: Some(Self::huge_fault),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `vma` must be one of [`keep`], or a copy of one, and stay for as long as the result is used.
    unsafe fn borrow(vma: *mut bindings::vm_area_struct) -> ManuallyDrop<Arc<T::Object>> {
        // SAFETY: `vm_private_data` came from `Arc::into_raw`; the count is left alone.
        ManuallyDrop::new(unsafe {
            Arc::from_raw((*vma).vm_private_data.cast_const().cast::<T::Object>())
            //
        })
    }

    /// # Safety
    ///
    /// As [`Operations::borrow`].
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: `vm_private_data` is a reference that the VMA owns; a copy needs its own.
        let object = unsafe { Self::borrow(vma) };
        core::mem::forget(Arc::clone(&object));
    }

    /// # Safety
    ///
    /// As [`Operations::borrow`].
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The VMA gives its reference up.
        drop(ManuallyDrop::into_inner(unsafe { Self::borrow(vma) }));
    }

    /// # Safety
    ///
    /// `vmf` must be a fault in a VMA of [`Operations::borrow`].
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: `vmf` is valid; the VMA owns a reference to the object.
        unsafe { T::fault(&Self::borrow((*vmf).__bindgen_anon_1.vma), vmf) }
    }

    /// # Safety
    ///
    /// As [`Operations::fault`].
    unsafe extern "C" fn huge_fault(
        vmf: *mut bindings::vm_fault,
        order: c_uint,
    ) -> bindings::vm_fault_t {
        if order != HUGE_ORDER {
            return FALLBACK;
        }
        // SAFETY: As in `fault`.
        unsafe { T::huge_fault(&Self::borrow((*vmf).__bindgen_anon_1.vma), vmf) }
    }
}
