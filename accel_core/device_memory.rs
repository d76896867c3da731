// SPDX-License-Identifier: GPL-2.0

//! Memory of the device that a buffer is in.

use core::ops::Range;
use kernel::{
    mm::virt::VmaNew,
    prelude::*,
    sync::{
        Arc,
        UniqueArc, //
    },
};
use kernel_ext::{
    aperture::Aperture,
    dmem,
    io_pages::{
        self,
        IoPages, //
    },
};

use crate::region::{
    Pieces,
    Region,
    Request, //
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
        let allocation = region.allocate(request)?;
        let mut this = Self {
            allocation,
            pages: None,
        };
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

    /// Takes it from everybody who maps it: an access is a SIGBUS from now on, for ever. For a driver
    /// that destroys what the memory was for.
    pub fn revoke_mappings(&self) {
        if let Some(pages) = &self.pages {
            pages.revoke();
        }
    }

    pub(crate) fn map(&self, vma: &VmaNew, first: usize) -> Result {
        self.pages.as_ref().ok_or(EOPNOTSUPP)?.map(vma, first)
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

    pub(crate) fn fill(&self, value: u8) -> Result {
        self.for_each_piece(0..self.size(), |aperture, at, part| {
            aperture.fill(at, part.len(), value)
        })
    }
}
