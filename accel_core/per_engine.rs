// SPDX-License-Identifier: GPL-2.0

//! A count for each engine of a device.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// A count for each engine, which anybody may raise.
pub(crate) struct PerEngine(KVec<Atomic<u64>>);

impl PerEngine {
    pub(crate) fn new(engines: usize) -> Result<Self> {
        let mut counts = KVec::with_capacity(engines, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..engines {
            counts.push(Atomic::new(0), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self(counts))
    }

    pub(crate) fn get(&self, engine: usize) -> u64 {
        self.0.get(engine).map_or(0, |count| count.load(Relaxed))
    }

    pub(crate) fn add(&self, engine: usize, count: u64) {
        if let Some(all) = self.0.get(engine) {
            all.fetch_add(count, Relaxed);
        }
    }
}
