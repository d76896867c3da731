// SPDX-License-Identifier: GPL-2.0

//! A client's share of the engines: what it gets there is weighed against what others do.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

use crate::{
    device::Device,
    driver::Driver,
    lock_class,
    logic::schedule::ClientId, //
};

/// As who a scheduler knows a client.
struct Membership<T: Driver> {
    device: Arc<Device<T>>,
    /// In [`Device::schedulers`].
    scheduler: usize,
    id: ClientId,
}

impl<T: Driver> Membership<T> {
    fn new(device: &Arc<Device<T>>, scheduler: usize) -> Result<Self> {
        let id = device
            .schedulers
            .get(scheduler)
            .ok_or(EINVAL)?
            .add_client()?;
        Ok(Self {
            device: device.clone(),
            scheduler,
            id,
        })
    }
}

impl<T: Driver> Drop for Membership<T> {
    fn drop(&mut self) {
        if let Some(scheduler) = self.device.schedulers.get(self.scheduler) {
            scheduler.remove_client(self.id);
        }
    }
}

/// The share of one client; ends with its last queue.
#[pin_data]
pub(crate) struct Share<T: Driver> {
    device: Arc<Device<T>>,
    /// One for each scheduler that has queues of it.
    #[pin]
    memberships: Mutex<KVec<Option<Membership<T>>>>,
    /// How many queues have got a name.
    names: Atomic<u32>,
}

impl<T: Driver> Share<T> {
    pub(crate) fn new(device: &Arc<Device<T>>) -> Result<Arc<Self>> {
        let mut memberships = KVec::with_capacity(device.schedulers.len(), GFP_KERNEL_ACCOUNT)?;
        for _ in &device.schedulers {
            memberships.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        let (name, key) = lock_class::share();
        Arc::pin_init(
            pin_init!(Self {
                device: device.clone(),
                memberships <- Mutex::new(memberships, name, key),
                names: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        &self.device
    }

    /// Returns a number that no other queue of the client has had.
    pub(crate) fn next_name(&self) -> u32 {
        self.names.fetch_add(1, Relaxed)
    }

    /// Returns as who the scheduler with this index knows it. May sleep. EINVAL: there is none; ENOMEM.
    pub(crate) fn id(&self, scheduler: usize) -> Result<ClientId> {
        let mut memberships = self.memberships.lock();
        let place = memberships.get_mut(scheduler).ok_or(EINVAL)?;
        if let Some(membership) = place {
            return Ok(membership.id);
        }
        let membership = Membership::new(&self.device, scheduler)?;
        Ok(place.insert(membership).id)
    }
}
