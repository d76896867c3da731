// SPDX-License-Identifier: GPL-2.0
//! What is not modelled, or makes no sense, stops the NPU with an error.

use ethosu_model::Configuration::Macs256;
use ethosu_model::regs::{self, cmd, status};

use crate::machine::{
    self, AVERAGE, CONV, DEPTHWISE, DMA, ELEMENTWISE, Machine, POOL, STOP, op, set, set_long,
};

#[test]
fn what_is_not_modelled_stops() {
    let maps = machine::maps((1, 1, 4), (1, 1, 4));
    let pool = [op(POOL, AVERAGE), op(STOP, 0)].concat();
    let weighted = |operation| [op(operation, 0), op(STOP, 0)].concat();
    let refused: [(&str, Vec<u32>); 27] = [
        ("elementwise", op(ELEMENTWISE, 0)),
        ("interrupt in the stream", op(1, 0)),
        ("PMU mask", op(0x13, 0)),
        ("unknown operation", op(0x3f, 0)),
        ("reserved bits of a command", vec![0x0400]),
        ("reserved control", vec![0x8000]),
        ("reserved bits of an operation", op(DMA, 1)),
        ("unknown parameter", set(0x130 + 5, 0)),
        ("unknown long parameter", set_long(0x7f, 0)),
        ("second input", set(0x180, 0)),
        ("reserved bits of a parameter", set(0x10f, 8)),
        ("reserved bits of an address", set_long(0x00, 1 << 40)),
        ("reduction", [&maps[..], &op(POOL, 2)].concat()),
        ("16-bit input", [&maps[..], &set(0x105, 5), &pool].concat()),
        (
            "32-bit output",
            [&maps[..], &set(0x114, 0x8105), &pool].concat(),
        ),
        (
            "reserved format",
            [&maps[..], &set(0x105, 0x81), &pool].concat(),
        ),
        (
            "truncation",
            [&maps[..], &set(0x114, 0x4101), &pool].concat(),
        ),
        ("upscaling", [&maps[..], &set(0x107, 1), &pool].concat()),
        (
            "hyperbolic tangent",
            [&maps[..], &set(0x125, 3), &pool].concat(),
        ),
        (
            "clip range",
            [&maps[..], &set(0x125, 0x2000), &pool].concat(),
        ),
        (
            "table not loaded",
            [&maps[..], &set(0x125, 0x10), &pool].concat(),
        ),
        ("zero point", [&maps[..], &set(0x109, 200), &pool].concat()),
        (
            "pool that changes the depth",
            [&maps[..], &set(0x104, 4), &pool].concat(),
        ),
        (
            "pool with a scale per channel",
            [&maps[..], &set(0x114, 0x8001), &pool].concat(),
        ),
        (
            "padding covers the input",
            [&maps[..], &machine::kernel(1, 1, 0, [1; 4]), &pool].concat(),
        ),
        (
            "convolution without weights",
            [&maps[..], &set(0x114, 1), &weighted(CONV)].concat(),
        ),
        (
            "depthwise with a global scale",
            [&maps[..], &weighted(DEPTHWISE)].concat(),
        ),
    ];
    let machine = Machine::new(Macs256);
    for (what, stream) in refused {
        let end = machine.run_words(&stream);
        assert_eq!(end, status::PARSE_ERROR | status::IRQ, "{what}");
        machine.npu.write(regs::RESET, 0);
    }
    for (what, stream) in [
        ("strided DMA", machine::dma(0x200, 0x3000, 0, 0x4000, 16)),
        (
            "strided destination",
            machine::dma(0, 0x3000, 0x400, 0x4000, 16),
        ),
        (
            "DMA from SHRAM",
            machine::dma(0x100, 0xb800, 0, 0x4000, 256),
        ),
        (
            "SHRAM below the tables",
            machine::dma(0, 0x3000, 0x100, 0xb700, 256),
        ),
        (
            "SHRAM above the tables",
            machine::dma(0, 0x3000, 0x100, 0xbf00, 512),
        ),
        (
            "part of a table",
            machine::dma(0, 0x3000, 0x100, 0xb800, 128),
        ),
        (
            "huge DMA to SHRAM",
            machine::dma(0, 0, 0x100, 0xb800, 1 << 30),
        ),
    ] {
        assert_eq!(
            machine.run_words(&stream),
            status::PARSE_ERROR | status::IRQ,
            "{what}"
        );
        machine.npu.write(regs::RESET, 0);
    }
}

/// A stream gets nothing from the one before it.
#[test]
fn parameters_do_not_outlive_their_stream() {
    let machine = Machine::new(Macs256);
    let maps = machine::maps((1, 1, 4), (1, 1, 4));
    machine.run_words(&[maps, op(STOP, 0)].concat());
    machine.npu.write(regs::CMD, cmd::CLEAR_IRQ);
    let end = machine.run_words(&[op(POOL, AVERAGE), op(STOP, 0)].concat());
    assert_eq!(end & status::ERRORS, status::PARSE_ERROR);
}

#[test]
fn stream_must_end_with_stop() {
    let machine = Machine::new(Macs256);
    assert_eq!(
        machine.run(&[set(0x100, 0)]),
        status::PARSE_ERROR | status::IRQ
    );
    machine.npu.write(regs::RESET, 0);
    assert_eq!(
        machine.run_words(&[0x4000]),
        status::PARSE_ERROR | status::IRQ,
        "no payload"
    );
    machine.npu.write(regs::RESET, 0);
    machine.npu.write(regs::QSIZE, 0);
    machine.npu.write(regs::CMD, cmd::RUN);
    assert_eq!(machine.wait(), status::PARSE_ERROR | status::IRQ);
}

#[test]
fn second_core_only_where_it_exists() {
    let parallel = [
        machine::maps((1, 1, 4), (1, 1, 4)),
        set(0x114, 1),
        set(0x123, 1),
        set(0x117, 7),
        [op(CONV, 0), op(STOP, 0)].concat(),
    ];
    let machine = Machine::new(Macs256);
    assert_eq!(machine.run(&parallel) & status::ERRORS, status::PARSE_ERROR);
}
