// SPDX-License-Identifier: GPL-2.0

//! The address spaces of a file by their handles, and those of a device for the day when it goes.

use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        atomic::Acquire,
        Arc,
        Mutex, //
    },
};

use kernel_ext::dma_buf_attachment::User;

use crate::{
    address_space::{
        AddressSpace,
        Shared, //
    },
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    lock_class,
    objects::Objects,
    uapi::ACCEL_ADDRESS_SPACE_MAX, //
};

/// The address spaces of a file.
pub(crate) type AddressSpaces<T> = Objects<AddressSpace<T>>;

pub(crate) fn new<T: Driver>() -> impl PinInit<AddressSpaces<T>> {
    Objects::new(ACCEL_ADDRESS_SPACE_MAX, lock_class::address_spaces())
}

/// Room for one more address space of a device.
pub(crate) type Place<T> = RBTreeNodeReservation<usize, Arc<Shared<T>>>;

/// All address spaces of a device that it may know, by their own addresses.
#[pin_data]
pub(crate) struct Registry<T: Driver> {
    #[pin]
    all: Mutex<All<T>>,
}

struct All<T: Driver> {
    spaces: RBTree<usize, Arc<Shared<T>>>,
    /// The device goes.
    is_closing: bool,
}

impl<T: Driver> Registry<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::all_address_spaces();
        let all = All {
            spaces: RBTree::new(),
            is_closing: false,
        };
        pin_init!(Self {
            all <- Mutex::new(all, name, key),
        })
    }

    /// Adds one; returns whether the device goes.
    pub(crate) fn add(&self, space: &Arc<Shared<T>>, place: Place<T>) -> bool {
        let id = Arc::as_ptr(space) as usize;
        let mut all = self.all.lock();
        all.spaces.insert(place.into_node(id, space.clone()));
        all.is_closing
    }

    pub(crate) fn remove(&self, space: &Arc<Shared<T>>) {
        let id = Arc::as_ptr(space) as usize;
        let node = self.all.lock().spaces.remove_node(&id);
        drop(node);
    }

    /// Unmaps everywhere what is mapped for the device by [`DeviceMapping`](crate::memory) `id`; returns
    /// whether that worked.
    fn let_go(&self, id: usize) -> bool {
        let all = self.all.lock();
        // All of them, also if one cannot.
        let failed = all.spaces.values().filter(|space| !space.let_go(id));
        failed.count() == 0
    }

    /// The device goes, but is there still: user queues run no more.
    pub(crate) fn close(&self, bound: &Bound<'_, T>) {
        let mut all = self.all.lock();
        all.is_closing = true;
        for space in all.spaces.values() {
            space.preemption.close(bound);
        }
    }

    /// The device is to sleep: user queues run no more until [`Registry::resume`].
    pub(crate) fn suspend(&self, bound: &Bound<'_, T>) {
        for space in self.all.lock().spaces.values() {
            space.preemption.hold(bound);
        }
    }

    /// The device is awake again.
    pub(crate) fn resume(&self, bound: &Bound<'_, T>) {
        for space in self.all.lock().spaces.values() {
            let in_step = space.in_step.load(Acquire);
            space.preemption.put_back(bound, in_step);
        }
    }

    /// The device is gone, for good.
    pub(crate) fn gone(&self) {
        let all = core::mem::replace(&mut self.all.lock().spaces, RBTree::new());
        for space in all.values() {
            space.gone();
        }
    }
}

/// Who uses what a device imports.
pub(crate) struct Users<T: Driver>(pub(crate) Arc<Device<T>>);

impl<T: Driver> User for Users<T> {
    fn let_go(&self, id: usize) -> bool {
        // Page tables are in memory of a device that may doze: not as long as this is held. With the system
        // it can be reached still when others make ready for their sleep.
        let _section = self.0.enter_reachable();
        self.0.address_spaces.let_go(id)
    }
}
