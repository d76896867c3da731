// SPDX-License-Identifier: GPL-2.0

//! The monitor node: watches a device without using it.

use kernel::{
    bindings::{
        POLLERR,
        POLLHUP,
        POLLPRI, //
    },
    fs,
    ioctl::_IOWR,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        poll::PollTable,
        Arc,
    }, //
};
use kernel_ext::chrdev;

use crate::{
    device::Device,
    driver::Driver,
    info,
    ioctl::{
        core_row,
        dispatch,
        Table, //
    },
    uapi::{
        self,
        accel_info,
        ACCEL_IOCTL_TYPE, //
    },
};

/// An open file of the monitor node.
pub(crate) struct Monitor<T: Driver> {
    device: Arc<Device<T>>,
    /// How many changes of the health this file has seen.
    seen: Atomic<u64>,
}

impl<T: Driver> Monitor<T> {
    const IOCTLS: &'static Table<Self> = &Table::new([core_row!(
        _IOWR::<accel_info>(ACCEL_IOCTL_TYPE, 0x00),
        accel_info,
        data,
        Self::info
    )]);

    fn info(&self, args: &mut accel_info) -> Result {
        // Read before the answer is made: a change in between wakes once too often, never too
        // seldom.
        let changes = self.device.health.changes();
        info::info(&self.device, args, |args| {
            info::ask(&self.device, None, args)
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

    fn open(device: &Arc<Device<T>>, _file: &fs::File) -> Result<Pin<KBox<Self>>> {
        let _guard = device.enter()?;
        let monitor = Self {
            device: device.clone(),
            seen: Atomic::new(device.health.changes()),
        };
        device.clients.open_monitor();
        // If this fails the monitor is dropped, which counts it down again.
        Ok(KBox::pin(monitor, GFP_KERNEL)?)
    }

    fn ioctl(self: Pin<&Self>, cmd: u32, arg: usize) -> Result<isize> {
        dispatch(&self.device, self.get_ref(), None, Self::IOCTLS, cmd, arg).map(|()| 0)
    }

    fn poll(self: Pin<&Self>, file: &fs::File, table: PollTable<'_>) -> u32 {
        let health = &self.device.health;
        health.poll(file, &table);
        if !self.device.cell.is_alive() {
            return POLLHUP | POLLERR;
        }
        match health.changes() == self.seen.load(Relaxed) {
            true => 0,
            false => POLLPRI,
        }
    }
}

impl<T: Driver> Drop for Monitor<T> {
    fn drop(&mut self) {
        self.device.clients.close_monitor();
    }
}
