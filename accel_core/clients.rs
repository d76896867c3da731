// SPDX-License-Identifier: GPL-2.0

//! Who has the nodes of a device open.

use kernel::{
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use kernel_ext::time::monotonic_ns;

use crate::{
    device::Device,
    driver::Driver,
    lock_class,
    uapi::accel_info_clients, //
};

/// Counts of the files on both nodes.
#[pin_data]
pub(crate) struct Clients {
    #[pin]
    counts: Mutex<accel_info_clients>,
}

impl Clients {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::clients();
        pin_init!(Self {
            counts <- Mutex::new(<accel_info_clients as zerocopy::FromZeros>::new_zeroed(), name, key),
        })
    }

    /// Returns a snapshot.
    pub(crate) fn get(&self) -> accel_info_clients {
        *self.counts.lock()
    }

    /// A client opens the compute node: EBUSY if it is `exclusive` and taken. It must be closed.
    fn open(&self, exclusive: bool) -> Result {
        let mut counts = self.counts.lock();
        if exclusive && counts.clients > 0 {
            counts.refused += 1;
            return Err(EBUSY);
        }
        counts.clients += 1;
        counts.opens += 1;
        counts.last_open_ns = monotonic_ns();
        Ok(())
    }

    /// A client is gone.
    fn close(&self) {
        let mut counts = self.counts.lock();
        counts.clients -= 1;
        counts.last_close_ns = monotonic_ns();
    }

    /// A monitor opens the monitor node.
    pub(crate) fn open_monitor(&self) {
        let mut counts = self.counts.lock();
        counts.monitors += 1;
        counts.monitor_opens += 1;
    }

    /// A monitor is gone.
    pub(crate) fn close_monitor(&self) {
        self.counts.lock().monitors -= 1;
    }
}

/// A client is counted while it has this.
pub(crate) struct Seat<T: Driver>(Arc<Device<T>>);

impl<T: Driver> Seat<T> {
    /// A client opens the compute node: EBUSY if it is `exclusive` and taken.
    pub(crate) fn take(device: &Arc<Device<T>>, exclusive: bool) -> Result<Self> {
        device.clients.open(exclusive)?;
        Ok(Self(device.clone()))
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        &self.0
    }
}

impl<T: Driver> Drop for Seat<T> {
    fn drop(&mut self) {
        self.0.clients.close();
    }
}
