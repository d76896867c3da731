// SPDX-License-Identifier: GPL-2.0
//! What an engine works with: the packet, and its way to its operands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::EngineKind;
use crate::card::Card;
use crate::memory::{Access, Fault, Space};
use crate::packet::Packet;
use crate::status::{Failure, Role};

/// Why work stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The packet fails.
    Failed(Failure),
    /// Somebody gave the packet up.
    Cancelled,
    /// It does not need the engine any more, but has not ended.
    Waits,
}

impl From<(Fault, Role)> for Stop {
    fn from((fault, role): (Fault, Role)) -> Self {
        fault.failure(role).map_or(Self::Cancelled, Self::Failed)
    }
}

/// A packet that occupies an engine.
#[derive(Debug)]
pub struct Work {
    /// Number of its queue.
    pub queue: usize,
    /// Kind of the engine.
    pub kind: EngineKind,
    /// The packet.
    pub packet: Packet,
    /// Space of its operands.
    pub space: Space,
    /// The right to access memory.
    pub access: Access,
    /// E_PROGRESS.
    pub progress: Arc<AtomicU64>,
}

/// Rows of bytes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes from one row to the next.
    pub stride: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of a row.
    pub bytes: u64,
}

impl Shape {
    /// One row.
    pub fn linear(bytes: u64) -> Self {
        Self {
            stride: bytes,
            rows: 1,
            bytes,
        }
    }

    /// Rows that follow each other are one row.
    fn joined(self) -> Self {
        if self.stride == self.bytes {
            Self::linear(self.bytes * self.rows)
        } else {
            self
        }
    }

    /// Bytes from the first one of the first row to behind the last one of the last row.
    fn extent(self) -> u64 {
        self.stride * (self.rows - 1) + self.bytes
    }
}

impl Work {
    /// Whether all of an operand has addresses.
    pub fn reach(&self, card: &Card, at: u64, shape: Shape, role: Role) -> Result<(), Stop> {
        let shape = if shape.rows == 1 {
            Shape::linear(shape.bytes)
        } else {
            shape
        };
        let checked = card.mmu.check(self.space, at, shape.extent());
        checked.map_err(|fault| (fault, role).into())
    }

    /// Reads an operand, row behind row.
    pub fn load(&self, card: &Card, at: u64, shape: Shape) -> Result<Vec<u8>, Stop> {
        self.reach(card, at, shape, Role::Operand)?;
        let mut data = vec![0; (shape.rows * shape.bytes) as usize];
        let shape = shape.joined();
        for (row, data) in (0..).zip(data.chunks_exact_mut(shape.bytes as usize)) {
            self.read(card, at, row * shape.stride, data)?;
        }
        Ok(data)
    }

    /// Writes a result, row behind row.
    pub fn store(&self, card: &Card, at: u64, shape: Shape, data: &[u8]) -> Result<(), Stop> {
        self.reach(card, at, shape, Role::Result)?;
        let shape = shape.joined();
        for (row, data) in (0..).zip(data.chunks_exact(shape.bytes as usize)) {
            self.write(card, at, row * shape.stride, data)?;
        }
        Ok(())
    }

    /// Reads bytes.
    pub fn read(&self, card: &Card, at: u64, offset: u64, data: &mut [u8]) -> Result<(), Stop> {
        self.moves();
        let read = card.mmu.read(&self.access, self.space, at, offset, data);
        read.map_err(|fault| (fault, Role::Operand).into())
    }

    /// Writes bytes.
    pub fn write(&self, card: &Card, at: u64, offset: u64, data: &[u8]) -> Result<(), Stop> {
        self.moves();
        let written = card.mmu.write(&self.access, self.space, at, offset, data);
        written.map_err(|fault| (fault, Role::Result).into())
    }

    /// Fails if the packet was given up.
    pub fn go_on(&self) -> Result<(), Stop> {
        self.moves();
        match self.access.cancelled.load(Ordering::Relaxed) {
            true => Err(Stop::Cancelled),
            false => Ok(()),
        }
    }

    /// Moves E_PROGRESS.
    fn moves(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }
}
