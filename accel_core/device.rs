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
    irq, //
};

use crate::{
    address_spaces,
    clients::Clients,
    doorbell::Doorbells,
    driver::Driver,
    engine::Engine,
    health::Health,
    info::Identity,
    job::Outcome,
    lock_class,
    memory::Memory,
    region::Region,
    registration::Nodes,
    scrub::Scrubber,
    submissions::Submissions,
    timelines::Registry,
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
    pub(crate) health: Health,
    #[pin]
    pub(crate) clients: Clients,
    pub(crate) engines: KVec<Pin<KBox<Engine<T>>>>,
    /// What is submitted to each queue, by its own address.
    #[pin]
    pub(crate) queues: Mutex<RBTree<usize, Arc<Submissions<T>>>>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) timelines: Arc<Registry>,
    #[pin]
    pub(crate) address_spaces: address_spaces::Registry<T>,
    pub(crate) regions: SetOnce<KVec<Arc<Region>>>,
    pub(crate) doorbells: SetOnce<Arc<Doorbells>>,
    pub(crate) attributes: KVec<&'static CStr>,
    #[pin]
    pub(crate) nodes: Mutex<Option<Nodes<T>>>,
}

/// What exists while the device is bound. Dropped in this order.
pub struct Bound<'a, T: Driver> {
    pub(crate) _lines: irq::Lines<'a>,
    pub(crate) workers: KVec<Arc<Worker<T>>>,
    pub(crate) scrubber: Arc<Scrubber<T>>,
    pub(crate) identity: Identity,
    pub(crate) parent: &'a device::Device<BoundContext>,
    pub(crate) data: T::Data<'a>,
}

/// The type constructor of [`Bound`].
pub struct DataOf<T>(PhantomData<T>);

impl<T: Driver> BoundData for DataOf<T> {
    type Of<'a> = Bound<'a, T>;
}

impl<T: Driver> Device<T> {
    pub(crate) fn new(parent: &device::Device<BoundContext>) -> Result<Arc<Self>> {
        let mut engines = KVec::with_capacity(T::ENGINES.len(), GFP_KERNEL)?;
        for (index, info) in T::ENGINES.iter().enumerate() {
            engines.push(
                KBox::pin_init(Engine::new(index, info), GFP_KERNEL)?,
                GFP_KERNEL,
            )?;
        }
        let (queues, nodes) = (lock_class::queues(), lock_class::nodes());
        Arc::pin_init(
            try_pin_init!(Self {
                index: crate::INDICES.alloc(crate::MAX_DEVICES - 1)?,
                parent: ARef::from(&**parent),
                cell <- Cell::new(),
                health <- Health::new(),
                clients <- Clients::new(),
                engines,
                queues <- Mutex::new(RBTree::new(), queues.0, queues.1),
                memory: Memory::new()?,
                timelines: Registry::new()?,
                address_spaces <- address_spaces::Registry::new(),
                regions: SetOnce::new(),
                doorbells: SetOnce::new(),
                attributes: crate::sysfs::names::<T>()?,
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
    pub(crate) fn enter(&self) -> Result<Guard<'_, DataOf<T>>> {
        self.cell.enter().ok_or(ENODEV)
    }

    /// Asks `ended` how the job on `engine` has ended, and ends it; to be called in any context when
    /// the device may have finished a job. No job starts or ends while `ended` looks, which must
    /// not sleep. Returns whether it said so.
    pub fn complete(&self, engine: usize, ended: impl FnOnce() -> Option<Outcome>) -> bool {
        let (Some(guard), Some(engine)) = (self.cell.enter(), self.engines.get(engine)) else {
            return false;
        };
        guard.with(|bound| engine.complete(bound, ended))
    }
}

impl<T: Driver> irq::Handler for Device<T> {
    fn interrupt(&self, line: usize) -> irq::IrqReturn {
        match self.cell.enter() {
            Some(guard) if T::HAS_INTERRUPT => {
                guard.with(|bound| T::interrupt(&bound.data, self, line))
            }
            _ => irq::IrqReturn::None,
        }
    }
}
