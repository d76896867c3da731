// SPDX-License-Identifier: GPL-2.0

//! dma-bufs: memory of any driver, held by a file descriptor.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

use core::ptr::NonNull;
use kernel::{
    bindings,
    dma::DataDirection,
    error::{
        from_err_ptr,
        to_result, //
    },
    fs::File,
    mm::virt::VmaNew,
    prelude::*,
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        }, //
    },
    types::Opaque,
};

use crate::{
    bindings as ext,
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

    /// Returns the file behind its descriptors, in exchange for a reference.
    #[inline]
    pub fn into_file(this: ARef<Self>) -> ARef<File> {
        let raw = ARef::into_raw(this).cast::<bindings::dma_buf>();
        // SAFETY: Valid; the reference of a dma-buf is one of its file, and it was ours. Nobody has
        // the file open with a light one (fdget).
        unsafe { ARef::from_raw(NonNull::new_unchecked((*raw.as_ptr()).file.cast())) }
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
