// SPDX-License-Identifier: GPL-2.0

//! Buffers: memory that user space and a device share.
//!
//! A buffer exists until nobody uses its memory any more: its handle, the jobs that name it, the
//! mappings that show it, its dma-buf and the buffers that were imported from that each hold it.

use kernel::{
    mm::virt::VmaNew,
    page::{
        page_align,
        PAGE_SHIFT, //
    },
    prelude::*,
    str::CString,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        SetOnce, //
    },
};
use kernel_ext::{
    dma_buf::{
        DmaBuf,
        Vmap, //
    },
    dma_resv::{
        OwnedResv,
        Resv, //
    },
    io_pages::{
        HasIoPages,
        IoPages, //
    },
    pages::{
        Caching,
        Pages, //
    },
    pages_map::HasPages,
    tracker::{
        Track,
        Tracked,
        Tracker, //
    },
};

use crate::{
    address_spaces::Users,
    device::Device,
    device_memory::DeviceMemory,
    driver::Driver,
    memory::DeviceMapping,
    mmu::Mmu,
    owner::{
        Charge,
        Charged,
        Owner, //
    },
    placement::Placement,
    region::Region, //
};

/// A buffer, listed among those of the device for which it was made.
pub type Buffer = Tracked<Inner>;

/// What a buffer is.
pub struct Inner {
    charge: Charge,
    /// The buffer whose memory it is, if it was imported from one of the subsystem.
    origin: Option<Arc<Buffer>>,
    memory: Backing,
    placement: Placement,
    mapping: Option<DeviceMapping>,
    /// Where its mmap offsets begin, pages; 0 until it is published. See [`crate::handles`].
    first_page: Atomic<u32>,
    exported: Atomic<bool>,
    /// Whether its user needs the contents: [`NEEDED`], [`PURGED`], or its number among those that
    /// are not needed (`purge`).
    advice: Atomic<u64>,
    /// How many jobs have it as [`Kept`].
    kept: Atomic<u32>,
    /// Of memory that others use, too, or may; see [`crate::reservations`].
    shared: SetOnce<Arc<OwnedResv>>,
}

/// A buffer of a job that is not armed yet, or was not when it was submitted: not purged meanwhile.
pub(crate) struct Kept(Arc<Buffer>);

impl Kept {
    pub(crate) fn new(buffer: &Arc<Buffer>) -> Self {
        buffer.kept.fetch_add(1, Relaxed);
        Self(buffer.clone())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.kept.fetch_sub(1, Release);
    }
}

const NEEDED: u64 = 0;
const PURGED: u64 = u64::MAX;

/// The memory of a buffer.
pub(crate) enum Backing {
    /// Ours, or another device's of the subsystem.
    Pages(Arc<Pages>),
    /// The device's.
    Device(DeviceMemory),
    /// Another driver's.
    Imported {
        buf: ARef<DmaBuf>,
        /// For drivers that let the CPU work.
        vmap: Option<Vmap>,
    },
}

impl Backing {
    fn size(&self) -> usize {
        match self {
            Backing::Pages(pages) => pages.size(),
            Backing::Device(memory) => memory.size(),
            Backing::Imported { buf, .. } => buf.size(),
        }
    }

    /// Has it count as memory of `owner`; what is another driver's counts there.
    fn charge(&self, owner: &Arc<Owner>) -> Charge {
        match self {
            Backing::Pages(_) => Charge::new(owner, Charged::System, self.size()),
            Backing::Device(_) => Charge::new(owner, Charged::Local, self.size()),
            Backing::Imported { .. } => Charge::none(owner),
        }
    }
}

impl Track for Inner {
    /// The label.
    type Note = Option<KBox<CString>>;

    #[inline]
    fn tracker(&self) -> &Tracker<Self> {
        &self.owner().memory().buffers
    }

    /// Bytes of system memory that it takes, and no other buffer does.
    #[inline]
    fn weight(&self) -> u64 {
        match (&self.memory, &self.origin) {
            (Backing::Pages(pages), None) if !self.was_purged() => pages.size() as u64,
            _ => 0,
        }
    }
}

impl HasPages for Inner {
    fn pages(&self) -> Option<&Pages> {
        match &self.memory {
            Backing::Pages(pages) => Some(pages),
            _ => None,
        }
    }
}

impl HasIoPages for Inner {
    fn io_pages(&self) -> Option<&IoPages> {
        self.device_memory()?.io_pages()
    }
}

/// Maps a buffer into user space, beginning with page `first`.
pub(crate) fn mmap(buffer: &Arc<Buffer>, vma: &VmaNew, first: usize) -> Result {
    match &buffer.memory {
        Backing::Pages(_) => {
            Pages::map(buffer, buffer.owner().memory().user_mappings(), vma, first)
        }
        Backing::Device(_) => IoPages::map(buffer, vma, first),
        Backing::Imported { buf, .. } => buf.mmap(vma, first),
    }
}

impl Inner {
    /// Allocates the memory of a buffer of at least `size` bytes.
    pub(crate) fn new(
        owner: &Arc<Owner>,
        size: u64,
        placement: Placement,
        caching: Caching,
    ) -> Result<Self> {
        let size = usize::try_from(size).map_err(|_| EINVAL)?;
        let count = page_align(size).ok_or(EINVAL)? >> PAGE_SHIFT;
        if count == 0 {
            return Err(EINVAL);
        }
        let pages = match placement {
            Placement::System => Pages::scattered(count, caching)?,
            Placement::Contiguous => Pages::contiguous(count, caching)?,
            Placement::Device | Placement::Imported | Placement::User => return Err(EOPNOTSUPP),
        };
        Self::from_pages(owner, pages, placement)
    }

    /// Makes a buffer of `pages`.
    pub(crate) fn from_pages(
        owner: &Arc<Owner>,
        pages: Pages,
        placement: Placement,
    ) -> Result<Self> {
        let pages = Arc::new(pages, GFP_KERNEL_ACCOUNT)?;
        Ok(Self::from_backing(owner, Backing::Pages(pages), placement))
    }

    /// Makes a buffer of `memory`.
    pub(crate) fn from_backing(owner: &Arc<Owner>, memory: Backing, placement: Placement) -> Self {
        Self::charged(memory.charge(owner), memory, placement)
    }

    fn charged(charge: Charge, memory: Backing, placement: Placement) -> Self {
        Self {
            charge,
            origin: None,
            memory,
            placement,
            mapping: None,
            first_page: Atomic::new(0),
            exported: Atomic::new(false),
            advice: Atomic::new(NEEDED),
            kept: Atomic::new(0),
            shared: SetOnce::new(),
        }
    }

    /// Makes another buffer of the memory of `origin`, which is shared.
    pub(crate) fn from_origin(owner: &Arc<Owner>, origin: Arc<Buffer>) -> Self {
        let memory = match &origin.memory {
            Backing::Pages(pages) => Backing::Pages(pages.clone()),
            Backing::Device(memory) => Backing::Device(memory.clone()),
            Backing::Imported { buf, .. } => Backing::Imported {
                buf: buf.clone(),
                vmap: None,
            },
        };
        let mut buffer = Self::charged(Charge::none(owner), memory, origin.placement);
        if let Some(resv) = origin.own_resv() {
            buffer.set_shared(resv.clone());
        }
        buffer.origin = Some(origin.origin.clone().unwrap_or(origin));
        buffer
    }

    /// Maps it for the device, if that does DMA.
    pub(crate) fn map<T: Driver>(&mut self, device: &Arc<Device<T>>) -> Result {
        if T::DMA_BITS.is_none() {
            return Ok(());
        }
        let (guard, all) = (device.enter()?, &device.memory);
        self.mapping = guard.with(|bound| match &self.memory {
            Backing::Pages(pages) => all.map(bound.parent, pages).map(Some),
            Backing::Device(_) => Ok(None),
            Backing::Imported { buf, .. } => {
                let user = Arc::new(Users(device.clone()), GFP_KERNEL_ACCOUNT)?;
                all.import(bound.parent, buf, user).map(Some)
            }
        })?;
        Ok(())
    }

    /// Returns the size in bytes, a multiple of the page size.
    pub fn size(&self) -> usize {
        self.memory.size()
    }

    /// Returns where the device sees the buffer, if it does, in one piece.
    pub fn dma_address(&self) -> Option<u64> {
        self.mapping.as_ref()?.contiguous_address()
    }

    /// Returns whether jobs may write to it.
    pub fn is_writable(&self) -> bool {
        match &self.memory {
            Backing::Pages(pages) => pages.is_writable(),
            Backing::Device(_) | Backing::Imported { .. } => true,
        }
    }

    /// Returns the memory of the device that it is in, if it is.
    pub fn device_memory(&self) -> Option<&DeviceMemory> {
        match &self.memory {
            Backing::Device(memory) => Some(memory),
            _ => None,
        }
    }

    /// Returns which element of ACCEL_INFO_MEMORY it is in: one of the device's `regions`, or 0.
    pub(crate) fn region_index(&self, regions: &[Arc<Region>]) -> usize {
        let memory = self.device_memory();
        let index = memory.and_then(|memory| memory.region_index(regions));
        index.map_or(0, |index| index + 1)
    }

    /// Checks that a device of driver `T` can work with it: EOPNOTSUPP if that needs buffers in one
    /// piece and sees this one in several.
    pub(crate) fn check_reach<T: Driver>(&self) -> Result {
        let is_mapped = || match T::Mmu::INFO {
            Some(_) => self.mapping.as_ref().is_some_and(|m| !m.is_revoked()),
            None => self.dma_address().is_some(),
        };
        match T::DMA_BITS.is_none() || self.device_memory().is_some() || is_mapped() {
            true => Ok(()),
            false => Err(EOPNOTSUPP),
        }
    }

    /// Copies bytes out. What a user writes meanwhile may or may not be in them.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result {
        match &self.memory {
            Backing::Pages(pages) => pages.read(offset, data),
            Backing::Device(memory) => memory.read(offset, data),
            Backing::Imported { vmap, .. } => vmap.as_ref().ok_or(EOPNOTSUPP)?.read(offset, data),
        }
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, data: &[u8]) -> Result {
        match &self.memory {
            Backing::Pages(pages) => pages.write(offset, data),
            Backing::Device(memory) => memory.write(offset, data),
            Backing::Imported { vmap, .. } => vmap.as_ref().ok_or(EOPNOTSUPP)?.write(offset, data),
        }
    }

    /// Sets all bytes.
    pub fn fill(&self, value: u8) {
        match &self.memory {
            Backing::Pages(pages) => pages.fill(value),
            // The device may be gone: then there is nothing to fill.
            Backing::Device(memory) => drop(memory.fill(value)),
            Backing::Imported { vmap, .. } => {
                if let Some(vmap) = vmap {
                    vmap.fill(value);
                }
            }
        }
    }

    pub(crate) fn memory(&self) -> &Backing {
        &self.memory
    }

    pub(crate) fn placement(&self) -> Placement {
        self.placement
    }

    pub(crate) fn mapping(&self) -> Option<&DeviceMapping> {
        self.mapping.as_ref()
    }

    /// Returns the reservation object of the buffer, if it is shared.
    #[inline]
    pub(crate) fn resv(&self) -> Option<&Resv> {
        match &self.memory {
            Backing::Pages(_) | Backing::Device(_) => self.shared.as_ref().map(|resv| &***resv),
            Backing::Imported { buf, .. } => Some(buf.resv()),
        }
    }

    /// Returns that of memory of ours, if it is shared.
    pub(crate) fn own_resv(&self) -> Option<&Arc<OwnedResv>> {
        self.shared.as_ref()
    }

    /// Shares the buffer, for good; only the first call counts.
    pub(crate) fn set_shared(&self, resv: Arc<OwnedResv>) {
        self.shared.populate(resv);
    }

    /// Returns whether its user needs it, and so has it: else nothing new may be done with it.
    #[inline]
    pub(crate) fn is_needed(&self) -> bool {
        self.advice.load(Relaxed) == NEEDED
    }

    /// Returns whether it is among those that are not needed.
    #[inline]
    pub(crate) fn is_listed_unneeded(&self) -> bool {
        !matches!(self.advice.load(Relaxed), NEEDED | PURGED)
    }

    pub(crate) fn was_purged(&self) -> bool {
        self.advice.load(Relaxed) == PURGED
    }

    /// Returns whether a job needs it that was not armed when it was submitted.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Acquire) != 0
    }

    /// Puts it among those that are not needed, if it is needed; for `purge`, with its lock.
    pub(crate) fn set_unneeded(&self, number: u64) -> bool {
        let is_needed = self.is_needed();
        if is_needed {
            self.advice.store(number, Relaxed);
        }
        is_needed
    }

    /// Takes it from among those that are not needed, and returns its number, if it is one; likewise.
    pub(crate) fn set_needed(&self) -> Option<u64> {
        let number = self.advice.load(Relaxed);
        if !self.is_listed_unneeded() {
            return None;
        }
        self.advice.store(NEEDED, Relaxed);
        Some(number)
    }

    /// It was purged; likewise.
    pub(crate) fn set_purged(&self) {
        self.advice.store(PURGED, Relaxed);
        self.tracker().lighten(self.size() as u64);
        self.charge.lift();
    }

    /// Returns whether the memory is of a kind that can be purged.
    pub(crate) fn can_purge(&self) -> bool {
        self.pages().is_some_and(Pages::can_purge)
    }

    /// Gives the memory back, if nobody uses it; the device must not. Only tries to take locks.
    pub(crate) fn purge(&self) -> bool {
        match (&self.mapping, self.pages()) {
            (Some(mapping), _) => mapping.purge(),
            (None, Some(pages)) => pages.purge(),
            _ => false,
        }
    }

    pub(crate) fn was_exported(&self) -> bool {
        self.exported.load(Acquire)
    }

    pub(crate) fn set_exported(&self) {
        self.exported.store(true, Release);
    }

    pub(crate) fn first_page(&self) -> Option<u32> {
        match self.first_page.load(Acquire) {
            0 => None,
            page => Some(page),
        }
    }

    pub(crate) fn publish(&self, first_page: u32) {
        self.first_page.store(first_page, Release);
    }

    /// Its handle is gone.
    pub(crate) fn unpublish(&self) {
        self.first_page.store(0, Release);
    }

    pub(crate) fn owner(&self) -> &Owner {
        self.charge.owner()
    }

    /// Returns a number that all buffers with this memory have, and no others.
    pub(crate) fn memory_id(&self) -> usize {
        match (&self.origin, &self.memory) {
            (Some(origin), _) => origin.memory_id(),
            (None, Backing::Pages(pages)) => Arc::as_ptr(pages) as usize,
            (None, Backing::Device(memory)) => memory.id(),
            (None, Backing::Imported { buf, .. }) => core::ptr::from_ref(&**buf) as usize,
        }
    }

    /// Returns the buffer whose memory it is, if that is another one.
    pub(crate) fn origin(&self) -> Option<&Inner> {
        self.origin.as_ref().map(|origin| &***origin)
    }
}
