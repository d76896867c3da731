// SPDX-License-Identifier: GPL-2.0

//! The commands for buffers, except those for sharing them (`dma_buf`).

use kernel::{
    dma::DataDirection,
    prelude::*,
    str::CString, //
};
use kernel_ext::{
    dma_buf::DmaBuf,
    pages::{
        Caching,
        Pages, //
    },
};

use crate::{
    buffer::{
        Backing,
        Inner, //
    },
    device_memory::DeviceMemory,
    driver::Driver,
    file::{
        Client,
        File, //
    },
    handles::Reserved,
    mmap_offset,
    placement::Placement,
    region,
    uapi::{
        accel_buffer_close,
        accel_buffer_create,
        accel_buffer_info,
        accel_buffer_label,
        accel_buffer_pin,
        accel_buffer_sync,
        ACCEL_BUFFER_PIN_READ_ONLY,
        ACCEL_BUFFER_SYNC_END,
        ACCEL_BUFFER_SYNC_READ,
        ACCEL_BUFFER_SYNC_WRITE,
        ACCEL_CREATE_CONTIGUOUS,
        ACCEL_CREATE_VISIBLE,
        ACCEL_CREATE_WRITE_COMBINED, //
    },
};

/// ACCEL_IOCTL_BUFFER_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_buffer_create,
) -> Result<Reserved<'f>> {
    let client = &file.client;
    let placement = Placement::parse(args.placement, T::PLACEMENT)?;
    let mut buffer = match placement {
        Placement::Device => create_in_device(client, args)?,
        _ => create_in_system(client, args, placement)?,
    };
    buffer.map(&client.device)?;
    args.size = buffer.size() as u64;
    args.placement = placement as u32;
    let reserved = file.handles.reserve(buffer)?;
    args.handle = reserved.handle();
    args.mmap_offset = reserved.mmap_offset();
    Ok(reserved)
}

/// Makes a buffer in system memory.
fn create_in_system<T: Driver>(
    client: &Client<T>,
    args: &accel_buffer_create,
    placement: Placement,
) -> Result<Inner> {
    let caching = match args.flags {
        0 => Caching::Cached,
        ACCEL_CREATE_WRITE_COMBINED => Caching::WriteCombined,
        _ => return Err(EOPNOTSUPP),
    };
    match args.region {
        0 => Inner::new(&client.owner, args.size, placement, caching),
        _ => Err(EINVAL),
    }
}

/// Makes a buffer in one of the regions of the device.
fn create_in_device<T: Driver>(client: &Client<T>, args: &accel_buffer_create) -> Result<Inner> {
    let regions = client.device.regions();
    if regions.is_empty() || args.flags & !(ACCEL_CREATE_CONTIGUOUS | ACCEL_CREATE_VISIBLE) != 0 {
        return Err(EOPNOTSUPP);
    }
    // In INFO, system memory comes first.
    let index = (args.region as usize).checked_sub(1).ok_or(EINVAL)?;
    let region = regions.get(index).ok_or(EINVAL)?;
    let request = region::Request {
        size: args.size,
        contiguous: args.flags & ACCEL_CREATE_CONTIGUOUS != 0,
        visible: args.flags & ACCEL_CREATE_VISIBLE != 0,
    };
    let memory = DeviceMemory::new(region, request).inspect_err(|e| {
        let free = || region.is_full_for(args.size);
        if let Some(free) = (*e == ENOSPC).then(free).flatten() {
            let who = client.share.who();
            client.device.events.memory(who, index, args.size, free);
        }
    })?;
    Ok(Inner::from_backing(
        &client.owner,
        Backing::Device(memory),
        Placement::Device,
    ))
}

/// ACCEL_IOCTL_BUFFER_PIN
pub(crate) fn pin<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_buffer_pin,
) -> Result<Reserved<'f>> {
    let is_writable = match args.flags {
        0 => true,
        ACCEL_BUFFER_PIN_READ_ONLY => false,
        _ => return Err(EOPNOTSUPP),
    };
    let address = usize::try_from(args.address).map_err(|_| EFAULT)?;
    let size = usize::try_from(args.size).map_err(|_| EINVAL)?;
    let device = &file.client.device;
    let pages = Pages::pin(address, size, is_writable)?;
    let mut buffer = Inner::from_pages(&file.client.owner, pages, Placement::User)?;
    buffer.map(device)?;
    buffer.check_reach::<T>()?;
    let reserved = file.handles.reserve(buffer)?;
    args.handle = reserved.handle();
    Ok(reserved)
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
    let buffer = file.handles.get(args.handle)?;
    args.size = buffer.size() as u64;
    args.mmap_offset = mmap_offset::bytes(buffer.first_page().ok_or(ENOENT)?);
    args.placement = buffer.placement() as u32;
    args.region = buffer.region_index(file.client.device.regions()) as u32;
    Ok(())
}

/// ACCEL_IOCTL_BUFFER_SYNC
pub(crate) fn sync<T: Driver>(file: &File<T>, args: &mut accel_buffer_sync) -> Result {
    let direction = match args.flags & !ACCEL_BUFFER_SYNC_END {
        0 => return Err(EINVAL),
        ACCEL_BUFFER_SYNC_READ => DataDirection::FromDevice,
        ACCEL_BUFFER_SYNC_WRITE => DataDirection::ToDevice,
        f if f == ACCEL_BUFFER_SYNC_READ | ACCEL_BUFFER_SYNC_WRITE => DataDirection::Bidirectional,
        _ => return Err(EOPNOTSUPP),
    };
    let is_end = args.flags & ACCEL_BUFFER_SYNC_END != 0;
    let buffer = file.handles.get(args.handle)?;
    let frame = |buf: &DmaBuf| match is_end {
        true => buf.end_cpu_access(direction),
        false => buf.begin_cpu_access(direction),
    };
    match (buffer.memory(), file.handles.exported(args.handle)?) {
        (Backing::Imported { buf, .. }, _) => frame(buf),
        // Which syncs our own mapping, too.
        (_, Some(buf)) => frame(&buf),
        (_, None) => {
            match (buffer.mapping(), is_end) {
                (Some(mapping), true) => mapping.sync_for_device(),
                (Some(mapping), false) => mapping.sync_for_cpu(),
                (None, _) => (),
            }
            Ok(())
        }
    }
}

/// ACCEL_IOCTL_BUFFER_LABEL
pub(crate) fn label<T: Driver>(file: &File<T>, args: &mut accel_buffer_label) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let text = CStr::from_bytes_until_nul(&args.label).map_err(|_| EINVAL)?;
    if !text.to_bytes().iter().all(|c| (b' '..=b'~').contains(c)) {
        return Err(EINVAL);
    }
    let label = match text.is_empty() {
        true => None,
        false => Some(KBox::new(CString::try_from(text)?, GFP_KERNEL_ACCOUNT)?),
    };
    file.handles.set_label(args.handle, label)
}
