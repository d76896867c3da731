// SPDX-License-Identifier: GPL-2.0

//! The parts of buffers that are mapped in an address space: they are kept while they are, and known
//! by where the device sees them, piece by piece.

use core::{
    mem::replace,
    ops::Range, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    dma_buf_attachment::Segments,
    pages_purge::Hold, //
};

use crate::{
    buffer::{
        Backing,
        Buffer, //
    },
    logic::{
        page_table::Piece,
        va::Unmapped, //
    },
    mmu::{
        PEER,
        SYSTEM, //
    },
    table::Table,
    worker, //
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
    /// cannot reach it, or not by whole pages; ENODEV: it is gone, or who exported the memory took it
    /// away; ENOMEM.
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

/// A list of objects that are not mapped any more, to be dropped without locks: the last user of an
/// imported buffer waits for who lets go of it.
pub(crate) struct Freed(Option<KBox<Object>>);

impl Freed {
    const NONE: Self = Self(None);

    fn push(&mut self, mut object: KBox<Object>) {
        object.next = self.0.take();
        self.0 = Some(object);
    }

    /// Has them dropped by a work. Never inlined: it must not run code of a driver, which may be gone then.
    #[inline(never)]
    pub(crate) fn drop_later(self) {
        let _ = worker::queue().try_spawn(GFP_KERNEL, move || drop(self));
    }
}

impl Drop for Freed {
    /// One by one: a list of boxes recurses.
    fn drop(&mut self) {
        while let Some(mut object) = self.0.take() {
            self.0 = object.next.take();
        }
    }
}

/// The parts of buffers that are mapped.
pub(crate) struct Objects {
    all: Table<KBox<Object>>,
    freed: Freed,
}

impl Objects {
    pub(crate) fn new() -> Self {
        Self {
            all: Table::new(),
            freed: Freed::NONE,
        }
    }

    /// Adds an object; returns its number. ENOMEM; ENODEV: who exported the memory takes it away.
    pub(crate) fn add(&mut self, object: KBox<Object>) -> Result<u32> {
        // Who takes it away asks for what is mapped after that, under the lock that we are called with.
        let is_revoked = object.buffer.mapping().is_some_and(|m| m.is_revoked());
        let number = match is_revoked {
            false => self.all.reserve(u32::MAX),
            true => Err(ENODEV),
        };
        match number {
            Ok(number) => self.all.publish(number, object),
            Err(_) => self.freed.push(object),
        }
        number
    }

    /// Takes what is not mapped any more.
    pub(crate) fn take_freed(&mut self) -> Freed {
        replace(&mut self.freed, Freed::NONE)
    }

    /// Returns whether an object is part of what is mapped for the device by [`DeviceMapping`] `id`.
    ///
    /// [`DeviceMapping`]: crate::memory
    pub(crate) fn is_of(&self, number: u32, id: usize) -> bool {
        let object = self.all.get(number);
        let mapping = object.and_then(|object| object.buffer.mapping());
        mapping.is_some_and(|mapping| mapping.id() == id)
    }

    /// Returns the piece of an object that has an offset in it.
    pub(crate) fn piece(&self, number: u32, offset: u64) -> Piece {
        // It is kept while it is mapped.
        let object = self.all.get(number);
        object.map_or(NOWHERE, |object| object.piece(offset))
    }

    /// EACCES: an object is read-only.
    pub(crate) fn check_writable(&self, number: u32) -> Result {
        match self.all.get(number) {
            Some(object) if !object.is_writable() => Err(EACCES),
            _ => Ok(()),
        }
    }

    /// Lets go what is not mapped any more.
    pub(crate) fn unmapped(&mut self, unmapped: &Unmapped<u32>) {
        let Some(object) = self.all.get_mut(unmapped.object()) else {
            return;
        };
        object.mapped -= unmapped.size();
        if object.mapped == 0 {
            self.remove(unmapped.object());
        }
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(object) = self.all.remove(number) {
            self.freed.push(object);
        }
    }
}

/// Returns the pieces of a buffer that have bytes of `part`.
fn pieces(buffer: &Buffer, part: &Range<u64>) -> Result<KVVec<Piece>> {
    match (buffer.memory(), buffer.mapping()) {
        (Backing::Device(memory), _) => {
            let extents = memory.extents();
            collect(extents.map(|r| (r.start, r.end - r.start)), part)
        }
        (_, Some(mapping)) => {
            let Segments { segments, is_peer } = mapping.segments()?;
            let place = if is_peer { SYSTEM | PEER } else { SYSTEM };
            if segments.iter().any(|s| s.address & place != 0) {
                return Err(EOPNOTSUPP);
            }
            collect(segments.iter().map(|s| (s.address | place, s.size)), part)
        }
        // The device does no DMA.
        (_, None) => Err(EOPNOTSUPP),
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
