// SPDX-License-Identifier: GPL-2.0

//! dma-bufs of our own: pages that others attach to, map and hold for as long as they like.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    mm::virt::VmaNew,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};

use crate::{
    bindings as ext,
    dma_buf::DmaBuf,
    dma_resv::{
        Resv,
        Usage, //
    },
    pages::{
        Caching,
        Pages, //
    },
    sg_table::MappedTable,
};

/// What can be exported: something that owns pages. It lives until the last user of the dma-buf is
/// gone, whatever happens to the device.
pub trait Exporter: Sized + Send + Sync + 'static {
    /// Name of the exporter in debugfs and fdinfo.
    const NAME: &'static CStr;

    /// Returns the module whose code this is; in use while a dma-buf is. A function of that module,
    /// not inlined: see [`module_use`](crate::module_use).
    fn owner() -> &'static ThisModule;

    /// Returns a static: its address tells our dma-bufs from those of others.
    fn operations() -> &'static Operations<Self>;

    /// Returns the memory.
    fn pages(&self) -> &Arc<Pages>;

    /// Maps the memory into user space, beginning with page `first`.
    fn map(&self, vma: &VmaNew, first: usize) -> Result;

    /// Returns the fences of those who use the memory, and its lock; always the same one.
    fn resv(&self) -> &Resv;

    /// The CPU is about to look at what devices wrote; those that it must wait for have ended.
    fn begin_cpu_access(&self);

    /// The CPU has written.
    fn end_cpu_access(&self);
}

/// Exports `object`; `flags` are of open(2), O_RDWR or O_RDONLY. Its pages are never purged then;
/// EINVAL: they were.
pub fn export<E: Exporter>(object: Arc<E>, flags: u32) -> Result<ARef<DmaBuf>> {
    // Others may use them at any time from now on.
    if !object.pages().gate().keep() {
        return Err(EINVAL);
    }
    let (size, resv) = (object.pages().size(), object.resv().as_raw());
    let private = Arc::into_raw(object).cast_mut();
    let info = bindings::dma_buf_export_info {
        exp_name: E::NAME.as_char_ptr(),
        owner: E::owner().as_ptr(),
        ops: &E::operations().0,
        size,
        flags: flags as c_int,
        resv,
        priv_: private.cast(),
    };
    // SAFETY: All of it is valid; the operations are those of an `Arc<E>`. `resv` lives as long as
    // the object, of which nobody can get a `&mut` while the dma-buf has a reference.
    match from_err_ptr(unsafe { bindings::dma_buf_export(&info) }) {
        // SAFETY: The first reference is ours.
        Ok(raw) => Ok(unsafe { DmaBuf::from_owned(raw) }),
        Err(e) => {
            // SAFETY: Came from `into_raw`, and nobody took it.
            drop(unsafe { Arc::from_raw(private) });
            Err(e)
        }
    }
}

/// Returns what `buf` was exported from, if it was an `E`.
pub fn exported<E: Exporter>(buf: &DmaBuf) -> Option<Arc<E>> {
    // SAFETY: `ops` does not change.
    let ours = unsafe { core::ptr::eq((*buf.as_raw()).ops, &E::operations().0) };
    // SAFETY: Only `export::<E>` uses these operations; the dma-buf owns a reference.
    ours.then(|| unsafe { borrow::<E>(buf.as_raw()) })
}

/// The operations of dma-bufs of `E`; for statics.
pub struct Operations<E>(bindings::dma_buf_ops, PhantomData<fn(E)>);

// SAFETY: Immutable.
unsafe impl<E> Sync for Operations<E> {}

impl<E: Exporter> Operations<E> {
    /// Makes them.
    pub const fn new() -> Self {
        let operations = bindings::dma_buf_ops {
            map_dma_buf: Some(map::<E>),
            unmap_dma_buf: Some(unmap),
            release: Some(release::<E>),
            begin_cpu_access: Some(begin_cpu_access::<E>),
            end_cpu_access: Some(end_cpu_access::<E>),
            mmap: Some(mmap::<E>),
            vmap: Some(vmap::<E>),
            vunmap: Some(vunmap),
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
/// `buf` must be a dma-buf from `export::<E>` that is not being released.
unsafe fn borrow<E: Exporter>(buf: *mut bindings::dma_buf) -> Arc<E> {
    // SAFETY: `priv` is a reference that the dma-buf owns; this is another one.
    let object = core::mem::ManuallyDrop::new(unsafe { Arc::from_raw((*buf).priv_.cast::<E>()) });
    Arc::clone(&object)
}

/// # Safety
///
/// As [`borrow`], at the end of the dma-buf.
unsafe extern "C" fn release<E: Exporter>(buf: *mut bindings::dma_buf) {
    // SAFETY: The dma-buf gives its reference up.
    drop(unsafe { Arc::from_raw((*buf).priv_.cast::<E>()) });
}

/// # Safety
///
/// `attachment` must be a valid one of a dma-buf of [`borrow`], with the reservation locked.
unsafe extern "C" fn map<E: Exporter>(
    attachment: *mut bindings::dma_buf_attachment,
    direction: bindings::dma_data_direction,
) -> *mut bindings::sg_table {
    // SAFETY: By the requirements of this function.
    let (object, dev) = unsafe { (borrow::<E>((*attachment).dmabuf), (*attachment).dev) };
    // SAFETY: The exporter of an attachment's dma-buf may map for its device; the pages stay as long
    // as the dma-buf.
    let table = unsafe { MappedTable::new(object.pages(), dev, direction) };
    match table.and_then(|table| Ok(KBox::new(table, GFP_KERNEL_ACCOUNT)?)) {
        Ok(table) => {
            let raw = table.as_raw();
            // SAFETY: `priv` is ours; the reservation protects it.
            unsafe { (*attachment).priv_ = KBox::into_raw(table).cast() };
            raw
        }
        Err(e) => e.to_ptr(),
    }
}

/// # Safety
///
/// `attachment` must be one that [`map`] mapped.
unsafe extern "C" fn unmap(
    attachment: *mut bindings::dma_buf_attachment,
    _table: *mut bindings::sg_table,
    _direction: bindings::dma_data_direction,
) {
    // SAFETY: By the requirements of this function `priv` came from `KBox::into_raw` in `map`.
    unsafe {
        let table = KBox::from_raw((*attachment).priv_.cast::<MappedTable>());
        (*attachment).priv_ = core::ptr::null_mut();
        drop(table);
    }
}

/// Syncs what is mapped for others, for the CPU or for them.
///
/// # Safety
///
/// As [`begin_cpu_access`].
unsafe fn sync(buf: *mut bindings::dma_buf, for_cpu: bool) {
    // SAFETY: By the requirements of this function.
    unsafe { ext::accel_helper_dma_buf_for_each(buf, Some(sync_attachment), for_cpu) };
}

/// # Safety
///
/// `table` must be null or a `MappedTable`.
unsafe extern "C" fn sync_attachment(table: *mut c_void, for_cpu: bool) {
    // SAFETY: By the requirements of this function.
    if let Some(table) = unsafe { table.cast::<MappedTable>().as_ref() } {
        table.sync(for_cpu);
    }
}

/// # Safety
///
/// As [`borrow`], with the reservation unlocked; `priv` of its attachments must be null or what
/// [`map`] made.
unsafe extern "C" fn begin_cpu_access<E: Exporter>(
    buf: *mut bindings::dma_buf,
    direction: bindings::dma_data_direction,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let object = unsafe { borrow::<E>(buf) };
        // The caller waits as well, but only after this: too late for what is done here.
        object.resv().wait(usage(direction).waits_for(), u64::MAX)?;
        object.begin_cpu_access();
        // SAFETY: As above.
        unsafe { sync(buf, true) };
        Ok(0)
    })
}

/// Returns how the CPU uses memory that it accesses so.
fn usage(direction: bindings::dma_data_direction) -> Usage {
    match direction {
        bindings::dma_data_direction::DMA_FROM_DEVICE => Usage::Read,
        _ => Usage::Write,
    }
}

/// # Safety
///
/// As [`begin_cpu_access`].
unsafe extern "C" fn end_cpu_access<E: Exporter>(
    buf: *mut bindings::dma_buf,
    _direction: bindings::dma_data_direction,
) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe {
        borrow::<E>(buf).end_cpu_access();
        sync(buf, false);
    }
    0
}

/// # Safety
///
/// As [`borrow`]; `vma` must be one that is being set up.
unsafe extern "C" fn mmap<E: Exporter>(
    buf: *mut bindings::dma_buf,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let (object, vma) = unsafe { (borrow::<E>(buf), VmaNew::from_raw(vma)) };
        object.map(vma, crate::chrdev::page_offset(vma))?;
        Ok(0)
    })
}

/// # Safety
///
/// As [`borrow`]; `map` must be valid.
unsafe extern "C" fn vmap<E: Exporter>(
    buf: *mut bindings::dma_buf,
    map: *mut bindings::iosys_map,
) -> c_int {
    from_result(|| {
        // SAFETY: By the requirements of this function.
        let object = unsafe { borrow::<E>(buf) };
        let pages = object.pages();
        let mut list = KVVec::with_capacity(pages.count(), GFP_KERNEL)?;
        for page in (0..pages.count()).map_while(|index| pages.page(index)) {
            list.push(page, GFP_KERNEL)?;
        }
        let is_wc = pages.caching() == Caching::WriteCombined;
        // SAFETY: The pages stay as long as the dma-buf.
        to_result(unsafe { ext::accel_helper_vmap(list.as_mut_ptr(), list.len(), is_wc, map) })?;
        Ok(0)
    })
}

/// # Safety
///
/// `map` must be what [`vmap`] made.
unsafe extern "C" fn vunmap(_buf: *mut bindings::dma_buf, map: *mut bindings::iosys_map) {
    // SAFETY: By the requirements of this function.
    unsafe { ext::accel_helper_vunmap(map) };
}
