// SPDX-License-Identifier: GPL-2.0

//! How much memory the buffers of a client take: what INFO and fdinfo say.

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::dma_resv::Usage as Fences;

use crate::{
    buffer::{
        Buffer,
        Inner, //
    },
    driver::Driver,
    file::File,
    region::Region, //
};

/// Bytes in one region; all but `total` are parts of that.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) total: u64,
    pub(crate) resident: u64,
    pub(crate) shared: u64,
    pub(crate) active: u64,
    pub(crate) purgeable: u64,
}

impl Usage {
    /// Adds a buffer; `is_busy`: its client has unended jobs.
    fn add(&mut self, buffer: &Inner, is_busy: bool) {
        let size = buffer.size() as u64;
        let part = |is_part| if is_part { size } else { 0 };
        let is_active = match buffer.resv() {
            Some(resv) => !resv.is_signaled(Fences::Bookkeep),
            None => is_busy,
        };
        self.total += size;
        self.resident += part(!buffer.was_purged());
        self.shared += part(buffer.resv().is_some());
        self.active += part(is_active && !buffer.was_purged());
        self.purgeable += part(buffer.is_listed_unneeded() && buffer.resv().is_none());
    }
}

/// Adds up the buffers that have a handle in `file`, by regions, system memory first. ENOMEM.
pub(crate) fn of<T: Driver>(file: &File<T>) -> Result<KVec<Usage>> {
    let regions = file.client.device.regions();
    let is_busy = !file.client.reservations.is_idle();
    sum(file.handles.all()?, regions, is_busy)
}

fn sum(
    mut buffers: KVVec<Arc<Buffer>>,
    regions: &[Arc<Region>],
    is_busy: bool,
) -> Result<KVec<Usage>> {
    let mut sums = KVec::from_elem(Usage::default(), regions.len() + 1, GFP_KERNEL)?;
    // Several handles of the same memory count once.
    buffers.sort_unstable_by_key(|buffer| buffer.memory_id());
    let mut last = None;
    for buffer in &buffers {
        let is_new = last.replace(buffer.memory_id()) != Some(buffer.memory_id());
        if let (Some(sum), true) = (sums.get_mut(buffer.region_index(regions)), is_new) {
            sum.add(buffer, is_busy);
        }
    }
    Ok(sums)
}
