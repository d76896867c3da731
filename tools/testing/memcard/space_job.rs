// SPDX-License-Identifier: GPL-2.0

//! Jobs on addresses of an address space.

use accel_core as accel;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use zerocopy::IntoBytes;

use crate::{
    engine::{
        at,
        refusal,
        AT_ONCE, //
    },
    mmu::{
        Access,
        View, //
    },
    uapi::{
        self,
        accel_memcard_job,
        accel_memcard_translation, //
    },
    MemcardDriver, //
};

/// Where a job works.
pub(crate) type Space = Arc<accel::AddressSpace<MemcardDriver>>;

/// What a job does to bytes in an address space.
enum Operation {
    Fill(u8),
    /// From this address.
    Copy(u64),
    /// Tells how this address is translated.
    Entry(u64),
}

/// A job, checked. Whether there is something at its addresses is seen when it runs.
pub(crate) struct SpaceJob {
    operation: Operation,
    dst: u64,
    size: u64,
}

impl SpaceJob {
    /// Makes one of a payload, if that is one; `space` is that of its queue.
    pub(crate) fn parse(
        job: &accel_memcard_job,
        space: Option<&Space>,
    ) -> Result<Option<Self>, accel::Refusal> {
        let bad_range = |at| refusal(uapi::ACCEL_MEMCARD_BAD_RANGE, at);
        let operation = match job.op {
            uapi::ACCEL_MEMCARD_SPACE_FILL => Operation::Fill(
                u8::try_from(job.value)
                    .map_err(|_| refusal(uapi::ACCEL_MEMCARD_BAD_VALUE, at!(value)))?,
            ),
            uapi::ACCEL_MEMCARD_SPACE_COPY => Operation::Copy(job.src_offset),
            uapi::ACCEL_MEMCARD_SPACE_ENTRY => Operation::Entry(job.src_offset),
            _ => return Ok(None),
        };
        let is_entry = matches!(operation, Operation::Entry(_));
        if is_entry && job.size != size_of::<accel_memcard_translation>() as u64 {
            return Err(bad_range(at!(size)));
        }
        for (start, at) in [
            (job.dst_offset, at!(dst_offset)),
            (job.src_offset, at!(src_offset)),
        ] {
            start.checked_add(job.size).ok_or_else(|| bad_range(at))?;
        }
        if job.dst != 0 {
            return Err(refusal(uapi::ACCEL_MEMCARD_BAD_BUFFER, at!(dst)));
        }
        space.ok_or_else(|| refusal(uapi::ACCEL_MEMCARD_BAD_SPACE, at!(op)))?;
        Ok(Some(Self {
            operation,
            dst: job.dst_offset,
            size: job.size,
        }))
    }

    /// Runs it; `memory` is all of the card's.
    pub(crate) fn run(&self, memory: &accel::Aperture, space: &Space) -> accel::Outcome {
        let device = |_| accel::Fault::new(accel::FaultKind::Device);
        let step = space.in_step().map_err(device)?;
        let view = View { memory, step };
        let value = match self.operation {
            Operation::Fill(value) => value,
            Operation::Copy(_) => 0,
            Operation::Entry(address) => {
                let found = view.translate(address).map_err(device)?;
                let answer = accel_memcard_translation {
                    entry: found.entry,
                    size: found.size,
                };
                return write(&view, self.dst, answer.as_bytes());
            }
        };
        // On the stack: a job that runs may not allocate.
        let mut bytes = [value; AT_ONCE];
        for done in (0..self.size).step_by(AT_ONCE) {
            let len = (self.size - done).min(AT_ONCE as u64) as usize;
            let bytes = bytes.get_mut(..len).unwrap_or_default();
            if let Operation::Copy(src) = self.operation {
                read(&view, src + done, bytes)?;
            }
            write(&view, self.dst + done, bytes)?;
        }
        Ok(())
    }
}

fn read(view: &View<'_>, mut address: u64, mut bytes: &mut [u8]) -> accel::Outcome {
    while !bytes.is_empty() {
        let len = view.access(address, bytes.len(), Access::Read, |at, len| {
            let bytes = bytes.get_mut(..len).ok_or(EINVAL)?;
            match at {
                Some(at) => view.memory.read(at, bytes),
                None => {
                    bytes.fill(0);
                    Ok(())
                }
            }
        })?;
        address += len as u64;
        bytes = bytes.get_mut(len..).unwrap_or_default();
    }
    Ok(())
}

fn write(view: &View<'_>, mut address: u64, mut bytes: &[u8]) -> accel::Outcome {
    while !bytes.is_empty() {
        let len = view.access(address, bytes.len(), Access::Write, |at, len| match at {
            Some(at) => view.memory.write(at, bytes.get(..len).ok_or(EINVAL)?),
            None => Ok(()),
        })?;
        address += len as u64;
        bytes = bytes.get(len..).unwrap_or_default();
    }
    Ok(())
}
