// SPDX-License-Identifier: GPL-2.0

//! The jobs of a queue that wait: for fences, or behind one of their queue that does.
//!
//! A job goes to its scheduler when all of its dependencies are signalled and no earlier job of the
//! queue waits. The first job watches one dependency at a time, so nothing is allocated for that;
//! when the fence is signalled, a work looks further.

use kernel::{
    list::{
        List,
        ListArc, //
    },
    module::this_module,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Mutex,
        SpinLockIrq, //
    },
    workqueue::{
        impl_has_work,
        Work,
        WorkItem, //
    },
};
use kernel_ext::{
    dma_fence::{
        Fence,
        Signalling, //
    },
    dma_fence_callback::Handler,
    dma_fence_watch::Watch,
    workqueue::cancel_sync, //
};

use crate::{
    device::Bound,
    driver::Driver,
    job::{
        Fault,
        Job, //
    },
    lock_class,
    logic::gate::Gate,
    queue::Queue,
    scheduler::Scheduler,
    worker, //
};

/// What whoever moves jobs on needs, one at a time.
struct Mover<T: Driver> {
    closed: bool,
    /// How many dependencies of the first job are known to be signalled.
    passed: usize,
    watch: Pin<KBox<Watch<Wake<T>>>>,
}

/// The jobs of one queue that wait.
#[pin_data]
pub(crate) struct Backlog<T: Driver> {
    queue: Arc<Queue<T>>,
    #[pin]
    mover: Mutex<Mover<T>>,
    #[pin]
    waiting: SpinLockIrq<Gate<List<Job<T>>>>,
    #[pin]
    work: Work<Self>,
}

impl_has_work! {
    impl{T: Driver} HasWork<Self> for Backlog<T> { self.work }
}

impl<T: Driver> Backlog<T> {
    pub(crate) fn new(queue: Arc<Queue<T>>) -> Result<Arc<Self>> {
        let (mover, waiting) = (lock_class::mover(), lock_class::waiting());
        let work = lock_class::advance();
        let first = Mover {
            closed: false,
            passed: 0,
            watch: KBox::pin_init(Watch::new(), GFP_KERNEL_ACCOUNT)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                queue,
                mover <- Mutex::new(first, mover.0, mover.1),
                waiting <- SpinLockIrq::new(Gate::new(List::new()), waiting.0, waiting.1),
                work <- Work::new(work.0, work.1),
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn queue(&self) -> &Arc<Queue<T>> {
        &self.queue
    }

    fn scheduler(&self) -> Option<&Scheduler<T>> {
        self.queue.scheduler()
    }

    /// Queues an armed job, behind those that wait. To be called in the order of their numbers.
    pub(crate) fn push(self: &Arc<Self>, bound: &Bound<'_, T>, job: ListArc<Job<T>>) {
        let Some(scheduler) = self.scheduler() else {
            return;
        };
        let mut waiting = self.waiting.lock();
        if waiting.is_free() && job.dependencies.is_empty() {
            // With the lock, so that no later one gets there earlier.
            let done = scheduler.push(bound, job);
            drop(waiting);
            scheduler.tell(bound, done);
            return;
        }
        let is_first = waiting.wait(job);
        drop(waiting);
        if is_first {
            self.wake();
        }
    }

    /// Returns whether a job waits.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.waiting.lock().is_free()
    }

    /// Has the first job looked at. Any context.
    fn wake(self: &Arc<Self>) {
        let _ = worker::queue().enqueue::<_, 0>(self.clone());
    }

    /// Returns the first fence that the first job must still wait for, `None` if there is none;
    /// fails if no job waits.
    fn next_dependency(&self, passed: &mut usize) -> Result<Option<ARef<Fence>>> {
        let mut waiting = self.waiting.lock();
        let job = waiting.waiting().iter().next().ok_or(ENOENT)?;
        while let Some(fence) = job.dependencies.get(*passed) {
            if !fence.is_signaled() {
                return Ok(Some(fence.clone()));
            }
            *passed += 1;
        }
        Ok(None)
    }

    /// Moves jobs that need not wait any more on to the scheduler, and watches what the next one waits
    /// for.
    fn advance(self: &Arc<Self>, bound: &Bound<'_, T>) {
        let Some(scheduler) = self.scheduler() else {
            return;
        };
        let _signalling = Signalling::begin();
        let mut mover = self.mover.lock();
        if mover.closed {
            return;
        }
        while let Ok(dependency) = self.next_dependency(&mut mover.passed) {
            if let Some(fence) = dependency {
                let wake = Wake(self.clone());
                if mover.watch.as_mut().watch(&fence, wake) {
                    return;
                }
                continue;
            }
            mover.passed = 0;
            let mut waiting = self.waiting.lock();
            let Some(job) = waiting.leave() else {
                return;
            };
            let done = scheduler.push(bound, job);
            drop(waiting);
            scheduler.tell(bound, done);
        }
    }

    /// Ends all jobs that wait, and `unarmed` ones behind them, for good, because of `fault`. May
    /// sleep.
    pub(crate) fn close(
        this: &Arc<Self>,
        bound: &Bound<'_, T>,
        mut unarmed: List<Job<T>>,
        fault: Fault,
    ) {
        let mut mover = this.mover.lock();
        mover.closed = true;
        mover.watch.as_mut().clear();
        drop(mover);
        cancel_sync::<Self, 0>(this);
        let mut jobs = List::new();
        jobs.push_all_back(this.waiting.lock().waiting());
        jobs.push_all_back(&mut unarmed);
        if let Some(scheduler) = this.scheduler() {
            let done = scheduler.refuse(jobs, fault);
            scheduler.tell(bound, done);
        }
    }
}

impl<T: Driver> WorkItem for Backlog<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if let Some(guard) = this.queue.device().cell.enter() {
            guard.with(|bound| this.advance(bound));
        }
    }
}

/// Called when a dependency is signalled.
struct Wake<T: Driver>(Arc<Backlog<T>>);

impl<T: Driver> Handler for Wake<T> {
    fn owner() -> &'static ThisModule {
        this_module::<T::OwnerModule>()
    }

    fn signaled(&self, _fence: &Fence) {
        self.0.wake();
    }
}
