// SPDX-License-Identifier: GPL-2.0

//! Memory that clients say they do not need: taken when the system is short of memory, the one that
//! is unneeded for longest first.
//!
//! A job must not name an unneeded buffer, and it becomes one while its client arms nothing (its
//! [`Reservations`](crate::reservations) are locked); so it is idle once the fences have signalled that
//! are there then, and jobs that are armed later have ended. Nothing is taken while it is mapped in an address space, and a buffer that was ever
//! shared never (`kernel_ext::pages_purge` holds it).
//!
//! Who gives memory back may hold any lock: only locks under which nobody allocates memory are
//! waited for (those of schedulers), all others are tried. The pages are charged to the
//! memory cgroup of who made the buffer; who is short of memory may be another one, and gets it all
//! the same.

use kernel::{
    new_mutex,
    page::PAGE_SHIFT,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    dma_fence::Fence,
    module_static::ModuleStatic,
    shrinker::{
        self,
        Shrink, //
    },
};

use crate::{
    buffer::Buffer,
    device::Device,
    driver::Driver,
    file::File,
    uapi::{
        accel_buffer_advise,
        ACCEL_ADVICE_DONTNEED,
        ACCEL_ADVICE_WILLNEED, //
    },
};

/// A device.
trait Engines: Send + Sync {
    /// Returns whether they stop when they are told to: one that could not be reset may go on with a
    /// job that has ended.
    fn obey(&self) -> bool;
}

impl<T: Driver> Engines for Device<T> {
    fn obey(&self) -> bool {
        self.schedulers.iter().all(|s| s.check().is_ok())
    }
}

/// A buffer that is not needed.
struct Unneeded {
    buffer: Arc<Buffer>,
    engines: Arc<dyn Engines>,
    /// Of the jobs that may name it.
    fences: KVec<ARef<Fence>>,
}

impl Unneeded {
    /// Gives its memory back, if that works now.
    fn purge(&self) -> bool {
        let is_idle = self.fences.iter().all(|fence| fence.is_signaled());
        is_idle && !self.buffer.is_kept() && self.engines.obey() && self.buffer.purge()
    }
}

fn pages(buffer: &Buffer) -> usize {
    buffer.size() >> PAGE_SHIFT
}

struct State {
    /// In the order in which they became so.
    buffers: RBTree<u64, Unneeded>,
    last: u64,
}

/// All buffers that are not needed, of all devices.
#[pin_data]
struct Reserve {
    #[pin]
    state: Mutex<State>,
    /// How many pages they have.
    pages: Atomic<usize>,
}

/// They, and what gives them back.
pub(crate) struct Purger {
    reserve: Arc<Reserve>,
    _shrinker: shrinker::Registration<Reserve>,
}

/// Set while the module is loaded.
pub(crate) static PURGER: ModuleStatic<Purger> = ModuleStatic::new();

impl Purger {
    pub(crate) fn new() -> Result<Self> {
        let state = State {
            buffers: RBTree::new(),
            last: 0,
        };
        let reserve = Arc::pin_init(
            pin_init!(Reserve {
                state <- new_mutex!(state, "accel_unneeded"),
                pages: Atomic::new(0),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _shrinker: shrinker::Registration::new(c"accel", reserve.clone())?,
            reserve,
        })
    }
}

impl Reserve {
    /// Adds a buffer, unless it is there.
    fn add(&self, room: RBTreeNodeReservation<u64, Unneeded>, unneeded: Unneeded) {
        let mut state = self.state.lock();
        let number = state.last + 1;
        if unneeded.buffer.set_unneeded(number) {
            state.last = number;
            self.pages.fetch_add(pages(&unneeded.buffer), Relaxed);
            state.buffers.insert(room.into_node(number, unneeded));
        }
    }

    /// Takes a buffer out, if it is there, and says that it is needed, unless it was purged.
    fn remove(&self, buffer: &Buffer) {
        let mut state = self.state.lock();
        let number = buffer.set_needed();
        let node = number.and_then(|number| state.buffers.remove_node(&number));
        if node.is_some() {
            self.pages.fetch_sub(pages(buffer), Relaxed);
        }
        drop(state);
        drop(node);
    }
}

impl Shrink for Reserve {
    fn count(&self) -> usize {
        self.pages.load(Relaxed)
    }

    fn scan(&self, most: usize) -> usize {
        let Some(mut state) = self.state.try_lock() else {
            return 0;
        };
        let mut freed = 0;
        let mut next = state.buffers.cursor_front_mut();
        while let (Some(cursor), true) = (next, freed < most) {
            let unneeded = cursor.current().1;
            if !unneeded.purge() {
                next = cursor.move_next();
                continue;
            }
            unneeded.buffer.set_purged();
            let pages = pages(&unneeded.buffer);
            freed += pages;
            self.pages.fetch_sub(pages, Relaxed);
            let (after, node) = cursor.remove_current();
            // Not the last reference: the handle takes the lock before it goes.
            drop(node);
            next = after;
        }
        freed
    }
}

/// Says that nobody needs `buffer` to be purgeable any more, as its handle is gone.
#[inline]
pub(crate) fn forget(buffer: &Buffer) {
    if buffer.is_listed_unneeded() {
        forget_unneeded(buffer);
    }
}

#[cold]
fn forget_unneeded(buffer: &Buffer) {
    if let Some(purger) = PURGER.get() {
        purger.reserve.remove(buffer);
    }
}

/// ACCEL_IOCTL_BUFFER_ADVISE
pub(crate) fn advise<T: Driver>(file: &File<T>, args: &mut accel_buffer_advise) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let buffer = file.handles.get(args.handle)?;
    match args.advice {
        ACCEL_ADVICE_WILLNEED => forget(&buffer),
        ACCEL_ADVICE_DONTNEED => give_up(file, args.handle, &buffer)?,
        _ => return Err(EINVAL),
    }
    args.retained = u32::from(!buffer.was_purged());
    Ok(())
}

/// Lets the memory of a buffer be taken.
fn give_up<T: Driver>(file: &File<T>, handle: u32, buffer: &Arc<Buffer>) -> Result {
    if !buffer.can_purge() {
        return Err(EOPNOTSUPP);
    }
    if buffer.resv().is_some() {
        return Err(EBUSY);
    }
    let room = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
    let purger = PURGER.get().ok_or(ENODEV)?;
    let engines = file.client.device.clone();
    file.client.reservations.give_up(|fences| {
        let unneeded = Unneeded {
            buffer: buffer.clone(),
            engines,
            fences,
        };
        purger.reserve.add(room, unneeded);
    })?;
    // Closed meanwhile?
    let is_there = |now: Arc<Buffer>| Arc::ptr_eq(&now, buffer);
    if !file.handles.get(handle).is_ok_and(is_there) {
        forget(buffer);
    }
    Ok(())
}
