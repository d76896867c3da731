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
        SpinLockIrq, //
    }, //
};

use crate::{
    lock_class,
    objects::Objects,
    timeline::{
        Shared,
        Timeline, //
    },
    uapi::ACCEL_TIMELINE_MAX,
};

/// The timelines of a file.
pub(crate) type Timelines = Objects<Timeline>;

pub(crate) fn new() -> impl PinInit<Timelines> {
    Objects::new(ACCEL_TIMELINE_MAX, lock_class::timelines())
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
