// SPDX-License-Identifier: GPL-2.0

//! A client's share of the engines: what it gets there is weighed against what others do.

use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    device::Device,
    driver::Driver,
    logic::schedule::ClientId, //
};

/// The share of one client; ends with its last queue.
pub(crate) struct Share<T: Driver> {
    device: Arc<Device<T>>,
    /// As who each scheduler knows it.
    ids: KVec<ClientId>,
}

impl<T: Driver> Share<T> {
    pub(crate) fn new(device: &Arc<Device<T>>) -> Result<Arc<Self>> {
        let mut share = Self {
            device: device.clone(),
            ids: KVec::with_capacity(device.schedulers.len(), GFP_KERNEL_ACCOUNT)?,
        };
        for scheduler in &device.schedulers {
            // There is room.
            let _ = share.ids.push_within_capacity(scheduler.add_client()?);
        }
        Ok(Arc::new(share, GFP_KERNEL_ACCOUNT)?)
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        &self.device
    }

    /// Returns as who the scheduler with this index knows it.
    pub(crate) fn id(&self, scheduler: usize) -> Option<ClientId> {
        self.ids.get(scheduler).copied()
    }
}

impl<T: Driver> Drop for Share<T> {
    fn drop(&mut self) {
        for (scheduler, id) in self.device.schedulers.iter().zip(&self.ids) {
            scheduler.remove_client(*id);
        }
    }
}
