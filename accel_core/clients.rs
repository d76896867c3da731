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
use zerocopy::FromZeros;

use crate::{
    device::Device,
    driver::Driver,
    lock_class,
    uapi::{
        self,
        accel_info_clients, //
    },
};

/// How many may use a device at a time (`enum accel_compute_mode`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum ComputeMode {
    Shared = uapi::ACCEL_COMPUTE_SHARED,
    Exclusive = uapi::ACCEL_COMPUTE_EXCLUSIVE,
}

impl ComputeMode {
    /// Returns what it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Exclusive => "exclusive",
        }
    }

    /// Returns the one that is called so.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let mut all = [Self::Shared, Self::Exclusive].into_iter();
        all.find(|mode| mode.name().as_bytes() == name)
    }
}

struct State {
    counts: accel_info_clients,
    mode: ComputeMode,
}

/// Counts of the files on both nodes, and how many there may be.
#[pin_data]
pub(crate) struct Clients {
    #[pin]
    state: Mutex<State>,
}

impl Clients {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::clients();
        let state = State {
            counts: FromZeros::new_zeroed(),
            mode: ComputeMode::Shared,
        };
        pin_init!(Self {
            state <- Mutex::new(state, name, key),
        })
    }

    /// Returns a snapshot.
    pub(crate) fn get(&self) -> accel_info_clients {
        let state = self.state.lock();
        accel_info_clients {
            mode: state.mode as u32,
            ..state.counts
        }
    }

    /// Returns how many may use the device.
    pub(crate) fn mode(&self) -> ComputeMode {
        self.state.lock().mode
    }

    /// Says how many may use the device from now on. EBUSY: there are more.
    pub(crate) fn set_mode(&self, mode: ComputeMode) -> Result {
        let mut state = self.state.lock();
        if mode == ComputeMode::Exclusive && state.counts.clients > 1 {
            return Err(EBUSY);
        }
        state.mode = mode;
        Ok(())
    }

    /// A client opens the compute node: EBUSY if it is exclusive and taken. It must be closed.
    fn open(&self) -> Result {
        let mut state = self.state.lock();
        let is_exclusive = state.mode == ComputeMode::Exclusive;
        let counts = &mut state.counts;
        if is_exclusive && counts.clients > 0 {
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
        let counts = &mut self.state.lock().counts;
        counts.clients -= 1;
        counts.last_close_ns = monotonic_ns();
    }
}

/// A client is counted while it has this.
pub(crate) struct Seat<T: Driver>(Arc<Device<T>>);

impl<T: Driver> Seat<T> {
    /// A client opens the compute node: EBUSY if it is exclusive and taken.
    pub(crate) fn take(device: &Arc<Device<T>>) -> Result<Self> {
        device.clients.open()?;
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

/// A monitor is counted while it has this.
pub(crate) struct Place<T: Driver>(Arc<Device<T>>);

impl<T: Driver> Place<T> {
    /// A monitor opens the monitor node.
    pub(crate) fn take(device: &Arc<Device<T>>) -> Self {
        let counts = &mut device.clients.state.lock().counts;
        counts.monitors += 1;
        counts.monitor_opens += 1;
        Self(device.clone())
    }
}

impl<T: Driver> Drop for Place<T> {
    fn drop(&mut self) {
        self.0.clients.state.lock().counts.monitors -= 1;
    }
}
