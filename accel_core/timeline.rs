// SPDX-License-Identifier: GPL-2.0

//! A timeline: a number that grows with what is done, as jobs, fences and the CPU add points to it.
//!
//! Where it is and what is behind it, [`Points`] knows; here are the lock, the fences and those who
//! wait. A point is backed by a callback of its fence, which completes it. Callbacks come with the
//! lock of their fence held, and then take ours; so no fence is used under our lock, and nothing
//! is dropped there: what has ended stays until the next one who comes in process context.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    }, //
};
use kernel_ext::{
    dma_fence::Fence,
    dma_fence_callback::{
        Callback,
        UnattachedCallback, //
    },
    dma_fence_unwrap, //
};

use crate::{
    logic::timeline::{
        Points,
        Refused,
        Slot, //
    },
    timeline_point::{
        FenceEnded,
        Place,
        Reserved, //
    },
    timelines::Registry,
    uapi::{
        ACCEL_TIMELINE_DEPTH,
        ACCEL_TIMELINE_EVENTFDS, //
    },
    watchers::{
        Key,
        Notify,
        Reservation,
        Until,
        Watcher,
        Watchers, //
    },
};

/// How many slots the first point makes.
const FIRST_SLOTS: usize = 8;
const DEPTH: usize = ACCEL_TIMELINE_DEPTH as usize;

/// What backs a point.
pub(crate) type Backing = Pin<KBox<Callback<FenceEnded>>>;

/// Where the points are.
pub(crate) struct Slots(KVVec<Slot<Backing>>);

impl Slots {
    const NONE: Self = Self(KVVec::new());

    fn new(count: usize) -> Result<Self> {
        let mut slots = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..count {
            slots.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self(slots))
    }
}

impl AsRef<[Slot<Backing>]> for Slots {
    fn as_ref(&self) -> &[Slot<Backing>] {
        &self.0
    }
}

impl AsMut<[Slot<Backing>]> for Slots {
    fn as_mut(&mut self) -> &mut [Slot<Backing>] {
        &mut self.0
    }
}

/// Why there is no more to come.
#[derive(Clone, Copy)]
enum Ended {
    /// Its handle is gone: nobody adds points, but those that were added go on.
    Closed,
    /// Nobody is to wait any longer.
    Over(Error),
}

struct State {
    points: Points<Backing, Slots>,
    watchers: Watchers,
    ended: Option<Ended>,
    /// Somebody says how far it is; nobody adds points.
    is_driven: bool,
}

impl State {
    /// Refuses more points. ENOENT: closed; ENODEV; why who drives it has stopped.
    fn check(&self) -> Result {
        match self.ended {
            None => Ok(()),
            Some(Ended::Closed) => Err(ENOENT),
            Some(Ended::Over(error)) => Err(error),
        }
    }
}

impl State {
    fn reached(&self, until: Until) -> u64 {
        match until {
            Until::Done => self.points.value(),
            Until::Backed => self.points.backed(),
        }
    }

    /// Returns beyond which point none will be reached, and why.
    fn lost(&self) -> Option<(Error, u64)> {
        match self.ended? {
            Ended::Closed => Some((ENOENT, self.points.last())),
            Ended::Over(error) => Some((error, 0)),
        }
    }

    /// Returns what is to be said of a point, if it is certain.
    fn verdict(&self, point: u64, until: Until) -> Option<Result> {
        if point <= self.reached(until) {
            return Some(Ok(()));
        }
        let (error, last) = self.lost()?;
        (point > last).then_some(Err(error))
    }

    /// Tells who waits after anything has changed.
    fn tell(&mut self) {
        for until in Until::ALL {
            let (reached, lost) = (self.reached(until), self.lost());
            self.watchers.tell(until, reached, lost);
        }
    }
}

/// What a timeline shares with its fences and its reserved points, which do not keep it: without a
/// [`Timeline`] nobody can wait for it.
#[pin_data]
pub(crate) struct Shared {
    #[pin]
    state: SpinLockIrq<State>,
}

impl Shared {
    /// Changes the points, and tells who waits. Any context.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Points<Backing, Slots>) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state.points);
        state.tell();
        result
    }

    fn end(&self, why: Ended) {
        let mut state = self.state.lock();
        if !matches!(state.ended, Some(Ended::Over(_))) {
            state.ended = Some(why);
        }
        state.tell();
    }

    /// Nobody is to wait any longer: the device is gone. Points that are backed go on.
    pub(crate) fn gone(&self) {
        self.end(Ended::Over(ENODEV));
    }

    /// Drops what has ended.
    fn reap(&self) {
        let told = self.state.lock().watchers.take_told();
        drop(told);
        loop {
            let ended = self.state.lock().points.take_ended();
            if ended.is_none() {
                break;
            }
        }
    }

    /// Makes room for more than `slots` points.
    fn grow(&self, slots: usize) -> Result {
        if slots >= DEPTH {
            return Err(EDQUOT);
        }
        let mut more = Slots::new((2 * slots).clamp(FIRST_SLOTS, DEPTH))?;
        let mut state = self.state.lock();
        // Another thread may have been faster.
        if state.points.slots() < more.0.len() {
            more = state.points.replace(more);
        }
        drop(state);
        drop(more);
        Ok(())
    }
}

/// What must end before a point is done.
pub(crate) enum Dependency {
    /// Nothing.
    Done,
    /// These fences.
    Fences(KVec<ARef<Fence>>),
    /// Nobody knows yet: wait until it is backed, and ask again.
    Unbacked {
        /// It or a later one was added.
        is_added: bool,
    },
    /// Nobody can bring it about any more: ENOENT, the timeline was closed; ENODEV, the device is
    /// gone.
    Never(Error),
}

/// How far a timeline is.
pub(crate) struct Progress {
    pub(crate) value: u64,
    pub(crate) backed: u64,
    pub(crate) last: u64,
}

/// A timeline. Kept by its handle and by who waits; may sleep when dropped.
pub(crate) struct Timeline {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    number: u64,
}

impl Timeline {
    /// Makes a timeline that has come to `value`.
    ///
    /// ENODEV: the device is gone; ENOMEM.
    pub(crate) fn new(registry: &Arc<Registry>, value: u64) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                state <- new_spinlock_irq!(
                    State {
                        points: Points::new(value, Slots::NONE),
                        watchers: Watchers::new(),
                        ended: None,
                        is_driven: false,
                    },
                    "timeline"
                ),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        Ok(Self {
            number: registry.add(&shared)?,
            registry: registry.clone(),
            shared,
        })
    }

    /// Its handle is gone.
    pub(crate) fn close(&self) {
        self.shared.end(Ended::Closed);
    }

    /// Adds a point that somebody is going to back or to complete. Process context.
    ///
    /// EINVAL: not after the last one; EDQUOT: too many are not done; ENOENT: closed; EBUSY: driven;
    /// ENODEV; ENOMEM.
    pub(crate) fn reserve(&self, point: u64) -> Result<Reserved> {
        let callback = UnattachedCallback::new(GFP_KERNEL_ACCOUNT)?;
        Ok(Reserved::new(self.reserve_place(point)?, callback))
    }

    /// As [`Timeline::reserve`], for the CPU: the point cannot be backed.
    pub(crate) fn reserve_place(&self, point: u64) -> Result<Place> {
        loop {
            self.shared.reap();
            let mut state = self.shared.state.lock();
            state.check()?;
            if state.is_driven {
                return Err(EBUSY);
            }
            match state.points.reserve(point) {
                Ok(()) => break,
                Err(Refused::NotLater) => return Err(EINVAL),
                Err(Refused::Full) => (),
            }
            let slots = state.points.slots();
            drop(state);
            self.shared.grow(slots)?;
        }
        Ok(Place::new(self.shared.clone(), point))
    }

    /// Takes the right to say how far it is; it must be at 0, and have no points. Process context.
    ///
    /// EINVAL: it is not; EBUSY: somebody has the right; ENOENT: closed; why it has ended; ENODEV.
    pub(crate) fn drive(&self) -> Result<Driven> {
        self.shared.reap();
        let mut state = self.shared.state.lock();
        if state.is_driven {
            return Err(EBUSY);
        }
        state.check()?;
        if state.points.last() != 0 {
            return Err(EINVAL);
        }
        state.is_driven = true;
        Ok(Driven(self.shared.clone()))
    }

    /// Returns how far it is. Process context.
    pub(crate) fn progress(&self) -> Progress {
        self.shared.reap();
        let state = self.shared.state.lock();
        Progress {
            value: state.points.value(),
            backed: state.points.backed(),
            last: state.points.last(),
        }
    }

    /// Returns what must end before a point is done. Process context.
    ///
    /// ENOMEM.
    pub(crate) fn dependency(&self, point: u64) -> Result<Dependency> {
        let mut fences = KVec::new();
        loop {
            let state = self.shared.state.lock();
            if point <= state.points.value() {
                return Ok(Dependency::Done);
            }
            let Some(behind) = state.points.behind(point) else {
                return Ok(match state.lost() {
                    Some((error, last)) if point > last => Dependency::Never(error),
                    _ => Dependency::Unbacked {
                        is_added: point <= state.points.last(),
                    },
                });
            };
            let count = behind.count();
            if count <= fences.capacity() {
                for backing in state.points.behind(point).into_iter().flatten() {
                    fences.push_within_capacity(backing.fence().into())?;
                }
                return Ok(Dependency::Fences(fences));
            }
            drop(state);
            fences = KVec::with_capacity(count, GFP_KERNEL)?;
        }
    }

    /// Returns a fence that is signalled when a point is done. Process context.
    ///
    /// EINVAL: it is not backed; ENOMEM.
    pub(crate) fn fence(&self, point: u64) -> Result<ARef<Fence>> {
        match self.dependency(point)? {
            Dependency::Done => Ok(Fence::signaled()),
            Dependency::Fences(fences) => dma_fence_unwrap::merge(&fences),
            Dependency::Unbacked { .. } | Dependency::Never(_) => Err(EINVAL),
        }
    }

    /// Returns what is to be said of a point, if that is certain.
    pub(crate) fn verdict(&self, point: u64, until: Until) -> Option<Result> {
        self.shared.state.lock().verdict(point, until)
    }

    /// Has `notify` told about a point, unless the result is dropped before; by this call if it is
    /// certain. Process context. Keeps the timeline.
    ///
    /// ENOMEM.
    pub(crate) fn watch(
        self: &Arc<Self>,
        point: u64,
        until: Until,
        notify: Arc<dyn Notify>,
        index: usize,
    ) -> Result<Watch> {
        let watcher = Watcher {
            notify,
            index,
            is_left: false,
        };
        Ok(Watch {
            key: self.add_watcher(point, until, watcher)?,
            timeline: self.clone(),
            until,
        })
    }

    /// As [`Timeline::watch`], but nobody takes it back, and it does not keep the timeline.
    ///
    /// EDQUOT: too many of these; ENOMEM.
    pub(crate) fn leave_watcher(
        &self,
        point: u64,
        until: Until,
        notify: Arc<dyn Notify>,
    ) -> Result {
        let watcher = Watcher {
            notify,
            index: 0,
            is_left: true,
        };
        self.add_watcher(point, until, watcher)?;
        Ok(())
    }

    /// Returns no key if the watcher was told at once.
    fn add_watcher(&self, point: u64, until: Until, watcher: Watcher) -> Result<Option<Key>> {
        self.shared.reap();
        let place = Reservation::new(GFP_KERNEL_ACCOUNT)?;
        let mut state = self.shared.state.lock();
        if let Some(result) = state.verdict(point, until) {
            watcher.tell(result);
            drop(state);
            return Ok(None);
        }
        let left = state.watchers.left();
        if watcher.is_left && left >= ACCEL_TIMELINE_EVENTFDS as usize {
            drop(state);
            return Err(EDQUOT);
        }
        Ok(Some(state.watchers.add(until, point, watcher, place)))
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        self.registry.remove(self.number);
        self.shared.end(Ended::Over(ENOENT));
        let mut state = self.shared.state.lock();
        // Reserved points do not find their places any more; nobody can see that.
        let none = Points::new(state.points.value(), Slots::NONE);
        let points = core::mem::replace(&mut state.points, none);
        drop(state);
        // Takes the callbacks back, with which the fences keep what we share.
        drop(points);
        self.shared.reap();
    }
}

/// The right to say how far a timeline is; given back when dropped.
pub(crate) struct Driven(Arc<Shared>);

impl Driven {
    /// It is at `value`, if it was not further. Any context.
    pub(crate) fn advance(&self, value: u64) {
        self.0.change(|points| points.jump(value));
    }

    /// It goes no further: whoever waits for more gets `error`. Any context.
    pub(crate) fn end(&self, error: Error) {
        self.0.end(Ended::Over(error));
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.state.lock().is_driven = false;
    }
}

/// The wish to be told about a point; taken back when dropped, in process context.
pub(crate) struct Watch {
    timeline: Arc<Timeline>,
    until: Until,
    key: Option<Key>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            let shared = &self.timeline.shared;
            let node = shared.state.lock().watchers.remove(self.until, key);
            drop(node);
            shared.reap();
        }
    }
}
