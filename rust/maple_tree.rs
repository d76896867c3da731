// SPDX-License-Identifier: GPL-2.0

//! Allocating ranges of numbers, from any thread.
//!
//! C header: [`include/linux/maple_tree.h`](srctree/include/linux/maple_tree.h)

use core::ops::RangeInclusive;
use kernel::{
    maple_tree::MapleTreeAlloc,
    prelude::*,
    sync::Arc, //
};

/// A [`MapleTreeAlloc`] of counted values that can be shared between threads.
#[pin_data]
pub struct Ranges<T: Send + Sync + 'static> {
    #[pin]
    tree: MapleTreeAlloc<Arc<T>>,
}

// SAFETY: The tree has its own lock, which all of its methods take; `Arc<T>` may be sent.
unsafe impl<T: Send + Sync> Send for Ranges<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for Ranges<T> {}

impl<T: Send + Sync> Ranges<T> {
    /// Makes an empty tree.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tree <- MapleTreeAlloc::new(),
        })
    }

    /// Gives `value` a range of `size` numbers within `limits` and returns its first one.
    pub fn alloc(
        &self,
        size: usize,
        value: Arc<T>,
        limits: RangeInclusive<usize>,
    ) -> Result<usize> {
        self.tree
            .alloc_range(size, value, limits, GFP_KERNEL)
            .map_err(|_| ENOMEM)
    }

    /// Returns the value whose range has `number` in it.
    pub fn get(&self, number: usize) -> Option<Arc<T>> {
        Some(self.tree.lock().load(number)?.into())
    }

    /// Takes the value whose range has `number` in it out.
    pub fn remove(&self, number: usize) -> Option<Arc<T>> {
        self.tree.erase(number)
    }
}
