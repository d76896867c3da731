// SPDX-License-Identifier: GPL-2.0

//! The memory of a device's buffers: which they are, and the DMA mappings, which must all be gone
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
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    dma::Mapping,
    dma_buf::DmaBuf,
    dma_buf_attachment::{
        Attachment,
        Segments,
        User, //
    },
    mirror::Mirror,
    pages::Pages,
    tracker::Tracker,
    user_mappings::UserMappings, //
};

use crate::buffer;

/// Memory of one device.
#[pin_data]
pub(crate) struct Memory {
    /// All buffers, whoever holds them.
    #[pin]
    pub(crate) buffers: Tracker<buffer::Inner>,
    user_mappings: Arc<UserMappings>,
    /// By their own addresses.
    #[pin]
    mappings: Mutex<RBTree<usize, Mapped>>,
}

/// How the device reaches a buffer.
#[derive(Clone)]
enum Mapped {
    Pages(Arc<Mapping>),
    Imported(Arc<Attachment>),
    Mirror(Arc<Mirror>),
}

impl Mapped {
    fn revoke(&self) {
        match self {
            Mapped::Pages(mapping) => mapping.revoke(),
            Mapped::Imported(attachment) => attachment.revoke(),
            Mapped::Mirror(mirror) => mirror.revoke(),
        }
    }

    /// Returns a number that tells it from all others.
    fn id(&self) -> usize {
        match self {
            Mapped::Pages(mapping) => Arc::as_ptr(mapping) as usize,
            Mapped::Imported(attachment) => attachment.id(),
            Mapped::Mirror(mirror) => mirror.id(),
        }
    }
}

impl Memory {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let user_mappings = Arc::new(UserMappings::new(c"[accel]")?, GFP_KERNEL)?;
        Arc::pin_init(
            pin_init!(Self {
                buffers <- Tracker::new(),
                user_mappings,
                mappings <- new_mutex!(RBTree::new(), "mappings"),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the bytes of system memory that buffers take.
    pub(crate) fn used(&self) -> u64 {
        self.buffers.sum()
    }

    /// Returns where user mappings of all buffers are found.
    pub(crate) fn user_mappings(&self) -> &Arc<UserMappings> {
        &self.user_mappings
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
        self.keep(Mapped::Pages(mapping))
    }

    /// Maps `buf` for `dev`, likewise, until its exporter takes it away, of which `user` is told.
    pub(crate) fn import(
        self: &Arc<Self>,
        dev: &Device<Bound>,
        buf: &DmaBuf,
        user: Arc<dyn User>,
    ) -> Result<DeviceMapping> {
        // SAFETY: As in `map`.
        #[allow(unsafe_code)]
        let attachment = unsafe { Attachment::new(dev, buf, user) }?;
        self.keep(Mapped::Imported(attachment))
    }

    /// Has `dev` use `mirror` likewise.
    pub(crate) fn follow(
        self: &Arc<Self>,
        dev: &Device<Bound>,
        mirror: &Arc<Mirror>,
    ) -> Result<DeviceMapping> {
        // SAFETY: As in `map`; `keep` drops it if it fails.
        #[allow(unsafe_code)]
        unsafe {
            mirror.attach(dev)
        };
        let kept = self.keep(Mapped::Mirror(mirror.clone()));
        if kept.is_err() {
            mirror.revoke();
        }
        kept
    }

    fn keep(self: &Arc<Self>, mapped: Mapped) -> Result<DeviceMapping> {
        let node = RBTreeNode::new(mapped.id(), mapped.clone(), GFP_KERNEL_ACCOUNT)?;
        self.mappings.lock().insert(node);
        Ok(DeviceMapping {
            memory: self.clone(),
            mapped,
        })
    }

    /// Undoes all mappings; the device must be quiet.
    pub(crate) fn revoke(&self) {
        // They stay where they are until their users drop them: for some that takes user space.
        let mappings = self.mappings.lock();
        for mapping in mappings.values() {
            mapping.revoke();
        }
    }
}

/// A buffer as the device sees it.
pub(crate) struct DeviceMapping {
    memory: Arc<Memory>,
    mapped: Mapped,
}

impl DeviceMapping {
    /// Undoes it and gives the pages back, if nobody else uses them; returns whether it did. Only
    /// tries to take locks.
    pub(crate) fn purge(&self) -> bool {
        // So that `Memory::revoke` does not return before it is done.
        match (&self.mapped, self.memory.mappings.try_lock()) {
            (Mapped::Pages(mapping), Some(_mappings)) => mapping.purge(),
            _ => false,
        }
    }

    /// Returns where the device sees it, if it sees it in one piece.
    pub(crate) fn contiguous_address(&self) -> Option<u64> {
        match &self.mapped {
            Mapped::Pages(mapping) => mapping.contiguous_address(),
            Mapped::Imported(attachment) => attachment.contiguous_address(),
            Mapped::Mirror(_) => None,
        }
    }

    /// Returns how the device sees it; a mirror that is out of place has no segments. ENODEV: the device
    /// is gone, or who exported it took it away; ENOMEM.
    pub(crate) fn segments(&self) -> Result<Segments> {
        match &self.mapped {
            Mapped::Pages(mapping) => Ok(Segments {
                segments: mapping.segments()?,
                is_peer: false,
            }),
            Mapped::Imported(attachment) => attachment.segments(),
            Mapped::Mirror(mirror) => Ok(Segments {
                segments: mirror.segments()?,
                is_peer: false,
            }),
        }
    }

    /// Returns whether who exported it takes it away.
    pub(crate) fn is_revoked(&self) -> bool {
        match &self.mapped {
            Mapped::Pages(_) | Mapped::Mirror(_) => false,
            Mapped::Imported(attachment) => attachment.is_revoked(),
        }
    }

    /// Returns a number that tells it from all others.
    pub(crate) fn id(&self) -> usize {
        self.mapped.id()
    }

    /// Makes what the CPU wrote visible to the device. For what was imported that is up to who
    /// writes (`DMA_BUF_IOCTL_SYNC`).
    pub(crate) fn sync_for_device(&self) {
        if let Mapped::Pages(mapping) = &self.mapped {
            mapping.sync_for_device();
        }
    }

    /// Makes what the device wrote visible to the CPU, likewise.
    pub(crate) fn sync_for_cpu(&self) {
        if let Mapped::Pages(mapping) = &self.mapped {
            mapping.sync_for_cpu();
        }
    }
}

impl Drop for DeviceMapping {
    fn drop(&mut self) {
        let mut mappings = self.memory.mappings.lock();
        let node = mappings.remove_node(&self.mapped.id());
        // Under the lock, so that `Memory::revoke` does not return before it is done.
        self.mapped.revoke();
        drop(mappings);
        drop(node);
    }
}
