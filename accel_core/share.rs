// SPDX-License-Identifier: GPL-2.0

//! A client's share of the engines: what it gets there is weighed against what others do.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use kernel_ext::task;

use crate::{
    alarm::Alarm,
    conduct::Conduct,
    context::{
        Life,
        UniqueId, //
    },
    device::Device,
    driver::Driver,
    events::Who,
    lock_class,
    logic::{
        offence::Standing,
        schedule::{
            ClientId,
            Used, //
        }, //
    },
    per_engine::PerEngine,
};

/// As who a scheduler knows a client.
struct Membership<T: Driver> {
    device: Arc<Device<T>>,
    /// In [`Device::schedulers`].
    scheduler: usize,
    id: ClientId,
}

impl<T: Driver> Membership<T> {
    fn new(device: &Arc<Device<T>>, scheduler: usize) -> Result<Self> {
        let id = device
            .schedulers
            .get(scheduler)
            .ok_or(EINVAL)?
            .add_client()?;
        Ok(Self {
            device: device.clone(),
            scheduler,
            id,
        })
    }
}

impl<T: Driver> Drop for Membership<T> {
    fn drop(&mut self) {
        if let Some(scheduler) = self.device.schedulers.get(self.scheduler) {
            scheduler.remove_client(self.id);
        }
    }
}

/// The share of one client; ends with its last queue.
#[pin_data]
pub(crate) struct Share<T: Driver> {
    device: Arc<Device<T>>,
    /// Who the client is.
    client: UniqueId,
    /// Who opened the device.
    user: u32,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) conduct: Arc<Conduct>,
    /// What engines have done for its user queues.
    pub(crate) user_times: PerEngine,
    /// How many of its jobs have not ended, but for the first ones of each queue.
    jobs: Arc<Atomic<u32>>,
    /// One for each scheduler that has queues of it.
    #[pin]
    memberships: Mutex<KVec<Option<Membership<T>>>>,
    /// How many queues have got a name.
    names: Atomic<u32>,
}

impl<T: Driver> Share<T> {
    pub(crate) fn new(device: &Arc<Device<T>>) -> Result<Arc<Self>> {
        let user_times = PerEngine::new(T::ENGINES.len())?;
        let mut memberships = KVec::with_capacity(device.schedulers.len(), GFP_KERNEL_ACCOUNT)?;
        for _ in &device.schedulers {
            memberships.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        let alarm = Alarm::new()?;
        let conduct = Arc::pin_init(Conduct::new(), GFP_KERNEL_ACCOUNT)?;
        let (name, key) = lock_class::share();
        let jobs = Arc::new(Atomic::new(0), GFP_KERNEL_ACCOUNT)?;
        Arc::pin_init(
            pin_init!(Self {
                device: device.clone(),
                client: UniqueId::new(),
                user: task::current_user(),
                alarm,
                conduct,
                user_times,
                jobs,
                memberships <- Mutex::new(memberships, name, key),
                names: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn device(&self) -> &Arc<Device<T>> {
        &self.device
    }

    /// Returns a number that no other client of any device has.
    pub(crate) fn client(&self) -> u64 {
        self.client.get()
    }

    /// Returns who the client is, for events.
    pub(crate) fn who(&self) -> Who {
        Who {
            client: self.client(),
            user: self.user,
        }
    }

    /// Returns the count of its jobs that have not ended, as [`Statuses`](crate::statuses::Statuses) counts.
    pub(crate) fn jobs(&self) -> &Arc<Atomic<u32>> {
        &self.jobs
    }

    /// Looks whether the client may have work in a context with this `life`. May sleep. ECANCELED: the
    /// context has ended; as [`Share::check`].
    pub(crate) fn check_in(&self, life: &Life) -> Result {
        match life.is_over() {
            true => Err(ECANCELED),
            false => self.check(),
        }
    }

    /// Looks whether the client may have work. May sleep. ECANCELED: it is banned; EIO: the device is
    /// isolated.
    pub(crate) fn check(&self) -> Result {
        if self.device.health.is_isolated() {
            return Err(EIO);
        }
        match self.conduct.is_watched() {
            true => self.review(),
            false => Ok(()),
        }
    }

    #[cold]
    fn review(&self) -> Result {
        let standing = self.conduct.review();
        for membership in self.memberships.lock().iter().flatten() {
            if let Some(scheduler) = self.device.schedulers.get(membership.scheduler) {
                scheduler.slow_down(membership.id, standing.slowdown());
            }
        }
        match standing {
            Standing::Banned(_) => Err(ECANCELED),
            Standing::Good | Standing::Slowed(_) => Ok(()),
        }
    }

    /// Returns a number that no other queue of the client has had.
    pub(crate) fn next_name(&self) -> u32 {
        self.names.fetch_add(1, Relaxed)
    }

    /// Returns what an engine has done for it until now. May sleep.
    pub(crate) fn used(&self, engine: usize) -> Used {
        let memberships = self.memberships.lock();
        let mut all = self.device.schedulers.iter().zip(memberships.iter());
        match all.find(|(scheduler, _)| scheduler.engines().contains(&engine)) {
            Some((scheduler, Some(membership))) => scheduler.used(membership.id, engine),
            _ => Used::default(),
        }
    }

    /// Returns as who the scheduler with this index knows it. May sleep. EINVAL: there is none; ENOMEM.
    pub(crate) fn id(&self, scheduler: usize) -> Result<ClientId> {
        let mut memberships = self.memberships.lock();
        let place = memberships.get_mut(scheduler).ok_or(EINVAL)?;
        if let Some(membership) = place {
            return Ok(membership.id);
        }
        let membership = Membership::new(&self.device, scheduler)?;
        Ok(place.insert(membership).id)
    }
}
