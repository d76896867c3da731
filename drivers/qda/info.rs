// SPDX-License-Identifier: GPL-2.0

//! What a card is, for users.

use kernel::io::Io;

use crate::{
    capabilities::Capabilities,
    card::Card,
    queue,
    regs,
    uapi::accel_info_qda, //
};

impl Card<'_> {
    /// Answers ACCEL_INFO_QDA.
    pub(crate) fn info(&self) -> accel_info_qda {
        let Capabilities {
            revision,
            queues,
            asids,
            limit_bytes,
            limit_macs,
            limit_elements,
            limit_message,
            packet_ms,
            order_max,
            ..
        } = *self.capabilities();
        accel_info_qda {
            revision,
            firmware_api: self.bar().read(regs::FW_API).into_raw(),
            queues: queues as u32,
            contexts: asids as u32 - 1,
            limit_bytes,
            limit_macs,
            limit_elements,
            limit_message,
            packet_ms,
            job_packets: queue::PACKETS as u32,
            order_max,
            reserved: 0,
        }
    }
}
