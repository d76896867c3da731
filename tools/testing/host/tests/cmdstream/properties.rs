// SPDX-License-Identifier: GPL-2.0

//! Properties of the check: it never panics, what it accepts stays within the footprint, and the
//! footprint of an ordinary stream is exact. PROPTEST_CASES sets how many streams are drawn.

use proptest::prelude::*;

use crate::accesses;
use crate::cmdstream::{self, Config, Footprint, Register, Register::*};
use crate::stream::*;

/// Streams of larger feature maps are not held against the model.
const MOST_ELEMENTS: u64 = 1 << 17;

fn config() -> impl Strategy<Value = Config> {
    prop_oneof![Just(Config::U65_256), Just(Config::U65_512)]
}

/// One of the streams of `stream.rs`.
fn any_stream() -> impl Strategy<Value = Stream> {
    let elementwise = prop_oneof![Just(OP_MUL), Just(OP_MIN), Just(OP_ABS), Just(OP_CLZ)];
    let weighted = prop_oneof![Just(OP_CONV), Just(OP_DEPTHWISE)];
    let pools = prop_oneof![
        Just(OP_POOL_MAX),
        Just(OP_POOL_AVERAGE),
        Just(OP_POOL_REDUCE_SUM)
    ];
    prop_oneof![
        weighted
            .clone()
            .prop_map(|operation| convolution().operation(operation)),
        weighted.prop_map(|operation| dual_convolution().operation(operation)),
        pools.prop_map(|operation| pool().operation(operation)),
        elementwise.prop_map(|operation| product().operation(operation)),
        Just(copy()),
        rows(0x200, 0),
        rows(0, 0x202),
    ]
}

/// A transfer in two or three dimensions.
fn rows(source: u64, destination: u64) -> impl Strategy<Value = Stream> {
    (1..9u64, 1..5u64, 0..2u64, -20..90i64, 0..200u64).prop_map(
        move |(size0, size1, planes, skip0, skip1)| {
            let mode = |region: u64| {
                if region & 0x200 != 0 {
                    region << planes
                } else {
                    region
                }
            };
            copy().and(&[
                (Dma0SrcRegion, mode(source) & 0x600),
                (Dma0DstRegion, mode(destination) & 0x600 | 2),
                (Dma0Dst, 0x1000),
                (Dma0Src, 0x1000),
                (Dma0Len, 32),
                (Dma0Size0, size0),
                (Dma0Size1, size1),
                (Dma0Skip0, (skip0 as u64) & 0xff_ffff_ffff),
                (Dma0Skip1, skip1),
            ])
        },
    )
}

/// A value at the edges of what a register takes, or a small one, or any.
fn any_value() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..20u64,
        (0..48u32).prop_map(|bit| 1 << bit),
        (0..48u32).prop_map(|bit| (1 << bit) - 1),
        (1..300u64).prop_map(|value| (1 << 40) - value),
        any::<u64>().prop_map(|value| value & 0xff_ffff_ffff),
    ]
}

/// Registers of a feature map of which the shape is drawn.
struct Map {
    stride: [Register; 3],
    base: [Register; 4],
    tile: [Register; 3],
    precision: Register,
}

const MAPS: [Map; 3] = [
    Map {
        stride: [IfmStrideX, IfmStrideY, IfmStrideC],
        base: [IfmBase0, IfmBase1, IfmBase2, IfmBase3],
        tile: [IfmWidth0M1, IfmHeight0M1, IfmHeight1M1],
        precision: IfmPrecision,
    },
    Map {
        stride: [Ifm2StrideX, Ifm2StrideY, Ifm2StrideC],
        base: [Ifm2Base0, Ifm2Base1, Ifm2Base2, Ifm2Base3],
        tile: [Ifm2Width0M1, Ifm2Height0M1, Ifm2Height1M1],
        precision: Ifm2Precision,
    },
    Map {
        stride: [OfmStrideX, OfmStrideY, OfmStrideC],
        base: [OfmBase0, OfmBase1, OfmBase2, OfmBase3],
        tile: [OfmWidth0M1, OfmHeight0M1, OfmHeight1M1],
        precision: OfmPrecision,
    },
];

/// Where and how a feature map lies: strides, bases, tile sizes less one, format, log2 of the bytes
/// in an element.
type Layout = ([i64; 3], [u64; 4], [u64; 3], u64, u64);

fn layout() -> impl Strategy<Value = Layout> {
    let strides = [-40..400i64, -300..3000i64, -200..2000i64];
    let bases = std::array::from_fn(|_| 0x1_0000..0x2_0000u64);
    (
        strides,
        bases,
        [0..9u64, 0..9u64, 0..9u64],
        0..2u64,
        0..3u64,
    )
}

fn place(stream: Stream, map: &Map, (mut strides, bases, tiles, format, log2): Layout) -> Stream {
    if format == 1 {
        // Another stride between columns is open.
        strides[0] = 16 << log2;
    }
    let strides = strides.map(|stride| (stride as u64) & 0xff_ffff_ffff);
    let kept = stream.get(map.precision) & 0x100;
    let size = if map.precision == OfmPrecision {
        log2 << 1
    } else {
        log2 << 2
    };
    stream
        .and(&map.stride.into_iter().zip(strides).collect::<Vec<_>>())
        .and(&map.base.into_iter().zip(bases).collect::<Vec<_>>())
        .and(&map.tile.into_iter().zip(tiles).collect::<Vec<_>>())
        .with(map.precision, kept | format << 6 | size | 1)
}

prop_compose! {
    /// Any of the operations with drawn shapes, layouts, kernels and paddings.
    fn drawn_stream()(
        stream in any_stream(),
        [ifm, mut ifm2, ofm] in [layout(), layout(), layout()],
        shape in [0..7u64, 0..7u64, 0..40u64],
        kernel in [0..5u64, 0..5u64],
        padding in [0..2u64, 0..2u64, 0..2u64, 0..2u64],
        stride in 0..0x10u64,
        upscale in 0..3u64,
        broadcast in 0..8u64,
    ) -> Stream {
        if stream.operation == OP_DMA_START {
            return stream;
        }
        ifm2.4 = ifm.4;
        let [height, width, depth] = shape;
        let wide = (stride & 3) | (stride & 4) << 4 | (stride & 8) << 6;
        let elementwise = stream.operation & 0xff == 0x06;
        let sizes = [
            (OfmHeightM1, height),
            (OfmWidthM1, width),
            (OfmDepthM1, depth),
            (IfmDepthM1, depth),
        ];
        let kernels = [
            (KernelHeightM1, kernel[0]),
            (KernelWidthM1, kernel[1]),
            (IfmPadTop, padding[0].min(kernel[0])),
            (IfmPadLeft, padding[1].min(kernel[1])),
            (IfmPadBottom, padding[2].min(kernel[0])),
            (IfmPadRight, padding[3].min(kernel[1])),
            (KernelStride, wide),
            (IfmUpscale, if elementwise { 0 } else { upscale }),
            (ScaleLength, 416),
            (Scale1Length, 416),
            (Ifm2Broadcast, broadcast),
        ];
        let [one, two, three] = &MAPS;
        place(place(place(stream.and(&sizes).and(&kernels), one, ifm), two, ifm2), three, ofm)
    }
}

/// Whether every access is within the footprint.
fn covers(ends: &Footprint, touched: &Footprint) -> bool {
    (0..8).all(|n| touched.read[n] <= ends.read[n] && touched.written[n] <= ends.written[n])
}

/// Whether the footprint may exceed what the model touches: where the documentation is open, and
/// where a stride beyond the kernel leaves rows or columns of the input out.
fn is_open(stream: &Stream) -> bool {
    let get = |register| stream.get(register);
    let stride = get(KernelStride);
    let three_dimensions = (get(Dma0SrcRegion) | get(Dma0DstRegion)) & 0x400 != 0;
    let stride_x = (stride & 1) + (stride >> 6 & 1) * 2;
    let stride_y = (stride >> 1 & 1) + (stride >> 9 & 1) * 2;
    three_dimensions || stride_x > get(KernelWidthM1) || stride_y > get(KernelHeightM1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_are_survived(
        words in prop::collection::vec(any::<u32>(), 0..64),
        config in config(),
    ) {
        let _ = cmdstream::check(&words, config);
    }

    #[test]
    fn any_settings_are_survived(
        stream in drawn_stream(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..8),
    ) {
        let mut stream = stream;
        for (index, value) in changes {
            let index = index.index(stream.sets.len());
            stream.sets[index].1 = value;
        }
        let _ = stream.check();
    }

    #[test]
    fn drawn_footprints_are_exact(stream in drawn_stream()) {
        let ends = stream.check();
        prop_assume!(ends.is_ok());
        let touched = accesses::footprint(&stream.words(), MOST_ELEMENTS).expect("a small shape");
        prop_assert!(covers(&ends.unwrap(), &touched));
        prop_assert!(is_open(&stream) || ends == Ok(touched), "{ends:?} {touched:?}");
    }

    #[test]
    fn changed_settings_stay_within_the_footprint(
        stream in drawn_stream(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 1..4),
    ) {
        let mut stream = stream;
        for (index, value) in changes {
            let index = index.index(stream.sets.len());
            stream.sets[index].1 = value;
        }
        assert_sound(&stream.words())?;
    }

    #[test]
    fn changed_words_stay_within_the_footprint(
        streams in prop::collection::vec(drawn_stream(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..32u32), 0..4),
        lost in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut words: Vec<u32> = streams.iter().flat_map(Stream::body).collect();
        words.push(OP_STOP);
        for (index, bit) in changes {
            let index = index.index(words.len());
            words[index] ^= 1 << bit;
        }
        if let Some(index) = lost {
            words.remove(index.index(words.len()));
        }
        assert_sound(&words)?;
    }
}

/// Fails if a stream is accepted whose accesses leave its footprint.
fn assert_sound(words: &[u32]) -> Result<(), TestCaseError> {
    let Ok(ends) = cmdstream::check(words, Config::U65_512) else {
        return Ok(());
    };
    if let Some(touched) = accesses::footprint(words, MOST_ELEMENTS) {
        prop_assert!(covers(&ends, &touched), "{ends:?} {touched:?}");
    }
    Ok(())
}
