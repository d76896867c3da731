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
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    dma_buf::DmaBuf,
    maple_tree::Ranges, //
};

use crate::{
    dma_buf,
    ioctl::Commit,
    lock_class,
    Buffer, //
};

const RANGE: RangeInclusive<usize> = 1..=u32::MAX as usize;

/// The buffers of a file.
#[pin_data]
pub(crate) struct Handles {
    #[pin]
    tree: Ranges<Buffer>,
    /// What has been exported, by handle.
    #[pin]
    exports: Mutex<RBTree<u32, ARef<DmaBuf>>>,
}

impl Handles {
    pub(crate) fn new() -> impl PinInit<Self> {
        let exports = lock_class::exports();
        pin_init!(Self {
            tree <- Ranges::new(),
            exports <- Mutex::new(RBTree::new(), exports.0, exports.1),
        })
    }

    /// Reserves a handle for `buffer`. Whoever guesses it before it is committed does not find the
    /// buffer.
    pub(crate) fn reserve(&self, buffer: Buffer) -> Result<Reserved<'_>> {
        let buffer = Arc::new(buffer, GFP_KERNEL_ACCOUNT)?;
        let pages = buffer.size() >> PAGE_SHIFT;
        let handle = self.tree.alloc(pages, buffer.clone(), RANGE)?;
        Ok(Reserved {
            handles: self,
            handle: u32::try_from(handle)?,
            buffer: Some(buffer),
        })
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
        let buffer = self.tree.remove(handle as usize).ok_or(ENOENT)?;
        self.forget_exports(&buffer, handle);
        Ok(())
    }

    fn forget_exports(&self, buffer: &Buffer, handle: u32) {
        if buffer.was_exported() {
            let node = self.exports.lock().remove_node(&handle);
            drop(node);
        }
    }

    /// Returns the dma-buf of a buffer: the same one for as long as its handle exists.
    pub(crate) fn export(&self, handle: u32) -> Result<ARef<DmaBuf>> {
        let buffer = self.get(handle)?;
        if let Some(buf) = self.exports.lock().get(&handle) {
            return Ok(buf.clone());
        }
        let buf = dma_buf::export(&buffer)?;
        let node = RBTreeNode::new(handle, buf.clone(), GFP_KERNEL_ACCOUNT)?;
        let mut exports = self.exports.lock();
        if let Some(faster) = exports.get(&handle) {
            let faster = faster.clone();
            drop(exports);
            return Ok(faster);
        }
        exports.insert(node);
        drop(exports);
        buffer.set_exported();
        // Closed meanwhile, and the handle perhaps given to another buffer?
        if !self.get(handle).is_ok_and(|now| Arc::ptr_eq(&now, &buffer)) {
            self.forget_exports(&buffer, handle);
        }
        Ok(buf)
    }
}

/// A handle that nobody can use yet; given back when dropped, unless committed.
pub(crate) struct Reserved<'a> {
    handles: &'a Handles,
    handle: u32,
    buffer: Option<Arc<Buffer>>,
}

impl Reserved<'_> {
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }
}

impl Commit for Reserved<'_> {
    fn commit(mut self) {
        if let Some(buffer) = self.buffer.take() {
            buffer.publish(self.handle);
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.buffer.is_some() {
            drop(self.handles.tree.remove(self.handle as usize));
        }
    }
}
