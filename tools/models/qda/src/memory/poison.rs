// SPDX-License-Identifier: GPL-2.0
//! Poisoned units of device memory (Documentation/devices/qda/ras.rst, poison).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes that become poison together.
pub const UNIT: u64 = 64;

/// The units that are poison. Almost always there are none, and then nothing is locked.
#[derive(Debug, Default)]
pub struct Poison {
    count: AtomicUsize,
    units: Mutex<BTreeSet<u64>>,
}

impl Poison {
    /// Marks the unit of `address`.
    pub fn mark(&self, address: u64) {
        self.change(|units| {
            units.insert(address / UNIT);
        });
    }

    /// Nothing is poison any more.
    pub fn clear(&self) {
        self.change(BTreeSet::clear);
    }

    /// Whether a read of `len` bytes at `address` finds poison.
    pub fn hits(&self, address: u64, len: usize) -> bool {
        if len == 0 || self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        let last = (address + len as u64 - 1) / UNIT;
        units.range(address / UNIT..=last).next().is_some()
    }

    /// A write by a packet heals the units that it covers.
    pub fn overwrite(&self, address: u64, len: usize) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let covered = address.div_ceil(UNIT)..(address + len as u64) / UNIT;
        self.change(|units| units.retain(|unit| !covered.contains(unit)));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<u64>)) {
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut units);
        self.count.store(units.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::Poison;

    #[test]
    fn healed_by_whole_units() {
        let poison = Poison::default();
        poison.mark(130);
        assert!(poison.hits(100, 29) && !poison.hits(100, 28));
        assert!(poison.hits(191, 1) && !poison.hits(192, 1));
        poison.overwrite(128, 63);
        assert!(poison.hits(128, 1));
        poison.overwrite(127, 65);
        assert!(!poison.hits(128, 64));
    }
}
