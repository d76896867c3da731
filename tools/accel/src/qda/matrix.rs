// SPDX-License-Identifier: GPL-2.0
//! Matrices in memory, the operands of tensor packets (`tensor.rst`, matrices).

use std::fmt;
use std::ops::Range;

/// Type of the elements of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Element {
    /// IEEE 754 binary32.
    F32 = 1,
    /// The upper half of an F32.
    Bf16 = 2,
    /// Two's complement, 4 bytes.
    I32 = 3,
    /// Two's complement, 1 byte.
    I8 = 4,
}

impl Element {
    /// Bytes of an element.
    pub const fn size(self) -> u32 {
        match self {
            Element::F32 | Element::I32 => 4,
            Element::Bf16 => 2,
            Element::I8 => 1,
        }
    }
}

/// A matrix in memory: elements of a row are adjacent, rows follow each other by a stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// First element, a multiple of the size of one.
    pub address: u64,
    /// Type of the elements.
    pub element: Element,
    /// Rows, 1 to 65536.
    pub rows: u32,
    /// Columns, 1 to 65536.
    pub columns: u32,
    /// Bytes from one row to the next, a multiple of the size of an element.
    pub stride: u32,
}

impl Matrix {
    /// A matrix whose rows are adjacent, too.
    pub const fn new(element: Element, address: u64, rows: u32, columns: u32) -> Self {
        Matrix {
            address,
            element,
            rows,
            columns,
            stride: columns.wrapping_mul(element.size()),
        }
    }

    /// One of F32 whose rows are adjacent, too.
    pub const fn f32(address: u64, rows: u32, columns: u32) -> Self {
        Matrix::new(Element::F32, address, rows, columns)
    }

    /// Bytes from the first element to behind the last one.
    pub fn size(&self) -> u64 {
        let before = u64::from(self.rows.saturating_sub(1)) * u64::from(self.stride);
        before + u64::from(self.columns) * u64::from(self.element.size())
    }

    /// Some of its rows; those of `range` that it does not have are not there either.
    pub fn rows(&self, range: Range<u32>) -> Self {
        let start = range.start.min(self.rows);
        Matrix {
            address: self.address + u64::from(start) * u64::from(self.stride),
            rows: range.end.min(self.rows).saturating_sub(start),
            ..*self
        }
    }

    /// The matrix as a factor whose rows are its columns.
    pub const fn transposed(self) -> Factor {
        Factor {
            matrix: self,
            is_transposed: true,
        }
    }

    pub(crate) fn shape(&self) -> (u32, u32) {
        (self.rows, self.columns)
    }
}

/// A matrix as it is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    pub(crate) matrix: Matrix,
    pub(crate) is_transposed: bool,
}

impl Factor {
    /// Rows and columns as they are multiplied.
    pub(crate) fn shape(&self) -> (u32, u32) {
        let (rows, columns) = self.matrix.shape();
        match self.is_transposed {
            true => (columns, rows),
            false => (rows, columns),
        }
    }
}

impl From<Matrix> for Factor {
    fn from(matrix: Matrix) -> Self {
        Factor {
            matrix,
            is_transposed: false,
        }
    }
}

/// A number in a packet; its type has to be that of the elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// F32.
    F32(f32),
    /// I32.
    I32(i32),
}

impl Scalar {
    pub(crate) fn element(self) -> Element {
        match self {
            Scalar::F32(_) => Element::F32,
            Scalar::I32(_) => Element::I32,
        }
    }

    pub(crate) fn bits(self) -> u32 {
        match self {
            Scalar::F32(value) => value.to_bits(),
            Scalar::I32(value) => value as u32,
        }
    }
}

impl From<f32> for Scalar {
    fn from(value: f32) -> Self {
        Scalar::F32(value)
    }
}

impl From<i32> for Scalar {
    fn from(value: i32) -> Self {
        Scalar::I32(value)
    }
}

/// What is wrong with the operands of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOperand {
    /// Their rows and columns do not fit each other.
    Shape,
    /// The operation does not exist for elements of these types.
    Element,
}

impl fmt::Display for BadOperand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadOperand::Shape => "their rows and columns do not fit each other",
            BadOperand::Element => "the operation does not exist for their elements",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_a_part() {
        let matrix = Matrix::new(Element::I8, 0x1000, 10, 7);
        assert_eq!(matrix.size(), 70);
        let part = matrix.rows(2..5);
        assert_eq!((part.address, part.rows, part.size()), (0x100e, 3, 21));
        assert_eq!(matrix.rows(8..20).rows, 2);
        assert_eq!(matrix.rows(20..30).rows, 0);
    }

    #[test]
    fn elements_have_the_sizes_of_the_specification() {
        let elements = [Element::F32, Element::Bf16, Element::I32, Element::I8];
        let table = elements.map(|element| (element as u8, element.size()));
        assert_eq!(table, [(1, 4), (2, 2), (3, 4), (4, 1)]);
    }
}
