// SPDX-License-Identifier: GPL-2.0
//! COPY and FILL (Documentation/devices/qda/copy.rst).

use super::{Shape, Stop, Work};
use crate::capabilities::LIMIT_BYTES;
use crate::card::Card;
use crate::packet::{ANY, Field, Packet, Rule, Rules, opcode};
use crate::status::{Failure, Role, Status};

/// Bytes that are moved at a time.
const PIECE: usize = 1 << 16;

/// Checks a packet; `None` if the opcode is another engine's.
pub fn check(packet: &Packet) -> Option<Result<(), Failure>> {
    let multiple = match packet.opcode() {
        opcode::COPY => 1,
        opcode::FILL => 4,
        _ => return None,
    };
    let (rows, columns) = (packet.get(Field::Rows), packet.get(Field::Columns));
    let stride = match rows {
        1 => ANY,
        _ => Rule::Range(columns, u64::MAX, multiple),
    };
    let rules = Rules::new()
        .with(Field::D, Rule::Range(0, u64::MAX, multiple))
        .with(Field::StrideD, stride)
        .with(Field::Rows, Rule::Range(1, 65536, 1))
        .with(Field::Columns, Rule::Range(multiple, LIMIT_BYTES, multiple));
    let rules = match packet.opcode() {
        opcode::COPY => rules.with(Field::A, ANY).with(Field::StrideA, stride),
        _ => rules.with(Field::Scalar, ANY),
    };
    Some(rules.check(packet).and_then(|()| {
        if rows * columns.max(64) > LIMIT_BYTES {
            return Err(Status::Limit.into());
        }
        Ok(())
    }))
}

impl Work {
    pub(super) fn copy(&self, card: &Card) -> Result<(), Stop> {
        let packet = &self.packet;
        let shape = |stride| Shape {
            stride: packet.get(stride),
            rows: packet.get(Field::Rows),
            bytes: packet.get(Field::Columns),
        };
        let (from, to) = (shape(Field::StrideA), shape(Field::StrideD));
        let (a, d) = (packet.get(Field::A), packet.get(Field::D));
        if packet.opcode() == opcode::FILL {
            let pattern = packet.word(Field::Scalar).to_le_bytes();
            let data = pattern.repeat((to.rows * to.bytes / 4) as usize);
            return self.store(card, d, to, &data);
        }
        if to.rows * to.bytes <= PIECE as u64 {
            let data = self.load(card, a, from)?;
            return self.store(card, d, to, &data);
        }
        self.reach(card, a, from, Role::Operand)?;
        self.reach(card, d, to, Role::Result)?;
        let mut buffer = vec![0; PIECE.min(to.bytes as usize)];
        for row in 0..to.rows {
            let mut done = 0;
            while done < to.bytes {
                let piece = &mut buffer[..PIECE.min((to.bytes - done) as usize)];
                self.read(card, a, row * from.stride + done, piece)?;
                self.write(card, d, row * to.stride + done, piece)?;
                done += piece.len() as u64;
            }
        }
        Ok(())
    }
}
