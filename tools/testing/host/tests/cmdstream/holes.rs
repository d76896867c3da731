// SPDX-License-Identifier: GPL-2.0

//! What the check of mainline's driver (drivers/accel/ethosu/ethosu_gem.c in Linux 7.3) lets
//! through, and this one must not: one test for each.

use crate::cmdstream::{self, Config, MAX_BYTES, Reason, Refusal, Register::*};
use crate::stream::*;

#[test]
fn weights_of_the_second_core_count() {
    let ends = dual_convolution()
        .without(Scale1Length)
        .with(Scale1Length, 48)
        .footprint();
    assert_eq!(ends.read[0], 0x2000 + 48);
    let ends = dual_convolution().with(Weight1Base, 0x5000).footprint();
    assert_eq!(ends.read[0], 0x5000 + 64);
}

#[test]
fn scales_of_the_second_core_count() {
    let ends = dual_convolution().with(Scale1Base, 0x7000).footprint();
    assert_eq!(ends.read[0], 0x7000 + 48);
}

#[test]
fn second_core_needs_its_streams() {
    for register in [Weight1Base, Weight1Length, Scale1Base, Scale1Length] {
        dual_convolution()
            .without(register)
            .assert_refused(Reason::Unset(register));
    }
}

#[test]
fn stride_mode_of_the_destination_counts() {
    // 400 rows of 16 bytes, one each 1000: mainline takes it for 16 bytes.
    let rows = copy().and(&[
        (Dma0DstRegion, 0x202),
        (Dma0Len, 16),
        (Dma0Size0, 400),
        (Dma0Skip0, 984),
    ]);
    let ends = rows.footprint();
    assert_eq!(ends.written[2], 0x20 + 399 * 1000 + 16);
    assert_eq!(ends.read[0], 0x10 + 400 * 16);
}

#[test]
fn stride_mode_of_the_source_counts() {
    let rows = copy().and(&[
        (Dma0SrcRegion, 0x200),
        (Dma0Len, 16),
        (Dma0Size0, 400),
        (Dma0Skip0, 984),
    ]);
    let ends = rows.footprint();
    assert_eq!(ends.read[0], 0x10 + 399 * 1000 + 16);
    assert_eq!(ends.written[2], 0x20 + 400 * 16);
}

#[test]
fn planes_of_a_transfer_count() {
    let planes = [
        (Dma0DstRegion, 0x402),
        (Dma0Len, 16),
        (Dma0Size0, 4),
        (Dma0Size1, 3),
        (Dma0Skip0, 0),
        (Dma0Skip1, 0x1_0000),
    ];
    let ends = copy().and(&planes).footprint();
    assert_eq!(ends.written[2], 0x20 + 2 * (4 * 16 + 0x1_0000) + 4 * 16);
    assert_eq!(ends.read[0], 0x10 + 3 * 4 * 16);
}

#[test]
fn transfer_needs_its_regions() {
    for register in [Dma0SrcRegion, Dma0DstRegion, Dma0Src, Dma0Dst, Dma0Len] {
        copy()
            .without(register)
            .assert_refused(Reason::Unset(register));
    }
}

#[test]
fn transfer_to_the_internal_memory_is_bounded() {
    let internal = copy()
        .with(Dma0DstRegion, 0x100)
        .with(Dma0Dst, 47 * 1024)
        .with(Dma0Len, 1024);
    let ends = internal.footprint();
    assert_eq!((ends.read[0], ends.written), (0x10 + 1024, [0; 8]));
    internal
        .clone()
        .with(Dma0Len, 1025)
        .assert_refused(Reason::InternalRange);
    internal
        .with(Dma0Len, 1 << 20)
        .assert_refused(Reason::InternalRange);
}

#[test]
fn elementwise_reads_its_whole_first_operand() {
    assert_eq!(absolute().footprint().read[1], 0x100 + 4 * 5 * 8);
    assert_eq!(product().footprint().read[1], 0x100 + 4 * 5 * 8);
}

#[test]
fn second_operand_counts_without_broadcast() {
    assert_eq!(product().footprint().read[3], 0x200 + 4 * 5 * 8);
}

#[test]
fn elementwise_needs_its_broadcast() {
    product()
        .without(Ifm2Broadcast)
        .assert_refused(Reason::Unset(Ifm2Broadcast));
}

#[test]
fn last_element_counts_whole() {
    let int32 = [
        (IfmPrecision, 0x9),
        (IfmStrideX, 32),
        (IfmStrideY, 160),
        (OfmPrecision, 0x105),
        (OfmStrideX, 32),
        (OfmStrideY, 160),
    ];
    let ends = absolute().and(&int32).footprint();
    assert_eq!((ends.read[1], ends.written[2]), (0x100 + 640, 0x40 + 640));
}

#[test]
fn every_tile_counts() {
    // Tile 0 lies far above tile 2, which holds the last row.
    let tiles = [(OfmBase0, 1 << 20), (OfmHeight0M1, 2), (OfmBase2, 0)];
    let ends = convolution().and(&tiles).footprint();
    assert_eq!(ends.written[2], (1 << 20) + 3 * 40);
    let tiles = [
        (IfmWidth0M1, 1),
        (IfmHeight0M1, 1),
        (IfmHeight1M1, 2),
        (IfmBase1, 0x1000),
        (IfmBase2, 0x3000),
        (IfmBase3, 0x2000),
    ];
    let ends = convolution().and(&tiles).footprint();
    assert_eq!(ends.read[1], 0x3000 + 40 + 2 * 8);
}

#[test]
fn reserved_format_is_refused() {
    for (register, value) in [
        (IfmPrecision, 0x81),
        (OfmPrecision, 0xc1),
        (Ifm2Precision, 0x81),
    ] {
        let result = product().with(register, value).check();
        assert_eq!(result.unwrap_err().reason, Reason::ReservedValue);
    }
}

#[test]
fn precision_must_be_set() {
    for register in [IfmPrecision, OfmPrecision, Ifm2Precision] {
        product()
            .without(register)
            .assert_refused(Reason::Unset(register));
    }
}

#[test]
fn reserved_opcode_bits_are_refused() {
    for bit in 10..14 {
        for word in [
            OP_CONV,
            OP_STOP,
            u32::from(IfmPadTop.code()),
            u32::from(IfmBase0.code()),
        ] {
            let words = [word | 1 << bit, 0, OP_STOP];
            let (word, reason) = (0, Reason::ReservedBits);
            assert_eq!(
                cmdstream::check(&words, Config::U65_256),
                Err(Refusal { word, reason })
            );
        }
    }
}

#[test]
fn interrupt_before_the_end_is_refused() {
    convolution()
        .operation(OP_IRQ)
        .assert_refused(Reason::EarlyInterrupt);
}

#[test]
fn stop_without_interrupt_is_refused() {
    let (word, reason) = (0, Reason::SilentStop);
    assert_eq!(
        cmdstream::check(&[0], Config::U65_256),
        Err(Refusal { word, reason })
    );
}

#[test]
fn upscaled_input_is_half_as_large() {
    // 4x5 outputs from 2x3 inputs: mainline asks for 4x5 and refuses a valid stream.
    let ends = convolution().with(IfmUpscale, 1).footprint();
    assert_eq!(ends.read[1], 0x100 + 40 + 3 * 8);
    convolution()
        .without(IfmUpscale)
        .assert_refused(Reason::Unset(IfmUpscale));
}

#[test]
fn internal_buffers_must_be_set_and_in_order() {
    for register in [
        IfmIbEnd,
        AbStart,
        AccFormat,
        OfmBlkWidthM1,
        OfmBlkHeightM1,
        OfmBlkDepthM1,
    ] {
        convolution()
            .without(register)
            .assert_refused(Reason::Unset(register));
    }
    for (register, value) in [(IfmIbEnd, 2), (IfmIbEnd, 31), (AbStart, 49)] {
        convolution()
            .with(register, value)
            .assert_refused(Reason::InternalLayout);
    }
    product()
        .without(Ifm2IbStart)
        .assert_refused(Reason::Unset(Ifm2IbStart));
    for start in [1, 11] {
        product()
            .with(Ifm2IbStart, start)
            .assert_refused(Reason::InternalLayout);
    }
}

#[test]
fn look_up_table_must_be_loaded() {
    let table = convolution().with(Activation, 17);
    table.assert_refused(Reason::TableNotLoaded);
    let load = copy().and(&[(Dma0DstRegion, 0x100), (Dma0Dst, 0xb900), (Dma0Len, 256)]);
    let words = [load.body(), table.words()].concat();
    assert!(cmdstream::check(&words, Config::U65_256).is_ok());
    for (register, value) in [(Dma0Dst, 0xb901), (Dma0Dst, 0xb8ff), (Dma0Len, 255)] {
        let words = [load.clone().with(register, value).body(), table.words()].concat();
        let refusal = cmdstream::check(&words, Config::U65_256).unwrap_err();
        assert_eq!(refusal.reason, Reason::TableNotLoaded);
    }
}

#[test]
fn look_up_table_must_be_whole() {
    let bytes = |precision, table, length| {
        let load = copy().and(&[(Dma0DstRegion, 0x100), (Dma0Dst, 0xb800), (Dma0Len, length)]);
        let table = pool().with(OfmPrecision, precision).with(Activation, table);
        let words = [load.body(), table.words()].concat();
        cmdstream::check(&words, Config::U65_256)
    };
    let (int16, int32) = (0x103, 0x105);
    assert!(bytes(int16, 16, 2048).is_ok());
    assert!(bytes(int16, 16, 1792).is_err());
    assert!(bytes(int32, 16, 1024).is_ok());
    assert!(bytes(int32, 16, 768).is_err());
    assert!(bytes(int32, 20, 2048).is_ok());
    assert!(bytes(int32, 21, 2048).is_err());
}

#[test]
fn stream_beyond_the_queue_limit_is_refused() {
    let mut words = vec![u32::from(IfmPadTop.code()); MAX_BYTES / 4 - 1];
    words.push(OP_STOP);
    assert!(cmdstream::check(&words, Config::U65_256).is_ok());
    words.insert(0, words[0]);
    let (word, reason) = (0, Reason::TooLong);
    assert_eq!(
        cmdstream::check(&words, Config::U65_256),
        Err(Refusal { word, reason })
    );
}
