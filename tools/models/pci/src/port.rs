// SPDX-License-Identifier: GPL-2.0
//! The slot a function is plugged into: the only way from a model to the rest of the machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::bar::DeviceMemory;
use crate::dma::{Dma, Memory};
use crate::messages::{Messages, Vectors};
use crate::switch::{Switch, Window};

/// A slot. Clones are handles of the same one.
#[derive(Clone)]
pub struct Port(Arc<Shared>);

/// What the server, the model's threads and the control socket share.
pub(crate) struct Shared {
    bus: RwLock<Bus>,
    pub(crate) switch: Switch,
    pub(crate) vectors: Vectors,
}

/// State of the bus side. Transfers hold the read lock: whoever has had the write lock to take away
/// mastering or a mapping knows that none is on its way any more.
#[derive(Default)]
pub(crate) struct Bus {
    /// The function may access memory and send messages.
    pub(crate) master: bool,
    /// Surprise removal: the function is gone although its process runs.
    pub(crate) removed: bool,
    /// Guest memory.
    pub(crate) memory: Memory,
    /// Device memory that the guest maps directly.
    pub(crate) mapped: Vec<Arc<DeviceMemory>>,
    /// Where other functions reach that memory.
    pub(crate) windows: Vec<Window>,
}

impl Port {
    /// A slot for a function with `vectors` interrupt vectors.
    pub fn new(vectors: u16) -> Self {
        Self::behind(&Switch::default(), vectors)
    }

    /// A slot behind a switch, through which functions reach each other's memory.
    pub fn behind(switch: &Switch, vectors: u16) -> Self {
        let shared = Arc::new(Shared {
            bus: RwLock::default(),
            switch: switch.clone(),
            vectors: Vectors::new(vectors),
        });
        switch.plug(&shared);
        Self(shared)
    }

    /// A handle for memory accesses.
    pub fn dma(&self) -> Dma {
        Dma(self.0.clone())
    }

    /// A handle for interrupt messages.
    pub fn messages(&self) -> Messages {
        Messages(self.0.clone())
    }

    /// From now on the function is gone for the guest: all-ones from configuration space and BARs,
    /// no memory access, no message. Device memory that the guest has mapped is filled with ones
    /// once.
    pub fn surprise_remove(&self) {
        let mut bus = self.0.bus_mut();
        bus.removed = true;
        bus.master = false;
        bus.windows.clear();
        bus.mapped.iter().for_each(|memory| memory.fill(0xff));
    }

    /// The shared state, for the server.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// The bus, for a transfer.
    pub(crate) fn bus(&self) -> RwLockReadGuard<'_, Bus> {
        self.bus.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bus, for a change; waits for transfers to end.
    pub(crate) fn bus_mut(&self) -> RwLockWriteGuard<'_, Bus> {
        self.bus.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks; a panic of another holder is no reason to stop a device.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
