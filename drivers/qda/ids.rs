// SPDX-License-Identifier: GPL-2.0

//! Numbers that the driver chooses: of contexts, of queues.

use kernel::{
    bitmap::BitmapVec,
    id_pool::IdPool,
    prelude::*, //
};

/// Numbers of one kind. One is unused, used, or stale: nobody uses it any more, but the card may
/// still have something by that number.
pub(crate) struct Ids {
    pool: IdPool,
    stale: BitmapVec,
    first: usize,
    end: usize,
}

impl Ids {
    /// Numbers from `first` to before `end`.
    pub(crate) fn new(first: usize, end: usize) -> Result<Self> {
        let pool = IdPool::with_capacity(end, GFP_KERNEL)?;
        Ok(Self {
            stale: BitmapVec::new(pool.capacity(), GFP_KERNEL)?,
            pool,
            first,
            end,
        })
    }

    /// Takes one. ENOSPC: all are taken.
    pub(crate) fn take(&mut self) -> Result<u16> {
        let id = self.pool.find_unused_id(self.first).ok_or(ENOSPC)?;
        match u16::try_from(id.as_usize()) {
            Ok(number) if id.as_usize() < self.end => {
                id.acquire();
                Ok(number)
            }
            _ => Err(ENOSPC),
        }
    }

    /// Gives one back of which the card has nothing.
    pub(crate) fn give_back(&mut self, id: u16) {
        self.stale.clear_bit(id.into());
        self.pool.release_id(id.into());
    }

    /// Notes that nobody uses one any more.
    pub(crate) fn forsake(&mut self, id: u16) {
        self.stale.set_bit(id.into());
    }

    /// Returns the first stale one from `start` on.
    pub(crate) fn next_stale(&self, start: usize) -> Option<u16> {
        let id = match start < self.stale.len() {
            true => self.stale.next_bit(start)?,
            false => return None,
        };
        u16::try_from(id).ok()
    }
}
