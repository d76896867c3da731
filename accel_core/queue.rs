// SPDX-License-Identifier: GPL-2.0

//! A queue: numbers the jobs of a client and keeps how they are.

use kernel::{
    new_condvar,
    prelude::*,
    sync::{
        new_spinlock_irq,
        Arc,
        CondVar,
        CondVarTimeoutResult,
        SpinLockIrq, //
    }, //
};
use kernel_ext::time::{
    jiffies_from_ns,
    monotonic_ns, //
};

use crate::{
    job::Ticket,
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

/// A queue of jobs.
#[pin_data]
pub(crate) struct Queue {
    #[pin]
    history: SpinLockIrq<Option<History<Slots>>>,
    #[pin]
    ended: CondVar,
}

impl Queue {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                history <- new_spinlock_irq!(None, "queue"),
                ended <- new_condvar!("queue_ended"),
            }),
            GFP_KERNEL,
        )
    }

    /// Makes room for statuses; to be called before [`Queue::arm`].
    pub(crate) fn prepare(&self) -> Result {
        if self.history.lock().is_some() {
            return Ok(());
        }
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
        Ok(())
    }

    /// Gives a job its number: from now on it must end. EDQUOT if too many are unfinished.
    pub(crate) fn arm(self: &Arc<Self>, now: u64) -> Result<Ticket> {
        let mut history = self.history.lock();
        let status = accel_job_status {
            state: uapi::ACCEL_JOB_QUEUED,
            submit_ns: now,
            ..zerocopy::FromZeros::new_zeroed()
        };
        let number = Option::as_mut(&mut history)
            .ok_or(EINVAL)?
            .begin(status, |old| {
                matches!(old.state, uapi::ACCEL_JOB_QUEUED | uapi::ACCEL_JOB_RUNNING)
            })
            .ok_or(EDQUOT)?;
        drop(history);
        Ok(Ticket::new(self.clone(), number))
    }

    /// Changes the status of a job.
    pub(crate) fn update(&self, number: u64, change: impl FnOnce(&mut accel_job_status)) {
        if let Some(history) = &mut *self.history.lock() {
            if let Ok(status) = history.get_mut(number) {
                change(status);
            }
        }
    }

    /// Ends a job unless it has ended already.
    pub(crate) fn end(&self, number: u64, change: impl FnOnce(&mut accel_job_status)) {
        let mut guard = self.history.lock();
        let Some(history) = &mut *guard else { return };
        match history.get_mut(number) {
            Ok(status) if status.state != uapi::ACCEL_JOB_DONE => {
                change(status);
                history.end();
            }
            _ => return,
        }
        drop(guard);
        self.ended.notify_all();
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
            let left = deadline.saturating_sub(monotonic_ns());
            if status.state == uapi::ACCEL_JOB_DONE || left == 0 {
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

#[kunit_tests(accel_queue)]
mod tests {
    use super::*;
    use crate::job::{
        Fault,
        FaultKind, //
    };

    /// A deadline that has passed: only look.
    const NOW: u64 = 0;

    fn queue() -> Result<Arc<Queue>> {
        let queue = Queue::new()?;
        queue.prepare()?;
        Ok(queue)
    }

    #[test]
    fn a_job_has_a_status_from_the_start() -> Result {
        let queue = queue()?;
        assert!(queue.wait(1, NOW).is_err());
        let ticket = queue.arm(5)?;
        assert_eq!(ticket.number(), 1);
        let status = queue.wait(1, NOW)?;
        assert_eq!(status.state, uapi::ACCEL_JOB_QUEUED);
        assert_eq!(status.submit_ns, 5);
        ticket.started(3, 6);
        let status = queue.wait(1, NOW)?;
        assert_eq!(status.state, uapi::ACCEL_JOB_RUNNING);
        assert_eq!((status.engine, status.start_ns), (3, 6));
        ticket.end(7, Ok(()));
        let status = queue.wait(1, u64::MAX)?;
        assert_eq!(status.state, uapi::ACCEL_JOB_DONE);
        assert_eq!((status.error, status.end_ns), (0, 7));
        Ok(())
    }

    #[test]
    fn only_the_first_end_counts() -> Result {
        let queue = queue()?;
        let ticket = queue.arm(1)?;
        ticket.end(2, Err(Fault::new(FaultKind::Bus)));
        ticket.end(3, Ok(()));
        drop(ticket);
        let status = queue.wait(1, NOW)?;
        assert_eq!((status.fault, status.end_ns), (uapi::ACCEL_FAULT_BUS, 2));
        Ok(())
    }

    #[test]
    fn a_forgotten_job_is_canceled() -> Result {
        let queue = queue()?;
        drop(queue.arm(1)?);
        let status = queue.wait(1, u64::MAX)?;
        assert_eq!(status.fault, uapi::ACCEL_FAULT_CANCELED);
        assert_eq!(Error::from_errno(-(status.error as i32)), ECANCELED);
        Ok(())
    }

    #[test]
    fn the_depth_is_bounded() -> Result {
        let queue = queue()?;
        let mut tickets = KVec::new();
        for _ in 0..DEPTH {
            tickets.push(queue.arm(1)?, GFP_KERNEL)?;
        }
        assert!(queue.arm(1).is_err_and(|e| e == EDQUOT));
        tickets.pop();
        assert_eq!(queue.arm(1)?.number(), DEPTH as u64 + 1);
        Ok(())
    }
}
