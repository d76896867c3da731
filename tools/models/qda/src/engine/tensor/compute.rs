// SPDX-License-Identifier: GPL-2.0
//! What tensor packets compute: operands in, [`crate::numerics`], results out.

use super::super::{Stop, Work};
use super::{Matrix, Type, matrices};
use crate::card::Card;
use crate::numerics::elementwise::{self, Operation};
use crate::numerics::{canonical, convert, gemm, reduce, saturate};
use crate::packet::{Field, opcode};
use crate::status::Status;

fn f32s(bytes: &[u8]) -> Vec<f32> {
    words(bytes)
        .map(|word| f32::from_bits(word as u32))
        .collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = i32> {
    let word = |b: &[u8]| i32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    bytes.chunks_exact(4).map(word)
}

fn bf16s(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let half = |b: &[u8]| convert::f32_from_bf16(u16::from_le_bytes([b[0], b[1]]));
    bytes.chunks_exact(2).map(half)
}

fn i8s(bytes: &[u8]) -> impl Iterator<Item = i8> {
    bytes.iter().map(|byte| *byte as i8)
}

fn bytes_of(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    let bytes = values.into_iter().map(|x| canonical(x).to_le_bytes());
    bytes.flatten().collect()
}

fn bytes_of_words(values: impl IntoIterator<Item = i32>) -> Vec<u8> {
    values.into_iter().flat_map(i32::to_le_bytes).collect()
}

impl Work {
    /// Does what a tensor packet says.
    pub(crate) fn compute(&self, card: &Card) -> Result<(), Stop> {
        let matrices = matrices(&self.packet).ok_or(Stop::Failed(Status::Field.into()))?;
        let (a, b, d) = matrices;
        let first = self.matrix(card, &a)?;
        let second = b.map(|b| self.matrix(card, &b)).transpose()?;
        let result = match (self.packet.opcode(), b, second) {
            (opcode::GEMM, Some(b), Some(second)) => {
                let old = match self.packet.get(Field::Options) & 4 {
                    0 => None,
                    _ => Some(self.matrix(card, &d)?),
                };
                self.gemm((&a, &first), (&b, &second), &d, old.as_deref())?
            }
            (opcode::ELEMENTWISE, _, second) => self.elementwise(&a, &first, second.as_deref())?,
            (opcode::REDUCE, ..) => self.reduce(&a, &first)?,
            _ => self.convert(a.kind, d.kind, &first),
        };
        self.go_on()?;
        self.store(
            card,
            self.packet.get(d.address),
            d.shape(&self.packet),
            &result,
        )
    }

    fn matrix(&self, card: &Card, matrix: &Matrix) -> Result<Vec<u8>, Stop> {
        self.load(
            card,
            self.packet.get(matrix.address),
            matrix.shape(&self.packet),
        )
    }

    fn gemm(
        &self,
        (a, left): (&Matrix, &[u8]),
        (b, right): (&Matrix, &[u8]),
        d: &Matrix,
        old: Option<&[u8]>,
    ) -> Result<Vec<u8>, Stop> {
        let options = self.packet.get(Field::Options);
        let (rows, columns) = (d.rows as usize, d.columns as usize);
        if a.kind == Type::I8 {
            let left = straight(i8s(left).collect(), a, options & 1 != 0);
            let right = straight(i8s(right).collect(), b, options & 2 != 0);
            let product = self.rows(rows, &left, |row| gemm::row_i8(row, &right, columns))?;
            return Ok(match old {
                None => bytes_of_words(product),
                Some(old) => bytes_of_words(
                    words(old)
                        .zip(product)
                        .map(|(d, p)| saturate(i64::from(d) + i64::from(p))),
                ),
            });
        }
        let load = |kind, bytes: &[u8]| match kind {
            Type::Bf16 => bf16s(bytes).collect(),
            _ => f32s(bytes),
        };
        let left = straight(load(a.kind, left), a, options & 1 != 0);
        let right = straight(load(b.kind, right), b, options & 2 != 0);
        let product = self.rows(rows, &left, |row| gemm::row_f32(row, &right, columns))?;
        Ok(match old {
            None => bytes_of(product),
            Some(old) => bytes_of(f32s(old).into_iter().zip(product).map(|(d, p)| d + p)),
        })
    }

    /// Each row of a product from the row of A.
    fn rows<A, D>(
        &self,
        rows: usize,
        left: &[A],
        product: impl Fn(&[A]) -> Vec<D>,
    ) -> Result<Vec<D>, Stop> {
        let mut result = Vec::new();
        for row in left.chunks_exact(left.len() / rows) {
            self.go_on()?;
            result.extend(product(row));
        }
        Ok(result)
    }

    fn elementwise(&self, a: &Matrix, left: &[u8], right: Option<&[u8]>) -> Result<Vec<u8>, Stop> {
        let operation = Operation(self.packet.get(Field::Operation) as u8);
        let scalar = self.packet.word(Field::Scalar);
        let unknown = Stop::Failed(Status::Field.into());
        if a.kind == Type::I32 {
            let f = operation.i32().ok_or(unknown)?;
            let right: Vec<i32> = right.map_or(Vec::new(), |right| words(right).collect());
            let left: Vec<i32> = words(left).collect();
            return Ok(bytes_of_words(self.each(
                a,
                &left,
                &right,
                f,
                scalar as i32,
            )));
        }
        let f = operation.f32().ok_or(unknown)?;
        let right = right.map_or(Vec::new(), f32s);
        let scalar = f32::from_bits(scalar);
        Ok(bytes_of(self.each(a, &f32s(left), &right, f, scalar)))
    }

    /// f(A, B, s) of each element; B is full, a row, a column, or nothing.
    fn each<T>(
        &self,
        a: &Matrix,
        left: &[T],
        right: &[T],
        f: elementwise::Function<T>,
        s: T,
    ) -> Vec<T>
    where
        T: Copy,
    {
        let columns = a.columns as usize;
        let shape = self.packet.get(Field::Options);
        let mut result = Vec::with_capacity(left.len());
        for (row, left) in left.chunks_exact(columns).enumerate() {
            match shape {
                0 => result.extend(left.iter().map(|&a| f(a, a, s))),
                3 => result.extend(left.iter().map(|&a| f(a, right[row], s))),
                _ => {
                    let row = if shape == 1 { row } else { 0 };
                    let right = &right[row * columns..(row + 1) * columns];
                    result.extend(left.iter().zip(right).map(|(&a, &b)| f(a, b, s)));
                }
            }
        }
        result
    }

    fn reduce(&self, a: &Matrix, data: &[u8]) -> Result<Vec<u8>, Stop> {
        let code = self.packet.get(Field::Operation) as u8;
        let operation = reduce::Operation::from_code(code);
        let operation = operation.ok_or(Stop::Failed(Status::Field.into()))?;
        let (rows, mut columns) = (a.rows as usize, a.columns as usize);
        let mut elements = f32s(data);
        if self.packet.get(Field::Options) & 1 != 0 {
            elements = gemm::transposed(&elements, rows, columns);
            columns = rows;
        }
        let results = elements
            .chunks_exact(columns)
            .map(|terms| operation.of(terms));
        Ok(bytes_of_words(results.map(|bits| bits as i32)))
    }

    fn convert(&self, from: Type, to: Type, data: &[u8]) -> Vec<u8> {
        let scale = f32::from_bits(self.packet.word(Field::Scalar));
        let extra = self.packet.word(Field::Extra) as i32;
        match (from, to) {
            (Type::F32, Type::Bf16) => f32s(data)
                .into_iter()
                .flat_map(|x| convert::bf16_from_f32(x).to_le_bytes())
                .collect(),
            (Type::F32, _) => f32s(data)
                .into_iter()
                .map(|x| convert::i8_from_f32(x, scale, extra) as u8)
                .collect(),
            (Type::Bf16, _) => bytes_of(bf16s(data)),
            (Type::I32, Type::F32) => {
                bytes_of(words(data).map(|x| convert::f32_from_i32(x, scale)))
            }
            (Type::I32, _) => words(data)
                .map(|x| convert::i8_from_i32(x, scale, extra) as u8)
                .collect(),
            (Type::I8, _) => bytes_of(i8s(data).map(|x| convert::f32_from_i8(x, scale, extra))),
        }
    }
}

/// The matrix as GEMM reads it.
fn straight<T>(elements: Vec<T>, memory: &Matrix, transposed: bool) -> Vec<T>
where
    T: Copy,
{
    match transposed {
        true => gemm::transposed(&elements, memory.rows as usize, memory.columns as usize),
        false => elements,
    }
}
