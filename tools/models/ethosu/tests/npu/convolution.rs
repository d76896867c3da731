// SPDX-License-Identifier: GPL-2.0
//! Convolutions small enough to work out by hand, with weights in the plainest stream there is.

use ethosu_model::Configuration::{Macs256, Macs512};
use ethosu_model::regs::status;

use crate::machine::{self, CONV, DEPTHWISE, Machine, STOP, op, set, set_long};

/// Weights as one slice of plain values of 9 bits.
fn plain_stream(weights: &[i16]) -> Vec<u8> {
    let count = weights.len() as u64 - 1;
    // No zero runs, length, plain values, new palette: none, values of 9 bits.
    let header = [(6, 3), (count, 15), (7, 3), (0, 1), (1, 1), (0, 10), (7, 3)];
    let values = weights.iter().map(|&weight| {
        let sign = u64::from(weight < 0);
        (u64::from(weight.unsigned_abs()) << 1 | sign, 9)
    });
    let mut bits = Vec::new();
    for (value, width) in header.into_iter().chain(values).chain([(7, 3)]) {
        bits.extend((0..width).map(|bit| (value >> bit & 1) as u8));
    }
    bits.resize(bits.len().next_multiple_of(8), 1);
    let byte = |bits: &[u8]| (0..8).map(|bit| bits[bit] << bit).sum();
    bits.chunks_exact(8).map(byte).collect()
}

/// Scale records: biases, and a scale of one.
fn scales(biases: &[i64]) -> Vec<u8> {
    let record =
        |bias: &i64| [&bias.to_le_bytes()[..5], &(1u32 << 30).to_le_bytes(), &[30]].concat();
    biases.iter().flat_map(record).collect()
}

/// Places weights and scales of a core, and sets the parameters for them.
fn weights(machine: &Machine, core: u16, weights: &[i16], biases: &[i64]) -> Vec<u32> {
    let at = 0x5000 + 0x2000 * u64::from(core);
    let (stream, records) = (plain_stream(weights), scales(biases));
    machine.write(at, &stream);
    machine.write(at + 0x1000, &records);
    let first = if core == 0 { 0x20 } else { 0x90 };
    [
        set_long(first, at),
        set_long(first + 1, stream.len() as u64),
        set_long(first + 2, at + 0x1000),
        set_long(first + 3, records.len() as u64),
        [
            set(0x128, 0),
            set(0x129, 0),
            set(0x117, 7),
            set(0x114, 0x0001),
        ]
        .concat(),
    ]
    .concat()
}

/// Up to eight output channels of up to eight input channels, as the hardware wants them: depth first,
/// padded to 8 outputs and 32 inputs.
fn depth_first(channels: &[&[i16]]) -> Vec<i16> {
    let mut stream = vec![0; 8 * 32];
    for (output, weights) in channels.iter().enumerate() {
        stream[8 * output..][..weights.len()].copy_from_slice(weights);
    }
    stream
}

/// (1, 2, 3) . (1, 2, 3) + 10 = 24; (1, 2, 3) . (-1, 0, 1) - 1 = 1; (1, 2, 3) . (0, 0, -255) = -765.
#[test]
fn one_position() {
    let machine = Machine::new(Macs256);
    machine.write(0x1000, &[1, 2, 3]);
    let mut stream = machine::maps((1, 1, 3), (1, 1, 3));
    let channels = depth_first(&[&[1, 2, 3], &[-1, 0, 1], &[0, 0, -255]]);
    stream.extend(weights(&machine, 0, &channels, &[10, -1, 0]));
    stream.extend([op(CONV, 0), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(
        machine.read(0x2000, 3),
        [24, 1, 0x80],
        "the last one clipped"
    );
}

/// The same with the channels shared between two cores: 0 and 2 on the first, 1 on the second.
#[test]
fn two_cores() {
    let machine = Machine::new(Macs512);
    machine.write(0x1000, &[1, 2, 3]);
    let mut stream = machine::maps((1, 1, 3), (1, 1, 3));
    let own = depth_first(&[&[1, 2, 3], &[0, 0, 4]]);
    stream.extend(weights(&machine, 0, &own, &[10, 0]));
    stream.extend(weights(&machine, 1, &depth_first(&[&[-1, 0, 1]]), &[-1]));
    stream.extend([set(0x123, 1), op(CONV, 0), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    assert_eq!(machine.read(0x2000, 3), [24, 1, 12]);
}

/// 3x3 of ones over 1..=9, padded with the zero point 1: what is outside adds nothing.
#[test]
fn depthwise_sums_its_window() {
    let machine = Machine::new(Macs256);
    machine.write(0x1000, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let mut stream = machine::maps((3, 3, 1), (3, 3, 1));
    stream.extend(machine::kernel(3, 3, 0, [1; 4]));
    stream.extend(set(0x109, 1));
    // Nine elements padded to twelve, eight channels each.
    let mut ones = vec![0; 12 * 8];
    (0..9).for_each(|element| ones[8 * element] = 1);
    stream.extend(weights(&machine, 0, &ones, &[0]));
    stream.extend([op(DEPTHWISE, 0), op(STOP, 0)].concat());
    assert_eq!(machine.run_words(&stream) & status::ERRORS, 0);
    let expected = [8, 15, 12, 21, 36, 27, 20, 33, 24];
    assert_eq!(machine.read(0x2000, 9), expected);
}

#[test]
fn weights_that_do_not_fit() {
    let machine = Machine::new(Macs256);
    let fits = depth_first(&[&[1]]);
    let short = &fits[..255];
    let long = [&fits[..], &[0, 1]].concat();
    for weights_given in [short, &long] {
        let mut stream = machine::maps((1, 1, 1), (1, 1, 1));
        stream.extend(weights(&machine, 0, weights_given, &[0]));
        stream.extend([op(CONV, 0), op(STOP, 0)].concat());
        let end = machine.run_words(&stream);
        assert_eq!(
            end,
            status::PARSE_ERROR | status::WEIGHT_FAULT | status::IRQ
        );
        machine.npu.write(ethosu_model::regs::RESET, 0);
    }
}

#[test]
fn fewer_scales_than_channels() {
    let machine = Machine::new(Macs256);
    let mut stream = machine::maps((1, 1, 1), (1, 1, 2));
    stream.extend(weights(&machine, 0, &depth_first(&[&[1], &[1]]), &[0]));
    stream.extend([op(CONV, 0), op(STOP, 0)].concat());
    assert_eq!(
        machine.run_words(&stream) & status::ERRORS,
        status::PARSE_ERROR
    );
}
