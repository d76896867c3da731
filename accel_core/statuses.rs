// SPDX-License-Identifier: GPL-2.0

//! The statuses of a queue: numbers its jobs, keeps how they are, and owns their fences.
//!
//! A job ends in two steps. With whatever locks held, its status and its fence learn how
//! ([`Statuses::end`]). Then, as others are called, without locks, the fence is signalled and waiters
//! wake ([`Statuses::tell`]). Whoever sees that a job has ended sees that its fence is signalled, and
//! the reverse.

use kernel::{
    new_condvar,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        new_spinlock_irq,
        Arc,
        CondVar,
        CondVarTimeoutResult,
        SpinLockIrq, //
    }, //
};
use kernel_ext::{
    dma_fence_context::{
        ArmedFence,
        FenceContext,
        UnarmedFence, //
    },
    time::{
        jiffies_from_ns,
        monotonic_ns, //
    },
};

use crate::{
    job::{
        Created,
        Outcome, //
    },
    logic::history::{
        History,
        Missing, //
    },
    uapi::{
        self,
        accel_job_status, //
    },
};

const DEPTH: usize = uapi::ACCEL_QUEUE_DEPTH as usize;
const MOST_JOBS: u32 = uapi::ACCEL_CLIENT_JOBS_MAX;
const FREE_JOBS: usize = uapi::ACCEL_QUEUE_FREE_JOBS as usize;
const SLOTS: usize = DEPTH + uapi::ACCEL_QUEUE_HISTORY as usize;

/// Where the statuses are; allocated with the first job.
struct Slots(KVVec<accel_job_status>);

impl AsRef<[accel_job_status]> for Slots {
    fn as_ref(&self) -> &[accel_job_status] {
        &self.0
    }
}

impl AsMut<[accel_job_status]> for Slots {
    fn as_mut(&mut self) -> &mut [accel_job_status] {
        &mut self.0
    }
}

/// How the jobs of a queue are.
#[pin_data]
pub(crate) struct Statuses {
    #[pin]
    history: SpinLockIrq<Option<History<Slots>>>,
    #[pin]
    ended: CondVar,
    fences: FenceContext,
    /// There is room for statuses.
    is_prepared: Atomic<bool>,
    /// How many jobs of the client have not ended, but for the first ones of each queue.
    jobs: Arc<Atomic<u32>>,
    abandoned: Atomic<bool>,
}

impl Statuses {
    /// For a queue without jobs, of a client that has `jobs`; its fences say that they are of
    /// `driver` and `name`.
    pub(crate) fn new(driver: &CStr, name: &CStr, jobs: Arc<Atomic<u32>>) -> Result<Arc<Self>> {
        let fences = FenceContext::new(driver, name)?;
        Arc::pin_init(
            pin_init!(Self {
                history <- new_spinlock_irq!(None, "queue"),
                ended <- new_condvar!("queue_ended"),
                fences,
                is_prepared: Atomic::new(false),
                jobs,
                abandoned: Atomic::new(false),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the context of its fences.
    pub(crate) fn fences(&self) -> &FenceContext {
        &self.fences
    }

    /// Makes room for statuses; to be called before [`Statuses::begin`].
    #[inline]
    pub(crate) fn prepare(&self) -> Result {
        match self.is_prepared.load(Relaxed) {
            true => Ok(()),
            false => self.prepare_first(),
        }
    }

    #[cold]
    fn prepare_first(&self) -> Result {
        let mut slots = KVVec::with_capacity(SLOTS, GFP_KERNEL_ACCOUNT)?;
        slots.resize(SLOTS, zerocopy::FromZeros::new_zeroed(), GFP_KERNEL_ACCOUNT)?;
        let mut history = self.history.lock();
        // Another thread may have been faster; what is too much is dropped after the lock.
        let spare = match *history {
            Some(_) => Some(slots),
            None => {
                *history = Some(History::new(Slots(slots), DEPTH));
                None
            }
        };
        drop(history);
        drop(spare);
        // Whoever sees this takes the lock before it is of use.
        self.is_prepared.store(true, Relaxed);
        Ok(())
    }

    /// Gives a job its number: from now on it must end. EDQUOT if too many are unfinished, of the
    /// queue or of the client. Jobs must be armed in the order of their numbers.
    pub(crate) fn begin(self: &Arc<Self>, now: u64, fence: UnarmedFence) -> Result<Created> {
        let mut history = self.history.lock();
        let status = accel_job_status {
            state: uapi::ACCEL_JOB_QUEUED,
            submit_ns: now,
            ..zerocopy::FromZeros::new_zeroed()
        };
        let statuses = Option::as_mut(&mut history).ok_or(EINVAL)?;
        // Counted are those beyond: an atomic for each job is not for free.
        let is_counted = statuses.unfinished() >= FREE_JOBS;
        if is_counted && self.jobs.load(Relaxed) >= MOST_JOBS {
            return Err(EDQUOT);
        }
        let number = statuses
            .begin(status, |old| {
                matches!(old.state, uapi::ACCEL_JOB_QUEUED | uapi::ACCEL_JOB_RUNNING)
            })
            .ok_or(EDQUOT)?;
        if is_counted {
            self.jobs.fetch_add(1, Relaxed);
        }
        drop(history);
        Ok(Created::new(self.clone(), number, fence))
    }

    /// Returns the status of a job, all 0 if it is not kept. Any context.
    pub(crate) fn get(&self, number: u64) -> accel_job_status {
        let history = self.history.lock();
        let status = history.as_ref().and_then(|h| h.get(number).ok());
        status
            .copied()
            .unwrap_or_else(zerocopy::FromZeros::new_zeroed)
    }

    /// Returns how many statuses have been overwritten: those of the first jobs.
    pub(crate) fn overwritten(&self) -> u64 {
        let history = self.history.lock();
        history.as_ref().map_or(0, |history| history.overwritten())
    }

    /// Changes the status of a job.
    pub(crate) fn update(&self, number: u64, change: impl FnOnce(&mut accel_job_status)) {
        if let Some(history) = &mut *self.history.lock() {
            if let Ok(status) = history.get_mut(number) {
                change(status);
            }
        }
    }

    /// Ends a job unless it has ended already; returns whether it did. Any context; calls nobody: see
    /// [`Statuses::tell`].
    pub(crate) fn end(
        &self,
        number: u64,
        fence: Option<&ArmedFence>,
        now: u64,
        outcome: Outcome,
    ) -> bool {
        let mut guard = self.history.lock();
        let Some(history) = &mut *guard else {
            return false;
        };
        match history.get_mut(number) {
            Ok(status) if status.state != uapi::ACCEL_JOB_DONE => {
                finish(status, now, outcome);
                if history.unfinished() > FREE_JOBS {
                    self.jobs.fetch_sub(1, Relaxed);
                }
                history.end();
            }
            _ => return false,
        }
        // With the lock, so that nobody sees the one without the other.
        if let Some(fence) = fence {
            fence.end(outcome.map_err(|fault| fault.kind.error()), now);
        }
        true
    }

    /// Tells everybody that jobs have ended. Any context, without locks: callbacks of others run.
    pub(crate) fn tell(&self) {
        match self.abandoned.load(Acquire) {
            true => self.fences.close(ECANCELED),
            false => self.fences.flush(),
        }
        self.ended.notify_all();
    }

    /// Nobody can submit any more. From now on, whoever tells of a job that ended says that there
    /// is none left: a fence that is not signalled then was forgotten, and is signalled.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Release);
    }

    /// Waits until job `number` has ended or the time is `deadline`, and returns its status.
    ///
    /// ENOENT: no such job; EOVERFLOW: its status was overwritten; EINTR: a signal. At the deadline
    /// the status is that of an unfinished job.
    pub(crate) fn wait(&self, number: u64, deadline: u64) -> Result<accel_job_status> {
        let mut history = self.history.lock();
        loop {
            let status = *history
                .as_ref()
                .ok_or(ENOENT)?
                .get(number)
                .map_err(|missing| match missing {
                    Missing::Never => ENOENT,
                    Missing::Forgotten => EOVERFLOW,
                })?;
            if status.state == uapi::ACCEL_JOB_DONE {
                drop(history);
                // Whoever ended it may be about to do so.
                self.fences.flush();
                return Ok(status);
            }
            let left = deadline.saturating_sub(monotonic_ns());
            if left == 0 {
                return Ok(status);
            }
            let left = jiffies_from_ns(left);
            let woken = self.ended.wait_interruptible_timeout(&mut history, left);
            if let CondVarTimeoutResult::Signal { .. } = woken {
                return Err(ERESTARTSYS);
            }
        }
    }
}

/// Writes into a status how its job has ended.
pub(crate) fn finish(status: &mut accel_job_status, now: u64, outcome: Outcome) {
    status.state = uapi::ACCEL_JOB_DONE;
    status.end_ns = now;
    if let Err(fault) = outcome {
        status.error = fault.kind.error().to_errno().unsigned_abs();
        status.fault = fault.kind as u32;
        status.fault_address = fault.address;
    }
}

#[kunit_tests(accel_statuses)]
mod tests {
    use super::*;
    use crate::job::{
        Armed,
        Fault,
        FaultKind, //
    };
    use core::mem::ManuallyDrop;
    use kernel::sync::aref::ARef;
    use kernel_ext::dma_resv_many::Reserved;

    /// A deadline that has passed: only look.
    const NOW: u64 = 0;

    fn queue() -> Result<Arc<Statuses>> {
        let queue = Statuses::new(c"kunit", c"queue", Arc::new(Atomic::new(0), GFP_KERNEL)?)?;
        queue.prepare()?;
        Ok(queue)
    }

    fn begin(queue: &Arc<Statuses>, now: u64) -> Result<Created> {
        queue.begin(now, UnarmedFence::new(GFP_KERNEL)?)
    }

    fn arm(queue: &Arc<Statuses>, now: u64) -> Result<Armed> {
        let created = begin(queue, now)?;
        Ok(created.arm(Reserved::nowhere()))
    }

    #[test]
    fn a_job_has_a_status_from_the_start() -> Result {
        let queue = queue()?;
        assert!(queue.wait(1, NOW).is_err());
        let job = arm(&queue, 5)?;
        assert_eq!(job.number(), 1);
        let status = queue.wait(1, NOW)?;
        assert_eq!(status.state, uapi::ACCEL_JOB_QUEUED);
        assert_eq!(status.submit_ns, 5);
        job.started(3, 6);
        let status = queue.wait(1, NOW)?;
        assert_eq!(status.state, uapi::ACCEL_JOB_RUNNING);
        assert_eq!((status.engine, status.start_ns), (3, 6));
        job.end(7, Ok(()));
        let status = queue.wait(1, u64::MAX)?;
        assert_eq!(status.state, uapi::ACCEL_JOB_DONE);
        assert_eq!((status.error, status.end_ns), (0, 7));
        Ok(())
    }

    #[test]
    fn a_fence_says_how_its_job_ended() -> Result {
        let queue = queue()?;
        let (good, bad) = (arm(&queue, 1)?, arm(&queue, 1)?);
        let fences = [&good, &bad].map(|job| ARef::from(job.fence()));
        good.end(2, Ok(()));
        bad.end(3, Err(Fault::new(FaultKind::Bus)));
        assert_eq!(fences.each_ref().map(|f| f.status()), [None, None]);
        queue.tell();
        assert_eq!(fences[0].status(), Some(Ok(())));
        assert_eq!(fences[1].status(), Some(Err(EIO)));
        assert_eq!(fences[1].timestamp(), Some(3));
        Ok(())
    }

    #[test]
    fn who_sees_the_end_of_a_job_sees_that_of_its_fence() -> Result {
        let queue = queue()?;
        let job = arm(&queue, 1)?;
        job.end(2, Ok(()));
        assert!(!job.fence().is_signaled());
        queue.wait(1, NOW)?;
        assert!(job.fence().is_signaled());
        Ok(())
    }

    #[test]
    fn only_the_first_end_counts() -> Result {
        let queue = queue()?;
        let job = arm(&queue, 1)?;
        let fence = ARef::from(job.fence());
        job.end(2, Err(Fault::new(FaultKind::Bus)));
        job.end(3, Ok(()));
        drop(job);
        let status = queue.wait(1, NOW)?;
        assert_eq!((status.fault, status.end_ns), (uapi::ACCEL_FAULT_BUS, 2));
        assert_eq!(fence.status(), Some(Err(EIO)));
        Ok(())
    }

    #[test]
    fn a_job_that_is_dropped_is_canceled() -> Result {
        let queue = queue()?;
        let armed = arm(&queue, 1)?;
        let fence = ARef::from(armed.fence());
        drop(armed);
        drop(begin(&queue, 1)?);
        for number in 1..=2 {
            let status = queue.wait(number, u64::MAX)?;
            assert_eq!(status.fault, uapi::ACCEL_FAULT_CANCELED);
            assert_eq!(Error::from_errno(-(status.error as i32)), ECANCELED);
        }
        assert_eq!(fence.status(), Some(Err(ECANCELED)));
        Ok(())
    }

    #[test]
    fn the_fence_of_a_forgotten_job_is_signaled_when_its_queue_ends() -> Result {
        let queue = queue()?;
        // Not dropped before the end of the test, as by `mem::forget()`.
        let forgotten = ManuallyDrop::new(arm(&queue, 1)?);
        let running = arm(&queue, 1)?;
        let fences = [&forgotten, &running].map(|job| ARef::from(job.fence()));
        queue.abandon();
        assert!(!fences[0].is_signaled() && !fences[1].is_signaled());
        running.end(2, Ok(()));
        queue.tell();
        assert_eq!(fences[0].status(), Some(Err(ECANCELED)));
        assert_eq!(fences[1].status(), Some(Ok(())));
        drop(ManuallyDrop::into_inner(forgotten));
        Ok(())
    }

    #[test]
    fn the_depth_is_bounded() -> Result {
        let queue = queue()?;
        let mut jobs = KVec::new();
        for _ in 0..DEPTH {
            jobs.push(begin(&queue, 1)?, GFP_KERNEL)?;
        }
        assert!(begin(&queue, 1).is_err_and(|e| e == EDQUOT));
        jobs.pop();
        assert_eq!(begin(&queue, 1)?.number(), DEPTH as u64 + 1);
        Ok(())
    }
}
