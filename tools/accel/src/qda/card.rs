// SPDX-License-Identifier: GPL-2.0
//! What a card says of itself.

use accel_uapi as uapi;

use crate::info::Kind;
use crate::info::Single;
use crate::info::Version;

/// What a card is, besides what every device says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Of the specification.
    pub revision: Version,
    /// Of the firmware's mailbox.
    pub firmware_api: Version,
    /// How many queues it has.
    pub queues: u32,
    /// How many address spaces it can have.
    pub contexts: u32,
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

impl From<uapi::accel_info_qda> for Card {
    fn from(raw: uapi::accel_info_qda) -> Self {
        Card {
            revision: raw.revision.into(),
            firmware_api: raw.firmware_api.into(),
            queues: raw.queues,
            contexts: raw.contexts,
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
            ..FromZeros::new_zeroed()
        };
        let card = Card::from(raw);
        assert_eq!(card.revision.to_string(), "1.2");
    }
}
