// SPDX-License-Identifier: GPL-2.0

//! The parts of buffers that are mapped in an address space: they are kept while they are, and known
//! by where the device sees them, piece by piece.

use core::ops::Range;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::pages_purge::Hold;

use crate::{
    buffer::{
        Backing,
        Buffer, //
    },
    logic::{
        page_table::Piece,
        va::Unmapped, //
    },
    mmu::SYSTEM,
    table::Table,
};

/// What is returned where there is nothing, and never written.
const NOWHERE: Piece = Piece {
    offset: 0,
    address: 0,
    size: u64::MAX,
};

/// A part of a buffer in an address space, which keeps the buffer.
pub(crate) struct Object {
    buffer: Arc<Buffer>,
    /// Whatever its user says: the device may reach it.
    _hold: Option<Hold>,
    /// Those of the part, in order, without gaps; at least one.
    pieces: KVVec<Piece>,
    /// How many bytes are mapped: it is kept until there are none.
    mapped: u64,
    /// In a list of such that are to be dropped.
    next: Option<KBox<Object>>,
}

impl Object {
    /// Finds the pieces of `part` of a buffer; `page` is the smallest page of the device.
    ///
    /// # Errors
    ///
    /// EINVAL: it is not a part of the buffer, or the buffer is not needed; EOPNOTSUPP: the device
    /// cannot reach it, or not by whole pages; ENODEV; ENOMEM.
    pub(crate) fn new(buffer: Arc<Buffer>, part: Range<u64>, page: u64) -> Result<KBox<Self>> {
        if part.is_empty() || part.end > buffer.size() as u64 {
            return Err(EINVAL);
        }
        let hold = match buffer.memory() {
            Backing::Pages(pages) => Some(Hold::new(pages)?),
            _ => None,
        };
        let pieces = pieces(&buffer, &part);
        if !buffer.is_needed() {
            return Err(EINVAL);
        }
        let pieces = pieces?;
        let is_whole = |piece: &Piece| (piece.offset | piece.address | piece.size) % page == 0;
        let end = pieces.last().map(|piece| piece.offset + piece.size);
        if !pieces.iter().all(is_whole) || end.is_none_or(|end| end < part.end) {
            return Err(EOPNOTSUPP);
        }
        let mapped = part.end - part.start;
        let object = Self {
            buffer,
            _hold: hold,
            pieces,
            mapped,
            next: None,
        };
        Ok(KBox::new(object, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns the piece that has an offset in it.
    fn piece(&self, offset: u64) -> Piece {
        let after = self.pieces.partition_point(|piece| piece.offset <= offset);
        // Nothing is mapped before the first one.
        let found = self.pieces.get(after.wrapping_sub(1));
        found.map_or(NOWHERE, |piece| *piece)
    }

    /// Returns whether jobs may write to it.
    pub(crate) fn is_writable(&self) -> bool {
        self.buffer.is_writable()
    }
}

/// The parts of buffers that are mapped.
pub(crate) struct Objects(Table<KBox<Object>>);

/// A list of objects that are not mapped any more.
pub(crate) type Freed = Option<KBox<Object>>;

impl Objects {
    pub(crate) fn new() -> Self {
        Self(Table::new())
    }

    /// Adds an object; returns its number. ENOMEM.
    pub(crate) fn add(&mut self, object: KBox<Object>) -> Result<u32> {
        let number = self.0.reserve(u32::MAX)?;
        self.0.publish(number, object);
        Ok(number)
    }

    /// Returns the piece of an object that has an offset in it.
    pub(crate) fn piece(&self, number: u32, offset: u64) -> Piece {
        // It is kept while it is mapped.
        let object = self.0.get(number);
        object.map_or(NOWHERE, |object| object.piece(offset))
    }

    /// EACCES: an object is read-only.
    pub(crate) fn check_writable(&self, number: u32) -> Result {
        match self.0.get(number) {
            Some(object) if !object.is_writable() => Err(EACCES),
            _ => Ok(()),
        }
    }

    /// Lets go what is not mapped any more.
    pub(crate) fn unmapped(&mut self, unmapped: &Unmapped<u32>, freed: &mut Freed) {
        let Some(object) = self.0.get_mut(unmapped.object()) else {
            return;
        };
        object.mapped -= unmapped.size();
        if object.mapped == 0 {
            self.remove(unmapped.object(), freed);
        }
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, number: u32, freed: &mut Freed) {
        if let Some(mut object) = self.0.remove(number) {
            object.next = freed.take();
            *freed = Some(object);
        }
    }
}

/// Drops a list, one by one: that of boxes recurses.
pub(crate) fn drop_all(mut freed: Freed) {
    while let Some(mut object) = freed {
        freed = object.next.take();
    }
}

/// Returns the pieces of a buffer that have bytes of `part`.
fn pieces(buffer: &Buffer, part: &Range<u64>) -> Result<KVVec<Piece>> {
    match (buffer.memory(), buffer.mapping()) {
        (Backing::Device(memory), _) => {
            let extents = memory.extents();
            collect(extents.map(|r| (r.start, r.end - r.start)), part)
        }
        (Backing::Pages(_), Some(mapping)) => {
            let segments = mapping.segments()?;
            collect(segments.iter().map(|s| (s.address | SYSTEM, s.size)), part)
        }
        // Nobody takes what is imported out of the address space when its exporter wants it back.
        (Backing::Pages(_), None) | (Backing::Imported { .. }, _) => Err(EOPNOTSUPP),
    }
}

/// Joins what is contiguous.
fn collect(all: impl Iterator<Item = (u64, u64)>, part: &Range<u64>) -> Result<KVVec<Piece>> {
    let mut pieces = KVVec::<Piece>::new();
    let mut offset = 0;
    for (address, size) in all {
        if offset >= part.end {
            break;
        }
        match pieces.last_mut() {
            Some(last) if last.address + last.size == address => last.size += size,
            _ if offset + size <= part.start => (),
            _ => {
                let piece = Piece {
                    offset,
                    address,
                    size,
                };
                pieces.push(piece, GFP_KERNEL_ACCOUNT)?;
            }
        }
        offset += size;
    }
    Ok(pieces)
}
