// SPDX-License-Identifier: GPL-2.0
//! A device that does nothing but let time pass: engines that run jobs in their order, and clients.

use std::collections::VecDeque;

use crate::run_queue::{Level, Priority};
use crate::schedule::{ClientId, ClientSlot, QueueId, QueueSlot, Schedule, Ticket};

pub type Slots<V> = Vec<V>;

/// When a client has something to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Always, in all queues.
    Always,
    /// This many jobs in one queue, this long after the ones before have ended, on average.
    Bursts(u32, u64),
}

#[derive(Clone, Debug)]
pub struct Profile {
    pub priority: Priority,
    pub slowdown: u32,
    pub queues: usize,
    /// The longest job, nanoseconds.
    pub longest: u64,
    pub load: Load,
}

impl Profile {
    /// What a nanosecond costs.
    pub fn cost(&self) -> u128 {
        1 << (self.priority.shift() + self.slowdown)
    }
}

pub struct Client {
    pub profile: Profile,
    id: ClientId,
    queues: Vec<QueueId>,
    /// Jobs that are not started yet, of the queue of the burst.
    burst: (usize, u32),
    in_flight: u32,
    wakes_at: u64,
    served: u64,
    /// Since its last job was started: how much every client had then.
    pub waits_since: Vec<u64>,
}

struct Flight {
    ticket: Ticket,
    client: usize,
    duration: u64,
}

#[derive(Default)]
struct Engine {
    flights: VecDeque<Flight>,
    /// When the first one began to run.
    since: u64,
}

pub struct Simulation {
    schedule: Schedule<Slots<ClientSlot>, Slots<QueueSlot>>,
    engines: Vec<Engine>,
    pub clients: Vec<Client>,
    pub now: u64,
    pub busy: u64,
    random: u64,
}

impl Simulation {
    pub fn new(credits: &[u32], profiles: &[Profile], seed: u64) -> Self {
        let queues: usize = profiles.iter().map(|profile| profile.queues).sum();
        let mut schedule = Schedule::new(
            credits.len(),
            vec![ClientSlot::VACANT; profiles.len() + 1],
            vec![QueueSlot::VACANT; queues + 1],
        );
        for (engine, &credits) in credits.iter().enumerate() {
            schedule.set_credits(engine, credits);
        }
        let mut new = Self {
            schedule,
            engines: credits.iter().map(|_| Engine::default()).collect(),
            clients: Vec::new(),
            now: 0,
            busy: 0,
            random: seed | 1,
        };
        for profile in profiles {
            new.add(profile.clone());
        }
        new
    }

    pub fn add(&mut self, profile: Profile) {
        let id = self.schedule.add_client().unwrap();
        self.schedule.slow_down(id, profile.slowdown);
        let queues = (0..profile.queues)
            .map(|_| self.schedule.add_queue(id, profile.priority).unwrap())
            .collect::<Vec<_>>();
        if profile.load == Load::Always {
            for queue in &queues {
                self.schedule.wake(*queue, 1);
            }
        }
        self.clients.push(Client {
            profile,
            id,
            queues,
            burst: (0, 0),
            in_flight: 0,
            wakes_at: 0,
            served: 0,
            waits_since: Vec::new(),
        });
        let served = self.all_served();
        for client in &mut self.clients {
            client.waits_since = served.clone();
        }
        self.wake(self.clients.len() - 1);
    }

    pub fn remove(&mut self, client: usize) {
        for queue in std::mem::take(&mut self.clients[client].queues) {
            self.schedule.remove_queue(queue);
        }
        self.schedule
            .remove_client(self.clients[client].id)
            .unwrap();
        self.clients[client].wakes_at = u64::MAX;
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 20) % below
    }

    /// The engine time that a client has used, that of what runs included.
    pub fn served(&self, client: usize) -> u64 {
        let engines = self.engines.iter();
        let running = engines.filter(|e| e.flights.front().is_some_and(|f| f.client == client));
        self.clients[client].served + running.map(|e| self.now - e.since).sum::<u64>()
    }

    pub fn all_served(&self) -> Vec<u64> {
        (0..self.clients.len()).map(|c| self.served(c)).collect()
    }

    /// Starts what can be started; returns whose jobs.
    pub fn start(&mut self) -> Vec<usize> {
        let mut started = Vec::new();
        while let Some(pick) = self.schedule.pick_any(self.now) {
            let queue = pick.queue();
            let client = self
                .clients
                .iter()
                .position(|c| c.queues.contains(&queue))
                .unwrap();
            let found = &mut self.clients[client];
            let next = match found.profile.load {
                Load::Always => Some(1),
                Load::Bursts(..) => {
                    found.burst.1 -= 1;
                    found.in_flight += 1;
                    (found.burst.1 > 0).then_some(1)
                }
            };
            let ticket = pick.start(next);
            let longest = found.profile.longest;
            let duration = match self.draw(3) {
                0 => longest,
                _ => 1_000 + self.draw(longest - 999),
            };
            self.launch(Flight {
                ticket,
                client,
                duration,
            });
            started.push(client);
        }
        started
    }

    fn launch(&mut self, flight: Flight) {
        let engine = &mut self.engines[flight.ticket.engine()];
        if engine.flights.is_empty() {
            engine.since = self.now;
        }
        engine.flights.push_back(flight);
    }

    /// Lets time pass until a job ends or a client wakes up.
    pub fn advance(&mut self) {
        let ends = self
            .engines
            .iter()
            .filter_map(|e| Some(e.since + e.flights.front()?.duration));
        let wakes = self
            .clients
            .iter()
            .filter(|c| c.sleeps())
            .map(|c| c.wakes_at);
        let now = ends.chain(wakes).min().unwrap();
        let running = self
            .engines
            .iter()
            .filter(|e| !e.flights.is_empty())
            .count();
        self.busy += running as u64 * (now - self.now);
        self.now = now;
        for engine in 0..self.engines.len() {
            self.look_after(engine);
        }
        for client in 0..self.clients.len() {
            self.wake(client);
        }
    }

    fn look_after(&mut self, engine: usize) {
        let engine = &mut self.engines[engine];
        let Some(first) = engine.flights.front_mut() else {
            return;
        };
        let used = self.now - engine.since;
        if used < first.duration {
            // As a time-out, or somebody who reads the statistics.
            return self.schedule.charge(&mut first.ticket, used);
        }
        let flight = engine.flights.pop_front().unwrap();
        engine.since = self.now;
        self.schedule.end(flight.ticket, flight.duration);
        let client = &mut self.clients[flight.client];
        client.served += flight.duration;
        if let Load::Bursts(_, pause) = client.profile.load {
            client.in_flight -= 1;
            if client.wakes_at != u64::MAX && client.sleeps() {
                let pause = 1 + self.draw(2 * pause);
                self.clients[flight.client].wakes_at = self.now + pause;
            }
        }
    }

    fn wake(&mut self, client: usize) {
        let found = &self.clients[client];
        if !found.sleeps() || found.wakes_at > self.now {
            return;
        }
        let Load::Bursts(jobs, _) = found.profile.load else {
            return;
        };
        let queues = found.queues.len() as u64;
        let queue = self.draw(queues) as usize;
        let jobs = 1 + self.draw(jobs.into()) as u32;
        let found = &mut self.clients[client];
        found.burst = (queue, jobs);
        self.schedule.wake(found.queues[queue], 1);
    }
}

impl Client {
    fn sleeps(&self) -> bool {
        self.profile.load != Load::Always && self.burst.1 == 0 && self.in_flight == 0
    }

    pub fn is_fair(&self) -> bool {
        self.profile.priority.level() == Level::Fair
    }
}
