// SPDX-License-Identifier: GPL-2.0

//! Links to other cards (Documentation/devices/qda/collective.rst).

use accel_core as accel;
use kernel::io::{
    register::Array,
    Io, //
};

use crate::{
    card::Card,
    pci::read64,
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

    /// Returns what is known of a link, if there is such a one.
    pub(crate) fn link(&self, link: usize) -> Option<accel::Link> {
        if link >= self.capabilities().links as usize {
            return None;
        }
        let bar = self.bar();
        let state = self.link_state(link)?;
        let is_up = state == accel::LinkState::Up;
        let speed = bar.read(regs::L_SPEED::try_at(link)?).into_raw();
        let lanes = bar.read(regs::L_WIDTH::try_at(link)?).into_raw();
        let peer = is_up.then(|| self.link_peer(link)).flatten();
        // Else all of this may be of two times.
        let is_up = is_up && self.link_state(link)? == state;
        Some(accel::Link {
            state: self.link_state(link)?,
            peer: peer.filter(|_| is_up),
            speed: if is_up { u64::from(speed) * MBIT } else { 0 },
            lanes: if is_up { lanes } else { 0 },
            sent: read64(bar, regs::L_TX_BYTES::try_at(link)?),
            received: read64(bar, regs::L_RX_BYTES::try_at(link)?),
            errors: read64(bar, regs::L_CRC::try_at(link)?),
            replays: read64(bar, regs::L_REPLAYS::try_at(link)?),
            losses: read64(bar, regs::L_DOWNS::try_at(link)?),
        })
    }

    fn link_state(&self, link: usize) -> Option<accel::LinkState> {
        let at = regs::L_STATE::try_at(link)?;
        Some(state(self.bar().read(at).into_raw()))
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
