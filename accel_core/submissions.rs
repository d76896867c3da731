// SPDX-License-Identifier: GPL-2.0

//! What a queue was given: armed in the order of numbers, at once or when that is possible.
//!
//! A job whose points are all backed is armed by who submits it. One that waits for a point that
//! nothing backs yet stays created, and so do those behind it: whether such a point ever comes is in the
//! hands of programs, so nothing may depend on these jobs. A work arms them, in process context, when
//! their points are backed. Until then nobody can see a fence of theirs.

use core::mem::{
    replace,
    MaybeUninit, //
};
use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        aref::ARef,
        Arc,
        Mutex,
        UniqueArc, //
    },
    workqueue::{
        impl_has_work,
        Work,
        WorkItem, //
    },
};
use kernel_ext::{
    dma_fence::Fence,
    dma_fence_context::UnarmedFence,
    dma_resv_many::{
        Locked,
        Reserved, //
    },
    time::monotonic_ns,
    workqueue::{
        cancel_sync,
        system_dfl, //
    }, //
};

use crate::{
    backlog::Backlog,
    buffer::Kept,
    device::Bound,
    driver::Driver,
    job::{
        Armed,
        Created,
        Fault,
        FaultKind,
        Job,
        JobBuffer, //
    },
    lock_class,
    queue::Queue,
    reservations::Reservations,
    statuses::Statuses,
    submit_points::SubmitPoints,
    watchers::Notify, //
};

/// What a job is made of besides its fence.
struct Parts<T: Driver> {
    queue: Arc<Queue<T>>,
    place: UniqueArc<MaybeUninit<Job<T>>>,
    payload: T::Job,
    buffers: KVVec<JobBuffer>,
    /// The buffers once more, if the job is kept before it is armed.
    kept: KVVec<Kept>,
    points: SubmitPoints,
    is_repeatable: bool,
}

impl<T: Driver> Parts<T> {
    /// Makes the job, and backs the points that it brings about. Does not fail.
    fn into_job(
        self,
        armed: Armed,
        dependencies: KVVec<ARef<Fence>>,
        fault: Option<Fault>,
    ) -> ListArc<Job<T>> {
        self.points.back(armed.fence());
        let buffers = (self.buffers, self.kept);
        let job = Job::new(
            self.queue,
            armed,
            self.payload,
            buffers,
            dependencies,
            fault,
            self.is_repeatable,
        );
        let Ok(job) = self.place.pin_init_with(job);
        ListArc::from(job)
    }
}

/// A job that is created and not armed. It has all that it needs for that, but room in the
/// reservation objects, which nobody may keep for long.
struct Unarmed<T: Driver> {
    created: Created,
    parts: Parts<T>,
}

impl<T: Driver> Unarmed<T> {
    /// Arms a job that is not to run, where nobody sees it. Does not fail.
    fn fail(self, fault: Fault) -> ListArc<Job<T>> {
        let armed = self.created.arm(Reserved::nowhere());
        self.parts.into_job(armed, KVVec::new(), Some(fault))
    }
}

struct Jobs<T: Driver> {
    /// Those that are not armed, by their numbers.
    unarmed: RBTree<u64, Unarmed<T>>,
}

/// Nothing in the tree is pinned.
impl<T: Driver> Unpin for Jobs<T> {}

impl<T: Driver> Jobs<T> {
    fn new() -> Self {
        Self {
            unarmed: RBTree::new(),
        }
    }

    fn first(&mut self) -> Option<&mut Unarmed<T>> {
        self.unarmed.values_mut().next()
    }

    fn pop(&mut self) -> Option<Unarmed<T>> {
        let (_, node) = self.unarmed.cursor_front_mut()?.remove_current();
        Some(node.to_key_value().1)
    }
}

/// The jobs of a queue on their way to its [`Backlog`].
#[pin_data]
pub(crate) struct Submissions<T: Driver> {
    backlog: Arc<Backlog<T>>,
    reservations: Arc<Reservations>,
    /// Locked while a job gets its number and while it is armed, so that both go in the same order.
    #[pin]
    jobs: Mutex<Jobs<T>>,
    #[pin]
    work: Work<Self>,
}

impl_has_work! {
    impl{T: Driver} HasWork<Self> for Submissions<T> { self.work }
}

impl<T: Driver> Submissions<T> {
    pub(crate) fn new(queue: Arc<Queue<T>>, reservations: Arc<Reservations>) -> Result<Arc<Self>> {
        let backlog = Backlog::new(queue)?;
        let (jobs, work) = (lock_class::submissions(), lock_class::arm());
        Arc::pin_init(
            pin_init!(Self {
                backlog,
                reservations,
                jobs <- Mutex::new(Jobs::new(), jobs.0, jobs.1),
                work <- Work::new(work.0, work.1),
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn queue(&self) -> &Arc<Queue<T>> {
        self.backlog.queue()
    }

    pub(crate) fn statuses(&self) -> &Arc<Statuses> {
        self.queue().statuses()
    }

    /// Takes a job, and returns its number. May sleep; not to be called while user memory is copied.
    ///
    /// EDQUOT: too many jobs are unfinished; EINVAL: a buffer is not needed; ERESTARTSYS: a signal;
    /// ENOMEM.
    pub(crate) fn submit(
        self: &Arc<Self>,
        bound: &Bound<'_, T>,
        payload: T::Job,
        buffers: KVVec<JobBuffer>,
        points: SubmitPoints,
        is_repeatable: bool,
    ) -> Result<u64> {
        let mut parts = Parts {
            queue: self.queue().clone(),
            place: UniqueArc::new_uninit(GFP_KERNEL_ACCOUNT)?,
            payload,
            buffers,
            kept: KVVec::new(),
            points,
            is_repeatable,
        };
        let fence = UnarmedFence::new(GFP_KERNEL_ACCOUNT)?;
        let mut jobs = self.jobs.lock();
        if !jobs.unarmed.is_empty() || !parts.points.are_backed() {
            return self.keep(&mut jobs, parts, fence);
        }
        let fences = parts.points.take_fences();
        let create = || {
            self.reservations.check_needed(&parts.buffers)?;
            self.statuses().begin(monotonic_ns(), fence)
        };
        let (armed, dependencies) = self.arm(&parts.buffers, fences, create)?;
        let number = armed.number();
        let job = parts.into_job(armed, dependencies, None);
        self.backlog.push(bound, job);
        Ok(number)
    }

    /// Arms a job. Whatever fails, fails before `create` is called.
    #[inline]
    fn arm(
        &self,
        buffers: &[JobBuffer],
        fences: KVVec<ARef<Fence>>,
        create: impl FnOnce() -> Result<Created>,
    ) -> Result<(Armed, KVVec<ARef<Fence>>)> {
        self.reservations.with_locked(buffers, |locked| {
            let dependencies = others(fences, &locked, self.statuses().fences().id())?;
            let reserved = locked.reserve()?;
            Ok((create()?.arm(reserved), dependencies))
        })?
    }

    /// Keeps a job that cannot be armed yet.
    #[cold]
    fn keep(
        self: &Arc<Self>,
        jobs: &mut Jobs<T>,
        mut parts: Parts<T>,
        fence: UnarmedFence,
    ) -> Result<u64> {
        let place = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        parts.kept = self.reservations.keep(&parts.buffers)?;
        parts.points.watch(|| {
            let wake = Arc::new(Wake(self.clone()), GFP_KERNEL_ACCOUNT)?;
            Ok(wake as Arc<dyn Notify>)
        })?;
        let is_first = jobs.unarmed.is_empty();
        let created = self.statuses().begin(monotonic_ns(), fence)?;
        let number = created.number();
        // Nothing is replaced: the number is new.
        jobs.unarmed
            .insert(place.into_node(number, Unarmed { created, parts }));
        if is_first {
            // Its points may have been backed since we looked.
            self.wake();
        }
        Ok(number)
    }

    /// Has the first job looked at. Any context.
    fn wake(self: &Arc<Self>) {
        // Not where jobs are moved on: arming allocates, and may wait for what is done there.
        let _ = system_dfl().enqueue::<_, 0>(self.clone());
    }

    /// Arms jobs as far as their points are backed.
    fn advance(&self, bound: &Bound<'_, T>) {
        let mut jobs = self.jobs.lock();
        while let Some(first) = jobs.first() {
            let found = first.parts.points.look_again();
            if found == Ok(false) {
                return;
            }
            if let Some(job) = jobs.pop().and_then(|first| self.arm_later(first, found)) {
                self.backlog.push(bound, job);
            }
        }
    }

    /// Arms a job that was kept, if its points were `found`. In any case it takes its turn.
    fn arm_later(&self, job: Unarmed<T>, found: Result<bool>) -> Option<ListArc<Job<T>>> {
        let Unarmed { created, mut parts } = job;
        let fences = parts.points.take_fences();
        let mut created = Some(created);
        let create = || created.take().ok_or(EINVAL);
        match found.and_then(|_| self.arm(&parts.buffers, fences, create)) {
            Ok((armed, dependencies)) => Some(parts.into_job(armed, dependencies, None)),
            Err(error) => {
                let kind = match error {
                    ECANCELED => FaultKind::Canceled,
                    _ => FaultKind::NoMemory,
                };
                // It is still there, as that was what failed.
                created.map(|created| Unarmed { created, parts }.fail(Fault::new(kind)))
            }
        }
    }

    /// Ends all jobs that are not on an engine's way, for good, because of `fault`. May sleep. Nobody
    /// may submit any more.
    pub(crate) fn close(this: &Arc<Self>, bound: &Bound<'_, T>, fault: Fault) {
        let mut jobs = replace(&mut *this.jobs.lock(), Jobs::new());
        for job in jobs.unarmed.values_mut() {
            // So that nothing wakes us.
            drop(job.parts.points.take_fences());
        }
        cancel_sync::<Self, 0>(this);
        let mut unarmed = List::new();
        while let Some(job) = jobs.pop() {
            unarmed.push_back(job.fail(fault));
        }
        Backlog::close(&this.backlog, bound, unarmed, fault);
    }
}

/// Returns whom a job must wait for besides `others`: fences that are not signalled and not of
/// `context`, whose order is kept anyhow.
fn others(
    mut others: KVVec<ARef<Fence>>,
    locked: &Locked<'_, '_>,
    context: u64,
) -> Result<KVVec<ARef<Fence>>> {
    locked.for_each_dependency(|fence| {
        if fence.context() == context || fence.is_signaled() {
            return Ok(());
        }
        match others.last_mut() {
            // Usual where many buffers are shared with the same one.
            Some(last) if last.context() == fence.context() => {
                if last.seqno() < fence.seqno() {
                    *last = fence.into();
                }
            }
            _ => others.push(fence.into(), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(())
    })?;
    Ok(others)
}

impl<T: Driver> WorkItem for Submissions<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if let Some(guard) = this.queue().device().cell.enter() {
            guard.with(|bound| this.advance(bound));
        }
    }
}

/// Called when a point that a job waits for is backed, or never will be.
struct Wake<T: Driver>(Arc<Submissions<T>>);

impl<T: Driver> Notify for Wake<T> {
    fn notify(&self, _index: usize, _result: Result) {
        self.0.wake();
    }
}
