// SPDX-License-Identifier: GPL-2.0

//! Memory that clients say they do not need: taken when the system is short of memory, the one that
//! is unneeded for longest first.
//!
//! A job must not name an unneeded buffer, and it becomes one while its client submits nothing; so it
//! is idle once the last job before that and all earlier ones have ended, those that are not armed
//! yet included. Nothing is taken while it is mapped in an address space, and a buffer that was ever
//! shared never (`kernel_ext::pages_purge` holds it).
//!
//! Who gives memory back may hold any lock: only locks under which nobody allocates memory are
//! waited for (those of queues and engines), all others are tried. The pages are charged to the
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
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    module_static::ModuleStatic,
    shrinker::{
        self,
        Shrink, //
    },
};

use crate::{
    buffer::Buffer,
    driver::Driver,
    file::File,
    submissions::Submissions,
    uapi::{
        accel_buffer_advise,
        ACCEL_ADVICE_DONTNEED,
        ACCEL_ADVICE_WILLNEED, //
    },
};

/// The jobs of a client.
trait Jobs: Send + Sync {
    /// Returns whether no engine uses what the jobs up to number `last` name.
    fn have_ended(&self, last: u64) -> bool;
}

impl<T: Driver> Jobs for Submissions<T> {
    fn have_ended(&self, last: u64) -> bool {
        self.have_ended(last)
    }
}

/// A buffer that is not needed.
struct Unneeded {
    buffer: Arc<Buffer>,
    jobs: Arc<dyn Jobs>,
    /// The last job that may name it.
    last_job: u64,
}

impl Unneeded {
    /// Gives its memory back, if that works now.
    fn purge(&self) -> bool {
        self.jobs.have_ended(self.last_job) && self.buffer.purge()
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
    let submissions = &file.client.submissions;
    submissions.give_up(|last_job| {
        let unneeded = Unneeded {
            buffer: buffer.clone(),
            jobs: submissions.clone(),
            last_job,
        };
        purger.reserve.add(room, unneeded);
    });
    // Closed meanwhile?
    let is_there = |now: Arc<Buffer>| Arc::ptr_eq(&now, buffer);
    if !file.handles.get(handle).is_ok_and(is_there) {
        forget(buffer);
    }
    Ok(())
}
