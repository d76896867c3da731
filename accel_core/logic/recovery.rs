// SPDX-License-Identifier: GPL-2.0

//! What to do when a job hangs or an engine breaks, and what becomes of the jobs that it hits.
//!
//! A ladder: stop the job, its context, the engine, the device; then give the device up. Each step
//! disturbs more clients than the one before, so the lowest is taken that is enough for what failed
//! and that the device can do. A step that fails, or that was no help, is followed by the next one.
//! As in i915 and xe (engine reset, then the whole device), with the job and its context before.
//!
//! A step was no help if, before [`WINDOW_NS`] are over and without a job that ended well in between
//! ([`Ladder::works`]), another client is in trouble. If it is the same context again, that is what
//! is wrong, and nobody else is to suffer. So a client alone cannot come higher than to the end of
//! its contexts, if the device has that step, and nobody can wedge it: only a reset that fails does.

/// For how long after a step other trouble says that it was no help.
pub(crate) const WINDOW_NS: u64 = 5_000_000_000;

/// How often the device is reset until it is given up, if it fails.
pub(crate) const DEVICE_ATTEMPTS: u32 = 3;

/// How often an innocent job is run again: one that is always there may not be so innocent.
pub(crate) const RERUNS: u32 = 2;

/// A step of recovery. The higher it is, the more of those who are innocent it can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Stop one job.
    Job,
    /// Stop all jobs of a context and let it have no more.
    Context,
    /// Reset an engine.
    Engine,
    /// Reset the device.
    Device,
    /// Give it up until an administrator resets it.
    Wedge,
}

/// From the lowest to the highest.
const STEPS: [Step; 5] = [
    Step::Job,
    Step::Context,
    Step::Engine,
    Step::Device,
    Step::Wedge,
];

/// Whose job it was; by names of the caller that are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Culprit {
    pub(crate) client: u64,
    pub(crate) context: u64,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A job hung or faulted: the one that the device says, or the oldest one on the engine.
    Job(Culprit),
    /// An engine, whatever it runs.
    Engine,
    /// The device: its firmware died, for example.
    Device,
}

impl Trouble {
    /// Returns the lowest step that is of use.
    fn lowest(self) -> Step {
        match self {
            Trouble::Job(_) => Step::Job,
            Trouble::Engine => Step::Engine,
            Trouble::Device => Step::Device,
        }
    }

    fn culprit(self) -> Option<Culprit> {
        match self {
            Trouble::Job(culprit) => Some(culprit),
            _ => None,
        }
    }
}

/// The steps that a device can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Able(u8);

impl Able {
    pub(crate) fn new(steps: &[Step]) -> Self {
        // A device can always be given up.
        let wedge = bit(Step::Wedge);
        Self(steps.iter().fold(wedge, |able, step| able | bit(*step)))
    }

    /// Returns the lowest step from `step` on that it can do.
    fn from(self, step: Step) -> Step {
        let able = |other: &Step| *other >= step && self.0 & bit(*other) != 0;
        STEPS.into_iter().find(able).unwrap_or(Step::Wedge)
    }

    /// As `from`, after `step`.
    fn after(self, step: Step) -> Step {
        let next = STEPS.into_iter().find(|other| *other > step);
        self.from(next.unwrap_or(Step::Wedge))
    }
}

fn bit(step: Step) -> u8 {
    1 << step as u8
}

/// A step that was taken.
#[derive(Clone, Copy)]
struct Attempt {
    step: Step,
    at: u64,
    culprit: Option<Culprit>,
    failures: u32,
}

/// What was tried for one engine.
pub(crate) struct Ladder {
    able: Able,
    last: Option<Attempt>,
}

impl Ladder {
    pub(crate) fn new(able: Able) -> Self {
        Self { able, last: None }
    }

    /// Returns the step to take because of `trouble`.
    pub(crate) fn next(&mut self, trouble: Trouble, now: u64) -> Step {
        let lowest = self.able.from(trouble.lowest());
        let step = self
            .recent(now)
            .map_or(lowest, |last| self.again(last, trouble).max(lowest));
        self.note(step, trouble.culprit(), now, 0);
        step
    }

    /// The last step could not be done, or not in time. Returns the next one.
    pub(crate) fn failed(&mut self, now: u64) -> Step {
        let Some(last) = self.last else {
            return self.next(Trouble::Engine, now);
        };
        let failures = last.failures + 1;
        let step = match last.step {
            Step::Device if failures < DEVICE_ATTEMPTS => Step::Device,
            step => self.able.after(step),
        };
        let failures = if step == last.step { failures } else { 0 };
        self.note(step, last.culprit, now, failures);
        step
    }

    /// A job on the engine has ended well, or the device was reset for another one: what was tried
    /// has helped.
    pub(crate) fn works(&mut self) {
        self.last = None;
    }

    /// Returns the step after `last`, which was done, but did not end the trouble.
    fn again(&self, last: Attempt, trouble: Trouble) -> Step {
        let after = self.able.after(last.step);
        let (next, highest) = match (trouble.culprit(), last.culprit) {
            (Some(now), Some(then)) if now == then => (after, Step::Context),
            // Another context, which has not done anything yet.
            (Some(now), Some(then)) if now.client == then.client => return trouble.lowest(),
            _ => (self.able.from(after.max(Step::Engine)), Step::Device),
        };
        if next <= highest { next } else { last.step }
    }

    fn recent(&self, now: u64) -> Option<Attempt> {
        self.last
            .filter(|last| now.saturating_sub(last.at) < WINDOW_NS)
    }

    fn note(&mut self, step: Step, culprit: Option<Culprit>, at: u64, failures: u32) {
        self.last = Some(Attempt {
            step,
            at,
            culprit,
            failures,
        });
    }
}

/// What is known of a job that has not ended when a step was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Witness {
    /// It is the one that hung or faulted.
    pub(crate) is_culprit: bool,
    /// It is of the same context as that one.
    pub(crate) is_of_context: bool,
    /// It is of the engine in trouble.
    pub(crate) is_of_engine: bool,
    /// It was started.
    pub(crate) is_in_flight: bool,
    /// It can be run from the start again: its inputs are as they were, and outlived the step.
    pub(crate) is_restartable: bool,
    /// How often it was run again.
    pub(crate) reruns: u32,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It ends with its own fault.
    Guilty,
    /// It ends with ECANCELED, as its context does.
    Canceled,
    /// It is innocent and ends with ENODATA.
    Lost,
    /// It is innocent and is the first of its queue again.
    Rerun,
    /// It goes on.
    Untouched,
}

/// Returns what becomes of a job by a step.
pub(crate) fn verdict(step: Step, job: Witness) -> Verdict {
    let is_hit = match step {
        Step::Job | Step::Context => false,
        Step::Engine => job.is_in_flight && job.is_of_engine,
        Step::Device => job.is_in_flight,
        Step::Wedge => true,
    };
    let can_rerun = job.is_restartable && job.reruns < RERUNS && step != Step::Wedge;
    match job {
        Witness { is_culprit, .. } if is_culprit => Verdict::Guilty,
        Witness { is_of_context, .. } if is_of_context && step == Step::Context => {
            Verdict::Canceled
        }
        _ if !is_hit => Verdict::Untouched,
        _ if can_rerun => Verdict::Rerun,
        _ => Verdict::Lost,
    }
}
