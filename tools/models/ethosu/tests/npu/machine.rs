// SPDX-License-Identifier: GPL-2.0
//! A machine with one NPU and 1 MiB of memory, and words for streams.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ethosu_model::regs::{self, cmd, status};
use ethosu_model::{Bus, Configuration, Npu, Ram};

/// Operations.
pub const STOP: u16 = 0x00;
pub const CONV: u16 = 0x02;
pub const DEPTHWISE: u16 = 0x03;
pub const POOL: u16 = 0x05;
pub const ELEMENTWISE: u16 = 0x06;
pub const DMA: u16 = 0x10;

/// Modes of pooling.
pub const MAX: u16 = 0;
pub const AVERAGE: u16 = 1;

/// Bytes of memory. Region 0 begins at address 0, the stream where nothing else is.
pub const MEMORY: usize = 1 << 20;
const STREAM: u64 = 0x8_0000;

pub struct Machine {
    pub npu: Npu,
    memory: Arc<Ram>,
    interrupt: Receiver<()>,
}

impl Machine {
    pub fn new(configuration: Configuration) -> Self {
        let memory = Arc::new(Ram::new(vec![0; MEMORY]));
        let (sender, interrupt) = channel();
        let edge = Box::new(move || sender.send(()).unwrap_or_default());
        let npu = Npu::new(configuration, memory.clone(), edge);
        Self {
            npu,
            memory,
            interrupt,
        }
    }

    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.memory.write(at, bytes).unwrap();
    }

    pub fn read(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory.read(at, &mut bytes).unwrap();
        bytes
    }

    /// Starts a stream of these commands.
    pub fn start(&self, commands: &[Vec<u32>]) {
        let bytes: Vec<u8> = commands
            .concat()
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        self.write(STREAM, &bytes);
        self.npu.write(regs::QBASE, STREAM as u32);
        self.npu.write(regs::QSIZE, bytes.len() as u32);
        self.npu.write(regs::CMD, cmd::RUN);
    }

    /// Waits for the end of the job; gives STATUS.
    pub fn wait(&self) -> u32 {
        let begin = Instant::now();
        loop {
            let now = self.npu.read(regs::STATUS);
            if now & status::RUNNING == 0 {
                return now;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "the job does not end"
            );
            std::thread::yield_now();
        }
    }

    /// Runs a stream up to its interrupt; gives STATUS.
    pub fn run(&self, commands: &[Vec<u32>]) -> u32 {
        self.start(commands);
        self.interrupt
            .recv_timeout(Duration::from_secs(60))
            .unwrap();
        self.wait()
    }

    pub fn run_words(&self, words: &[u32]) -> u32 {
        self.run(&[words.to_vec()])
    }

    /// Edges of the interrupt line since the last one waited for.
    pub fn edges(&self) -> usize {
        self.interrupt.try_iter().count()
    }
}

/// A command of one word.
pub fn op(opcode: u16, value: u16) -> Vec<u32> {
    vec![u32::from(value) << 16 | u32::from(opcode)]
}

/// Sets a parameter.
pub fn set(opcode: u16, value: u16) -> Vec<u32> {
    op(opcode, value)
}

/// Sets a parameter of 40 bits.
pub fn set_long(opcode: u16, value: u64) -> Vec<u32> {
    let word = (value >> 32 << 16) as u32 | 0x4000 | u32::from(opcode);
    vec![word, value as u32]
}

/// Height, width, depth.
type Shape = (u16, u16, u16);

/// Dense int8 NHWC maps at 0x1000 and 0x2000, a 1x1 kernel, no scaling, natural rounding.
pub fn maps(input: Shape, output: Shape) -> Vec<u32> {
    let mut words = Vec::new();
    for (first, (height, width, depth), base) in [(0, input, 0x1000), (0x10, output, 0x2000)] {
        let (long, short) = (first, 0x100 + first);
        let (depth, row) = (u64::from(depth), u64::from(depth) * u64::from(width));
        let bases = [base, 0, 0, 0].into_iter().zip(long..);
        words.extend(bases.flat_map(|(base, opcode)| set_long(opcode, base)));
        words.extend(
            [
                set_long(long + 4, depth),
                set_long(long + 5, row),
                set_long(long + 6, 16),
            ]
            .concat(),
        );
        words.extend([set(short + 0xa, width - 1), set(short + 0xb, height - 1)].concat());
        words.extend([set(short + 0xc, height - 1), set(short + 0xf, 0)].concat());
    }
    words.extend([set(0x104, input.2 - 1), set(0x105, 1), set(0x109, 0)].concat());
    words.extend(
        [
            set(0x111, output.1 - 1),
            set(0x112, output.0 - 1),
            set(0x113, output.2 - 1),
        ]
        .concat(),
    );
    words.extend(
        [
            set(0x114, 0x8101),
            set(0x118, 0),
            set_long(0x24, 1),
            set(0x124, 0),
        ]
        .concat(),
    );
    words.extend([set(0x125, 0), set(0x126, -128i16 as u16), set(0x127, 127)].concat());
    words.extend(kernel(1, 1, 0, [0; 4]));
    words
}

/// A kernel; padding at the top, left, right, bottom.
pub fn kernel(height: u16, width: u16, stride: u16, padding: [u16; 4]) -> Vec<u32> {
    let mut words = [
        set(0x121, height - 1),
        set(0x120, width - 1),
        set(0x122, stride),
    ]
    .concat();
    words.extend(
        (0x100..)
            .zip(padding)
            .flat_map(|(opcode, padding)| set(opcode, padding)),
    );
    words
}

/// A DMA between regions, or to SHRAM with bit 8 of the region.
pub fn dma(source_region: u16, source: u64, target_region: u16, target: u64, len: u64) -> Vec<u32> {
    let regions = [set(0x130, source_region), set(0x131, target_region)].concat();
    let ends = [
        set_long(0x30, source),
        set_long(0x31, target),
        set_long(0x32, len),
    ]
    .concat();
    [regions, ends, op(DMA, 0)].concat()
}
