// SPDX-License-Identifier: GPL-2.0

//! Tests of `timeline` that need the kernel: reserving, backing, watching, ending.

use kernel::prelude::*;

#[kunit_tests(accel_timeline)]
mod tests {
    use crate::{
        timeline::{
            Dependency,
            Timeline, //
        },
        timelines::Registry,
        watchers::{
            Notify,
            Until, //
        },
    };
    use kernel::{
        prelude::*,
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            new_spinlock_irq,
            Arc, //
        }, //
    };
    use kernel_ext::{
        dma_fence::Fence,
        dma_fence_context::{
            ArmedFence,
            FenceContext,
            UnarmedFence, //
        }, //
    };

    /// Hears how often it was told, and what at last.
    struct Ear {
        times: Atomic<u32>,
        errno: Atomic<i32>,
    }

    impl Notify for Ear {
        fn notify(&self, _index: usize, result: Result) {
            self.times.store(self.times.load(Relaxed) + 1, Relaxed);
            let errno = result.err().map_or(0, Error::to_errno);
            self.errno.store(errno, Relaxed);
        }
    }

    impl Ear {
        fn new() -> Result<Arc<Self>> {
            let ear = Self {
                times: Atomic::new(0),
                errno: Atomic::new(0),
            };
            Ok(Arc::new(ear, GFP_KERNEL)?)
        }

        /// Returns what it was told, which must have been once, if it was.
        fn heard(&self) -> Option<Result> {
            match (self.times.load(Relaxed), self.errno.load(Relaxed)) {
                (0, _) => None,
                (1, 0) => Some(Ok(())),
                (1, errno) => Some(Err(Error::from_errno(errno))),
                _ => Some(Err(EEXIST)),
            }
        }
    }

    fn timeline() -> Result<Arc<Timeline>> {
        Ok(Arc::new(Timeline::new(&Registry::new()?, 0)?, GFP_KERNEL)?)
    }

    fn armed() -> Result<(FenceContext, ArmedFence)> {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        Ok((context, armed))
    }

    fn place(timeline: &Timeline) -> (u64, u64, u64) {
        let progress = timeline.progress();
        (progress.value, progress.backed, progress.last)
    }

    fn is_unbacked(dependency: Dependency, added: bool) -> bool {
        matches!(dependency, Dependency::Unbacked { is_added } if is_added == added)
    }

    fn is_never(dependency: Dependency, why: Error) -> bool {
        matches!(dependency, Dependency::Never(error) if error == why)
    }

    #[test]
    fn a_point_is_reserved_then_backed_then_done() -> Result {
        let timeline = timeline()?;
        let (_context, armed) = armed()?;
        let reserved = timeline.reserve(5)?;
        assert_eq!(place(&timeline), (0, 0, 5));
        assert!(is_unbacked(timeline.dependency(5)?, true));
        assert!(is_unbacked(timeline.dependency(6)?, false));
        assert_eq!(timeline.fence(5).err(), Some(EINVAL));
        assert_eq!(timeline.reserve(5).err(), Some(EINVAL));
        reserved.back(armed.fence());
        assert_eq!(place(&timeline), (0, 5, 5));
        let Dependency::Fences(fences) = timeline.dependency(3)? else {
            return Err(EINVAL);
        };
        assert_eq!(fences.len(), 1);
        assert_eq!(fences[0].as_raw(), armed.fence().as_raw());
        let fence = timeline.fence(5)?;
        armed.signal(Err(EIO));
        assert_eq!(place(&timeline), (5, 5, 5));
        assert!(matches!(timeline.dependency(5)?, Dependency::Done));
        assert_eq!(fence.status(), Some(Err(EIO)));
        assert!(timeline.fence(5)?.is_signaled());
        Ok(())
    }

    #[test]
    fn a_point_may_be_backed_by_what_is_over() -> Result {
        let timeline = timeline()?;
        timeline.reserve(1)?.back(&Fence::signaled());
        assert_eq!(place(&timeline), (1, 1, 1));
        Ok(())
    }

    #[test]
    fn a_dropped_point_was_never_there() -> Result {
        let timeline = timeline()?;
        let first = timeline.reserve(1)?;
        drop(timeline.reserve(2)?);
        assert_eq!(place(&timeline), (0, 0, 1));
        timeline.reserve(2)?.complete();
        assert_eq!(place(&timeline), (0, 0, 2));
        drop(first);
        assert_eq!(place(&timeline), (2, 2, 2));
        Ok(())
    }

    #[test]
    fn a_completed_point_is_done() -> Result {
        let timeline = timeline()?;
        timeline.reserve(7)?.complete();
        assert_eq!(place(&timeline), (7, 7, 7));
        Ok(())
    }

    /// Backing and completing are for those who end jobs: nothing may sleep.
    #[test]
    fn points_change_in_atomic_context() -> Result {
        let timeline = timeline()?;
        let (_context, armed) = armed()?;
        let (backed, completed) = (timeline.reserve(1)?, timeline.reserve(2)?);
        let (over, dropped) = (timeline.reserve(3)?, timeline.reserve(4)?);
        let ears = [Ear::new()?, Ear::new()?];
        let _backed = timeline.watch(1, Until::Backed, ears[0].clone(), 0)?;
        let _done = timeline.watch(3, Until::Done, ears[1].clone(), 0)?;
        let signaled = Fence::signaled();
        let lock = Arc::pin_init(new_spinlock_irq!((), "kunit"), GFP_KERNEL)?;
        let guard = lock.lock();
        backed.back(armed.fence());
        completed.complete();
        over.back(&signaled);
        drop(dropped);
        armed.signal(Ok(()));
        drop(guard);
        assert_eq!(place(&timeline), (3, 3, 3));
        assert!(ears.iter().all(|ear| ear.heard() == Some(Ok(()))));
        Ok(())
    }

    #[test]
    fn watchers_are_told_once() -> Result {
        let timeline = timeline()?;
        let (_context, armed) = armed()?;
        let (done, backed, left) = (Ear::new()?, Ear::new()?, Ear::new()?);
        let _done = timeline.watch(2, Until::Done, done.clone(), 0)?;
        let _backed = timeline.watch(2, Until::Backed, backed.clone(), 0)?;
        drop(timeline.watch(2, Until::Done, left.clone(), 0)?);
        timeline.reserve(1)?.complete();
        assert_eq!((backed.heard(), done.heard()), (None, None));
        timeline.reserve(3)?.back(armed.fence());
        assert_eq!((backed.heard(), done.heard()), (Some(Ok(())), None));
        armed.signal(Ok(()));
        assert_eq!(done.heard(), Some(Ok(())));
        timeline.reserve(4)?.complete();
        assert_eq!((backed.heard(), done.heard()), (Some(Ok(())), Some(Ok(()))));
        assert_eq!(left.heard(), None);
        let late = Ear::new()?;
        let _late = timeline.watch(4, Until::Done, late.clone(), 0)?;
        assert_eq!(late.heard(), Some(Ok(())));
        Ok(())
    }

    #[test]
    fn a_watcher_is_told_that_what_was_in_its_way_vanished() -> Result {
        let timeline = timeline()?;
        let (_context, armed) = armed()?;
        let first = timeline.reserve(1)?;
        timeline.reserve(2)?.back(armed.fence());
        let ear = Ear::new()?;
        let _watch = timeline.watch(2, Until::Backed, ear.clone(), 0)?;
        drop(first);
        assert_eq!(ear.heard(), Some(Ok(())));
        Ok(())
    }

    #[test]
    fn a_closed_timeline_goes_on_with_what_was_added() -> Result {
        let timeline = timeline()?;
        let (kept, vanishing) = (timeline.reserve(1)?, timeline.reserve(2)?);
        let ears = [Ear::new()?, Ear::new()?, Ear::new()?];
        let _watches = [
            timeline.watch(1, Until::Done, ears[0].clone(), 0)?,
            timeline.watch(2, Until::Backed, ears[1].clone(), 0)?,
            timeline.watch(3, Until::Done, ears[2].clone(), 0)?,
        ];
        timeline.close();
        assert_eq!(timeline.reserve(3).err(), Some(ENOENT));
        let heard = || ears.each_ref().map(|ear| ear.heard());
        assert_eq!(heard(), [None, None, Some(Err(ENOENT))]);
        assert!(is_unbacked(timeline.dependency(2)?, true));
        assert!(is_never(timeline.dependency(3)?, ENOENT));
        drop(vanishing);
        assert_eq!(heard(), [None, Some(Err(ENOENT)), Some(Err(ENOENT))]);
        kept.complete();
        assert_eq!(heard()[0], Some(Ok(())));
        Ok(())
    }

    #[test]
    fn everybody_hears_that_the_device_is_gone() -> Result {
        let registry = Registry::new()?;
        let timeline = Arc::new(Timeline::new(&registry, 0)?, GFP_KERNEL)?;
        drop(Timeline::new(&registry, 0)?);
        let (_context, armed) = armed()?;
        timeline.reserve(1)?.back(armed.fence());
        let ears = [Ear::new()?, Ear::new()?, Ear::new()?];
        let _watch = timeline.watch(1, Until::Done, ears[0].clone(), 0)?;
        timeline.leave_watcher(9, Until::Backed, ears[1].clone())?;
        registry.gone();
        timeline.leave_watcher(9, Until::Done, ears[2].clone())?;
        assert!(ears.iter().all(|ear| ear.heard() == Some(Err(ENODEV))));
        assert_eq!(timeline.reserve(2).err(), Some(ENODEV));
        assert!(matches!(timeline.dependency(1)?, Dependency::Fences(_)));
        assert!(is_never(timeline.dependency(9)?, ENODEV));
        assert_eq!(Timeline::new(&registry, 0).err(), Some(ENODEV));
        armed.signal(Ok(()));
        assert_eq!(place(&timeline), (1, 1, 1));
        Ok(())
    }

    #[test]
    fn fences_and_reserved_points_outlive_a_timeline() -> Result {
        let timeline = timeline()?;
        let (_context, armed) = armed()?;
        let (backed, never) = (timeline.reserve(1)?, timeline.reserve(2)?);
        let (late, over) = (timeline.reserve(3)?, timeline.reserve(4)?);
        let ear = Ear::new()?;
        timeline.leave_watcher(1, Until::Done, ear.clone())?;
        backed.back(armed.fence());
        drop(timeline);
        assert_eq!(ear.heard(), Some(Err(ENOENT)));
        late.back(armed.fence());
        over.complete();
        drop(never);
        armed.signal(Ok(()));
        assert_eq!(ear.heard(), Some(Err(ENOENT)));
        Ok(())
    }
}
