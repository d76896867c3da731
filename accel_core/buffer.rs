// SPDX-License-Identifier: GPL-2.0

//! Buffers: memory that user space and a device share.

use kernel::{
    page::{
        page_align,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc,
    },
};
use kernel_ext::{
    dma::Mapping,
    pages::Pages, //
};

use crate::{
    driver::Driver,
    file::File,
    memory::{
        DeviceMapping,
        Memory, //
    },
    uapi::{
        self,
        accel_buffer_close,
        accel_buffer_create,
        accel_buffer_info, //
    },
};

/// Where the memory of a buffer is (`enum accel_placement`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Placement {
    /// Pages of system memory, scattered.
    System = uapi::ACCEL_PLACEMENT_SYSTEM,
    /// System memory that is contiguous for the device.
    Contiguous = uapi::ACCEL_PLACEMENT_CONTIGUOUS,
}

impl Placement {
    /// Parses what a user asked for, on a device whose buffers are in `default`.
    ///
    /// Contiguous memory serves wherever scattered memory does not, hence both are accepted by a
    /// device that needs the former.
    fn parse(value: u32, default: Placement) -> Result<Self> {
        match (value, default) {
            (uapi::ACCEL_PLACEMENT_DEFAULT, _) => Ok(default),
            (uapi::ACCEL_PLACEMENT_SYSTEM, _) => Ok(Placement::System),
            (uapi::ACCEL_PLACEMENT_CONTIGUOUS, Placement::Contiguous) => Ok(Placement::Contiguous),
            _ => Err(EOPNOTSUPP),
        }
    }
}

/// A buffer. Its pages outlive it in the user mappings that show them.
pub struct Buffer {
    pages: Arc<Pages>,
    placement: Placement,
    mapping: Option<DeviceMapping>,
    /// 0 until it is published; see [`crate::handles`].
    handle: Atomic<u32>,
}

impl Buffer {
    fn new(memory: &Arc<Memory>, size: u64, placement: Placement) -> Result<Self> {
        let size = usize::try_from(size).map_err(|_| EINVAL)?;
        let count = page_align(size).ok_or(EINVAL)? >> PAGE_SHIFT;
        if count == 0 {
            return Err(EINVAL);
        }
        let mut pages = match placement {
            Placement::System => Pages::scattered(count)?,
            Placement::Contiguous => Pages::contiguous(count)?,
        };
        memory.count(&mut pages)?;
        Ok(Self {
            pages: Arc::new(pages, GFP_KERNEL_ACCOUNT)?,
            placement,
            mapping: None,
            handle: Atomic::new(0),
        })
    }

    /// Returns the size in bytes, a multiple of the page size.
    pub fn size(&self) -> usize {
        self.pages.size()
    }

    /// Returns where the device sees the buffer, if it does.
    pub fn dma_address(&self) -> Option<u64> {
        self.mapping.as_ref().map(|m| m.address())
    }

    /// Copies bytes out. What a user writes meanwhile may or may not be in them.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result {
        self.pages.read(offset, data)
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, data: &[u8]) -> Result {
        self.pages.write(offset, data)
    }

    /// Sets all bytes.
    pub fn fill(&self, value: u8) {
        self.pages.fill(value);
    }

    pub(crate) fn pages(&self) -> &Arc<Pages> {
        &self.pages
    }

    pub(crate) fn mapping(&self) -> Option<&Mapping> {
        self.mapping.as_deref()
    }

    pub(crate) fn handle(&self) -> u32 {
        self.handle.load(Acquire)
    }

    pub(crate) fn publish(&self, handle: u32) {
        self.handle.store(handle, Release);
    }
}

/// ACCEL_IOCTL_BUFFER_CREATE
pub(crate) fn create<T: Driver>(file: &File<T>, args: &mut accel_buffer_create) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let device = &file.client.device;
    let placement = Placement::parse(args.placement, T::PLACEMENT)?;
    let mut buffer = Buffer::new(&device.memory, args.size, placement)?;
    if T::DMA_BITS.is_some() && placement == Placement::Contiguous {
        let guard = device.enter()?;
        let mapping = guard.with(|bound| device.memory.map(bound.parent, &buffer.pages))?;
        buffer.mapping = Some(mapping);
    }
    args.size = buffer.size() as u64;
    args.placement = placement as u32;
    args.handle = file.handles.add(buffer)?;
    args.mmap_offset = mmap_offset(args.handle);
    Ok(())
}

/// Takes a creation back whose result could not be told.
pub(crate) fn undo_create<T: Driver>(file: &File<T>, args: &accel_buffer_create) {
    let _ = file.handles.remove(args.handle);
}

/// ACCEL_IOCTL_BUFFER_CLOSE
pub(crate) fn close<T: Driver>(file: &File<T>, args: &mut accel_buffer_close) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    file.handles.remove(args.handle)
}

/// ACCEL_IOCTL_BUFFER_INFO
pub(crate) fn info<T: Driver>(file: &File<T>, args: &mut accel_buffer_info) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let buffer = file.handles.get(args.handle)?;
    args.size = buffer.size() as u64;
    args.mmap_offset = mmap_offset(args.handle);
    args.placement = buffer.placement as u32;
    Ok(())
}

fn mmap_offset(handle: u32) -> u64 {
    u64::from(handle) << PAGE_SHIFT
}
