// SPDX-License-Identifier: GPL-2.0
//! Packets of the tensor engines (Documentation/devices/qda/tensor.rst).

mod check;
mod compute;

pub use check::check;

use super::Shape;
use crate::packet::{Field, Packet};

/// Type of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// binary32.
    F32 = 1,
    /// Its upper half.
    Bf16 = 2,
    /// Two's complement.
    I32 = 3,
    /// Two's complement.
    I8 = 4,
}

impl Type {
    fn from_code(code: u64) -> Option<Self> {
        [Self::F32, Self::Bf16, Self::I32, Self::I8]
            .into_iter()
            .find(|kind| *kind as u64 == code)
    }

    /// Bytes of an element.
    fn size(self) -> u64 {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::Bf16 => 2,
            Self::I8 => 1,
        }
    }
}

/// A matrix in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Matrix {
    kind: Type,
    rows: u64,
    columns: u64,
    address: Field,
    stride: Field,
}

impl Matrix {
    fn shape(&self, packet: &Packet) -> Shape {
        Shape {
            stride: packet.get(self.stride),
            rows: self.rows,
            bytes: self.columns * self.kind.size(),
        }
    }
}

/// The matrices of a packet as they are in memory: A, B if it has one, D.
fn matrices(packet: &Packet) -> Option<(Matrix, Option<Matrix>, Matrix)> {
    use crate::packet::opcode;
    let kind = Type::from_code(packet.get(Field::Type))?;
    let field = |field| packet.get(field);
    let (rows, columns, depth) = (
        field(Field::Rows),
        field(Field::Columns),
        field(Field::Depth),
    );
    let options = field(Field::Options);
    let matrix = |kind, (rows, columns), address, stride| Matrix {
        kind,
        rows,
        columns,
        address,
        stride,
    };
    let a = |kind, shape| matrix(kind, shape, Field::A, Field::StrideA);
    let b = |kind, shape| matrix(kind, shape, Field::B, Field::StrideB);
    let d = |kind, shape| matrix(kind, shape, Field::D, Field::StrideD);
    let whole = (rows, columns);
    let turned = |turn: bool, (rows, columns)| {
        if turn {
            (columns, rows)
        } else {
            (rows, columns)
        }
    };
    Some(match packet.opcode() {
        opcode::GEMM => {
            let result = if kind == Type::I8 {
                Type::I32
            } else {
                Type::F32
            };
            let left = turned(options & 1 != 0, (rows, depth));
            let right = turned(options & 2 != 0, (depth, columns));
            (a(kind, left), Some(b(kind, right)), d(result, whole))
        }
        opcode::ELEMENTWISE => {
            let second = match options & 3 {
                1 => Some(whole),
                2 => Some((1, columns)),
                3 => Some((rows, 1)),
                _ => None,
            };
            (
                a(kind, whole),
                second.map(|shape| b(kind, shape)),
                d(kind, whole),
            )
        }
        opcode::REDUCE => {
            let shape = if options & 1 == 0 {
                (rows, 1)
            } else {
                (1, columns)
            };
            (a(kind, whole), None, d(Type::F32, shape))
        }
        _ => {
            let result = Type::from_code(field(Field::Operation))?;
            (a(kind, whole), None, d(result, whole))
        }
    })
}
