// SPDX-License-Identifier: GPL-2.0

//! Scrubbing: an engine fills memory with zeroes that nobody uses any more.

use core::ops::Range;
use kernel::{
    io::poll::read_poll_timeout,
    prelude::*,
    sync::atomic::Relaxed,
    time::Delta, //
};
use zerocopy::IntoBytes;

use crate::{
    card::Card,
    queue::Queue,
    uapi::{
        self,
        accel_qda_packet, //
    }, //
};

/// Which engine scrubs, and how long all that is before a scrub on it may take, milliseconds.
pub(crate) const SCRUB_ENGINE: usize = 1;
const SCRUB_MS: u32 = 10_000;

impl Card<'_> {
    /// Fills a range of the card's memory with zeroes. EIO: that failed.
    pub(crate) fn scrub(&self, range: Range<u64>) -> Result {
        let most = self.capabilities().limit_bytes & !3;
        for start in range.clone().step_by(most as usize) {
            let packet = accel_qda_packet {
                opcode: uapi::ACCEL_QDA_FILL as u8,
                d: start,
                rows: 1,
                columns: u32::try_from(range.end - start).map_or(most, |size| size.min(most)),
                ..Default::default()
            };
            // Resets that others are guilty of may have hit it.
            let tries = || self.fill(&packet);
            tries().or_else(|_| tries()).or_else(|_| tries())?;
        }
        Ok(())
    }

    fn fill(&self, packet: &accel_qda_packet) -> Result {
        let resets = self.state.resets.load(Relaxed);
        // Not in a reset of the card, which would wait for us.
        drop(self.state.setup.lock());
        let queue = self.state.scrubber.lock();
        let queue = queue.as_ref().ok_or(EIO)?;
        let has_lost = || self.state.resets.load(Relaxed) != resets;
        match has_lost() {
            true => Err(EIO),
            false => self.execute(queue, packet.as_bytes(), has_lost),
        }
    }

    /// Has an engine execute packets, and waits for their end. EIO: they failed, or did not end, or the
    /// card `has_lost` its queues.
    fn execute(&self, queue: &Queue, packets: &[u8], has_lost: impl Fn() -> bool) -> Result {
        let end = self.ring(queue, packets)?;
        let outcome = read_poll_timeout(
            || Ok((self.ended(queue, end), has_lost())),
            |(outcome, has_lost)| outcome.is_some() || *has_lost,
            Delta::from_micros(100),
            Delta::from_millis(SCRUB_MS.into()),
        );
        match outcome {
            Ok((Some(Ok(())), _)) => Ok(()),
            Ok((_, true)) => Err(EIO),
            _ => {
                self.give_up(queue, end)?;
                Err(EIO)
            }
        }
    }
}
