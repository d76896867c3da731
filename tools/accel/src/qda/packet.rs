// SPDX-License-Identifier: GPL-2.0
//! Packets: what an engine does next (`queues.rst`, packets), and those that all engines know.

use std::time::Duration;

use accel_uapi as uapi;
use accel_uapi::accel_qda_packet;
use zerocopy::FromZeros;
use zerocopy::Immutable;
use zerocopy::IntoBytes;

/// 64 bytes that tell an engine what to do.
#[derive(Clone, Copy, Debug, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct Packet(accel_qda_packet);

impl Packet {
    /// Have a completion record written when it has ended well, too. In jobs that is the kernel's to say,
    /// and refused.
    pub fn recorded(mut self) -> Self {
        self.0.flags |= uapi::ACCEL_QDA_PACKET_RECORD as u8;
        self
    }

    /// Have an interrupt sent when it has ended. In jobs that is the kernel's to say, and refused.
    pub fn interrupting(mut self) -> Self {
        self.0.flags |= uapi::ACCEL_QDA_PACKET_INTERRUPT as u8;
        self
    }
}

impl From<accel_qda_packet> for Packet {
    fn from(raw: accel_qda_packet) -> Self {
        Packet(raw)
    }
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Packet {}

/// A packet of which only the opcode is not 0.
pub(crate) fn blank(opcode: uapi::accel_qda_opcode) -> accel_qda_packet {
    accel_qda_packet {
        opcode: opcode as u8,
        ..FromZeros::new_zeroed()
    }
}

/// NOP: do nothing.
pub fn nop() -> Packet {
    Packet(blank(uapi::ACCEL_QDA_NOP))
}

/// WAIT until the u64 at `address`, a multiple of 8, is at least `value`. After `timeout` the packet
/// fails ([`Fault::Timeout`](crate::job::Fault)). Meanwhile the engine serves other queues of the card.
///
/// The kernel takes a job that makes no progress for two seconds for one that hangs.
pub fn wait(address: u64, value: u64, timeout: Option<Duration>) -> Packet {
    Packet(accel_qda_packet {
        a: address,
        b: value,
        scalar: microseconds(timeout),
        ..blank(uapi::ACCEL_QDA_WAIT)
    })
}

/// SIGNAL: write `value` to the u64 at `address`, a multiple of 8, after all that earlier packets of the
/// queue wrote.
pub fn signal(address: u64, value: u64) -> Packet {
    Packet(accel_qda_packet {
        b: value,
        d: address,
        ..blank(uapi::ACCEL_QDA_SIGNAL)
    })
}

/// A time-out as packets have it: in microseconds, 0 for none; at least one, at most what fits.
pub(crate) fn microseconds(timeout: Option<Duration>) -> u32 {
    let fitting = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    timeout.map_or(0, |time| fitting(time).max(1))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The bytes of a packet that has these little-endian values at these offsets, else zeroes.
    pub(crate) fn layout(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        for (at, value) in fields {
            bytes[*at..at + value.len()].copy_from_slice(value);
        }
        bytes
    }

    pub(crate) const ADDRESS: u64 = 0x1122_3344_5566;
    pub(crate) const ADDRESS_BYTES: [u8; 8] = [0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0];

    // Opcodes and offsets are those of the tables in queues.rst.

    #[test]
    fn a_nop_is_its_opcode() {
        assert_eq!(nop().as_bytes(), layout(&[(0, &[0x01])]));
        assert_eq!(
            nop().recorded().interrupting().as_bytes(),
            layout(&[(0, &[0x01, 3])])
        );
    }

    #[test]
    fn a_wait_has_address_value_and_time_out() {
        let time = Some(Duration::from_millis(1));
        assert_eq!(
            wait(ADDRESS, 5, time).as_bytes(),
            layout(&[
                (0, &[0x02]),
                (0x08, &ADDRESS_BYTES),
                (0x10, &[5]),
                (0x38, &[0xe8, 3])
            ])
        );
    }

    #[test]
    fn a_signal_has_value_and_address() {
        assert_eq!(
            signal(ADDRESS, u64::MAX).as_bytes(),
            layout(&[(0, &[0x03]), (0x10, &[0xff; 8]), (0x18, &ADDRESS_BYTES)])
        );
    }

    #[test]
    fn time_outs_never_become_none() {
        assert_eq!(microseconds(None), 0);
        assert_eq!(microseconds(Some(Duration::ZERO)), 1);
        assert_eq!(microseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(microseconds(Some(Duration::MAX)), u32::MAX);
    }
}
