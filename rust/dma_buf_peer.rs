// SPDX-License-Identifier: GPL-2.0

//! dma-bufs of our own that are memory of a PCI device: other devices reach it without a way through
//! the host's memory, where the hardware between them allows that.
//!
//! Whether it does, `pci_p2pdma_distance_many()` decides alone. When the aperture is revoked, so are
//! all dma-bufs of it, so only importers that can be revoked are let in.
//!
//! C header: [`include/linux/dma-buf-mapping.h`](srctree/include/linux/dma-buf-mapping.h)

use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    mm::virt::VmaNew,
    new_condvar, new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        CondVar,
        Mutex, //
    },
};

use crate::{
    bindings as ext,
    dma_buf::DmaBuf,
    dma_resv::Resv,
    io_pages::IoPages, //
};

/// What can be exported: something that owns pages of an aperture. It lives until the last user of
/// the dma-buf is gone.
pub trait Exporter: Sized + Send + Sync + 'static {
    /// Name of the exporter in debugfs and fdinfo.
    const NAME: &'static CStr;

    /// Returns a static: its address tells our dma-bufs from those of others.
    fn operations() -> &'static Operations<Self>;

    /// Returns the module whose code this is; in use while a dma-buf is. A function of that module,
    /// not inlined: see [`module_use`](crate::module_use).
    fn owner() -> &'static ThisModule;

    /// Returns the memory.
    fn pages(&self) -> &Arc<IoPages>;

    /// Maps the memory into user space, beginning with page `first`.
    fn map(&self, vma: &VmaNew, first: usize) -> Result;

    /// Returns where the fences of those who use it are, and its lock.
    fn resv(&self) -> &Resv;
}

/// The dma-bufs of an aperture, by their addresses. One that is being released may still be here.
#[pin_data]
pub(crate) struct Exports {
    #[pin]
    list: Mutex<RBTree<usize, Arc<Users>>>,
}

/// Who has mapped a dma-buf.
#[pin_data]
struct Users {
    /// Nobody may any more; written with the reservation locked.
    is_revoked: Atomic<bool>,
    #[pin]
    count: Mutex<usize>,
    #[pin]
    changed: CondVar,
}

/// What a dma-buf has.
struct Private<E> {
    object: Arc<E>,
    users: Arc<Users>,
}

impl Exports {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(RBTree::new(), "exports"),
        })
    }

    /// Returns whether there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.list.lock().is_empty()
    }

    /// Revokes them all, and waits until nobody uses them; none may come any more.
    pub(crate) fn revoke(&self) {
        loop {
            let mut list = self.list.lock();
            let first = list.iter().next().map(|(raw, users)| (*raw, users.clone()));
            let Some((raw, users)) = first else {
                return;
            };
            let node = list.remove_node(&raw);
            let raw = raw as *mut bindings::dma_buf;
            // SAFETY: It is valid for as long as it is in the list, since `release` takes it out.
            let is_active = unsafe { ext::accel_helper_dma_buf_get_active(raw) };
            drop(list);
            drop(node);
            if is_active {
                // SAFETY: The reference is ours.
                let buf = unsafe { DmaBuf::from_owned(raw) };
                users.revoke(&buf);
            }
        }
    }
}

impl Users {
    fn revoke(&self, buf: &DmaBuf) {
        // SAFETY: The dma-buf is valid; `is_revoked` is written under its lock only.
        unsafe { ext::accel_helper_dma_buf_revoke(buf.as_raw(), self.is_revoked.as_ptr()) };
        // Importers that can be revoked unmap in bounded time.
        let mut count = self.count.lock();
        while *count > 0 {
            self.changed.wait(&mut count);
        }
    }

    fn add(&self) {
        *self.count.lock() += 1;
    }

    fn remove(&self) {
        *self.count.lock() -= 1;
        self.changed.notify_all();
    }
}

/// Exports `object`, for reading and writing.
///
/// # Errors
///
/// EOPNOTSUPP: there is no peer to peer here; ENODEV: the aperture was revoked; ENOMEM.
pub fn export<E: Exporter>(object: Arc<E>) -> Result<ARef<DmaBuf>> {
    let pages = object.pages().clone();
    let aperture = pages.aperture();
    // None is made once `Aperture::revoke` goes through them.
    let _live = aperture.enter().ok_or(ENODEV)?;
    if aperture.provider().is_none() {
        return Err(EOPNOTSUPP);
    }
    let users = Arc::pin_init(
        pin_init!(Users {
            is_revoked: Atomic::new(false),
            count <- new_mutex!(0, "dma_buf_users"),
            changed <- new_condvar!("dma_buf_users_changed"),
        }),
        GFP_KERNEL_ACCOUNT,
    )?;
    let room = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
    let resv = object.resv().as_raw();
    let private = Private {
        object,
        users: users.clone(),
    };
    let private = KBox::new(private, GFP_KERNEL_ACCOUNT)?;
    let private = KBox::into_raw(private);
    let info = bindings::dma_buf_export_info {
        exp_name: E::NAME.as_char_ptr(),
        owner: E::owner().as_ptr(),
        ops: &E::operations().0,
        size: pages.size(),
        flags: kernel::fs::file::flags::O_RDWR as c_int,
        resv,
        priv_: private.cast(),
    };
    // SAFETY: All of it is valid; the operations are those of a `Private<E>`.
    let raw = from_err_ptr(unsafe { bindings::dma_buf_export(&info) })
        // SAFETY: Came from `into_raw`, and nobody took it.
        .inspect_err(|_| drop(unsafe { KBox::from_raw(private) }))?;
    // SAFETY: The first reference is ours.
    let buf = unsafe { DmaBuf::from_owned(raw) };
    let node = room.into_node(raw as usize, users);
    let old = aperture.exports().list.lock().insert(node);
    drop(old);
    Ok(buf)
}

/// Returns what `buf` was exported from, if it was an `E`.
pub fn exported<E: Exporter>(buf: &DmaBuf) -> Option<Arc<E>> {
    // SAFETY: `ops` does not change.
    let ours = unsafe { core::ptr::eq((*buf.as_raw()).ops, &E::operations().0) };
    // SAFETY: Only `export::<E>` uses these operations.
    ours.then(|| unsafe { private::<E>(buf.as_raw()).as_ref().object.clone() })
}

/// The operations of dma-bufs of `E`; for statics.
pub struct Operations<E>(bindings::dma_buf_ops, PhantomData<fn(E)>);

// SAFETY: Immutable.
unsafe impl<E> Sync for Operations<E> {}

impl<E: Exporter> Operations<E> {
    /// Makes them.
    pub const fn new() -> Self {
        let operations = bindings::dma_buf_ops {
            attach: Some(attach::<E>),
            map_dma_buf: Some(map::<E>),
            unmap_dma_buf: Some(unmap::<E>),
            release: Some(release::<E>),
            mmap: Some(mmap::<E>),
            ..pin_init::zeroed()
        };
        Self(operations, PhantomData)
    }
}

impl<E: Exporter> Default for Operations<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// # Safety
///
/// `buf` must be a dma-buf from `export::<E>`. The result is valid until it is released.
unsafe fn private<E: Exporter>(buf: *mut bindings::dma_buf) -> NonNull<Private<E>> {
    // SAFETY: `priv` came from a box, so it is not null.
    unsafe { NonNull::new_unchecked((*buf).priv_.cast::<Private<E>>()) }
}

/// # Safety
///
/// As [`private`], at the end of the dma-buf.
unsafe extern "C" fn release<E: Exporter>(buf: *mut bindings::dma_buf) {
    // SAFETY: By the requirements of this function; the dma-buf gives it up.
    let private = unsafe { KBox::from_raw(private::<E>(buf).as_ptr()) };
    let exports = private.object.pages().aperture().exports();
    let node = exports.list.lock().remove_node(&(buf as usize));
    drop(node);
}

/// # Safety
///
/// `attachment` must be one of a dma-buf of [`private`] that is being made.
unsafe extern "C" fn attach<E: Exporter>(
    buf: *mut bindings::dma_buf,
    attachment: *mut bindings::dma_buf_attachment,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let private = unsafe { private::<E>(buf).as_ref() };
        // So that the device is still there when we ask how far it is.
        let aperture = private.object.pages().aperture();
        let _live = aperture.enter().ok_or(ENODEV)?;
        // SAFETY: As above; the device is bound.
        to_result(unsafe { ext::accel_helper_peer_attach(attachment, aperture.pdev()) })?;
        Ok(0)
    })
}

/// # Safety
///
/// `attachment` must be a valid one of a dma-buf of [`private`], with the reservation locked.
unsafe extern "C" fn map<E: Exporter>(
    attachment: *mut bindings::dma_buf_attachment,
    direction: bindings::dma_data_direction,
) -> *mut bindings::sg_table {
    // SAFETY: By the requirements of this function.
    let private = unsafe { private::<E>((*attachment).dmabuf).as_ref() };
    // SAFETY: As above.
    match unsafe { map_pages(private, attachment, direction) } {
        Ok(table) => table,
        Err(e) => e.to_ptr(),
    }
}

/// # Safety
///
/// As [`map`].
unsafe fn map_pages<E: Exporter>(
    private: &Private<E>,
    attachment: *mut bindings::dma_buf_attachment,
    direction: bindings::dma_data_direction,
) -> Result<*mut bindings::sg_table> {
    let pages = private.object.pages();
    let provider = pages.aperture().provider().ok_or(EOPNOTSUPP)?;
    let mut list = pages.physical()?;
    if private.users.is_revoked.load(Relaxed) {
        return Err(ENODEV);
    }
    // SAFETY: By the requirements of this function. The provider is there while it is not revoked,
    // which is as long as the reservation is locked, at least.
    let table = from_err_ptr(unsafe {
        ext::accel_helper_map_peer(
            attachment,
            provider.as_ptr(),
            list.as_mut_ptr(),
            list.len(),
            pages.size(),
            direction,
        )
    })?;
    private.users.add();
    Ok(table)
}

/// # Safety
///
/// `table` must be what [`map`] returned for `attachment`.
unsafe extern "C" fn unmap<E: Exporter>(
    attachment: *mut bindings::dma_buf_attachment,
    table: *mut bindings::sg_table,
    direction: bindings::dma_data_direction,
) {
    // SAFETY: By the requirements of this function.
    unsafe {
        ext::accel_helper_unmap_peer(attachment, table, direction);
        private::<E>((*attachment).dmabuf).as_ref().users.remove();
    }
}

/// # Safety
///
/// As [`private`]; `vma` must be one that is being set up.
unsafe extern "C" fn mmap<E: Exporter>(
    buf: *mut bindings::dma_buf,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let (private, vma) = unsafe { (private::<E>(buf).as_ref(), VmaNew::from_raw(vma)) };
        private.object.map(vma, crate::chrdev::page_offset(vma))?;
        Ok(0)
    })
}
