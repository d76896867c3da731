// SPDX-License-Identifier: GPL-2.0

//! Arithmetic on ranges of byte offsets within a region.

use super::refusal::Reason;

/// Offsets from `start` up to, not including, `end`: the hull of what an access touches.
///
/// May lie partly below zero while it is computed; `Footprint` refuses it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Span {
    /// `length` bytes from `base`.
    pub(super) fn new(base: u64, length: u64) -> Result<Self, Reason> {
        let start = i64::try_from(base).map_err(|_| Reason::Overflow)?;
        let length = i64::try_from(length).map_err(|_| Reason::Overflow)?;
        let end = start.checked_add(length).ok_or(Reason::Overflow)?;
        Ok(Self { start, end })
    }

    /// The hull of `count` (at least one) such spans, each `step` bytes after the one before.
    pub(super) fn repeat(self, count: u64, step: i64) -> Result<Self, Reason> {
        let steps = i64::try_from(count)
            .map_err(|_| Reason::Overflow)?
            .saturating_sub(1);
        let reach = steps.checked_mul(step).ok_or(Reason::Overflow)?;
        Ok(self.union(self.shift(reach)?))
    }

    /// The span moved by `distance` bytes.
    pub(super) fn shift(self, distance: i64) -> Result<Self, Reason> {
        Ok(Self {
            start: self.start.checked_add(distance).ok_or(Reason::Overflow)?,
            end: self.end.checked_add(distance).ok_or(Reason::Overflow)?,
        })
    }

    /// The hull of both.
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}
