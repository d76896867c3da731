// SPDX-License-Identifier: GPL-2.0

//! A gate: who comes waits there until it is ready, and all leave in the order in which they came.
//!
//! The jobs of a queue pass two. At the first they wait until they can be armed, at the second for
//! fences. Only the first one that waits is ever looked at, so somebody must look when
//! [`Gate::wait`] says that there is a new one, and when it becomes ready; and once more each time that
//! [`Gate::leave`] was called. Whoever decides and acts does it with one lock.

use super::fifo::Fifo;

/// A gate, with those that wait in `F`.
pub(crate) struct Gate<F> {
    waiting: F,
}

impl<F: Fifo> Gate<F> {
    /// Makes a gate where those in `waiting` wait.
    pub(crate) fn new(waiting: F) -> Self {
        Self { waiting }
    }

    /// Returns whether nobody waits: who comes and is ready may go on at once, and must not wait.
    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Has one wait behind the others. Returns whether it is the first, to be looked at.
    #[must_use]
    pub(crate) fn wait(&mut self, item: F::Item) -> bool {
        let is_first = self.waiting.is_empty();
        self.waiting.push_back(item);
        is_first
    }

    /// Takes the first one, which is ready.
    pub(crate) fn leave(&mut self) -> Option<F::Item> {
        self.waiting.pop_front()
    }

    /// Returns those that wait.
    pub(crate) fn waiting(&mut self) -> &mut F {
        &mut self.waiting
    }
}
