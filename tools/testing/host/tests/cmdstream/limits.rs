// SPDX-License-Identifier: GPL-2.0

//! The ends of the address space, of strides and of counts.

use crate::cmdstream::{self, Reason, Register::*};
use crate::stream::*;

const END: u64 = 1 << 40;

/// A 40-bit two's complement number.
fn signed(value: i64) -> u64 {
    (value as u64) & (END - 1)
}

#[test]
fn ranges_may_touch_the_end_of_the_address_space() {
    assert_eq!(copy().with(Dma0Src, END - 64).footprint().read[0], END);
    assert_eq!(copy().with(Dma0Dst, END - 64).footprint().written[2], END);
    assert_eq!(
        convolution().with(IfmBase0, END - 160).footprint().read[1],
        END
    );
    assert_eq!(
        convolution().with(OfmBase0, END - 160).footprint().written[2],
        END
    );
    assert_eq!(
        convolution().with(WeightBase, END - 48).footprint().read[0],
        END
    );
    assert_eq!(
        convolution().with(ScaleBase, END - 80).footprint().read[0],
        END
    );
}

#[test]
fn ranges_may_not_pass_the_end_of_the_address_space() {
    copy()
        .with(Dma0Src, END - 63)
        .assert_refused(Reason::Overflow);
    copy()
        .with(Dma0Dst, END - 63)
        .assert_refused(Reason::Overflow);
    copy()
        .with(Dma0Len, END - 1)
        .assert_refused(Reason::Overflow);
    convolution()
        .with(IfmBase0, END - 159)
        .assert_refused(Reason::Overflow);
    convolution()
        .with(OfmBase0, END - 159)
        .assert_refused(Reason::Overflow);
    convolution()
        .with(WeightBase, END - 32)
        .assert_refused(Reason::Overflow);
    convolution()
        .with(ScaleBase, END - 64)
        .assert_refused(Reason::Overflow);
    product()
        .with(Ifm2Base0, END - 159)
        .assert_refused(Reason::Overflow);
}

#[test]
fn negative_strides_reverse_the_output() {
    let reversed = convolution().and(&[(OfmStrideY, signed(-40)), (OfmBase0, 0x40 + 3 * 40)]);
    assert_eq!(reversed.footprint(), convolution().footprint());
    reversed
        .with(OfmBase0, 3 * 40 - 1)
        .assert_refused(Reason::Overflow);
}

#[test]
fn largest_strides_are_refused_without_wrapping() {
    for stride in [signed(i64::MAX), END / 2 - 1, END / 2, signed(-1)] {
        for register in [IfmStrideX, IfmStrideY, OfmStrideX, OfmStrideY] {
            let large = [
                (IfmBase0, 0),
                (OfmBase0, 0),
                (OfmHeightM1, 0xffff),
                (OfmWidthM1, 0xffff),
                (OfmHeight0M1, 0xffff),
                (OfmWidth0M1, 0xffff),
                (IfmHeight0M1, 0xffff),
                (IfmWidth0M1, 0xffff),
                (register, stride),
            ];
            convolution().and(&large).assert_refused(Reason::Overflow);
        }
    }
}

#[test]
fn largest_transfers_are_refused_without_wrapping() {
    for (length, skip) in [
        (END - 1, 0),
        (END - 1, END / 2 - 1),
        (1, END / 2 - 1),
        (1, END / 2),
        (1 << 24, 0),
    ] {
        for region in [Dma0SrcRegion, Dma0DstRegion] {
            let planes = [
                (region, 0x400),
                (Dma0Len, length),
                (Dma0Size0, 0xffff),
                (Dma0Size1, 0xffff),
                (Dma0Skip0, skip),
                (Dma0Skip1, skip),
            ];
            copy().and(&planes).assert_refused(Reason::Overflow);
        }
    }
}

#[test]
fn both_readings_of_the_skip_between_planes_count() {
    let planes = [
        (Dma0DstRegion, 0x402),
        (Dma0Len, 16),
        (Dma0Size0, 4),
        (Dma0Size1, 3),
        (Dma0Skip0, 100),
        (Dma0Skip1, 1000),
    ];
    let ends = copy().and(&planes).footprint();
    let rows = 3 * 116 + 16;
    assert_eq!(ends.written[2], 0x20 + 2 * (4 * 116 + 1000) + rows);
    // The other reading is the farther one where the skip between rows is negative.
    let ends = copy().and(&planes).with(Dma0Skip0, signed(-8)).footprint();
    assert_eq!(ends.written[2], 0x20 + 2 * (4 * 16 + 1000) + 3 * 8 + 16);
}

#[test]
fn bricks_end_with_the_last_or_the_last_full_one() {
    let bricks = [
        (OfmPrecision, 0x141),
        (OfmDepthM1, 19),
        (OfmStrideY, 0x1000),
    ];
    let stride = |c| pool().and(&bricks).with(OfmStrideC, c).footprint().written[2];
    let last_row = 0x40 + 3 * 0x1000 + 4 * 16;
    assert_eq!(stride(0x100), last_row + 0x100 + 4);
    assert_eq!(stride(1), last_row + 16);
    assert_eq!(stride(signed(-0x40)), last_row + 16);
    pool()
        .and(&bricks)
        .with(OfmStrideC, signed(-0x41))
        .assert_refused(Reason::Overflow);
}

#[test]
fn truncation_at_any_word_is_refused() {
    let words = [copy().body(), dual_convolution().body(), product().words()].concat();
    assert!(cmdstream::check(&words, dual_convolution().config()).is_ok());
    for length in 0..words.len() {
        let refusal = cmdstream::check(&words[..length], dual_convolution().config()).unwrap_err();
        assert!(matches!(refusal.reason, Reason::NoStop | Reason::Truncated));
        assert!(refusal.word as usize >= length.saturating_sub(1));
    }
}

#[test]
fn both_readings_of_the_stride_between_bricks_count() {
    let bricks = pool().and(&[(OfmPrecision, 0x141), (OfmStrideC, 0), (OfmStrideY, 0x1000)]);
    let ends = |stride| bricks.clone().with(OfmStrideX, stride).footprint().written[2];
    assert_eq!(ends(16), 0x40 + 3 * 0x1000 + 4 * 16 + 8);
    assert_eq!(ends(0), ends(16));
    assert_eq!(ends(0x100), 0x40 + 3 * 0x1000 + 4 * 0x100 + 8);
}
