// SPDX-License-Identifier: GPL-2.0

//! A job: packets of a client for one engine, with addresses of one address space.
//!
//! Packets are not looked into. A queue has the address space of its client, and no packet leaves
//! that: what a packet may do to others is nothing. Only the flags are the kernel's.

use accel_core as accel;
use core::{
    mem::offset_of,
    ops::Range, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};

use crate::{
    card::Card,
    queue::{
        self,
        Queue,
        PACKET_SIZE, //
    },
    uapi::{
        self,
        accel_qda_packet, //
    },
    Qda, //
};

const _: () = assert!(size_of::<accel_qda_packet>() == PACKET_SIZE);

/// The longest payload, bytes.
pub(crate) const MAX_PAYLOAD: usize = queue::PACKETS * PACKET_SIZE;

/// What a queue of a client is: where its jobs work, and on which engines. The card has a queue of its
/// own for each engine and address space, since an engine is given one job at a time.
pub(crate) struct Place {
    space: Arc<accel::AddressSpace<Qda>>,
    engines: Range<usize>,
}

impl Place {
    /// Has the card make queues for it, unless there are.
    pub(crate) fn new(card: &Card<'_>, setup: accel::QueueSetup<'_, Qda>) -> Result<Option<Self>> {
        let Some(space) = setup.space else {
            return Ok(None);
        };
        let place = Self {
            space: space.clone(),
            engines: setup.engines,
        };
        place.queues(card)?;
        Ok(Some(place))
    }

    /// Returns the card's queues, one for each engine.
    fn queues(&self, card: &Card<'_>) -> Result<KVec<Arc<Queue>>> {
        let mut queues = KVec::with_capacity(self.engines.len(), GFP_KERNEL_ACCOUNT)?;
        for engine in self.engines.clone() {
            let queue = card.queue(self.space.in_step()?.space(), engine)?;
            queues.push(queue, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(queues)
    }
}

/// A job, checked.
pub(crate) struct Job {
    /// One for each engine.
    queues: KVec<Arc<Queue>>,
    packets: KVVec<u8>,
}

impl Job {
    /// Checks a payload.
    pub(crate) fn new(
        card: &Card<'_>,
        place: Option<&Place>,
        packets: KVVec<u8>,
    ) -> Result<Self, accel::Refusal> {
        if packets.is_empty() || packets.len() % PACKET_SIZE != 0 {
            return Err(refusal(uapi::ACCEL_QDA_REFUSED_SIZE, packets.len()));
        }
        let flags = offset_of!(accel_qda_packet, flags);
        let has_flags = |packet: &[u8]| packet.get(flags) != Some(&0);
        if let Some(index) = packets.chunks_exact(PACKET_SIZE).position(has_flags) {
            return Err(refusal(uapi::ACCEL_QDA_REFUSED_FLAGS, index));
        }
        let place = place.ok_or_else(|| refusal(uapi::ACCEL_QDA_REFUSED_SPACE, 0))?;
        Ok(Self {
            queues: place.queues(card)?,
            packets,
        })
    }

    /// Writes its packets, each on a line of hexadecimal words.
    pub(crate) fn dump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for packet in self.packets.chunks_exact(PACKET_SIZE) {
            f.write_str("packet")?;
            for word in packet.chunks_exact(8) {
                let word = word.try_into().map_or(0, u64::from_le_bytes);
                f.write_fmt(fmt!(" {word:016x}"))?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }

    /// Gives it to an engine. EIO: its address space is out of step.
    pub(crate) fn start(&self, card: &Card<'_>, engine: usize, place: Option<&Place>) -> Result {
        let _step = place.ok_or(EINVAL)?.space.in_step()?;
        let mut queues = self.queues.iter();
        let queue = queues
            .find(|queue| queue.engine() == engine)
            .ok_or(EINVAL)?;
        card.start(queue, &self.packets)
    }
}

pub(crate) fn refusal(reason: u32, at: usize) -> accel::Refusal {
    accel::Refusal {
        error: EINVAL,
        reason,
        at: u32::try_from(at).unwrap_or(u32::MAX),
    }
}
