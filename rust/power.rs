// SPDX-License-Identifier: GPL-2.0

//! Sleep of the system: what the owner of a device does before and after.
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
        Device, //
    },
    error::to_result,
    prelude::*,
    sync::Arc, //
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
}

/// What C knows.
#[repr(C)]
struct Inner {
    /// The first field: its address is that of the struct.
    domain: bindings::dev_pm_domain,
    sleeper: Arc<dyn Sleeper>,
}

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
        let sleeper = sleeper.clone();
        let mut inner = KBox::new(Inner { domain, sleeper }, GFP_KERNEL)?;
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

impl Drop for Domain<'_> {
    fn drop(&mut self) {
        if self.inner.is_some() {
            // SAFETY: By the type invariants. Whoever calls the operations holds the lock of the device,
            // and so does who unbinds it.
            unsafe { ext::dev_pm_domain_set(as_raw(self.dev), core::ptr::null_mut()) };
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
