// SPDX-License-Identifier: GPL-2.0

//! Doorbells: pages of registers of which each owner has one for itself.
//!
//! User space maps its doorbell and rings it without the kernel. When it is given back it is taken out
//! of all mappings, which give SIGBUS from then on, before anybody else gets it.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    aperture::Aperture,
    io_pages::{
        self,
        IoPages, //
    },
};

use crate::{
    lock_class,
    mmap_offset::UNIT_SHIFT, //
};

/// The doorbells of a device, as a driver declares them in [`Setup`](crate::Setup).
pub struct DoorbellInfo {
    /// Through which aperture they are reached.
    pub aperture: Arc<Aperture>,
    /// Where the first one is in it, bytes.
    pub offset: u64,
    /// How large each is: a multiple of the CPU's page size, at most 4096 times that, bytes.
    pub size: u64,
    /// How many there are.
    pub count: u32,
}

impl DoorbellInfo {
    /// Checks what a driver says.
    fn check(&self) -> Result {
        let page = PAGE_SIZE as u64;
        let size = self.size.checked_mul(self.count.into()).ok_or(EINVAL)?;
        let end = self.offset.checked_add(size).ok_or(EINVAL)?;
        let is_bad = size == 0 || (self.size | self.offset) % page != 0;
        let is_large = self.size > page << UNIT_SHIFT;
        match is_bad || is_large || end > self.aperture.size() as u64 {
            true => Err(EINVAL),
            false => Ok(()),
        }
    }
}

/// All doorbells of a device.
#[pin_data]
pub(crate) struct Doorbells {
    info: DoorbellInfo,
    #[pin]
    free: Mutex<KVec<u32>>,
}

impl io_pages::Owner for Doorbells {}

impl Doorbells {
    /// EINVAL: the driver is wrong; ENOMEM.
    pub(crate) fn new(info: DoorbellInfo) -> Result<Arc<Self>> {
        info.check()?;
        let mut free = KVec::with_capacity(info.count as usize, GFP_KERNEL)?;
        for index in (0..info.count).rev() {
            free.push(index, GFP_KERNEL)?;
        }
        let class = lock_class::free_doorbells();
        Arc::pin_init(
            pin_init!(Self {
                info,
                free <- Mutex::new(free, class.0, class.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the aperture that they are in.
    pub(crate) fn aperture(&self) -> &Aperture {
        &self.info.aperture
    }

    fn release(&self, index: u32) {
        // There is room for all.
        let _ = self.free.lock().push_within_capacity(index);
    }
}

/// A doorbell that is somebody's; others may get it when this is dropped.
pub struct Doorbell {
    doorbells: Arc<Doorbells>,
    index: u32,
    pages: Arc<IoPages>,
}

impl Doorbell {
    /// Takes one. ENOSPC: all are taken; ENOMEM.
    pub(crate) fn new(doorbells: &Arc<Doorbells>) -> Result<Self> {
        let index = doorbells.free.lock().pop().ok_or(ENOSPC)?;
        let DoorbellInfo { size, offset, .. } = doorbells.info;
        let start = offset + size * u64::from(index);
        let ranges = core::iter::once(start..start + size);
        let aperture = doorbells.info.aperture.clone();
        match IoPages::new(aperture, ranges, doorbells.clone()) {
            Ok(pages) => Ok(Self {
                doorbells: doorbells.clone(),
                index,
                pages,
            }),
            Err(e) => {
                doorbells.release(index);
                Err(e)
            }
        }
    }

    /// Returns which of the device's doorbells it is.
    pub fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn pages(&self) -> &Arc<IoPages> {
        &self.pages
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        self.pages.revoke();
        self.doorbells.release(self.index);
    }
}
