// SPDX-License-Identifier: GPL-2.0

//! Regions of device memory: who has which part of them, and what is to be scrubbed.
//!
//! What nobody uses any more is dirty until a [`Scrubber`](crate::scrub) has overwritten it, and
//! nobody gets it before; so is all of a region at first. A region outlives its device in the
//! buffers that are in it, but is closed then: nothing can be done with it any more.

use core::ops::Range;
use kernel::{
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use kernel_ext::{
    aperture::Aperture,
    dmem,
    time::monotonic_ns, //
};

use crate::{
    device_memory::Allocation,
    logic::buddy::{
        self,
        Buddy,
        DirtyExtent,
        Extent, //
    },
};

/// A region of device memory, as a driver declares it in [`Setup`](crate::Setup).
///
/// All but the name are in bytes and multiples of `page_size`.
pub struct RegionInfo {
    /// Name, unique in the device, at most 31 bytes, no spaces.
    pub name: &'static CStr,
    /// Where it begins for the device's engines.
    pub address: u64,
    /// How much there is.
    pub size: u64,
    /// What a buffer is rounded up to and aligned to: a power of two, at least a page of the CPU's.
    pub page_size: u64,
    /// Whether the device can use buffers that are in several pieces.
    pub scattered: bool,
    /// What CPUs can reach.
    pub visible: Option<Visible>,
}

/// The part of a region that CPUs can reach: its beginning.
pub struct Visible {
    /// Through which aperture.
    pub aperture: Arc<Aperture>,
    /// Where the region begins in it, bytes.
    pub offset: u64,
    /// How much of the region there is, bytes.
    pub size: u64,
}

impl RegionInfo {
    /// Returns how many bytes CPUs can reach.
    pub(crate) fn visible_size(&self) -> u64 {
        self.visible.as_ref().map_or(0, |visible| visible.size)
    }

    /// Checks what a driver says.
    fn check(&self) -> Result {
        let page = self.page_size;
        let bad_page = !page.is_power_of_two() || page < PAGE_SIZE as u64;
        if bad_page || self.size == 0 || self.size % page != 0 || self.visible_size() > self.size {
            return Err(EINVAL);
        }
        self.address.checked_add(self.size).ok_or(EINVAL)?;
        let Some(visible) = &self.visible else {
            return Ok(());
        };
        let end = visible.offset.checked_add(visible.size).ok_or(EINVAL)?;
        let bad_part = visible.size == 0 || (visible.size | visible.offset) % page != 0;
        match bad_part || end > visible.aperture.size() as u64 {
            true => Err(EINVAL),
            false => Ok(()),
        }
    }
}

/// What a buffer in a region is to be like.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) size: u64,
    pub(crate) contiguous: bool,
    pub(crate) visible: bool,
}

/// Memory of a region that is in use, or was.
pub(crate) struct Piece {
    part: usize,
    memory: Memory,
}

enum Memory {
    Used(Extent),
    Dirty(DirtyExtent),
    /// Nobody gets it any more.
    Lost,
}

/// All pieces of what was one buffer, in a list of such.
pub(crate) struct Pieces {
    list: KVec<Piece>,
    next: Option<KBox<Pieces>>,
}

impl Pieces {
    /// Gives back the room that was not needed, if that works.
    fn shrink(&mut self) {
        let len = self.list.len();
        let room = KVec::with_capacity(len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
        if let (Ok(mut list), true) = (room, len < self.list.capacity()) {
            for piece in self.list.drain_all() {
                let _ = list.push_within_capacity(piece);
            }
            self.list = list;
        }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, Range<u64>)> + '_ {
        self.list.iter().filter_map(|piece| match &piece.memory {
            Memory::Used(extent) => Some((piece.part, extent.range())),
            Memory::Dirty(extent) => Some((piece.part, extent.range())),
            Memory::Lost => None,
        })
    }
}

/// A part of a region, with an allocator of its own.
struct Part {
    buddy: Buddy<KVVec<u32>>,
}

impl Part {
    fn new(range: Range<u64>, page: u64) -> Result<Self> {
        let size = range.end - range.start;
        let len = Buddy::<KVVec<u32>>::storage_len(size, page).map_err(error)?;
        let storage = [
            KVVec::from_elem(0, len, GFP_KERNEL)?,
            KVVec::from_elem(0, len, GFP_KERNEL)?,
        ];
        Ok(Self {
            buddy: Buddy::new(size, page, storage).map_err(error)?,
        })
    }
}

/// The errno of the allocator's error.
fn error(error: buddy::Error) -> Error {
    match error {
        buddy::Error::Invalid => EINVAL,
        buddy::Error::Dirty => EAGAIN,
        buddy::Error::Full => ENOSPC,
    }
}

/// Somebody who scrubs regions.
pub(crate) trait Scrub: Send + Sync {
    /// There is something to do. May be called under locks.
    fn kick(self: Arc<Self>);
}

/// What is known of a region while its device is bound.
struct State {
    /// First what CPUs can reach, then what they cannot; either may be missing.
    parts: KVec<Part>,
    dirty: Option<KBox<Pieces>>,
    limit: Arc<dmem::Region>,
    scrubber: Arc<dyn Scrub>,
}

/// A region of a device.
#[pin_data]
pub(crate) struct Region {
    info: RegionInfo,
    /// When it was last told that it is full, CLOCK_MONOTONIC nanoseconds.
    told_ns: Atomic<u64>,
    #[pin]
    state: Mutex<Option<State>>,
}

/// How often it is told that a region is full, nanoseconds.
const TELL_NS: u64 = 1_000_000_000;

/// How a region is used, bytes.
#[derive(Default)]
pub(crate) struct Usage {
    pub(crate) used: u64,
    pub(crate) dirty: u64,
    pub(crate) largest_free: u64,
}

/// The most pieces that one buffer is made of.
const MAX_PIECES: usize = 64;

/// From this size on, buffers are where a huge page can map them, if possible.
const HUGE_PAGE: u64 = 2 << 20;

impl Region {
    /// Makes a region out of what a driver says, all dirty; `name` is for administrators.
    pub(crate) fn new(
        info: RegionInfo,
        name: &CStr,
        scrubber: Arc<dyn Scrub>,
    ) -> Result<Arc<Self>> {
        info.check()?;
        let border = info.visible_size();
        let mut parts = KVec::new();
        let mut dirty = None;
        for range in [0..border, border..info.size] {
            if range.is_empty() {
                continue;
            }
            let mut part = Part::new(range.clone(), info.page_size)?;
            let all = part
                .buddy
                .reserve(0..range.end - range.start)
                .map_err(error)?;
            let memory = match part.buddy.free(all) {
                Ok(extent) => Memory::Dirty(extent),
                Err(_) => return Err(EINVAL),
            };
            let mut list = KVec::new();
            list.push(
                Piece {
                    part: parts.len(),
                    memory,
                },
                GFP_KERNEL,
            )?;
            let next = dirty.take();
            dirty = Some(KBox::new(Pieces { list, next }, GFP_KERNEL)?);
            parts.push(part, GFP_KERNEL)?;
        }
        let state = State {
            parts,
            dirty,
            limit: Arc::new(dmem::Region::new(name, info.size)?, GFP_KERNEL)?,
            scrubber,
        };
        Arc::pin_init(
            pin_init!(Self {
                info,
                told_ns: Atomic::new(0),
                state <- new_mutex!(Some(state), "accel_region"),
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn info(&self) -> &RegionInfo {
        &self.info
    }

    /// Returns how it is used; nothing is once it is closed.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for part in self.state.lock().iter().flat_map(|state| &state.parts) {
            usage.used += part.buddy.used_bytes();
            usage.dirty += part.buddy.dirty_bytes();
            usage.largest_free = usage.largest_free.max(part.buddy.largest_free());
        }
        usage
    }

    /// Returns how much nobody uses, if that is less than `wanted` and it is time to tell of that.
    pub(crate) fn is_full_for(&self, wanted: u64) -> Option<u64> {
        let (usage, now) = (self.usage(), monotonic_ns());
        let free = self.info.size.saturating_sub(usage.used + usage.dirty);
        let told = self.told_ns.load(Relaxed);
        let is_time = told == 0 || now.saturating_sub(told) >= TELL_NS;
        if free >= wanted || !is_time {
            return None;
        }
        self.told_ns.store(now, Relaxed);
        Some(free)
    }

    /// Takes memory for a buffer and charges the current task's cgroup with it.
    ///
    /// # Errors
    ///
    /// EINVAL: it makes no sense, whatever is free; ENOSPC: there is not so much, or the cgroup is
    /// at its limit; EAGAIN: there will be once it was scrubbed; ENODEV; ENOMEM.
    pub(crate) fn allocate(self: &Arc<Self>, request: Request) -> Result<Arc<Allocation>> {
        let page = self.info.page_size;
        let size = request.size.checked_next_multiple_of(page).ok_or(EINVAL)?;
        if size == 0 {
            return Err(EINVAL);
        }
        let limit = self.state.lock().as_ref().ok_or(ENODEV)?.limit.clone();
        let charge = limit.charge(size)?;
        let most = match request.contiguous || !self.info.scattered {
            true => 1,
            false => MAX_PIECES.min((size / page) as usize),
        };
        let list = KVec::with_capacity(most, GFP_KERNEL_ACCOUNT)?;
        let mut pieces = KBox::new(Pieces { list, next: None }, GFP_KERNEL_ACCOUNT)?;
        let empty = Allocation::prepare()?;
        let mut state = self.state.lock();
        let result = (*state).as_mut().ok_or(ENODEV).and_then(|state| {
            state.take(&self.info, Request { size, ..request }, &mut pieces.list)
        });
        drop(state);
        result?;
        pieces.shrink();
        Ok(Allocation::fill(empty, self.clone(), pieces, size, charge))
    }

    /// Gives memory back, to be scrubbed.
    pub(crate) fn free(&self, mut pieces: KBox<Pieces>) {
        let mut guard = self.state.lock();
        if let Some(state) = (*guard).as_mut() {
            for piece in &mut pieces.list {
                let memory = core::mem::replace(&mut piece.memory, Memory::Lost);
                let part = state.parts.get_mut(piece.part);
                if let (Memory::Used(extent), Some(part)) = (memory, part) {
                    piece.memory = part.buddy.free(extent).map_or(Memory::Lost, Memory::Dirty);
                }
            }
            pieces.next = state.dirty.take();
            state.dirty = Some(pieces);
            state.scrubber.clone().kick();
        }
    }

    /// Asks for what is dirty to be scrubbed.
    pub(crate) fn kick(&self) {
        if let Some(state) = self.state.lock().as_ref() {
            state.scrubber.clone().kick();
        }
    }

    /// Takes something that is dirty.
    pub(crate) fn next_dirty(&self) -> Option<KBox<Pieces>> {
        let mut guard = self.state.lock();
        let state = (*guard).as_mut()?;
        let mut pieces = state.dirty.take()?;
        state.dirty = pieces.next.take();
        Some(pieces)
    }

    /// Makes what was scrubbed available.
    pub(crate) fn scrubbed(&self, mut pieces: KBox<Pieces>) {
        let mut state = self.state.lock();
        for piece in &mut pieces.list {
            let memory = core::mem::replace(&mut piece.memory, Memory::Lost);
            let part = (*state)
                .as_mut()
                .and_then(|state| state.parts.get_mut(piece.part));
            if let (Memory::Dirty(extent), Some(part)) = (memory, part) {
                // It is one of this part's, so it fits.
                let _ = part.buddy.scrubbed(extent);
            }
        }
        drop(state);
    }

    /// Returns where pieces are, in bytes from the start of the region.
    pub(crate) fn ranges<'a>(
        &'a self,
        pieces: &'a Pieces,
    ) -> impl Iterator<Item = Range<u64>> + 'a {
        let border = self.info.visible_size();
        pieces.iter().map(move |(part, range)| {
            // With nothing visible, the first part is the second one, and begins at 0, too.
            let start = if part == 0 { 0 } else { border };
            range.start + start..range.end + start
        })
    }

    /// The device goes away.
    pub(crate) fn close(&self) {
        let state = self.state.lock().take();
        if let Some(visible) = &self.info.visible {
            visible.aperture.revoke();
        }
        let mut dirty = state.and_then(|state| state.dirty);
        // One by one: dropping a list of boxes recurses.
        while let Some(mut pieces) = dirty {
            dirty = pieces.next.take();
        }
    }
}

impl State {
    /// Takes memory out of the parts: what is not to be visible rather where nothing is.
    fn take(&mut self, info: &RegionInfo, request: Request, list: &mut KVec<Piece>) -> Result {
        let visible_parts = usize::from(info.visible.is_some());
        if request.visible && visible_parts == 0 {
            return Err(EOPNOTSUPP);
        }
        let mut best = Err(EINVAL);
        for index in (0..self.parts.len()).rev() {
            if request.visible && index >= visible_parts {
                continue;
            }
            let Some(part) = self.parts.get_mut(index) else {
                continue;
            };
            let result = part.take(info, request, |memory| {
                list.push_within_capacity(Piece {
                    part: index,
                    memory: Memory::Used(memory),
                })
                .map_err(|_| ENOMEM)
            });
            match (result, best) {
                (Ok(()), _) => return Ok(()),
                // What can be had later is better than what cannot.
                (Err(e), Err(before)) if before == EINVAL || e == EAGAIN => best = Err(e),
                _ => (),
            }
        }
        best
    }
}

impl Part {
    fn take(
        &mut self,
        info: &RegionInfo,
        request: Request,
        mut push: impl FnMut(Extent) -> Result,
    ) -> Result {
        let page = info.page_size;
        if request.size > self.buddy.size() {
            // For the allocator that makes no sense, but elsewhere there may be room.
            return Err(ENOSPC);
        }
        if request.size >= HUGE_PAGE {
            if let Ok(extent) = self.buddy.allocate(request.size, page.max(HUGE_PAGE)) {
                return push(extent);
            }
        }
        if request.contiguous || !info.scattered {
            return push(self.buddy.allocate(request.size, page).map_err(error)?);
        }
        let mut extents = [const { None }; MAX_PIECES];
        self.buddy
            .allocate_scattered(request.size, page, &mut extents)
            .map_err(error)?;
        extents.into_iter().flatten().try_for_each(push)
    }
}
