// SPDX-License-Identifier: GPL-2.0

//! An address space of a device with an MMU: what is mapped where, page tables, and the flush.
//!
//! [`logic::va`](crate::logic) knows what is mapped and which steps a change takes,
//! [`PageTree`](crate::page_tree) does them, the driver flushes ([`Mmu`]). A change is made when the
//! flush has succeeded; only then buffers are let go, which may have been reached until then, also by
//! jobs that run. If it fails, page tables and device are out of step: no job starts with the space
//! ([`InStep`]) until a later change has written and flushed all of it.

use core::ops::Range;
use kernel::{
    prelude::*,
    rbtree::RBTreeNodeReservation,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc,
        Mutex,
        UniqueArc, //
    },
};
use kernel_ext::{
    random,
    workqueue::OwnedQueue, //
};

use crate::{
    address_space_state::{
        Mappings,
        Request,
        Stage,
        State, //
    },
    device::{
        Bound,
        Device,
        Section, //
    },
    driver::Driver,
    lock_class,
    logic::{
        page_table::{
            Mapping,
            Target, //
        },
        va::{
            self,
            Pending,
            Slot,
            Space, //
        },
    },
    mapped_objects::{
        Freed,
        Objects, //
    },
    mmu::{
        Mmu,
        MmuInfo,
        SpaceOf, //
    },
    page_tree::{
        Format,
        Needs,
        PageTree, //
    },
    preemption::Preemption,
    uapi::ACCEL_MAP_WRITE, //
};

/// How many mappings there is room for at first.
const FIRST_SLOTS: usize = 32;

/// What is to be done to the mappings.
pub(crate) enum Change {
    Map(Mapping<u32>),
    Unmap(Range<u64>),
    Protect(Range<u64>, u32),
    /// Writes a mapping anew whose object has moved.
    Refresh(Range<u64>),
    /// Writes everything anew.
    Rebuild,
}

impl Change {
    /// Returns the addresses whose mappings change.
    fn range(&self, all: &Mappings) -> Range<u64> {
        match self {
            Self::Map(mapping) => mapping.range.clone(),
            Self::Unmap(range) | Self::Protect(range, _) | Self::Refresh(range) => range.clone(),
            Self::Rebuild => all.bounds(),
        }
    }

    fn plan(
        self,
        mappings: &mut Mappings,
    ) -> Result<Pending<'_, u32, KVVec<Slot<u32>>>, va::Error> {
        match self {
            Self::Map(mapping) => mappings.map(mapping),
            Self::Unmap(range) => mappings.unmap(range),
            Self::Protect(range, access) => mappings.protect(range, access),
            Self::Refresh(range) => mappings.refresh(range),
            Self::Rebuild => Ok(mappings.rebuild()),
        }
    }
}

/// Why a change was not made.
pub(crate) enum Failure {
    /// It was not begun.
    Refused(Error),
    /// The space is out of step.
    NotFlushed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::NotFlushed => EIO,
        }
    }
}

impl From<va::Error> for Failure {
    fn from(error: va::Error) -> Self {
        Self::Refused(match error {
            va::Error::Invalid => EINVAL,
            va::Error::Full => ENOSPC,
            va::Error::NoNodes => ENOMEM,
            va::Error::Stale => EIO,
        })
    }
}

/// A space, as long as the device may know it.
#[pin_data]
pub(crate) struct Shared<T: Driver> {
    pub(crate) device: Arc<Device<T>>,
    space: SpaceOf<T>,
    root: u64,
    /// False from a flush that failed to the next one that did not.
    pub(crate) in_step: Atomic<bool>,
    #[pin]
    state: Mutex<Stage>,
    /// Where mirrors are brought back, if its work can be suspended at any moment: it has user queues
    /// only then.
    pub(crate) returns: Option<OwnedQueue>,
    #[pin]
    pub(crate) preemption: Preemption<T>,
}

/// An address space. It ends when it is dropped: when its handle was given back, and no job is left
/// that uses it.
pub struct AddressSpace<T: Driver>(pub(crate) Arc<Shared<T>>);

/// The proof that page tables and device were in step when the last change was made: what a driver
/// needs to let the device work with an address space.
///
/// A change that another thread is making meanwhile is in step when it returns.
pub struct InStep<'a, T: Driver>(&'a Shared<T>);

impl<'a, T: Driver> InStep<'a, T> {
    /// Returns where the root table is for the device.
    pub fn root(&self) -> u64 {
        self.0.root
    }

    /// Returns what the driver keeps for the space.
    pub fn space(&self) -> &'a SpaceOf<T> {
        &self.0.space
    }
}

impl<T: Driver> AddressSpace<T> {
    /// Makes an empty one.
    ///
    /// # Errors
    ///
    /// ENOSPC, EAGAIN: as for a buffer in the region of the page tables; ENODEV; ENOMEM; those of
    /// [`Mmu::create`].
    pub(crate) fn new(
        device: &Arc<Device<T>>,
        info: &MmuInfo,
        is_preemptible: bool,
    ) -> Result<Self> {
        let place = UniqueArc::<Shared<T>>::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let returns = match is_preemptible {
            true => Some(OwnedQueue::ordered(c"accel_mirrors")?),
            false => None,
        };
        let entry = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
        let region = device.regions().get(info.tables).ok_or(EINVAL)?;
        let format = Format {
            levels: info.levels,
            page: T::Mmu::page,
            table: T::Mmu::table,
        };
        let guard = device.enter_awake()?;
        let tree = PageTree::new(format, region.clone())?;
        let root = tree.root();
        let slots = KVVec::from_elem(Slot::VACANT, FIRST_SLOTS, GFP_KERNEL_ACCOUNT)?;
        let (bounds, sizes) = (info.addresses.clone(), info.page_sizes());
        let mappings = Space::new(bounds, sizes, random::u64(), slots);
        let state = State {
            mappings: mappings.map_err(|e| Error::from(Failure::from(e)))?,
            slots: FIRST_SLOTS,
            objects: Objects::new(),
            tree,
        };
        // Nothing fails after this, so `destroy` will be called.
        let space = guard.with(|bound| T::Mmu::create(&bound.data, root))?;
        let (name, key) = lock_class::address_space();
        let Ok(shared) = place.pin_init_with(pin_init!(Shared {
            device: device.clone(),
            space,
            root,
            in_step: Atomic::new(true),
            state <- Mutex::new(Stage::new(state), name, key),
            returns,
            preemption <- Preemption::new(),
        }));
        let shared: Arc<Shared<T>> = shared.into();
        // Whoever unbinds waits for this section, and finds it.
        let is_closing = device.address_spaces.add(&shared, entry);
        if is_closing {
            guard.with(|bound| shared.preemption.close(bound));
        }
        Ok(Self(shared))
    }

    /// Returns the proof that jobs may start with it. Any context.
    ///
    /// # Errors
    ///
    /// EIO: the device did not answer to a flush, and has not since.
    pub fn in_step(&self) -> Result<InStep<'_, T>> {
        match self.0.in_step.load(Acquire) {
            true => Ok(InStep(&self.0)),
            false => Err(EIO),
        }
    }

    /// Returns whether its work can be suspended at any moment.
    pub(crate) fn is_preemptible(&self) -> bool {
        self.0.returns.is_some()
    }

    /// Returns its user queues.
    pub(crate) fn preemption(&self) -> &Preemption<T> {
        &self.0.preemption
    }

    /// Maps something; returns where.
    pub(crate) fn map(&self, info: &MmuInfo, mut request: Request) -> Result<u64> {
        // What is not mapped is dropped without locks.
        self.0.with(|state, bound| {
            state.make_room()?;
            self.0.map(state, bound, info, &mut request)
        })
    }

    /// Unmaps all that is mapped in a range.
    pub(crate) fn unmap(&self, range: Range<u64>) -> Result {
        self.0.with(|state, bound| {
            state.make_room()?;
            self.0.unmap(state, bound, range)
        })
    }

    /// Changes what jobs may do in a range.
    pub(crate) fn protect(&self, range: Range<u64>, access: u32) -> Result {
        self.0.with(|state, bound| {
            state.make_room()?;
            self.0.bring_in_step(state, bound)?;
            if access & ACCEL_MAP_WRITE != 0 {
                state.check_writable(&range)?;
            }
            self.0.change(state, bound, Change::Protect(range, access))
        })
    }
}

impl<T: Driver> Drop for AddressSpace<T> {
    fn drop(&mut self) {
        let all = match T::Mmu::INFO {
            Some(info) => info.addresses,
            None => return,
        };
        // There is room for that: nothing is split. If the device is gone, nothing is left to do; if
        // it does not answer, it may still reach the memory, which stays taken until it is gone.
        let end = |state: &mut State, bound: &Bound<'_, T>| {
            self.0.unmap(state, bound, all)?;
            T::Mmu::destroy(&bound.data, &self.0.space).map_err(|_| Failure::NotFlushed)
        };
        let has_ended = self.0.with(end).is_ok();
        let left = self.0.state.lock().leave(has_ended);
        if has_ended {
            self.0.device.address_spaces.remove(&self.0);
        }
        drop(left);
    }
}

impl<T: Driver> Shared<T> {
    /// Calls `f` with the state and the device, and drops the objects that it frees.
    pub(crate) fn with<R>(
        &self,
        f: impl FnOnce(&mut State, &Bound<'_, T>) -> Result<R, Failure>,
    ) -> Result<R> {
        let (result, freed) = self.apply(f);
        drop(freed);
        Ok(result?)
    }

    /// Calls `f` with the state and the device; returns the objects that it frees, too, unless the space
    /// is gone.
    fn apply<R>(
        &self,
        f: impl FnOnce(&mut State, &Bound<'_, T>) -> Result<R, Failure>,
    ) -> (Result<R, Failure>, Option<Freed>) {
        // Before the lock: this may wait.
        self.apply_in(self.device.enter_awake(), f)
    }

    /// As [`Shared::apply`], in a section of the device.
    fn apply_in<R>(
        &self,
        section: Result<Section<'_, T>>,
        f: impl FnOnce(&mut State, &Bound<'_, T>) -> Result<R, Failure>,
    ) -> (Result<R, Failure>, Option<Freed>) {
        let mut stage = self.state.lock();
        let result = match (stage.known(), section) {
            (Some(state), Ok(guard)) => {
                let result = guard.with(|bound| f(state, bound));
                state.tree.release();
                result
            }
            _ => Err(Failure::Refused(ENODEV)),
        };
        let freed = stage.known().map(|state| state.objects.take_freed());
        (result, freed)
    }

    /// Unmaps what is mapped for the device by [`DeviceMapping`](crate::memory) `id`; returns whether
    /// nothing of it is left.
    pub(crate) fn let_go(&self, id: usize) -> bool {
        // Other devices, too, make ready for the sleep of the system, and then it can be reached still.
        let (result, freed) = self.apply_in(self.device.enter(), |state, bound| {
            // What was not made in the end is in page tables, too.
            self.bring_in_step(state, bound)?;
            if state.mapped_by(id, 0).is_none() {
                return Ok(());
            }
            self.preemption.take_out(bound);
            let result = self.unmap_all(state, bound, id);
            state.objects.keep_mirrors();
            self.preemption.put_back(bound, self.in_step.load(Acquire));
            result
        });
        match freed {
            None => true,
            Some(freed) => {
                // Not here: who drops the last reference to an imported buffer may be waiting for us.
                freed.drop_later();
                result.is_ok()
            }
        }
    }

    /// Unmaps what is mapped for the device by [`DeviceMapping`](crate::memory) `id`.
    fn unmap_all(&self, state: &mut State, bound: &Bound<'_, T>, id: usize) -> Result<(), Failure> {
        while let Some((_, range)) = state.mapped_by(id, 0) {
            // There is room for that: nothing is split.
            self.unmap(state, bound, range)?;
        }
        Ok(())
    }

    fn map(
        &self,
        state: &mut State,
        bound: &Bound<'_, T>,
        info: &MmuInfo,
        request: &mut Request,
    ) -> Result<u64, Failure> {
        let number = match request.object.take() {
            Some(object) => Some(state.objects.add(object)?),
            None => None,
        };
        let result = self.map_object(state, bound, info, request, number);
        if let (Err(Failure::Refused(_)), Some(number)) = (&result, number) {
            state.objects.remove(number);
        }
        result
    }

    /// Maps object `number`, or zeroes.
    fn map_object(
        &self,
        state: &mut State,
        bound: &Bound<'_, T>,
        info: &MmuInfo,
        request: &Request,
        number: Option<u32>,
    ) -> Result<u64, Failure> {
        self.bring_in_step(state, bound).map_err(|_| EIO)?;
        let start = state.place(info, request)?;
        let end = start.checked_add(request.size).ok_or(EINVAL)?;
        let target = match number {
            Some(number) => Target::Object(number, request.offset),
            None => Target::Zeros,
        };
        let mapping = Mapping {
            range: start..end,
            target,
            flags: request.access,
        };
        self.change(state, bound, Change::Map(mapping))?;
        Ok(start)
    }

    fn unmap(
        &self,
        state: &mut State,
        bound: &Bound<'_, T>,
        range: Range<u64>,
    ) -> Result<(), Failure> {
        self.bring_in_step(state, bound)?;
        self.change(state, bound, Change::Unmap(range))
    }

    /// Writes and flushes everything if the device did not answer the last time.
    pub(crate) fn bring_in_step(
        &self,
        state: &mut State,
        bound: &Bound<'_, T>,
    ) -> Result<(), Failure> {
        match self.in_step.load(Acquire) {
            true => Ok(()),
            false => {
                self.change(state, bound, Change::Rebuild)?;
                self.preemption.resume(bound);
                Ok(())
            }
        }
    }

    /// Makes a change.
    pub(crate) fn change(
        &self,
        state: &mut State,
        bound: &Bound<'_, T>,
        change: Change,
    ) -> Result<(), Failure> {
        let State {
            mappings,
            objects,
            tree,
            ..
        } = state;
        let range = change.range(mappings);
        let pending = change.plan(mappings)?;
        let mut needs = Needs::default();
        let pieces = |number, offset| objects.piece(number, offset);
        pending.steps(pieces, |step| tree.count(&mut needs, &step));
        tree.reserve(&needs)?;
        let written = pending.write(pieces, |step| tree.write(&step));
        tree.prune(&range);
        let flush = |stale: Range<u64>| {
            tree.written()?;
            T::Mmu::flush(&bound.data, &self.space, stale)
        };
        let result = written.flush(flush, |unmapped| objects.unmapped(&unmapped));
        self.in_step.store(result.is_ok(), Release);
        if result.is_err() {
            return Err(Failure::NotFlushed);
        }
        tree.flushed();
        Ok(())
    }

    /// The device is gone, so nothing reaches anything any more.
    pub(crate) fn gone(&self) {
        let state = self.state.lock().forget();
        drop(state);
    }
}
