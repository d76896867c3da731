// SPDX-License-Identifier: GPL-2.0

//! Command streams to test with: small valid ones, and how to change them.

use crate::cmdstream::{self, Config, Footprint, Reason, Refusal, Register};

pub const OP_STOP: u32 = 0xffff_0000;
pub const OP_IRQ: u32 = 0xffff_0001;
pub const OP_CONV: u32 = 0x02;
pub const OP_DEPTHWISE: u32 = 0x03;
pub const OP_POOL_MAX: u32 = 0x05;
pub const OP_POOL_AVERAGE: u32 = 0x1_0005;
pub const OP_POOL_REDUCE_SUM: u32 = 0x2_0005;
pub const OP_MUL: u32 = 0x06;
pub const OP_ADD: u32 = 0x1_0006;
pub const OP_MIN: u32 = 0x3_0006;
pub const OP_ABS: u32 = 0x6_0006;
pub const OP_CLZ: u32 = 0x7_0006;
pub const OP_DMA_START: u32 = 0x10;

/// Register settings followed by one operation and OP_STOP.
#[derive(Clone, Debug)]
pub struct Stream {
    pub sets: Vec<(Register, u64)>,
    pub operation: u32,
}

impl Stream {
    /// Replaces or adds a setting.
    pub fn with(mut self, register: Register, value: u64) -> Self {
        match self.sets.iter_mut().find(|(name, _)| *name == register) {
            Some(setting) => setting.1 = value,
            None => self.sets.push((register, value)),
        }
        self
    }

    /// Takes a setting away.
    pub fn without(mut self, register: Register) -> Self {
        self.sets.retain(|(name, _)| *name != register);
        self
    }

    /// The value of a setting; 0 if there is none.
    pub fn get(&self, register: Register) -> u64 {
        let setting = self.sets.iter().find(|(name, _)| *name == register);
        setting.map_or(0, |&(_, value)| value)
    }

    /// Takes other settings over.
    pub fn and(self, sets: &[(Register, u64)]) -> Self {
        sets.iter().fold(self, |stream, &(register, value)| {
            stream.with(register, value)
        })
    }

    pub fn operation(mut self, operation: u32) -> Self {
        self.operation = operation;
        self
    }

    /// The settings and the operation, without OP_STOP.
    pub fn body(&self) -> Vec<u32> {
        let mut words = Vec::new();
        for &(register, value) in &self.sets {
            push(&mut words, register, value);
        }
        words.push(self.operation);
        words
    }

    pub fn words(&self) -> Vec<u32> {
        let mut words = self.body();
        words.push(OP_STOP);
        words
    }

    pub fn check(&self) -> Result<Footprint, Refusal> {
        cmdstream::check(&self.words(), self.config())
    }

    /// The footprint; fails the test if the stream is refused.
    pub fn footprint(&self) -> Footprint {
        self.check().unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// Fails the test unless the operation is refused for this reason.
    pub fn assert_refused(&self, reason: Reason) {
        let word = self.body().len() as u32 - 1;
        assert_eq!(self.check(), Err(Refusal { word, reason }));
    }

    /// The smallest NPU that has the cores which the stream uses.
    pub fn config(&self) -> Config {
        match self.get(Register::ParallelMode) {
            0 => Config::U65_256,
            _ => Config::U65_512,
        }
    }
}

/// Appends the command that sets a register.
pub fn push(words: &mut Vec<u32>, register: Register, value: u64) {
    let code = u32::from(register.code());
    if code & 0x4000 == 0 {
        words.push(code | (value as u32) << 16);
    } else {
        words.push(code | ((value >> 32) as u32) << 16);
        words.push(value as u32);
    }
}

/// What every operation but DMA needs: an int8 NHWC input and output of 4x5x8 in regions 1 and 2.
fn common() -> Vec<(Register, u64)> {
    use Register::*;
    vec![
        (ParallelMode, 0),
        (IfmRegion, 1),
        (IfmBase0, 0x100),
        (IfmWidth0M1, 4),
        (IfmHeight0M1, 3),
        (IfmDepthM1, 7),
        (IfmStrideX, 8),
        (IfmStrideY, 40),
        (IfmStrideC, 1),
        (IfmZeroPoint, 0),
        (IfmPrecision, 1),
        (IfmUpscale, 0),
        (OfmRegion, 2),
        (OfmBase0, 0x40),
        (OfmWidthM1, 4),
        (OfmHeightM1, 3),
        (OfmDepthM1, 7),
        (OfmWidth0M1, 4),
        (OfmHeight0M1, 3),
        (OfmStrideX, 8),
        (OfmStrideY, 40),
        (OfmStrideC, 1),
        (OfmZeroPoint, 0),
        (OfmPrecision, 1),
        (OfmBlkWidthM1, 7),
        (OfmBlkHeightM1, 7),
        (OfmBlkDepthM1, 7),
        (IfmIbEnd, 10),
        (AbStart, 30),
        (AccFormat, 0),
        (Activation, 0),
        (ActivationMin, 0xff80),
        (ActivationMax, 0x7f),
        (Blockdep, 0),
    ]
}

fn kernel() -> Vec<(Register, u64)> {
    use Register::*;
    vec![
        (IfmPadTop, 1),
        (IfmPadLeft, 1),
        (IfmPadRight, 1),
        (IfmPadBottom, 1),
        (KernelWidthM1, 2),
        (KernelHeightM1, 2),
        (KernelStride, 0),
    ]
}

/// A 3x3 convolution, padded to the same size; 48 bytes of weights and 80 of scales in region 0.
pub fn convolution() -> Stream {
    use Register::*;
    let mut sets = common();
    sets.extend(kernel());
    sets.extend([
        (WeightRegion, 0),
        (WeightBase, 0x20),
        (WeightLength, 48),
        (ScaleRegion, 0),
        (ScaleBase, 0x80),
        (ScaleLength, 80),
    ]);
    Stream {
        sets,
        operation: OP_CONV,
    }
}

/// The same on two cores: 64 bytes of weights and 48 of scales for the second.
pub fn dual_convolution() -> Stream {
    use Register::*;
    convolution().and(&[
        (ParallelMode, 1),
        (ScaleLength, 48),
        (Weight1Base, 0x1000),
        (Weight1Length, 64),
        (Scale1Base, 0x2000),
        (Scale1Length, 48),
    ])
}

/// A 3x3 maximum pool, padded to the same size.
pub fn pool() -> Stream {
    let mut sets = common();
    sets.extend(kernel());
    let stream = Stream {
        sets,
        operation: OP_POOL_MAX,
    };
    stream
        .with(Register::OfmPrecision, 0x101)
        .with(Register::OfmScale, 1)
}

/// The absolute values.
pub fn absolute() -> Stream {
    let stream = Stream {
        sets: common(),
        operation: OP_ABS,
    };
    stream
        .with(Register::OfmPrecision, 0x101)
        .with(Register::OfmScale, 1)
}

/// The product with an operand of the same shape in region 3.
pub fn product() -> Stream {
    use Register::*;
    let second = [
        (Ifm2Region, 3),
        (Ifm2Base0, 0x200),
        (Ifm2Width0M1, 4),
        (Ifm2Height0M1, 3),
        (Ifm2StrideX, 8),
        (Ifm2StrideY, 40),
        (Ifm2StrideC, 1),
        (Ifm2ZeroPoint, 0),
        (Ifm2Precision, 1),
        (Ifm2Broadcast, 0),
        (Ifm2IbStart, 6),
    ];
    absolute().and(&second).operation(OP_MUL)
}

/// A copy of 64 bytes from region 0 to region 2.
pub fn copy() -> Stream {
    use Register::*;
    let sets = vec![
        (Dma0SrcRegion, 0),
        (Dma0DstRegion, 2),
        (Dma0Src, 0x10),
        (Dma0Dst, 0x20),
        (Dma0Len, 64),
    ];
    Stream {
        sets,
        operation: OP_DMA_START,
    }
}
