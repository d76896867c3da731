// SPDX-License-Identifier: GPL-2.0

//! Waiting for points of timelines: ACCEL_IOCTL_TIMELINE_WAIT and ACCEL_IOCTL_TIMELINE_EVENTFD.

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
use kernel_ext::{
    eventfd::EventFd,
    time::{
        jiffies_from_ns,
        monotonic_ns, //
    }, //
};

use crate::{
    driver::Driver,
    file::File,
    timeline::Timeline,
    timeline_ioctl::{
        find,
        read_points, //
    },
    uapi::{
        accel_point,
        accel_timeline_eventfd,
        accel_timeline_wait,
        ACCEL_TIMELINE_ALL,
        ACCEL_TIMELINE_BACKED, //
    },
    watchers::{
        Notify,
        Until, //
    },
};

/// What became of the points of a wait so far.
#[derive(Clone, Copy)]
struct Outcome {
    /// How many must be reached.
    needed: usize,
    /// How many may be reached still, or are.
    possible: usize,
    reached: usize,
    first: usize,
    error: Error,
}

impl Outcome {
    fn new(points: usize, all: bool) -> Self {
        Self {
            needed: if all { points } else { 1 },
            possible: points,
            reached: 0,
            first: 0,
            error: ENOENT,
        }
    }

    fn note(&mut self, index: usize, result: Result) {
        match result {
            Ok(()) => {
                if self.reached == 0 {
                    self.first = index;
                }
                self.reached += 1;
            }
            Err(error) => {
                self.possible -= 1;
                self.error = error;
            }
        }
    }

    /// Returns how the wait ends, if it does: with the index of the first point that was reached.
    fn verdict(&self) -> Option<Result<usize>> {
        if self.reached >= self.needed {
            return Some(Ok(self.first));
        }
        (self.possible < self.needed).then_some(Err(self.error))
    }
}

/// A thread that waits.
#[pin_data]
struct Waiter {
    #[pin]
    outcome: SpinLockIrq<Outcome>,
    #[pin]
    changed: CondVar,
}

impl Notify for Waiter {
    fn notify(&self, index: usize, result: Result) {
        let mut outcome = self.outcome.lock();
        outcome.note(index, result);
        let is_over = outcome.verdict().is_some();
        drop(outcome);
        if is_over {
            self.changed.notify_all();
        }
    }
}

impl Waiter {
    fn new(outcome: Outcome) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                outcome <- new_spinlock_irq!(outcome, "timeline_waiter"),
                changed <- new_condvar!("timeline_wait"),
            }),
            GFP_KERNEL,
        )
    }

    /// Sleeps until it is certain how the wait ends.
    fn sleep(&self, deadline: u64) -> Result<usize> {
        let mut outcome = self.outcome.lock();
        loop {
            if let Some(result) = outcome.verdict() {
                return result;
            }
            let left = deadline.saturating_sub(monotonic_ns());
            if left == 0 {
                return Err(ETIMEDOUT);
            }
            let left = jiffies_from_ns(left);
            let woken = self.changed.wait_interruptible_timeout(&mut outcome, left);
            if let CondVarTimeoutResult::Signal { .. } = woken {
                return Err(ERESTARTSYS);
            }
        }
    }
}

fn until(flags: u32) -> Until {
    match flags & ACCEL_TIMELINE_BACKED {
        0 => Until::Done,
        _ => Until::Backed,
    }
}

/// ACCEL_IOCTL_TIMELINE_WAIT, outside the liveness guard: when the device goes, we are told.
pub(crate) fn wait<T: Driver>(file: &File<T>, args: &mut accel_timeline_wait) -> Result {
    if args.flags & !(ACCEL_TIMELINE_ALL | ACCEL_TIMELINE_BACKED) != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let deadline = u64::try_from(args.deadline_ns).map_err(|_| EINVAL)?;
    let points = read_points(args.points, args.nr_points)?;
    let mut timelines = KVVec::with_capacity(points.len(), GFP_KERNEL)?;
    for point in &points {
        timelines.push(find(&file.timelines, point)?, GFP_KERNEL)?;
    }
    let outcome = Outcome::new(points.len(), args.flags & ACCEL_TIMELINE_ALL != 0);
    let first = wait_for(&points, &timelines, until(args.flags), outcome, deadline)?;
    args.first = u32::try_from(first)?;
    Ok(())
}

fn wait_for(
    points: &[accel_point],
    timelines: &[Arc<Timeline>],
    until: Until,
    outcome: Outcome,
    deadline: u64,
) -> Result<usize> {
    let pairs = || points.iter().zip(timelines).enumerate();
    let mut look = outcome;
    for (index, (point, timeline)) in pairs() {
        if let Some(result) = timeline.verdict(point.value, until) {
            look.note(index, result);
        }
    }
    if let Some(result) = look.verdict() {
        return result;
    }
    if deadline <= monotonic_ns() {
        return Err(ETIMEDOUT);
    }
    let waiter = Waiter::new(outcome)?;
    let mut watches = KVVec::with_capacity(points.len(), GFP_KERNEL)?;
    for (index, (point, timeline)) in pairs() {
        let watch = timeline.watch(point.value, until, waiter.clone(), index)?;
        watches.push(watch, GFP_KERNEL)?;
    }
    waiter.sleep(deadline)
}

impl Notify for EventFd {
    fn notify(&self, _index: usize, _result: Result) {
        self.signal();
    }
}

/// ACCEL_IOCTL_TIMELINE_EVENTFD
pub(crate) fn eventfd<T: Driver>(file: &File<T>, args: &mut accel_timeline_eventfd) -> Result {
    if args.flags & !ACCEL_TIMELINE_BACKED != 0 {
        return Err(EOPNOTSUPP);
    }
    let timeline = find(&file.timelines, &args.point)?;
    let eventfd = Arc::new(EventFd::from_fd(args.fd)?, GFP_KERNEL_ACCOUNT)?;
    timeline.leave_watcher(args.point.value, until(args.flags), eventfd)
}
