// SPDX-License-Identifier: GPL-2.0
//! Parameters that SET commands leave for the operations after them.
//!
//! Only parameters that the model understands exist, and only the bits of them that mean something:
//! a SET of anything else is refused. An operation that needs a parameter which its stream has not
//! set is refused as well: what the job before has left is nobody's business.

use crate::stop::Stop;

/// Declares an enum of parameters with the opcode of their SET command and the mask of legal bits.
macro_rules! parameters {
    ($(#[$meta:meta])* $name:ident: $bits:ty { $($entry:ident = $opcode:literal, $mask:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($entry = $opcode),* }

        impl $name {
            /// The parameter that `opcode` sets, and its legal bits.
            pub(crate) fn from_opcode(opcode: u16) -> Option<(Self, $bits)> {
                match opcode {
                    $($opcode => Some((Self::$entry, $mask)),)*
                    _ => None,
                }
            }
        }
    };
}

parameters! {
    /// Parameters of 16 bits, in the command's upper half.
    Short: u16 {
        IfmPadTop = 0x100, 0x007f;
        IfmPadLeft = 0x101, 0x007f;
        IfmPadRight = 0x102, 0x00ff;
        IfmPadBottom = 0x103, 0x00ff;
        IfmDepthM1 = 0x104, 0xffff;
        IfmPrecision = 0x105, 0xc3cd;
        IfmUpscale = 0x107, 0x0003;
        IfmZeroPoint = 0x109, 0xffff;
        IfmWidth0M1 = 0x10a, 0xffff;
        IfmHeight0M1 = 0x10b, 0xffff;
        IfmHeight1M1 = 0x10c, 0xffff;
        IfmIbEnd = 0x10d, 0x003f;
        IfmRegion = 0x10f, 0x0007;
        OfmWidthM1 = 0x111, 0xffff;
        OfmHeightM1 = 0x112, 0xffff;
        OfmDepthM1 = 0x113, 0xffff;
        OfmPrecision = 0x114, 0xc1c7;
        OfmBlkWidthM1 = 0x115, 0x003f;
        OfmBlkHeightM1 = 0x116, 0x001f;
        OfmBlkDepthM1 = 0x117, 0x007f;
        OfmZeroPoint = 0x118, 0xffff;
        OfmWidth0M1 = 0x11a, 0xffff;
        OfmHeight0M1 = 0x11b, 0xffff;
        OfmHeight1M1 = 0x11c, 0xffff;
        OfmRegion = 0x11f, 0x0007;
        KernelWidthM1 = 0x120, 0xffff;
        KernelHeightM1 = 0x121, 0xffff;
        KernelStride = 0x122, 0x025f;
        ParallelMode = 0x123, 0x0001;
        AccFormat = 0x124, 0x0003;
        Activation = 0x125, 0x701f;
        ActivationMin = 0x126, 0xffff;
        ActivationMax = 0x127, 0xffff;
        WeightRegion = 0x128, 0x0007;
        ScaleRegion = 0x129, 0x0007;
        AbStart = 0x12d, 0x003f;
        BlockDep = 0x12f, 0x0003;
        Dma0SrcRegion = 0x130, 0x0707;
        Dma0DstRegion = 0x131, 0x0707;
    }
}

parameters! {
    /// Parameters of up to 48 bits: a payload word below the command's upper half.
    Long: u64 {
        IfmBase0 = 0x00, 0xff_ffff_ffff;
        IfmBase1 = 0x01, 0xff_ffff_ffff;
        IfmBase2 = 0x02, 0xff_ffff_ffff;
        IfmBase3 = 0x03, 0xff_ffff_ffff;
        IfmStrideX = 0x04, 0xff_ffff_ffff;
        IfmStrideY = 0x05, 0xff_ffff_ffff;
        IfmStrideC = 0x06, 0xff_ffff_ffff;
        OfmBase0 = 0x10, 0xff_ffff_ffff;
        OfmBase1 = 0x11, 0xff_ffff_ffff;
        OfmBase2 = 0x12, 0xff_ffff_ffff;
        OfmBase3 = 0x13, 0xff_ffff_ffff;
        OfmStrideX = 0x14, 0xff_ffff_ffff;
        OfmStrideY = 0x15, 0xff_ffff_ffff;
        OfmStrideC = 0x16, 0xff_ffff_ffff;
        WeightBase = 0x20, 0xff_ffff_ffff;
        WeightLength = 0x21, 0xffff_ffff;
        ScaleBase = 0x22, 0xff_ffff_ffff;
        ScaleLength = 0x23, 0x000f_ffff;
        OfmScale = 0x24, 0x3f_ffff_ffff;
        Dma0Src = 0x30, 0xff_ffff_ffff;
        Dma0Dst = 0x31, 0xff_ffff_ffff;
        Dma0Len = 0x32, 0xff_ffff_ffff;
        Weight1Base = 0x90, 0xff_ffff_ffff;
        Weight1Length = 0x91, 0xffff_ffff;
        Scale1Base = 0x92, 0xff_ffff_ffff;
        Scale1Length = 0x93, 0x000f_ffff;
    }
}

/// All parameters of one stream.
pub(crate) struct State {
    short: [Option<u16>; 0x40],
    long: [Option<u64>; 0xa0],
}

impl State {
    /// Nothing set.
    pub(crate) fn new() -> Self {
        Self {
            short: [None; 0x40],
            long: [None; 0xa0],
        }
    }

    /// Obeys a SET command of one word.
    pub(crate) fn set_short(&mut self, opcode: u16, value: u16) -> Result<(), Stop> {
        let (parameter, legal) = Short::from_opcode(opcode).ok_or(UNKNOWN)?;
        if value & !legal != 0 {
            return Err(Stop::Command("reserved bits in a parameter"));
        }
        self.short[parameter as usize - 0x100] = Some(value);
        Ok(())
    }

    /// Obeys a SET command of two words.
    pub(crate) fn set_long(&mut self, opcode: u16, value: u64) -> Result<(), Stop> {
        let (parameter, legal) = Long::from_opcode(opcode).ok_or(UNKNOWN)?;
        if value & !legal != 0 {
            return Err(Stop::Command("reserved bits in a parameter"));
        }
        self.long[parameter as usize] = Some(value);
        Ok(())
    }

    /// A parameter.
    pub(crate) fn short(&self, parameter: Short) -> Result<u16, Stop> {
        self.short[parameter as usize - 0x100].ok_or(UNSET)
    }

    /// A parameter that is zero unless set.
    pub(crate) fn short_or_zero(&self, parameter: Short) -> u16 {
        self.short[parameter as usize - 0x100].unwrap_or(0)
    }

    /// A parameter that holds a number minus one.
    pub(crate) fn count(&self, parameter: Short) -> Result<usize, Stop> {
        Ok(usize::from(self.short(parameter)?) + 1)
    }

    /// A parameter.
    pub(crate) fn long(&self, parameter: Long) -> Result<u64, Stop> {
        self.long[parameter as usize].ok_or(UNSET)
    }

    /// A parameter that is zero unless set.
    pub(crate) fn long_or_zero(&self, parameter: Long) -> u64 {
        self.long[parameter as usize].unwrap_or(0)
    }
}

const UNKNOWN: Stop = Stop::Command("unknown parameter");
const UNSET: Stop = Stop::Command("operation with a parameter that is not set");
