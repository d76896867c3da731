// SPDX-License-Identifier: GPL-2.0

//! dma-bufs: memory of any driver, held by a file descriptor; taking part in those of others.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    dma::DataDirection,
    error::{
        from_err_ptr,
        to_result, //
    },
    fs::File,
    mm::virt::VmaNew,
    new_mutex,
    prelude::*,
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        },
        Arc,
        Mutex, //
    },
    types::Opaque,
};

use crate::{
    bindings as ext,
    device::as_raw,
    dma_resv::Resv, //
};

/// A dma-buf. Counted by its file.
#[repr(transparent)]
pub struct DmaBuf(Opaque<bindings::dma_buf>);

// SAFETY: A dma-buf has its own locks.
unsafe impl Send for DmaBuf {}
// SAFETY: As above.
unsafe impl Sync for DmaBuf {}

// SAFETY: The dma-buf lives as long as its file, which is counted.
unsafe impl AlwaysRefCounted for DmaBuf {
    fn inc_ref(&self) {
        // SAFETY: `self` is valid.
        unsafe { ext::accel_helper_get_dma_buf(self.as_raw()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: By the requirements of this function.
        unsafe { bindings::dma_buf_put(this.as_ptr().cast()) };
    }
}

impl DmaBuf {
    /// Returns the dma-buf of a file descriptor of the current process. EBADF: not open; EINVAL: no
    /// dma-buf.
    pub fn from_fd(fd: i32) -> Result<ARef<Self>> {
        // SAFETY: Any number will do.
        let raw = from_err_ptr(unsafe { bindings::dma_buf_get(fd) })?;
        // SAFETY: Valid, and the reference is ours.
        Ok(unsafe { Self::from_owned(raw) })
    }

    /// # Safety
    ///
    /// `raw` must be valid, and the caller must give up a reference to it.
    pub(crate) unsafe fn from_owned(raw: *mut bindings::dma_buf) -> ARef<Self> {
        // SAFETY: By the requirements of this function.
        unsafe { ARef::from_raw(NonNull::new_unchecked(raw.cast())) }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::dma_buf {
        self.0.get()
    }

    /// Returns the file behind its descriptors.
    pub fn file(&self) -> ARef<File> {
        // SAFETY: Valid as long as `self` is; never a file with a light reference (fdget).
        ARef::from(unsafe { File::from_raw_file((*self.as_raw()).file) })
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> usize {
        // SAFETY: Does not change.
        unsafe { (*self.as_raw()).size }
    }

    /// Waits until the CPU may use it, and makes what devices wrote visible to it. The direction is
    /// that of a device: the CPU reads what comes from it, and writes what goes to it.
    ///
    /// # Errors
    ///
    /// ERESTARTSYS: a signal; or what the exporter says.
    pub fn begin_cpu_access(&self, direction: DataDirection) -> Result {
        // SAFETY: `self` is valid.
        to_result(unsafe { bindings::dma_buf_begin_cpu_access(self.as_raw(), direction.into()) })
    }

    /// Makes what the CPU wrote visible to devices. The errors are the exporter's.
    pub fn end_cpu_access(&self, direction: DataDirection) -> Result {
        // SAFETY: `self` is valid.
        to_result(unsafe { bindings::dma_buf_end_cpu_access(self.as_raw(), direction.into()) })
    }

    /// Returns the fences of those who use it, and its lock.
    #[inline]
    pub fn resv(&self) -> &Resv {
        // SAFETY: Does not change, and lives as long as `self`.
        unsafe { Resv::from_raw((*self.as_raw()).resv) }
    }

    /// Maps it into user space from page `first` on; the mapping becomes one of the dma-buf's file.
    pub fn mmap(&self, vma: &VmaNew, first: usize) -> Result {
        // SAFETY: The VMA is being set up.
        to_result(unsafe { bindings::dma_buf_mmap(self.as_raw(), vma.as_ptr(), first) })
    }
}

/// A dma-buf mapped for a device, in both directions, until revoked or dropped.
#[pin_data(PinnedDrop)]
pub struct Attachment {
    address: Option<u64>,
    #[pin]
    mapped: Mutex<Option<Mapped>>,
}

/// An attachment that is mapped; both is undone when it is dropped.
///
/// # Invariants
///
/// `attachment` is one of `buf` and mapped by `table`.
struct Mapped {
    buf: ARef<DmaBuf>,
    attachment: NonNull<bindings::dma_buf_attachment>,
    table: NonNull<bindings::sg_table>,
}

// SAFETY: The dma-buf has its own locks.
unsafe impl Send for Mapped {}

const DIRECTION: bindings::dma_data_direction = bindings::dma_data_direction::DMA_BIDIRECTIONAL;

impl Mapped {
    fn new(dev: &Device<Bound>, buf: &DmaBuf) -> Result<Self> {
        // SAFETY: Both are valid.
        let attachment = from_err_ptr(unsafe {
            bindings::dma_buf_attach(buf.as_raw(), as_raw(dev)) //
        })?;
        // SAFETY: Just attached.
        let table = from_err_ptr(unsafe {
            bindings::dma_buf_map_attachment_unlocked(attachment, DIRECTION)
        })
        .inspect_err(|_| {
            // SAFETY: Just attached, and nobody else knows.
            unsafe { bindings::dma_buf_detach(buf.as_raw(), attachment) };
        })?;
        // INVARIANT: Just attached and mapped.
        Ok(Self {
            buf: buf.into(),
            attachment: NonNull::new(attachment).ok_or(EINVAL)?,
            table: NonNull::new(table).ok_or(EINVAL)?,
        })
    }

    /// Returns where the device sees the buffer, if it sees it in one piece.
    fn contiguous_address(&self) -> Option<u64> {
        let mut address = 0;
        // SAFETY: By the type invariants the table is valid.
        let len = unsafe { ext::accel_helper_sg_contiguous(self.table.as_ptr(), &mut address) };
        (len >= self.buf.size()).then_some(address)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let attachment = self.attachment.as_ptr();
        // SAFETY: By the type invariants.
        unsafe {
            bindings::dma_buf_unmap_attachment_unlocked(attachment, self.table.as_ptr(), DIRECTION);
            bindings::dma_buf_detach(self.buf.as_raw(), attachment);
        }
    }
}

impl Attachment {
    /// Maps `buf` for `dev`. The errors are the exporter's.
    ///
    /// # Safety
    ///
    /// Must be revoked before `dev` is unbound.
    pub unsafe fn new(dev: &Device<Bound>, buf: &DmaBuf) -> Result<Arc<Self>> {
        let mapped = Mapped::new(dev, buf)?;
        Arc::pin_init(
            pin_init!(Self {
                address: mapped.contiguous_address(),
                mapped <- new_mutex!(Some(mapped), "dma_buf_attachment"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns where the device sees the buffer, if it sees it in one piece.
    pub fn contiguous_address(&self) -> Option<u64> {
        self.address
    }

    /// Undoes the mapping; the device must not use it any more. Of two concurrent calls the second
    /// one returns after it is undone, too.
    pub fn revoke(&self) {
        let mut mapped = self.mapped.lock();
        drop(mapped.take());
    }
}

#[pinned_drop]
impl PinnedDrop for Attachment {
    fn drop(self: Pin<&mut Self>) {
        self.revoke();
    }
}

/// A dma-buf mapped for the kernel's CPUs.
///
/// # Invariants
///
/// `map` is what the dma-buf is mapped by, of normal memory.
pub struct Vmap {
    buf: ARef<DmaBuf>,
    map: bindings::iosys_map,
}

// SAFETY: The memory is shared with others anyhow; all access is by raw copies.
unsafe impl Send for Vmap {}
// SAFETY: As above.
unsafe impl Sync for Vmap {}

impl Vmap {
    /// Maps `buf`. EOPNOTSUPP: the exporter cannot, or it is no normal memory.
    pub fn new(buf: &DmaBuf) -> Result<Self> {
        let mut map = bindings::iosys_map::default();
        // SAFETY: Both are valid.
        to_result(unsafe { bindings::dma_buf_vmap_unlocked(buf.as_raw(), &mut map) })
            .map_err(|e| if e == EINVAL { EOPNOTSUPP } else { e })?;
        // INVARIANT: Just mapped; what is not normal memory is unmapped when dropped here.
        let this = Self {
            buf: buf.into(),
            map,
        };
        match this.map.is_iomem {
            true => Err(EOPNOTSUPP),
            false => Ok(this),
        }
    }

    /// Returns the address of a range. EINVAL: it is not in the buffer.
    fn at(&self, offset: usize, len: usize) -> Result<*mut u8> {
        let end = offset.checked_add(len).ok_or(EINVAL)?;
        if end > self.buf.size() {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariants it is normal memory.
        let base = unsafe { self.map.__bindgen_anon_1.vaddr };
        Ok(base.cast::<u8>().wrapping_add(offset))
    }

    /// Copies bytes out. Others may change them meanwhile.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result {
        let from = self.at(offset, data.len())?;
        // SAFETY: In range; shared memory, hence a raw copy and never a reference.
        unsafe { core::ptr::copy_nonoverlapping(from, data.as_mut_ptr(), data.len()) };
        Ok(())
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, data: &[u8]) -> Result {
        let to = self.at(offset, data.len())?;
        // SAFETY: As in `read`.
        unsafe { core::ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) };
        Ok(())
    }

    /// Sets all bytes.
    pub fn fill(&self, value: u8) {
        if let Ok(to) = self.at(0, self.buf.size()) {
            // SAFETY: As in `read`.
            unsafe { core::ptr::write_bytes(to, value, self.buf.size()) };
        }
    }
}

impl Drop for Vmap {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::dma_buf_vunmap_unlocked(self.buf.as_raw(), &mut self.map) };
    }
}
