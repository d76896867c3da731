// SPDX-License-Identifier: GPL-2.0

//! Data that exists exactly while a device is bound to its driver.
//!
//! A driver's BARs, interrupts and DMA memory may only be touched while the device is bound, but
//! open files outlive that. [`bind`] keeps such data in a [`Cell`] and takes it back in a devres
//! action of the parent device, so nothing a driver does (or forgets) can keep it too long:
//! devres runs after the bus data of the driver is gone and before the device is unbound
//! (`device_unbind_cleanup()` in `drivers/base/dd.c`).
//!
//! Access is by [`Cell::enter`], an SRCU read-side section. Unbinding waits for these sections,
//! so nothing in one may wait for user space.
//!
//! Soundness of the lifetime: the data borrows from the parent only, because [`Owner::probe`] must
//! work for every `'a`, and the parent is a bus device; it is dropped while that is still bound.

use core::{
    cell::UnsafeCell,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device::{
        self,
        Bound, //
    },
    error::to_result,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        srcu, Arc, LockClassKey, Srcu,
    }, //
};

use crate::device::as_raw;

/// The lock class of all cells. Not generic: there must be one name and one key.
#[inline(never)]
fn lock_class() -> (&'static CStr, Pin<&'static LockClassKey>) {
    (c"bound", static_lock_class!())
}

/// A type constructor `'a -> Of<'a>`: data that borrows from a bound device.
pub trait BoundData: 'static {
    /// The data.
    type Of<'a>: Send + Sync + 'a;
}

/// Something that has data while its parent device is bound.
///
/// # Safety
///
/// [`Owner::cell`] must always return the same cell, and nobody else's; the owner must be bound once
/// only.
pub unsafe trait Owner: Sized + Send + Sync + 'static {
    /// The device on its bus.
    type Parent: device::AsBusDevice<Bound> + 'static;
    /// What it has while bound.
    type Data: BoundData;

    /// Where the data is kept.
    fn cell(&self) -> &Cell<Self::Data>;

    /// Makes the data.
    fn probe<'a>(
        this: &Arc<Self>,
        parent: &'a Self::Parent,
    ) -> Result<Pin<KBox<<Self::Data as BoundData>::Of<'a>>>>;

    /// The data is reachable: come out.
    fn bound(this: &Arc<Self>, parent: &Self::Parent) -> Result;

    /// The device is about to be unbound, the data is still reachable: hide. Also called if
    /// [`Owner::bound`] failed.
    fn unbinding(&self);

    /// Nobody reaches the data any more; it is dropped next, with the parent still bound.
    fn unbound(&self, data: Pin<&<Self::Data as BoundData>::Of<'_>>);
}

/// Where bound data is kept.
///
/// # Invariants
///
/// `data` is `Some` while `alive` is true. `data` is only written while `alive` is false and no
/// SRCU read-side section that saw it true exists.
#[pin_data]
pub struct Cell<D: BoundData> {
    #[pin]
    srcu: Srcu,
    alive: Atomic<bool>,
    data: UnsafeCell<Option<NonNull<D::Of<'static>>>>,
}

// SAFETY: `D::Of` is `Send + Sync` for every lifetime; access is ordered as the invariants say.
unsafe impl<D: BoundData> Send for Cell<D> {}
// SAFETY: As above.
unsafe impl<D: BoundData> Sync for Cell<D> {}

impl<D: BoundData> Cell<D> {
    /// Makes an empty cell.
    pub fn new() -> impl PinInit<Self, Error> {
        let (name, key) = lock_class();
        try_pin_init!(Self {
            srcu <- Srcu::new(name, key),
            alive: Atomic::new(false),
            data: UnsafeCell::new(None),
        })
    }

    /// Returns whether the device is bound; it may be unbound at any moment.
    #[inline]
    pub fn is_alive(&self) -> bool {
        self.alive.load(Acquire)
    }

    /// Waits for all sections that were entered before. May sleep; not to be called in one.
    pub fn synchronize(&self) {
        self.srcu.synchronize();
    }

    /// Enters a section in which the data stays reachable, unless it is gone.
    ///
    /// Nothing in the section may wait for user space, its memory included.
    #[inline]
    pub fn enter(&self) -> Option<Guard<'_, D>> {
        let srcu = self.srcu.read_lock();
        if !self.alive.load(Acquire) {
            return None;
        }
        // SAFETY: By the type invariants nobody writes `data` during this section.
        let data = unsafe { *self.data.get() }?;
        Some(Guard { data, _srcu: srcu })
    }

    /// Makes `data` reachable.
    ///
    /// # Safety
    ///
    /// [`Cell::revoke`] must be called before `'a` ends, and the cell must be empty.
    unsafe fn publish<'a>(&self, data: Pin<KBox<D::Of<'a>>>) {
        // SAFETY: The data stays pinned: `revoke` hands it out pinned again.
        let raw = KBox::into_raw(unsafe { Pin::into_inner_unchecked(data) });
        // SAFETY: `alive` is false and, as the cell is empty, always was: nobody reads `data`.
        unsafe { *self.data.get() = NonNull::new(raw.cast()) };
        // INVARIANT: `data` is `Some`.
        self.alive.store(true, Release);
    }

    /// Makes the data unreachable, waits for all sections and returns it.
    fn revoke(&self) -> Option<Pin<KBox<D::Of<'static>>>> {
        self.alive.store(false, Release);
        self.srcu.synchronize();
        // SAFETY: `alive` is false and all sections that saw it true have ended.
        let data = unsafe { (*self.data.get()).take() }?;
        // SAFETY: The pointer came from `KBox::into_raw` in `publish` and was taken only once.
        let data = unsafe { KBox::from_raw(data.as_ptr()) };
        Some(data.into())
    }
}

/// Proof that the device is bound; see [`Cell::enter`].
pub struct Guard<'a, D: BoundData> {
    data: NonNull<D::Of<'static>>,
    _srcu: srcu::Guard<'a>,
}

impl<D: BoundData> Guard<'_, D> {
    /// Calls `f` with the data.
    ///
    /// The data is lent for every lifetime, so that nothing that borrows from it can leave `f`, and
    /// with a lifetime of its own, so that it cannot be made to borrow from itself.
    #[inline]
    pub fn with<R>(&self, f: impl for<'x, 'd> FnOnce(&'x D::Of<'d>) -> R) -> R {
        // SAFETY: Reachable until the SRCU section ends, by the invariants of `Cell`. Lifetimes do
        // not affect layout, and `f` cannot keep the one it is given.
        f(unsafe { self.data.cast().as_ref() })
    }
}

/// Probes `owner` on `parent` and takes its data back when `parent` is unbound.
pub fn bind<O: Owner>(owner: Arc<O>, parent: &O::Parent) -> Result {
    let data = O::probe(&owner, parent)?;
    // SAFETY: The cell is empty, as an `Owner` is bound once. `undo` revokes while the parent is
    // bound, which `'a`, chosen by us, does not outlast.
    unsafe { owner.cell().publish(data) };

    let cookie = Arc::into_raw(owner.clone()).cast_mut().cast::<c_void>();
    // SAFETY: The parent is bound; `undo` takes the reference that `cookie` is.
    let ret = to_result(unsafe {
        bindings::devm_add_action(as_raw(parent.as_ref()), Some(undo::<O>), cookie)
    });
    if let Err(e) = ret {
        // SAFETY: Not added, so we still own `cookie`; the parent is bound.
        unsafe { undo::<O>(cookie) };
        return Err(e);
    }
    O::bound(&owner, parent)
}

/// The devres action.
///
/// # Safety
///
/// `cookie` must be a reference to an `O` from `Arc::into_raw`; the parent must be bound.
unsafe extern "C" fn undo<O: Owner>(cookie: *mut c_void) {
    // SAFETY: By the requirements of this function.
    let owner = unsafe { Arc::from_raw(cookie.cast_const().cast::<O>()) };
    owner.unbinding();
    if let Some(data) = owner.cell().revoke() {
        owner.unbound(data.as_ref());
    }
}
