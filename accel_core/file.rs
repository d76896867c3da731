// SPDX-License-Identifier: GPL-2.0

//! The compute node: an open file is a client with its buffers, its timelines, its queue and what
//! its driver keeps for it.

use kernel::{
    fs,
    ioctl::{
        _IOW,
        _IOWR, //
    },
    mm::virt::VmaNew,
    prelude::*,
    rbtree::RBTreeNode,
    seq_file::SeqFile,
    str::CString,
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
    device::{
        Bound,
        Device, //
    },
    dma_buf,
    doorbell::Doorbell,
    doorbell_ioctl,
    driver::Driver,
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
    job::{
        Fault,
        FaultKind, //
    },
    lock_class,
    logic::schedule::Priority,
    mmap_offset,
    objects::Objects,
    owner::Owner,
    purge,
    queue::Queue,
    reservations::Reservations,
    share::Share,
    statuses::Statuses,
    submissions::Submissions,
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
        accel_doorbell_close,
        accel_doorbell_create,
        accel_info,
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
        ACCEL_DOORBELL_MAX,
        ACCEL_IOCTL_TYPE, //
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
    pub(crate) client: Client<T>,
}

/// Who uses the device; counted while it exists.
pub(crate) struct Client<T: Driver> {
    pub(crate) device: Arc<Device<T>>,
    pub(crate) submissions: Arc<Submissions<T>>,
    pub(crate) reservations: Arc<Reservations>,
    pub(crate) owner: Arc<Owner>,
}

impl<T: Driver> Client<T> {
    /// To be called with the device bound.
    fn new(device: &Arc<Device<T>>, exclusive: bool) -> Result<Self> {
        let index = device.index();
        let name = CString::try_from_fmt(fmt!("accel{index}/queue0"))?;
        let statuses = Statuses::new(T::NAME, &name)?;
        let queue = Queue::new(Share::new(device)?, statuses, 0, Priority::Normal)?;
        let reservations = Reservations::new()?;
        let owner = Owner::new(&device.memory)?;
        let submissions = Submissions::new(queue, reservations.clone())?;
        let id = Arc::as_ptr(&submissions) as usize;
        let node = RBTreeNode::new(id, submissions.clone(), GFP_KERNEL_ACCOUNT)?;
        device.clients.open(exclusive)?;
        device.queues.lock().insert(node);
        Ok(Self {
            device: device.clone(),
            submissions,
            reservations,
            owner,
        })
    }

    /// Returns how the jobs of its queue are.
    pub(crate) fn statuses(&self) -> &Arc<Statuses> {
        self.submissions.statuses()
    }

    /// Ends what has not begun.
    fn cancel(&self, bound: &Bound<'_, T>) {
        let canceled = Fault::new(FaultKind::Canceled);
        Submissions::close(&self.submissions, bound, canceled);
        if let Some(scheduler) = self.submissions.queue().scheduler() {
            scheduler.cancel(bound, self.submissions.queue());
        }
        let id = Arc::as_ptr(&self.submissions) as usize;
        let node = self.device.queues.lock().remove_node(&id);
        drop(node);
    }
}

impl<T: Driver> Drop for Client<T> {
    fn drop(&mut self) {
        // Otherwise all jobs end, or have ended, because the device is gone.
        if let Some(guard) = self.device.cell.enter() {
            guard.with(|bound| self.cancel(bound));
        }
        self.statuses().abandon();
        let queue = self.submissions.queue();
        if !queue.scheduler().is_some_and(|s| s.has(queue)) {
            self.statuses().tell();
        }
        self.device.clients.close();
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
        let client = Client::new(device, exclusive)?;
        let driver = guard.with(|bound| T::open(&bound.data))?;
        KBox::pin_init(
            pin_init!(Self {
                driver,
                handles <- Handles::new(),
                timelines <- timelines::new(),
                doorbells <- Objects::new(ACCEL_DOORBELL_MAX, lock_class::doorbells()),
                address_spaces <- address_spaces::new(),
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
