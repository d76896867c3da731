// SPDX-License-Identifier: GPL-2.0

//! Taking part in the dma-bufs of others: mapped for a device, until one of both sides ends it.
//!
//! The memory is pinned, so its exporter does not move it, but may take it away for ever, with
//! notice: then what uses it ends (its fences are in the reservation; [`User`] lets go of the rest),
//! and it is unmapped. So memory of other devices can be used, which go when they like.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

use core::{
    cell::UnsafeCell,
    ptr::null_mut, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    workqueue::{
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    },
};

use crate::{
    bindings as ext,
    device::as_raw,
    dma_buf::DmaBuf,
    sg_table::Segment,
    workqueue::{
        cancel_sync,
        system_dfl, //
    }, //
};

const DIRECTION: bindings::dma_data_direction = bindings::dma_data_direction::DMA_BIDIRECTIONAL;

/// Who has a device use dma-bufs.
pub trait User: Send + Sync {
    /// The exporter takes memory away: [`Attachment::id`] says which. Returns whether, but for work
    /// whose fences are in the reservation, the device does not use it any more; if not, it stays
    /// mapped until the attachment is revoked. May sleep; must not drop an attachment.
    fn let_go(&self, id: usize) -> bool;
}

/// How a device sees memory.
pub struct Segments {
    /// In order.
    pub segments: KVVec<Segment>,
    /// It is memory of another device.
    pub is_peer: bool,
}

/// A dma-buf mapped for a device, in both directions, until revoked or dropped.
pub struct Attachment(Arc<Inner>);

/// What the C attachment has, too, in its `importer_priv`.
///
/// # Invariants
///
/// `raw` is attached to `buf` while `is_attached` is true, and has a reference to this then. `table`
/// is what it is mapped by, or null; the reservation of `buf` protects it.
#[pin_data]
struct Inner {
    buf: ARef<DmaBuf>,
    raw: UnsafeCell<*mut bindings::dma_buf_attachment>,
    is_attached: Atomic<bool>,
    table: UnsafeCell<*mut bindings::sg_table>,
    address: Atomic<u64>,
    /// `address` is where the device sees all of it.
    is_contiguous: Atomic<bool>,
    /// It is memory of another device.
    is_peer: Atomic<bool>,
    /// The exporter takes it away.
    is_revoked: Atomic<bool>,
    user: Arc<dyn User>,
    #[pin]
    unmap: Work<Self>,
}

// SAFETY: The dma-buf has its own locks; `raw` is written once, before anybody else has it.
unsafe impl Send for Inner {}
// SAFETY: As above.
unsafe impl Sync for Inner {}

impl_has_work! {
    impl HasWork<Self> for Inner { self.unmap }
}

struct Operations(bindings::dma_buf_attach_ops);

// SAFETY: Immutable.
unsafe impl Sync for Operations {}

static OPERATIONS: Operations = Operations(bindings::dma_buf_attach_ops {
    allow_peer2peer: true,
    invalidate_mappings: Some(invalidate),
});

impl Attachment {
    /// Maps `buf` for `dev`, on behalf of `user`. The errors are the exporter's.
    ///
    /// # Safety
    ///
    /// Must be revoked before `dev` is unbound.
    pub unsafe fn new(dev: &Device<Bound>, buf: &DmaBuf, user: Arc<dyn User>) -> Result<Arc<Self>> {
        let inner = Arc::pin_init(
            // INVARIANT: Not attached.
            pin_init!(Inner {
                buf: buf.into(),
                raw: UnsafeCell::new(null_mut()),
                is_attached: Atomic::new(false),
                table: UnsafeCell::new(null_mut()),
                address: Atomic::new(0),
                is_contiguous: Atomic::new(false),
                is_peer: Atomic::new(false),
                is_revoked: Atomic::new(false),
                user,
                unmap <- new_work!("dma_buf_unmap"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let this = Arc::new(Self(inner), GFP_KERNEL_ACCOUNT)?;
        this.0.attach(dev)?;
        // If it fails, dropping `this` detaches.
        this.0.map()?;
        Ok(this)
    }

    /// Returns where the device sees the buffer, if it sees it in one piece, and it was not revoked.
    pub fn contiguous_address(&self) -> Option<u64> {
        let is_contiguous = self.0.is_contiguous.load(Acquire);
        is_contiguous.then(|| self.0.address.load(Acquire))
    }

    /// Returns how the device sees the buffer. May sleep. ENODEV: it was taken away; ENOMEM.
    pub fn segments(&self) -> Result<Segments> {
        let mut segments = KVVec::new();
        loop {
            let count = self.0.store_segments(&mut segments);
            if count == 0 || self.is_revoked() {
                return Err(ENODEV);
            }
            if count <= segments.len() {
                let is_peer = self.0.is_peer.load(Relaxed);
                return Ok(Segments { segments, is_peer });
            }
            segments = KVVec::from_elem(Segment::default(), count, GFP_KERNEL_ACCOUNT)?;
        }
    }

    /// Returns whether the exporter has taken the memory away, or is about to. Whoever had the device
    /// use it before this became true is told by [`User::let_go`] after that.
    pub fn is_revoked(&self) -> bool {
        self.0.is_revoked.load(Acquire)
    }

    /// Returns a number that tells it from all others.
    pub fn id(&self) -> usize {
        self.0.id()
    }

    /// Undoes the mapping; the device must not use it any more. Of two concurrent calls the second
    /// may return before it is undone.
    pub fn revoke(&self) {
        Inner::detach(&self.0);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.revoke();
    }
}

impl Inner {
    fn attach(self: &Arc<Self>, dev: &Device<Bound>) -> Result {
        let cookie = Arc::into_raw(self.clone()).cast_mut();
        // SAFETY: All are valid. `invalidate` may come from now on, but does nothing while nothing is
        // mapped.
        let raw = from_err_ptr(unsafe {
            bindings::dma_buf_dynamic_attach(
                self.buf.as_raw(),
                as_raw(dev),
                &OPERATIONS.0,
                cookie.cast(),
            )
        })
        // SAFETY: Came from `into_raw`, and nobody took it.
        .inspect_err(|_| drop(unsafe { Arc::from_raw(cookie.cast_const()) }))?;
        // SAFETY: Nobody reads it before `is_attached` is true.
        unsafe { *self.raw.get() = raw };
        // INVARIANT: Just attached, with `cookie`.
        self.is_attached.store(true, Release);
        Ok(())
    }

    fn map(&self) -> Result {
        // SAFETY: Attached; all but the first are written with the reservation locked, so that
        // `invalidate` comes before or after it.
        to_result(unsafe {
            ext::accel_helper_dma_buf_map_pinned(
                *self.raw.get(),
                self.table.get(),
                self.address.as_ptr(),
                self.is_contiguous.as_ptr(),
                self.is_peer.as_ptr(),
                DIRECTION,
            )
        })
    }

    fn id(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    /// Stores as many segments as there is room for; returns how many there are.
    fn store_segments(&self, room: &mut [Segment]) -> usize {
        // SAFETY: All are valid; a segment is two numbers. The reservation, which protects `table`, is
        // locked there.
        unsafe {
            ext::accel_helper_dma_buf_segments(
                self.buf.as_raw(),
                self.table.get(),
                room.as_mut_ptr().cast(),
                room.len(),
            )
        }
    }

    /// Takes the mapping away, if nobody was faster; if `wait`, after all jobs that may use it.
    fn unmap(&self, wait: bool) {
        // SAFETY: Attached: `detach` waits for us. The reservation protects `table`.
        unsafe {
            ext::accel_helper_dma_buf_unmap_pinned(
                *self.raw.get(),
                self.table.get(),
                DIRECTION,
                wait,
            );
        }
    }

    fn detach(this: &Arc<Self>) {
        if !this.is_attached.xchg(false, Full) {
            return;
        }
        this.is_contiguous.store(false, Release);
        this.unmap(false);
        // Nothing is mapped, so `invalidate` asks for no more.
        cancel_sync::<Self, 0>(this);
        // SAFETY: By the type invariants it is attached, and only we saw that. The reference is what
        // it was attached with; `invalidate` does not come any more.
        unsafe {
            let raw = *this.raw.get();
            let cookie = (*raw).importer_priv.cast_const().cast::<Self>();
            bindings::dma_buf_detach(this.buf.as_raw(), raw);
            drop(Arc::from_raw(cookie));
        }
    }
}

impl WorkItem for Inner {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if this.user.let_go(this.id()) {
            this.unmap(true);
        }
    }
}

/// The exporter takes the memory away.
///
/// # Safety
///
/// `attachment` must be one of [`Inner::attach`], with the reservation locked.
unsafe extern "C" fn invalidate(attachment: *mut bindings::dma_buf_attachment) {
    // SAFETY: By the requirements of this function; the attachment owns a reference.
    let inner = core::mem::ManuallyDrop::new(unsafe {
        Arc::from_raw((*attachment).importer_priv.cast_const().cast::<Inner>())
    });
    // SAFETY: The reservation is locked.
    if unsafe { !(*inner.table.get()).is_null() } {
        inner.is_contiguous.store(false, Release);
        inner.is_revoked.store(true, Release);
        let _ = system_dfl().enqueue(Arc::clone(&inner));
    }
}
