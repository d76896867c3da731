// SPDX-License-Identifier: GPL-2.0

//! Who uses [`Pages`](crate::pages::Pages), so that they can be taken back when nobody does.
//!
//! Nobody waits for anybody: users come in at any time until the pages were taken back, and those
//! can be only in a moment without users.

use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Full,
    Relaxed,
    Release, //
};

/// There are no pages any more.
const CLOSED: u32 = 1 << 31;

/// There is a user that stays.
const KEPT: u32 = 1 << 30;

/// A count of users, each of which takes memory or is a thread: it does not get near [`KEPT`].
pub(crate) struct Gate(Atomic<u32>);

/// A user; leaves when dropped.
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Comes in, unless it was closed.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let inside = Inside(self);
        match self.0.fetch_add(1, Acquire) & CLOSED {
            0 => Some(inside),
            _ => {
                drop(inside);
                None
            }
        }
    }

    /// Comes in to stay, until [`Gate::leave`]; returns whether it was open.
    pub(crate) fn enter_to_stay(&self) -> bool {
        self.enter().map(core::mem::forget).is_some()
    }

    /// Undoes [`Gate::enter_to_stay`].
    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Release);
    }

    /// Keeps it from being closed for ever; returns whether it was open.
    pub(crate) fn keep(&self) -> bool {
        let mut old = self.0.load(Relaxed);
        while old & (CLOSED | KEPT) == 0 {
            match self.0.cmpxchg(old, old | KEPT, Full) {
                Ok(_) => return true,
                Err(now) => old = now,
            }
        }
        old & CLOSED == 0
    }

    /// Closes it if there are no users but the `staying` ones of the caller.
    pub(crate) fn close(&self, staying: u32) -> bool {
        self.0.cmpxchg(staying, CLOSED | staying, Full).is_ok()
    }

    /// Undoes [`Gate::close`].
    pub(crate) fn reopen(&self) {
        self.0.fetch_sub(CLOSED, Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Acquire) & CLOSED != 0
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[kernel::prelude::kunit_tests(accel_pages_gate)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_only_without_users() {
        let gate = Gate::new();
        let inside = gate.enter();
        assert!(inside.is_some() && !gate.close(0) && gate.enter().is_some());
        drop(inside);
        assert!(gate.close(0) && gate.is_closed());
        assert!(gate.enter().is_none() && !gate.enter_to_stay() && !gate.keep());
        gate.reopen();
        assert!(gate.enter().is_some() && !gate.is_closed());
    }

    #[test]
    fn who_stays_can_close_it() {
        let gate = Gate::new();
        assert!(gate.enter_to_stay() && !gate.close(0));
        let inside = gate.enter();
        assert!(!gate.close(1));
        drop(inside);
        assert!(gate.close(1) && gate.is_closed());
        gate.leave();
        assert!(gate.is_closed() && gate.enter().is_none());
    }

    #[test]
    fn what_is_kept_is_never_closed() {
        let gate = Gate::new();
        assert!(gate.keep() && gate.keep());
        assert!(!gate.close(0) && !gate.close(1) && gate.enter().is_some());
    }
}
