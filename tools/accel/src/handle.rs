// SPDX-License-Identifier: GPL-2.0
//! Handles of a device's file, which are given back when nobody needs them.

use std::sync::Arc;

use crate::device::Device;

/// How a handle is given back.
type Close = fn(&Device, u32) -> rustix::io::Result<()>;

/// A handle of a kind that `close` gives back.
#[derive(Debug)]
pub(crate) struct Handle {
    device: Device,
    number: u32,
    close: Close,
}

impl Handle {
    pub(crate) fn new(device: &Device, number: u32, close: Close) -> Arc<Self> {
        Arc::new(Handle {
            device: device.clone(),
            number,
            close,
        })
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // It fails only when the device is gone, and then the kernel has nothing to give back.
        let _ = (self.close)(&self.device, self.number);
    }
}
