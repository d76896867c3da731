// SPDX-License-Identifier: GPL-2.0

//! What becomes of a client whose jobs hang or break the device: it is slowed down, then banned.
//!
//! A leaky bucket, kept as the one time at which it is empty (as in the generic cell rate algorithm,
//! ITU-T I.371): each offence adds to it, and time takes away. One offence now and then has no
//! consequences, several in a row have more and more, and everything is forgiven in the end. i915
//! bans contexts and clients by such a score, too (`I915_CLIENT_SCORE_*`).

use super::recovery::Step;

/// How long it takes until an offence is forgotten for which one job was stopped.
pub(crate) const PENALTY_NS: u64 = 30_000_000_000;

/// With more than this, a client is slowed down: with the second job in a row that was stopped, or
/// the first reset.
pub(crate) const SLOW_NS: u64 = PENALTY_NS;

/// With more than this, it is banned until all is forgotten: with the sixth job in a row, the third
/// reset of an engine, or the second of the device.
pub(crate) const BAN_NS: u64 = 5 * PENALTY_NS;

/// What is on record never takes longer than this to be forgotten.
pub(crate) const MAX_NS: u64 = 20 * PENALTY_NS;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    /// It gets a `2^n`th of its share: see [`super::schedule::Schedule::slow_down`].
    Slowed(u32),
    /// Its jobs are refused, until this time.
    Banned(u64),
}

impl Standing {
    /// Returns log2 of by how much its jobs are slowed down; not those that are refused.
    pub(crate) fn slowdown(self) -> u32 {
        match self {
            Standing::Slowed(slowdown) => slowdown,
            Standing::Good | Standing::Banned(_) => 0,
        }
    }
}

/// The record of a client.
#[derive(Clone, Copy, Default)]
pub(crate) struct Record {
    /// When all is forgotten.
    clear_at: u64,
    is_banned: bool,
}

impl Record {
    /// Notes that a job of the client made a step of recovery necessary: the more others are disturbed
    /// by that, the worse. Returns what follows.
    pub(crate) fn offend(&mut self, step: Step, now: u64) -> Standing {
        self.forget(now);
        let penalty = weight(step) * PENALTY_NS;
        let from = self.clear_at.max(now);
        let latest = now.saturating_add(MAX_NS);
        self.clear_at = from.saturating_add(penalty).min(latest);
        self.is_banned |= self.debt(now) > BAN_NS;
        self.standing(now)
    }

    /// Returns what the client may do.
    pub(crate) fn standing(&self, now: u64) -> Standing {
        match self.debt(now) {
            1.. if self.is_banned => Standing::Banned(self.clear_at),
            debt if debt > SLOW_NS => Standing::Slowed(slowdown(debt)),
            _ => Standing::Good,
        }
    }

    fn debt(&self, now: u64) -> u64 {
        self.clear_at.saturating_sub(now)
    }

    fn forget(&mut self, now: u64) {
        self.is_banned &= self.debt(now) > 0;
    }
}

/// Returns how many penalties a step counts.
fn weight(step: Step) -> u64 {
    match step {
        Step::Job | Step::Context => 1,
        Step::Engine => 2,
        Step::Device | Step::Wedge => 4,
    }
}

/// Returns log2 of the slowdown: one for each offence on record, but the first.
fn slowdown(debt: u64) -> u32 {
    ((debt - 1) / PENALTY_NS) as u32
}
