// SPDX-License-Identifier: GPL-2.0

//! Links between devices, as a driver knows them: what INFO tells of the topology.

use kernel::prelude::*;

use crate::{
    answer::Answer,
    device::Bound,
    driver::Driver,
    uapi::{
        self,
        accel_info_link, //
    },
};

/// How a link is (`enum accel_link_state`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum LinkState {
    /// It is turned off.
    Disabled = uapi::ACCEL_LINK_DISABLED,
    /// It looks for the other side.
    Training = uapi::ACCEL_LINK_TRAINING,
    /// It carries data.
    Up = uapi::ACCEL_LINK_UP,
    /// It was lost.
    Down = uapi::ACCEL_LINK_DOWN,
}

/// The other side of a link.
#[derive(Clone, Copy)]
pub struct Peer {
    /// UUID of the other device, as in its [`Setup`](crate::Setup).
    pub uuid: [u8; 16],
    /// Number of the link there.
    pub link: u32,
}

/// A link to another device; [`Driver::link`]. Counters never go back.
pub struct Link {
    /// How it is.
    pub state: LinkState,
    /// The other side, while it is known.
    pub peer: Option<Peer>,
    /// Bits per second in each direction; 0 unless up.
    pub speed: u64,
    /// Lanes in use; 0 unless up.
    pub lanes: u32,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// Frames that arrived damaged.
    pub errors: u64,
    /// Frames that were sent again.
    pub replays: u64,
    /// How often it was up and was lost.
    pub losses: u64,
}

impl Link {
    fn to_user(&self) -> accel_info_link {
        let (uuid, link) = self
            .peer
            .map_or(([0; 16], 0), |peer| (peer.uuid, peer.link));
        accel_info_link {
            state: self.state as u32,
            flags: match self.peer {
                Some(_) => uapi::ACCEL_LINK_PEER,
                None => 0,
            },
            peer_uuid: uuid,
            peer_link: link,
            lanes: self.lanes,
            speed: self.speed,
            sent: self.sent,
            received: self.received,
            errors: self.errors,
            replays: self.replays,
            losses: self.losses,
        }
    }
}

/// Answers ACCEL_INFO_LINKS.
pub(crate) fn links<T: Driver>(bound: &Bound<'_, T>, answer: &mut Answer) -> Result {
    if !T::HAS_LINK {
        return Ok(());
    }
    let links = (0..).map_while(|index| T::link(&bound.data, index));
    links
        .into_iter()
        .try_for_each(|link| answer.push(&link.to_user()))
}
