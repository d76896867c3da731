// SPDX-License-Identifier: GPL-2.0

//! Mirrors: memory of a process that a device uses where it is, and that stays the process's. It is not
//! pinned: when the process gives it back, or the kernel moves it or takes it away for a while, whoever
//! has the device use it has it stop first ([`Follower`]), and is told where it is afterwards.
//!
//! C header: [`include/linux/hmm.h`](srctree/include/linux/hmm.h), see `Documentation/mm/hmm.rst`

use core::{
    cell::UnsafeCell,
    mem::take,
    ptr::from_ref, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    new_mutex,
    page::{
        PAGE_MASK,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        ArcBorrow,
        Mutex, //
    },
    workqueue::{
        impl_has_work,
        new_work,
        Queue,
        Work,
        WorkItem, //
    },
};

use crate::{
    bindings as ext,
    device::as_raw,
    sg_table::Segment,
    workqueue::cancel_sync, //
};

/// Size of the largest mirror, bytes: all of it moves if a page does.
pub const MAX_SIZE: usize = 1 << 30;

/// Who has a device use mirrors.
pub trait Follower: Send + Sync {
    /// A mirror goes out of place: when this returns the device does not use it. May sleep, in bounded
    /// time. Called where memory is reclaimed: must not allocate, nor take a lock that anybody holds
    /// who does.
    fn take_out(&self);

    /// Called once for each [`Follower::take_out`], after it: the mirror with this [`Mirror::id`] is in
    /// its new place, or in none. It may be out again already. May sleep.
    fn put_back(&self, id: usize);

    /// Where its mirrors are brought back: that waits for user space, and is for nobody else to wait for.
    fn queue(&self) -> &Queue;
}

/// Memory of a process that a device uses where it is.
pub struct Mirror(Arc<Inner>);

/// Where a mirror is.
///
/// # Invariants
///
/// `segments` are mapped for `dev`, which is bound; without one there are none.
struct Place {
    dev: Option<ARef<Device>>,
    segments: KVVec<Segment>,
}

/// What follows the process.
///
/// # Invariants
///
/// Once the notifier was inserted, the process's address space is there, though maybe without memory,
/// until the [`Mirror`] is dropped, which waits for `find`.
#[pin_data]
struct Inner {
    notifier: UnsafeCell<ext::accel_mirror>,
    size: usize,
    is_writable: bool,
    follower: Arc<dyn Follower>,
    /// Taken where memory is reclaimed.
    #[pin]
    place: Mutex<Place>,
    #[pin]
    find: Work<Self>,
}

// SAFETY: The notifier has locks of its own.
unsafe impl Send for Inner {}
// SAFETY: As above.
unsafe impl Sync for Inner {}

impl_has_work! {
    impl HasWork<Self> for Inner { self.find }
}

impl Mirror {
    /// Follows `size` bytes of the current process at `address`. May sleep.
    ///
    /// # Errors
    ///
    /// EINVAL: not whole pages; E2BIG: more than [`MAX_SIZE`]; EFAULT: no such addresses; EOPNOTSUPP:
    /// the kernel was built without HMM_MIRROR; ENOMEM.
    pub fn new(
        address: usize,
        size: usize,
        is_writable: bool,
        follower: Arc<dyn Follower>,
    ) -> Result<Arc<Self>> {
        if size == 0 || (address | size) & !PAGE_MASK != 0 {
            return Err(EINVAL);
        }
        if size > MAX_SIZE {
            return Err(E2BIG);
        }
        // INVARIANT: There are no segments.
        let place = Place {
            dev: None,
            segments: KVVec::new(),
        };
        let inner = Arc::pin_init(
            pin_init!(Inner {
                notifier: UnsafeCell::new(Default::default()),
                size,
                is_writable,
                follower,
                place <- new_mutex!(place, "mirror"),
                find <- new_work!("mirror_find"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let this = Arc::new(Self(inner), GFP_KERNEL_ACCOUNT)?;
        let inner = &this.0;
        // SAFETY: Pinned in its `Arc`, which outlives the notifier: `drop` removes that first.
        to_result(unsafe {
            ext::accel_helper_mirror_insert(
                inner.notifier.get(),
                address,
                size,
                Some(invalidate),
                Arc::as_ptr(inner).cast(),
            )
        })?;
        Ok(this)
    }

    /// Has `dev` use it from [`Mirror::find`] on.
    ///
    /// # Safety
    ///
    /// Must be revoked before `dev` is unbound.
    pub unsafe fn attach(&self, dev: &Device<Bound>) {
        // INVARIANT: There are no segments yet.
        self.0.place.lock().dev = Some(ARef::from(&**dev));
    }

    /// Finds its memory for the first time. May sleep, and wait for memory that user space has to
    /// provide.
    ///
    /// # Errors
    ///
    /// EFAULT: not mapped so that it could be read (written, if it is to be), or of a kind that has no
    /// pages; EOPNOTSUPP: memory of a device, or of which the device does not see what the CPU writes;
    /// ENODEV: revoked; EINTR: a signal; ENOMEM.
    pub fn find(&self) -> Result {
        self.0.find()
    }

    /// Returns where the device sees it, in order; nothing while it is out of place.
    pub fn segments(&self) -> Result<KVVec<Segment>> {
        let mut copy = KVVec::new();
        loop {
            // Allocated without the lock.
            let count = self.0.place.lock().segments.len();
            copy.reserve(count, GFP_KERNEL_ACCOUNT)?;
            let place = self.0.place.lock();
            if place.segments.len() <= copy.capacity() {
                for segment in &place.segments {
                    let _ = copy.push_within_capacity(*segment);
                }
                return Ok(copy);
            }
        }
    }

    /// Returns whether the device may write to it.
    pub fn is_writable(&self) -> bool {
        self.0.is_writable
    }

    /// Returns a number that tells it from all others.
    pub fn id(&self) -> usize {
        self.0.id()
    }

    /// Takes it from the device for good, which must not use it any more.
    pub fn revoke(&self) {
        self.0.revoke();
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.revoke();
        // SAFETY: What `new` inserted, if it did; `invalidate` does not come after it.
        unsafe { ext::accel_helper_mirror_remove(self.0.notifier.get()) };
        if cancel_sync::<Inner, 0>(&self.0) {
            // It would have been.
            self.0.follower.put_back(self.0.id());
        }
        // SAFETY: Removed, and `find` is neither under way nor asked for again: nobody needs the address
        // space.
        unsafe { ext::accel_helper_mirror_release(self.0.notifier.get()) };
    }
}

impl Inner {
    fn id(&self) -> usize {
        from_ref(self) as usize
    }

    /// Finds the memory and maps it for the device.
    fn find(&self) -> Result {
        let mut pages = KVVec::from_elem(0, self.size >> PAGE_SHIFT, GFP_KERNEL_ACCOUNT)?;
        loop {
            let mut seq = 0;
            // SAFETY: By the type invariants the address space is there; the array has room for all pages.
            let found = to_result(unsafe {
                ext::accel_helper_mirror_find(
                    self.notifier.get(),
                    pages.as_mut_ptr(),
                    self.is_writable,
                    &mut seq,
                )
            });
            match found {
                Ok(()) if self.map(&pages, seq)? => return Ok(()),
                Ok(()) | Err(EBUSY) => (),
                Err(e) => return Err(e),
            }
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
        }
    }

    /// Maps pages that were found at `seq`, unless they have moved since; returns whether they are
    /// mapped.
    fn map(&self, pages: &[usize], seq: usize) -> Result<bool> {
        let runs = || pages.chunk_by(|a, b| a + 1 == *b);
        let mut segments = KVVec::with_capacity(runs().count(), GFP_KERNEL_ACCOUNT)?;
        let mut place = self.place.lock();
        let Some(dev) = place.dev.clone() else {
            return Err(ENODEV);
        };
        // SAFETY: Inserted; `invalidate` takes the lock that we hold.
        if unsafe { ext::accel_helper_mirror_has_moved(self.notifier.get(), seq) } {
            return Ok(false);
        }
        let mapped = runs().try_for_each(|run| {
            let mut segment = Segment {
                address: 0,
                size: (run.len() << PAGE_SHIFT) as u64,
            };
            // SAFETY: By the invariants of `Place` the device is bound. The pages are those of the
            // process, as `invalidate` waits for us; a run is not empty.
            to_result(unsafe {
                ext::accel_helper_mirror_map(
                    as_raw(&dev),
                    run[0],
                    run.len(),
                    self.is_writable,
                    &mut segment.address,
                )
            })?;
            // There is room.
            let _ = segments.push_within_capacity(segment);
            Ok(())
        });
        // INVARIANT: Just mapped, all that were.
        place.segments = segments;
        let gone = mapped.is_err().then(|| place.unmap());
        drop(place);
        drop(gone);
        mapped.map(|()| true)
    }

    /// Takes it from the device for good.
    fn revoke(&self) {
        let mut place = self.place.lock();
        let gone = (place.unmap(), place.dev.take());
        // Not under the lock.
        drop(place);
        drop(gone);
    }
}

impl Place {
    /// Undoes the mapping; returns what was mapped, to be dropped without the lock.
    fn unmap(&mut self) -> KVVec<Segment> {
        let gone = take(&mut self.segments);
        if let Some(dev) = &self.dev {
            for segment in &gone {
                // SAFETY: By the type invariants.
                unsafe {
                    ext::accel_helper_mirror_unmap(
                        as_raw(dev),
                        segment.address,
                        segment.size as usize,
                    )
                };
            }
        }
        gone
    }
}

impl WorkItem for Inner {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // SAFETY: By the type invariants; undone below, by the same thread.
        let before = unsafe { ext::accel_helper_mirror_charge(this.notifier.get()) };
        // What cannot be found leads nowhere from now on.
        let _ = this.find();
        this.follower.put_back(this.id());
        // SAFETY: As above.
        unsafe { ext::accel_helper_mirror_uncharge(before) };
    }
}

/// The memory goes out of place. Returns whether it could wait for that.
///
/// # Safety
///
/// `cookie` must be a pointer to the [`Inner`] of a [`Mirror`] that is not dropped, from its [`Arc`].
unsafe extern "C" fn invalidate(cookie: *const c_void, may_sleep: bool, seq: usize) -> bool {
    // SAFETY: By the requirements of this function.
    let inner = unsafe { ArcBorrow::from_raw(cookie.cast::<Inner>()) };
    if !may_sleep {
        return false;
    }
    let mut place = inner.place.lock();
    // SAFETY: Inserted; who finds pages looks with the lock held.
    unsafe { ext::accel_helper_mirror_moves(inner.notifier.get(), seq) };
    if place.segments.is_empty() {
        return true;
    }
    // With the lock: a second one must not return before the device has stopped either.
    inner.follower.take_out();
    let gone = place.unmap();
    let _ = inner.follower.queue().enqueue(Arc::from(inner));
    drop(place);
    drop(gone);
    true
}
