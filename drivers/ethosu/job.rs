// SPDX-License-Identifier: GPL-2.0

//! A job: a checked command stream and where its regions are.

use accel_core as accel;
use kernel::{
    dma::{
        attrs::DMA_ATTR_NO_WARN,
        Coherent, //
    },
    fmt,
    io::io_read,
    prelude::*, //
};
use zerocopy::FromBytes;

use crate::{
    cmdstream,
    npu::Npu,
    uapi::{
        self,
        accel_ethosu_job, //
    },
};

const _: () = assert!(uapi::ACCEL_ETHOSU_REGIONS as usize == cmdstream::REGIONS);

/// The longest payload, bytes.
pub(crate) const MAX_PAYLOAD: usize = size_of::<accel_ethosu_job>() + cmdstream::MAX_BYTES;

/// A command stream that touches nothing but the buffers of its job.
pub(crate) struct Job {
    /// The very words that were checked.
    stream: Coherent<[u32]>,
    size: u32,
    /// Which buffer each region is, if it is used.
    buffers: [Option<usize>; cmdstream::REGIONS],
    /// Bus address of each region, 0 if it is not used.
    regions: [u64; cmdstream::REGIONS],
}

impl Job {
    /// Parses and checks a payload.
    pub(crate) fn new(
        npu: &Npu<'_>,
        payload: &[u8],
        buffers: &[accel::JobBuffer],
    ) -> Result<Self, accel::Refusal> {
        let bad_size = || refusal(EINVAL, uapi::ACCEL_ETHOSU_REFUSED_BAD_SIZE, payload.len());
        let (header, stream) =
            accel_ethosu_job::ref_from_prefix(payload).map_err(|_| bad_size())?;
        let words = <[u32]>::ref_from_bytes(stream).map_err(|_| bad_size())?;
        if words.is_empty() {
            return Err(bad_size());
        }
        let footprint = cmdstream::check(words, npu.config().for_check()).map_err(|refused| {
            accel::Refusal {
                error: EINVAL,
                reason: refused.reason.code(),
                at: refused.word,
            }
        })?;

        let mut used = [None; cmdstream::REGIONS];
        let uses = footprint.read.iter().zip(&footprint.written);
        for (region, (index, (read, written))) in header.regions.iter().zip(uses).enumerate() {
            if let Some(slot) = used.get_mut(region) {
                *slot = check_region(region, *index, *read, *written, buffers)?;
            }
        }
        let mut job = Self {
            stream: Coherent::from_slice_with_attrs(
                npu.device(),
                words,
                GFP_KERNEL_ACCOUNT,
                DMA_ATTR_NO_WARN,
            )?,
            size: u32::try_from(stream.len()).map_err(|_| bad_size())?,
            buffers: used,
            regions: [0; cmdstream::REGIONS],
        };
        job.rebind(buffers);
        Ok(job)
    }

    /// Lets the regions be where these buffers are, which fit as those that were checked did.
    pub(crate) fn rebind(&mut self, buffers: &[accel::JobBuffer]) {
        for (address, index) in self.regions.iter_mut().zip(self.buffers) {
            let named = index.and_then(|index| buffers.get(index));
            // The device sees all buffers of a job in one piece: the core has checked that.
            *address = named.and_then(|n| n.buffer.dma_address()).unwrap_or(0);
        }
    }

    /// Writes where its regions are, and its command stream: hexadecimal words.
    pub(crate) fn dump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (region, address) in self.regions.iter().enumerate() {
            f.write_fmt(fmt!("region {region} {address:#x}\n"))?;
        }
        for word in 0..self.size as usize / size_of::<u32>() {
            let end = if word % 8 == 7 { '\n' } else { ' ' };
            let value = self.word(word).map_err(|_| fmt::Error)?;
            f.write_fmt(fmt!("{value:08x}{end}"))?;
        }
        f.write_str("\n")
    }

    fn word(&self, index: usize) -> Result<u32> {
        Ok(io_read!(self.stream, [try: index]))
    }

    /// Returns the bus address of the command stream.
    pub(crate) fn stream_address(&self) -> u64 {
        self.stream.dma_address()
    }

    /// Returns the bytes of the command stream.
    pub(crate) fn stream_size(&self) -> u32 {
        self.size
    }

    /// Returns the bus address of each region.
    pub(crate) fn regions(&self) -> &[u64; cmdstream::REGIONS] {
        &self.regions
    }
}

/// Holds what the stream uses of a region (the ends of what it reads and writes) against the buffer
/// that the job names for it. Returns which buffer it is, if the region is used.
fn check_region(
    region: usize,
    index: u32,
    read: u64,
    written: u64,
    buffers: &[accel::JobBuffer],
) -> Result<Option<usize>, accel::Refusal> {
    let bad_region = || refusal(EINVAL, uapi::ACCEL_ETHOSU_REFUSED_BAD_REGION, region);
    let named = match index {
        uapi::ACCEL_ETHOSU_NO_BUFFER => None,
        index => Some(buffers.get(index as usize).ok_or_else(bad_region)?),
    };
    if read == 0 && written == 0 {
        return Ok(None);
    }
    let refused = |error, reason| Err(refusal(error, reason, region));
    let Some(named) = named else {
        return refused(EINVAL, uapi::ACCEL_ETHOSU_REFUSED_NO_REGION);
    };
    if read.max(written) > named.buffer.size() as u64 {
        return refused(EINVAL, uapi::ACCEL_ETHOSU_REFUSED_REGION_TOO_SMALL);
    }
    if written != 0 && !named.access.can_write() {
        return refused(EACCES, uapi::ACCEL_ETHOSU_REFUSED_REGION_READ_ONLY);
    }
    if read != 0 && !named.access.can_read() {
        return refused(EACCES, uapi::ACCEL_ETHOSU_REFUSED_REGION_NOT_READABLE);
    }
    Ok(Some(index as usize))
}

fn refusal(error: Error, reason: u32, at: usize) -> accel::Refusal {
    accel::Refusal {
        error,
        reason,
        at: u32::try_from(at).unwrap_or(u32::MAX),
    }
}
