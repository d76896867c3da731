// SPDX-License-Identifier: GPL-2.0

//! Dumps of devices that failed, each for user space to read once: `/sys/class/devcoredump`.
//!
//! C header: [`include/linux/devcoredump.h`](srctree/include/linux/devcoredump.h)

use core::str;
use kernel::{
    device::Device,
    fmt,
    prelude::*, //
};

use crate::{
    bindings as ext,
    device::as_raw, //
};

/// A dump in the making: text of bounded size. What does not fit is cut off.
pub struct Dump {
    text: VVec<u8>,
}

impl Dump {
    /// Makes an empty one for at most `size` bytes. ENOMEM.
    pub fn new(size: usize) -> Result<Self> {
        Ok(Self {
            text: VVec::with_capacity(size, GFP_KERNEL)?,
        })
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns what was written, up to the last whole character.
    pub fn text(&self) -> &str {
        match str::from_utf8(&self.text) {
            Ok(text) => text,
            Err(e) => {
                let whole = self.text.get(..e.valid_up_to());
                whole.and_then(|w| str::from_utf8(w).ok()).unwrap_or("")
            }
        }
    }

    /// Gives it to user space as the dump of `dev`; unless there is one that nobody has read, or the
    /// kernel has no such dumps (`CONFIG_DEV_COREDUMP`). May sleep.
    pub fn publish(self, dev: &Device) {
        let (text, len, _) = self.text.into_raw_parts();
        // SAFETY: The memory is from `vmalloc()` and nobody else's any more.
        unsafe { ext::accel_helper_coredump(as_raw(dev), text.cast(), len) };
    }
}

impl fmt::Write for Dump {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.text.capacity() - self.text.len();
        let part = s.as_bytes().get(..room.min(s.len())).ok_or(fmt::Error)?;
        // There is room for that: nothing is allocated.
        self.text
            .extend_from_slice(part, GFP_NOWAIT)
            .map_err(|_| fmt::Error)?;
        match part.len() == s.len() {
            true => Ok(()),
            false => Err(fmt::Error),
        }
    }
}

#[kunit_tests(accel_dump)]
mod tests {
    use super::*;
    use kernel::fmt::Write;

    #[test]
    fn what_does_not_fit_is_cut_off() -> Result {
        let mut dump = Dump::new(8)?;
        let size = dump.text.capacity();
        assert!(dump.is_empty());
        for _ in 0..size - 2 {
            assert!(dump.write_str("a").is_ok());
        }
        assert!(dump.write_str("b\u{e4}").is_err());
        assert_eq!(dump.text.len(), size);
        assert_eq!(dump.text().len(), size - 1);
        assert!(dump.text().ends_with("ab"));
        assert!(dump.write_str("c").is_err());
        dump.clear();
        assert!(dump.is_empty() && dump.write_str("d").is_ok());
        Ok(())
    }
}
