// SPDX-License-Identifier: GPL-2.0

//! What is mapped in an address space, parts of buffers and mirrors of a process's memory: it is kept
//! while it is, and known by where the device sees it, piece by piece.

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
    memory::DeviceMapping,
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

/// What memory an object is.
enum Source {
    /// A part of a buffer.
    Buffer {
        buffer: Arc<Buffer>,
        /// Whatever its user says: the device may reach it.
        _hold: Option<Hold>,
    },
    /// Memory of a process.
    Mirror {
        mapping: DeviceMapping,
        is_writable: bool,
    },
}

impl Source {
    /// Returns how the device reaches it, if that is by DMA.
    fn mapping(&self) -> Option<&DeviceMapping> {
        match self {
            Self::Buffer { buffer, .. } => buffer.mapping(),
            Self::Mirror { mapping, .. } => Some(mapping),
        }
    }
}

/// Memory in an address space, which keeps what it is a part of.
pub(crate) struct Object {
    source: Source,
    /// Those of the part, in order, without gaps, of all of it; `None`: a mirror that is out of place.
    pieces: Option<KVVec<Piece>>,
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
        let source = Source::Buffer {
            buffer,
            _hold: hold,
        };
        Self::boxed(source, Some(pieces), mapped)
    }

    /// All of a mirror, `size` bytes. Where it is is found out when it is mapped. ENOMEM.
    pub(crate) fn mirrored(
        mapping: DeviceMapping,
        size: u64,
        is_writable: bool,
    ) -> Result<KBox<Self>> {
        let source = Source::Mirror {
            mapping,
            is_writable,
        };
        Self::boxed(source, None, size)
    }

    fn boxed(source: Source, pieces: Option<KVVec<Piece>>, mapped: u64) -> Result<KBox<Self>> {
        let object = Self {
            source,
            pieces,
            mapped,
            next: None,
        };
        Ok(KBox::new(object, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns the piece that has an offset in it; `None`: it is out of place.
    fn piece(&self, offset: u64) -> Option<Piece> {
        let pieces = self.pieces.as_ref()?;
        let after = pieces.partition_point(|piece| piece.offset <= offset);
        // Nothing is mapped before the first one.
        let found = pieces.get(after.wrapping_sub(1));
        Some(found.map_or(NOWHERE, |piece| *piece))
    }

    /// Finds out where a mirror is. EOPNOTSUPP: the device cannot reach it; ENOMEM.
    fn locate(&mut self) -> Result {
        if let Source::Mirror { mapping, .. } = &self.source {
            let pieces = system_pieces(&mapping.segments()?, &(0..u64::MAX))?;
            self.pieces = (!pieces.is_empty()).then_some(pieces);
        }
        Ok(())
    }

    fn is_mirror(&self) -> bool {
        matches!(self.source, Source::Mirror { .. })
    }

    /// Returns whether jobs may write to it.
    pub(crate) fn is_writable(&self) -> bool {
        match &self.source {
            Source::Buffer { buffer, .. } => buffer.is_writable(),
            Source::Mirror { is_writable, .. } => *is_writable,
        }
    }
}

/// A list of objects that are not mapped any more, to be dropped without locks: the last user of an
/// imported buffer waits for who lets go of it.
pub(crate) struct Freed(Option<KBox<Object>>);

impl Freed {
    pub(crate) const NONE: Self = Self(None);

    fn push(&mut self, mut object: KBox<Object>) {
        object.next = self.0.take();
        self.0 = Some(object);
    }

    fn pop(&mut self) -> Option<KBox<Object>> {
        let mut object = self.0.take()?;
        self.0 = object.next.take();
        Some(object)
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
        while self.pop().is_some() {}
    }
}

/// The parts of buffers that are mapped.
pub(crate) struct Objects {
    all: Table<KBox<Object>>,
    freed: Freed,
    /// Mirrors that are not mapped any more, but have to wait for the user of the space.
    kept: Freed,
}

impl Objects {
    pub(crate) fn new() -> Self {
        Self {
            all: Table::new(),
            freed: Freed::NONE,
            kept: Freed::NONE,
        }
    }

    /// Adds an object; returns its number. ENODEV: who exported the memory takes it away; EOPNOTSUPP: the
    /// device cannot reach it; ENOMEM.
    pub(crate) fn add(&mut self, mut object: KBox<Object>) -> Result<u32> {
        // Who takes it away, or moves it, asks for what is mapped after that, under the lock that we are
        // called with.
        let is_revoked = object.source.mapping().is_some_and(|m| m.is_revoked());
        let number = match is_revoked {
            false => object.locate().and_then(|()| self.all.reserve(u32::MAX)),
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

    /// Finds out anew where a mirror is; errors as [`Objects::add`].
    pub(crate) fn locate(&mut self, number: u32) -> Result {
        self.all
            .get_mut(number)
            .map_or(Ok(()), |object| object.locate())
    }

    /// Nothing is known of where a mirror is.
    pub(crate) fn lose(&mut self, number: u32) {
        if let Some(object) = self.all.get_mut(number) {
            object.pieces = None;
        }
    }

    /// Keeps mirrors that are not mapped any more for [`Objects::take_mirrors`]: to drop one can take
    /// code of the driver, and wait for user space.
    pub(crate) fn keep_mirrors(&mut self) {
        let mut freed = self.take_freed();
        while let Some(object) = freed.pop() {
            match object.is_mirror() {
                true => self.kept.push(object),
                false => self.freed.push(object),
            }
        }
    }

    /// Takes all mirrors out: nobody works in the space any more.
    pub(crate) fn take_mirrors(&mut self) -> Freed {
        let mut mirrors = replace(&mut self.kept, Freed::NONE);
        loop {
            let first = self.all.iter().find(|(_, object)| object.is_mirror());
            let Some(number) = first.map(|(number, _)| number) else {
                return mirrors;
            };
            self.all
                .remove(number)
                .into_iter()
                .for_each(|object| mirrors.push(object));
        }
    }

    /// Returns whether an object is part of what is mapped for the device by [`DeviceMapping`] `id`.
    ///
    /// [`DeviceMapping`]: crate::memory
    pub(crate) fn is_of(&self, number: u32, id: usize) -> bool {
        let object = self.all.get(number);
        let mapping = object.and_then(|object| object.source.mapping());
        mapping.is_some_and(|mapping| mapping.id() == id)
    }

    /// Returns the piece of an object that has an offset in it; `None`: it is out of place.
    pub(crate) fn piece(&self, number: u32, offset: u64) -> Option<Piece> {
        // It is kept while anybody works in the space.
        self.all.get(number)?.piece(offset)
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
        (_, Some(mapping)) => system_pieces(&mapping.segments()?, part),
        // The device does no DMA.
        (_, None) => Err(EOPNOTSUPP),
    }
}

/// Returns the pieces of memory that is not the device's own.
fn system_pieces(all: &Segments, part: &Range<u64>) -> Result<KVVec<Piece>> {
    let place = if all.is_peer { SYSTEM | PEER } else { SYSTEM };
    let segments = all.segments.iter();
    if segments.clone().any(|s| s.address & place != 0) {
        return Err(EOPNOTSUPP);
    }
    collect(segments.map(|s| (s.address | place, s.size)), part)
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
