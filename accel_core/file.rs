// SPDX-License-Identifier: GPL-2.0

//! The compute node: an open file is a client with its buffers, timelines, address spaces, contexts,
//! queues, and what its driver keeps for it.

use kernel::{
    fs,
    ioctl::_IOWR,
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
    sysfs::{
        AttributeInfo,
        Page, //
    },
    user_mappings::UserMappings, //
};

use crate::{
    address_spaces::{
        self,
        AddressSpaces, //
    },
    buffer,
    client_list::Listed,
    clients::{
        ComputeMode,
        Seat, //
    },
    context::{
        Context,
        Life, //
    },
    device::{
        Bound,
        Device, //
    },
    doorbell::Doorbell,
    driver::{
        Driver,
        QueueSetup, //
    },
    fdinfo,
    handles::Handles,
    health,
    info::{
        self,
        Asker, //
    },
    ioctl::{
        dispatch,
        run,
        Options, //
    },
    lock_class,
    logic::schedule::Priority,
    mmap_offset,
    objects::Objects,
    open_queue::OpenQueue,
    owner::Owner,
    reservations::Reservations,
    share::Share,
    sysfs,
    timelines::{
        self,
        Timelines, //
    },
    uapi::{
        accel_info,
        ACCEL_CONTEXT_MAX,
        ACCEL_DOORBELL_MAX,
        ACCEL_IOCTL_TYPE,
        ACCEL_QUEUE_MAX,
        ACCEL_USER_QUEUE_MAX, //
    },
    user_queue::UserQueue, //
};

pub(crate) const INFO: u32 = _IOWR::<accel_info>(ACCEL_IOCTL_TYPE, 0x00);

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
    #[pin]
    pub(crate) user_queues: Objects<UserQueue<T>>,
    pub(crate) client: Client<T>,
}

/// Who uses the device.
pub(crate) struct Client<T: Driver> {
    pub(crate) device: Arc<Device<T>>,
    pub(crate) reservations: Arc<Reservations>,
    pub(crate) share: Arc<Share<T>>,
    pub(crate) owner: Arc<Owner>,
    /// That of context 0.
    pub(crate) life: Arc<Life>,
    /// Queue 0.
    queue: Arc<OpenQueue<T>>,
    _listed: Listed<T>,
    _seat: Seat<T>,
}

impl<T: Driver> Client<T> {
    fn new(seat: Seat<T>, bound: &Bound<'_, T>, file: &T::File) -> Result<Self> {
        let device = seat.device().clone();
        let (share, reservations) = (Share::new(&device)?, Reservations::new()?);
        let life = Life::new()?;
        let first = device.schedulers.first().ok_or(ENODEV)?;
        let setup = QueueSetup {
            engines: first.engines(),
            priority: Priority::Normal,
            space: None,
            payload: &[],
            timeout_ns: 0,
            life: &life,
        };
        let queue = OpenQueue::new(bound, file, &share, &reservations, setup);
        let owner = Owner::new(&device.memory)?;
        let this = Self {
            _listed: Listed::new(&share, &owner)?,
            owner,
            queue: Arc::new(queue.map_err(|refusal| refusal.error)?, GFP_KERNEL_ACCOUNT)?,
            device,
            reservations,
            share,
            life,
            _seat: seat,
        };
        this.device.events.client(this.share.who(), true);
        Ok(this)
    }
}

impl<T: Driver> Drop for Client<T> {
    fn drop(&mut self) {
        self.device.events.client(self.share.who(), false);
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
    #[inline(always)]
    pub(crate) fn info(&self, args: &mut accel_info) -> Result {
        info::info(&self.client.device, args, |args| {
            info::ask(&self.client.device, Asker::Client(self), args)
        })
    }
}

impl<T: Driver> chrdev::Operations for File<T> {
    type Owner = T::OwnerModule;
    type Subject = Device<T>;

    fn open(device: &Arc<Device<T>>, _file: &fs::File) -> Result<Pin<KBox<Self>>> {
        let guard = device.enter_awake()?;
        let is_resetting = device.health.state() == health::State::Resetting;
        if is_resetting && device.clients.mode() == ComputeMode::Exclusive {
            return Err(EAGAIN);
        }
        let seat = Seat::take(device)?;
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
                user_queues <- Objects::new(ACCEL_USER_QUEUE_MAX, lock_class::user_queues()),
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
            Self::COMMANDS,
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

    fn attributes(device: &Device<T>) -> &[AttributeInfo] {
        device.attributes.as_ref().map_or(&[], |all| all.infos())
    }

    fn store(device: &Device<T>, index: usize, text: &[u8]) -> Result {
        sysfs::store(device, index, text)
    }

    fn show(device: &Device<T>, index: usize, page: &mut Page<'_>) -> Result {
        sysfs::show(device, index, page)
    }
}
