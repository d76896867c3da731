// SPDX-License-Identifier: GPL-2.0

//! The points of timelines that a job waits for, and those that it brings about.

use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::dma_fence::Fence;

use crate::{
    timeline::{
        Dependency,
        Timeline, //
    },
    timeline_point::Reserved,
    timelines::Timelines,
    uapi::{
        accel_point,
        ACCEL_POINT_SIGNAL,
        ACCEL_POINT_WAIT, //
    },
};

/// What a job has to do with timelines.
pub(crate) struct SubmitPoints {
    /// What it waits for.
    fences: KVVec<ARef<Fence>>,
    /// What is done when it has ended; vanishes if it is not submitted.
    reserved: KVVec<Reserved>,
}

impl SubmitPoints {
    /// Looks up what `list` names. Process context.
    ///
    /// ENOENT: no such timeline; EINVAL: neither of the two flags or both, a point to wait for that
    /// is not backed, or one to bring about that is not after the last one; EOPNOTSUPP: another flag;
    /// EDQUOT; ENOMEM; ENODEV.
    pub(crate) fn new(timelines: &Timelines, list: &[accel_point]) -> Result<Self> {
        let mut this = Self {
            fences: KVVec::new(),
            reserved: KVVec::new(),
        };
        // First whom to wait for: a job cannot wait for itself.
        for wanted in [ACCEL_POINT_WAIT, ACCEL_POINT_SIGNAL] {
            for point in list {
                match point.flags {
                    ACCEL_POINT_WAIT | ACCEL_POINT_SIGNAL => (),
                    f if f & !(ACCEL_POINT_WAIT | ACCEL_POINT_SIGNAL) != 0 => {
                        return Err(EOPNOTSUPP); //
                    }
                    _ => return Err(EINVAL),
                }
                if point.flags == wanted {
                    this.add(&*timelines.get(point.handle)?, point)?;
                }
            }
        }
        Ok(this)
    }

    fn add(&mut self, timeline: &Timeline, point: &accel_point) -> Result {
        if point.flags == ACCEL_POINT_SIGNAL {
            let reserved = timeline.reserve(point.value)?;
            return Ok(self.reserved.push(reserved, GFP_KERNEL_ACCOUNT)?);
        }
        match timeline.dependency(point.value)? {
            Dependency::Done => (),
            Dependency::Unbacked => return Err(EINVAL),
            Dependency::Fences(fences) => {
                for fence in fences {
                    self.fences.push(fence, GFP_KERNEL_ACCOUNT)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the fences that the job waits for, and takes them.
    pub(crate) fn take_fences(&mut self) -> KVVec<ARef<Fence>> {
        core::mem::take(&mut self.fences)
    }

    /// Backs what the job brings about by its fence, which is armed.
    pub(crate) fn back(self, fence: &Fence) {
        for reserved in self.reserved {
            reserved.back(fence);
        }
    }
}
