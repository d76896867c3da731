// SPDX-License-Identifier: GPL-2.0
//! Physical addresses (memory.rst, locations).

/// Bits of a device or bus address: ADDRESS_BITS.
pub const ADDRESS_BITS: u32 = 52;
const ADDRESS: u64 = (1 << ADDRESS_BITS) - 1;

/// What a location is a place in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Device memory.
    Device,
    /// Host memory.
    System,
    /// A BAR of another function.
    Peer,
    /// Zeros.
    Zero,
}

/// A physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Of what memory.
    pub target: Target,
    /// Device or bus address, 52 bits.
    pub address: u64,
}

impl Location {
    /// Takes it apart; `None` if a reserved bit is set.
    pub fn parse(bits: u64) -> Option<Self> {
        let reserved = !ADDRESS & !(3 << 62);
        (bits & reserved == 0).then(|| Self::of_entry(bits))
    }

    /// As in a page-table entry, whose other bits mean something else.
    pub(super) fn of_entry(bits: u64) -> Self {
        let target = match bits >> 62 {
            0 => Target::Device,
            1 => Target::System,
            2 => Target::Peer,
            _ => Target::Zero,
        };
        Self {
            target,
            address: bits & ADDRESS,
        }
    }

    /// Location of SYSTEM or DEVICE, as rings, tables and images need it.
    pub fn parse_memory(bits: u64) -> Option<Self> {
        Self::parse(bits).filter(|l| matches!(l.target, Target::Device | Target::System))
    }

    /// `bytes` further; `None` if that is beyond ADDRESS_BITS.
    pub fn offset(self, bytes: u64) -> Option<Self> {
        let address = self.address.checked_add(bytes)?;
        (address <= ADDRESS).then_some(Self { address, ..self })
    }

    /// Its 64 bits.
    pub fn bits(self) -> u64 {
        (self.target as u64) << 62 | self.address
    }
}
