// SPDX-License-Identifier: GPL-2.0

//! Sleep: nobody reaches the device, and it does nothing, until it is woken.
//!
//! What needs the device in process context enters it by [`Device::enter_awake`], and waits there as long
//! as it sleeps. Interrupts, and works that lead to the end of jobs, do not: no job is in flight then.
//!
//! Falling asleep begins with a question: the device is drowsy until all have left that found it awake, and
//! whoever comes meanwhile has it stay awake. So nobody is waited for who waits, in a section that he
//! entered without asking, for the device to wake. From then on all wait.
//!
//! It sleeps with the system, or dozes when nobody has used it for a while: then who waits has it woken
//! first. Who only looks, as monitors do, neither wakes it nor keeps it awake
//! ([`Device::enter_if_awake`]).

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc,
        CondVar,
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use kernel_ext::{
    aperture::Aperture,
    power::{
        self,
        Sleeper, //
    },
    time::monotonic_ns, //
};

use crate::{
    answer::Answer,
    device::{
        Bound,
        Device,
        Section, //
    },
    done::DoneList,
    driver::Driver,
    engine::Engine,
    events::ResetReason,
    health, lock_class,
    region::Region,
    scheduler::Scheduler,
    scheduler_state::Mode,
    uapi::accel_info_sleep,
};

/// Somebody has used it since it was last asked whether it can doze.
const AWAKE: u32 = 0;
/// Nobody has.
const UNUSED: u32 = 1;
/// Falls asleep, unless somebody has something against it.
const DROWSY: u32 = 2;
/// Falls asleep, or wakes up: nobody but who sees to that uses it; interrupts come.
const BETWEEN: u32 = 3;
/// Must not be touched.
const ASLEEP: u32 = 4;

/// How often a device is asked to fall asleep with the system.
const TRIES: usize = 100;

/// How much longer than its time-out a job may take when the system goes to sleep, nanoseconds: the device
/// may have to be reset because of it.
const PATIENCE_NS: u64 = 5_000_000_000;

/// How often and how long a device has slept; times are CLOCK_MONOTONIC nanoseconds.
#[derive(Default)]
struct Slept {
    /// When it fell asleep, if it sleeps.
    since: Option<u64>,
    /// How long, before that.
    before: u64,
    count: u64,
}

impl Slept {
    /// Counts that it sleeps, or does not, from now on.
    fn note(&mut self, is_asleep: bool) {
        let now = monotonic_ns();
        if let Some(since) = self.since.take() {
            self.before += now - since;
        }
        if is_asleep {
            self.since = Some(now);
            self.count += 1;
        }
    }

    fn told(&self) -> accel_info_sleep {
        let this_time = self.since.map_or(0, |since| monotonic_ns() - since);
        accel_info_sleep {
            since_ns: self.since.unwrap_or(0),
            asleep_ns: self.before + this_time,
            count: self.count,
        }
    }
}

/// Whether a device is awake.
#[pin_data]
pub(crate) struct Power {
    state: Atomic<u32>,
    /// The system sleeps, or is about to: the device wakes with it, and not earlier.
    is_with_system: Atomic<bool>,
    #[pin]
    lock: Mutex<Slept>,
    #[pin]
    woken: CondVar,
}

impl Power {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (lock, woken) = (lock_class::power(), lock_class::woken());
        pin_init!(Self {
            state: Atomic::new(AWAKE),
            is_with_system: Atomic::new(false),
            lock <- Mutex::new(Slept::default(), lock.0, lock.1),
            woken <- CondVar::new(woken.0, woken.1),
        })
    }

    /// Returns whether it is awake, and known to be used; who asks inside [`Device::enter`] is waited for
    /// by who puts it to sleep.
    #[inline]
    fn is_used(&self) -> bool {
        self.state.load(Acquire) == AWAKE
    }

    /// As [`Power::is_used`], whether or not it is used.
    pub(crate) fn is_awake(&self) -> bool {
        matches!(self.state.load(Acquire), AWAKE | UNUSED)
    }

    /// Returns whether it must not be touched.
    #[inline]
    pub(crate) fn is_asleep(&self) -> bool {
        self.state.load(Relaxed) == ASLEEP
    }

    /// Returns how it has slept.
    pub(crate) fn slept(&self) -> accel_info_sleep {
        self.lock.lock().told()
    }

    /// Has it stay awake if that is possible; returns whether it is.
    fn keep(&self) -> bool {
        for state in [UNUSED, DROWSY] {
            let _ = self.state.cmpxchg(state, AWAKE, Full);
        }
        self.is_used()
    }

    /// Waits until it `is_right`.
    fn wait(&self, is_right: impl Fn() -> bool) {
        let mut lock = self.lock.lock();
        while !is_right() {
            self.woken.wait(&mut lock);
        }
    }

    fn set(&self, state: u32) {
        let mut slept = self.lock.lock();
        self.state.store(state, Relaxed);
        slept.note(state == ASLEEP);
        drop(slept);
        self.woken.notify_all();
    }

    /// The device is gone: nobody need wait.
    pub(crate) fn gone(&self) {
        self.set(AWAKE);
    }
}

/// Returns whether devices of a driver sleep when nobody uses them.
pub(crate) const fn can_doze<T: Driver>() -> bool {
    T::HAS_SUSPEND && T::HAS_RESUME
}

/// Answers ACCEL_INFO_SLEEP.
pub(crate) fn sleep<T: Driver>(
    device: &Device<T>,
    _: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    answer.push(&device.power.slept())
}

impl<T: Driver> Device<T> {
    /// As [`Device::enter`], with the device awake; waits until it is. Process context, without locks
    /// that who puts it to sleep or wakes it takes.
    #[inline]
    pub(crate) fn enter_awake(&self) -> Result<Section<'_, T>> {
        let guard = self.enter()?;
        match self.power.is_used() {
            true => Ok(guard),
            false => {
                drop(guard);
                self.enter_late(|| self.power.keep())
            }
        }
    }

    /// As [`Device::enter_awake`], for what can wait when the device is about to fall asleep.
    pub(crate) fn enter_patiently(&self) -> Result<Section<'_, T>> {
        self.enter_late(|| self.power.is_awake())
    }

    /// As [`Device::enter_awake`], but does not wait for the system.
    pub(crate) fn enter_reachable(&self) -> Result<Section<'_, T>> {
        match self.power.is_with_system.load(Relaxed) {
            true => self.enter(),
            false => self.enter_awake(),
        }
    }

    /// As [`Device::enter`], unless the device sleeps (EAGAIN).
    pub(crate) fn enter_if_awake(&self) -> Result<Section<'_, T>> {
        let guard = self.enter()?;
        match self.power.is_awake() || self.power.keep() {
            true => Ok(guard),
            false => Err(EAGAIN),
        }
    }

    /// Enters a section in which the device is asked something: it is woken for clients, for monitors it is
    /// not (EAGAIN).
    pub(crate) fn enter_to_ask(&self, is_client: bool) -> Result<Section<'_, T>> {
        match is_client {
            true => self.enter_awake(),
            false => self.enter_if_awake(),
        }
    }

    #[cold]
    fn enter_late(&self, is_awake: impl Fn() -> bool) -> Result<Section<'_, T>> {
        let is_with_system = || self.power.is_with_system.load(Relaxed);
        loop {
            let guard = self.enter()?;
            if is_awake() {
                return Ok(guard);
            }
            drop(guard);
            let woken = power::wake(&*self.parent);
            self.power.wait(|| is_awake() || !is_with_system());
            if woken.is_err() && !is_awake() && !is_with_system() {
                return Err(EIO);
            }
        }
    }

    /// Waits until nobody uses the device who found it awake. EBUSY: there is always somebody.
    fn leave_alone(&self) -> Result {
        for _ in 0..TRIES {
            self.power.set(DROWSY);
            self.cell.synchronize();
            if self.power.state.cmpxchg(DROWSY, BETWEEN, Full).is_ok() {
                return Ok(());
            }
        }
        Err(EBUSY)
    }

    /// Waits until no job is in flight. EBUSY: one goes on and on.
    fn wait_for_jobs(&self) -> Result {
        let longest = self.schedulers.iter().map(|s| s.longest_timeout_ns()).max();
        let end = monotonic_ns() + longest.unwrap_or(0) + PATIENCE_NS;
        while !self.schedulers.iter().all(|scheduler| scheduler.is_idle()) {
            if monotonic_ns() > end {
                return Err(EBUSY);
            }
            fsleep(Delta::from_millis(1));
        }
        Ok(())
    }

    /// Has the device do nothing any more. ENODEV; EBUSY: it does not end what it does; errors of
    /// [`Driver::suspend`].
    fn fall_asleep(&self) -> Result {
        for scheduler in &self.schedulers {
            scheduler.rest();
        }
        self.wait_for_jobs()?;
        self.switch_off()
    }

    /// Does what is left to do when no job is in flight, and none is started.
    fn switch_off(&self) -> Result {
        self.enter()?.with(|bound| {
            self.address_spaces.suspend(bound);
            let _one_at_a_time = self.recovery.lock();
            bound.panel.keep_counters(&bound.data);
            let result = match T::HAS_SUSPEND && self.health.state() != health::State::Wedged {
                true => T::suspend(&bound.data),
                false => Ok(()),
            };
            if result.is_err() {
                self.address_spaces.resume(bound);
                return result;
            }
            self.power.set(ASLEEP);
            bound.lines.synchronize();
            Ok(())
        })
    }

    /// Has schedulers rest, and mappings wait. EBUSY: something is to be done, or may be at any moment
    /// without a word to the kernel.
    fn stop_using(&self) -> Result {
        let has_jobs = self.queues.lock().values().any(|queue| queue.has_armed());
        let is_dirty = |region: &Arc<Region>| region.usage().dirty != 0;
        if has_jobs || self.user_times.has_queues() || self.regions().iter().any(is_dirty) {
            return Err(EBUSY);
        }
        let rests = self
            .schedulers
            .iter()
            .all(|scheduler| scheduler.rest_if_idle());
        match rests && self.apertures().all(|aperture| aperture.sleep()) {
            true => Ok(()),
            false => Err(EBUSY),
        }
    }

    /// Returns by what CPUs reach it without a word to the kernel.
    fn apertures(&self) -> impl Iterator<Item = &Aperture> + '_ {
        let regions = self.regions().iter().map(|region| region.info());
        let visible = regions.filter_map(|info| Some(&*info.visible.as_ref()?.aperture));
        Iterator::chain(visible, self.doorbells().map(|all| all.aperture()))
    }

    /// Goes on with what was stopped.
    fn get_up(&self, bound: &Bound<'_, T>) {
        for aperture in self.apertures() {
            aperture.wake();
        }
        self.power.set(AWAKE);
        for scheduler in &self.schedulers {
            scheduler.rise(bound);
        }
        bound.watch.clone().arm();
    }

    /// Makes a device that sleeps ready, or gives it up.
    fn wake_up(&self, bound: &Bound<'_, T>, has_forgotten: bool) {
        let mut recovery = self.recovery.lock();
        let is_well = || T::HAS_RESUME && !has_forgotten && T::resume(&bound.data).is_ok();
        if self.health.state() != health::State::Wedged && !is_well() {
            // If that fails, it is given up.
            let _ = self.reset_all(bound, &mut recovery, ResetReason::Wake);
        }
    }
}

impl<T: Driver> Scheduler<T> {
    /// Starts nothing until [`Scheduler::rise`].
    fn rest(&self) {
        let mut state = self.state.lock();
        if state.mode == Mode::Open {
            state.mode = Mode::Resting;
        }
    }

    /// Starts what has waited since [`Scheduler::rest`].
    fn rise(&self, bound: &Bound<'_, T>) {
        let mut done = DoneList::new();
        let mut state = self.state.lock();
        if state.mode == Mode::Resting {
            state.mode = Mode::Open;
            self.start_all(&mut state, bound, &mut done);
        }
        drop(state);
        self.tell(bound, done);
    }

    /// As [`Scheduler::rest`], if it has no job; returns whether it does.
    fn rest_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        let is_idle = state.ready.count() == 0 && state.engines.iter().all(Engine::is_idle);
        if is_idle && state.mode == Mode::Open {
            state.mode = Mode::Resting;
        }
        is_idle && state.mode == Mode::Resting
    }

    /// Returns whether none of its engines has a job.
    fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.engines.iter().all(Engine::is_idle)
    }

    /// Returns the longest time-out of its engines.
    fn longest_timeout_ns(&self) -> u64 {
        let state = self.state.lock();
        state
            .engines
            .iter()
            .map(Engine::timeout_ns)
            .max()
            .unwrap_or(0)
    }
}

impl<T: Driver> Device<T> {
    /// Calls `f` in a section; the device is bound, or there is nothing to do.
    fn bound(&self, f: impl FnOnce(&Bound<'_, T>)) {
        match self.enter() {
            Ok(guard) => guard.with(|bound| f(bound)),
            Err(_) => self.power.gone(),
        }
    }

    /// Undoes what has put it to sleep, if that was done.
    fn end_sleep(&self, lost_power: bool) {
        // Else it is awake.
        if self.power.is_asleep() {
            self.bound(|bound| {
                self.power.set(BETWEEN);
                self.wake_up(bound, lost_power || !T::HAS_SUSPEND);
                self.address_spaces.resume(bound);
                self.get_up(bound);
            });
        }
    }
}

impl<T: Driver> Sleeper for Device<T> {
    fn suspend(&self, loses_power: bool) -> Result {
        if loses_power && !self.regions().is_empty() {
            dev_info!(self.parent, "would lose its memory\n");
            return Err(EBUSY);
        }
        self.power.is_with_system.store(true, Relaxed);
        let result = self.leave_alone().and_then(|()| self.fall_asleep());
        if result.is_err() {
            self.power.is_with_system.store(false, Relaxed);
            self.bound(|bound| self.get_up(bound));
        }
        result
    }

    fn resume(&self, lost_power: bool) {
        self.power.is_with_system.store(false, Relaxed);
        self.end_sleep(lost_power);
    }

    fn can_doze(&self) -> bool {
        can_doze::<T>()
    }

    fn doze(&self) -> Result {
        let state = &self.power.state;
        if state.cmpxchg(UNUSED, DROWSY, Full).is_err() {
            let _ = state.cmpxchg(AWAKE, UNUSED, Full);
            return Err(EBUSY);
        }
        self.cell.synchronize();
        if state.cmpxchg(DROWSY, BETWEEN, Full).is_err() {
            return Err(EBUSY);
        }
        let result = self.stop_using().and_then(|()| self.switch_off());
        result.map_err(|_| {
            self.bound(|bound| self.get_up(bound));
            EBUSY
        })
    }

    fn wake(&self) {
        self.end_sleep(false);
    }
}
