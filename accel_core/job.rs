// SPDX-License-Identifier: GPL-2.0

//! Jobs: what a client submitted and an engine runs.
//!
//! A job is made (everything that can fail happens first), armed (it has a number and a status, so
//! it must end: [`Ticket`]), queued, started and ended, exactly once.

use kernel::{
    list::{
        impl_list_arc_safe,
        impl_list_item,
        ListLinks, //
    },
    prelude::*,
    sync::Arc, //
};

use crate::{
    driver::Driver,
    queue::Queue,
    uapi::{
        self,
        accel_job_status, //
    },
    Buffer,
};

/// How a job uses a buffer: a mask of `ACCEL_BUFFER_READ` and `ACCEL_BUFFER_WRITE`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Access(u32);

impl Access {
    const ALL: u32 = uapi::ACCEL_BUFFER_READ | uapi::ACCEL_BUFFER_WRITE;

    pub(crate) fn parse(flags: u32) -> Result<Self> {
        match flags {
            f if f & !Self::ALL != 0 => Err(EOPNOTSUPP),
            0 => Err(EINVAL),
            f => Ok(Self(f)),
        }
    }

    /// Returns whether the job may read.
    pub fn can_read(self) -> bool {
        self.0 & uapi::ACCEL_BUFFER_READ != 0
    }

    /// Returns whether the job may write.
    pub fn can_write(self) -> bool {
        self.0 & uapi::ACCEL_BUFFER_WRITE != 0
    }
}

/// A buffer that a job names.
#[derive(Clone)]
pub struct JobBuffer {
    /// The buffer.
    pub buffer: Arc<Buffer>,
    /// How the job uses it.
    pub access: Access,
}

/// Why a driver refuses a payload.
pub struct Refusal {
    /// The errno, usually EINVAL.
    pub error: Error,
    /// The driver's reason, 0 if it gives none (`accel_submit.refused_reason`).
    pub reason: u32,
    /// Where, in units of the driver (`accel_submit.refused_at`).
    pub at: u32,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            error,
            reason: 0,
            at: 0,
        }
    }
}

/// Why a job failed (`enum accel_fault`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultKind {
    /// It did not end in time.
    Timeout = uapi::ACCEL_FAULT_TIMEOUT,
    /// The device did not understand a command.
    Command = uapi::ACCEL_FAULT_COMMAND,
    /// An access to memory failed.
    Bus = uapi::ACCEL_FAULT_BUS,
    /// The device failed otherwise.
    Device = uapi::ACCEL_FAULT_DEVICE,
    /// It was lost to a reset that it did not cause.
    Reset = uapi::ACCEL_FAULT_RESET,
    /// The device went away.
    Gone = uapi::ACCEL_FAULT_GONE,
    /// Its context was killed.
    Canceled = uapi::ACCEL_FAULT_CANCELED,
}

impl FaultKind {
    /// Returns the errno of a job that failed so.
    fn error(self) -> Error {
        match self {
            FaultKind::Timeout => ETIME,
            FaultKind::Command | FaultKind::Bus | FaultKind::Device => EIO,
            FaultKind::Reset => ENODATA,
            FaultKind::Gone => ENODEV,
            FaultKind::Canceled => ECANCELED,
        }
    }
}

/// How a job failed.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Why.
    pub kind: FaultKind,
    /// Where, 0 if unknown.
    pub address: u64,
}

impl Fault {
    /// A fault at no known address.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, address: 0 }
    }
}

/// How a job ended.
pub type Outcome = Result<(), Fault>;

/// The duty to end a job that has a number. Whoever drops it undone cancels the job.
pub(crate) struct Ticket {
    queue: Arc<Queue>,
    number: u64,
}

impl Ticket {
    pub(crate) fn new(queue: Arc<Queue>, number: u64) -> Self {
        Self { queue, number }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn is_of(&self, queue: &Arc<Queue>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// The job was put on an engine.
    pub(crate) fn started(&self, engine: usize, now: u64) {
        self.queue.update(self.number, |status| {
            status.state = uapi::ACCEL_JOB_RUNNING;
            status.engine = engine as u32;
            status.start_ns = now;
        });
    }

    /// The job ended; only the first call counts.
    pub(crate) fn end(&self, now: u64, outcome: Outcome) {
        self.queue
            .end(self.number, |status: &mut accel_job_status| {
                status.state = uapi::ACCEL_JOB_DONE;
                status.end_ns = now;
                if let Err(fault) = outcome {
                    status.error = fault.kind.error().to_errno().unsigned_abs();
                    status.fault = fault.kind as u32;
                    status.fault_address = fault.address;
                }
            });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let canceled = Fault::new(FaultKind::Canceled);
        self.end(kernel_ext::time::monotonic_ns(), Err(canceled));
    }
}

/// An armed job.
#[pin_data]
pub(crate) struct Job<T: Driver> {
    #[pin]
    links: ListLinks,
    pub(crate) ticket: Ticket,
    pub(crate) payload: T::Job,
    buffers: KVVec<JobBuffer>,
}

impl_list_arc_safe! {
    impl{T: Driver} ListArcSafe<0> for Job<T> { untracked; }
}

impl_list_item! {
    impl{T: Driver} ListItem<0> for Job<T> { using ListLinks { self.links }; }
}

impl<T: Driver> Job<T> {
    pub(crate) fn new(
        ticket: Ticket,
        payload: T::Job,
        buffers: KVVec<JobBuffer>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            links <- ListLinks::new(),
            ticket,
            payload,
            buffers,
        })
    }

    /// Makes what the CPU wrote to the buffers visible to the device.
    pub(crate) fn sync_for_device(&self) {
        for mapping in self.buffers.iter().filter_map(|b| b.buffer.mapping()) {
            mapping.sync_for_device();
        }
    }

    /// Makes what the device wrote to the buffers visible to the CPU.
    pub(crate) fn sync_for_cpu(&self) {
        let written = self.buffers.iter().filter(|b| b.access.can_write());
        for mapping in written.filter_map(|b| b.buffer.mapping()) {
            mapping.sync_for_cpu();
        }
    }
}
