// SPDX-License-Identifier: GPL-2.0

//! What a card is, for users.

use kernel::io::Io;

use crate::{
    capabilities::Capabilities,
    card::Card,
    queue,
    regs,
    uapi::accel_info_qda,
    ENGINE_KINDS, //
};

impl Card<'_> {
    /// Answers ACCEL_INFO_QDA.
    pub(crate) fn info(&self) -> accel_info_qda {
        let Capabilities {
            revision,
            uuid,
            memory,
            visible,
            queues,
            asids,
            links,
            limit_bytes,
            limit_macs,
            limit_elements,
            limit_message,
            packet_ms,
            order_max,
            ..
        } = *self.capabilities();
        accel_info_qda {
            uuid,
            memory_size: memory,
            memory_visible: visible,
            revision,
            firmware_version: self.bar().read(regs::FW_VERSION).into_raw(),
            firmware_api: self.bar().read(regs::FW_API).into_raw(),
            engines: ENGINE_KINDS.len() as u32,
            queues: queues as u32,
            contexts: asids as u32 - 1,
            links,
            limit_bytes,
            limit_macs,
            limit_elements,
            limit_message,
            packet_ms,
            job_packets: queue::PACKETS as u32,
            firmware_losses: self.firmware_losses(),
            order_max,
            reserved: 0,
        }
    }
}
