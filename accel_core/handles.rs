// SPDX-License-Identifier: GPL-2.0

//! The handles of a file's buffers.
//!
//! The handle of a buffer is the number of the page at which its mmap offsets begin, so one tree
//! serves both, and a 32-bit mmap2() reaches every buffer. A file can have 16 TiB of buffers with
//! 4-KiB pages.

use core::ops::RangeInclusive;
use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::maple_tree::Ranges;

use crate::Buffer;

const RANGE: RangeInclusive<usize> = 1..=u32::MAX as usize;

/// The buffers of a file.
#[pin_data]
pub(crate) struct Handles {
    #[pin]
    tree: Ranges<Buffer>,
}

impl Handles {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tree <- Ranges::new(),
        })
    }

    /// Gives `buffer` a handle.
    pub(crate) fn add(&self, buffer: Buffer) -> Result<u32> {
        let buffer = Arc::new(buffer, GFP_KERNEL_ACCOUNT)?;
        let pages = buffer.size() >> PAGE_SHIFT;
        let handle = self.tree.alloc(pages, buffer.clone(), RANGE)?;
        let handle = u32::try_from(handle)?;
        // Whoever guesses the handle before this does not find the buffer.
        buffer.publish(handle);
        Ok(handle)
    }

    /// Returns the buffer with this handle; ENOENT if there is none.
    pub(crate) fn get(&self, handle: u32) -> Result<Arc<Buffer>> {
        match self.at_page(handle as usize) {
            Some((buffer, 0)) => Ok(buffer),
            _ => Err(ENOENT),
        }
    }

    /// Returns the buffer that has this page of mmap offsets, and which of its pages it is.
    pub(crate) fn at_page(&self, page: usize) -> Option<(Arc<Buffer>, usize)> {
        let buffer = self.tree.get(page)?;
        let first = buffer.handle() as usize;
        (first != 0).then(|| (buffer, page - first))
    }

    /// Gives a handle back; ENOENT if there is none.
    pub(crate) fn remove(&self, handle: u32) -> Result {
        self.get(handle)?;
        // Another thread may have been faster, and a third one may have got the same handle for
        // a new buffer: the caller asked for that race.
        self.tree.remove(handle as usize).map(drop).ok_or(ENOENT)
    }
}
