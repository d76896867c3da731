// SPDX-License-Identifier: GPL-2.0

//! Statics that have a value between a module's init and its exit.

use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Release, //
    }, //
};

/// A static with a value that is made in the module's init and dropped at its exit.
///
/// # Invariants
///
/// `value` is null, or a `T` that lives as long as a [`Keeper`] of this does.
pub struct ModuleStatic<T> {
    value: Atomic<*mut c_void>,
    _value: PhantomData<T>,
}

impl<T: Send + Sync> ModuleStatic<T> {
    /// Makes one that has no value yet.
    pub const fn new() -> Self {
        Self {
            value: Atomic::new(core::ptr::null_mut()),
            _value: PhantomData,
        }
    }

    /// Gives it its value, until the result is dropped.
    ///
    /// # Safety
    ///
    /// May be called once only; the result must be kept until nobody uses the static any more.
    pub unsafe fn set(&'static self, value: T) -> Result<Keeper<T>> {
        let value = KBox::into_raw(KBox::new(value, GFP_KERNEL)?);
        self.value.store(value.cast(), Release);
        Ok(Keeper(self))
    }

    /// Returns the value, if there is one.
    pub fn get(&'static self) -> Option<&'static T> {
        // SAFETY: By the type invariants and the requirements of `set`.
        unsafe { self.value.load(Acquire).cast::<T>().as_ref() }
    }
}

impl<T: Send + Sync> Default for ModuleStatic<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps the value of a [`ModuleStatic`].
pub struct Keeper<T: Send + Sync + 'static>(&'static ModuleStatic<T>);

impl<T: Send + Sync> Drop for Keeper<T> {
    fn drop(&mut self) {
        let value = self.0.value.load(Acquire).cast::<T>();
        self.0.value.store(core::ptr::null_mut(), Release);
        // SAFETY: From `KBox::into_raw` in `ModuleStatic::set`.
        drop(unsafe { KBox::from_raw(value) });
    }
}
