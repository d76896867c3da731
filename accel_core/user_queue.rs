// SPDX-License-Identifier: GPL-2.0

//! User queues: a client writes commands to memory that it shares with the device, and rings a
//! doorbell; neither needs the kernel.
//!
//! Whatever the client writes there can do no more than a job of its could: commands work in the
//! address space of its context, and the device keeps queues apart. So the kernel only makes and ends
//! them, and tells of what they do ([`QueueEvents`]).

use core::convert::Infallible;
use kernel::{
    prelude::*,
    sync::{
        Arc,
        UniqueArc, //
    }, //
};

use crate::{
    address_space::AddressSpace,
    context::Life,
    device::Bound,
    doorbell::Doorbell,
    driver::Driver,
    job::{
        Fault,
        FaultKind,
        Refusal, //
    },
    logic::schedule::Priority,
    queue_events::QueueEvents,
    share::Share,
    user_time::Served, //
};

/// A user queue that a client wants.
pub struct UserQueueSetup<'a, T: Driver> {
    /// Which engine is to serve it, an index into [`Driver::ENGINES`].
    pub engine: usize,
    /// How important it is: between queues the device decides.
    pub priority: Priority,
    /// Where its commands work, and its own memory is.
    pub space: &'a Arc<AddressSpace<T>>,
    /// What it is rung by. Nobody else gets it while a reference is kept.
    pub doorbell: &'a Arc<Doorbell>,
    /// What the client has to say to the driver; the kernel's own copy.
    pub payload: &'a [u8],
    /// The user who opened the device, as the host numbers users.
    pub user: u32,
    /// Who is to be told of what happens.
    pub events: &'a Arc<QueueEvents>,
}

/// The user queues of devices of driver `T`: [`Driver::UserQueues`].
pub trait UserQueues<T: Driver>: 'static {
    /// Longest payload of a queue, bytes; `None` if there are no user queues.
    const MAX_PAYLOAD: Option<usize>;
    /// What the driver keeps for each; dropped after [`UserQueues::destroy`], which may be after the
    /// device was unbound: it must not hold DMA memory.
    type Queue: Send + Sync + 'static;

    /// Makes one; it may be rung at once. May sleep, in bounded time.
    ///
    /// Called, as the following three, with a lock that is taken where memory is reclaimed: must not
    /// allocate, nor take a lock that anybody holds who does.
    ///
    /// # Errors
    ///
    /// EBUSY: the doorbell is that of another one; ENOSPC: the device has no more; what else the
    /// driver says.
    fn create(data: &T::Data<'_>, setup: UserQueueSetup<'_, T>) -> Result<Self::Queue, Refusal>;

    /// Has one start nothing more, and its work keep until [`UserQueues::resume`], however often it is
    /// rung. Does not wait.
    fn suspend(data: &T::Data<'_>, queue: &Self::Queue);

    /// Waits until the device does not touch memory for a queue that was told to suspend. In bounded
    /// time, so that must not fail: what does not end is given up, whatever that takes, and who waits
    /// for the queue is told ([`QueueEvents::hung`]).
    fn suspend_wait(data: &T::Data<'_>, queue: &Self::Queue);

    /// Has one go on, if it has not failed meanwhile. Does not wait.
    fn resume(data: &T::Data<'_>, queue: &Self::Queue);

    /// Ends one that is suspended. May sleep, in bounded time. Not called for those that are there
    /// when the device is unbound: [`Driver::stop`] ends them.
    ///
    /// A driver that fails to stop it keeps the doorbell, and has [`Mmu::destroy`](crate::Mmu) fail
    /// for the address space.
    fn destroy(data: &T::Data<'_>, queue: &Self::Queue);

    /// Returns for how long its engine has worked for it, nanoseconds, since it was made; `None` if the
    /// device does not say, or has forgotten it. May sleep, in bounded time.
    fn busy_ns(_data: &T::Data<'_>, _queue: &Self::Queue) -> Option<u64> {
        None
    }
}

/// What the driver `T` keeps for a user queue.
pub(crate) type QueueOf<T> = <<T as Driver>::UserQueues as UserQueues<T>>::Queue;

/// The user queues of devices that have none.
pub enum NoUserQueues {}

impl<T: Driver> UserQueues<T> for NoUserQueues {
    const MAX_PAYLOAD: Option<usize> = None;
    type Queue = Infallible;

    fn create(_data: &T::Data<'_>, _setup: UserQueueSetup<'_, T>) -> Result<Infallible, Refusal> {
        Err(EOPNOTSUPP.into())
    }

    fn suspend(_data: &T::Data<'_>, queue: &Infallible) {
        match *queue {}
    }

    fn suspend_wait(_data: &T::Data<'_>, queue: &Infallible) {
        match *queue {}
    }

    fn resume(_data: &T::Data<'_>, queue: &Infallible) {
        match *queue {}
    }

    fn destroy(_data: &T::Data<'_>, queue: &Infallible) {
        match *queue {}
    }
}

/// A user queue. It ends when it is dropped; may sleep then.
pub(crate) struct UserQueue<T: Driver> {
    served: Arc<Served<T>>,
    /// How often those of the space were suspended before it was there.
    suspended_before: u32,
    _doorbell: Arc<Doorbell>,
}

impl<T: Driver> UserQueue<T> {
    /// Makes one of the client with this `share`, in the context with this `life`; errors as
    /// [`UserQueues::create`].
    pub(crate) fn new(
        share: &Arc<Share<T>>,
        life: &Arc<Life>,
        bound: &Bound<'_, T>,
        setup: UserQueueSetup<'_, T>,
    ) -> Result<Self, Refusal> {
        let place = UniqueArc::new_uninit(GFP_KERNEL_ACCOUNT).map_err(Error::from)?;
        let (engine, events) = (setup.engine, setup.events.clone());
        let (space, doorbell) = (setup.space.clone(), setup.doorbell.clone());
        let suspended_before = space.preemption().count();
        let create = || T::UserQueues::create(&bound.data, setup);
        let driver = space.preemption().add(create)?;
        let served = Served::new(driver, engine, share.clone(), life.clone(), space, events);
        let served = Arc::from(place.write(served));
        // From now on it is dropped as it should be.
        let this = Self {
            served,
            suspended_before,
            _doorbell: doorbell,
        };
        share.device().user_times.add(&this.served)?;
        Ok(this)
    }

    /// Nobody wants it any more: who waits for it is told so, if not of a fault before.
    pub(crate) fn cancel(&self) {
        self.served.events.failed(Fault::new(FaultKind::Canceled));
    }

    /// Returns how often it was suspended.
    pub(crate) fn suspensions(&self) -> u32 {
        let preemption = self.served.space.preemption();
        preemption.count().wrapping_sub(self.suspended_before)
    }

    /// Returns why it has stopped, if it has.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.served.events.fault()
    }
}

impl<T: Driver> Drop for UserQueue<T> {
    fn drop(&mut self) {
        let (device, served) = (self.served.device(), &self.served);
        let preemption = served.space.preemption();
        match device.enter_awake() {
            Ok(guard) => guard.with(|bound| {
                // Nobody stops it after that, so it must have stopped.
                preemption.remove(Some(bound), &served.driver);
                device.user_times.remove(Some(bound), served);
                T::UserQueues::destroy(&bound.data, &served.driver);
            }),
            // The device has forgotten it.
            Err(_) => {
                preemption.remove(None, &served.driver);
                device.user_times.remove(None, served);
            }
        }
    }
}
