// SPDX-License-Identifier: GPL-2.0

//! What a driver tells of a user queue: how far it has come, and that it failed.
//!
//! A client polls memory to see how far its queue is. Who would rather sleep gives the queue a
//! timeline, which comes to as many points as packets have ended. Such points are never backed by a
//! fence: how long a client takes to bring them about, nobody knows.

use kernel::{
    prelude::*,
    sync::{
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    },
};

use crate::{
    alarm::Alarm,
    conduct::Conduct,
    events::{
        Events,
        Work, //
    },
    job::{
        Fault,
        FaultKind, //
    },
    per_engine::PerEngine,
    timeline::Driven, //
};

/// Where the failure of a user queue is told of, too.
pub(crate) struct Witness {
    pub(crate) events: Arc<Events>,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) conduct: Arc<Conduct>,
    pub(crate) failures: Arc<PerEngine>,
    pub(crate) work: Work,
    pub(crate) engine: usize,
}

/// Events of a user queue.
#[pin_data]
pub struct QueueEvents {
    timeline: Option<Driven>,
    witness: Witness,
    #[pin]
    fault: SpinLockIrq<Option<Fault>>,
}

impl QueueEvents {
    pub(crate) fn new(timeline: Option<Driven>, witness: Witness) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                timeline,
                witness,
                fault <- new_spinlock_irq!(None, "accel_queue_events"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// The first `count` packets have ended. What was said before counts if it was more. Any context.
    pub fn completed(&self, count: u64) {
        if let Some(timeline) = &self.timeline {
            timeline.advance(count);
        }
    }

    /// The queue has stopped for good, as a command of it did not end, and was given up: that counts
    /// against its client. Any context.
    pub fn hung(&self) {
        let fault = Fault::new(FaultKind::Timeout);
        if self.keep(fault) {
            self.witness.conduct.note_hang();
            self.tell(fault);
        }
    }

    /// The queue has stopped for good; the first reason that is given counts. Any context.
    pub fn failed(&self, fault: Fault) {
        if self.keep(fault) {
            self.tell(fault);
        }
    }

    /// Tells everybody of the first reason.
    fn tell(&self, fault: Fault) {
        let Witness {
            events,
            alarm,
            failures,
            work,
            engine,
            ..
        } = &self.witness;
        if fault.kind != FaultKind::Canceled {
            failures.add(*engine, 1);
        }
        events.fault(*work, *engine, 0, fault);
        alarm.ring();
        if let Some(timeline) = &self.timeline {
            timeline.end(fault.kind.error());
        }
    }

    /// Keeps the first reason; returns whether it is that.
    fn keep(&self, fault: Fault) -> bool {
        let mut first = self.fault.lock();
        let is_first = first.is_none();
        first.get_or_insert(fault);
        is_first
    }

    /// Returns why the queue has stopped, if it has.
    pub(crate) fn fault(&self) -> Option<Fault> {
        *self.fault.lock()
    }
}
