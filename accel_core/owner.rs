// SPDX-License-Identifier: GPL-2.0

//! Who made a buffer: a client, as it is known for as long as its buffers exist.

use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::Arc,
    task::Pid,
};
use kernel_ext::task;

use crate::memory::Memory;

/// A client of a device.
pub(crate) struct Owner {
    pid: Pid,
    name: task::Name,
    memory: Arc<Memory>,
}

impl Owner {
    /// The current process, which opens a file of the device with this `memory`.
    pub(crate) fn new(memory: &Arc<Memory>) -> Result<Arc<Self>> {
        let owner = Self {
            pid: kernel::current!().tgid(),
            name: task::current_name(),
            memory: memory.clone(),
        };
        Ok(Arc::new(owner, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns the number of the process, as the host sees it.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Returns the memory of its device.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Returns the name of the process as one word.
    pub(crate) fn name(&self) -> Word<'_> {
        Word(&self.name)
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
