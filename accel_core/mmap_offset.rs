// SPDX-License-Identifier: GPL-2.0

//! mmap offsets: which pages of a file show what.
//!
//! An offset is a page number of 32 bits, as mmap2() has it, so that 32-bit programs reach
//! everything. Pages are given out in units, so that a huge page can be mapped as one: the lower
//! half of the units belongs to the handles of buffers, one to each. Buffers that are larger get
//! several of the upper half. The last units belong to the handles of doorbells.

use core::ops::RangeInclusive;
use kernel::page::PAGE_SHIFT;

/// Pages of a unit, log2.
pub(crate) const UNIT_SHIFT: u32 = 12;

const UNITS: usize = 1 << (32 - UNIT_SHIFT);

/// The highest handle of a buffer; its unit has its number.
pub(crate) const MAX_BUFFERS: u32 = (UNITS / 2 - 1) as u32;

/// The highest handle of a doorbell.
const MAX_DOORBELLS: usize = 255;
const _: () = assert!(crate::uapi::ACCEL_DOORBELL_MAX as usize <= MAX_DOORBELLS);

/// Units of larger buffers.
pub(crate) const LARGE: RangeInclusive<usize> = UNITS / 2..=UNITS - MAX_DOORBELLS - 2;

/// The unit of doorbell 0, which does not exist.
const DOORBELLS: usize = UNITS - MAX_DOORBELLS - 1;

/// Returns the unit that a page is in.
pub(crate) fn unit(page: usize) -> usize {
    page >> UNIT_SHIFT
}

/// Returns the first page of the doorbell with this handle.
pub(crate) fn doorbell(handle: u32) -> u32 {
    (DOORBELLS as u32 + handle) << UNIT_SHIFT
}

/// Returns the handle of the doorbell that `page` shows, and which of its pages that is.
pub(crate) fn doorbell_at(page: usize) -> Option<(u32, usize)> {
    let handle = unit(page).checked_sub(DOORBELLS)?;
    Some((handle as u32, page & ((1 << UNIT_SHIFT) - 1)))
}

/// Returns the offset for mmap(2), bytes, that begins with this page.
pub(crate) fn bytes(first_page: u32) -> u64 {
    u64::from(first_page) << PAGE_SHIFT
}
