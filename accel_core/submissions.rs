// SPDX-License-Identifier: GPL-2.0

//! What a queue was given: armed in the order of numbers, at once or when that is possible.
//!
//! A job whose points are all backed is armed by who submits it. One that waits for a point that
//! nothing backs yet stays created, and so do those behind it: whether such a point ever comes is in the
//! hands of programs, so nothing may depend on these jobs. A work arms them, in process context, when
//! their points are backed. Until then nobody can see a fence of theirs.

use core::mem::replace;
use kernel::{
    list::{
        List,
        ListArc, //
    },
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode,
        RBTreeNodeReservation, //
    },
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
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
        ClaimRoom,
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
        Body,
        Created,
        Fault,
        FaultKind,
        Job,
        JobBuffer,
        Run, //
    },
    lock_class,
    logic::{
        fifo::Fifo,
        gate::Gate, //
    },
    prepared::{
        Loan,
        PreparedJobs, //
    },
    queue::Queue,
    reservations::Reservations,
    statuses::Statuses,
    submit_points::SubmitPoints,
    watchers::Notify, //
};

/// A job, and what is left over: to be dropped when the job is queued.
type Made<T> = (ListArc<Job<T>>, Option<Loan<T>>);

/// What a job is made of besides its fence.
pub(crate) struct Parts<T: Driver> {
    body: Body<T>,
    /// If it is a prepared one.
    loan: Option<Loan<T>>,
    /// The buffers once more, if the job is kept before it is armed.
    kept: KVVec<Kept>,
    points: SubmitPoints,
    is_repeatable: bool,
}

impl<T: Driver> Parts<T> {
    pub(crate) fn new(
        body: Body<T>,
        loan: Option<Loan<T>>,
        points: SubmitPoints,
        is_repeatable: bool,
    ) -> Self {
        Self {
            body,
            loan,
            kept: KVVec::new(),
            points,
            is_repeatable,
        }
    }

    /// Makes the job, and backs the points that it brings about. Does not fail.
    fn into_job(
        self,
        queue: &Arc<Queue<T>>,
        armed: Armed,
        dependencies: KVVec<ARef<Fence>>,
        fault: Option<Fault>,
    ) -> Made<T> {
        self.points.back(armed.fence());
        if let Some(loan) = &self.loan {
            loan.home().set_number(armed.number());
        }
        let run = Run {
            queue: queue.clone(),
            armed,
            kept: self.kept,
            dependencies,
            fault,
            is_repeatable: self.is_repeatable,
            home: self.loan.as_ref().map(|loan| loan.home().clone()),
        };
        (self.body.into_job(run), self.loan)
    }

    /// There is no job.
    fn undo(self) {
        if let Some(loan) = self.loan {
            loan.undo(self.body);
        }
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
    fn fail(self, queue: &Arc<Queue<T>>, fault: Fault) -> Made<T> {
        let armed = self.created.arm(Reserved::nowhere());
        self.parts.into_job(queue, armed, KVVec::new(), Some(fault))
    }
}

/// The jobs that are not armed, by their numbers.
struct Jobs<T: Driver>(RBTree<u64, Unarmed<T>>);

/// Nothing in the tree is pinned.
impl<T: Driver> Unpin for Jobs<T> {}

impl<T: Driver> Jobs<T> {
    fn first(&mut self) -> Option<&mut Unarmed<T>> {
        self.0.values_mut().next()
    }
}

impl<T: Driver> Fifo for Jobs<T> {
    type Item = RBTreeNode<u64, Unarmed<T>>;

    fn push_back(&mut self, job: Self::Item) {
        // Nothing is replaced: the number is new.
        self.0.insert(job);
    }

    fn pop_front(&mut self) -> Option<Self::Item> {
        Some(self.0.cursor_front_mut()?.remove_current().1)
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Makes the gate before which jobs wait until they can be armed.
fn gate<T: Driver>() -> Gate<Jobs<T>> {
    Gate::new(Jobs(RBTree::new()))
}

/// The jobs of a queue on their way to its [`Backlog`].
#[pin_data]
pub(crate) struct Submissions<T: Driver> {
    backlog: Arc<Backlog<T>>,
    reservations: Arc<Reservations>,
    #[pin]
    prepared: PreparedJobs<T>,
    /// Locked while a job gets its number and while it is armed, so that both go in the same order.
    #[pin]
    jobs: Mutex<Gate<Jobs<T>>>,
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
                prepared <- PreparedJobs::new(),
                jobs <- Mutex::new(gate(), jobs.0, jobs.1),
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

    /// Returns whether it has armed jobs that its scheduler does not know of.
    pub(crate) fn has_armed(&self) -> bool {
        self.backlog.has_jobs()
    }

    /// Returns the prepared jobs of the queue.
    pub(crate) fn prepared(&self) -> &PreparedJobs<T> {
        &self.prepared
    }

    /// Gives a job its number; errors as [`Statuses::begin`].
    #[inline]
    fn number(&self, fence: UnarmedFence) -> Result<Created> {
        let created = self.statuses().begin(monotonic_ns(), fence)?;
        self.queue().trace_submit(created.number());
        Ok(created)
    }

    /// Takes a job, and returns its number. May sleep; not to be called while user memory is copied.
    ///
    /// EDQUOT: too many jobs are unfinished; EINVAL: a buffer is not needed; EOPNOTSUPP: one is out of
    /// reach; ERESTARTSYS: a signal; ENOMEM.
    pub(crate) fn submit(
        self: &Arc<Self>,
        bound: &Bound<'_, T>,
        mut parts: Parts<T>,
    ) -> Result<u64> {
        let mut jobs = self.jobs.lock();
        if !jobs.is_free() || !parts.points.are_backed() {
            return self.keep(&mut jobs, parts);
        }
        match self.begin(bound, &mut parts) {
            Ok((armed, dependencies)) => {
                let number = armed.number();
                let (job, left) = parts.into_job(self.queue(), armed, dependencies, None);
                self.backlog.push(bound, job);
                drop(left);
                Ok(number)
            }
            Err(error) => {
                parts.undo();
                Err(error)
            }
        }
    }

    /// Gives a job its number, and arms it.
    #[inline]
    fn begin(
        &self,
        bound: &Bound<'_, T>,
        parts: &mut Parts<T>,
    ) -> Result<(Armed, KVVec<ARef<Fence>>)> {
        let fence = UnarmedFence::new(GFP_KERNEL_ACCOUNT)?;
        self.arm(bound, parts, |buffers| {
            self.reservations.check_needed(buffers)?;
            self.number(fence)
        })
    }

    /// Arms a job. Whatever fails, fails before `create` has succeeded.
    #[inline]
    fn arm(
        &self,
        bound: &Bound<'_, T>,
        parts: &mut Parts<T>,
        create: impl FnOnce(&[JobBuffer]) -> Result<Created>,
    ) -> Result<(Armed, KVVec<ARef<Fence>>)> {
        let fences = parts.points.take_fences();
        let fences = parts.body.take_room(fences)?;
        let (payload, buffers) = parts.body.parts();
        let (payload, buffers) = (payload, &**buffers);
        let is_prepared = parts.loan.is_some();
        let mut room = ClaimRoom::default();
        let room = parts.loan.as_mut().map_or(&mut room, Loan::claims);
        self.reservations.with_locked(buffers, room, |locked| {
            let dependencies = others(fences, &locked, self.statuses().fences().id())?;
            let reserved = locked.reserve()?;
            // Memory of others may have been taken away since the driver looked, long ago if the job was kept.
            check_reach::<T>(buffers)?;
            let created = create(buffers)?;
            if T::HAS_REBIND && is_prepared {
                // Where they are now: nobody moves them as long as their reservations are locked, or
                // have the fence.
                T::rebind(&bound.data, &self.queue().driver, payload, buffers);
            }
            Ok((created.arm(reserved), dependencies))
        })?
    }

    /// Keeps a job that cannot be armed yet.
    #[cold]
    fn keep(self: &Arc<Self>, jobs: &mut Gate<Jobs<T>>, mut parts: Parts<T>) -> Result<u64> {
        match self.create(&mut parts) {
            Ok((place, created)) => {
                let number = created.number();
                if jobs.wait(place.into_node(number, Unarmed { created, parts })) {
                    // Its points may have been backed since we looked.
                    self.wake();
                }
                Ok(number)
            }
            Err(error) => {
                parts.undo();
                Err(error)
            }
        }
    }

    /// Gives a job its number that is kept, and all that it needs for that.
    fn create(
        self: &Arc<Self>,
        parts: &mut Parts<T>,
    ) -> Result<(RBTreeNodeReservation<u64, Unarmed<T>>, Created)> {
        let fence = UnarmedFence::new(GFP_KERNEL_ACCOUNT)?;
        let place = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        parts.kept = self.reservations.keep(parts.body.parts().1)?;
        parts.points.watch(|| {
            let wake = Arc::new(Wake(self.clone()), GFP_KERNEL_ACCOUNT)?;
            Ok(wake as Arc<dyn Notify>)
        })?;
        Ok((place, self.number(fence)?))
    }

    /// Has the first job looked at. Any context.
    fn wake(self: &Arc<Self>) {
        // Not where jobs are moved on: arming allocates, and may wait for what is done there.
        let _ = system_dfl().enqueue::<_, 0>(self.clone());
    }

    /// Arms jobs as far as their points are backed.
    fn advance(&self, bound: &Bound<'_, T>) {
        let mut jobs = self.jobs.lock();
        while let Some(first) = jobs.waiting().first() {
            let found = first.parts.points.look_again();
            if found == Ok(false) {
                return;
            }
            let Some(first) = jobs.leave() else {
                return;
            };
            let (_, first) = first.to_key_value();
            if let Some((job, left)) = self.arm_later(bound, first, found) {
                self.backlog.push(bound, job);
                drop(left);
            }
        }
    }

    /// Arms a job that was kept, if its points were `found`. In any case it takes its turn.
    fn arm_later(
        &self,
        bound: &Bound<'_, T>,
        job: Unarmed<T>,
        found: Result<bool>,
    ) -> Option<Made<T>> {
        let Unarmed { created, mut parts } = job;
        let mut created = Some(created);
        let create = |_: &[JobBuffer]| created.take().ok_or(EINVAL);
        match found.and_then(|_| self.arm(bound, &mut parts, create)) {
            Ok((armed, dependencies)) => {
                Some(parts.into_job(self.queue(), armed, dependencies, None))
            }
            Err(error) => {
                let kind = match error {
                    ECANCELED | EOPNOTSUPP => FaultKind::Canceled,
                    _ => FaultKind::NoMemory,
                };
                // It is still there, as that was what failed.
                let unarmed = Unarmed {
                    created: created?,
                    parts,
                };
                Some(unarmed.fail(self.queue(), Fault::new(kind)))
            }
        }
    }

    /// Ends all jobs that are not on an engine's way, for good, because of `fault`. May sleep. Nobody
    /// may submit any more.
    pub(crate) fn close(this: &Arc<Self>, bound: &Bound<'_, T>, fault: Fault) {
        this.prepared.close();
        let mut jobs = replace(&mut *this.jobs.lock(), gate());
        for job in jobs.waiting().0.values_mut() {
            // So that nothing wakes us.
            drop(job.parts.points.take_fences());
        }
        cancel_sync::<Self, 0>(this);
        let mut unarmed = List::new();
        while let Some(job) = jobs.leave() {
            let (_, job) = job.to_key_value();
            unarmed.push_back(job.fail(this.queue(), fault).0);
        }
        Backlog::close(&this.backlog, bound, unarmed, fault);
    }
}

/// Returns whether the device still sees all of the buffers, with their reservation objects locked.
/// EOPNOTSUPP: others have taken the memory of one, which was imported.
fn check_reach<T: Driver>(buffers: &[JobBuffer]) -> Result {
    let mut all = buffers.iter();
    all.try_for_each(|named| named.buffer.check_reach::<T>())
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
        if let Ok(guard) = this.queue().device().enter_awake() {
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
