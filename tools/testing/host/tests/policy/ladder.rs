// SPDX-License-Identifier: GPL-2.0
//! Recovery, and what follows for those whose fault it is.

use crate::offence::{BAN_NS, MAX_NS, PENALTY_NS, Record, SLOW_NS, Standing};
use crate::recovery::{
    Able, Culprit, DEVICE_ATTEMPTS, Ladder, RERUNS, Step, Trouble, Verdict, WINDOW_NS, Witness,
    verdict,
};
use proptest::prelude::*;

const ALL: [Step; 4] = [Step::Job, Step::Context, Step::Engine, Step::Device];

fn job(client: u64, context: u64) -> Trouble {
    Trouble::Job(Culprit { client, context })
}

/// One context in trouble again and again loses no more than itself.
#[test]
fn a_context_alone_comes_to_its_end() {
    let mut ladder = Ladder::new(Able::new(ALL));
    assert_eq!(ladder.next(job(1, 1), 0), Step::Job);
    assert_eq!(ladder.next(job(1, 1), 1), Step::Context);
    assert_eq!(ladder.next(job(1, 1), 2), Step::Context);
    // Another one of the same client is new.
    assert_eq!(ladder.next(job(1, 2), 3), Step::Job);
}

/// Clients in trouble one after the other, and nobody out of it: then it is the engine.
#[test]
fn an_engine_on_which_nobody_works_is_reset() {
    let mut ladder = Ladder::new(Able::new(ALL));
    assert_eq!(ladder.next(job(1, 1), 0), Step::Job);
    assert_eq!(ladder.next(job(2, 2), 1), Step::Engine);
    assert_eq!(ladder.next(job(3, 3), 2), Step::Device);
    assert_eq!(ladder.next(job(4, 4), 3), Step::Device);
    ladder.works();
    assert_eq!(ladder.next(job(5, 5), 4), Step::Job);
    assert_eq!(ladder.next(job(6, 6), 4 + WINDOW_NS), Step::Job);
}

/// A reset that fails is followed by a larger one, and that of the device is tried some times.
#[test]
fn only_resets_that_fail_wedge() {
    let mut ladder = Ladder::new(Able::new(ALL));
    assert_eq!(ladder.next(job(1, 1), 0), Step::Job);
    // To end the context would not help either.
    assert_eq!(ladder.failed(2), Step::Engine);
    for now in 0..u64::from(DEVICE_ATTEMPTS) {
        assert_eq!(ladder.failed(now + 3), Step::Device);
    }
    assert_eq!(ladder.failed(100), Step::Wedge);
}

/// A device that can only reset its engine does just that.
#[test]
fn a_device_does_what_it_can() {
    let mut ladder = Ladder::new(Able::new([Step::Engine]));
    assert_eq!(ladder.next(job(1, 1), 0), Step::Engine);
    assert_eq!(ladder.next(job(1, 1), 1), Step::Engine);
    assert_eq!(ladder.next(job(2, 2), 2), Step::Engine);
    assert_eq!(ladder.failed(3), Step::Wedge);
    let mut ladder = Ladder::new(Able::new([Step::Engine]));
    assert_eq!(ladder.next(Trouble::Device, 0), Step::Wedge);
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        8 => (0..3u64, 0..2u64).prop_map(|(client, context)| job(client, 2 * client + context)),
        1 => (0..3u64).prop_map(|client| Trouble::Engine(Culprit { client, context: 2 * client })),
        1 => Just(Trouble::Device),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::sample::subsequence(ALL.to_vec(), 0..=4)
}

fn witness() -> impl Strategy<Value = Witness> {
    (any::<[bool; 2]>(), 0..4u32).prop_map(|(is, reruns)| Witness {
        is_culprit: is[0],
        is_repeatable: is[1],
        reruns,
    })
}

proptest! {
    /// A step is one that the device can do and of use, and trouble with jobs alone does not wedge a
    /// device that can do anything about it.
    #[test]
    fn a_step_is_of_use(
        able in steps(),
        events in prop::collection::vec((trouble(), 0..2 * WINDOW_NS, any::<bool>()), 1..40),
    ) {
        let mut ladder = Ladder::new(Able::new(able.iter().copied()));
        let mut now = 0;
        for (trouble, later, works) in events {
            now += later;
            let step = ladder.next(trouble, now);
            let lowest = match trouble {
                Trouble::Job(_) => Step::Job,
                Trouble::Engine(_) => Step::Engine,
                Trouble::Device => Step::Device,
            };
            prop_assert!(step >= lowest);
            let can = able.iter().any(|step| *step >= lowest);
            prop_assert_eq!(step == Step::Wedge, !can);
            if !can {
                // It stays as it is.
                prop_assert_eq!(ladder.next(trouble, now), Step::Wedge);
                break;
            }
            prop_assert!(able.contains(&step));
            if works {
                ladder.works();
            }
        }
    }

    /// However it began, steps that fail come to an end, and never go down.
    #[test]
    fn failures_end(able in steps(), trouble in trouble()) {
        let mut ladder = Ladder::new(Able::new(able.iter().copied()));
        let mut step = ladder.next(trouble, 0);
        for now in 0..u64::from(DEVICE_ATTEMPTS) + 3 {
            let next = ladder.failed(now);
            prop_assert!(next >= step);
            step = next;
        }
        prop_assert_eq!(step, Step::Wedge);
    }

    /// One client alone never has an engine or the device reset, if its contexts can be ended.
    #[test]
    fn a_client_alone_disturbs_nobody(events in prop::collection::vec((0..5u64, 0..WINDOW_NS), 1..40)) {
        let mut ladder = Ladder::new(Able::new(ALL));
        let mut now = 0;
        for (context, later) in events {
            now += later;
            prop_assert!(ladder.next(job(7, context), now) <= Step::Context);
        }
    }

    /// Each job gets what it deserves.
    #[test]
    fn verdicts_are_just(step in prop::sample::select(ALL.to_vec()), job in witness()) {
        let verdict = verdict(step, job);
        prop_assert_eq!(verdict == Verdict::Guilty, job.is_culprit);
        prop_assert_eq!(
            verdict == Verdict::Untouched,
            !job.is_culprit && step <= Step::Context
        );
        if verdict == Verdict::Rerun {
            prop_assert!(job.is_repeatable && job.reruns < RERUNS);
        }
        if verdict == Verdict::Lost {
            prop_assert!(!job.is_repeatable || job.reruns >= RERUNS);
        }
    }

    /// Nobody outlives a wedged device.
    #[test]
    fn all_jobs_of_a_wedged_device_end(job in witness()) {
        let verdict = verdict(Step::Wedge, job);
        prop_assert!(matches!(verdict, Verdict::Guilty | Verdict::Lost));
    }

    /// The record is that of a bucket that leaks, and a ban lasts until it is empty.
    #[test]
    fn records_are_leaky_buckets(
        events in prop::collection::vec((prop::sample::select(ALL.to_vec()), 0..4 * PENALTY_NS, any::<bool>()), 1..60)
    ) {
        let mut record = Record::default();
        let (mut now, mut level, mut banned) = (0, 0u64, false);
        for (step, later, offends) in events {
            now += later;
            level = level.saturating_sub(later);
            banned &= level > 0;
            if offends {
                let weight = match step { Step::Engine => 2, Step::Device => 4, _ => 1 };
                level = (level + weight * PENALTY_NS).min(MAX_NS);
                banned |= level > BAN_NS;
                prop_assert_eq!(record.offend(step, now), record.standing(now));
            }
            let expected = match level {
                level if banned => Standing::Banned(now + level),
                level if level > SLOW_NS => Standing::Slowed(level.div_ceil(PENALTY_NS) as u32 - 1),
                _ => Standing::Good,
            };
            prop_assert_eq!(record.standing(now), expected);
            let slowdown = match expected {
                Standing::Slowed(slowdown) => slowdown,
                _ => 0,
            };
            prop_assert_eq!(expected.slowdown(), slowdown);
        }
        prop_assert_eq!(record.standing(now + MAX_NS), Standing::Good);
    }
}

/// One job that hangs has no consequences; a row of them has.
#[test]
fn who_hangs_the_device_is_slowed_then_banned() {
    let mut record = Record::default();
    assert_eq!(record.offend(Step::Job, 0), Standing::Good);
    for n in 1..5 {
        assert_eq!(record.offend(Step::Job, 0), Standing::Slowed(n));
    }
    let banned = Standing::Banned(6 * PENALTY_NS);
    assert_eq!(record.offend(Step::Job, 0), banned);
    assert_eq!(record.standing(6 * PENALTY_NS - 1), banned);
    assert_eq!(record.standing(6 * PENALTY_NS), Standing::Good);
    assert_eq!(record.offend(Step::Job, 6 * PENALTY_NS), Standing::Good);
}
