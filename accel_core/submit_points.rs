// SPDX-License-Identifier: GPL-2.0

//! The points of timelines that a job waits for, and those that it brings about.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};
use kernel_ext::dma_fence::Fence;

use crate::{
    timeline::{
        Dependency,
        Timeline,
        Watch, //
    },
    timeline_point::Reserved,
    timelines::Timelines,
    uapi::{
        accel_point,
        ACCEL_POINT_SIGNAL,
        ACCEL_POINT_WAIT, //
    },
    watchers::{
        Notify,
        Until, //
    },
};

/// A point to wait for that was not backed when we looked.
struct Unbacked {
    timeline: Arc<Timeline>,
    value: u64,
    /// It or a later one had been added.
    is_added: bool,
    /// So that we are told when to look again.
    watch: Option<Watch>,
}

/// What a job has to do with timelines.
pub(crate) struct SubmitPoints {
    /// What it waits for, as far as that is backed.
    fences: KVVec<ARef<Fence>>,
    /// What else it waits for.
    unbacked: KVVec<Unbacked>,
    /// What is done when it has ended; vanishes if it is not submitted.
    reserved: KVVec<Reserved>,
}

impl SubmitPoints {
    /// Looks up what `list` names. Process context.
    ///
    /// ENOENT: no such timeline; EINVAL: neither of the two flags or both, a point to bring about that
    /// is not after the last one, or one to wait for that needs one to bring about; EOPNOTSUPP: another
    /// flag; EDQUOT; ENOMEM; ENODEV.
    pub(crate) fn new(timelines: &Timelines, list: &[accel_point]) -> Result<Self> {
        let mut this = Self {
            fences: KVVec::new(),
            unbacked: KVVec::new(),
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
                    let timeline = timelines.get(point.handle)?;
                    match wanted {
                        ACCEL_POINT_WAIT => this.wait_for(timeline, point.value)?,
                        _ => this.bring_about(&timeline, point.value)?,
                    }
                }
            }
        }
        Ok(this)
    }

    fn wait_for(&mut self, timeline: Arc<Timeline>, value: u64) -> Result {
        match timeline.dependency(value)? {
            Dependency::Done => (),
            Dependency::Fences(fences) => self.add(fences)?,
            Dependency::Never(error) => return Err(error),
            Dependency::Unbacked { is_added } => {
                let unbacked = Unbacked {
                    timeline,
                    value,
                    is_added,
                    watch: None,
                };
                self.unbacked.push(unbacked, GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, fences: KVec<ARef<Fence>>) -> Result {
        for fence in fences {
            self.fences.push(fence, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    fn bring_about(&mut self, timeline: &Arc<Timeline>, value: u64) -> Result {
        // Whoever waits for a point waits for all before it, and this is the next one.
        let needs_this = |u: &Unbacked| !u.is_added && Arc::ptr_eq(&u.timeline, timeline);
        if self.unbacked.iter().any(needs_this) {
            return Err(EINVAL);
        }
        let reserved = timeline.reserve(value)?;
        Ok(self.reserved.push(reserved, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns whether all points that the job waits for are backed.
    pub(crate) fn are_backed(&self) -> bool {
        self.unbacked.is_empty()
    }

    /// Has whom `notify` makes told about each point that is not backed. Process context.
    ///
    /// ENOMEM.
    pub(crate) fn watch(&mut self, notify: impl FnOnce() -> Result<Arc<dyn Notify>>) -> Result {
        if self.are_backed() {
            return Ok(());
        }
        let notify = notify()?;
        for point in &mut self.unbacked {
            let timeline = &point.timeline;
            let watch = timeline.watch(point.value, Until::Backed, notify.clone(), 0)?;
            point.watch = Some(watch);
        }
        Ok(())
    }

    /// Looks again at the points that were not backed, and returns whether all of them are now.
    /// Process context.
    ///
    /// ECANCELED: one never will be; ENOMEM.
    pub(crate) fn look_again(&mut self) -> Result<bool> {
        let mut at = 0;
        while let Some(point) = self.unbacked.get(at) {
            match point.timeline.dependency(point.value)? {
                Dependency::Done => (),
                Dependency::Fences(fences) => self.add(fences)?,
                Dependency::Never(_) => return Err(ECANCELED),
                Dependency::Unbacked { .. } => {
                    at += 1;
                    continue;
                }
            }
            drop(self.unbacked.remove(at));
        }
        Ok(self.are_backed())
    }

    /// Returns the fences that the job waits for, and takes them; it does not wait any more.
    pub(crate) fn take_fences(&mut self) -> KVVec<ARef<Fence>> {
        self.unbacked.clear();
        core::mem::take(&mut self.fences)
    }

    /// Backs what the job brings about by its fence, which is armed.
    pub(crate) fn back(self, fence: &Fence) {
        for reserved in self.reserved {
            reserved.back(fence);
        }
    }
}

#[kunit_tests(accel_submit_points)]
mod tests {
    use super::*;
    use crate::{
        ioctl::Commit,
        timelines::{
            self,
            Registry, //
        }, //
    };
    use kernel_ext::dma_fence_context::{
        FenceContext,
        UnarmedFence, //
    };

    fn timelines() -> Result<Pin<KBox<Timelines>>> {
        KBox::pin_init(timelines::new(), GFP_KERNEL)
    }

    fn add(timelines: &Timelines) -> Result<u32> {
        let reserved = timelines.reserve(Timeline::new(&Registry::new()?, 0)?)?;
        let handle = reserved.handle();
        reserved.commit();
        Ok(handle)
    }

    fn point(handle: u32, flags: u32, value: u64) -> accel_point {
        accel_point {
            handle,
            flags,
            value,
        }
    }

    #[test]
    fn points_are_looked_at_until_they_are_backed() -> Result {
        let timelines = timelines()?;
        let handles = [add(&timelines)?, add(&timelines)?];
        let list = handles.map(|handle| point(handle, ACCEL_POINT_WAIT, 2));
        let mut points = SubmitPoints::new(&timelines, &list)?;
        assert!(!points.are_backed());
        assert_eq!(points.look_again(), Ok(false));
        timelines.get(handles[1])?.reserve_place(2)?.complete();
        assert_eq!(points.look_again(), Ok(false));
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        timelines.get(handles[0])?.reserve(3)?.back(armed.fence());
        assert_eq!(points.look_again(), Ok(true));
        let fences = points.take_fences();
        assert_eq!(fences.len(), 1);
        assert_eq!(fences[0].as_raw(), armed.fence().as_raw());
        Ok(())
    }

    #[test]
    fn a_point_that_cannot_come_is_not_waited_for() -> Result {
        let timelines = timelines()?;
        let handles = [add(&timelines)?, add(&timelines)?];
        let list = handles.map(|handle| point(handle, ACCEL_POINT_WAIT, 1));
        let mut points = SubmitPoints::new(&timelines, &list)?;
        let added = timelines.get(handles[0])?.reserve(1)?;
        timelines.remove(handles[0])?.close();
        assert_eq!(points.look_again(), Ok(false));
        drop(added);
        assert_eq!(points.look_again(), Err(ECANCELED));
        Ok(())
    }

    #[test]
    fn a_job_does_not_wait_for_itself() -> Result {
        let timelines = timelines()?;
        let handle = add(&timelines)?;
        let new = |wait, signal| {
            let list = [
                point(handle, ACCEL_POINT_SIGNAL, signal),
                point(handle, ACCEL_POINT_WAIT, wait),
            ];
            SubmitPoints::new(&timelines, &list).map(drop)
        };
        assert_eq!(new(1, 1), Err(EINVAL));
        assert_eq!(new(1, 2), Err(EINVAL));
        assert_eq!(new(2, 1), Err(EINVAL));
        let _added = timelines.get(handle)?.reserve(5)?;
        assert_eq!(new(5, 6), Ok(()));
        assert_eq!(new(6, 7), Err(EINVAL));
        Ok(())
    }
}
