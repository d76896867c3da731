// SPDX-License-Identifier: GPL-2.0

//! The compute node: an open file is a client with its buffers, timelines, address spaces, contexts,
//! queues, and what its driver keeps for it.

use kernel::{
    fs,
    ioctl::{
        _IOW,
        _IOWR, //
    },
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        poll::PollTable,
        Arc, //
    }, //
};
use kernel_ext::{
    chrdev::{
        self,
        page_offset, //
    },
    io_pages::IoPages,
    sysfs::Page,
    user_mappings::UserMappings, //
};

use crate::{
    address_space_ioctl,
    address_spaces::{
        self,
        AddressSpaces, //
    },
    buffer,
    buffer_ioctl,
    clients::Seat,
    context::{
        self,
        Context, //
    },
    device::{
        Bound,
        Device, //
    },
    dma_buf,
    doorbell::Doorbell,
    doorbell_ioctl,
    driver::{
        Driver,
        QueueSetup, //
    },
    fdinfo,
    handles::Handles,
    health,
    info,
    ioctl::{
        core_row,
        dispatch,
        run,
        Options,
        Table, //
    },
    lock_class,
    logic::schedule::Priority,
    mmap_offset,
    objects::Objects,
    open_queue::OpenQueue,
    owner::Owner,
    purge,
    queue_ioctl,
    reservations::Reservations,
    share::Share,
    submit::submit,
    sysfs,
    timeline_ioctl,
    timeline_wait,
    timelines::{
        self,
        Timelines, //
    },
    uapi::{
        accel_address_space_create,
        accel_address_space_destroy,
        accel_address_space_map,
        accel_address_space_protect,
        accel_address_space_unmap,
        accel_buffer_advise,
        accel_buffer_close,
        accel_buffer_create,
        accel_buffer_export,
        accel_buffer_import,
        accel_buffer_info,
        accel_buffer_label,
        accel_buffer_pin,
        accel_buffer_sync,
        accel_context_create,
        accel_context_destroy,
        accel_doorbell_close,
        accel_doorbell_create,
        accel_info,
        accel_queue_create,
        accel_queue_destroy,
        accel_submit,
        accel_timeline_close,
        accel_timeline_create,
        accel_timeline_eventfd,
        accel_timeline_export,
        accel_timeline_import,
        accel_timeline_query,
        accel_timeline_signal,
        accel_timeline_transfer,
        accel_timeline_wait,
        accel_wait,
        ACCEL_CONTEXT_MAX,
        ACCEL_DOORBELL_MAX,
        ACCEL_IOCTL_TYPE,
        ACCEL_QUEUE_MAX, //
    },
    wait::wait, //
};

const INFO: u32 = _IOWR::<accel_info>(ACCEL_IOCTL_TYPE, 0x00);

/// An open file of the compute node.
#[pin_data]
pub(crate) struct File<T: Driver> {
    pub(crate) driver: T::File,
    #[pin]
    pub(crate) handles: Handles,
    #[pin]
    pub(crate) timelines: Timelines,
    #[pin]
    pub(crate) doorbells: Objects<Doorbell>,
    #[pin]
    pub(crate) address_spaces: AddressSpaces<T>,
    #[pin]
    pub(crate) contexts: Objects<Context<T>>,
    #[pin]
    pub(crate) queues: Objects<OpenQueue<T>>,
    pub(crate) client: Client<T>,
}

/// Who uses the device.
pub(crate) struct Client<T: Driver> {
    pub(crate) device: Arc<Device<T>>,
    pub(crate) reservations: Arc<Reservations>,
    pub(crate) share: Arc<Share<T>>,
    pub(crate) owner: Arc<Owner>,
    /// Queue 0.
    queue: Arc<OpenQueue<T>>,
    _seat: Seat<T>,
}

impl<T: Driver> Client<T> {
    fn new(seat: Seat<T>, bound: &Bound<'_, T>, file: &T::File) -> Result<Self> {
        let device = seat.device().clone();
        let (share, reservations) = (Share::new(&device)?, Reservations::new()?);
        let first = device.schedulers.first().ok_or(ENODEV)?;
        let setup = QueueSetup {
            engines: first.engines(),
            priority: Priority::Normal,
            space: None,
            payload: &[],
        };
        let queue = OpenQueue::new(bound, file, &share, &reservations, setup);
        Ok(Self {
            owner: Owner::new(&device.memory)?,
            queue: Arc::new(queue.map_err(|refusal| refusal.error)?, GFP_KERNEL_ACCOUNT)?,
            device,
            reservations,
            share,
            _seat: seat,
        })
    }
}

impl<T: Driver> File<T> {
    /// Returns a queue. ENOENT.
    #[inline]
    pub(crate) fn queue(&self, handle: u32) -> Result<Arc<OpenQueue<T>>> {
        match handle {
            0 => Ok(self.client.queue.clone()),
            _ => self.queues.get(handle),
        }
    }
}

impl<T: Driver> File<T> {
    const IOCTLS: &'static Table<Self> = &Table::new([
        core_row!(INFO, accel_info, data, Self::info),
        core_row!(
            _IOWR::<accel_submit>(ACCEL_IOCTL_TYPE, 0x10),
            accel_submit,
            job,
            submit::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOWR::<accel_wait>(ACCEL_IOCTL_TYPE, 0x11),
            accel_wait,
            deadline_ns,
            wait::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOWR::<accel_context_create>(ACCEL_IOCTL_TYPE, 0x12),
            accel_context_create,
            reserved,
            context::create::<T>
        ),
        core_row!(
            _IOW::<accel_context_destroy>(ACCEL_IOCTL_TYPE, 0x13),
            accel_context_destroy,
            flags,
            context::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_queue_create>(ACCEL_IOCTL_TYPE, 0x14),
            accel_queue_create,
            handle,
            queue_ioctl::create::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOW::<accel_queue_destroy>(ACCEL_IOCTL_TYPE, 0x15),
            accel_queue_destroy,
            flags,
            queue_ioctl::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_create>(ACCEL_IOCTL_TYPE, 0x08),
            accel_buffer_create,
            mmap_offset,
            buffer_ioctl::create::<T>,
        ),
        core_row!(
            _IOW::<accel_buffer_close>(ACCEL_IOCTL_TYPE, 0x09),
            accel_buffer_close,
            flags,
            buffer_ioctl::close::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_info>(ACCEL_IOCTL_TYPE, 0x0a),
            accel_buffer_info,
            placement,
            buffer_ioctl::info::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_export>(ACCEL_IOCTL_TYPE, 0x0b),
            accel_buffer_export,
            fd,
            dma_buf::export_buffer::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_import>(ACCEL_IOCTL_TYPE, 0x0c),
            accel_buffer_import,
            placement,
            dma_buf::import_buffer::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_pin>(ACCEL_IOCTL_TYPE, 0x0d),
            accel_buffer_pin,
            handle,
            buffer_ioctl::pin::<T>
        ),
        core_row!(
            _IOW::<accel_buffer_sync>(ACCEL_IOCTL_TYPE, 0x0e),
            accel_buffer_sync,
            flags,
            buffer_ioctl::sync::<T>
        ),
        core_row!(
            _IOW::<accel_buffer_label>(ACCEL_IOCTL_TYPE, 0x0f),
            accel_buffer_label,
            label,
            buffer_ioctl::label::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_create>(ACCEL_IOCTL_TYPE, 0x18),
            accel_timeline_create,
            handle,
            timeline_ioctl::create::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_close>(ACCEL_IOCTL_TYPE, 0x19),
            accel_timeline_close,
            flags,
            timeline_ioctl::close::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_signal>(ACCEL_IOCTL_TYPE, 0x1a),
            accel_timeline_signal,
            flags,
            timeline_ioctl::signal::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_query>(ACCEL_IOCTL_TYPE, 0x1b),
            accel_timeline_query,
            last,
            timeline_ioctl::query::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_wait>(ACCEL_IOCTL_TYPE, 0x1c),
            accel_timeline_wait,
            first,
            timeline_wait::wait::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_transfer>(ACCEL_IOCTL_TYPE, 0x1d),
            accel_timeline_transfer,
            reserved,
            timeline_ioctl::transfer::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_export>(ACCEL_IOCTL_TYPE, 0x1e),
            accel_timeline_export,
            fd,
            timeline_ioctl::export::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_import>(ACCEL_IOCTL_TYPE, 0x1f),
            accel_timeline_import,
            fd,
            timeline_ioctl::import::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_eventfd>(ACCEL_IOCTL_TYPE, 0x20),
            accel_timeline_eventfd,
            fd,
            timeline_wait::eventfd::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_advise>(ACCEL_IOCTL_TYPE, 0x21),
            accel_buffer_advise,
            retained,
            purge::advise::<T>
        ),
        core_row!(
            _IOWR::<accel_address_space_create>(ACCEL_IOCTL_TYPE, 0x28),
            accel_address_space_create,
            page_sizes,
            address_space_ioctl::create::<T>
        ),
        core_row!(
            _IOW::<accel_address_space_destroy>(ACCEL_IOCTL_TYPE, 0x29),
            accel_address_space_destroy,
            flags,
            address_space_ioctl::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_address_space_map>(ACCEL_IOCTL_TYPE, 0x2a),
            accel_address_space_map,
            address,
            address_space_ioctl::map::<T>
        ),
        core_row!(
            _IOW::<accel_address_space_unmap>(ACCEL_IOCTL_TYPE, 0x2b),
            accel_address_space_unmap,
            size,
            address_space_ioctl::unmap::<T>
        ),
        core_row!(
            _IOW::<accel_address_space_protect>(ACCEL_IOCTL_TYPE, 0x2c),
            accel_address_space_protect,
            size,
            address_space_ioctl::protect::<T>
        ),
        core_row!(
            _IOWR::<accel_doorbell_create>(ACCEL_IOCTL_TYPE, 0x30),
            accel_doorbell_create,
            size,
            doorbell_ioctl::create::<T>
        ),
        core_row!(
            _IOW::<accel_doorbell_close>(ACCEL_IOCTL_TYPE, 0x31),
            accel_doorbell_close,
            flags,
            doorbell_ioctl::close::<T>
        ),
    ]);
}

impl<T: Driver> File<T> {
    #[inline(always)]
    fn info(&self, args: &mut accel_info) -> Result {
        info::info(&self.client.device, args, |args| {
            info::ask(&self.client.device, Some(self), args)
        })
    }
}

impl<T: Driver> chrdev::Operations for File<T> {
    type Owner = T::OwnerModule;
    type Subject = Device<T>;

    fn open(device: &Arc<Device<T>>, _file: &fs::File) -> Result<Pin<KBox<Self>>> {
        let guard = device.enter()?;
        let exclusive = guard.with(|bound| bound.identity.is_exclusive());
        if exclusive && device.health.state() == health::State::Resetting {
            return Err(EAGAIN);
        }
        let seat = Seat::take(device, exclusive)?;
        let (driver, client) = guard.with(|bound| {
            let driver = T::open(&bound.data)?;
            let client = Client::new(seat, bound, &driver)?;
            Ok::<_, Error>((driver, client))
        })?;
        KBox::pin_init(
            pin_init!(Self {
                driver,
                handles <- Handles::new(),
                timelines <- timelines::new(),
                doorbells <- Objects::new(ACCEL_DOORBELL_MAX, lock_class::doorbells()),
                address_spaces <- address_spaces::new(),
                contexts <- Objects::new(ACCEL_CONTEXT_MAX, lock_class::contexts()),
                queues <- Objects::new(ACCEL_QUEUE_MAX, lock_class::file_queues()),
                client,
            }),
            GFP_KERNEL,
        )
    }

    fn ioctl(self: Pin<&Self>, cmd: u32, arg: usize) -> Result<isize> {
        let file = self.get_ref();
        if cmd == INFO && file.client.device.cell.is_alive() {
            // The command that is called most, and with our size: all of it is known here.
            return run(file, INFO, arg, &Options::default(), Self::info).map(|()| 0);
        }
        let driver_file = Some(&file.driver);
        dispatch(
            &file.client.device,
            file,
            driver_file,
            Self::IOCTLS,
            cmd,
            arg,
        )
        .map(|()| 0)
    }

    fn mmap(self: Pin<&Self>, vma: &VmaNew) -> Result {
        if !self.client.device.cell.is_alive() {
            return Err(ENODEV);
        }
        let page = page_offset(vma);
        if let Some((handle, first)) = mmap_offset::doorbell_at(page) {
            let doorbell = self.doorbells.get(handle).map_err(|_| EINVAL)?;
            return IoPages::map(doorbell.pages(), vma, first);
        }
        let (buffer, first) = self.handles.at_page(page).ok_or(EINVAL)?;
        if !buffer.is_needed() {
            return Err(EINVAL);
        }
        buffer::mmap(&buffer, vma, first)
    }

    fn poll(self: Pin<&Self>, file: &fs::File, table: PollTable<'_>) -> u32 {
        self.client.device.health.poll(file, &table);
        if self.client.device.cell.is_alive() {
            0
        } else {
            kernel::bindings::POLLHUP | kernel::bindings::POLLERR
        }
    }

    fn user_mappings(device: &Device<T>) -> Option<&UserMappings> {
        Some(device.memory.user_mappings())
    }

    fn show_fdinfo(self: Pin<&Self>, seq: &SeqFile) {
        fdinfo::show(self.get_ref(), seq);
    }

    fn attributes(device: &Device<T>) -> &[&'static CStr] {
        &device.attributes
    }

    fn show(device: &Device<T>, index: usize, page: &mut Page<'_>) -> Result {
        sysfs::show(device, index, page)
    }
}
