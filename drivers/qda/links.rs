// SPDX-License-Identifier: GPL-2.0

//! Links to other cards (Documentation/devices/qda/collective.rst).

use accel_core as accel;
use kernel::io::{
    register::Array,
    Io, //
};

use crate::{
    card::Card,
    pci::{
        counter,
        read64, //
    },
    regs, //
};

/// L_SPEED is in Mbit/s.
const MBIT: u64 = 1_000_000;

/// Returns what an L_STATE means.
pub(crate) fn state(raw: u32) -> accel::LinkState {
    match raw {
        regs::L_DISABLED => accel::LinkState::Disabled,
        regs::L_TRAINING => accel::LinkState::Training,
        regs::L_UP => accel::LinkState::Up,
        // That of a card that is gone, too.
        _ => accel::LinkState::Down,
    }
}

impl Card<'_> {
    /// Has all links look for other cards, now and whenever one is lost.
    pub(crate) fn enable_links(&self) {
        for link in 0..self.capabilities().links as usize {
            if let Some(at) = regs::L_CONTROL::try_at(link) {
                self.bar().write(at, regs::L_CONTROL::from(regs::L_ENABLE));
            }
        }
    }

    /// Looks how a link is.
    pub(crate) fn link(&self, link: usize) -> accel::LinkStatus {
        let up = accel::LinkState::Up;
        let found = (self.link_state(link) == up)
            .then(|| self.other_side(link))
            .flatten();
        // Else all of this may be of two times.
        let state = self.link_state(link);
        let (peer, speed, lanes) = found.filter(|_| state == up).unwrap_or((None, 0, 0));
        accel::LinkStatus {
            state,
            peer,
            speed,
            lanes,
            counters: self.link_counters(link),
        }
    }

    fn link_state(&self, link: usize) -> accel::LinkState {
        let raw = regs::L_STATE::try_at(link).map(|at| self.bar().read(at).into_raw());
        state(raw.unwrap_or(regs::GONE))
    }

    /// Returns what a link that is up leads to, its speed and its lanes.
    fn other_side(&self, link: usize) -> Option<(Option<accel::Peer>, u64, u32)> {
        let bar = self.bar();
        let speed = bar.read(regs::L_SPEED::try_at(link)?).into_raw();
        let lanes = bar.read(regs::L_WIDTH::try_at(link)?).into_raw();
        Some((self.link_peer(link), u64::from(speed) * MBIT, lanes))
    }

    /// Reads what a link has counted, if the card is there.
    fn link_counters(&self, link: usize) -> Option<accel::LinkCounters> {
        let bar = self.bar();
        Some(accel::LinkCounters {
            sent: counter(bar, regs::L_TX_BYTES::try_at(link)?)?,
            received: counter(bar, regs::L_RX_BYTES::try_at(link)?)?,
            errors: counter(bar, regs::L_CRC::try_at(link)?)?,
            replays: counter(bar, regs::L_REPLAYS::try_at(link)?)?,
            losses: counter(bar, regs::L_DOWNS::try_at(link)?)?,
        })
    }

    fn link_peer(&self, link: usize) -> Option<accel::Peer> {
        let bar = self.bar();
        let first = read64(bar, regs::L_PEER_UUID0::try_at(link)?);
        let second = read64(bar, regs::L_PEER_UUID1::try_at(link)?);
        let uuid = u128::from(first) | u128::from(second) << 64;
        Some(accel::Peer {
            uuid: uuid.to_le_bytes(),
            link: bar.read(regs::L_PEER_LINK::try_at(link)?).into_raw(),
        })
    }
}
