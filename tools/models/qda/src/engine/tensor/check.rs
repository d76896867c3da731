// SPDX-License-Identifier: GPL-2.0
//! What the fields of a tensor packet have to be.

use super::{Matrix, Type, matrices};
use crate::capabilities::{LIMIT_ELEMENTS, LIMIT_MACS};
use crate::numerics::elementwise::Operation;
use crate::packet::{ANY, Field, Packet, Rule, Rules, opcode};
use crate::status::{Failure, Status};

const DIMENSION: Rule = Rule::Range(1, 65536, 1);
/// `extra` of CONVERT is an i32 from -128 to 127.
const ZERO_POINT: std::ops::RangeInclusive<i32> = -128..=127;

/// Checks a packet; `None` if the opcode is another engine's.
pub fn check(packet: &Packet) -> Option<Result<(), Failure>> {
    let rules = match packet.opcode() {
        opcode::GEMM => gemm(packet),
        opcode::ELEMENTWISE => elementwise(packet),
        opcode::REDUCE => reduce(),
        opcode::CONVERT => convert(packet),
        _ => return None,
    };
    let rules = operands(rules, packet)
        .with(Field::Rows, DIMENSION)
        .with(Field::Columns, DIMENSION);
    Some(rules.check(packet).and_then(|()| limits(packet)))
}

fn one_of(packet: &Packet, field: Field, codes: &[u64]) -> Rule {
    match codes.contains(&packet.get(field)) {
        true => ANY,
        false => Rule::Never,
    }
}

fn gemm(packet: &Packet) -> Rules {
    Rules::new()
        .with(Field::Type, one_of(packet, Field::Type, &[1, 2, 4]))
        .with(Field::Options, Rule::Not(!7))
        .with(Field::Depth, DIMENSION)
}

fn elementwise(packet: &Packet) -> Rules {
    let operation = Operation(packet.get(Field::Operation) as u8);
    let known = match packet.get(Field::Type) {
        3 => operation.i32().is_some(),
        _ => operation.f32().is_some(),
    };
    let shapes = if operation.takes_b() { 1..=3 } else { 0..=0 };
    let scalar = if operation.takes_s() {
        ANY
    } else {
        Rule::Reserved
    };
    Rules::new()
        .with(Field::Type, one_of(packet, Field::Type, &[1, 3]))
        .with(Field::Operation, if known { ANY } else { Rule::Never })
        .with(
            Field::Options,
            Rule::Range(*shapes.start(), *shapes.end(), 1),
        )
        .with(Field::Scalar, scalar)
}

fn reduce() -> Rules {
    Rules::new()
        .with(Field::Type, Rule::Range(1, 1, 1))
        .with(Field::Operation, Rule::Range(1, 3, 1))
        .with(Field::Options, Rule::Not(!1))
}

fn convert(packet: &Packet) -> Rules {
    let (from, to) = (packet.get(Field::Type), packet.get(Field::Operation));
    let targets: &[u64] = match from {
        1 => &[2, 4],
        2 | 4 => &[1],
        _ => &[1, 4],
    };
    let scaled = !matches!((from, to), (1, 2) | (2, 1));
    let extra = packet.word(Field::Extra) as i32;
    let zero_point = match from == 4 || to == 4 {
        true if ZERO_POINT.contains(&extra) => ANY,
        true => Rule::Never,
        false => Rule::Reserved,
    };
    Rules::new()
        .with(Field::Type, Rule::Range(1, 4, 1))
        .with(Field::Operation, one_of(packet, Field::Operation, targets))
        .with(Field::Scalar, if scaled { ANY } else { Rule::Reserved })
        .with(Field::Extra, zero_point)
}

/// Addresses and strides. Without known types an earlier field is at fault.
fn operands(rules: Rules, packet: &Packet) -> Rules {
    let Some((a, b, d)) = matrices(packet) else {
        return rules;
    };
    [Some(a), b, Some(d)]
        .into_iter()
        .flatten()
        .fold(rules, |rules, matrix| {
            let size = matrix.kind.size();
            let stride = match matrix.rows {
                1 => ANY,
                _ => Rule::Range(matrix.columns * size, u64::MAX, size),
            };
            rules
                .with(matrix.address, Rule::Range(0, u64::MAX, size))
                .with(matrix.stride, stride)
        })
}

fn limits(packet: &Packet) -> Result<(), Failure> {
    let too_large = |m: &Matrix| m.rows * m.columns.max(16) > LIMIT_ELEMENTS;
    let (a, b, d) = matrices(packet).ok_or(Status::Field)?;
    let product = [Field::Rows, Field::Columns, Field::Depth].map(|field| packet.get(field));
    let macs = product.iter().product::<u64>();
    let gemm = packet.opcode() == opcode::GEMM;
    if too_large(&a) || b.as_ref().is_some_and(too_large) || too_large(&d) {
        return Err(Status::Limit.into());
    }
    if gemm && macs > LIMIT_MACS {
        return Err(Status::Limit.into());
    }
    Ok(())
}

const _: () = assert!(Type::I8 as u32 == 4);
