// SPDX-License-Identifier: GPL-2.0

//! The jobs of a queue: their numbers, how many are unfinished, and the status of the last ones.

/// Why a number has no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No job had this number yet.
    Never,
    /// The status has been overwritten.
    Forgotten,
}

/// A ring of statuses of type `S` in the storage `B`, which decides how many there are.
///
/// Numbers count up from 1. At most `depth` jobs are unfinished, and an unfinished job is never
/// overwritten, however many later ones have ended.
///
/// # Invariants
///
/// `unfinished <= depth < slots`; job `n` is in slot `n % slots`.
pub(crate) struct History<B> {
    slots: B,
    last: u64,
    unfinished: usize,
    depth: usize,
}

impl<B> History<B> {
    /// Makes an empty history.
    pub(crate) fn new<S>(slots: B, depth: usize) -> Self
    where
        B: AsRef<[S]>,
    {
        let depth = depth.min(slots.as_ref().len().saturating_sub(1));
        Self {
            slots,
            last: 0,
            unfinished: 0,
            depth,
        }
    }

    /// Returns how many jobs are unfinished.
    #[inline]
    pub(crate) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Begins a job with status `status` and returns its number; `None` if too many are unfinished,
    /// or the one that would be overwritten is.
    pub(crate) fn begin<S>(&mut self, status: S, is_unfinished: impl Fn(&S) -> bool) -> Option<u64>
    where
        B: AsMut<[S]>,
    {
        if self.unfinished >= self.depth {
            return None;
        }
        let number = self.last.checked_add(1)?;
        let slots = self.slots.as_mut();
        let oldest = slots.get_mut(slot(number, slots.len())?)?;
        if is_unfinished(oldest) {
            return None;
        }
        *oldest = status;
        self.last = number;
        self.unfinished += 1;
        Some(number)
    }

    /// Returns how many statuses have been overwritten: those of the first jobs.
    pub(crate) fn overwritten<S>(&self) -> u64
    where
        B: AsRef<[S]>,
    {
        self.last.saturating_sub(self.slots.as_ref().len() as u64)
    }

    /// Notes that a job has ended.
    pub(crate) fn end(&mut self) {
        self.unfinished = self.unfinished.saturating_sub(1);
    }

    /// Returns the status of job `number`.
    pub(crate) fn get<S>(&self, number: u64) -> Result<&S, Missing>
    where
        B: AsRef<[S]>,
    {
        let slots = self.slots.as_ref();
        let index = self.find(number, slots.len())?;
        slots.get(index).ok_or(Missing::Never)
    }

    /// As [`History::get`], to change it.
    pub(crate) fn get_mut<S>(&mut self, number: u64) -> Result<&mut S, Missing>
    where
        B: AsMut<[S]>,
    {
        let len = self.slots.as_mut().len();
        let index = self.find(number, len)?;
        self.slots.as_mut().get_mut(index).ok_or(Missing::Never)
    }

    fn find(&self, number: u64, len: usize) -> Result<usize, Missing> {
        if number == 0 || number > self.last {
            return Err(Missing::Never);
        }
        if self.last - number >= len as u64 {
            return Err(Missing::Forgotten);
        }
        slot(number, len).ok_or(Missing::Never)
    }
}

fn slot(number: u64, len: usize) -> Option<usize> {
    usize::try_from(number.checked_rem(len as u64)?).ok()
}
