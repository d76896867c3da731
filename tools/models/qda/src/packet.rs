// SPDX-License-Identifier: GPL-2.0
//! Packets, and how they are checked (Documentation/devices/qda/queues.rst, packets).

use crate::status::{Failure, Status};

/// A packet as it is in the ring.
#[derive(Clone, Debug)]
pub struct Packet(pub [u8; 64]);

/// Opcodes.
#[allow(missing_docs)]
pub mod opcode {
    pub const NOP: u8 = 0x01;
    pub const WAIT: u8 = 0x02;
    pub const SIGNAL: u8 = 0x03;
    pub const COPY: u8 = 0x10;
    pub const FILL: u8 = 0x11;
    pub const GEMM: u8 = 0x20;
    pub const ELEMENTWISE: u8 = 0x21;
    pub const REDUCE: u8 = 0x22;
    pub const CONVERT: u8 = 0x23;
    pub const SEND: u8 = 0x30;
    pub const RECEIVE: u8 = 0x31;
    pub const EXCHANGE: u8 = 0x32;
}

/// Fields by their place in the order of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Field {
    Flags,
    Type,
    Operation,
    Options,
    Reserved,
    A,
    B,
    D,
    StrideA,
    StrideB,
    StrideD,
    Rows,
    Columns,
    Depth,
    Scalar,
    Extra,
}

/// Offset and bytes of each field.
const FIELDS: [(usize, usize); 16] = [
    (0x01, 1),
    (0x02, 1),
    (0x03, 1),
    (0x04, 2),
    (0x06, 2),
    (0x08, 8),
    (0x10, 8),
    (0x18, 8),
    (0x20, 4),
    (0x24, 4),
    (0x28, 4),
    (0x2c, 4),
    (0x30, 4),
    (0x34, 4),
    (0x38, 4),
    (0x3c, 4),
];

/// What a field has to be.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Zero.
    Reserved,
    /// In a range, and a multiple.
    Range(u64, u64, u64),
    /// None of these bits set.
    Not(u64),
    /// Nothing will do: the opcode does not go with a field before.
    Never,
}

/// Any value.
pub const ANY: Rule = Rule::Range(0, u64::MAX, 1);

/// What each field of one packet has to be.
pub struct Rules([Rule; 16]);

impl Rules {
    /// Everything is reserved but flags.
    pub fn new() -> Self {
        let mut rules = [Rule::Reserved; 16];
        rules[Field::Flags as usize] = Rule::Not(!3);
        Self(rules)
    }

    /// With a rule for a field.
    pub fn with(mut self, field: Field, rule: Rule) -> Self {
        self.0[field as usize] = rule;
        self
    }

    /// Checks all fields in order.
    pub fn check(&self, packet: &Packet) -> Result<(), Failure> {
        for ((at, len), rule) in FIELDS.into_iter().zip(self.0) {
            let value = packet.bytes(at, len);
            let (good, multiple) = match rule {
                Rule::Reserved => (value == 0, 1),
                Rule::Range(low, high, multiple) => ((low..=high).contains(&value), multiple),
                Rule::Not(bits) => (value & bits == 0, 1),
                Rule::Never => (false, 1),
            };
            if !good {
                return Err(Failure::new(Status::Field, at as u32));
            }
            if value % multiple != 0 {
                return Err(Failure::new(Status::Alignment, at as u32));
            }
        }
        Ok(())
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

impl Packet {
    fn bytes(&self, at: usize, len: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(&self.0[at..at + len]);
        u64::from_le_bytes(bytes)
    }

    /// A field.
    pub fn get(&self, field: Field) -> u64 {
        let (at, len) = FIELDS[field as usize];
        self.bytes(at, len)
    }

    /// A field of 32 bits or less.
    pub fn word(&self, field: Field) -> u32 {
        self.get(field) as u32
    }

    /// The opcode.
    pub fn opcode(&self) -> u8 {
        self.0[0]
    }

    /// Flag RECORD.
    pub fn records(&self) -> bool {
        self.0[1] & 1 != 0
    }

    /// Flag INTERRUPT.
    pub fn interrupts(&self) -> bool {
        self.0[1] & 2 != 0
    }

    /// TIME at which a packet that started at `start` times out.
    pub fn deadline(&self, start: u64) -> Option<u64> {
        let microseconds = self.get(Field::Scalar);
        (microseconds != 0).then(|| start + microseconds * crate::clock::US)
    }

    /// Checks NOP, WAIT and SIGNAL; `None` if it is neither.
    pub fn check_common(&self) -> Option<Result<(), Failure>> {
        let eight = Rule::Range(0, u64::MAX, 8);
        let rules = match self.opcode() {
            opcode::NOP => Rules::new(),
            opcode::WAIT => Rules::new()
                .with(Field::A, eight)
                .with(Field::B, ANY)
                .with(Field::Scalar, ANY),
            opcode::SIGNAL => Rules::new().with(Field::B, ANY).with(Field::D, eight),
            _ => return None,
        };
        Some(rules.check(self))
    }
}
