// SPDX-License-Identifier: GPL-2.0
//! Links between devices, as a type.

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::Uuid;
use super::raw::kinds;
use super::raw::numbers;

numbers! {
    /// How a link is.
    LinkState {
        /// Turned off.
        Disabled = ACCEL_LINK_DISABLED, "disabled";
        /// Looks for the other side.
        Training = ACCEL_LINK_TRAINING, "training";
        /// Carries data.
        Up = ACCEL_LINK_UP, "up";
        /// Lost; the device looks for the other side again.
        Down = ACCEL_LINK_DOWN, "down";
    }
}

/// The other side of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other device, as in its [`Device`](super::Device).
    pub uuid: Uuid,
    /// Number of the link there.
    pub link: u32,
}

/// A link of a device to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// How it is.
    pub state: LinkState,
    /// The other side, while it is known.
    pub peer: Option<Peer>,
    /// Lanes in use; 0 unless up.
    pub lanes: u32,
    /// Bits per second in each direction; 0 unless up.
    pub speed: u64,
    /// Bytes of data sent.
    pub sent: u64,
    /// Bytes of data received.
    pub received: u64,
    /// Frames that arrived damaged.
    pub errors: u64,
    /// Frames that were sent again.
    pub replays: u64,
    /// How often it was up and was lost.
    pub losses: u64,
}

impl From<uapi::accel_info_link> for Link {
    fn from(raw: uapi::accel_info_link) -> Self {
        let peer = Peer {
            uuid: Uuid(raw.peer_uuid),
            link: raw.peer_link,
        };
        Link {
            state: raw.state.into(),
            peer: (raw.flags & uapi::ACCEL_LINK_PEER != 0).then_some(peer),
            lanes: raw.lanes,
            speed: raw.speed,
            sent: raw.sent,
            received: raw.received,
            errors: raw.errors,
            replays: raw.replays,
            losses: raw.losses,
        }
    }
}

kinds! {
    Link: Array, ACCEL_INFO_LINKS, accel_info_link;
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn a_peer_is_there_if_it_is_known() {
        let mut raw = uapi::accel_info_link::new_zeroed();
        raw.state = uapi::ACCEL_LINK_DOWN;
        assert_eq!(Link::from(raw).peer, None);
        assert_eq!(Link::from(raw).state, LinkState::Down);
        (raw.flags, raw.peer_link) = (uapi::ACCEL_LINK_PEER, 3);
        assert_eq!(Link::from(raw).peer.unwrap().link, 3);
    }
}
