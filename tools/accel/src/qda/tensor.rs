// SPDX-License-Identifier: GPL-2.0
//! Packets of the tensor engines (`tensor.rst`); what they compute, bit for bit, is in `numerics.rst`.
//!
//! Every function has the result D as its last argument. In element-wise packets it may be A, or B if that
//! is as large; otherwise D must not overlap an operand. All fail with [`Error::BadOperand`] if operands
//! do not fit each other or the operation.

use accel_uapi as uapi;
use accel_uapi::accel_qda_packet;

use super::BadOperand;
use super::Element;
use super::Factor;
use super::Matrix;
use super::Packet;
use super::Scalar;
use super::packet::blank;
use crate::error::Error;
use crate::error::Result;

/// Bits of `options` of GEMM.
const TRANSPOSE_A: u16 = 1 << 0;
const TRANSPOSE_B: u16 = 1 << 1;
const ACCUMULATE: u16 = 1 << 2;

/// GEMM: D = A x B. A and B are F32 or BF16 and D is F32, or they are I8 and D is I32.
pub fn gemm(a: impl Into<Factor>, b: impl Into<Factor>, d: Matrix) -> Result<Packet> {
    gemm_by(a.into(), b.into(), d, 0)
}

/// GEMM with ACCUMULATE: D = D + A x B.
pub fn gemm_add(a: impl Into<Factor>, b: impl Into<Factor>, d: Matrix) -> Result<Packet> {
    gemm_by(a.into(), b.into(), d, ACCUMULATE)
}

fn gemm_by(a: Factor, b: Factor, d: Matrix, options: u16) -> Result<Packet> {
    let ((rows, depth), (inner, columns)) = (a.shape(), b.shape());
    fits(depth == inner && d.shape() == (rows, columns))?;
    let (a, transpose_a) = (a.matrix, option(a.is_transposed, TRANSPOSE_A));
    let (b, transpose_b) = (b.matrix, option(b.is_transposed, TRANSPOSE_B));
    let sums = match a.element {
        Element::F32 | Element::Bf16 => Element::F32,
        _ => Element::I32,
    };
    exists(a.element != Element::I32 && b.element == a.element && d.element == sums)?;
    Ok(accel_qda_packet {
        element: a.element as u8,
        options: transpose_a | transpose_b | options,
        a: a.address,
        b: b.address,
        d: d.address,
        stride_a: a.stride,
        stride_b: b.stride,
        stride_d: d.stride,
        rows,
        columns,
        depth,
        ..blank(uapi::ACCEL_QDA_GEMM)
    }
    .into())
}

/// `operation` of ELEMENTWISE.
#[derive(Clone, Copy)]
enum Each {
    Add = 1,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Gate,
    Axpy,
    AddScalar,
    MulScalar,
    Relu,
    Exp,
    Log,
}

impl Each {
    fn has(self, element: Element) -> bool {
        use Each::{Axpy, Div, Exp, Gate, Log};
        let is_f32_only = matches!(self, Div | Gate | Axpy | Exp | Log);
        element == Element::F32 || element == Element::I32 && !is_f32_only
    }
}

/// Functions of two matrices. The second one goes with every row of the first one if it is a row, with
/// every column if it is a column.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = $operation:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(a: Matrix, b: Matrix, d: Matrix) -> Result<Packet> {
            elementwise(Each::$operation, a, Some(b), None, d)
        }
    )*};
}

binary! {
    /// ELEMENTWISE ADD: D = A + B; F32, I32. B is as large as A, or one row, or one column.
    add = Add;
    /// ELEMENTWISE SUB: D = A - B; F32, I32. B as in [`add`].
    sub = Sub;
    /// ELEMENTWISE MUL: D = A x B, element by element; F32, I32. B as in [`add`].
    mul = Mul;
    /// ELEMENTWISE DIV: D = A / B; F32. B as in [`add`].
    div = Div;
    /// ELEMENTWISE MAX: the greater; F32, I32. B as in [`add`].
    max = Max;
    /// ELEMENTWISE MIN: the smaller; F32, I32. B as in [`add`].
    min = Min;
    /// ELEMENTWISE GATE: A where B > 0, else +0; F32. B as in [`add`]. It takes a gradient backward
    /// through [`relu`]: A is that of the output, B the input.
    gate = Gate;
}

/// ELEMENTWISE AXPY: D = A + (s x B); F32. B as in [`add`].
pub fn axpy(a: Matrix, s: f32, b: Matrix, d: Matrix) -> Result<Packet> {
    elementwise(Each::Axpy, a, Some(b), Some(s.into()), d)
}

/// ELEMENTWISE ADD_SCALAR: D = A + s; F32, I32.
pub fn add_scalar(a: Matrix, s: impl Into<Scalar>, d: Matrix) -> Result<Packet> {
    elementwise(Each::AddScalar, a, None, Some(s.into()), d)
}

/// ELEMENTWISE MUL_SCALAR: D = A x s; F32, I32.
pub fn mul_scalar(a: Matrix, s: impl Into<Scalar>, d: Matrix) -> Result<Packet> {
    elementwise(Each::MulScalar, a, None, Some(s.into()), d)
}

/// ELEMENTWISE RELU: A where A > 0, else 0; F32, I32.
pub fn relu(a: Matrix, d: Matrix) -> Result<Packet> {
    elementwise(Each::Relu, a, None, None, d)
}

/// ELEMENTWISE EXP; F32.
pub fn exp(a: Matrix, d: Matrix) -> Result<Packet> {
    elementwise(Each::Exp, a, None, None, d)
}

/// ELEMENTWISE LOG, the natural one; F32.
pub fn log(a: Matrix, d: Matrix) -> Result<Packet> {
    elementwise(Each::Log, a, None, None, d)
}

fn elementwise(
    operation: Each,
    a: Matrix,
    b: Option<Matrix>,
    s: Option<Scalar>,
    d: Matrix,
) -> Result<Packet> {
    fits(d.shape() == a.shape())?;
    let mut elements = vec![d.element];
    elements.extend(b.map(|b| b.element));
    elements.extend(s.map(Scalar::element));
    exists(operation.has(a.element) && elements.iter().all(|&each| each == a.element))?;
    Ok(accel_qda_packet {
        element: a.element as u8,
        operation: operation as u8,
        options: b.map_or(Ok(0), |b| broadcast(a, b))?,
        a: a.address,
        b: b.map_or(0, |b| b.address),
        d: d.address,
        stride_a: a.stride,
        stride_b: b.map_or(0, |b| b.stride),
        stride_d: d.stride,
        rows: a.rows,
        columns: a.columns,
        scalar: s.map_or(0, Scalar::bits),
        ..blank(uapi::ACCEL_QDA_ELEMENTWISE)
    }
    .into())
}

/// `options` for the shape of B: full, row, column.
fn broadcast(a: Matrix, b: Matrix) -> Result<u16> {
    match b.shape() {
        full if full == a.shape() => Ok(1),
        (1, columns) if columns == a.columns => Ok(2),
        (rows, 1) if rows == a.rows => Ok(3),
        _ => Err(Error::BadOperand(BadOperand::Shape)),
    }
}

/// `operation` of REDUCE.
#[derive(Clone, Copy, PartialEq)]
enum Whole {
    Sum = 1,
    Max,
    Argmax,
}

/// Bit of `options` of REDUCE: one result per column.
const PER_COLUMN: u16 = 1;

/// REDUCE SUM: D is one column, with the sum of each row of A, or one row, with that of each column; F32.
pub fn reduce_sum(a: Matrix, d: Matrix) -> Result<Packet> {
    reduce(Whole::Sum, a, d)
}

/// REDUCE MAX: the greatest element of each row or column, as in [`reduce_sum`]; F32.
pub fn reduce_max(a: Matrix, d: Matrix) -> Result<Packet> {
    reduce(Whole::Max, a, d)
}

/// REDUCE ARGMAX: the index of the greatest element of each row or column, as in [`reduce_sum`]; A is
/// F32, D is I32.
pub fn reduce_argmax(a: Matrix, d: Matrix) -> Result<Packet> {
    reduce(Whole::Argmax, a, d)
}

fn reduce(operation: Whole, a: Matrix, d: Matrix) -> Result<Packet> {
    let per_column = d.shape() != (a.rows, 1);
    fits(!per_column || d.shape() == (1, a.columns))?;
    let result = match operation {
        Whole::Argmax => Element::I32,
        Whole::Sum | Whole::Max => Element::F32,
    };
    exists(a.element == Element::F32 && d.element == result)?;
    Ok(accel_qda_packet {
        element: a.element as u8,
        operation: operation as u8,
        options: option(per_column, PER_COLUMN),
        a: a.address,
        d: d.address,
        stride_a: a.stride,
        stride_d: d.stride,
        rows: a.rows,
        columns: a.columns,
        ..blank(uapi::ACCEL_QDA_REDUCE)
    }
    .into())
}

/// CONVERT between F32 and BF16, the former rounded.
pub fn convert(a: Matrix, d: Matrix) -> Result<Packet> {
    use Element::{Bf16, F32};
    exists(matches!((a.element, d.element), (F32, Bf16) | (Bf16, F32)))?;
    convert_by(a, 0, 0, d)
}

/// CONVERT to F32: D = (A - zero) x scale. A is I8, or I32 with a zero of 0.
pub fn dequantize(a: Matrix, scale: f32, zero: i8, d: Matrix) -> Result<Packet> {
    let is_known = a.element == Element::I8 || a.element == Element::I32 && zero == 0;
    exists(is_known && d.element == Element::F32)?;
    convert_by(a, scale.to_bits(), zero, d)
}

/// CONVERT to I8: D = A x scale + zero, rounded and saturated. A is F32 or I32.
pub fn quantize(a: Matrix, scale: f32, zero: i8, d: Matrix) -> Result<Packet> {
    let is_known = matches!(a.element, Element::F32 | Element::I32);
    exists(is_known && d.element == Element::I8)?;
    convert_by(a, scale.to_bits(), zero, d)
}

fn convert_by(a: Matrix, scalar: u32, extra: i8, d: Matrix) -> Result<Packet> {
    fits(a.shape() == d.shape())?;
    Ok(accel_qda_packet {
        element: a.element as u8,
        operation: d.element as u8,
        a: a.address,
        d: d.address,
        stride_a: a.stride,
        stride_d: d.stride,
        rows: a.rows,
        columns: a.columns,
        scalar,
        extra: i32::from(extra) as u32,
        ..blank(uapi::ACCEL_QDA_CONVERT)
    }
    .into())
}

fn option(is_set: bool, bit: u16) -> u16 {
    if is_set { bit } else { 0 }
}

fn fits(does: bool) -> Result<()> {
    does.then_some(())
        .ok_or(Error::BadOperand(BadOperand::Shape))
}

fn exists(does: bool) -> Result<()> {
    does.then_some(())
        .ok_or(Error::BadOperand(BadOperand::Element))
}

#[cfg(test)]
mod tests;
