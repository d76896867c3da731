// SPDX-License-Identifier: GPL-2.0

//! The monitor node: watches a device without using it.

use kernel::{
    bindings::{
        POLLERR,
        POLLHUP,
        POLLIN,
        POLLPRI,
        POLLRDNORM, //
    },
    fs::{
        self,
        file::flags::O_NONBLOCK, //
    },
    ioctl::{
        _IOW,
        _IOWR, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        poll::PollTable,
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    chrdev,
    uaccess::copy_out, //
};
use zerocopy::IntoBytes;

use crate::{
    clients::Place,
    device::Device,
    driver::Driver,
    events::Reader,
    info::{
        self,
        Asker, //
    },
    ioctl::{
        core_row,
        dispatch,
        Table, //
    },
    lock_class,
    uapi::{
        self,
        accel_event,
        accel_event_filter,
        accel_info,
        ACCEL_IOCTL_TYPE, //
    },
    viewer::Viewer, //
};

/// Bytes of an event.
const EVENT: usize = size_of::<accel_event>();

/// An open file of the monitor node.
#[pin_data]
pub(crate) struct Monitor<T: Driver> {
    device: Arc<Device<T>>,
    _place: Place<T>,
    viewer: Viewer,
    /// How many changes of the health this file has seen.
    seen: Atomic<u64>,
    /// How far it has read events.
    #[pin]
    reader: Mutex<Reader>,
}

impl<T: Driver> Monitor<T> {
    const IOCTLS: &'static Table<Self> = &Table::new([
        core_row!(
            _IOWR::<accel_info>(ACCEL_IOCTL_TYPE, 0x00),
            accel_info,
            data,
            Self::info
        ),
        core_row!(
            _IOW::<accel_event_filter>(ACCEL_IOCTL_TYPE, 0xa0),
            accel_event_filter,
            flags,
            Self::filter
        ),
    ]);

    fn filter(&self, args: &mut accel_event_filter) -> Result {
        self.reader.lock().filter(args)
    }

    fn is_over(&self) -> bool {
        !self.device.cell.is_alive()
    }

    /// Copies events to `addr`, as many as there are and `room` is for; returns how many bytes that
    /// were. EFAULT: what could not be copied is still to be read.
    fn copy_events(&self, addr: usize, room: usize) -> Result<usize> {
        let mut reader = self.reader.lock();
        let mut done = 0;
        while room - done >= EVENT {
            let mut behind = *reader;
            let Some(event) = behind.take(&self.device.events) else {
                break;
            };
            match copy_out(addr.wrapping_add(done), event.as_bytes()) {
                Ok(()) => *reader = behind,
                Err(_) if done != 0 => break,
                Err(e) => return Err(e),
            }
            done += EVENT;
        }
        Ok(done)
    }

    fn info(&self, args: &mut accel_info) -> Result {
        // Read before the answer is made: a change in between wakes once too often, never too
        // seldom.
        let changes = self.device.health.changes();
        info::info(&self.device, args, |args| {
            info::ask(&self.device, Asker::Monitor(&self.viewer), args)
        })?;
        if args.kind == uapi::ACCEL_INFO_STATUS {
            self.seen.store(changes, Relaxed);
        }
        Ok(())
    }
}

impl<T: Driver> chrdev::Operations for Monitor<T> {
    type Owner = T::OwnerModule;
    type Subject = Device<T>;

    fn open(device: &Arc<Device<T>>, file: &fs::File) -> Result<Pin<KBox<Self>>> {
        let _guard = device.enter()?;
        let (name, key) = lock_class::monitor();
        let viewer = Viewer::new(file)?;
        KBox::pin_init(
            pin_init!(Self {
                device: device.clone(),
                _place: Place::take(device),
                seen: Atomic::new(device.health.changes()),
                reader <- Mutex::new(Reader::new(&device.events, viewer.sight), name, key),
                viewer,
            }),
            GFP_KERNEL,
        )
    }

    fn read(self: Pin<&Self>, file: &fs::File, addr: usize, size: usize) -> Result<usize> {
        if size < EVENT {
            return Err(EINVAL);
        }
        loop {
            // Before events are looked at: the last one comes before the end.
            let is_over = self.is_over();
            let copied = self.copy_events(addr, size)?;
            if copied != 0 || is_over {
                return Ok(copied);
            }
            if file.flags() & O_NONBLOCK != 0 {
                return Err(EAGAIN);
            }
            let reader = *self.reader.lock();
            self.device.events.wait(&reader, || self.is_over())?;
        }
    }

    fn ioctl(self: Pin<&Self>, cmd: u32, arg: usize) -> Result<isize> {
        dispatch(&self.device, self.get_ref(), None, Self::IOCTLS, cmd, arg).map(|()| 0)
    }

    fn poll(self: Pin<&Self>, file: &fs::File, table: PollTable<'_>) -> u32 {
        let Device { health, events, .. } = &*self.device;
        health.poll(file, &table);
        events.poll(file, &table);
        let is_new = health.changes() != self.seen.load(Relaxed);
        let mut mask = 0;
        for (is_so, bits) in [
            (self.is_over(), POLLHUP | POLLERR),
            (is_new && !self.is_over(), POLLPRI),
            (self.reader.lock().has_some(events), POLLIN | POLLRDNORM),
        ] {
            mask |= if is_so { bits } else { 0 };
        }
        mask
    }
}
