// SPDX-License-Identifier: GPL-2.0

//! Objects of a file, by their handles.

use kernel::{
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

use crate::{
    ioctl::Commit,
    lock_class::Class,
    table::Table, //
};

/// The objects of one kind that a file has.
#[pin_data]
pub(crate) struct Objects<O> {
    #[pin]
    table: Mutex<Table<Arc<O>>>,
    most: u32,
}

impl<O> Objects<O> {
    /// At most `most`; `class` is that of the lock.
    pub(crate) fn new(most: u32, class: Class) -> impl PinInit<Self> {
        pin_init!(Self {
            table <- Mutex::new(Table::new(), class.0, class.1),
            most,
        })
    }

    /// Reserves a handle for `object`. EDQUOT: there are too many; ENOMEM.
    pub(crate) fn reserve(&self, object: O) -> Result<Reserved<'_, O>> {
        let object = Arc::new(object, GFP_KERNEL_ACCOUNT)?;
        Ok(Reserved {
            handle: self.table.lock().reserve(self.most)?,
            objects: self,
            object: Some(object),
        })
    }

    /// Returns the object with this handle, which stays while the result does; ENOENT if there is none.
    pub(crate) fn get(&self, handle: u32) -> Result<Arc<O>> {
        self.table.lock().get(handle).cloned().ok_or(ENOENT)
    }

    /// Takes the object with this handle out; ENOENT if there is none.
    pub(crate) fn remove(&self, handle: u32) -> Result<Arc<O>> {
        self.table.lock().remove(handle).ok_or(ENOENT)
    }
}

/// A handle that nobody can use yet; given back when dropped, unless committed.
pub(crate) struct Reserved<'a, O> {
    objects: &'a Objects<O>,
    handle: u32,
    object: Option<Arc<O>>,
}

impl<O> Reserved<'_, O> {
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }
}

impl<O> Commit for Reserved<'_, O> {
    fn commit(mut self) {
        if let Some(object) = self.object.take() {
            self.objects.table.lock().publish(self.handle, object);
        }
    }
}

impl<O> Drop for Reserved<'_, O> {
    fn drop(&mut self) {
        if self.object.is_some() {
            self.objects.table.lock().cancel(self.handle);
        }
    }
}
