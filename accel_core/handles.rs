// SPDX-License-Identifier: GPL-2.0

//! The handles of a file's buffers.

use kernel::{
    page::PAGE_SHIFT,
    prelude::*,
    str::CString,
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
    buffer::Inner,
    dma_buf,
    ioctl::Commit,
    job::{
        Access,
        JobBuffer, //
    },
    lock_class,
    mmap_offset::{
        self,
        UNIT_SHIFT, //
    },
    purge,
    reservations::Reservations,
    table::Table,
    uapi::accel_submit_buffer,
    Buffer, //
};

/// What a handle stands for.
struct Entry {
    buffer: Arc<Buffer>,
    /// What it was exported as.
    export: Option<ARef<DmaBuf>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.buffer.unpublish();
        purge::forget(&self.buffer);
    }
}

/// The buffers of a file.
#[pin_data]
pub(crate) struct Handles {
    #[pin]
    table: Mutex<Table<Entry>>,
    /// By their mmap offsets.
    #[pin]
    large: Ranges<Buffer>,
}

impl Handles {
    pub(crate) fn new() -> impl PinInit<Self> {
        let class = lock_class::handles();
        pin_init!(Self {
            table <- Mutex::new(Table::new(), class.0, class.1),
            large <- Ranges::new(),
        })
    }

    /// Reserves a handle for `buffer`. Whoever guesses it before it is committed does not find the
    /// buffer. EDQUOT: the file has too many.
    pub(crate) fn reserve(&self, buffer: Inner) -> Result<Reserved<'_>> {
        let buffer = Arc::pin_init(Buffer::new(buffer, None), GFP_KERNEL_ACCOUNT)?;
        let handle = self.table.lock().reserve(mmap_offset::MAX_BUFFERS)?;
        // From now on it is given back when dropped.
        let mut reserved = Reserved {
            handles: self,
            handle,
            first_page: handle << UNIT_SHIFT,
            buffer: Some(buffer.clone()),
        };
        let units = (buffer.size() >> PAGE_SHIFT).div_ceil(1 << UNIT_SHIFT);
        if units > 1 {
            let unit = self.large.alloc(units, buffer, mmap_offset::LARGE)?;
            reserved.first_page = u32::try_from(unit << UNIT_SHIFT)?;
        }
        Ok(reserved)
    }

    /// Returns the buffer with this handle; ENOENT if there is none.
    #[inline]
    pub(crate) fn get(&self, handle: u32) -> Result<Arc<Buffer>> {
        let table = self.table.lock();
        Ok(table.get(handle).ok_or(ENOENT)?.buffer.clone())
    }

    /// Returns the buffer that has this page of mmap offsets, and which of its pages it is.
    pub(crate) fn at_page(&self, page: usize) -> Option<(Arc<Buffer>, usize)> {
        let unit = mmap_offset::unit(page);
        let buffer = match mmap_offset::LARGE.contains(&unit) {
            true => self.large.get(unit)?,
            false => self.get(u32::try_from(unit).ok()?).ok()?,
        };
        let first = buffer.first_page()? as usize;
        Some((buffer, page.checked_sub(first)?))
    }

    /// Returns the buffers that a job names.
    pub(crate) fn get_all(&self, list: &[accel_submit_buffer]) -> Result<KVVec<JobBuffer>> {
        // Dropped after the lock, if it comes to that.
        let mut buffers = KVVec::with_capacity(list.len(), GFP_KERNEL_ACCOUNT)?;
        let table = self.table.lock();
        for named in list {
            let access = Access::parse(named.flags)?;
            let buffer = table.get(named.handle).ok_or(ENOENT)?.buffer.clone();
            if access.can_write() && !buffer.is_writable() {
                return Err(EACCES);
            }
            // Never more than there is room for.
            let _ = buffers.push_within_capacity(JobBuffer { buffer, access });
        }
        Ok(buffers)
    }

    /// Returns all buffers. ENOMEM.
    pub(crate) fn all(&self) -> Result<KVVec<Arc<Buffer>>> {
        let mut room = KVVec::new();
        loop {
            let table = self.table.lock();
            let count = table.iter().count();
            if count <= room.capacity() {
                for (_, entry) in table.iter() {
                    let _ = room.push_within_capacity(entry.buffer.clone());
                }
                return Ok(room);
            }
            drop(table);
            room.reserve(count, GFP_KERNEL)?;
        }
    }

    /// Gives a handle back; ENOENT if there is none.
    pub(crate) fn remove(&self, handle: u32) -> Result {
        let entry = self.table.lock().remove(handle).ok_or(ENOENT)?;
        if let Some(first_page) = entry.buffer.first_page() {
            self.release(handle, first_page);
        }
        Ok(())
    }

    /// Gives back the mmap offsets of a buffer, if they are not those of its handle.
    fn release(&self, handle: u32, first_page: u32) {
        if first_page != handle << UNIT_SHIFT {
            drop(self.large.remove(mmap_offset::unit(first_page as usize)));
        }
    }

    /// Changes the label of a buffer; ENOENT if there is none.
    pub(crate) fn set_label(&self, handle: u32, label: Option<KBox<CString>>) -> Result {
        let old = self.get(handle)?.set_note(label);
        drop(old);
        Ok(())
    }

    /// Returns the dma-buf of a buffer, if it has been exported by this handle; ENOENT if there is
    /// no such handle.
    #[inline]
    pub(crate) fn exported(&self, handle: u32) -> Result<Option<ARef<DmaBuf>>> {
        let table = self.table.lock();
        Ok(table.get(handle).ok_or(ENOENT)?.export.clone())
    }

    /// Returns the dma-buf of a buffer: the same one for as long as its handle exists.
    #[inline]
    pub(crate) fn export(&self, handle: u32, client: &Reservations) -> Result<ARef<DmaBuf>> {
        match self.exported(handle)? {
            Some(buf) => Ok(buf),
            None => self.export_first(handle, client),
        }
    }

    #[inline(never)]
    fn export_first(&self, handle: u32, client: &Reservations) -> Result<ARef<DmaBuf>> {
        let buffer = self.get(handle)?;
        if !buffer.is_needed() {
            return Err(EINVAL);
        }
        client.share(&buffer)?;
        let buf = dma_buf::export(&buffer)?;
        buffer.set_exported();
        let mut table = self.table.lock();
        match table.get_mut(handle) {
            // Not closed meanwhile, and the handle perhaps given to another buffer.
            Some(entry) if Arc::ptr_eq(&entry.buffer, &buffer) => {
                let first = entry.export.get_or_insert_with(|| buf.clone()).clone();
                drop(table);
                Ok(first)
            }
            _ => {
                drop(table);
                Ok(buf)
            }
        }
    }
}

/// A handle that nobody can use yet; given back when dropped, unless committed.
pub(crate) struct Reserved<'a> {
    handles: &'a Handles,
    handle: u32,
    first_page: u32,
    buffer: Option<Arc<Buffer>>,
}

impl Reserved<'_> {
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }

    /// Returns the offset for mmap(2), bytes.
    pub(crate) fn mmap_offset(&self) -> u64 {
        mmap_offset::bytes(self.first_page)
    }
}

impl Commit for Reserved<'_> {
    fn commit(mut self) {
        if let Some(buffer) = self.buffer.take() {
            buffer.publish(self.first_page);
            let entry = Entry {
                buffer,
                export: None,
            };
            self.handles.table.lock().publish(self.handle, entry);
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.buffer.is_some() {
            self.handles.release(self.handle, self.first_page);
            self.handles.table.lock().cancel(self.handle);
        }
    }
}
