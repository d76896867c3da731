// SPDX-License-Identifier: GPL-2.0

//! A small value that is read often, without a lock, and changed seldom.
//!
//! C header: [`include/linux/seqlock.h`](srctree/include/linux/seqlock.h)

use core::cell::UnsafeCell;
use kernel::{
    prelude::*,
    processor::cpu_relax,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        barrier::{
            smp_mb,
            Read,
            Write, //
        },
        LockClassKey,
        SpinLockIrq, //
    },
};
use zerocopy::FromBytes;

/// A value of which readers get a copy that is not torn.
///
/// # Invariants
///
/// `value` is only written with `writer` held and `sequence` odd.
#[pin_data]
pub struct SeqLock<T: Copy + FromBytes> {
    sequence: Atomic<u32>,
    value: UnsafeCell<T>,
    #[pin]
    writer: SpinLockIrq<()>,
}

// SAFETY: Readers copy words, and use a copy only if nobody wrote meanwhile; writers are serialised.
unsafe impl<T: Copy + FromBytes + Send> Sync for SeqLock<T> {}

impl<T: Copy + FromBytes> SeqLock<T> {
    /// Makes one that holds `value`.
    pub fn new(
        value: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            sequence: Atomic::new(0),
            value: UnsafeCell::new(value),
            writer <- SpinLockIrq::new((), name, key),
        })
    }

    /// Returns a copy.
    #[inline]
    pub fn read(&self) -> T {
        loop {
            let before = self.sequence.load(Acquire);
            // SAFETY: In range; a torn value is a valid `T` too, and is dropped below.
            let value = unsafe { self.value.get().read_volatile() };
            smp_mb(Read);
            if before % 2 == 0 && self.sequence.load(Relaxed) == before {
                return value;
            }
            cpu_relax();
        }
    }

    /// Changes it.
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _writer = self.writer.lock();
        // SAFETY: Nobody else writes.
        let mut value = unsafe { *self.value.get() };
        let result = f(&mut value);
        let sequence = self.sequence.load(Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Relaxed);
        smp_mb(Write);
        // SAFETY: In range; readers notice.
        unsafe { self.value.get().write_volatile(value) };
        self.sequence.store(sequence.wrapping_add(2), Release);
        result
    }
}
