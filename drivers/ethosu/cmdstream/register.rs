// SPDX-License-Identifier: GPL-2.0

//! The registers that a command stream may set: the allow-list of `NPU_SET_*`.

macro_rules! registers {
    ($($name:ident = $code:literal, $mask:expr;)*) => {
        /// A register of the command stream, named as its `NPU_SET_` command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub(crate) enum Register {
            $($name,)*
        }

        impl Register {
            /// Number of registers; each is below it as `usize`.
            pub(super) const COUNT: usize = [$(Register::$name,)*].len();

            /// The register that a command with these low 16 bits (control and opcode) sets.
            pub(super) fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Control and opcode: the low 16 bits of the command.
            pub(crate) fn code(self) -> u16 {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The bits of a value that are defined; the others are reserved.
            pub(super) fn mask(self) -> u64 {
                match self {
                    $(Self::$name => $mask,)*
                }
            }

            /// The register's name.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

/// 40-bit address, length or stride: bits 39:32 in the command's parameter, 31:0 in its payload.
const ADDRESS: u64 = 0xff_ffff_ffff;
/// 32-bit scale in the payload, 6-bit shift in the parameter.
const SCALE: u64 = 0x3f_ffff_ffff;
/// 32-bit length in the payload.
const LENGTH: u64 = 0xffff_ffff;
/// 20-bit length in the payload.
const SCALE_LENGTH: u64 = 0xf_ffff;

registers! {
    IfmPadTop = 0x0100, 0x7f;
    IfmPadLeft = 0x0101, 0x7f;
    IfmPadRight = 0x0102, 0xff;
    IfmPadBottom = 0x0103, 0xff;
    IfmDepthM1 = 0x0104, 0xffff;
    IfmPrecision = 0x0105, 0xc3cd;
    IfmUpscale = 0x0107, 0x3;
    IfmZeroPoint = 0x0109, 0xffff;
    IfmWidth0M1 = 0x010a, 0xffff;
    IfmHeight0M1 = 0x010b, 0xffff;
    IfmHeight1M1 = 0x010c, 0xffff;
    IfmIbEnd = 0x010d, 0x3f;
    IfmRegion = 0x010f, 0x7;
    OfmWidthM1 = 0x0111, 0xffff;
    OfmHeightM1 = 0x0112, 0xffff;
    OfmDepthM1 = 0x0113, 0xffff;
    OfmPrecision = 0x0114, 0xc1c7;
    OfmBlkWidthM1 = 0x0115, 0x3f;
    OfmBlkHeightM1 = 0x0116, 0x1f;
    OfmBlkDepthM1 = 0x0117, 0x7f;
    OfmZeroPoint = 0x0118, 0xffff;
    OfmWidth0M1 = 0x011a, 0xffff;
    OfmHeight0M1 = 0x011b, 0xffff;
    OfmHeight1M1 = 0x011c, 0xffff;
    OfmRegion = 0x011f, 0x7;
    KernelWidthM1 = 0x0120, 0xffff;
    KernelHeightM1 = 0x0121, 0xffff;
    KernelStride = 0x0122, 0x27f;
    ParallelMode = 0x0123, 0x1;
    AccFormat = 0x0124, 0x3;
    Activation = 0x0125, 0x701f;
    ActivationMin = 0x0126, 0xffff;
    ActivationMax = 0x0127, 0xffff;
    WeightRegion = 0x0128, 0x7;
    ScaleRegion = 0x0129, 0x7;
    AbStart = 0x012d, 0x3f;
    Blockdep = 0x012f, 0x3;
    Dma0SrcRegion = 0x0130, 0x707;
    Dma0DstRegion = 0x0131, 0x707;
    Dma0Size0 = 0x0132, 0xffff;
    Dma0Size1 = 0x0133, 0xffff;
    Ifm2Broadcast = 0x0180, 0xc7;
    Ifm2Scalar = 0x0181, 0xffff;
    Ifm2Precision = 0x0185, 0xcd;
    Ifm2ZeroPoint = 0x0189, 0xffff;
    Ifm2Width0M1 = 0x018a, 0xffff;
    Ifm2Height0M1 = 0x018b, 0xffff;
    Ifm2Height1M1 = 0x018c, 0xffff;
    Ifm2IbStart = 0x018d, 0x3f;
    Ifm2Region = 0x018f, 0x7;
    IfmBase0 = 0x4000, ADDRESS;
    IfmBase1 = 0x4001, ADDRESS;
    IfmBase2 = 0x4002, ADDRESS;
    IfmBase3 = 0x4003, ADDRESS;
    IfmStrideX = 0x4004, ADDRESS;
    IfmStrideY = 0x4005, ADDRESS;
    IfmStrideC = 0x4006, ADDRESS;
    OfmBase0 = 0x4010, ADDRESS;
    OfmBase1 = 0x4011, ADDRESS;
    OfmBase2 = 0x4012, ADDRESS;
    OfmBase3 = 0x4013, ADDRESS;
    OfmStrideX = 0x4014, ADDRESS;
    OfmStrideY = 0x4015, ADDRESS;
    OfmStrideC = 0x4016, ADDRESS;
    WeightBase = 0x4020, ADDRESS;
    WeightLength = 0x4021, LENGTH;
    ScaleBase = 0x4022, ADDRESS;
    ScaleLength = 0x4023, SCALE_LENGTH;
    OfmScale = 0x4024, SCALE;
    OpaScale = 0x4025, SCALE;
    OpbScale = 0x4026, 0xffff;
    Dma0Src = 0x4030, ADDRESS;
    Dma0Dst = 0x4031, ADDRESS;
    Dma0Len = 0x4032, ADDRESS;
    Dma0Skip0 = 0x4033, ADDRESS;
    Dma0Skip1 = 0x4034, ADDRESS;
    Ifm2Base0 = 0x4080, ADDRESS;
    Ifm2Base1 = 0x4081, ADDRESS;
    Ifm2Base2 = 0x4082, ADDRESS;
    Ifm2Base3 = 0x4083, ADDRESS;
    Ifm2StrideX = 0x4084, ADDRESS;
    Ifm2StrideY = 0x4085, ADDRESS;
    Ifm2StrideC = 0x4086, ADDRESS;
    Weight1Base = 0x4090, ADDRESS;
    Weight1Length = 0x4091, LENGTH;
    Scale1Base = 0x4092, ADDRESS;
    Scale1Length = 0x4093, SCALE_LENGTH;
}

impl Register {
    /// Whether a value within [`Register::mask`] has a meaning: the enumerated fields have reserved
    /// values.
    pub(super) fn defines(self, value: u64) -> bool {
        match self {
            Self::IfmPrecision => {
                ifm_element(value) && format(value) && (value >> 8) & 3 <= 2 && rounding(value)
            }
            Self::Ifm2Precision => ifm_element(value) && format(value),
            Self::OfmPrecision => {
                matches!(value & 7, 0..=3 | 5) && format(value) && rounding(value)
            }
            Self::IfmUpscale | Self::AccFormat => value <= 2,
            Self::Activation => {
                matches!(value & 0x1f, 0 | 3 | 4 | 16..=23) && matches!(value >> 12, 0 | 2 | 3 | 5)
            }
            Self::Dma0SrcRegion | Self::Dma0DstRegion => (value >> 9) & 3 <= 2,
            _ => true,
        }
    }
}

/// Bits 3:0 of an IFM precision: 8 and 16 bits, either sign, and signed 32 bits.
fn ifm_element(value: u64) -> bool {
    matches!(value & 0xf, 0 | 1 | 4 | 5 | 9)
}

/// Bits 7:6 of a precision: 0 NHWC, 1 NHCWB16.
fn format(value: u64) -> bool {
    (value >> 6) & 3 <= 1
}

/// Bits 15:14 of a precision: 0 double, 1 truncate, 2 natural.
fn rounding(value: u64) -> bool {
    value >> 14 <= 2
}
