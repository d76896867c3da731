// SPDX-License-Identifier: GPL-2.0

//! How many errors of its own a device may find in a day, as its administrator says: more of those that
//! were corrected are told of, more of the others isolate it.

use kernel::{
    prelude::*,
    sync::SpinLockIrq, //
};
use kernel_ext::time::monotonic_ns;

use crate::{
    answer::Answer,
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    events::Event,
    lock_class,
    logic::error_limit::{
        Bucket,
        PERIOD_NS, //
    },
    uapi::accel_info_error_limits,
};

/// A sort of errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Corrected,
    Uncorrected,
}

/// That a limit was passed.
#[derive(Clone, Copy)]
pub(crate) struct Excess {
    pub(crate) sort: Sort,
    /// How many errors there were of late.
    pub(crate) count: u32,
    pub(crate) limit: u32,
}

#[derive(Default)]
struct Buckets {
    corrected: Bucket,
    uncorrected: Bucket,
}

impl Buckets {
    fn of(&mut self, sort: Sort) -> &mut Bucket {
        match sort {
            Sort::Corrected => &mut self.corrected,
            Sort::Uncorrected => &mut self.uncorrected,
        }
    }
}

/// The limits of a device.
#[pin_data]
pub(crate) struct ErrorLimits {
    #[pin]
    buckets: SpinLockIrq<Buckets>,
}

impl ErrorLimits {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::error_limits();
        pin_init!(Self {
            buckets <- SpinLockIrq::new(Buckets::default(), name, key),
        })
    }

    /// Returns how many are allowed; 0: any number.
    pub(crate) fn get(&self, sort: Sort) -> u32 {
        self.buckets.lock().of(sort).limit()
    }

    /// Allows as many from now on, and forgets what was.
    pub(crate) fn set(&self, sort: Sort, limit: u32) {
        self.buckets.lock().of(sort).set_limit(limit);
    }

    /// Forgets what was.
    pub(crate) fn forget(&self, sort: Sort) {
        let mut buckets = self.buckets.lock();
        let bucket = buckets.of(sort);
        bucket.set_limit(bucket.limit());
    }

    /// Notes what a driver tells; returns the limit that this passes. Any context.
    pub(crate) fn note(&self, event: Event) -> Option<Excess> {
        let Event::Error {
            count, corrected, ..
        } = event
        else {
            return None;
        };
        let sort = match corrected {
            true => Sort::Corrected,
            false => Sort::Uncorrected,
        };
        let now = monotonic_ns();
        let mut buckets = self.buckets.lock();
        let bucket = buckets.of(sort);
        bucket.add(count, now).then(|| Excess {
            sort,
            count: bucket.level(now),
            limit: bucket.limit(),
        })
    }

    fn info(&self) -> accel_info_error_limits {
        let now = monotonic_ns();
        let buckets = self.buckets.lock();
        accel_info_error_limits {
            period_s: (PERIOD_NS / 1_000_000_000) as u32,
            reserved: 0,
            corrected_limit: buckets.corrected.limit(),
            uncorrected_limit: buckets.uncorrected.limit(),
            corrected: buckets.corrected.level(now),
            uncorrected: buckets.uncorrected.level(now),
        }
    }
}

/// Answers ACCEL_INFO_ERROR_LIMITS.
pub(crate) fn error_limits<T: Driver>(
    device: &Device<T>,
    _bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    answer.push(&device.error_limits.info())
}
