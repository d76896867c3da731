// SPDX-License-Identifier: GPL-2.0

//! What to do when a job hangs or an engine breaks, and what becomes of the jobs that it hits.
//!
//! A ladder: stop the job, end its context, too, reset the engine, the device; then give the device
//! up. Each step disturbs more clients than the one before, so the lowest is taken that is enough
//! for what failed and that the device can do. A step that fails, or that was no help, is followed
//! by the next one. As in i915 and xe (engine reset, then the whole device), with the job and its
//! context before.
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
    /// Stop one job, and let its context have no more.
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
    /// A job hung.
    Job(Culprit),
    /// A job left its engine in a state from which only a reset helps.
    Engine(Culprit),
    /// The device: its firmware died, for example.
    Device,
}

impl Trouble {
    /// Returns the lowest step that is of use.
    fn lowest(self) -> Step {
        match self {
            Trouble::Job(_) => Step::Job,
            Trouble::Engine(_) => Step::Engine,
            Trouble::Device => Step::Device,
        }
    }

    fn culprit(self) -> Option<Culprit> {
        match self {
            Trouble::Job(culprit) | Trouble::Engine(culprit) => Some(culprit),
            Trouble::Device => None,
        }
    }
}

/// The steps that a device can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Able(u8);

impl Able {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        // A device can always be given up.
        let wedge = bit(Step::Wedge);
        Self(steps.into_iter().fold(wedge, |able, step| able | bit(step)))
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
            return self.next(Trouble::Device, now);
        };
        let failures = last.failures + 1;
        let step = match last.step {
            Step::Device if failures < DEVICE_ATTEMPTS => Step::Device,
            // To end its context does not stop a job that cannot be stopped.
            step => self.able.after(step.max(Step::Context)),
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
        match (trouble.culprit(), last.culprit) {
            (Some(now), Some(then)) if now == then => match self.able.from(Step::Context) {
                Step::Context => Step::Context,
                _ => trouble.lowest(),
            },
            // Another context, which has not done anything yet.
            (Some(now), Some(then)) if now.client == then.client => trouble.lowest(),
            _ => match self.able.from(self.able.after(last.step).max(Step::Engine)) {
                Step::Wedge => last.step,
                next => next,
            },
        }
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

/// What is known of a job that was in flight where a step was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Witness {
    /// It is the one that hung or faulted.
    pub(crate) is_culprit: bool,
    /// It can be run from the start again: its inputs are as they were, and outlived the step.
    pub(crate) is_repeatable: bool,
    /// How often it was run again.
    pub(crate) reruns: u32,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It ends with its own fault.
    Guilty,
    /// It is innocent and ends with ENODATA.
    Lost,
    /// It is innocent and is the first of its queue again.
    Rerun,
    /// It goes on.
    Untouched,
}

/// Returns what becomes of a job by a step. Those that were not started wait on; but if the device
/// is given up they are lost, too.
pub(crate) fn verdict(step: Step, job: Witness) -> Verdict {
    match step {
        _ if job.is_culprit => Verdict::Guilty,
        Step::Job | Step::Context => Verdict::Untouched,
        Step::Engine | Step::Device if job.is_repeatable && job.reruns < RERUNS => Verdict::Rerun,
        Step::Engine | Step::Device | Step::Wedge => Verdict::Lost,
    }
}
