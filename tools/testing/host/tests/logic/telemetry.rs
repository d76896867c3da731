// SPDX-License-Identifier: GPL-2.0
//! Counters that begin anew, times of throttling and limits of errors, against naive models.

use proptest::prelude::*;

use super::logic::counter::Counter;
use super::logic::error_limit::{Bucket, PERIOD_NS};
use super::logic::throttling::{REASONS, Throttling};

proptest! {
    /// What is seen is all that was counted, and never goes back.
    #[test]
    fn a_counter_adds_up_what_a_device_counts(lives in prop::collection::vec(
        prop::collection::vec(0..1000u64, 1..6), 1..6)
    ) {
        let (mut counter, mut total, mut seen) = (Counter::default(), 0, 0);
        for steps in lives {
            // The device begins anew; that shows if it is seen with less than before.
            let before = counter.get();
            let mut raw = 0;
            counter.update(raw);
            prop_assert_eq!(counter.get(), before);
            for step in steps {
                raw += step;
                total += step;
                counter.update(raw);
                prop_assert_eq!(counter.get(), total);
                prop_assert!(counter.get() >= seen);
                seen = counter.get();
            }
        }
    }

    /// As many errors as there may be in each period are never too many; more than twice that always are. That
    /// there are too many is said once until there are not.
    #[test]
    fn too_many_errors_are_noticed(
        limit in 1..50u32,
        steps in prop::collection::vec((0..40u64, 0..PERIOD_NS / 4), 1..60),
    ) {
        let mut bucket = Bucket::default();
        bucket.set_limit(limit);
        let mut errors: Vec<(u64, u64)> = Vec::new();
        let (mut now, mut passed) = (1, false);
        // The most errors in a period that ends with the last one; and whether that was ever too many.
        let (mut most, mut never, mut always) = (0, true, false);
        for (count, later) in steps {
            now += later;
            let was_over = bucket.level(now) > limit;
            errors.push((now, count));
            let is_passed = bucket.add(count, now);
            let is_over = bucket.level(now) > limit;
            prop_assert_eq!(is_passed, is_over && !was_over);
            passed |= is_passed;
            let recent = errors.iter().filter(|(time, _)| now - time < PERIOD_NS);
            most = most.max(recent.map(|(_, count)| count).sum::<u64>());
            never &= most <= limit.into();
            always |= most > 2 * u64::from(limit);
        }
        prop_assert!(!never || !passed);
        prop_assert!(!always || passed);
        prop_assert!(bucket.level(now + 2 * PERIOD_NS) == 0);
    }

    #[test]
    fn without_a_limit_nothing_is_too_much(counts in prop::collection::vec(any::<u64>(), 0..20)) {
        let mut bucket = Bucket::default();
        for (now, count) in counts.into_iter().enumerate() {
            prop_assert!(!bucket.add(count, now as u64));
            prop_assert_eq!(bucket.level(now as u64), 0);
        }
        bucket.set_limit(u32::MAX);
        prop_assert!(bucket.add(u64::MAX, u64::MAX / 2));
        prop_assert_eq!(bucket.level(u64::MAX / 2), u32::MAX);
    }

    /// Each reason has come as often, and was there for as long, as a model says that looks every nanosecond.
    #[test]
    fn throttling_is_timed_by_reasons(steps in prop::collection::vec((0..1u64 << 4, 0..50u64), 0..20)) {
        let mut throttling = Throttling::default();
        let (mut counts, mut times) = ([0u64; 4], [0u64; 4]);
        let (mut now, mut active) = (100, 0u64);
        for (mask, wait) in steps {
            throttling.set(mask, now);
            for (index, count) in counts.iter_mut().enumerate() {
                *count += (mask & !active) >> index & 1;
            }
            active = mask;
            now += wait;
            for (index, time) in times.iter_mut().enumerate() {
                *time += (active >> index & 1) * wait;
                let (is_active, reason) = throttling.get(index, now);
                prop_assert_eq!(is_active, active >> index & 1 != 0);
                prop_assert_eq!((reason.count, reason.ns), (counts[index], *time));
            }
        }
        prop_assert!(!throttling.get(REASONS, now).0);
    }

    /// Bits that are no reasons are no harm, nor is a clock that stands still or goes back.
    #[test]
    fn throttling_takes_anything(steps in prop::collection::vec(any::<(u64, u64)>(), 0..20)) {
        let mut throttling = Throttling::default();
        for (mask, now) in steps {
            throttling.set(mask, now);
            for index in 0..64 {
                let _ = throttling.get(index, now);
            }
        }
    }
}
