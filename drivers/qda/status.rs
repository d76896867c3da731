// SPDX-License-Identifier: GPL-2.0

//! Why packets fail, and what that is to the core (Documentation/devices/qda/status.rst).

use accel_core::{
    Fault,
    FaultKind, //
};

const OPCODE: u32 = 0x01;
const RIGHTS: u32 = 0x05;
const DOORBELL: u32 = 0x06;
const PAGE_FAULT: u32 = 0x10;
const RANGE: u32 = 0x11;
const POISON: u32 = 0x14;
const TIMEOUT: u32 = 0x20;
const ABORTED: u32 = 0x21;
/// The engine was reset, because of this packet or another one.
const ENGINE_RESET: u32 = 0x22;

/// Bits of the detail of an access: what it was for. Up to here it is the packet's.
const ROLE_SHIFT: u32 = 8;
const ROLE_MASK: u32 = 0xf;
const ROLE_OPERAND: u32 = 1;
const ROLE_RESULT: u32 = 2;

/// Returns whether a packet was given up by us.
pub(crate) fn was_given_up(status: u32) -> bool {
    [ABORTED, ENGINE_RESET].contains(&status)
}

/// Returns what a status that is not OK means for a user queue that is not to blame for a reset: all that
/// the card reads and writes for one is its client's.
pub(crate) fn user_fault(status: u32, address: u64) -> Fault {
    let kind = match status {
        OPCODE..=DOORBELL => FaultKind::Command,
        PAGE_FAULT => FaultKind::Page,
        RANGE..=POISON => FaultKind::Bus,
        TIMEOUT | ABORTED => FaultKind::Timeout,
        ENGINE_RESET => FaultKind::Reset,
        _ => FaultKind::Device,
    };
    let address = match kind {
        FaultKind::Page | FaultKind::Bus => address,
        _ => 0,
    };
    Fault { kind, address }
}

/// Returns what a status that is not OK means for a job.
pub(crate) fn fault(status: u32, detail: u32, address: u64) -> Fault {
    let role = detail >> ROLE_SHIFT & ROLE_MASK;
    // Packets, records and reports are the kernel's: the job has nothing to do with these.
    let is_jobs = (ROLE_OPERAND..=ROLE_RESULT).contains(&role);
    let kind = match status {
        OPCODE..=RIGHTS => FaultKind::Command,
        PAGE_FAULT if is_jobs => FaultKind::Page,
        RANGE..=POISON if is_jobs => FaultKind::Bus,
        TIMEOUT => FaultKind::Timeout,
        // Of another packet: the core resets engines of its own jobs.
        ENGINE_RESET => FaultKind::Reset,
        _ => FaultKind::Device,
    };
    let address = match kind {
        FaultKind::Page | FaultKind::Bus => address,
        _ => 0,
    };
    Fault { kind, address }
}
