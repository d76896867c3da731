// SPDX-License-Identifier: GPL-2.0
//! A copy by the NPU's DMA, to be put before or behind what a compiler wrote.
//!
//! A compiler has inputs where it wants them, among what a network works with. A camera has its frames
//! in buffers of its own. A copy before the network's stream, in the same job, brings them together
//! without the CPU.
//!
//! A command is a word with its code in bits 15:0 and a parameter in bits 31:16; one with an address has
//! bits 39:32 of it there and the rest in a second word. Source: the Ethos-U65's register interface, as in
//! `drivers/ethosu/cmdstream`.

const DMA_START: u32 = 0x0010;
/// Waits until no transfer is left, the parameter being how many may be.
const DMA_WAIT: u32 = 0x0011;
const SET_DMA0_SRC_REGION: u32 = 0x0130;
const SET_DMA0_DST_REGION: u32 = 0x0131;
const SET_DMA0_SRC: u32 = 0x4030;
const SET_DMA0_DST: u32 = 0x4031;
const SET_DMA0_LEN: u32 = 0x4032;

/// A byte of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Number of the region.
    pub region: u8,
    /// Bytes from its start, at most 40 bits.
    pub offset: u64,
}

/// Commands that copy `length` bytes between regions and wait until that is done.
///
/// The driver refuses what does not fit, as in every stream.
pub fn copy(from: At, to: At, length: u64) -> [u32; 10] {
    let [source, source_low] = address(SET_DMA0_SRC, from.offset);
    let [destination, destination_low] = address(SET_DMA0_DST, to.offset);
    let [size, size_low] = address(SET_DMA0_LEN, length);
    [
        SET_DMA0_SRC_REGION | u32::from(from.region) << 16,
        SET_DMA0_DST_REGION | u32::from(to.region) << 16,
        source,
        source_low,
        destination,
        destination_low,
        size,
        size_low,
        DMA_START,
        DMA_WAIT,
    ]
}

fn address(code: u32, value: u64) -> [u32; 2] {
    [code | ((value >> 32) as u32) << 16, value as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_a_transfer_and_a_wait() {
        let from = At {
            region: 3,
            offset: 0x12_3456_789a,
        };
        let to = At {
            region: 1,
            offset: 16,
        };
        assert_eq!(
            copy(from, to, 120),
            [
                0x0003_0130,
                0x0001_0131,
                0x0012_4030,
                0x3456_789a,
                0x4031,
                16,
                0x4032,
                120,
                0x0010,
                0x0011
            ]
        );
    }
}
