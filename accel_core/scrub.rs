// SPDX-License-Identifier: GPL-2.0

//! Overwrites device memory that nobody uses any more, before somebody else gets it.

use core::ops::Range;
use kernel::{
    prelude::*,
    sync::Arc,
    workqueue::{
        impl_has_work,
        Work,
        WorkItem, //
    },
};
use kernel_ext::workqueue::cancel_sync;

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    lock_class,
    region::{
        Pieces,
        Region,
        Scrub, //
    },
    worker, //
};

/// How much is scrubbed without a look whether the device goes away, bytes.
const AT_ONCE: u64 = 1 << 20;

/// Scrubs all regions of a device. Exists while the device is bound.
#[pin_data]
pub(crate) struct Scrubber<T: Driver> {
    device: Arc<Device<T>>,
    #[pin]
    work: Work<Self>,
}

impl_has_work! {
    impl{T: Driver} HasWork<Self> for Scrubber<T> { self.work }
}

impl<T: Driver> Scrubber<T> {
    pub(crate) fn new(device: Arc<Device<T>>) -> Result<Arc<Self>> {
        let class = lock_class::scrub();
        Arc::pin_init(
            pin_init!(Self {
                device,
                work <- Work::new(class.0, class.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Takes the work back; nobody may ask for more.
    pub(crate) fn cancel(this: &Arc<Self>) {
        cancel_sync::<Self, 0>(this);
    }

    /// Scrubs all that is dirty in a region. ENODEV: the device goes away.
    fn scrub_region(&self, index: usize, region: &Region) -> Result {
        while let Some(pieces) = region.next_dirty() {
            match self.scrub(index, region, &pieces) {
                Ok(()) => region.scrubbed(pieces),
                Err(ENODEV) => return Err(ENODEV),
                Err(e) => {
                    let name = region.info().name;
                    pr_err!("cannot scrub {}: {:?}; a piece is lost\n", name, e);
                }
            }
        }
        Ok(())
    }

    fn scrub(&self, index: usize, region: &Region, pieces: &Pieces) -> Result {
        for range in region.ranges(pieces) {
            for start in range.clone().step_by(AT_ONCE as usize) {
                let step = start..range.end.min(start + AT_ONCE);
                self.device
                    .enter_patiently()?
                    .with(|bound| overwrite(bound, index, region, step))?;
            }
        }
        Ok(())
    }
}

/// Scrubs `range`, in bytes from the start of the region.
fn overwrite<T: Driver>(
    bound: &Bound<'_, T>,
    index: usize,
    region: &Region,
    range: Range<u64>,
) -> Result {
    if T::HAS_SCRUB {
        return T::scrub(&bound.data, index, range);
    }
    let visible = region.info().visible.as_ref().ok_or(EOPNOTSUPP)?;
    let (start, len) = (visible.offset + range.start, range.end - range.start);
    visible.aperture.fill(start as usize, len as usize, 0)
}

impl<T: Driver> Scrub for Scrubber<T> {
    fn kick(self: Arc<Self>) {
        // Fails if it is queued already: that will do.
        let _ = worker::queue().enqueue(self);
    }
}

impl<T: Driver> WorkItem for Scrubber<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        for (index, region) in this.device.regions().iter().enumerate() {
            if this.scrub_region(index, region).is_err() {
                return;
            }
        }
    }
}
