// SPDX-License-Identifier: GPL-2.0

//! The memory of a device's buffers: how much there is, and the DMA mappings, which must all be gone
//! when the device is unbound.

use kernel::{
    device::{
        Bound,
        Device, //
    },
    new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, Mutex,
    },
};
use kernel_ext::{
    dma::Mapping,
    pages::{
        Account,
        Pages, //
    }, //
};

/// Memory of one device.
#[pin_data]
pub(crate) struct Memory {
    used: Atomic<u64>,
    /// By address.
    #[pin]
    mappings: Mutex<RBTree<u64, Arc<Mapping>>>,
}

impl Memory {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                used: Atomic::new(0),
                mappings <- new_mutex!(RBTree::new(), "mappings"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the bytes that buffers take.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Counts `pages` until they are gone, user mappings included.
    pub(crate) fn count(self: &Arc<Self>, pages: &mut Pages) -> Result {
        let usage = Usage::new(self, pages.size() as u64);
        pages.account(KBox::new(usage, GFP_KERNEL_ACCOUNT)?);
        Ok(())
    }

    /// Maps `pages` for `dev` until the result is dropped or all mappings are revoked.
    pub(crate) fn map(
        self: &Arc<Self>,
        dev: &Device<Bound>,
        pages: &Arc<Pages>,
    ) -> Result<DeviceMapping> {
        // SAFETY: It is in `mappings` or dropped before we return, which is before the device is
        // unbound; then `revoke` takes what is in `mappings`.
        #[allow(unsafe_code)]
        let mapping = unsafe { Mapping::new(dev, pages.clone()) }?;
        let node = RBTreeNode::new(mapping.address(), mapping.clone(), GFP_KERNEL_ACCOUNT)?;
        self.mappings.lock().insert(node);
        Ok(DeviceMapping {
            memory: self.clone(),
            mapping,
        })
    }

    /// Undoes all mappings; the device must be quiet.
    pub(crate) fn revoke(&self) {
        let mut mappings = self.mappings.lock();
        for mapping in mappings.values() {
            mapping.revoke();
        }
        let tree = core::mem::replace(&mut *mappings, RBTree::new());
        drop(mappings);
        drop(tree);
    }
}

/// What pages take of a [`Memory`].
struct Usage {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Account for Usage {}

impl Usage {
    fn new(memory: &Arc<Memory>, bytes: u64) -> Self {
        memory.used.fetch_add(bytes, Relaxed);
        Self {
            memory: memory.clone(),
            bytes,
        }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// A buffer's pages as the device sees them.
pub(crate) struct DeviceMapping {
    memory: Arc<Memory>,
    mapping: Arc<Mapping>,
}

impl core::ops::Deref for DeviceMapping {
    type Target = Mapping;

    fn deref(&self) -> &Mapping {
        &self.mapping
    }
}

impl Drop for DeviceMapping {
    fn drop(&mut self) {
        let mut mappings = self.memory.mappings.lock();
        let node = mappings.remove_node(&self.mapping.address());
        // Under the lock, so that `Memory::revoke` does not return before it is done.
        self.mapping.revoke();
        drop(mappings);
        drop(node);
    }
}
