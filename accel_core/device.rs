// SPDX-License-Identifier: GPL-2.0

//! A device of the subsystem: what outlives the binding to its driver.

use core::marker::PhantomData;
use kernel::{
    device::{
        self,
        Bound as BoundContext, //
    },
    prelude::*,
    rbtree::RBTree,
    sync::{
        aref::ARef,
        atomic::Atomic,
        Arc,
        Mutex,
        SetOnce, //
    },
};
use kernel_ext::{
    bound::{
        BoundData,
        Cell,
        Guard, //
    },
    ida,
    irq,
    power, //
};

use crate::{
    address_spaces,
    client_list::ClientList,
    clients::Clients,
    doorbell::Doorbells,
    driver::{
        Driver,
        EngineInfo, //
    },
    engine::InFlight,
    error_limits::ErrorLimits,
    events::Events,
    health::Health,
    identity::Identity,
    lock_class,
    memory::Memory,
    per_engine::PerEngine,
    power::Power,
    recovery::Recovery,
    region::Region,
    registration::Nodes,
    scheduler::Scheduler,
    scrub::Scrubber,
    submissions::Submissions,
    sysfs::Attributes,
    telemetry::{
        Panel,
        Throttle, //
    },
    timelines::Registry,
    user_time::UserTimes,
    watch::Watch,
    worker::Worker, //
};

/// What system memory is called, for users.
pub(crate) const SYSTEM_MEMORY: &CStr = c"memory";

/// A device. Lives until the last file on it is closed.
#[pin_data]
pub struct Device<T: Driver> {
    pub(crate) index: ida::Id,
    pub(crate) parent: ARef<device::Device>,
    #[pin]
    pub(crate) cell: Cell<DataOf<T>>,
    #[pin]
    pub(crate) power: Power,
    #[pin]
    pub(crate) health: Health,
    #[pin]
    pub(crate) clients: Clients,
    #[pin]
    pub(crate) client_list: ClientList<T>,
    #[pin]
    pub(crate) throttle: Throttle,
    #[pin]
    pub(crate) error_limits: ErrorLimits,
    pub(crate) events: Arc<Events>,
    /// Each has some of the engines, in their order.
    pub(crate) schedulers: KVec<Pin<KBox<Scheduler<T>>>>,
    /// The time-out of jobs that a developer wants; 0: those that the driver wants.
    pub(crate) timeout_ms: Arc<Atomic<u32>>,
    /// A job has hung, or the device was wedged or isolated, since it was bound: who submits must look
    /// closer.
    pub(crate) is_troubled: Atomic<bool>,
    /// Held by who resets anything.
    #[pin]
    pub(crate) recovery: Mutex<Recovery>,
    /// What is submitted to each queue, by its own address.
    #[pin]
    pub(crate) queues: Mutex<RBTree<usize, Arc<Submissions<T>>>>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) timelines: Arc<Registry>,
    #[pin]
    pub(crate) address_spaces: address_spaces::Registry<T>,
    pub(crate) regions: SetOnce<KVec<Arc<Region>>>,
    pub(crate) doorbells: SetOnce<Arc<Doorbells>>,
    #[pin]
    pub(crate) user_times: UserTimes<T>,
    /// How many user queues have failed.
    pub(crate) user_failures: Arc<PerEngine>,
    pub(crate) attributes: SetOnce<Attributes<T>>,
    #[pin]
    pub(crate) nodes: Mutex<Option<Nodes<T>>>,
}

/// What exists while the device is bound. Dropped in this order.
pub struct Bound<'a, T: Driver> {
    pub(crate) _domain: power::Domain<'a>,
    pub(crate) lines: irq::Lines<'a>,
    pub(crate) workers: KVec<Arc<Worker<T>>>,
    pub(crate) scrubber: Arc<Scrubber<T>>,
    pub(crate) watch: Arc<Watch<T>>,
    pub(crate) identity: Identity,
    pub(crate) panel: Pin<KBox<Panel<T>>>,
    pub(crate) parent: &'a device::Device<BoundContext>,
    pub(crate) data: T::Data<'a>,
}

/// The type constructor of [`Bound`].
pub struct DataOf<T>(PhantomData<T>);

/// A section in which the device stays bound.
pub(crate) type Section<'a, T> = Guard<'a, DataOf<T>>;

impl<T: Driver> BoundData for DataOf<T> {
    type Of<'a> = Bound<'a, T>;
}

impl<T: Driver> Device<T> {
    pub(crate) fn new(parent: &device::Device<BoundContext>) -> Result<Arc<Self>> {
        let (queues, nodes) = (lock_class::queues(), lock_class::nodes());
        let recovery = lock_class::recovery();
        let timeout_ms = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        Arc::pin_init(
            try_pin_init!(Self {
                index: crate::INDICES.alloc(crate::MAX_DEVICES - 1)?,
                parent: ARef::from(&**parent),
                cell <- Cell::new(),
                power <- Power::new(),
                health <- Health::new(),
                clients <- Clients::new(),
                client_list <- ClientList::new(),
                throttle <- Throttle::new(),
                error_limits <- ErrorLimits::new(),
                events: Events::new()?,
                schedulers: schedulers::<T>(&timeout_ms)?,
                timeout_ms,
                is_troubled: Atomic::new(false),
                recovery <- Mutex::new(Recovery::new::<T>()?, recovery.0, recovery.1),
                queues <- Mutex::new(RBTree::new(), queues.0, queues.1),
                memory: Memory::new()?,
                timelines: Registry::new()?,
                address_spaces <- address_spaces::Registry::new(),
                regions: SetOnce::new(),
                doorbells: SetOnce::new(),
                user_times <- UserTimes::new(),
                user_failures: Arc::new(PerEngine::new(T::ENGINES.len())?, GFP_KERNEL)?,
                attributes: SetOnce::new(),
                nodes <- Mutex::new(None, nodes.0, nodes.1),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns N of `accelN`.
    pub fn index(&self) -> u32 {
        self.index.get()
    }

    /// Returns the regions of its own memory, in the driver's order.
    pub(crate) fn regions(&self) -> &[Arc<Region>] {
        self.regions.as_ref().map_or(&[], KVec::as_slice)
    }

    /// Returns its doorbells, if it has any.
    pub(crate) fn doorbells(&self) -> Option<&Arc<Doorbells>> {
        self.doorbells.as_ref()
    }

    /// Returns what its memory is called: system memory, then the regions.
    pub(crate) fn memory_names(&self) -> impl Iterator<Item = &'static CStr> + '_ {
        let regions = self.regions().iter().map(|region| region.info().name);
        Iterator::chain(core::iter::once(SYSTEM_MEMORY), regions)
    }

    /// Enters a section in which the device stays bound, unless it is gone (ENODEV).
    #[inline]
    pub(crate) fn enter(&self) -> Result<Section<'_, T>> {
        self.cell.enter().ok_or(ENODEV)
    }

    /// Returns the engines in their order, each with its scheduler.
    pub(crate) fn engines(
        &self,
    ) -> impl Iterator<Item = (&'static EngineInfo, &Scheduler<T>, usize)> + '_ {
        let all = self.schedulers.iter();
        let engines = all.flat_map(|s| s.engines().map(move |engine| (&**s, engine)));
        engines
            .zip(T::ENGINES)
            .map(|((scheduler, engine), info)| (info, scheduler, engine))
    }

    /// Returns who runs the jobs of an engine.
    #[inline]
    pub(crate) fn scheduler_of(&self, engine: usize) -> Option<&Scheduler<T>> {
        let mut all = self.schedulers.iter().map(|scheduler| &**scheduler);
        all.find(|scheduler| scheduler.engines().contains(&engine))
    }

    /// Calls `f` with the jobs that the device has in flight on `engine`, and ends those of which `f`
    /// says so: [`InFlight::end_first`], [`InFlight::end_each`]. To be called in any context when the
    /// device may have finished a job. No job starts or ends while `f` looks, which must not sleep.
    ///
    /// Returns what `f` does; `None` if the device is gone.
    pub fn complete<R>(
        &self,
        engine: usize,
        f: impl FnOnce(&mut InFlight<'_, T>) -> R,
    ) -> Option<R> {
        let (guard, scheduler) = (self.cell.enter()?, self.scheduler_of(engine)?);
        guard.with(|bound| scheduler.complete(bound, engine, f))
    }
}

/// Makes a scheduler for each row of engines that are alike.
fn schedulers<T: Driver>(timeout_ms: &Arc<Atomic<u32>>) -> Result<KVec<Pin<KBox<Scheduler<T>>>>> {
    let mut schedulers = KVec::new();
    let mut first = 0;
    let alike = |a: &EngineInfo, b: &EngineInfo| a.kind == b.kind;
    for engines in T::ENGINES.chunk_by(alike) {
        schedulers.push(Scheduler::new(first, engines, timeout_ms)?, GFP_KERNEL)?;
        first += engines.len();
    }
    Ok(schedulers)
}

impl<T: Driver> irq::Handler for Device<T> {
    fn interrupt(&self, line: usize) -> irq::IrqReturn {
        match self.cell.enter() {
            Some(guard) if T::HAS_INTERRUPT && !self.power.is_asleep() => {
                guard.with(|bound| T::interrupt(&bound.data, self, line))
            }
            _ => irq::IrqReturn::None,
        }
    }
}
