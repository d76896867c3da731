// SPDX-License-Identifier: GPL-2.0

//! Sleep of the system, and of a device that nobody uses: what its owner does before and after.
//!
//! The kernel crate's buses leave `dev_pm_ops` of a driver empty. So the device gets a PM domain of its
//! own, with the operations of its bus and ours around them, as
//! `vga_switcheroo_init_domain_pm_ops()` does it.
//!
//! C header: [`include/linux/pm_domain.h`](srctree/include/linux/pm_domain.h)

use kernel::{
    bindings,
    device::{
        Bound,
        Device,
        DeviceContext, //
    },
    error::to_result,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

use crate::{
    bindings as ext,
    device::as_raw, //
};

/// Who owns a device that sleeps with the system. Both are called in process context, one at a time, and
/// not while the device is bound or unbound.
pub trait Sleeper: Send + Sync + 'static {
    /// The device is to do nothing any more. An error keeps the system awake. `loses_power`: what the
    /// device knows may get lost.
    fn suspend(&self, loses_power: bool) -> Result;

    /// The device may work again; also called after a sleep that did not come about. `lost_power`: it
    /// may know nothing any more.
    fn resume(&self, lost_power: bool);

    /// Returns whether the device may sleep while the system is awake.
    fn can_doze(&self) -> bool;

    /// The device is to sleep, as nobody has used it for a while. EBUSY: somebody does, so that it is to
    /// be asked again. Called in process context, as the next one; not while the system goes to sleep.
    fn doze(&self) -> Result;

    /// It is wanted.
    fn wake(&self);
}

/// Wakes a device that dozes. May sleep. EACCES: not while the system sleeps.
pub fn wake<C: DeviceContext>(dev: &Device<C>) -> Result {
    // SAFETY: The device is valid.
    to_result(unsafe { ext::accel_helper_runtime_resume(as_raw(dev)) })
}

/// What C knows.
#[repr(C)]
struct Inner {
    /// The first field: its address is that of the struct.
    domain: bindings::dev_pm_domain,
    notifier: bindings::notifier_block,
    dev: *mut bindings::device,
    /// A driver has been bound to the device, so it may doze.
    is_bound: Atomic<bool>,
    sleeper: Arc<dyn Sleeper>,
}

// SAFETY: The pointer is compared with others, and used while the device is bound; the domain and the
// notifier are the C side's.
unsafe impl Send for Inner {}
// SAFETY: As above.
unsafe impl Sync for Inner {}

/// The PM domain of a device; none once it is dropped.
///
/// # Invariants
///
/// If `inner` is there, it is the PM domain of `dev`.
pub struct Domain<'a> {
    dev: &'a Device<Bound>,
    inner: Option<KBox<Inner>>,
}

impl<'a> Domain<'a> {
    /// Has `sleeper` called when the system goes to sleep; never for a device that does not. One that
    /// has a domain, of a bus that knows better, keeps that.
    ///
    /// # Safety
    ///
    /// To be called in the probe of `dev`, if that sleeps, and dropped before it is unbound.
    pub unsafe fn new<S: Sleeper>(dev: &'a Device<Bound>, sleeper: &Arc<S>) -> Result<Self> {
        let raw = as_raw(dev);
        // SAFETY: The device is valid, and in its probe: nobody changes its domain.
        let has_domain = unsafe { !(*raw).pm_domain.is_null() };
        // SAFETY: As above.
        if has_domain || !unsafe { ext::accel_helper_device_sleeps(raw) } {
            return Ok(Self { dev, inner: None });
        }
        let domain = bindings::dev_pm_domain {
            // SAFETY: The device is valid and bound.
            ops: operations(unsafe { of_bus(raw) }.unwrap_or(pin_init::zeroed())),
            ..pin_init::zeroed()
        };
        let notifier = bindings::notifier_block {
            notifier_call: Some(notify),
            ..pin_init::zeroed()
        };
        let mut inner = KBox::new(
            Inner {
                domain,
                notifier,
                dev: raw,
                is_bound: Atomic::new(false),
                sleeper: sleeper.clone(),
            },
            GFP_KERNEL,
        )?;
        if dozes(raw, sleeper.can_doze()) {
            // SAFETY: The bus is there, and the notifier stays where it is until it is taken back.
            to_result(unsafe { ext::bus_register_notifier((*raw).bus, &raw mut inner.notifier) })?;
        }
        let domain = core::ptr::from_mut::<Inner>(&mut inner).cast();
        // SAFETY: The device is being bound. The domain stays where it is until it is taken back.
        unsafe { ext::dev_pm_domain_set(raw, domain) };
        // INVARIANT: Just set.
        Ok(Self {
            dev,
            inner: Some(inner),
        })
    }
}

/// Returns whether a device may doze: PCI has a part in that, and counts who uses the device.
fn dozes(dev: *mut bindings::device, is_able: bool) -> bool {
    // SAFETY: The device is valid.
    is_able && !unsafe { ext::accel_helper_to_pci_dev(dev) }.is_null()
}

/// What the bus does with its devices. It probes and removes them with a reference of its own, which keeps
/// them from dozing.
///
/// # Safety
///
/// `block` must be the notifier of an [`Inner`].
unsafe extern "C" fn notify(
    block: *mut bindings::notifier_block,
    action: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: It is the notifier of an `Inner`, which is there until this is not called any more.
    let inner = unsafe { &*kernel::container_of!(block, Inner, notifier) };
    if inner.dev != data.cast() {
        return 0;
    }
    // SAFETY: The device is valid, and its lock held.
    unsafe {
        match action as u32 {
            bindings::bus_notifier_event_BUS_NOTIFY_BOUND_DRIVER => {
                inner.is_bound.store(true, Relaxed);
                ext::accel_helper_runtime_begin(inner.dev);
            }
            bindings::bus_notifier_event_BUS_NOTIFY_UNBIND_DRIVER => {
                ext::accel_helper_runtime_hold(inner.dev);
            }
            _ => (),
        }
    }
    0
}

impl Drop for Domain<'_> {
    fn drop(&mut self) {
        let Some(inner) = &mut self.inner else {
            return;
        };
        let raw = as_raw(self.dev);
        // SAFETY: By the type invariants. Whoever calls the operations holds the lock of the device, as
        // does who unbinds it, or a reference of the sort that is held since `notify`.
        unsafe {
            if dozes(raw, inner.sleeper.can_doze()) {
                ext::bus_unregister_notifier((*raw).bus, &raw mut inner.notifier);
            }
            ext::dev_pm_domain_set(raw, core::ptr::null_mut());
            if inner.is_bound.load(Relaxed) {
                ext::accel_helper_runtime_end(raw);
            }
        }
    }
}

/// Returns the operations of the bus, if it has any.
///
/// # Safety
///
/// `dev` must be valid and bound.
unsafe fn of_bus(dev: *mut bindings::device) -> Option<bindings::dev_pm_ops> {
    // SAFETY: By the requirements of this function; a bus and its operations live as long.
    unsafe { (*(*dev).bus).pm.as_ref() }.copied()
}

/// Puts ours around the operations of a bus.
fn operations(bus: bindings::dev_pm_ops) -> bindings::dev_pm_ops {
    bindings::dev_pm_ops {
        prepare: Some(prepare),
        suspend: Some(suspend),
        suspend_noirq: Some(suspend_noirq),
        resume: Some(resume),
        freeze: Some(freeze),
        thaw: Some(thaw),
        poweroff: Some(poweroff),
        restore: Some(restore),
        runtime_suspend: Some(runtime_suspend),
        runtime_resume: Some(runtime_resume),
        ..bus
    }
}

type Operation = Option<unsafe extern "C" fn(*mut bindings::device) -> c_int>;

/// Calls an operation of the bus, if it has that.
///
/// # Safety
///
/// `dev` must be valid and bound, and in the state that the operation is for.
unsafe fn call_bus(
    dev: *mut bindings::device,
    operation: fn(&bindings::dev_pm_ops) -> Operation,
) -> Result {
    // SAFETY: By the requirements of this function.
    match unsafe { of_bus(dev) }.as_ref().and_then(operation) {
        // SAFETY: As above.
        Some(operation) => to_result(unsafe { operation(dev) }),
        None => Ok(()),
    }
}

/// Returns who owns a device.
///
/// # Safety
///
/// The domain of `dev` must be ours, and stay so as long as what is returned is used.
unsafe fn sleeper<'a>(dev: *mut bindings::device) -> &'a dyn Sleeper {
    // SAFETY: By the requirements of this function, and those of `Inner`.
    unsafe { &*(*(*dev).pm_domain.cast::<Inner>()).sleeper }
}

/// Puts a device to sleep, first the owner, then the bus.
///
/// # Safety
///
/// As [`sleeper`] and [`call_bus`].
unsafe fn down(
    dev: *mut bindings::device,
    loses_power: bool,
    operation: fn(&bindings::dev_pm_ops) -> Operation,
) -> c_int {
    // SAFETY: By the requirements of this function.
    let sleeper = unsafe { sleeper(dev) };
    // SAFETY: As above. One that dozes is woken first.
    unsafe { ext::accel_helper_runtime_resume(dev) };
    let result = sleeper.suspend(loses_power).and_then(|()| {
        // SAFETY: As above.
        unsafe { call_bus(dev, operation) }.inspect_err(|_| sleeper.resume(false))
    });
    result.map_or_else(Error::to_errno, |()| 0)
}

/// Wakes a device, first the bus, then the owner: it is told also if the bus has failed, as it knows what
/// to do with a device that does not answer.
///
/// # Safety
///
/// As [`down`].
unsafe fn up(
    dev: *mut bindings::device,
    lost_power: bool,
    operation: fn(&bindings::dev_pm_ops) -> Operation,
) -> c_int {
    // SAFETY: By the requirements of this function.
    let result = unsafe { call_bus(dev, operation) };
    // SAFETY: As above.
    unsafe { sleeper(dev) }.resume(lost_power);
    result.map_or_else(Error::to_errno, |()| 0)
}

/// The bus may say that the device sleeps and can be left so: the owner knows better.
///
/// # Safety
///
/// To be called by the PM core, for a bound device whose domain is ours, with its lock held.
unsafe extern "C" fn prepare(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe { call_bus(dev, |bus| bus.prepare) }.map_or_else(Error::to_errno, |()| 0)
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn suspend(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe {
        down(dev, ext::accel_helper_suspend_loses_power(), |bus| {
            bus.suspend
        })
    }
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn suspend_noirq(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    let result = unsafe { call_bus(dev, |bus| bus.suspend_noirq) };
    if result.is_ok() {
        // SAFETY: As above; the bus has saved what is to be saved. It leaves devices on whose driver has
        // no operations.
        unsafe { ext::accel_helper_pci_sleep(dev) };
    }
    result.map_or_else(Error::to_errno, |()| 0)
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn resume(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe {
        up(dev, ext::accel_helper_suspend_lost_power(), |bus| {
            bus.resume
        })
    }
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn freeze(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe { down(dev, true, |bus| bus.freeze) }
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn thaw(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe { up(dev, false, |bus| bus.thaw) }
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn poweroff(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe { down(dev, true, |bus| bus.poweroff) }
}

/// # Safety
///
/// As [`prepare`].
unsafe extern "C" fn restore(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    unsafe { up(dev, true, |bus| bus.restore) }
}

/// # Safety
///
/// To be called by the PM core, for a device whose domain is ours: who unbinds it has a reference.
unsafe extern "C" fn runtime_suspend(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    let inner = unsafe { &*(*dev).pm_domain.cast::<Inner>() };
    if !inner.is_bound.load(Relaxed) {
        return Error::to_errno(EBUSY);
    }
    let result = inner.sleeper.doze().and_then(|()| {
        // SAFETY: As above.
        unsafe { call_bus(dev, |bus| bus.runtime_suspend) }.inspect_err(|_| inner.sleeper.wake())
    });
    if result.is_err() {
        // SAFETY: The device is valid. It is asked again after as long.
        unsafe { ext::accel_helper_runtime_used(dev) };
    }
    result.map_or_else(Error::to_errno, |()| 0)
}

/// # Safety
///
/// As [`runtime_suspend`].
unsafe extern "C" fn runtime_resume(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the requirements of this function.
    let result = unsafe { call_bus(dev, |bus| bus.runtime_resume) };
    // SAFETY: As above. It is told also if the bus has failed, as in `up`.
    unsafe { sleeper(dev) }.wake();
    result.map_or_else(Error::to_errno, |()| 0)
}
