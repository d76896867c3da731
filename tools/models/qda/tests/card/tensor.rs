// SPDX-License-Identifier: GPL-2.0
//! Tensor packets.

use crate::machine::{Machine, Packet, Ring};

const A: u64 = 0x10_0000;
const B: u64 = 0x18_0000;
const D: u64 = 0x1c_0000;

fn machine() -> (Machine, Ring) {
    let machine = Machine::ready();
    let ring = machine.queue(0, 2, 1);
    (machine, ring)
}

fn put(machine: &Machine, at: u64, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    machine.fill(at, &bytes);
}

fn get(machine: &Machine, at: u64, count: usize) -> Vec<f32> {
    let bytes = machine.bytes(at, 4 * count);
    let word = |b: &[u8]| f32::from_le_bytes(b.try_into().unwrap());
    bytes.chunks_exact(4).map(word).collect()
}

fn packet(opcode: u8, kind: u8, shape: (u32, u32)) -> Packet {
    Packet::new(opcode)
        .byte(2, kind)
        .long(8, A)
        .long(0x18, D)
        .word(0x2c, shape.0)
        .word(0x30, shape.1)
}

fn gemm(kind: u8, options: u8) -> Packet {
    packet(0x20, kind, (2, 2))
        .byte(4, options)
        .long(0x10, B)
        .word(0x20, 12)
        .word(0x24, 12)
        .word(0x28, 8)
        .word(0x34, 3)
}

#[test]
fn gemm_and_transposition() {
    let (machine, ring) = machine();
    let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    put(&machine, A, &a);
    put(&machine, B, &a);
    // B is 2 x 3 in memory, transposed.
    machine.run(ring, &[gemm(1, 2)]);
    assert_eq!(get(&machine, D, 4), [14.0, 32.0, 32.0, 77.0]);
    machine.run(ring, &[gemm(1, 6)]);
    assert_eq!(get(&machine, D, 4), [28.0, 64.0, 64.0, 154.0]);
    // A is 3 x 2 in memory, B as it is.
    let turned = gemm(1, 1).word(0x20, 8).word(0x24, 8);
    machine.run(ring, &[turned]);
    assert_eq!(get(&machine, D, 4), [35.0, 44.0, 44.0, 56.0]);
}

#[test]
fn gemm_of_bytes() {
    let (machine, ring) = machine();
    machine.fill(A, &[1, 2, 3, 0xff, 0, 0x80]);
    machine.fill(B, &[1, 2, 3, 4, 5, 6]);
    let packet = gemm(4, 0).word(0x20, 3).word(0x24, 2);
    machine.run(ring, &[packet]);
    let words: Vec<i32> = get(&machine, D, 4)
        .iter()
        .map(|x| x.to_bits() as i32)
        .collect();
    assert_eq!(words, [22, 28, -1 - 640, -2 - 768]);
}

#[test]
fn elementwise_shapes() {
    let (machine, ring) = machine();
    put(&machine, A, &[1.0, 2.0, 3.0, 4.0]);
    put(&machine, B, &[10.0, 20.0]);
    let add = |shape| {
        packet(0x21, 1, (2, 2))
            .byte(3, 1)
            .byte(4, shape)
            .long(0x10, B)
            .word(0x20, 8)
            .word(0x24, 4)
            .word(0x28, 8)
    };
    machine.run(ring, &[add(2)]);
    assert_eq!(get(&machine, D, 4), [11.0, 22.0, 13.0, 24.0]);
    machine.run(ring, &[add(3)]);
    assert_eq!(get(&machine, D, 4), [11.0, 12.0, 23.0, 24.0]);
    assert_eq!(machine.failure(ring, add(0)), (2, 4, 0), "ADD needs B");
    assert_eq!(machine.failure(ring, add(1)), (2, 0x24, 0), "stride of B");
}

#[test]
fn reductions_and_conversions() {
    let (machine, ring) = machine();
    put(&machine, A, &[1.0, 5.0, 3.0, 4.0, 2.0, 6.0]);
    let reduce = |operation, columns| {
        packet(0x22, 1, (2, 3))
            .byte(3, operation)
            .byte(4, columns)
            .word(0x20, 12)
            .word(0x28, 4)
    };
    machine.run(ring, &[reduce(1, 0)]);
    assert_eq!(get(&machine, D, 2), [9.0, 12.0]);
    machine.run(ring, &[reduce(2, 1)]);
    assert_eq!(get(&machine, D, 3), [4.0, 5.0, 6.0]);
    machine.run(ring, &[reduce(3, 0)]);
    assert_eq!(get(&machine, D, 2).map_bits(), [1, 2]);
    let convert = packet(0x23, 1, (1, 3))
        .byte(3, 4)
        .word(0x38, 0.5f32.to_bits())
        .word(0x3c, -3i32 as u32);
    machine.run(ring, &[convert]);
    assert_eq!(machine.bytes(D, 3), [0xfd, 0xff, 0xff]);
    assert_eq!(machine.failure(ring, convert.byte(3, 3)), (2, 3, 0));
    assert_eq!(machine.failure(ring, convert.word(0x3c, 128)), (2, 0x3c, 0));
}

trait Bits {
    fn map_bits(&self) -> Vec<u32>;
}

impl Bits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|x| x.to_bits()).collect()
    }
}

#[test]
fn limits() {
    let (machine, ring) = machine();
    let large = gemm(1, 0)
        .word(0x2c, 512)
        .word(0x30, 512)
        .word(0x34, 512)
        .word(0x20, 2048)
        .word(0x24, 2048)
        .word(0x28, 2048);
    assert_eq!(machine.failure(ring, large).0, 4);
    let narrow = gemm(1, 0).word(0x2c, 65537);
    assert_eq!(machine.failure(ring, narrow), (2, 0x2c, 0));
}
