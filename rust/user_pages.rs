// SPDX-License-Identifier: GPL-2.0

//! Pages of a user's own memory, pinned where they are.
//!
//! They stay what they are when the user unmaps them, and count as locked memory (`pinned_vm`,
//! RLIMIT_MEMLOCK) of who pinned them until they are let go of.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! see `Documentation/core-api/pin_user_pages.rst`

use kernel::{
    bindings,
    error::to_result,
    mm::Mm,
    page::{
        PAGE_MASK,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::aref::ARef, //
};

use crate::{
    bindings as ext,
    pages::{
        Block,
        Pages, //
    }, //
};

/// Pages that count as locked memory of `mm`.
pub(crate) struct Locked {
    mm: ARef<Mm>,
    count: usize,
}

impl Locked {
    /// Counts `count` pages as locked by the current process. ENOMEM: more than RLIMIT_MEMLOCK.
    fn new(count: usize) -> Result<Self> {
        let mm = ARef::from(&**kernel::current!().mm().ok_or(EINVAL)?);
        // SAFETY: The address space is valid.
        to_result(unsafe { ext::accel_helper_account_pinned(mm.as_raw(), count) })?;
        Ok(Self { mm, count })
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: Counted in `new`.
        unsafe { ext::accel_helper_unaccount_pinned(self.mm.as_raw(), self.count) };
    }
}

/// Pages that are pinned.
pub(crate) struct Pinned {
    _locked: Locked,
    is_writable: bool,
}

impl Pinned {
    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// # Safety
    ///
    /// `len` pages from `first` on must be pinned, and not be used any more.
    pub(crate) unsafe fn unpin(&self, first: *mut bindings::page, len: usize) {
        // SAFETY: By the requirements of this function; it may sleep, as pages are dropped where
        // that is allowed.
        unsafe { bindings::unpin_user_page_range_dirty_lock(first, len, self.is_writable) };
    }
}

impl Pages {
    /// Pins `size` bytes of the current process at `address`. May sleep, and wait for memory that
    /// user space has to provide.
    ///
    /// # Errors
    ///
    /// EINVAL: not whole pages; EFAULT: not mapped so that it could be read (written, if
    /// `is_writable`), or of a kind that cannot be pinned for long; ENOMEM: or RLIMIT_MEMLOCK;
    /// EINTR: a signal.
    pub fn pin(address: usize, size: usize, is_writable: bool) -> Result<Self> {
        address.checked_add(size).ok_or(EINVAL)?;
        if size == 0 || (address | size) & !PAGE_MASK != 0 {
            return Err(EINVAL);
        }
        let pinned = Pinned {
            _locked: Locked::new(size >> PAGE_SHIFT)?,
            is_writable,
        };
        let mut this = Self::pinned(pinned);
        while this.size() < size {
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            this.pin_some(address + this.size(), (size - this.size()) >> PAGE_SHIFT)?;
        }
        Ok(this)
    }

    /// Pins some of the `left` pages at `address`.
    fn pin_some(&mut self, address: usize, left: usize) -> Result {
        const BATCH: usize = 64;
        let mut batch = [core::ptr::null_mut(); BATCH];
        let write = match self.is_writable() {
            true => bindings::FOLL_WRITE,
            false => 0,
        };
        // SAFETY: The array has room for that many.
        let got = unsafe {
            bindings::pin_user_pages_fast(
                address,
                left.min(BATCH) as c_int,
                bindings::FOLL_LONGTERM | write,
                batch.as_mut_ptr(),
            )
        };
        let got = usize::try_from(got).map_err(|_| Error::from_errno(got))?;
        let mut pages = batch.get(..got).ok_or(EINVAL)?;
        if pages.is_empty() {
            return Err(EFAULT);
        }
        while let Some(&first) = pages.first() {
            let follows = |(i, page): (usize, &*mut _)| *page == first.wrapping_add(i);
            let len = pages.iter().enumerate().take_while(|p| follows(*p)).count();
            let pushed = self.push(Block::new(first, len as u32)?);
            if pushed.is_err() {
                for page in pages {
                    // SAFETY: Just pinned, and not kept.
                    unsafe { bindings::unpin_user_page(*page) };
                }
                return pushed;
            }
            pages = pages.get(len..).unwrap_or_default();
        }
        Ok(())
    }
}
