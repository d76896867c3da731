// SPDX-License-Identifier: GPL-2.0

//! Shrinkers: what the kernel asks for memory when it is short of it.
//!
//! They are called by whoever allocates memory, with any locks held: so they wait for nobody, and
//! allocate nothing.
//!
//! C header: [`include/linux/shrinker.h`](srctree/include/linux/shrinker.h)

use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::Arc, //
};

use crate::bindings as ext;

/// What the C header calls `SHRINK_STOP`.
const STOP: c_ulong = c_ulong::MAX;

/// Something that can give memory back.
pub trait Shrink: Send + Sync + 'static {
    /// Returns how many pages it could give back, about.
    fn count(&self) -> usize;

    /// Gives back up to `most` pages, or a few more; returns how many. 0: nothing can be had now.
    /// Must only try to take locks that are ever held while memory is allocated.
    fn scan(&self, most: usize) -> usize;
}

/// A shrinker, until dropped.
///
/// # Invariants
///
/// `raw` is registered; its private data is a reference of ours to a `T`.
pub struct Registration<T: Shrink> {
    raw: NonNull<bindings::shrinker>,
    object: PhantomData<Arc<T>>,
}

// SAFETY: It can be freed by any thread; `T` is `Send` and `Sync`.
unsafe impl<T: Shrink> Send for Registration<T> {}
// SAFETY: There is nothing to do with a reference.
unsafe impl<T: Shrink> Sync for Registration<T> {}

impl<T: Shrink> Registration<T> {
    /// Registers a shrinker for `object`, in no particular memory cgroup or NUMA node.
    pub fn new(name: &CStr, object: Arc<T>) -> Result<Self> {
        // SAFETY: The name is a string.
        let raw = unsafe { bindings::shrinker_alloc(0, c"%s".as_char_ptr(), name.as_char_ptr()) };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;
        // SAFETY: Ours alone until it is registered, which is when it is complete.
        unsafe {
            let shrinker = raw.as_ptr();
            (*shrinker).count_objects = Some(count::<T>);
            (*shrinker).scan_objects = Some(scan::<T>);
            (*shrinker).private_data = Arc::into_raw(object).cast_mut().cast();
            bindings::shrinker_register(shrinker);
        }
        // INVARIANT: Just registered.
        Ok(Self {
            raw,
            object: PhantomData,
        })
    }
}

impl<T: Shrink> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; once it is freed nobody calls it.
        unsafe {
            let object = (*self.raw.as_ptr()).private_data;
            bindings::shrinker_free(self.raw.as_ptr());
            drop(Arc::from_raw(object.cast_const().cast::<T>()));
        }
    }
}

/// # Safety
///
/// `shrinker` must be one of a [`Registration<T>`].
unsafe extern "C" fn count<T: Shrink>(
    shrinker: *mut bindings::shrinker,
    _control: *mut bindings::shrink_control,
) -> c_ulong {
    // SAFETY: By the requirements of this function and the type invariants.
    let object = unsafe { &*(*shrinker).private_data.cast_const().cast::<T>() };
    object.count()
}

/// # Safety
///
/// As [`count`]; `control` must be valid.
unsafe extern "C" fn scan<T: Shrink>(
    shrinker: *mut bindings::shrinker,
    control: *mut bindings::shrink_control,
) -> c_ulong {
    // SAFETY: By the requirements of this function and the type invariants.
    let (object, most) = unsafe {
        (
            &*(*shrinker).private_data.cast_const().cast::<T>(),
            (*control).nr_to_scan,
        )
    };
    // SAFETY: Whoever asks for memory to be given back may be in reclaim: lockdep is to check that.
    unsafe { ext::accel_helper_fs_reclaim_acquire() };
    let pages = object.scan(most);
    // SAFETY: As above.
    unsafe { ext::accel_helper_fs_reclaim_release() };
    match pages {
        0 => STOP,
        pages => pages,
    }
}
