// SPDX-License-Identifier: GPL-2.0
//! Log of ROM and firmware (Documentation/devices/qda/firmware.rst, log).

use crate::clock::US;

/// The ring behind the log window.
#[derive(Debug)]
pub struct Log {
    /// Its bytes.
    pub window: Vec<u8>,
    /// FW_LOG_HEAD.
    pub head: u32,
}

impl Log {
    /// Empty.
    pub fn new() -> Self {
        Self {
            window: vec![0; 4096],
            head: 0,
        }
    }

    /// Writes a line.
    pub fn line(&mut self, time: u64, text: &str) {
        for byte in format!("{} {text}\n", time / US).bytes() {
            self.window[self.head as usize % 4096] = byte;
            self.head = self.head.wrapping_add(1);
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}
