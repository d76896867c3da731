// SPDX-License-Identifier: GPL-2.0

//! Memory of the device that a buffer is in.

use core::ops::Range;
use kernel::{
    mm::virt::VmaNew,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        UniqueArc, //
    },
};
use kernel_ext::{
    aperture::Aperture,
    dma_buf::DmaBuf,
    dma_buf_peer::{
        self,
        Exporter,
        Operations, //
    },
    dma_resv::{
        OwnedResv,
        Resv, //
    },
    dmem,
    io_pages::{
        self,
        IoPages, //
    },
};

use crate::{
    buffer::{
        self,
        Buffer, //
    },
    region::{
        Pieces,
        Region,
        Request, //
    },
};

/// Memory of a region that nobody else has; given back when dropped, which is when the last buffer,
/// mapping or dma-buf that shows it is gone.
pub(crate) struct Allocation {
    region: Arc<Region>,
    pieces: Option<KBox<Pieces>>,
    size: u64,
    _charge: dmem::Charge,
}

impl Allocation {
    /// Makes room for one, so that nothing can fail once there is memory.
    pub(crate) fn prepare() -> Result<UniqueArc<core::mem::MaybeUninit<Self>>> {
        Ok(UniqueArc::new_uninit(GFP_KERNEL_ACCOUNT)?)
    }

    pub(crate) fn fill(
        room: UniqueArc<core::mem::MaybeUninit<Self>>,
        region: Arc<Region>,
        pieces: KBox<Pieces>,
        size: u64,
        charge: dmem::Charge,
    ) -> Arc<Self> {
        room.write(Self {
            region,
            pieces: Some(pieces),
            size,
            _charge: charge,
        })
        .into()
    }

    /// Returns where it is, in bytes from the start of the region.
    fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        let pieces = self.pieces.iter();
        pieces.flat_map(|pieces| self.region.ranges(pieces))
    }
}

impl io_pages::Owner for Allocation {}

impl Drop for Allocation {
    fn drop(&mut self) {
        if let Some(pieces) = self.pieces.take() {
            self.region.free(pieces);
        }
    }
}

/// The memory of a buffer that is in a region of its device.
#[derive(Clone)]
pub struct DeviceMemory {
    allocation: Arc<Allocation>,
    /// What CPUs see of it, if they see all of it.
    pages: Option<Arc<IoPages>>,
}

impl DeviceMemory {
    /// Allocates memory; errors as [`Region::allocate`].
    pub(crate) fn new(region: &Arc<Region>, request: Request) -> Result<Self> {
        let mut this = Self::internal(region, request)?;
        if let Some((aperture, offset)) = this.aperture() {
            let allocation = &this.allocation;
            let ranges = allocation
                .ranges()
                .map(|r| r.start + offset..r.end + offset);
            let pages = IoPages::new(aperture.clone(), ranges, allocation.clone())?;
            this.pages = Some(pages);
        }
        Ok(this)
    }

    /// As [`DeviceMemory::new`], but nobody will map it.
    pub(crate) fn internal(region: &Arc<Region>, request: Request) -> Result<Self> {
        Ok(Self {
            allocation: region.allocate(request)?,
            pages: None,
        })
    }

    /// Returns the aperture through which CPUs reach all of it, if they do, and where the region
    /// begins in that.
    fn aperture(&self) -> Option<(&Arc<Aperture>, u64)> {
        let visible = self.allocation.region.info().visible.as_ref()?;
        let is_visible = |range: Range<u64>| range.end <= visible.size;
        let all = self.allocation.ranges().all(is_visible);
        all.then_some((&visible.aperture, visible.offset))
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> usize {
        self.allocation.size as usize
    }

    /// Returns where the engines of the device see it, piece by piece.
    pub fn extents(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        let address = self.allocation.region.info().address;
        let ranges = self.allocation.ranges();
        ranges.map(move |range| range.start + address..range.end + address)
    }

    /// Makes a dma-buf of `buffer`, which it is the memory of, and whose users have their fences in
    /// `resv`. EOPNOTSUPP: other devices cannot reach it.
    pub(crate) fn export(
        &self,
        buffer: &Arc<Buffer>,
        resv: &Arc<OwnedResv>,
    ) -> Result<ARef<DmaBuf>> {
        let shared = Shared {
            buffer: buffer.clone(),
            resv: resv.clone(),
            pages: self.pages.clone().ok_or(EOPNOTSUPP)?,
        };
        dma_buf_peer::export(Arc::new(shared, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns the buffer that `buf` was exported from, if that is in one of `regions`.
    pub(crate) fn exported(buf: &DmaBuf, regions: &[Arc<Region>]) -> Option<Arc<Buffer>> {
        let buffer = dma_buf_peer::exported::<Shared>(buf)?.buffer.clone();
        buffer.device_memory()?.region_index(regions)?;
        Some(buffer)
    }

    /// Returns which of `regions` it is in, if it is in one.
    pub(crate) fn region_index(&self, regions: &[Arc<Region>]) -> Option<usize> {
        let region = &self.allocation.region;
        regions.iter().position(|one| Arc::ptr_eq(one, region))
    }

    /// Returns a number that tells it from all other memory.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.allocation) as usize
    }

    /// Returns the name of the region that it is in.
    pub(crate) fn region_name(&self) -> &'static CStr {
        self.allocation.region.info().name
    }

    /// Takes it from everybody who maps it: an access is a SIGBUS from now on, for ever. For a driver
    /// that destroys what the memory was for.
    pub fn revoke_mappings(&self) {
        if let Some(pages) = &self.pages {
            pages.revoke();
        }
    }

    pub(crate) fn io_pages(&self) -> Option<&IoPages> {
        self.pages.as_deref()
    }

    /// Calls `f` with the aperture and each piece of a range that is in one piece of it: where it is
    /// and which part of the range that is. EOPNOTSUPP: CPUs cannot reach it.
    fn for_each_piece(
        &self,
        range: Range<usize>,
        mut f: impl FnMut(&Aperture, usize, Range<usize>) -> Result,
    ) -> Result {
        let (aperture, offset) = self.aperture().ok_or(EOPNOTSUPP)?;
        if range.start > range.end || range.end > self.size() {
            return Err(EINVAL);
        }
        let mut before = 0;
        for piece in self.allocation.ranges() {
            let len = (piece.end - piece.start) as usize;
            let (start, end) = (range.start.max(before), range.end.min(before + len));
            if start < end {
                let at = (offset + piece.start) as usize + (start - before);
                f(aperture, at, start - range.start..end - range.start)?;
            }
            before += len;
        }
        Ok(())
    }

    pub(crate) fn read(&self, offset: usize, data: &mut [u8]) -> Result {
        let end = offset.checked_add(data.len()).ok_or(EINVAL)?;
        self.for_each_piece(offset..end, |aperture, at, part| {
            aperture.read(at, data.get_mut(part).ok_or(EINVAL)?)
        })
    }

    pub(crate) fn write(&self, offset: usize, data: &[u8]) -> Result {
        let end = offset.checked_add(data.len()).ok_or(EINVAL)?;
        self.for_each_piece(offset..end, |aperture, at, part| {
            aperture.write(at, data.get(part).ok_or(EINVAL)?)
        })
    }

    /// Writes `value` `count` times at a multiple of 8, in little endian, each as one.
    pub(crate) fn store(&self, offset: usize, value: u64, count: usize) -> Result {
        let end = count
            .checked_mul(8)
            .and_then(|size| offset.checked_add(size));
        self.for_each_piece(offset..end.ok_or(EINVAL)?, |aperture, at, part| {
            aperture.store(at, value, part.len() / 8)
        })
    }

    pub(crate) fn fill(&self, value: u8) -> Result {
        self.for_each_piece(0..self.size(), |aperture, at, part| {
            aperture.fill(at, part.len(), value)
        })
    }
}

static OPERATIONS: Operations<Shared> = Operations::new();

/// What a dma-buf keeps: the memory, but not the device.
struct Shared {
    buffer: Arc<Buffer>,
    resv: Arc<OwnedResv>,
    pages: Arc<IoPages>,
}

impl Exporter for Shared {
    const NAME: &'static CStr = c"accel_device";

    fn owner() -> &'static ThisModule {
        crate::this_module()
    }

    fn operations() -> &'static Operations<Self> {
        &OPERATIONS
    }

    fn resv(&self) -> &Resv {
        &self.resv
    }

    fn pages(&self) -> &Arc<IoPages> {
        &self.pages
    }

    fn map(&self, vma: &VmaNew, first: usize) -> Result {
        buffer::mmap(&self.buffer, vma, first)
    }
}

#[kunit_tests(accel_device_memory)]
mod tests {
    use super::*;
    use crate::region::{
        RegionInfo,
        Scrub, //
    };
    use kernel::{
        page::PAGE_SIZE,
        sync::atomic::{
            Atomic,
            Relaxed, //
        },
    };

    const PAGE: u64 = PAGE_SIZE as u64;

    /// Counts how often it is asked.
    struct Asked(Atomic<u32>);

    impl Scrub for Asked {
        fn kick(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn info(size: u64, page_size: u64, scattered: bool) -> RegionInfo {
        RegionInfo {
            name: c"kunit",
            address: 1 << 40,
            size,
            page_size,
            scattered,
            visible: None,
        }
    }

    fn region(info: RegionInfo) -> Result<(Arc<Region>, Arc<Asked>)> {
        let asked = Arc::new(Asked(Atomic::new(0)), GFP_KERNEL)?;
        let region = Region::new(info, c"accel/kunit/kunit", asked.clone())?;
        Ok((region, asked))
    }

    fn allocate(region: &Arc<Region>, size: u64, contiguous: bool) -> Result<DeviceMemory> {
        let request = Request {
            size,
            contiguous,
            visible: false,
        };
        DeviceMemory::new(region, request)
    }

    /// Pretends to scrub; returns how much.
    fn scrub(region: &Region) -> u64 {
        let mut size = 0;
        while let Some(pieces) = region.next_dirty() {
            size += region.ranges(&pieces).map(|r| r.end - r.start).sum::<u64>();
            region.scrubbed(pieces);
        }
        size
    }

    #[test]
    fn nobody_gets_what_was_not_scrubbed() -> Result {
        let (region, asked) = region(info(8 * PAGE, PAGE, true))?;
        assert_eq!(allocate(&region, PAGE, true).err(), Some(EAGAIN));
        assert_eq!((region.usage().dirty, scrub(&region)), (8 * PAGE, 8 * PAGE));
        let all = allocate(&region, 8 * PAGE, true)?;
        assert_eq!(all.extents().next(), Some(1 << 40..(1 << 40) + 8 * PAGE));
        assert_eq!(allocate(&region, PAGE, true).err(), Some(ENOSPC));
        let twin = all.clone();
        drop(all);
        assert_eq!((region.usage().used, asked.0.load(Relaxed)), (8 * PAGE, 0));
        drop(twin);
        assert_eq!((region.usage().used, asked.0.load(Relaxed)), (0, 1));
        assert_eq!(allocate(&region, PAGE, true).err(), Some(EAGAIN));
        assert_eq!(scrub(&region), 8 * PAGE);
        assert_eq!(region.usage().largest_free, 8 * PAGE);
        Ok(())
    }

    #[test]
    fn what_is_in_pieces_is_in_the_holes() -> Result {
        let (region, _) = region(info(8 * PAGE, PAGE, true))?;
        scrub(&region);
        let mut pages = KVec::new();
        for _ in 0..8 {
            pages.push(Some(allocate(&region, 1, true)?), GFP_KERNEL)?;
        }
        for page in pages.iter_mut().step_by(2) {
            *page = None;
        }
        scrub(&region);
        assert_eq!(allocate(&region, 2 * PAGE, true).err(), Some(ENOSPC));
        let scattered = allocate(&region, 3 * PAGE, false)?;
        assert_eq!(scattered.extents().count(), 3);
        assert_eq!(scattered.size() as u64, 3 * PAGE);
        // CPUs do not reach it.
        assert_eq!(scattered.read(0, &mut [0]), Err(EOPNOTSUPP));
        assert!(scattered.io_pages().is_none());
        Ok(())
    }

    #[test]
    fn a_closed_region_has_nothing_and_takes_nothing_back() -> Result {
        let (region, asked) = region(info(8 * PAGE, PAGE, true))?;
        scrub(&region);
        let memory = allocate(&region, PAGE, true)?;
        region.close();
        assert_eq!(allocate(&region, PAGE, true).err(), Some(ENODEV));
        drop(memory);
        assert_eq!(asked.0.load(Relaxed), 0);
        assert!(region.next_dirty().is_none());
        Ok(())
    }

    #[test]
    fn what_a_driver_says_wrongly_is_refused() {
        for (size, page) in [
            (0, PAGE),
            (PAGE + 1, PAGE),
            (8 * PAGE, PAGE / 2),
            (12 * PAGE, 3 * PAGE),
            (PAGE, 2 * PAGE),
        ] {
            assert_eq!(region(info(size, page, true)).err(), Some(EINVAL));
        }
        let beyond = RegionInfo {
            address: u64::MAX - PAGE,
            ..info(8 * PAGE, PAGE, true)
        };
        assert_eq!(region(beyond).err(), Some(EINVAL));
    }

    #[test]
    fn what_cannot_be_is_refused() -> Result {
        let (region, _) = region(info(8 * PAGE, 2 * PAGE, false))?;
        scrub(&region);
        assert_eq!(allocate(&region, 0, true).err(), Some(EINVAL));
        assert_eq!(allocate(&region, u64::MAX, true).err(), Some(EINVAL));
        assert_eq!(allocate(&region, 8 * PAGE + 1, false).err(), Some(ENOSPC));
        assert_eq!(allocate(&region, 1, false)?.size() as u64, 2 * PAGE);
        let visible = Request {
            size: PAGE,
            contiguous: true,
            visible: true,
        };
        assert_eq!(DeviceMemory::new(&region, visible).err(), Some(EOPNOTSUPP));
        assert_eq!(region.usage().used, 0);
        Ok(())
    }
}
