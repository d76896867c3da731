// SPDX-License-Identifier: GPL-2.0

//! Events of a device, for those who watch it: what happened, and to whom.

use kernel::{
    fs::File,
    prelude::*,
    sync::{
        poll::{
            PollCondVar,
            PollTable, //
        },
        Arc,
        SpinLockIrq, //
    },
};
use kernel_ext::time::monotonic_ns;
use zerocopy::FromZeros;

use crate::{
    device::Device,
    driver::Driver,
    error_limits::{
        Excess,
        Sort, //
    },
    health::{
        Change,
        State, //
    },
    job::{
        Fault,
        FaultKind,
        Outcome, //
    },
    lock_class,
    logic::event_ring::{
        EventRing,
        Next, //
    },
    queue::Queue,
    telemetry::LinkState,
    uapi::{
        self,
        accel_event,
        accel_event_filter, //
    },
    viewer::Sight, //
};

const KEPT: usize = uapi::ACCEL_EVENTS_KEPT as usize;

/// All kinds that there are.
const ALL: u64 = (1 << (uapi::ACCEL_EVENT_LIMIT + 1)) - (1 << uapi::ACCEL_EVENT_HEALTH);

/// What a driver tells of its device ([`Device::tell`]).
#[derive(Clone, Copy)]
pub enum Event {
    /// The hardware found errors in itself.
    Error {
        /// Where: index in [`Telemetry::blocks`](crate::Telemetry).
        block: u64,
        /// Where in it, 0 if unknown.
        address: u64,
        /// How many.
        count: u64,
        /// They did no harm.
        corrected: bool,
    },
    /// From now on clocks are lowered for these reasons: bit N is number N of
    /// [`Telemetry::throttle`](crate::Telemetry). 0: they are not.
    Throttle(u64),
    /// The state of a link changed.
    Link(usize, LinkState),
    /// Something happened to firmware; 0: it works again.
    Firmware(u64),
}

/// A client, as events tell of it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Who {
    /// A number that no other client has.
    pub(crate) client: u64,
    /// As the host numbers users.
    pub(crate) user: u32,
}

/// Whose work an event is about.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) who: Who,
    /// A number that no other context has.
    pub(crate) context: u64,
    /// [`Queue::name`]; `ACCEL_EVENT_NONE`: a user queue.
    pub(crate) queue: u32,
}

/// Why there was a reset (`enum accel_reset_reason`).
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum ResetReason {
    /// A job hung, or left its engine in need of it.
    Job = uapi::ACCEL_RESET_JOB,
    /// The device was not well.
    Device = uapi::ACCEL_RESET_DEVICE,
    /// An administrator wants it.
    Administrator = uapi::ACCEL_RESET_ADMINISTRATOR,
    /// The device did not wake as it should.
    Wake = uapi::ACCEL_RESET_WAKE,
}

/// What is kept of an event.
#[derive(Clone, Copy)]
struct Entry {
    event: accel_event,
    /// Whom it is about.
    who: Option<Who>,
}

/// The events of a device.
#[pin_data]
pub(crate) struct Events {
    #[pin]
    ring: SpinLockIrq<EventRing<KVec<Entry>>>,
    #[pin]
    arrived: PollCondVar,
}

impl Events {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let mut slots = KVec::with_capacity(KEPT, GFP_KERNEL)?;
        for _ in 0..KEPT {
            let event = FromZeros::new_zeroed();
            slots.push(Entry { event, who: None }, GFP_KERNEL)?;
        }
        let (lock, arrived) = (lock_class::events(), lock_class::events_arrived());
        Arc::pin_init(
            pin_init!(Self {
                ring <- SpinLockIrq::new(EventRing::new(slots), lock.0, lock.1),
                arrived <- PollCondVar::new(arrived.0, arrived.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds an event. Any context.
    fn push(&self, kind: u32, severity: u32, about: About) {
        let event = accel_event {
            sequence: 0,
            time_ns: monotonic_ns(),
            kind,
            severity,
            // CAST: There are few engines.
            engine: about
                .engine
                .map_or(uapi::ACCEL_EVENT_NONE, |engine| engine as u32),
            queue: about.queue,
            client: about.who.map_or(0, |who| who.client),
            context: about.context,
            data: about.data,
        };
        let who = about.who;
        self.ring.lock().push(Entry { event, who });
        self.arrived.notify_all();
    }

    /// A driver has something to tell.
    fn tell(&self, event: Event) {
        use uapi::{ACCEL_SEVERITY_ERROR, ACCEL_SEVERITY_INFO, ACCEL_SEVERITY_WARNING};
        let (kind, severity, data) = match event {
            Event::Error {
                block,
                address,
                count,
                corrected,
            } => {
                let severity = match corrected {
                    true => ACCEL_SEVERITY_WARNING,
                    false => ACCEL_SEVERITY_ERROR,
                };
                (uapi::ACCEL_EVENT_ERROR, severity, [block, address, count])
            }
            Event::Throttle(reasons) => {
                let severity = match reasons {
                    0 => ACCEL_SEVERITY_INFO,
                    _ => ACCEL_SEVERITY_WARNING,
                };
                (uapi::ACCEL_EVENT_THROTTLE, severity, [reasons, 0, 0])
            }
            Event::Link(index, state) => {
                let severity = match state {
                    LinkState::Up => ACCEL_SEVERITY_INFO,
                    _ => ACCEL_SEVERITY_WARNING,
                };
                let data = [index as u64, state as u64, 0];
                (uapi::ACCEL_EVENT_LINK, severity, data)
            }
            Event::Firmware(error) => {
                let severity = match error {
                    0 => ACCEL_SEVERITY_INFO,
                    _ => ACCEL_SEVERITY_ERROR,
                };
                (uapi::ACCEL_EVENT_FIRMWARE, severity, [error, 0, 0])
            }
        };
        self.push(kind, severity, About::device(data));
    }

    /// A client came, or went.
    pub(crate) fn client(&self, who: Who, came: bool) {
        let about = About::client(who, [came.into(), 0, 0]);
        self.push(uapi::ACCEL_EVENT_CLIENT, uapi::ACCEL_SEVERITY_INFO, about);
    }

    /// Job number `job` of a queue is overdue.
    pub(crate) fn timeout(&self, work: Work, engine: usize, job: u64) {
        let about = About::work(work, engine, [job, 0, 0]);
        self.push(uapi::ACCEL_EVENT_TIMEOUT, uapi::ACCEL_SEVERITY_ERROR, about);
    }

    /// A job, or a user queue (0), failed, unless that is known from other events.
    #[cold]
    pub(crate) fn fault(&self, work: Work, engine: usize, job: u64, fault: Fault) {
        match fault.kind {
            FaultKind::Command
            | FaultKind::Bus
            | FaultKind::Device
            | FaultKind::NoMemory
            | FaultKind::Page => (),
            FaultKind::Timeout | FaultKind::Reset | FaultKind::Gone | FaultKind::Canceled => return,
        }
        let about = About::work(work, engine, [fault.kind as u64, fault.address, job]);
        self.push(uapi::ACCEL_EVENT_FAULT, uapi::ACCEL_SEVERITY_ERROR, about);
    }

    /// There is no room for `wanted` bytes of `who` in region number `region`, where `free` are free.
    pub(crate) fn memory(&self, who: Who, region: usize, wanted: u64, free: u64) {
        // In INFO, system memory comes first.
        let about = About::client(who, [region as u64 + 1, wanted, free]);
        self.push(
            uapi::ACCEL_EVENT_MEMORY,
            uapi::ACCEL_SEVERITY_WARNING,
            about,
        );
    }

    /// The device found more errors in itself than it may.
    pub(crate) fn limit(&self, excess: Excess) {
        let (severity, is_uncorrected) = match excess.sort {
            Sort::Corrected => (uapi::ACCEL_SEVERITY_WARNING, 0),
            Sort::Uncorrected => (uapi::ACCEL_SEVERITY_FATAL, 1),
        };
        let data = [is_uncorrected, excess.count.into(), excess.limit.into()];
        self.push(uapi::ACCEL_EVENT_LIMIT, severity, About::device(data));
    }

    /// A reset of an engine, or of all of the device, has ended.
    fn reset(&self, engine: Option<usize>, reason: ResetReason, result: Result, epoch: u32) {
        let (severity, error) = match result {
            Ok(()) => (uapi::ACCEL_SEVERITY_WARNING, 0),
            Err(e) => (uapi::ACCEL_SEVERITY_ERROR, e.to_errno().unsigned_abs()),
        };
        let about = About {
            engine,
            ..About::device([error.into(), epoch.into(), reason as u64])
        };
        self.push(uapi::ACCEL_EVENT_RESET, severity, about);
    }

    /// The health changed.
    pub(crate) fn health(&self, change: Change) {
        let severity = match change.now {
            State::Operational => uapi::ACCEL_SEVERITY_INFO,
            State::Resetting => uapi::ACCEL_SEVERITY_WARNING,
            State::Wedged | State::Isolated => uapi::ACCEL_SEVERITY_FATAL,
        };
        let about = About::device([change.now as u64, change.before as u64, 0]);
        self.push(uapi::ACCEL_EVENT_HEALTH, severity, about);
    }

    /// Wakes everybody because the device is gone.
    pub(crate) fn gone(&self) {
        // Whoever has not seen it sleeps by now.
        drop(self.ring.lock());
        self.arrived.notify_all();
    }

    /// Registers a poller.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) {
        table.register_wait(file, &self.arrived);
    }

    /// Waits until there is something for `reader`, or `is_over`. ERESTARTSYS: a signal.
    pub(crate) fn wait(&self, reader: &Reader, is_over: impl Fn() -> bool) -> Result {
        let mut ring = self.ring.lock();
        while reader.peek(&ring).is_none() && !is_over() {
            if self.arrived.wait_interruptible(&mut ring) {
                return Err(ERESTARTSYS);
            }
        }
        Ok(())
    }
}

/// What an event is about.
#[derive(Clone, Copy)]
struct About {
    engine: Option<usize>,
    who: Option<Who>,
    context: u64,
    queue: u32,
    data: [u64; 3],
}

impl About {
    fn device(data: [u64; 3]) -> Self {
        Self {
            engine: None,
            who: None,
            context: 0,
            queue: uapi::ACCEL_EVENT_NONE,
            data,
        }
    }

    fn client(who: Who, data: [u64; 3]) -> Self {
        Self {
            who: Some(who),
            ..Self::device(data)
        }
    }

    fn work(work: Work, engine: usize, data: [u64; 3]) -> Self {
        Self {
            engine: Some(engine),
            who: Some(work.who),
            context: work.context,
            queue: work.queue,
            data,
        }
    }
}

/// Who reads events, how far it has come, and what it wants.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    next: u64,
    kinds: u64,
    severity: u32,
    sight: Sight,
}

impl Reader {
    /// Somebody who sees `sight` begins to read.
    pub(crate) fn new(events: &Events, sight: Sight) -> Self {
        Self {
            next: events.ring.lock().oldest(),
            kinds: ALL,
            severity: 0,
            sight,
        }
    }

    /// Says what is read from now on. EOPNOTSUPP, EINVAL.
    pub(crate) fn filter(&mut self, filter: &accel_event_filter) -> Result {
        if filter.flags != 0 || filter.kinds & !ALL != 0 {
            return Err(EOPNOTSUPP);
        }
        if filter.severity > uapi::ACCEL_SEVERITY_FATAL {
            return Err(EINVAL);
        }
        (self.kinds, self.severity) = (filter.kinds, filter.severity);
        Ok(())
    }

    fn knows(&self, who: Who) -> bool {
        self.sight.has(who.user)
    }

    fn wants(&self, entry: &Entry) -> bool {
        let is_hidden = entry.event.kind == uapi::ACCEL_EVENT_CLIENT
            && entry.who.is_some_and(|who| !self.knows(who));
        !is_hidden
            && self.kinds >> entry.event.kind & 1 != 0
            && entry.event.severity >= self.severity
    }

    fn peek(&self, ring: &EventRing<KVec<Entry>>) -> Option<(Next<Entry>, u64)> {
        ring.after(self.next, |entry| self.wants(entry))
    }

    /// Whether there is something to read.
    pub(crate) fn has_some(&self, events: &Events) -> bool {
        self.peek(&events.ring.lock()).is_some()
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self, events: &Events) -> Option<accel_event> {
        let (next, behind) = self.peek(&events.ring.lock())?;
        self.next = behind;
        Some(match next {
            Next::Event(sequence, entry) => {
                let mut event = accel_event {
                    sequence,
                    ..entry.event
                };
                if entry.who.is_some_and(|who| !self.knows(who)) {
                    hide(&mut event);
                }
                event
            }
            Next::Dropped(first, count) => accel_event {
                sequence: first,
                time_ns: monotonic_ns(),
                kind: uapi::ACCEL_EVENT_DROPPED,
                severity: uapi::ACCEL_SEVERITY_WARNING,
                engine: uapi::ACCEL_EVENT_NONE,
                queue: uapi::ACCEL_EVENT_NONE,
                data: [count, 0, 0],
                ..FromZeros::new_zeroed()
            },
        })
    }
}

/// Takes out what not everybody may know: whom it is about, and what only that client does.
fn hide(event: &mut accel_event) {
    (event.client, event.context, event.queue) = (0, 0, uapi::ACCEL_EVENT_NONE);
    event.data = match event.kind {
        uapi::ACCEL_EVENT_MEMORY => [event.data[0], 0, event.data[2]],
        _ => [0; 3],
    };
}

impl<T: Driver> Queue<T> {
    /// A job hangs on an engine. Any context.
    pub(crate) fn tell_of_timeout(&self, engine: usize, job: u64) {
        self.device().events.timeout(self.work(), engine, job);
        self.trace_timeout(job);
    }

    /// A job is about to end: who sees that it has ended finds the event. Any context.
    #[inline(always)]
    pub(crate) fn tell_of_end(&self, job: u64, now: u64, outcome: Outcome) {
        if let Err(fault) = outcome {
            self.tell_of_fault(job, fault);
        }
        self.trace_done(job, now, outcome);
    }

    #[cold]
    fn tell_of_fault(&self, job: u64, fault: Fault) {
        // CAST: An index of few.
        let engine = self.statuses().get(job).engine as usize;
        self.device().events.fault(self.work(), engine, job, fault);
        self.share().alarm.ring();
    }

    fn work(&self) -> Work {
        Work {
            who: self.share().who(),
            context: self.life().id.get(),
            queue: self.name(),
        }
    }
}

impl<T: Driver> Device<T> {
    /// Tells those who watch the device what happened to it. Any context.
    pub fn tell(&self, event: Event) {
        if let Event::Throttle(reasons) = event {
            self.throttle.set(reasons);
        }
        self.events.tell(event);
        self.check_limits(event);
    }

    /// Tells of a reset of an engine that was none of the core's steps: because of a command of a user
    /// queue, or of the driver's own. Any context.
    pub fn engine_was_reset(&self, engine: usize, result: Result) {
        self.health.count_reset(false);
        self.tell_of_reset(Some(engine), ResetReason::Job, result);
    }

    /// Changes the health, and tells of it.
    pub(crate) fn set_health(&self, state: State) {
        if let Some(change) = self.health.set(state) {
            self.events.health(change);
        }
    }

    /// Tells of a reset that has ended, and was counted: of `engine`, or of all of the device.
    pub(crate) fn tell_of_reset(&self, engine: Option<usize>, reason: ResetReason, result: Result) {
        let epoch = self.health.get().epoch;
        self.events.reset(engine, reason, result, epoch);
        self.trace_reset(engine, result);
    }
}
