// SPDX-License-Identifier: GPL-2.0
//! How packets end (Documentation/devices/qda/status.rst).

/// Status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Not an opcode of this engine.
    Opcode = 0x01,
    /// Reserved and not zero, or out of range.
    Field = 0x02,
    /// Not a multiple of what it has to be.
    Alignment = 0x03,
    /// More work than LIMIT_* allow.
    Limit = 0x04,
    /// Link not allowed.
    Rights = 0x05,
    /// Index too far ahead.
    Doorbell = 0x06,
    /// Translation failed.
    PageFault = 0x10,
    /// No such physical address.
    Range = 0x11,
    /// System memory failed.
    Bus = 0x12,
    /// Memory of a peer failed.
    PeerBus = 0x13,
    /// Memory read is poisoned.
    Poison = 0x14,
    /// Uncorrectable error in the engine.
    Ecc = 0x18,
    /// The packet's own time-out.
    Timeout = 0x20,
    /// ABORT.
    Aborted = 0x21,
    /// An engine reset.
    EngineReset = 0x22,
    /// The link went down.
    LinkDown = 0x30,
    /// The other side failed.
    Peer = 0x31,
    /// The other side has another number of bytes.
    Length = 0x32,
}

/// A status other than OK, with its detail and address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub status: Status,
    /// As the status says, else 0.
    pub detail: u32,
    /// As the status says, else 0.
    pub address: u64,
}

impl Failure {
    /// A status without address.
    pub fn new(status: Status, detail: u32) -> Self {
        Self {
            status,
            detail,
            address: 0,
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::new(status, 0)
    }
}

/// What an access was for; bits 11:8 of the detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read of a packet.
    Packet = 0,
    /// Read of an operand.
    Operand = 1,
    /// Write of a result.
    Result = 2,
    /// Write of a completion record.
    Record = 3,
    /// Write of a report.
    Report = 4,
}
