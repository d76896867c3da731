// SPDX-License-Identifier: GPL-2.0
//! Encodings, against the tables of tensor.rst and queues.rst.

use zerocopy::IntoBytes;

use super::super::packet::tests::layout;
use super::*;

const A: u64 = 0x1000;
const B: u64 = 0x2000;
const D: u64 = 0x3000;

fn f32(address: u64, rows: u32, columns: u32) -> Matrix {
    Matrix::f32(address, rows, columns)
}

fn i32(address: u64, rows: u32, columns: u32) -> Matrix {
    Matrix::new(Element::I32, address, rows, columns)
}

/// Bytes 0 to 5: opcode, flags, type, operation, options.
fn head(packet: Result<Packet>) -> [u8; 6] {
    packet.unwrap().as_bytes()[..6].try_into().unwrap()
}

#[test]
fn the_packet_of_the_example_is_as_printed() {
    // example.rst: packet 18 on each of two cards, with RECORD and INTERRUPT.
    let (h, g) = (f32(0x10_0000, 32, 64), f32(0x20_0000, 32, 10));
    let packet = gemm(h.transposed(), g, f32(0x30_0000, 64, 10)).unwrap();
    let printed: [u8; 64] = [
        0x20, 0x03, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00, 0x40,
        0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00,
    ];
    assert_eq!(packet.recorded().interrupting().as_bytes(), printed);
}

#[test]
fn factors_are_transposed_and_sums_accumulated() {
    let packet = gemm_add(f32(A, 4, 5), f32(B, 6, 5).transposed(), f32(D, 4, 6));
    assert_eq!(
        packet.unwrap().as_bytes(),
        layout(&[
            (0, &[0x20, 0, 1, 0, 0b110]),
            (0x08, &[0, 0x10]),
            (0x10, &[0, 0x20]),
            (0x18, &[0, 0x30]),
            (0x20, &[20]),
            (0x24, &[20]),
            (0x28, &[24]),
            (0x2c, &[4]),
            (0x30, &[6]),
            (0x34, &[5])
        ])
    );
    let of = |element, sums| {
        let d = Matrix::new(sums, D, 4, 6);
        gemm(
            Matrix::new(element, A, 4, 5),
            Matrix::new(element, B, 5, 6),
            d,
        )
    };
    assert_eq!(head(of(Element::Bf16, Element::F32))[2], 2);
    assert_eq!(head(of(Element::I8, Element::I32))[2], 4);
    for (element, sums) in [
        (Element::I32, Element::I32),
        (Element::I8, Element::F32),
        (Element::F32, Element::I32),
    ] {
        assert_eq!(
            of(element, sums),
            Err(Error::BadOperand(BadOperand::Element))
        );
    }
}

#[test]
fn elementwise_packets_have_operation_and_shape() {
    let (a, full, row, column) = (f32(A, 4, 6), f32(B, 4, 6), f32(B, 1, 6), f32(B, 4, 1));
    let d = f32(D, 4, 6);
    assert_eq!(
        add(a, row, d).unwrap().as_bytes(),
        layout(&[
            (0, &[0x21, 0, 1, 1, 2]),
            (0x08, &[0, 0x10]),
            (0x10, &[0, 0x20]),
            (0x18, &[0, 0x30]),
            (0x20, &[24]),
            (0x24, &[24]),
            (0x28, &[24]),
            (0x2c, &[4]),
            (0x30, &[6])
        ])
    );
    let table = [
        (sub(a, full, d), 2, 1),
        (mul(a, column, d), 3, 3),
        (div(a, column, d), 4, 3),
        (max(a, full, d), 5, 1),
        (min(a, full, d), 6, 1),
        (gate(a, full, d), 7, 1),
        (axpy(a, -1.0, full, d), 8, 1),
        (add_scalar(a, 1.0, d), 9, 0),
        (mul_scalar(a, 1.0, d), 10, 0),
        (relu(a, d), 11, 0),
        (exp(a, d), 12, 0),
        (log(a, d), 13, 0),
    ];
    for (packet, operation, shape) in table {
        assert_eq!(head(packet), [0x21, 0, 1, operation, shape, 0]);
    }
}

#[test]
fn scalars_are_bits_of_the_type_of_the_elements() {
    let of = |packet: Result<Packet>| packet.unwrap().as_bytes()[0x38..0x3c].to_vec();
    let (a, d) = (f32(A, 4, 6), f32(D, 4, 6));
    assert_eq!(of(axpy(a, -1.0, a, d)), [0, 0, 0x80, 0xbf]);
    assert_eq!(of(mul_scalar(a, 1.0 / 64.0, d)), [0, 0, 0x80, 0x3c]);
    let (a, d) = (i32(A, 4, 6), i32(D, 4, 6));
    assert_eq!(of(add_scalar(a, -2, d)), [0xfe, 0xff, 0xff, 0xff]);
    assert_eq!(head(add_scalar(a, -2, d))[2], 3);
    let mixed = add_scalar(a, 1.0, d);
    assert_eq!(mixed, Err(Error::BadOperand(BadOperand::Element)));
}

#[test]
fn some_operations_are_of_f32_only() {
    let (a, d) = (i32(A, 4, 6), i32(D, 4, 6));
    for packet in [add(a, a, d), max(a, a, d), relu(a, d)] {
        assert_eq!(head(packet)[2], 3);
    }
    for packet in [div(a, a, d), gate(a, a, d), exp(a, d), log(a, d)] {
        assert_eq!(packet, Err(Error::BadOperand(BadOperand::Element)));
    }
}

#[test]
fn a_reduction_is_along_what_the_result_lacks() {
    let a = f32(A, 4, 6);
    assert_eq!(
        reduce_sum(a, f32(D, 4, 1)).unwrap().as_bytes(),
        layout(&[
            (0, &[0x22, 0, 1, 1]),
            (0x08, &[0, 0x10]),
            (0x18, &[0, 0x30]),
            (0x20, &[24]),
            (0x28, &[4]),
            (0x2c, &[4]),
            (0x30, &[6])
        ])
    );
    assert_eq!(head(reduce_sum(a, f32(D, 1, 6))), [0x22, 0, 1, 1, 1, 0]);
    assert_eq!(head(reduce_max(a, f32(D, 4, 1))), [0x22, 0, 1, 2, 0, 0]);
    assert_eq!(head(reduce_argmax(a, i32(D, 4, 1))), [0x22, 0, 1, 3, 0, 0]);
    // The loss of a batch: a column of samples becomes one number.
    let one = reduce_sum(f32(A, 64, 1), f32(D, 1, 1));
    assert_eq!(head(one), [0x22, 0, 1, 1, 1, 0]);
    let argmax = reduce_argmax(a, f32(D, 4, 1));
    assert_eq!(argmax, Err(Error::BadOperand(BadOperand::Element)));
}

#[test]
fn conversions_are_those_of_the_table() {
    use Element::{Bf16, F32, I8, I32};
    let of = |element, address| Matrix::new(element, address, 4, 6);
    let codes = |packet: Result<Packet>| {
        let bytes = packet.unwrap();
        let bytes = bytes.as_bytes();
        (bytes[0], bytes[2], bytes[3], bytes[0x38..].to_vec())
    };
    let zeroes = vec![0; 8];
    let half = |zero: u8| {
        let sign = if zero > 127 { 0xff } else { 0 };
        vec![0, 0, 0, 0x3f, zero, sign, sign, sign]
    };
    assert_eq!(
        codes(convert(of(F32, A), of(Bf16, D))),
        (0x23, 1, 2, zeroes.clone())
    );
    assert_eq!(
        codes(convert(of(Bf16, A), of(F32, D))),
        (0x23, 2, 1, zeroes)
    );
    assert_eq!(
        codes(dequantize(of(I32, A), 0.5, 0, of(F32, D))),
        (0x23, 3, 1, half(0))
    );
    assert_eq!(
        codes(dequantize(of(I8, A), 0.5, -3, of(F32, D))),
        (0x23, 4, 1, half(0xfd))
    );
    assert_eq!(
        codes(quantize(of(F32, A), 0.5, 7, of(I8, D))),
        (0x23, 1, 4, half(7))
    );
    assert_eq!(
        codes(quantize(of(I32, A), 0.5, -1, of(I8, D))),
        (0x23, 3, 4, half(0xff))
    );
    for packet in [
        convert(of(F32, A), of(I8, D)),
        dequantize(of(I32, A), 0.5, 1, of(F32, D)),
        quantize(of(I8, A), 0.5, 1, of(I8, D)),
    ] {
        assert_eq!(packet, Err(Error::BadOperand(BadOperand::Element)));
    }
}

#[test]
fn shapes_have_to_fit() {
    let (a, d) = (f32(A, 4, 6), f32(D, 4, 6));
    for packet in [
        gemm(a, f32(B, 5, 4), f32(D, 4, 4)),
        gemm(a, f32(B, 6, 4), d),
        gemm(a.transposed(), f32(B, 6, 4), f32(D, 4, 4)),
        add(a, f32(B, 6, 4), d),
        add(a, f32(B, 1, 4), d),
        relu(a, f32(D, 6, 4)),
        reduce_sum(a, f32(D, 1, 4)),
        convert(a, Matrix::new(Element::Bf16, D, 6, 4)),
    ] {
        assert_eq!(packet, Err(Error::BadOperand(BadOperand::Shape)));
    }
}
