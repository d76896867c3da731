// SPDX-License-Identifier: GPL-2.0

//! The engine of a card: fills and copies, between all memory that there is.

use accel_core as accel;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

use crate::{
    space_job::{
        Space,
        SpaceJob, //
    },
    uapi::{
        self,
        accel_memcard_job, //
    },
    DOORBELLS, //
};

/// How much is moved at once, bytes.
pub(crate) const AT_ONCE: usize = 512;

/// Bytes of a buffer.
struct Span {
    buffer: Arc<accel::Buffer>,
    offset: usize,
}

/// What a job does to the bytes of a buffer.
enum Operation {
    Fill(u8),
    Copy(Span),
    Nothing,
    Where(u64),
    Rung(usize),
}

/// A job, checked.
pub(crate) enum Job {
    Buffers(BufferJob),
    Space(SpaceJob),
}

/// A job on buffers that the submission names.
pub(crate) struct BufferJob {
    dst: Span,
    operation: Operation,
    size: usize,
}

pub(crate) fn refusal(reason: u32, at: usize) -> accel::Refusal {
    accel::Refusal {
        error: EINVAL,
        reason,
        at: at as u32,
    }
}

macro_rules! at {
    ($field:ident) => {
        core::mem::offset_of!(accel_memcard_job, $field)
    };
}
pub(crate) use at;

impl Job {
    /// Parses and checks a payload.
    pub(crate) fn parse(
        payload: &[u8],
        buffers: &[accel::JobBuffer],
        space: Option<&Space>,
    ) -> Result<Self, accel::Refusal> {
        let job: &accel_memcard_job = zerocopy::FromBytes::ref_from_bytes(payload)
            .map_err(|_| refusal(uapi::ACCEL_MEMCARD_BAD_SIZE, 0))?;
        match SpaceJob::parse(job, space)? {
            Some(job) => Ok(Self::Space(job)),
            None => BufferJob::parse(job, buffers).map(Self::Buffers),
        }
    }

    /// Runs it; `memory` is all of the card's.
    pub(crate) fn run(&self, memory: &accel::Aperture, space: Option<&Space>) -> accel::Outcome {
        let fault = accel::Fault::new(accel::FaultKind::Bus);
        match (self, space) {
            (Self::Buffers(job), _) => job.run(memory).map_err(|_| fault),
            (Self::Space(job), Some(space)) => job.run(memory, space),
            (Self::Space(_), None) => Err(fault),
        }
    }
}

impl BufferJob {
    fn parse(
        job: &accel_memcard_job,
        buffers: &[accel::JobBuffer],
    ) -> Result<Self, accel::Refusal> {
        let range = |buffer: &Arc<accel::Buffer>, offset: u64, at| {
            let end = offset.checked_add(job.size);
            match end.is_some_and(|end| end <= buffer.size() as u64) {
                true => Ok(Span {
                    buffer: buffer.clone(),
                    offset: offset as usize,
                }),
                false => Err(refusal(uapi::ACCEL_MEMCARD_BAD_RANGE, at)),
            }
        };
        let bad_buffer = |at| refusal(uapi::ACCEL_MEMCARD_BAD_BUFFER, at);
        let dst = buffers
            .get(job.dst as usize)
            .ok_or_else(|| bad_buffer(at!(dst)))?;
        let operation = match job.op {
            uapi::ACCEL_MEMCARD_FILL => Operation::Fill(
                u8::try_from(job.value)
                    .map_err(|_| refusal(uapi::ACCEL_MEMCARD_BAD_VALUE, at!(value)))?,
            ),
            uapi::ACCEL_MEMCARD_COPY => {
                let src = buffers
                    .get(job.src as usize)
                    .ok_or_else(|| bad_buffer(at!(src)))?;
                if !src.access.can_read() {
                    return Err(EACCES.into());
                }
                Operation::Copy(range(&src.buffer, job.src_offset, at!(src_offset))?)
            }
            uapi::ACCEL_MEMCARD_REVOKE if job.size == dst.buffer.size() as u64 => {
                // At once: a job that runs may not take the locks of mappings.
                let mine = dst.buffer.device_memory();
                mine.ok_or_else(|| bad_buffer(at!(dst)))?.revoke_mappings();
                Operation::Nothing
            }
            uapi::ACCEL_MEMCARD_REVOKE => {
                return Err(refusal(uapi::ACCEL_MEMCARD_BAD_RANGE, at!(size)))
            }
            uapi::ACCEL_MEMCARD_WHERE if job.size == 8 => {
                let src = buffers.get(job.src as usize);
                let address = src.and_then(|src| src.buffer.dma_address());
                Operation::Where(address.ok_or_else(|| bad_buffer(at!(src)))?)
            }
            uapi::ACCEL_MEMCARD_RUNG if job.value >= DOORBELLS => {
                return Err(refusal(uapi::ACCEL_MEMCARD_BAD_VALUE, at!(value)))
            }
            uapi::ACCEL_MEMCARD_RUNG if job.size == 8 => Operation::Rung(job.value as usize),
            uapi::ACCEL_MEMCARD_WHERE | uapi::ACCEL_MEMCARD_RUNG => {
                return Err(refusal(uapi::ACCEL_MEMCARD_BAD_RANGE, at!(size)))
            }
            _ => return Err(refusal(uapi::ACCEL_MEMCARD_BAD_OP, at!(op))),
        };
        if !dst.access.can_write() {
            return Err(EACCES.into());
        }
        Ok(Self {
            dst: range(&dst.buffer, job.dst_offset, at!(dst_offset))?,
            operation,
            size: job.size as usize,
        })
    }

    fn run(&self, memory: &accel::Aperture) -> Result {
        let value = match &self.operation {
            Operation::Fill(value) => *value,
            Operation::Copy(_) => 0,
            Operation::Nothing => return Ok(()),
            Operation::Where(address) => {
                return self.dst.write(memory, 0, &address.to_ne_bytes());
            }
            Operation::Rung(index) => {
                let doorbells = memory.size() - DOORBELLS as usize * PAGE_SIZE;
                let mut bytes = [0; 8];
                memory.read(doorbells + index * PAGE_SIZE, &mut bytes)?;
                return self.dst.write(memory, 0, &bytes);
            }
        };
        // On the stack: a job that runs may not allocate.
        let mut bytes = [value; AT_ONCE];
        for done in (0..self.size).step_by(AT_ONCE) {
            let len = AT_ONCE.min(self.size - done);
            let bytes = bytes.get_mut(..len).ok_or(EINVAL)?;
            if let Operation::Copy(src) = &self.operation {
                src.read(memory, done, bytes)?;
            }
            self.dst.write(memory, done, bytes)?;
        }
        Ok(())
    }
}

impl Span {
    /// Calls `f` with each piece of the `len` bytes from `done` on that is in one piece of the card's
    /// memory: where it is in that, and how far into the bytes.
    fn for_each_piece(
        memory: &accel::DeviceMemory,
        start: usize,
        len: usize,
        mut f: impl FnMut(usize, usize, usize) -> Result,
    ) -> Result {
        let mut before = 0;
        for extent in memory.extents() {
            let size = (extent.end - extent.start) as usize;
            let (from, to) = (start.max(before), (start + len).min(before + size));
            if from < to {
                f(
                    extent.start as usize + from - before,
                    from - start,
                    to - from,
                )?;
            }
            before += size;
        }
        Ok(())
    }

    fn read(&self, memory: &accel::Aperture, done: usize, bytes: &mut [u8]) -> Result {
        let start = self.offset + done;
        let Some(mine) = self.buffer.device_memory() else {
            return self.buffer.read(start, bytes);
        };
        Self::for_each_piece(mine, start, bytes.len(), |at, from, len| {
            memory.read(at, bytes.get_mut(from..from + len).ok_or(EINVAL)?)
        })
    }

    fn write(&self, memory: &accel::Aperture, done: usize, bytes: &[u8]) -> Result {
        let start = self.offset + done;
        let Some(mine) = self.buffer.device_memory() else {
            return self.buffer.write(start, bytes);
        };
        Self::for_each_piece(mine, start, bytes.len(), |at, from, len| {
            memory.write(at, bytes.get(from..from + len).ok_or(EINVAL)?)
        })
    }
}
