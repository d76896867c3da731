// SPDX-License-Identifier: GPL-2.0
//! Packets of the copy engines (`copy.rst`): between any two places that addresses lead to, in memory of
//! the card, of the host, of peers.
//!
//! A packet moves [`Card::limit_bytes`](super::Card::limit_bytes) at most. Where source and destination
//! overlap the result is undefined.

use accel_uapi as uapi;
use accel_uapi::accel_qda_packet;

use super::Packet;
use super::packet::blank;

/// Rows of bytes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// First byte of the first row.
    pub address: u64,
    /// Bytes from one row to the next.
    pub stride: u32,
}

/// COPY `size` bytes.
pub fn bytes(from: u64, to: u64, size: u32) -> Packet {
    accel_qda_packet {
        a: from,
        d: to,
        rows: 1,
        columns: size,
        ..blank(uapi::ACCEL_QDA_COPY)
    }
    .into()
}

/// COPY `count` rows of `size` bytes each; 1 to 65536 rows.
pub fn rows(from: Rows, to: Rows, count: u32, size: u32) -> Packet {
    accel_qda_packet {
        a: from.address,
        d: to.address,
        stride_a: from.stride,
        stride_d: to.stride,
        rows: count,
        columns: size,
        ..blank(uapi::ACCEL_QDA_COPY)
    }
    .into()
}

/// FILL `size` bytes with `value`, again and again; address and size are multiples of 4.
pub fn fill(to: u64, size: u32, value: u32) -> Packet {
    fill_rows(
        Rows {
            address: to,
            stride: 0,
        },
        1,
        size,
        value,
    )
}

/// FILL `count` rows of `size` bytes each with `value`; all are multiples of 4 but the count.
pub fn fill_rows(to: Rows, count: u32, size: u32, value: u32) -> Packet {
    accel_qda_packet {
        d: to.address,
        stride_d: to.stride,
        rows: count,
        columns: size,
        scalar: value,
        ..blank(uapi::ACCEL_QDA_FILL)
    }
    .into()
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::super::packet::tests::ADDRESS;
    use super::super::packet::tests::ADDRESS_BYTES;
    use super::super::packet::tests::layout;
    use super::*;

    // Opcodes and offsets are those of the tables in queues.rst and copy.rst.

    #[test]
    fn a_copy_is_one_row() {
        assert_eq!(
            bytes(ADDRESS, 0x40, 100).as_bytes(),
            layout(&[
                (0, &[0x10]),
                (0x08, &ADDRESS_BYTES),
                (0x18, &[0x40]),
                (0x2c, &[1]),
                (0x30, &[100])
            ])
        );
    }

    #[test]
    fn rows_have_strides() {
        let at = |address, stride| Rows { address, stride };
        assert_eq!(
            rows(at(ADDRESS, 300), at(0x40, 128), 50, 100).as_bytes(),
            layout(&[
                (0, &[0x10]),
                (0x08, &ADDRESS_BYTES),
                (0x18, &[0x40]),
                (0x20, &[0x2c, 1]),
                (0x28, &[128]),
                (0x2c, &[50]),
                (0x30, &[100])
            ])
        );
    }

    #[test]
    fn a_fill_has_a_value() {
        assert_eq!(
            fill(ADDRESS, 8, 0xdead_beef).as_bytes(),
            layout(&[
                (0, &[0x11]),
                (0x18, &ADDRESS_BYTES),
                (0x2c, &[1]),
                (0x30, &[8]),
                (0x38, &[0xef, 0xbe, 0xad, 0xde])
            ])
        );
        let to = Rows {
            address: ADDRESS,
            stride: 16,
        };
        assert_eq!(
            fill_rows(to, 2, 8, 1).as_bytes(),
            layout(&[
                (0, &[0x11]),
                (0x18, &ADDRESS_BYTES),
                (0x28, &[16]),
                (0x2c, &[2]),
                (0x30, &[8]),
                (0x38, &[1])
            ])
        );
    }
}
