// SPDX-License-Identifier: GPL-2.0
//! What a card says of itself.

use std::fmt;

use accel_uapi as uapi;

use crate::info::Kind;
use crate::info::Single;
use crate::info::Uuid;
use crate::info::Version;

/// What a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Which card it is.
    pub uuid: Uuid,
    /// All of its memory, bytes.
    pub memory: u64,
    /// What of it CPUs can reach, bytes.
    pub visible: u64,
    /// Of the specification.
    pub revision: Version,
    /// What runs, if any does.
    pub firmware: Option<Firmware>,
    /// Of the firmware's mailbox.
    pub firmware_api: Version,
    /// How often the firmware died and was brought back.
    pub firmware_losses: u32,
    /// How many engines it has.
    pub engines: u32,
    /// How many queues it has.
    pub queues: u32,
    /// How many address spaces it can have.
    pub contexts: u32,
    /// How many links to other cards it has.
    pub links: u32,
    /// The most bytes of a packet of a copy engine.
    pub limit_bytes: u32,
    /// The most multiplications of a GEMM.
    pub limit_macs: u32,
    /// The most elements of a matrix.
    pub limit_elements: u32,
    /// The most bytes of a message between cards.
    pub limit_message: u32,
    /// The longest time that a packet may occupy its engine, milliseconds.
    pub packet_ms: u32,
    /// The most packets of a job.
    pub job_packets: u32,
    /// log2 of the most packets of a [`Ring`](super::Ring).
    pub order_max: u32,
}

/// Version of a firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firmware {
    /// Raised when something changes its meaning.
    pub major: u8,
    /// Raised when something is added.
    pub minor: u8,
    /// Raised when something is mended.
    pub patch: u16,
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn firmware(raw: u32) -> Option<Firmware> {
    let [major, minor, ..] = raw.to_be_bytes();
    (raw != 0).then_some(Firmware {
        major,
        minor,
        patch: raw as u16,
    })
}

impl From<uapi::accel_info_qda> for Card {
    fn from(raw: uapi::accel_info_qda) -> Self {
        Card {
            uuid: Uuid(raw.uuid),
            memory: raw.memory_size,
            visible: raw.memory_visible,
            revision: raw.revision.into(),
            firmware: firmware(raw.firmware_version),
            firmware_api: raw.firmware_api.into(),
            firmware_losses: raw.firmware_losses,
            engines: raw.engines,
            queues: raw.queues,
            contexts: raw.contexts,
            links: raw.links,
            limit_bytes: raw.limit_bytes,
            limit_macs: raw.limit_macs,
            limit_elements: raw.limit_elements,
            limit_message: raw.limit_message,
            packet_ms: raw.packet_ms,
            job_packets: raw.job_packets,
            order_max: raw.order_max,
        }
    }
}

impl Kind for Card {
    const ID: u32 = uapi::ACCEL_INFO_QDA;
    type Raw = uapi::accel_info_qda;
}

impl Single for Card {}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn versions_are_parts() {
        let raw = uapi::accel_info_qda {
            revision: 0x0001_0002,
            firmware_version: 0x0102_0304,
            ..FromZeros::new_zeroed()
        };
        let card = Card::from(raw);
        assert_eq!(card.revision.to_string(), "1.2");
        assert_eq!(card.firmware.unwrap().to_string(), "1.2.772");
        assert_eq!(
            Card::from(uapi::accel_info_qda::new_zeroed()).firmware,
            None
        );
    }
}
