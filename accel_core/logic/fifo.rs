// SPDX-License-Identifier: GPL-2.0

//! A list that who comes first leaves first: of jobs in the kernel, of anything in tests.

/// A list with two ends. None of its calls allocates or fails.
pub(crate) trait Fifo {
    /// What is in it.
    type Item;

    /// Adds the last one.
    fn push_back(&mut self, item: Self::Item);

    /// Takes the first one.
    fn pop_front(&mut self) -> Option<Self::Item>;

    /// Returns whether there is none.
    fn is_empty(&self) -> bool;
}

/// One whose items can be put back.
pub(crate) trait Deque: Fifo {
    /// Adds the first one.
    fn push_front(&mut self, item: Self::Item);

    /// Takes the last one.
    fn pop_back(&mut self) -> Option<Self::Item>;
}
