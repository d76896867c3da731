// SPDX-License-Identifier: GPL-2.0

//! Every reason for a refusal that `holes.rs` does not show already, and what is told about it.

use crate::cmdstream::{self, Config, Reason, Refusal, Register, Register::*};
use crate::stream::*;

fn refusal(words: &[u32]) -> Refusal {
    cmdstream::check(words, Config::U65_256).unwrap_err()
}

#[test]
fn no_stop() {
    let (word, reason) = (0, Reason::NoStop);
    assert_eq!(refusal(&[]), Refusal { word, reason });
    let body = convolution().body();
    let word = body.len() as u32;
    assert_eq!(refusal(&body), Refusal { word, reason });
}

#[test]
fn words_after_stop() {
    let (word, reason) = (1, Reason::WordsAfterStop);
    assert_eq!(refusal(&[OP_STOP, OP_STOP]), Refusal { word, reason });
}

#[test]
fn truncated() {
    let (word, reason) = (1, Reason::Truncated);
    let words = [u32::from(IfmPadTop.code()), u32::from(IfmBase0.code())];
    assert_eq!(refusal(&words), Refusal { word, reason });
}

#[test]
fn unknown_commands() {
    // A resize of the U85, the PMU mask, the broadcast register of the U85, and a payload of
    // nothing known.
    for word in [
        0x07, 0x04, 0x0f, 0x13, 0x108, 0x106, 0x1ff, 0x200, 0x3ff, 0x4007, 0x4094, 0x43ff,
    ] {
        let (index, reason) = (0, Reason::UnknownCommand);
        assert_eq!(
            refusal(&[word, 0, OP_STOP]),
            Refusal {
                word: index,
                reason
            },
            "{word:#x}"
        );
    }
}

#[test]
fn reserved_control() {
    for word in [0x8000, 0xc000, 0x8100, 0xc000 | OP_STOP] {
        let (index, reason) = (0, Reason::ReservedBits);
        assert_eq!(
            refusal(&[word, 0, OP_STOP]),
            Refusal {
                word: index,
                reason
            },
            "{word:#x}"
        );
    }
}

#[test]
fn reserved_bits_of_operations() {
    for word in [
        0x1_0002, 0x1_0003, 0x8_0005, 0x40_0006, 0x1_0010, 0x2_0011, 0x4_0012,
    ] {
        let (index, reason) = (0, Reason::ReservedBits);
        assert_eq!(
            refusal(&[word, OP_STOP]),
            Refusal {
                word: index,
                reason
            },
            "{word:#x}"
        );
    }
}

#[test]
fn reserved_bits_of_registers() {
    let last = [
        (IfmPadTop, 0x80),
        (IfmPadRight, 0x100),
        (IfmPrecision, 0x3),
        (IfmPrecision, 0x400),
        (IfmUpscale, 4),
        (IfmIbEnd, 0x40),
        (IfmRegion, 8),
        (OfmPrecision, 0x8),
        (OfmPrecision, 0x200),
        (OfmBlkHeightM1, 0x20),
        (KernelStride, 0x80),
        (KernelStride, 0x400),
        (ParallelMode, 2),
        (Activation, 0x20),
        (Activation, 0x8000),
        (Dma0SrcRegion, 0x8),
        (Dma0DstRegion, 0x800),
        (Ifm2Broadcast, 0x8),
        (Ifm2Broadcast, 0x100),
        (Ifm2Precision, 0x100),
        (IfmBase0, 1 << 40),
        (OfmStrideY, 1 << 47),
        (WeightLength, 1 << 32),
        (ScaleLength, 1 << 20),
        (Scale1Length, 1 << 32),
        (OfmScale, 1 << 38),
        (OpbScale, 1 << 16),
        (Dma0Len, 1 << 40),
    ];
    for (register, value) in last {
        assert_set_refused(register, value, Reason::ReservedBits);
    }
}

#[test]
fn reserved_values() {
    let values = [
        (IfmPrecision, 0x8),
        (IfmPrecision, 0xd),
        (IfmPrecision, 0x300),
        (IfmPrecision, 0xc000),
        (IfmUpscale, 3),
        (OfmPrecision, 4),
        (OfmPrecision, 6),
        (OfmPrecision, 7),
        (OfmPrecision, 0xc000),
        (AccFormat, 3),
        (Activation, 1),
        (Activation, 24),
        (Activation, 0x1000),
        (Activation, 0x7000),
        (Dma0SrcRegion, 0x600),
        (Dma0DstRegion, 0x600),
        (Ifm2Precision, 0xc),
    ];
    for (register, value) in values {
        assert_set_refused(register, value, Reason::ReservedValue);
    }
    for operation in [0x3_0005, 0x7_0005, 0xa_0006, 0x3f_0006] {
        let (word, reason) = (0, Reason::ReservedValue);
        assert_eq!(refusal(&[operation, OP_STOP]), Refusal { word, reason });
    }
}

fn assert_set_refused(register: Register, value: u64, reason: Reason) {
    let mut words = vec![u32::from(IfmZeroPoint.code())];
    push(&mut words, register, value);
    words.push(OP_STOP);
    assert_eq!(
        refusal(&words),
        Refusal { word: 1, reason },
        "{register:?} {value:#x}"
    );
}

#[test]
fn every_register_of_an_operation_must_be_set() {
    for stream in [
        convolution(),
        dual_convolution(),
        pool(),
        absolute(),
        product(),
        copy(),
    ] {
        stream.footprint();
        for &(register, _) in &stream.sets {
            // Strides between channels have no part in NHWC.
            if matches!(register, IfmStrideC | OfmStrideC | Ifm2StrideC) {
                stream.clone().without(register).footprint();
            } else {
                stream
                    .clone()
                    .without(register)
                    .assert_refused(Reason::Unset(register));
            }
        }
    }
}

#[test]
fn every_stride_of_bricks_must_be_set() {
    let bricks = product().and(&[
        (IfmPrecision, 0x41),
        (Ifm2Precision, 0x41),
        (OfmPrecision, 0x141),
    ]);
    for register in [
        IfmStrideX,
        IfmStrideY,
        IfmStrideC,
        Ifm2StrideX,
        Ifm2StrideY,
        Ifm2StrideC,
    ] {
        bricks
            .clone()
            .without(register)
            .assert_refused(Reason::Unset(register));
    }
    for register in [OfmStrideX, OfmStrideY, OfmStrideC] {
        bricks
            .clone()
            .without(register)
            .assert_refused(Reason::Unset(register));
    }
}

#[test]
fn bases_and_heights_of_used_tiles_must_be_set() {
    let tiles = pool().with(OfmWidth0M1, 2).with(OfmHeight0M1, 1);
    tiles.assert_refused(Reason::Unset(OfmHeight1M1));
    let tiles = tiles.with(OfmHeight1M1, 2);
    tiles.assert_refused(Reason::Unset(OfmBase1));
    let tiles = tiles.with(OfmBase1, 0);
    tiles.assert_refused(Reason::Unset(OfmBase2));
    let tiles = tiles.with(OfmBase2, 0);
    tiles.assert_refused(Reason::Unset(OfmBase3));
    tiles.with(OfmBase3, 0).footprint();
}

#[test]
fn sum_needs_its_scales() {
    let sum = product().operation(OP_ADD);
    sum.assert_refused(Reason::Unset(OpaScale));
    let sum = sum.with(OpaScale, 1);
    sum.assert_refused(Reason::Unset(OpbScale));
    sum.with(OpbScale, 1).footprint();
}

#[test]
fn constant_must_be_set() {
    let constant = product().with(Ifm2Broadcast, 0x80);
    constant.assert_refused(Reason::Unset(Ifm2Scalar));
    let ends = constant
        .with(Ifm2Scalar, 7)
        .without(Ifm2Base0)
        .without(Ifm2Region)
        .footprint();
    assert_eq!(ends.read[3], 0);
}

#[test]
fn input_shape() {
    for (register, value) in [
        (IfmPadTop, 5),
        (IfmPadBottom, 5),
        (IfmPadLeft, 6),
        (IfmPadRight, 255),
    ] {
        convolution()
            .with(register, value)
            .assert_refused(Reason::InputShape);
    }
    let large = [
        (OfmHeightM1, 0xffff),
        (OfmHeight0M1, 0xffff),
        (IfmHeight0M1, 0xffff),
    ];
    convolution().and(&large).footprint();
    convolution()
        .and(&large)
        .with(KernelStride, 2)
        .assert_refused(Reason::InputShape);
    convolution()
        .and(&large)
        .with(IfmPadTop, 0)
        .assert_refused(Reason::InputShape);
}

#[test]
fn unsupported_modes() {
    let source = copy().with(Dma0SrcRegion, 0x100);
    source.assert_refused(Reason::UnsupportedMode);
    let both = copy().and(&[(Dma0SrcRegion, 0x200), (Dma0DstRegion, 0x402)]);
    both.and(&[
        (Dma0Size0, 1),
        (Dma0Size1, 1),
        (Dma0Skip0, 0),
        (Dma0Skip1, 0),
    ])
    .assert_refused(Reason::UnsupportedMode);
    let internal = copy().and(&[(Dma0DstRegion, 0x300), (Dma0Size0, 1), (Dma0Skip0, 0)]);
    internal.assert_refused(Reason::UnsupportedMode);
    let global = convolution().with(OfmPrecision, 0x101).with(OfmScale, 1);
    global.assert_refused(Reason::UnsupportedMode);
    global
        .operation(OP_DEPTHWISE)
        .assert_refused(Reason::UnsupportedMode);
    absolute()
        .with(IfmUpscale, 1)
        .assert_refused(Reason::UnsupportedMode);
    absolute()
        .with(OfmPrecision, 1)
        .assert_refused(Reason::UnsupportedMode);
    product()
        .with(Ifm2Precision, 5)
        .assert_refused(Reason::UnsupportedMode);
}

#[test]
fn unscaled_operations_need_no_scale() {
    for operation in [OP_MIN, OP_CLZ] {
        product()
            .with(OfmPrecision, 1)
            .without(OfmScale)
            .operation(operation)
            .footprint();
    }
    absolute()
        .operation(OP_CLZ)
        .with(OfmPrecision, 1)
        .footprint();
}

#[test]
fn empty_transfers() {
    copy()
        .with(Dma0Len, 0)
        .assert_refused(Reason::EmptyTransfer);
    let rows = copy().and(&[(Dma0DstRegion, 0x402), (Dma0Size0, 2), (Dma0Size1, 2)]);
    rows.clone()
        .with(Dma0Size0, 0)
        .assert_refused(Reason::EmptyTransfer);
    rows.with(Dma0Size1, 0)
        .assert_refused(Reason::EmptyTransfer);
}

#[test]
fn missing_parameters() {
    convolution()
        .with(WeightLength, 0)
        .assert_refused(Reason::MissingParameters);
    convolution()
        .with(ScaleLength, 64)
        .assert_refused(Reason::MissingParameters);
    dual_convolution()
        .with(Weight1Length, 0)
        .assert_refused(Reason::MissingParameters);
    dual_convolution()
        .with(ScaleLength, 32)
        .assert_refused(Reason::MissingParameters);
    dual_convolution()
        .with(Scale1Length, 32)
        .assert_refused(Reason::MissingParameters);
    // One channel leaves the second core idle.
    let idle = [(OfmDepthM1, 0), (Weight1Length, 0), (Scale1Length, 0)];
    dual_convolution()
        .and(&idle)
        .without(Weight1Base)
        .without(Scale1Base)
        .footprint();
}

#[test]
fn unaligned() {
    for (register, value) in [
        (WeightBase, 8),
        (WeightLength, 40),
        (ScaleBase, 1),
        (ScaleLength, 81),
    ] {
        convolution()
            .with(register, value)
            .assert_refused(Reason::Unaligned);
    }
    for (register, value) in [
        (Weight1Base, 8),
        (Weight1Length, 40),
        (Scale1Base, 1),
        (Scale1Length, 81),
    ] {
        dual_convolution()
            .with(register, value)
            .assert_refused(Reason::Unaligned);
    }
}

#[test]
fn no_second_core() {
    let words = dual_convolution().words();
    let (word, reason) = (0, Reason::NoSecondCore);
    assert_eq!(refusal(&words), Refusal { word, reason });
    assert!(cmdstream::check(&convolution().words(), Config::U65_512).is_ok());
}

#[test]
fn pools_and_reductions_read_the_channels_they_need() {
    let deep = pool().and(&[(IfmDepthM1, 15), (IfmStrideX, 16), (IfmStrideY, 80)]);
    for operation in [OP_POOL_AVERAGE, OP_POOL_REDUCE_SUM] {
        let ends = deep
            .clone()
            .with(OfmDepthM1, 0)
            .operation(operation)
            .footprint();
        assert_eq!(ends.read[1], 0x100 + 4 * 80);
    }
}

#[test]
fn larger_depth_counts_where_both_should_be_the_same() {
    for stream in [pool(), convolution().operation(OP_DEPTHWISE), product()] {
        let deep = [
            (IfmStrideX, 16),
            (IfmStrideY, 80),
            (OfmStrideX, 16),
            (OfmStrideY, 80),
        ];
        let stream = stream.and(&deep).with(ScaleLength, 160);
        let last = 0x100 + 3 * 80 + 4 * 16;
        assert_eq!(
            stream.clone().with(IfmDepthM1, 15).footprint().read[1],
            last + 16
        );
        assert_eq!(stream.with(OfmDepthM1, 15).footprint().read[1], last + 16);
    }
}

#[test]
fn codes_are_stable() {
    let causes = [
        Reason::TooLong,
        Reason::NoStop,
        Reason::WordsAfterStop,
        Reason::Truncated,
        Reason::UnknownCommand,
        Reason::ReservedBits,
        Reason::ReservedValue,
        Reason::EarlyInterrupt,
        Reason::SilentStop,
        Reason::Unset(IfmBase0),
        Reason::Overflow,
        Reason::InputShape,
        Reason::InternalRange,
        Reason::TableNotLoaded,
        Reason::InternalLayout,
        Reason::UnsupportedMode,
        Reason::EmptyTransfer,
        Reason::MissingParameters,
        Reason::Unaligned,
        Reason::NoSecondCore,
    ];
    for (number, cause) in (1..).zip(causes) {
        assert_eq!(cause.code() & 0xffff, number, "{cause:?}");
    }
    assert_eq!(Reason::Unset(IfmBase0).code(), 0x4000_000a);
    assert_eq!(Reason::NoStop.code(), 2);
}

#[test]
fn refusals_read_well() {
    let (word, reason) = (12, Reason::Unset(IfmBase0));
    assert_eq!(
        Refusal { word, reason }.to_string(),
        "word 12: register not set: IfmBase0"
    );
    let (word, reason) = (0, Reason::Truncated);
    assert_eq!(
        Refusal { word, reason }.to_string(),
        "word 0: payload missing"
    );
}
