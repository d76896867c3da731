// SPDX-License-Identifier: GPL-2.0
//! Operations on maps small enough to work out by hand.

use ethosu_model::Configuration::Macs256;
use ethosu_model::regs::status;

use crate::machine::{self, AVERAGE, MAX, Machine, POOL, STOP, op, set, set_long};

/// A 1x1 average copies.
#[test]
fn pool_copies() {
    let machine = Machine::new(Macs256);
    machine.write(0x1000, &[1, 2, 3, 4, 0xff, 0x80]);
    let mut stream = machine::maps((1, 2, 3), (1, 2, 3));
    stream.extend([op(POOL, AVERAGE), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(machine.read(0x2000, 6), [1, 2, 3, 4, 0xff, 0x80]);
}

/// 2x2 maximum, stride 2, of a 4x4 map.
#[test]
fn pool_of_maxima() {
    let machine = Machine::new(Macs256);
    let input = [1, 9, 2, 0x80, 3, 4, 0xfe, 0xff, 7, 7, 7, 7, 8, 6, 5, 127];
    machine.write(0x1000, &input);
    let mut stream = machine::maps((4, 4, 1), (2, 2, 1));
    stream.extend(machine::kernel(2, 2, 0b11, [0; 4]));
    stream.extend([op(POOL, MAX), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(machine.read(0x2000, 4), [9, 2, 8, 127]);
}

/// 3x3 average of a 2x2 map padded on all sides: each window holds all four elements, sum 10 and
/// -10.
#[test]
fn padded_average_divides_by_what_is_inside() {
    let machine = Machine::new(Macs256);
    machine.write(0x1000, &[1, 0xff, 2, 0xfe, 3, 0xfd, 4, 0xfc]);
    let mut stream = machine::maps((2, 2, 2), (2, 2, 2));
    stream.extend(machine::kernel(3, 3, 0, [1; 4]));
    stream.extend([op(POOL, AVERAGE), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    let expected = [3, 0xfd].repeat(4);
    assert_eq!(
        machine.read(0x2000, 8),
        expected,
        "2.5 and -2.5, away from zero"
    );
}

/// Zero points, a table that negates, unsigned output.
#[test]
fn table_and_zero_points() {
    let machine = Machine::new(Macs256);
    machine.write(0x1000, &[10, 20, 30, 40]);
    let table: Vec<u8> = (0..=255).rev().collect();
    machine.write(0x3000, &table);
    let mut stream = machine::maps((1, 1, 4), (1, 1, 4));
    stream.extend(
        [
            set(0x109, 10),
            set(0x118, 5),
            set(0x114, 0x8100),
            set(0x127, 255),
        ]
        .concat(),
    );
    stream.extend([set(0x126, 0), set(0x125, 0x11)].concat());
    stream.extend(machine::dma(0, 0x3000, 0x100, 0xb900, 256));
    stream.extend([op(POOL, AVERAGE), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(machine.read(0x2000, 4), [250, 240, 230, 220]);
}

/// The same map as NHWC and as bricks of 16 channels, across tiles.
#[test]
fn bricks_and_tiles() {
    let machine = Machine::new(Macs256);
    let input: Vec<u8> = (0..2 * 3 * 20).collect();
    machine.write(0x1000, &input);
    let mut stream = machine::maps((2, 3, 20), (2, 3, 20));
    // Output: bricks, rows 0x100 apart, bricks 0x40 apart; tile 1 from column 2, tiles 2 and 3 from
    // row 1.
    stream.extend(
        [
            set(0x114, 0x8141),
            set_long(0x15, 0x10),
            set_long(0x14, 0x100),
        ]
        .concat(),
    );
    stream.extend(
        [
            set_long(0x16, 0x40),
            set(0x11a, 1),
            set(0x11b, 0),
            set(0x11c, 0),
        ]
        .concat(),
    );
    let tiles = [
        (0x10, 0x4000),
        (0x11, 0x5000),
        (0x12, 0x6000),
        (0x13, 0x7000),
    ];
    stream.extend(tiles.map(|(opcode, base)| set_long(opcode, base)).concat());
    stream.extend([op(POOL, AVERAGE), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    for (y, x, c) in [
        (0, 0, 0),
        (0, 1, 15),
        (0, 1, 19),
        (0, 2, 16),
        (1, 0, 3),
        (1, 1, 17),
        (1, 2, 19),
    ] {
        let base = 0x4000 + 0x1000 * (u64::from(x >= 2) + 2 * u64::from(y >= 1));
        let column = if x >= 2 { x - 2 } else { x };
        let at = base + 0x40 * (c / 16) + 16 * column + c % 16;
        assert_eq!(
            machine.read(at, 1),
            [(y * 60 + x * 20 + c) as u8],
            "{y} {x} {c}"
        );
    }
}

#[test]
fn dma_copies() {
    let machine = Machine::new(Macs256);
    let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
    machine.write(0x1_0000, &bytes);
    let mut stream = machine::dma(0, 0x1_0000, 0, 0x4_0000, 100_000);
    stream.extend(op(STOP, 0));
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(machine.read(0x4_0000, 100_000), bytes);
}

/// Rows written from the last to the first, as Vela does for REVERSE.
#[test]
fn negative_stride() {
    let machine = Machine::new(Macs256);
    machine.write(0x1000, &[1, 2, 3, 4, 5, 6]);
    let mut stream = machine::maps((3, 1, 2), (3, 1, 2));
    stream.extend([set_long(0x10, 0x2004), set_long(0x15, (1 << 40) - 2)].concat());
    stream.extend([op(POOL, AVERAGE), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(machine.read(0x2000, 6), [5, 6, 3, 4, 1, 2]);
}
