// SPDX-License-Identifier: GPL-2.0

//! Sharing buffers by dma-buf, in both directions.

use kernel::{
    fs::{
        file::FileDescriptorReservation,
        File as FsFile, //
    },
    mm::virt::VmaNew,
    page::PAGE_MASK,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};
use kernel_ext::{
    dma_buf::{
        DmaBuf,
        Vmap, //
    },
    dma_buf_exporter::{
        self,
        Exporter,
        Operations, //
    },
    dma_resv::{
        OwnedResv,
        Resv, //
    },
    pages::Pages,
};

use crate::{
    buffer::{self, Backing, Buffer},
    device_memory::DeviceMemory,
    driver::Driver,
    file::File,
    handles::Reserved,
    ioctl::Commit,
    owner::Owner,
    placement::Placement,
    uapi::{
        accel_buffer_export,
        accel_buffer_import, //
    },
};

static OPERATIONS: Operations<Shared> = Operations::new();

/// What a dma-buf keeps: the memory and the device's mapping of it, but not the device.
struct Shared {
    buffer: Arc<Buffer>,
    pages: Arc<Pages>,
    resv: Arc<OwnedResv>,
}

impl Exporter for Shared {
    const NAME: &'static CStr = c"accel";

    fn owner() -> &'static ThisModule {
        crate::this_module()
    }

    fn operations() -> &'static Operations<Self> {
        &OPERATIONS
    }

    fn pages(&self) -> &Arc<Pages> {
        &self.pages
    }

    fn map(&self, vma: &VmaNew, first: usize) -> Result {
        buffer::mmap(&self.buffer, vma, first)
    }

    fn resv(&self) -> &Resv {
        &self.resv
    }

    fn begin_cpu_access(&self) {
        if let Some(mapping) = self.buffer.mapping() {
            mapping.sync_for_cpu();
        }
    }

    fn end_cpu_access(&self) {
        if let Some(mapping) = self.buffer.mapping() {
            mapping.sync_for_device();
        }
    }
}

/// Makes a dma-buf of a buffer that is shared; of an imported one, the one it came from.
pub(crate) fn export(buffer: &Arc<Buffer>) -> Result<ARef<DmaBuf>> {
    match buffer.memory() {
        Backing::Pages(pages) if !pages.is_writable() => Err(EACCES),
        Backing::Pages(pages) => {
            let shared = Shared {
                buffer: buffer.clone(),
                pages: pages.clone(),
                resv: buffer.own_resv().ok_or(EINVAL)?.clone(),
            };
            dma_buf_exporter::export(Arc::new(shared, GFP_KERNEL_ACCOUNT)?, O_RDWR)
        }
        Backing::Device(memory) => memory.export(buffer, buffer.own_resv().ok_or(EINVAL)?),
        Backing::Imported { buf, .. } => Ok(buf.clone()),
    }
}

/// A file descriptor that is not there yet.
pub(crate) struct Descriptor {
    reservation: FileDescriptorReservation,
    file: ARef<FsFile>,
}

impl Commit for Descriptor {
    fn commit(self) {
        self.reservation.fd_install(self.file);
    }
}

const O_RDWR: u32 = kernel::fs::file::flags::O_RDWR;
const O_CLOEXEC: u32 = kernel::fs::file::flags::O_CLOEXEC;

/// ACCEL_IOCTL_BUFFER_EXPORT
pub(crate) fn export_buffer<T: Driver>(
    file: &File<T>,
    args: &mut accel_buffer_export,
) -> Result<Descriptor> {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let buf = file
        .handles
        .export(args.handle, &file.client.reservations)?;
    let reservation = FileDescriptorReservation::get_unused_fd_flags(O_CLOEXEC)?;
    args.fd = reservation.reserved_fd() as i32;
    Ok(Descriptor {
        reservation,
        file: DmaBuf::into_file(buf),
    })
}

/// ACCEL_IOCTL_BUFFER_IMPORT
pub(crate) fn import_buffer<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_buffer_import,
) -> Result<Reserved<'f>> {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let buffer = import(file, &*DmaBuf::from_fd(args.fd)?)?;
    args.size = buffer.size() as u64;
    args.placement = buffer.placement() as u32;
    let reserved = file.handles.reserve(buffer)?;
    args.handle = reserved.handle();
    args.mmap_offset = reserved.mmap_offset();
    Ok(reserved)
}

fn import<T: Driver>(file: &File<T>, buf: &DmaBuf) -> Result<buffer::Inner> {
    let (device, owner) = (&file.client.device, &file.client.owner);
    let shared = dma_buf_exporter::exported::<Shared>(buf);
    let origin = match shared {
        Some(shared) => Some(shared.buffer.clone()),
        None => DeviceMemory::exported(buf, device.regions()),
    };
    let mut buffer = match origin {
        // Our own: no way round through the dma-buf.
        Some(origin) => buffer::Inner::from_origin(owner, origin),
        None => import_foreign::<T>(owner, buf)?,
    };
    buffer.map(device)?;
    buffer.check_reach::<T>()?;
    Ok(buffer)
}

fn import_foreign<T: Driver>(owner: &Arc<Owner>, buf: &DmaBuf) -> Result<buffer::Inner> {
    if buf.size() == 0 || buf.size() & !PAGE_MASK != 0 {
        return Err(EINVAL);
    }
    let vmap = match T::DMA_BITS {
        None => Some(Vmap::new(buf)?),
        Some(_) => None,
    };
    let memory = Backing::Imported {
        buf: buf.into(),
        vmap,
    };
    Ok(buffer::Inner::from_backing(
        owner,
        memory,
        Placement::Imported,
    ))
}
