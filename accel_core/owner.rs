// SPDX-License-Identifier: GPL-2.0

//! Who made a buffer: a client, as it is known for as long as its buffers exist.

use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};
use kernel_ext::{
    pid::Pid,
    task, //
};

use crate::memory::Memory;

/// A client of a device.
pub(crate) struct Owner {
    pid: Pid,
    name: task::Name,
    memory: Arc<Memory>,
    /// Bytes in its buffers: of system memory, of the device's.
    charged: [Atomic<u64>; 2],
}

impl Owner {
    /// The current process, which opens a file of the device with this `memory`.
    pub(crate) fn new(memory: &Arc<Memory>) -> Result<Arc<Self>> {
        let owner = Self {
            pid: Pid::current().ok_or(ESRCH)?,
            name: task::current_name(),
            memory: memory.clone(),
            charged: [Atomic::new(0), Atomic::new(0)],
        };
        Ok(Arc::new(owner, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns the process.
    pub(crate) fn pid(&self) -> &Pid {
        &self.pid
    }

    /// Returns the name of the process as it is, up to a zero.
    pub(crate) fn raw_name(&self) -> task::Name {
        self.name
    }

    /// Returns the memory of its device.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Returns how many bytes of such memory there are in buffers that it made.
    pub(crate) fn charged(&self, memory: Charged) -> u64 {
        self.sum(memory).load(Relaxed)
    }

    fn sum(&self, memory: Charged) -> &Atomic<u64> {
        let [system, local] = &self.charged;
        match memory {
            Charged::System => system,
            Charged::Local => local,
        }
    }

    /// Returns the name of the process as one word.
    pub(crate) fn name(&self) -> Word<'_> {
        Word(&self.name)
    }
}

/// What memory is.
#[derive(Clone, Copy)]
pub(crate) enum Charged {
    /// Of the system.
    System,
    /// Of the device.
    Local,
}

/// The memory of a buffer, which counts as that of who made it until it is freed.
pub(crate) struct Charge {
    owner: Arc<Owner>,
    memory: Charged,
    bytes: Atomic<u64>,
}

impl Charge {
    #[inline]
    pub(crate) fn new(owner: &Arc<Owner>, memory: Charged, bytes: usize) -> Self {
        let bytes = bytes as u64;
        owner.sum(memory).fetch_add(bytes, Relaxed);
        Self {
            owner: owner.clone(),
            memory,
            bytes: Atomic::new(bytes),
        }
    }

    /// That of a buffer whose memory is not its own.
    pub(crate) fn none(owner: &Arc<Owner>) -> Self {
        Self::new(owner, Charged::System, 0)
    }

    /// The memory was freed.
    #[inline]
    pub(crate) fn lift(&self) {
        let bytes = self.bytes.xchg(0, Relaxed);
        self.owner.sum(self.memory).fetch_sub(bytes, Relaxed);
    }

    /// Returns whom it counts for.
    #[inline]
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Drop for Charge {
    #[inline]
    fn drop(&mut self) {
        self.lift();
    }
}

/// Bytes up to a zero, as one printable word.
pub(crate) struct Word<'a>(&'a [u8]);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take_while(|byte| **byte != 0) {
            let is_printable = byte.is_ascii_graphic();
            f.write_char(if is_printable { char::from(*byte) } else { '_' })?;
        }
        Ok(())
    }
}
