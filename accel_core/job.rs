// SPDX-License-Identifier: GPL-2.0

//! Jobs: what a client submitted and an engine runs.
//!
//! A job is, in turn and each once, what its type says: created (it has a number and a status, so it
//! must end: [`Created`]), armed (its fence is where others may wait for it: [`Armed`]), submitted (it
//! has all that it runs with, and its queue and the engines hand it on: [`Job`], while it is on an engine
//! [`Running`](crate::engine::Running)), done ([`Done`](crate::done::Done)). Everything that can fail
//! happens before it is armed, and for most jobs before it is created: only one that waits for a point
//! that nothing backs yet is armed later.

use core::mem::{
    take,
    MaybeUninit, //
};
use kernel::{
    list::{
        impl_list_arc_safe,
        impl_list_item,
        ListArc,
        ListLinks, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        UniqueArc, //
    }, //
};
use kernel_ext::{
    dma_fence::Fence,
    dma_fence_context::{
        ArmedFence,
        UnarmedFence, //
    },
    dma_resv::Usage,
    dma_resv_many::Reserved,
    time::monotonic_ns, //
};

use crate::{
    buffer::Kept,
    driver::Driver,
    prepared::Prepared,
    queue::Queue,
    settling::Settling,
    statuses::Statuses,
    uapi,
    Buffer, //
};

/// How a job uses a buffer: a mask of `ACCEL_BUFFER_*`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Access(u32);

impl Access {
    const USES: u32 = uapi::ACCEL_BUFFER_READ | uapi::ACCEL_BUFFER_WRITE;

    #[inline]
    pub(crate) fn parse(flags: u32) -> Result<Self> {
        match flags {
            f if f & !(Self::USES | uapi::ACCEL_BUFFER_NO_SYNC) != 0 => Err(EOPNOTSUPP),
            f if f & Self::USES == 0 => Err(EINVAL),
            f => Ok(Self(f)),
        }
    }

    /// Returns what others are to know of it, if the buffer is shared.
    #[inline]
    pub(crate) fn usage(self) -> Usage {
        if self.0 & uapi::ACCEL_BUFFER_NO_SYNC != 0 {
            Usage::Bookkeep
        } else if self.can_write() {
            Usage::Write
        } else {
            Usage::Read
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
    /// Its context was killed, or what it waited for cannot come.
    Canceled = uapi::ACCEL_FAULT_CANCELED,
    /// There was no memory to go on with it.
    NoMemory = uapi::ACCEL_FAULT_NO_MEMORY,
    /// An address of its address space leads nowhere, or it may not do that there.
    Page = uapi::ACCEL_FAULT_PAGE,
}

impl FaultKind {
    /// Returns the errno of a job that failed so.
    pub(crate) fn error(self) -> Error {
        match self {
            FaultKind::Timeout => ETIME,
            FaultKind::Command | FaultKind::Bus | FaultKind::Device | FaultKind::Page => EIO,
            FaultKind::Reset => ENODATA,
            FaultKind::Gone => ENODEV,
            FaultKind::Canceled => ECANCELED,
            FaultKind::NoMemory => ENOMEM,
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
struct Number {
    statuses: Arc<Statuses>,
    number: u64,
}

impl Drop for Number {
    fn drop(&mut self) {
        let canceled = Err(Fault::new(FaultKind::Canceled));
        if self
            .statuses
            .end(self.number, None, monotonic_ns(), canceled)
        {
            self.statuses.tell();
        }
    }
}

/// A job that has a number and a status, but no fence that anybody could wait for yet. Whoever drops
/// it cancels the job.
pub(crate) struct Created {
    number: Number,
    fence: UnarmedFence,
}

impl Created {
    pub(crate) fn new(statuses: Arc<Statuses>, number: u64, fence: UnarmedFence) -> Self {
        Self {
            number: Number { statuses, number },
            fence,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number.number
    }

    /// Arms the job and publishes its fence, which cannot fail: the one place where that happens.
    /// The job must be queued next, before any later one of its queue is armed.
    ///
    /// Only for a job whose dependencies are fences: all of what is published must end.
    pub(crate) fn arm(self, reserved: Reserved<'_, '_>) -> Armed {
        let fence = self.number.statuses.fences().arm(self.fence);
        reserved.publish(&fence);
        Armed {
            fence,
            number: self.number,
        }
    }
}

/// A job that others may wait for: nothing but its work is between it and its end. Whoever drops it
/// undone cancels it.
pub(crate) struct Armed {
    fence: ArmedFence,
    number: Number,
}

impl Armed {
    pub(crate) fn number(&self) -> u64 {
        self.number.number
    }

    pub(crate) fn fence(&self) -> &Fence {
        self.fence.fence()
    }

    /// The job was put on an engine.
    pub(crate) fn started(&self, engine: usize, now: u64) {
        let Number { statuses, number } = &self.number;
        statuses.update(*number, |status| {
            status.state = uapi::ACCEL_JOB_RUNNING;
            status.engine = engine as u32;
            status.start_ns = now;
        });
    }

    /// The job was taken off its engine, to be put on one again.
    pub(crate) fn starts_again(&self) {
        let Number { statuses, number } = &self.number;
        statuses.update(*number, |status| {
            status.state = uapi::ACCEL_JOB_QUEUED;
            status.engine = 0;
            status.start_ns = 0;
        });
    }

    /// The job ended; only the first call counts.
    pub(crate) fn end(&self, now: u64, outcome: Outcome) {
        let Number { statuses, number } = &self.number;
        statuses.end(*number, Some(&self.fence), now, outcome);
    }

    /// Tells everybody that the job has ended. Any context, but without locks.
    pub(crate) fn tell(&self) {
        self.number.statuses.tell();
    }
}

/// What is another one each time that a job is submitted.
pub(crate) struct Run<T: Driver> {
    pub(crate) queue: Arc<Queue<T>>,
    pub(crate) armed: Armed,
    pub(crate) kept: KVVec<Kept>,
    pub(crate) dependencies: KVVec<ARef<Fence>>,
    pub(crate) fault: Option<Fault>,
    pub(crate) is_repeatable: bool,
    pub(crate) home: Option<Arc<Prepared<T>>>,
}

/// What stays the same: with a [`Run`] it is a job.
pub(crate) enum Body<T: Driver> {
    /// No job was made of it.
    New {
        place: UniqueArc<MaybeUninit<Job<T>>>,
        payload: T::Job,
        buffers: KVVec<JobBuffer>,
    },
    /// The job has ended, and nobody else has it.
    Used(Pin<UniqueArc<Job<T>>>),
}

impl<T: Driver> Body<T> {
    /// ENOMEM.
    pub(crate) fn new(payload: T::Job, buffers: KVVec<JobBuffer>) -> Result<Self> {
        Ok(Self::New {
            place: UniqueArc::new_uninit(GFP_KERNEL_ACCOUNT)?,
            payload,
            buffers,
        })
    }

    /// Returns what the driver has made, and the buffers.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut T::Job, &mut KVVec<JobBuffer>) {
        match self {
            Self::New {
                payload, buffers, ..
            } => (payload, buffers),
            Self::Used(job) => {
                let job = job.as_mut().project();
                (job.payload, job.buffers)
            }
        }
    }

    /// Returns `fences`, in the list that the last job has left, if that is larger. ENOMEM.
    #[inline]
    pub(crate) fn take_room(&mut self, fences: KVVec<ARef<Fence>>) -> Result<KVVec<ARef<Fence>>> {
        let Self::Used(job) = self else {
            return Ok(fences);
        };
        let mut list = take(job.as_mut().project().dependencies);
        for fence in fences {
            list.push(fence, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(list)
    }

    /// Makes the job. Does not fail.
    #[inline]
    pub(crate) fn into_job(self, run: Run<T>) -> ListArc<Job<T>> {
        match self {
            Self::New {
                place,
                payload,
                buffers,
            } => {
                let Ok(job) = place.pin_init_with(Job::new(run, payload, buffers));
                ListArc::from(job)
            }
            Self::Used(mut job) => {
                job.as_mut().renew(run);
                ListArc::from(job)
            }
        }
    }
}

/// A job that was submitted, on its way through an engine.
#[pin_data]
pub(crate) struct Job<T: Driver> {
    #[pin]
    links: ListLinks,
    pub(crate) armed: Armed,
    pub(crate) payload: T::Job,
    buffers: KVVec<JobBuffer>,
    kept: KVVec<Kept>,
    /// Fences that must be signalled before it starts.
    pub(crate) dependencies: KVVec<ARef<Fence>>,
    /// How it ends when its turn comes, if it must not start.
    pub(crate) fault: Option<Fault>,
    /// It can be started again if it is lost to a reset.
    pub(crate) is_repeatable: bool,
    /// How often it was.
    reruns: Atomic<u32>,
    /// Where what it is made of is used again, if it is.
    home: Option<Arc<Prepared<T>>>,
    pub(crate) queue: Settling<T>,
}

impl_list_arc_safe! {
    impl{T: Driver} ListArcSafe<0> for Job<T> { untracked; }
}

impl_list_item! {
    impl{T: Driver} ListItem<0> for Job<T> { using ListLinks { self.links }; }
}

impl<T: Driver> Job<T> {
    fn new(run: Run<T>, payload: T::Job, buffers: KVVec<JobBuffer>) -> impl PinInit<Self> {
        pin_init!(Self {
            links <- ListLinks::new(),
            armed: run.armed,
            payload,
            buffers,
            kept: run.kept,
            dependencies: run.dependencies,
            fault: run.fault,
            is_repeatable: run.is_repeatable,
            reruns: Atomic::new(0),
            home: run.home,
            queue: Settling::new(run.queue),
        })
    }

    /// Makes another job of one that has ended.
    fn renew(self: Pin<&mut Self>, run: Run<T>) {
        let this = self.project();
        *this.queue = Settling::new(run.queue);
        *this.armed = run.armed;
        *this.kept = run.kept;
        *this.dependencies = run.dependencies;
        *this.fault = run.fault;
        *this.is_repeatable = run.is_repeatable;
        *this.reruns = Atomic::new(0);
        *this.home = run.home;
    }

    /// Drops a job that has ended and everybody was told of, or gives what it is made of back to where
    /// it is used again. Returns it if somebody still looks at it. May sleep.
    pub(crate) fn retire(job: ListArc<Self>) -> Option<ListArc<Self>> {
        match job.home.is_some() {
            true => Self::give_back(job),
            false => None,
        }
    }

    #[cold]
    fn give_back(job: ListArc<Self>) -> Option<ListArc<Self>> {
        if job.queue.is_looked_at() {
            return Some(job);
        }
        if let Some(mut job) = Arc::into_unique_or_drop(job.into_arc()) {
            let this = job.as_mut().project();
            this.kept.clear();
            this.dependencies.clear();
            this.queue.end();
            if let Some(home) = this.home.take() {
                home.take_back(Body::Used(job));
            }
        }
        None
    }

    /// Returns how it ends if it must not start.
    #[cold]
    pub(crate) fn refusal(&self) -> Fault {
        self.fault.unwrap_or(Fault::new(FaultKind::Canceled))
    }

    /// It was lost to a reset, and is to be started again.
    pub(crate) fn starts_again(&self) {
        self.reruns.fetch_add(1, Relaxed);
        self.armed.starts_again();
    }

    /// Returns how often it was started again.
    pub(crate) fn reruns(&self) -> u32 {
        self.reruns.load(Relaxed)
    }

    /// The job ended: for [`Done::new`](crate::done::Done::new), after which [`Armed::tell`] must
    /// follow.
    pub(crate) fn end(&self, now: u64, outcome: Outcome) {
        self.queue.begin();
        self.queue.tell_of_end(self.armed.number(), now, outcome);
        self.armed.end(now, outcome);
    }

    /// Makes what the CPU wrote to the buffers visible to the device.
    pub(crate) fn sync_for_device(&self) {
        if T::DMA_BITS.is_none() {
            return;
        }
        for mapping in self.buffers.iter().filter_map(|b| b.buffer.mapping()) {
            mapping.sync_for_device();
        }
    }

    /// Makes what the device wrote to the buffers visible to the CPU.
    pub(crate) fn sync_for_cpu(&self) {
        if T::DMA_BITS.is_none() {
            return;
        }
        let written = self.buffers.iter().filter(|b| b.access.can_write());
        for mapping in written.filter_map(|b| b.buffer.mapping()) {
            mapping.sync_for_cpu();
        }
    }
}
