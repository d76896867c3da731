// SPDX-License-Identifier: GPL-2.0

//! The timelines of a file by their handles, and those of a device for the day when it goes.

use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        new_spinlock_irq,
        Arc,
        Mutex,
        SpinLockIrq, //
    }, //
};

use crate::{
    ioctl::Commit,
    lock_class,
    table::Table,
    timeline::{
        Shared,
        Timeline, //
    },
    uapi::ACCEL_TIMELINE_MAX,
};

/// The timelines of a file.
#[pin_data]
pub(crate) struct Timelines {
    #[pin]
    table: Mutex<Table<Arc<Timeline>>>,
}

impl Timelines {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::timelines();
        pin_init!(Self {
            table <- Mutex::new(Table::new(), name, key),
        })
    }

    /// Reserves a handle for `timeline`. EDQUOT: there are too many; ENOMEM.
    pub(crate) fn reserve(&self, timeline: Timeline) -> Result<ReservedHandle<'_>> {
        let timeline = Arc::new(timeline, GFP_KERNEL_ACCOUNT)?;
        Ok(ReservedHandle {
            handle: self.table.lock().reserve(ACCEL_TIMELINE_MAX)?,
            timelines: self,
            timeline: Some(timeline),
        })
    }

    /// Returns the timeline with this handle; ENOENT if there is none.
    pub(crate) fn get(&self, handle: u32) -> Result<Arc<Timeline>> {
        self.table.lock().get(handle).cloned().ok_or(ENOENT)
    }

    /// Gives a handle back; ENOENT if there is none.
    pub(crate) fn remove(&self, handle: u32) -> Result {
        let timeline = self.table.lock().remove(handle).ok_or(ENOENT)?;
        timeline.close();
        Ok(())
    }
}

/// A handle that nobody can use yet; given back when dropped, unless committed.
pub(crate) struct ReservedHandle<'a> {
    timelines: &'a Timelines,
    handle: u32,
    timeline: Option<Arc<Timeline>>,
}

impl ReservedHandle<'_> {
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }
}

impl Commit for ReservedHandle<'_> {
    fn commit(mut self) {
        if let Some(timeline) = self.timeline.take() {
            self.timelines.table.lock().publish(self.handle, timeline);
        }
    }
}

impl Drop for ReservedHandle<'_> {
    fn drop(&mut self) {
        if self.timeline.is_some() {
            self.timelines.table.lock().cancel(self.handle);
        }
    }
}

struct All {
    /// `None`: the device is gone.
    tree: Option<RBTree<u64, Arc<Shared>>>,
    number: u64,
}

/// All timelines of a device.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    all: SpinLockIrq<All>,
}

impl Registry {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let all = All {
            tree: Some(RBTree::new()),
            number: 0,
        };
        Arc::pin_init(
            pin_init!(Self {
                all <- new_spinlock_irq!(all, "timelines"),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds one, and returns by what it can be removed. ENODEV: the device is gone; ENOMEM.
    pub(crate) fn add(&self, timeline: &Arc<Shared>) -> Result<u64> {
        let place = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let mut all = self.all.lock();
        all.number += 1;
        let number = all.number;
        let Some(tree) = &mut all.tree else {
            drop(all);
            return Err(ENODEV);
        };
        // Nothing is replaced: the number is new.
        tree.insert(place.into_node(number, timeline.clone()));
        Ok(number)
    }

    /// Removes one.
    pub(crate) fn remove(&self, number: u64) {
        let mut all = self.all.lock();
        let node = Option::as_mut(&mut all.tree).and_then(|tree| tree.remove_node(&number));
        drop(all);
        drop(node);
    }

    /// The device is gone: whoever waits is told so.
    pub(crate) fn gone(&self) {
        let all = self.all.lock().tree.take();
        for timeline in all.iter().flat_map(RBTree::values) {
            timeline.gone();
        }
    }
}
