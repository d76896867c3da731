// SPDX-License-Identifier: GPL-2.0

//! Objects that are listed for as long as they exist, by whomever they are held.
//!
//! The list holds no references: an object joins it when it is made and leaves it before any part of
//! it is dropped. So who goes through the list, with its lock, finds all of them alive, and the last
//! user of an object waits for that.
//!
//! C header: none; what `struct list_head` and a mutex do elsewhere.

use core::{
    cell::UnsafeCell,
    marker::PhantomPinned,
    ops::Deref,
    ptr, //
};
use kernel::{
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        LockClassKey,
        Mutex, //
    },
};

/// Not generic: lockdep wants one name for each key.
#[inline(never)]
fn lock_class() -> (&'static CStr, Pin<&'static LockClassKey>) {
    (c"tracker", static_lock_class!())
}

/// Something that can be listed.
pub trait Track: Send + Sync + Sized + 'static {
    /// What is kept with it and can be changed, for those who go through the list.
    type Note: Send;

    /// Returns the list that it is in; always the same one.
    fn tracker(&self) -> &Tracker<Self>;

    /// Returns what it adds to the sum; always the same, unless [`Tracker::lighten`] is told.
    fn weight(&self) -> u64;
}

/// A list of objects, and the sum of their weights.
#[pin_data]
pub struct Tracker<T: Track> {
    #[pin]
    members: Mutex<Members<T>>,
    sum: Atomic<u64>,
}

struct Members<T: Track> {
    newest: *const Tracked<T>,
}

// SAFETY: Pointers to what is `Send` and `Sync`.
unsafe impl<T: Track> Send for Members<T> {}

impl<T: Track> Tracker<T> {
    /// Makes an empty list.
    pub fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class();
        let members = Members {
            newest: ptr::null(),
        };
        pin_init!(Self {
            members <- Mutex::new(members, name, key),
            sum: Atomic::new(0),
        })
    }

    /// Returns the sum of all weights.
    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }

    /// One of the objects, which the caller keeps meanwhile, weighs so much less. Takes no locks.
    pub fn lighten(&self, weight: u64) {
        self.sum.fetch_sub(weight, Relaxed);
    }

    /// Calls `f` with each object, the newest first, until it fails. `f` must not make or drop any of
    /// them.
    pub fn try_for_each<E>(
        &self,
        mut f: impl FnMut(&T, &T::Note) -> Result<(), E>,
    ) -> Result<(), E> {
        let members = self.members.lock();
        let mut next = members.newest;
        // SAFETY: By the type invariants of `Tracked`, as we have the lock.
        while let Some(tracked) = unsafe { next.as_ref() } {
            // SAFETY: As above.
            let (links, note) = unsafe { (&*tracked.links.get(), &*tracked.note.get()) };
            f(&tracked.value, note)?;
            next = links.older;
        }
        Ok(())
    }
}

struct Links<T: Track> {
    older: *const Tracked<T>,
    newer: *const Tracked<T>,
}

/// An object that is listed.
///
/// # Invariants
///
/// From when it is made until it is dropped it is in the list of `value.tracker()`: `links` are its
/// neighbours, null at the ends. `links` and `note` are accessed with the lock of the list only.
#[pin_data(PinnedDrop)]
pub struct Tracked<T: Track> {
    links: UnsafeCell<Links<T>>,
    note: UnsafeCell<T::Note>,
    value: T,
    #[pin]
    _pin: PhantomPinned,
}

// SAFETY: `links` and `note`, which is `Send`, are protected by a lock.
unsafe impl<T: Track> Send for Tracked<T> {}
// SAFETY: As above.
unsafe impl<T: Track> Sync for Tracked<T> {}

impl<T: Track> Tracked<T> {
    /// Makes an object that is listed from now on. May sleep.
    #[inline]
    pub fn new(value: T, note: T::Note) -> impl PinInit<Self> {
        // INVARIANT: The block adds it to the list.
        pin_init!(&this in Self {
            links: UnsafeCell::new(Links {
                older: ptr::null(),
                newer: ptr::null(),
            }),
            note: UnsafeCell::new(note),
            value,
            _pin: PhantomPinned,
            // SAFETY: All fields are there, and it stays where it is until it is dropped.
            _: { unsafe { this.as_ref() }.join() },
        })
    }

    fn join(&self) {
        let tracker = self.value.tracker();
        tracker.sum.fetch_add(self.value.weight(), Relaxed);
        let mut members = tracker.members.lock();
        let older = members.newest;
        // SAFETY: With the lock; by the type invariants the members are alive.
        unsafe {
            (*self.links.get()).older = older;
            if let Some(older) = older.as_ref() {
                (*older.links.get()).newer = self;
            }
        }
        members.newest = self;
    }

    fn leave(&self) {
        let tracker = self.value.tracker();
        tracker.sum.fetch_sub(self.value.weight(), Relaxed);
        let mut members = tracker.members.lock();
        // SAFETY: As in `join`.
        unsafe {
            let Links { older, newer } = *self.links.get();
            match newer.as_ref() {
                Some(newer) => (*newer.links.get()).older = older,
                None => members.newest = older,
            }
            if let Some(older) = older.as_ref() {
                (*older.links.get()).newer = newer;
            }
        }
    }

    /// Changes the note; returns the old one, which is to be dropped without locks.
    pub fn set_note(&self, note: T::Note) -> T::Note {
        let _members = self.value.tracker().members.lock();
        // SAFETY: With the lock nobody else accesses it.
        core::mem::replace(unsafe { &mut *self.note.get() }, note)
    }
}

impl<T: Track> Deref for Tracked<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

#[pinned_drop]
impl<T: Track> PinnedDrop for Tracked<T> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        self.into_ref().leave();
    }
}

#[kunit_tests(accel_tracker)]
mod tests {
    use super::*;
    use kernel::sync::Arc;

    struct Member {
        list: Arc<Tracker<Member>>,
        weight: u64,
    }

    impl Track for Member {
        type Note = u64;

        fn tracker(&self) -> &Tracker<Self> {
            &self.list
        }

        fn weight(&self) -> u64 {
            self.weight
        }
    }

    fn add(list: &Arc<Tracker<Member>>, weight: u64) -> Result<Arc<Tracked<Member>>> {
        let member = Member {
            list: list.clone(),
            weight,
        };
        Arc::pin_init(Tracked::new(member, 10 * weight), GFP_KERNEL)
    }

    /// Weights and notes, one decimal digit each and the newest first.
    fn digits(list: &Tracker<Member>) -> (u64, u64) {
        let mut all = (0, 0);
        let _ = list.try_for_each(|member, note| {
            all = (10 * all.0 + member.weight, 10 * all.1 + note / 10);
            Ok::<_, Error>(())
        });
        all
    }

    #[test]
    fn who_exists_is_listed() -> Result {
        let list = Arc::pin_init(Tracker::new(), GFP_KERNEL)?;
        assert_eq!((list.sum(), digits(&list)), (0, (0, 0)));
        let (one, two, three) = (add(&list, 1)?, add(&list, 2)?, add(&list, 3)?);
        assert_eq!((list.sum(), digits(&list)), (6, (321, 321)));
        let again = two.clone();
        drop(two);
        assert_eq!(digits(&list).0, 321);
        assert_eq!(again.set_note(70), 20);
        assert_eq!(digits(&list).1, 371);
        drop(again);
        assert_eq!((list.sum(), digits(&list).0), (4, 31));
        let four = add(&list, 4)?;
        drop(one);
        assert_eq!(digits(&list).0, 43);
        drop(four);
        assert_eq!(digits(&list).0, 3);
        drop(three);
        assert_eq!((list.sum(), digits(&list)), (0, (0, 0)));
        Ok(())
    }

    #[test]
    fn going_through_ends_where_it_fails() -> Result {
        let list = Arc::pin_init(Tracker::new(), GFP_KERNEL)?;
        let _members = [add(&list, 1)?, add(&list, 2)?, add(&list, 3)?];
        let mut seen = 0;
        let result = list.try_for_each(|member, _| {
            seen = member.weight;
            if seen == 2 {
                Err(EIO)
            } else {
                Ok(())
            }
        });
        assert_eq!((result, seen), (Err(EIO), 2));
        Ok(())
    }
}
