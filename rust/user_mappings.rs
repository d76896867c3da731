// SPDX-License-Identifier: GPL-2.0

//! Where user mappings of something are found, to take pages out of them.
//!
//! Each thing that can be mapped has pages of its own in it, so that no others are taken away.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h) (`struct address_space`)

use core::ptr::NonNull;
use kernel::{
    bindings,
    error::from_err_ptr,
    fs::File,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
    },
};

use crate::bindings as ext;

/// An address space.
pub struct UserMappings {
    /// Only lends its address space.
    file: ARef<File>,
    /// The next page that was never used.
    next: Atomic<u64>,
}

impl UserMappings {
    /// Makes one that nobody uses; `name` is that of a file.
    pub fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: The name is a string.
        let raw = from_err_ptr(unsafe { ext::accel_helper_new_address_space(name.as_char_ptr()) })?;
        // SAFETY: The reference is ours, and nobody has the file open with a light one (fdget).
        let file = unsafe { ARef::from_raw(NonNull::new_unchecked(raw.cast::<File>())) };
        Ok(Self {
            file,
            next: Atomic::new(0),
        })
    }

    /// Returns the file whose mappings these are.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the address space; valid for as long as this is.
    pub(crate) fn as_raw(&self) -> *mut bindings::address_space {
        // SAFETY: The file is valid.
        unsafe { (*self.file.as_ptr()).f_mapping }
    }

    /// Returns the first of `count` pages that nobody had before.
    pub(crate) fn reserve(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Relaxed)
    }

    /// Returns whether there are any.
    pub(crate) fn are_there(&self) -> bool {
        // SAFETY: The address space is valid.
        unsafe { ext::accel_helper_is_mapped(self.as_raw()) }
    }

    /// Takes `count` pages, all if 0, out of all mappings; their next access faults.
    pub(crate) fn zap(&self, first: u64, count: u64) {
        // SAFETY: The address space is valid.
        unsafe {
            bindings::unmap_mapping_pages(self.as_raw(), first as usize, count as usize, true);
        }
    }
}
