// SPDX-License-Identifier: GPL-2.0
//! Functions of one machine that reach each other's memory: peers behind one PCI switch.
//!
//! Only memory that is behind a BAR is reached so; registers of a peer are not. The address is what
//! the guest wrote to the peer's BAR, so peers are found as long as no IOMMU is between them.

use std::sync::{Arc, Mutex, Weak};

use crate::bar::DeviceMemory;
use crate::port::{Shared, lock};

/// A switch. Clones are handles of the same one.
#[derive(Clone, Default)]
pub struct Switch(Arc<Mutex<Vec<Weak<Shared>>>>);

/// Bus addresses that lead to device memory, from its first byte on.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) address: u64,
    pub(crate) len: u64,
    pub(crate) memory: Arc<DeviceMemory>,
}

impl Switch {
    /// Adds a slot.
    pub(crate) fn plug(&self, port: &Arc<Shared>) {
        lock(&self.0).push(Arc::downgrade(port));
    }

    /// The memory that answers for `len` bytes at `address`, and the offset in it.
    pub(crate) fn route(&self, address: u64, len: usize) -> Option<(Arc<DeviceMemory>, u64)> {
        let end = address.checked_add(len as u64)?;
        let ports: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
        ports.iter().find_map(|port| {
            let bus = port.bus();
            let mut windows = bus.windows.iter();
            let inside = |w: &&Window| address >= w.address && end - w.address <= w.len;
            let window = windows.find(inside)?;
            Some((window.memory.clone(), address - window.address))
        })
    }
}
