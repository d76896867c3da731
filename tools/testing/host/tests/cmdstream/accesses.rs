// SPDX-License-Identifier: GPL-2.0

//! A model of the NPU that says which bytes it touches, by enumerating them one element at a time.
//!
//! Independent of the check: works on the raw numbers of the commands, wraps addresses at 2^40 and
//! takes every register that was not set as 0.

use crate::cmdstream::Footprint;

const ADDRESSES: u64 = 1 << 40;
/// The code of a command, control and opcode, is below this.
const CODES: usize = 0x4400;

/// What the NPU touches, or None if an operation has more elements than `most`.
pub fn footprint(words: &[u32], most: u64) -> Option<Footprint> {
    let mut npu = Npu {
        most,
        registers: vec![0; CODES],
        touched: Footprint::default(),
    };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (code, parameter) = (word & 0xffff, u64::from(word >> 16));
        if code & 0x4000 != 0 {
            let payload = u64::from(words.next().expect("a payload"));
            npu.registers[code as usize] = parameter << 32 | payload;
        } else if code >= 0x100 {
            npu.registers[code as usize] = parameter;
        } else if code == 0 {
            break;
        } else {
            npu.run(code, parameter)?;
        }
    }
    Some(npu.touched)
}

struct Npu {
    /// More elements are not enumerated.
    most: u64,
    /// By the code of the command that sets them.
    registers: Vec<u64>,
    touched: Footprint,
}

/// A feature map by the codes of its registers: those of IFM, and what to add for IFM2 and OFM.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    Ifm = 0,
    Ifm2 = 0x80,
    Ofm = 0x10,
}

impl Npu {
    fn get(&self, code: u32) -> u64 {
        self.registers[code as usize]
    }

    fn run(&mut self, operation: u32, parameter: u64) -> Option<()> {
        match operation {
            0x02 => self.kernel(true, true),
            0x03 => self.kernel(true, false),
            0x05 => self.kernel(false, parameter == 2),
            0x06 => self.elementwise(parameter),
            0x10 => self.dma(),
            _ => Some(()),
        }
    }

    fn output(&self) -> [u64; 3] {
        [0x112, 0x111, 0x113].map(|code| self.get(code) + 1)
    }

    fn kernel(&mut self, weighted: bool, all_channels: bool) -> Option<()> {
        let [height, width, depth] = self.output();
        let channels = if all_channels {
            self.get(0x104) + 1
        } else {
            depth
        };
        let stride = self.get(0x122);
        let bit = |n: u32| stride >> n & 1;
        let rows = self.taps(
            height,
            1 + bit(1) + 2 * bit(9),
            1 + bit(4),
            0x121,
            0x100,
            0x103,
        )?;
        let columns = self.taps(
            width,
            1 + bit(0) + 2 * bit(6),
            1 + bit(3),
            0x120,
            0x101,
            0x102,
        )?;
        self.elements(Map::Ifm, &rows, &columns, channels)?;
        self.all_elements(Map::Ofm, [height, width, depth])?;
        let dual = self.get(0x123) == 1;
        if weighted {
            self.stream(0x128, 0x4020);
            if dual {
                self.stream(0x128, 0x4090);
            }
        }
        if self.get(0x114) & 0x100 == 0 {
            self.scales(0x4022, if dual { depth.div_ceil(2) } else { depth });
            if dual {
                self.scales(0x4092, depth / 2);
            }
        }
        Some(())
    }

    /// The rows or columns of the input below any element of the kernel.
    fn taps(
        &self,
        output: u64,
        stride: u64,
        dilation: u64,
        kernel: u32,
        before: u32,
        after: u32,
    ) -> Option<Vec<u64>> {
        let (kernel, before, after) = (self.get(kernel) + 1, self.get(before), self.get(after));
        let size = ((output - 1) * stride + kernel).checked_sub(before + after)?;
        let mut taps = Vec::new();
        for position in 0..output {
            for element in (0..kernel).step_by(dilation as usize) {
                match (position * stride + element).checked_sub(before) {
                    Some(tap) if tap < size => {
                        taps.push(if self.get(0x107) == 0 { tap } else { tap / 2 })
                    }
                    _ => (),
                }
                if taps.len() as u64 > self.most {
                    return None;
                }
            }
        }
        taps.sort_unstable();
        taps.dedup();
        Some(taps)
    }

    fn elementwise(&mut self, operation: u64) -> Option<()> {
        let output @ [height, width, depth] = self.output();
        self.all_elements(Map::Ifm, output)?;
        self.all_elements(Map::Ofm, output)?;
        let broadcast = self.get(0x180);
        if matches!(operation, 5..=7) || broadcast & 0x80 != 0 {
            return Some(());
        }
        let unless = |bit, size| if broadcast & bit == 0 { size } else { 1 };
        self.all_elements(
            Map::Ifm2,
            [unless(1, height), unless(2, width), unless(4, depth)],
        )
    }

    fn all_elements(&mut self, map: Map, [height, width, depth]: [u64; 3]) -> Option<()> {
        if height * width * depth > self.most {
            return None;
        }
        let (rows, columns): (Vec<_>, Vec<_>) = ((0..height).collect(), (0..width).collect());
        self.elements(map, &rows, &columns, depth)
    }

    fn elements(&mut self, map: Map, rows: &[u64], columns: &[u64], depth: u64) -> Option<()> {
        if (rows.len() * columns.len()) as u64 * depth > self.most {
            return None;
        }
        let code = map as u32;
        let region = self.get(0x10f + code);
        let precision = self.get(if map == Map::Ofm { 0x114 } else { 0x105 + code });
        let size = 1
            << (if map == Map::Ofm {
                precision >> 1
            } else {
                precision >> 2
            } & 3);
        for &row in rows {
            for &column in columns {
                for channel in 0..depth {
                    let address = self.address(code, precision, size, row, column, channel);
                    self.touch(region, address, size, map == Map::Ofm);
                }
            }
        }
        Some(())
    }

    /// Where an element lies in its region, modulo 2^40.
    fn address(&self, code: u32, precision: u64, size: u64, mut y: u64, mut x: u64, c: u64) -> u64 {
        let mut tile = 0;
        if x > self.get(0x10a + code) {
            x -= self.get(0x10a + code) + 1;
            tile = 1;
        }
        let height = self.get(0x10b + tile + code);
        if y > height {
            y -= height + 1;
            tile += 2;
        }
        let stride = |n: u32| self.get(0x4004 + n + code);
        let offset = if precision & 0x40 == 0 {
            x.wrapping_mul(stride(0)).wrapping_add(c * size)
        } else {
            (c / 16)
                .wrapping_mul(stride(2))
                .wrapping_add((16 * x + c % 16) * size)
        };
        let base = self.get(0x4000 + tile + code);
        base.wrapping_add(y.wrapping_mul(stride(1)))
            .wrapping_add(offset)
            % ADDRESSES
    }

    fn touch(&mut self, region: u64, address: u64, size: u64, write: bool) {
        let ends = if write {
            &mut self.touched.written
        } else {
            &mut self.touched.read
        };
        let end = &mut ends[region as usize];
        *end = (address + size).max(*end);
    }

    fn stream(&mut self, region: u32, base: u32) {
        let length = self.get(base + 1);
        if length > 0 {
            self.touch(self.get(region), self.get(base), length, false);
        }
    }

    fn scales(&mut self, base: u32, channels: u64) {
        self.stream(0x129, base);
        if channels > 0 {
            self.touch(self.get(0x129), self.get(base), 10 * channels, false);
        }
    }

    fn dma(&mut self) -> Option<()> {
        let (source, destination) = (self.get(0x130), self.get(0x131));
        let mode = (source >> 9 & 3).max(destination >> 9 & 3);
        let rows = if mode >= 1 { self.get(0x132) } else { 1 };
        let planes = if mode == 2 { self.get(0x133) } else { 1 };
        if rows * planes > self.most {
            return None;
        }
        for plane in 0..planes {
            for row in 0..rows {
                for (side, base, write) in [(source, 0x4030, false), (destination, 0x4031, true)] {
                    let address = self.dma_row(side, self.get(base), rows, plane, row);
                    if side & 0x100 == 0 {
                        self.touch(side & 7, address, self.get(0x4032), write);
                    }
                }
            }
        }
        Some(())
    }

    /// Where a row of a transfer starts, with the skip between planes as Vela takes it.
    fn dma_row(&self, side: u64, base: u64, rows: u64, plane: u64, row: u64) -> u64 {
        let length = self.get(0x4032);
        let skip = |mode: u64, code: u32| {
            if side >> 9 & 3 >= mode {
                self.get(code)
            } else {
                0
            }
        };
        let pitch = length.wrapping_add(skip(1, 0x4033));
        let plane_pitch = length.wrapping_mul(rows).wrapping_add(skip(2, 0x4034));
        base.wrapping_add(row.wrapping_mul(pitch))
            .wrapping_add(plane.wrapping_mul(plane_pitch))
            % ADDRESSES
    }
}
