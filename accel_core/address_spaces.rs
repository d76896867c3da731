// SPDX-License-Identifier: GPL-2.0

//! The address spaces of a file by their handles, and those of a device for the day when it goes.

use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        Arc,
        Mutex, //
    },
};

use crate::{
    address_space::{
        AddressSpace,
        Shared, //
    },
    driver::Driver,
    ioctl::Commit,
    lock_class,
    table::Table,
    uapi::ACCEL_ADDRESS_SPACE_MAX, //
};

/// The address spaces of a file.
#[pin_data]
pub struct AddressSpaces<T: Driver> {
    #[pin]
    table: Mutex<Table<Arc<AddressSpace<T>>>>,
}

impl<T: Driver> AddressSpaces<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::address_spaces();
        pin_init!(Self {
            table <- Mutex::new(Table::new(), name, key),
        })
    }

    /// Reserves a handle for `space`. EDQUOT: there are too many; ENOMEM.
    pub(crate) fn reserve(&self, space: AddressSpace<T>) -> Result<Reserved<'_, T>> {
        let space = Arc::new(space, GFP_KERNEL_ACCOUNT)?;
        Ok(Reserved {
            handle: self.table.lock().reserve(ACCEL_ADDRESS_SPACE_MAX)?,
            spaces: self,
            space: Some(space),
        })
    }

    /// Returns the space with this handle, which stays while the result does; ENOENT if there is none.
    pub fn get(&self, handle: u32) -> Result<Arc<AddressSpace<T>>> {
        self.table.lock().get(handle).cloned().ok_or(ENOENT)
    }

    /// Gives a handle back; ENOENT if there is none.
    pub(crate) fn remove(&self, handle: u32) -> Result {
        let space = self.table.lock().remove(handle).ok_or(ENOENT)?;
        drop(space);
        Ok(())
    }
}

/// A handle that nobody can use yet; given back when dropped, unless committed.
pub(crate) struct Reserved<'a, T: Driver> {
    spaces: &'a AddressSpaces<T>,
    handle: u32,
    space: Option<Arc<AddressSpace<T>>>,
}

impl<T: Driver> Reserved<'_, T> {
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }
}

impl<T: Driver> Commit for Reserved<'_, T> {
    fn commit(mut self) {
        if let Some(space) = self.space.take() {
            self.spaces.table.lock().publish(self.handle, space);
        }
    }
}

impl<T: Driver> Drop for Reserved<'_, T> {
    fn drop(&mut self) {
        if self.space.is_some() {
            self.spaces.table.lock().cancel(self.handle);
        }
    }
}

/// All address spaces of a device that it may know, by their own addresses.
#[pin_data]
pub(crate) struct Registry<T: Driver> {
    #[pin]
    all: Mutex<RBTree<usize, Arc<Shared<T>>>>,
}

impl<T: Driver> Registry<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::all_address_spaces();
        pin_init!(Self {
            all <- Mutex::new(RBTree::new(), name, key),
        })
    }

    pub(crate) fn add(&self, space: &Arc<Shared<T>>) -> Result {
        let id = Arc::as_ptr(space) as usize;
        let node = RBTreeNode::new(id, space.clone(), GFP_KERNEL_ACCOUNT)?;
        self.all.lock().insert(node);
        Ok(())
    }

    pub(crate) fn remove(&self, space: &Arc<Shared<T>>) {
        let id = Arc::as_ptr(space) as usize;
        let node = self.all.lock().remove_node(&id);
        drop(node);
    }

    /// The device is gone, for good.
    pub(crate) fn gone(&self) {
        let all = core::mem::replace(&mut *self.all.lock(), RBTree::new());
        for space in all.values() {
            space.gone();
        }
    }
}
