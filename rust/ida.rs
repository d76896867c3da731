// SPDX-License-Identifier: GPL-2.0

//! Small unique numbers.
//!
//! C header: [`include/linux/idr.h`](srctree/include/linux/idr.h)

use kernel::{
    bindings,
    prelude::*,
    types::Opaque, //
};

use crate::bindings as ext;

/// Hands out numbers that are not in use; for statics.
pub struct Ida(Opaque<bindings::ida>);

// SAFETY: An IDA has its own lock.
unsafe impl Sync for Ida {}

impl Ida {
    /// Makes an IDA that is still to be initialised.
    pub const fn new() -> Self {
        Self(Opaque::new(pin_init::zeroed()))
    }

    /// Initialises it.
    ///
    /// # Safety
    ///
    /// May be called once only, before anybody uses it.
    pub unsafe fn init(&'static self) {
        // SAFETY: A static, and by the requirements nobody uses it yet.
        unsafe { ext::accel_helper_ida_init(self.0.get()) };
    }

    /// Takes the lowest free number up to and including `max`.
    pub fn alloc(&'static self, max: u32) -> Result<Id> {
        // SAFETY: Initialised.
        let id = unsafe { bindings::ida_alloc_range(self.0.get(), 0, max, bindings::GFP_KERNEL) };
        Ok(Id {
            ida: self,
            id: u32::try_from(id).map_err(|_| Error::from_errno(id))?,
        })
    }
}

impl Default for Ida {
    fn default() -> Self {
        Self::new()
    }
}

/// A number in use; free again when dropped.
pub struct Id {
    ida: &'static Ida,
    id: u32,
}

impl Id {
    /// Returns the number.
    #[inline]
    pub fn get(&self) -> u32 {
        self.id
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: The number is ours.
        unsafe { bindings::ida_free(self.ida.0.get(), self.id) };
    }
}
