// SPDX-License-Identifier: GPL-2.0
//! Who gets how much, and how long others wait: the bounds of `schedule.rs`.

use crate::bandwidth::{PERIOD_NS, RUNTIME_NS};
use crate::run_queue::Priority;
use crate::simulation::{Load, Profile, Simulation};
use proptest::prelude::*;

const EVENTS: usize = 500;

fn fair() -> impl Strategy<Value = Priority> {
    prop_oneof![
        Just(Priority::Low),
        Just(Priority::Normal),
        Just(Priority::High)
    ]
}

/// Longest jobs from 1 us to 50 ms.
fn longest() -> impl Strategy<Value = u64> {
    (0..6u32, 1..5u64).prop_map(|(scale, n)| n * 10u64.pow(scale) * 100 + 1_000)
}

fn greedy(queues: std::ops::Range<usize>) -> impl Strategy<Value = Profile> {
    (fair(), 0..3u32, queues, longest()).prop_map(|(priority, slowdown, queues, longest)| Profile {
        priority,
        slowdown,
        queues,
        longest,
        load: Load::Always,
    })
}

fn guest() -> impl Strategy<Value = Profile> {
    let priority = prop_oneof![9 => fair(), 1 => Just(Priority::Realtime)];
    (priority, 1..4usize, longest(), 1..8u32, longest()).prop_map(
        |(priority, queues, longest, jobs, pause)| Profile {
            priority,
            slowdown: 0,
            queues,
            longest,
            load: Load::Bursts(jobs, pause),
        },
    )
}

/// Credits of engines, and clients: the first ones always have something to run, for every engine.
fn scene() -> impl Strategy<Value = (Vec<u32>, Vec<Profile>)> {
    prop::collection::vec(1..4u32, 1..4).prop_flat_map(|credits| {
        let all = credits.iter().sum::<u32>() as usize;
        // A queue is bound to an engine while it has jobs there.
        let enough = if credits.len() == 1 { 1 } else { all + 1 };
        let greedy = prop::collection::vec(greedy(enough..enough + 9), 2..5);
        let guests = prop::collection::vec(guest(), 0..4);
        (Just(credits), greedy, guests)
            .prop_map(|(credits, greedy, guests)| (credits, [greedy, guests].concat()))
    })
}

fn is_greedy(simulation: &Simulation, client: usize) -> bool {
    let client = &simulation.clients[client];
    client.profile.load == Load::Always && client.is_fair()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The difference of what two clients get, each weighted, is bounded over any time.
    #[test]
    fn unfairness_is_bounded((credits, profiles) in scene(), seed: u64) {
        let mut simulation = Simulation::new(&credits, &profiles, seed);
        let depth = u128::from(credits.iter().sum::<u32>());
        let greedy: Vec<usize> =
            (0..profiles.len()).filter(|c| is_greedy(&simulation, *c)).collect();
        let pairs: Vec<(usize, usize)> = greedy
            .iter()
            .flat_map(|a| greedy.iter().filter(move |b| a < *b).map(move |b| (*a, *b)))
            .collect();
        let mut extremes = vec![(0i128, 0i128); pairs.len()];
        for _ in 0..EVENTS {
            simulation.start();
            simulation.advance();
            for ((a, b), (low, high)) in pairs.iter().zip(&mut extremes) {
                let cost = |c: usize| (profiles[c].cost() * u128::from(simulation.served(c))) as i128;
                let difference = cost(*a) - cost(*b);
                *low = difference.min(*low);
                *high = difference.max(*high);
                let bound = [a, b]
                    .map(|c| profiles[*c].cost() * u128::from(profiles[*c].longest))
                    .iter()
                    .sum::<u128>();
                prop_assert!(*high - *low <= (2 * depth * bound) as i128);
            }
        }
    }

    /// While a client waits, each other one gets no more than its bound, so it does not wait forever.
    #[test]
    fn nobody_starves((credits, profiles) in scene(), seed: u64) {
        let mut simulation = Simulation::new(&credits, &profiles, seed);
        let depth = u128::from(credits.iter().sum::<u32>());
        for _ in 0..EVENTS {
            for client in simulation.start() {
                simulation.clients[client].waits_since = simulation.all_served();
            }
            simulation.advance();
            for waiting in (0..profiles.len()).filter(|c| is_greedy(&simulation, *c)) {
                let mine = &profiles[waiting];
                let since = &simulation.clients[waiting].waits_since;
                for (other, theirs) in profiles.iter().enumerate() {
                    if other == waiting || theirs.priority == Priority::Realtime {
                        continue;
                    }
                    let used = simulation.served(other) - since[other];
                    let bound = 2 * depth * (mine.cost() * u128::from(mine.longest)
                        + theirs.cost() * u128::from(theirs.longest));
                    prop_assert!(u128::from(used) * theirs.cost() <= bound);
                }
            }
        }
    }

    /// Engines are idle only if nobody could use them.
    #[test]
    fn nothing_is_wasted((credits, profiles) in scene(), seed: u64) {
        let mut simulation = Simulation::new(&credits, &profiles, seed);
        for _ in 0..EVENTS {
            simulation.start();
            simulation.advance();
        }
        prop_assert_eq!(simulation.busy, credits.len() as u64 * simulation.now);
    }

    /// Over any time, realtime jobs leave the others what they must.
    #[test]
    fn realtime_is_bounded((credits, profiles) in scene(), queues in 1..9usize, longest in longest(), seed: u64) {
        let realtime = Profile {
            priority: Priority::Realtime,
            slowdown: 0,
            queues: queues + credits.iter().sum::<u32>() as usize,
            longest,
            load: Load::Always,
        };
        let longest = profiles.iter().filter(|p| p.priority == Priority::Realtime);
        let longest = longest.map(|p| p.longest).chain([realtime.longest]).max().unwrap();
        let profiles = [profiles, vec![realtime]].concat();
        let mut simulation = Simulation::new(&credits, &profiles, seed);
        let engines = credits.len() as f64;
        let depth = f64::from(credits.iter().sum::<u32>());
        let bound = 2.0 * engines * RUNTIME_NS as f64 + depth * longest as f64;
        let mut least = 0f64;
        for _ in 0..3 * EVENTS {
            simulation.start();
            simulation.advance();
            let served = (0..profiles.len()).filter(|c| !simulation.clients[*c].is_fair());
            let served: u64 = served.map(|c| simulation.served(c)).sum();
            let due = engines * simulation.now as f64 * RUNTIME_NS as f64 / PERIOD_NS as f64;
            let excess = served as f64 - due;
            least = least.min(excess);
            prop_assert!(excess - least <= bound, "{} of {}", excess - least, bound);
        }
    }
}

fn profile(priority: Priority, queues: usize, longest: u64) -> Profile {
    Profile {
        priority,
        slowdown: 0,
        queues,
        longest,
        load: Load::Always,
    }
}

/// Lets clients use an engine for ten seconds, and returns how much each of them had.
fn shares(profiles: &[Profile]) -> Vec<f64> {
    let mut simulation = Simulation::new(&[2], profiles, 7);
    while simulation.now < 10_000_000_000 {
        simulation.start();
        simulation.advance();
    }
    let served = simulation.all_served().into_iter();
    served
        .map(|served| served as f64 / simulation.now as f64)
        .collect()
}

fn assert_near(shares: &[f64], expected: &[f64]) {
    for (share, expected) in shares.iter().zip(expected) {
        assert!((share - expected).abs() < 0.005, "{shares:?}");
    }
}

/// A client with a hundred queues gets no more than one with one, nor does one with longer jobs.
#[test]
fn many_queues_are_no_advantage() {
    let normal = |queues, longest| profile(Priority::Normal, queues, longest);
    assert_near(
        &shares(&[normal(100, 1_000_000), normal(1, 1_000_000)]),
        &[0.5; 2],
    );
    assert_near(
        &shares(&[normal(100, 20_000_000), normal(1, 10_000)]),
        &[0.5; 2],
    );
}

/// Priorities weight the shares, and so does what a client is slowed down by.
#[test]
fn shares_are_weighted() {
    let all = [Priority::Low, Priority::Normal, Priority::High];
    let clients = all.map(|priority| profile(priority, 2, 1_000_000));
    assert_near(&shares(&clients), &[1.0 / 41.0, 8.0 / 41.0, 32.0 / 41.0]);
    let mut slowed = [
        profile(Priority::Normal, 1, 1_000_000),
        profile(Priority::Normal, 1, 1_000_000),
    ];
    slowed[0].slowdown = 2;
    assert_near(&shares(&slowed), &[0.2, 0.8]);
}

/// A realtime client alone has everything; otherwise its bandwidth.
#[test]
fn realtime_has_its_bandwidth() {
    let realtime = profile(Priority::Realtime, 1, 1_000_000);
    assert_near(&shares(std::slice::from_ref(&realtime)), &[1.0]);
    assert_near(
        &shares(&[realtime, profile(Priority::Low, 1, 1_000_000)]),
        &[0.95, 0.05],
    );
}

/// What realtime jobs used while nobody else was there does not count against them for long.
#[test]
fn realtime_owes_nothing_for_idle_time() {
    let realtime = profile(Priority::Realtime, 1, 1_000_000);
    let mut simulation = Simulation::new(&[1], &[realtime], 3);
    while simulation.now < 20 * PERIOD_NS {
        simulation.start();
        simulation.advance();
    }
    simulation.add(profile(Priority::Normal, 1, 1_000_000));
    let (start, before) = (simulation.now, simulation.served(0));
    while simulation.now < start + 10 * PERIOD_NS {
        simulation.start();
        simulation.advance();
    }
    let least = 9 * RUNTIME_NS;
    assert!(simulation.served(0) - before >= least);
    assert!(simulation.served(1) >= 10 * (PERIOD_NS - RUNTIME_NS) - 2_000_000);
}

/// A client that has slept gets its share from now on, not what it has not used.
#[test]
fn sleep_saves_nothing() {
    let sleeper = Profile {
        load: Load::Bursts(1000, 1),
        ..profile(Priority::Normal, 1, 1_000_000)
    };
    let mut simulation =
        Simulation::new(&[1], &[profile(Priority::Normal, 1, 1_000_000), sleeper], 5);
    simulation.clients[1].profile.load = Load::Bursts(1000, 1_000_000_000);
    let mut least = i128::MAX;
    while simulation.now < 10_000_000_000 {
        simulation.start();
        simulation.advance();
        // What the sleeper has more than the other one, since the time at which that was least.
        let more = i128::from(simulation.served(1)) - i128::from(simulation.served(0));
        least = least.min(more);
        assert!(more - least <= 4_000_000, "{}", more - least);
    }
}

/// An endless row of new clients, each with one job, does not keep an old one out that has had a
/// long job.
#[test]
fn new_clients_do_not_starve_old_ones() {
    let old = profile(Priority::Normal, 1, 50_000_000);
    let mut simulation = Simulation::new(&[1], &[old], 1);
    let new = Profile {
        load: Load::Bursts(1, 1_000_000_000),
        ..profile(Priority::High, 1, 10_000)
    };
    let mut row = 0;
    let mut jobs = 0;
    while jobs < 10 {
        simulation.add(new.clone());
        let started = simulation.start();
        simulation.advance();
        simulation.remove(simulation.clients.len() - 1);
        row = if started.contains(&0) { 0 } else { row + 1 };
        jobs += usize::from(started.contains(&0));
        // A job of 50 ms, in steps of 1 ms.
        assert!(row <= 55, "{row}");
    }
}
