// SPDX-License-Identifier: GPL-2.0

//! Links between devices, as a driver knows them: what INFO tells of the topology.

use kernel::prelude::*;

use super::Panel;
use crate::{
    answer::Answer,
    device::Bound,
    driver::Driver,
    logic::counter::Counter,
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

/// What a link has counted. What users see goes on when the device begins anew.
#[derive(Clone, Copy)]
pub struct LinkCounters {
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

/// How a link to another device is.
pub struct LinkStatus {
    /// How it is.
    pub state: LinkState,
    /// The other side, while it is known.
    pub peer: Option<Peer>,
    /// Bits per second in each direction; 0 unless up.
    pub speed: u64,
    /// Lanes in use; 0 unless up.
    pub lanes: u32,
    /// What it has counted; `None` if that cannot be read at the moment.
    pub counters: Option<LinkCounters>,
}

/// A link to another device, a row of [`Telemetry`](super::Telemetry).
pub struct Link<T: Driver> {
    /// Looks how it is.
    pub read: fn(&T::Data<'_>, usize) -> LinkStatus,
}

/// What was read of the counters of a link.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    sent: Counter,
    received: Counter,
    errors: Counter,
    replays: Counter,
    losses: Counter,
}

impl Counted {
    fn update(&mut self, counters: LinkCounters) {
        self.sent.update(counters.sent);
        self.received.update(counters.received);
        self.errors.update(counters.errors);
        self.replays.update(counters.replays);
        self.losses.update(counters.losses);
    }
}

impl<T: Driver> Panel<T> {
    fn read_link(&self, data: &T::Data<'_>, index: usize) -> Option<accel_info_link> {
        let link = self.tables.links.get(index)?;
        let mut counters = self.counters.lock();
        let status = (link.read)(data, index);
        let counted = counters.links.get_mut(index)?;
        if let Some(counters) = status.counters {
            counted.update(counters);
        }
        let (uuid, link) = status
            .peer
            .map_or(([0; 16], 0), |peer| (peer.uuid, peer.link));
        Some(accel_info_link {
            state: status.state as u32,
            flags: match status.peer {
                Some(_) => uapi::ACCEL_LINK_PEER,
                None => 0,
            },
            peer_uuid: uuid,
            peer_link: link,
            lanes: status.lanes,
            speed: status.speed,
            sent: counted.sent.get(),
            received: counted.received.get(),
            errors: counted.errors.get(),
            replays: counted.replays.get(),
            losses: counted.losses.get(),
        })
    }
}

/// Answers ACCEL_INFO_LINKS.
pub(crate) fn links<T: Driver>(bound: &Bound<'_, T>, answer: &mut Answer) -> Result {
    for index in 0..bound.panel.tables.links.len() {
        answer.push(&bound.panel.read_link(&bound.data, index).ok_or(EIO)?)?;
    }
    Ok(())
}
