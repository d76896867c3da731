// SPDX-License-Identifier: GPL-2.0
//! The schedule against one that looks at everything, while clients, queues and credits come and go.

use std::collections::VecDeque;

use crate::bandwidth::Bandwidth;
use crate::run_queue::{Level, Priority, START_DEBIT};
use crate::schedule::{
    ClientId, ClientSlot, Error, MAX_JOB_NS, MIN_JOB_NS, QueueId, QueueSlot, Schedule, Ticket,
};
use proptest::prelude::*;

const ENGINES: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    AddClient,
    RemoveClient(usize),
    SlowDown(usize, u32),
    AddQueue(usize, Priority),
    RemoveQueue(usize),
    /// How many credits the job needs.
    Push(usize, u32),
    /// The first job must wait, or need not any more.
    Block(usize, bool),
    SetCredits(usize, u32),
    /// An engine or any, and how much later.
    Pick(Option<usize>, u64),
    /// Which job, how long it has run, and whether it is to run again.
    Charge(usize, u64),
    End(usize, u64, bool),
}

fn op() -> impl Strategy<Value = Op> {
    let which = 0..1000usize;
    let priority = prop_oneof![
        1 => Just(Priority::Low),
        3 => Just(Priority::Normal),
        1 => Just(Priority::High),
        1 => Just(Priority::Realtime),
    ];
    let used = || prop_oneof![20 => 0..30_000_000u64, 1 => any::<u64>()];
    prop_oneof![
        2 => Just(Op::AddClient),
        1 => which.clone().prop_map(Op::RemoveClient),
        1 => (which.clone(), 0..12u32).prop_map(|(client, by)| Op::SlowDown(client, by)),
        4 => (which.clone(), priority).prop_map(|(client, priority)| Op::AddQueue(client, priority)),
        1 => which.clone().prop_map(Op::RemoveQueue),
        16 => (which.clone(), 0..5u32).prop_map(|(queue, units)| Op::Push(queue, units)),
        2 => (which.clone(), any::<bool>()).prop_map(|(queue, on)| Op::Block(queue, on)),
        1 => (0..ENGINES, 0..4u32).prop_map(|(engine, credits)| Op::SetCredits(engine, credits)),
        16 => (prop::option::of(0..ENGINES), 0..40_000_000u64)
            .prop_map(|(engine, later)| Op::Pick(engine, later)),
        3 => (which.clone(), used()).prop_map(|(job, used)| Op::Charge(job, used)),
        12 => (which, used(), prop::bool::weighted(0.1))
            .prop_map(|(job, used, again)| Op::End(job, used, again)),
    ]
}

#[derive(Clone, Default)]
struct Client {
    id: Option<ClientId>,
    vtime: [u64; 2],
    clock: [u64; 2],
    slowdown: u32,
}

struct Queue {
    id: Option<QueueId>,
    client: usize,
    priority: Priority,
    vtime: u64,
    /// Number and credits.
    jobs: VecDeque<(u32, u32)>,
    blocked: bool,
    expected: u64,
    pushed: u32,
    /// The numbers of the jobs that have ended.
    ended: Vec<u32>,
}

struct Flight {
    ticket: Ticket,
    queue: usize,
    job: (u32, u32),
    engine: usize,
    units: u32,
    shift: u32,
    charged: u64,
}

struct All {
    schedule: Schedule<Vec<ClientSlot>, Vec<QueueSlot>>,
    bandwidth: Bandwidth,
    clients: Vec<Client>,
    queues: Vec<Queue>,
    flights: Vec<Flight>,
    clock: [u64; 2],
    credits: Vec<u32>,
    now: u64,
}

impl Queue {
    fn is_awake(&self) -> bool {
        self.id.is_some() && !self.blocked && !self.jobs.is_empty()
    }

    fn level(&self) -> usize {
        self.priority.level() as usize
    }
}

impl All {
    fn new(engines: usize) -> Self {
        Self {
            schedule: Schedule::new(engines, Vec::new(), Vec::new()),
            bandwidth: Bandwidth::new(engines),
            clients: Vec::new(),
            queues: Vec::new(),
            flights: Vec::new(),
            clock: [0; 2],
            credits: vec![0; engines],
            now: 0,
        }
    }

    fn free(&self, engine: usize) -> u32 {
        let used = self.flights.iter().filter(|f| f.engine == engine);
        self.credits[engine].saturating_sub(used.map(|f| f.units).sum())
    }

    /// The queues whose first job an engine may run.
    fn eligible(&self, engine: usize, level: usize) -> Vec<usize> {
        let elsewhere = |queue: usize| {
            self.flights
                .iter()
                .any(|f| f.queue == queue && f.engine != engine)
        };
        (0..self.queues.len())
            .filter(|q| self.queues[*q].is_awake() && self.queues[*q].level() == level)
            .filter(|q| !elsewhere(*q))
            .collect()
    }

    /// Those that may come next: more than one if the virtual times are the same.
    fn candidates(&self, engine: usize) -> Vec<usize> {
        let [realtime, fair] =
            [Level::Realtime, Level::Fair].map(|l| self.eligible(engine, l as usize));
        let is_throttled = self.bandwidth.is_exhausted() && !fair.is_empty();
        let all = if is_throttled || realtime.is_empty() {
            fair
        } else {
            realtime
        };
        let key = |q: &usize| {
            let queue = &self.queues[*q];
            self.clients[queue.client].vtime[queue.level()]
        };
        let first = all.iter().map(key).min();
        let of_clients: Vec<usize> = all.into_iter().filter(|q| Some(key(q)) == first).collect();
        let is_first = |q: &usize| {
            let mut siblings = of_clients.iter().map(|s| &self.queues[*s]);
            let queue = &self.queues[*q];
            siblings.all(|s| s.client != queue.client || s.vtime >= queue.vtime)
        };
        of_clients.iter().copied().filter(is_first).collect()
    }

    /// As `candidates`, and whether there are credits for them.
    fn fitting_candidates(&self, engine: usize) -> Vec<(usize, bool)> {
        let free = self.free(engine);
        let fits = |q: usize| free > 0 && self.needed(q, engine) <= free;
        self.candidates(engine)
            .into_iter()
            .map(|q| (q, fits(q)))
            .collect()
    }

    fn needed(&self, queue: usize, engine: usize) -> u32 {
        self.queues[queue].jobs[0]
            .1
            .clamp(1, self.credits[engine].max(1))
    }

    /// Moves a queue on that wakes up.
    fn place(&mut self, queue: usize) {
        let found = &self.queues[queue];
        let (client, level) = (found.client, found.level());
        let is_other = |q: &usize| {
            let other = &self.queues[*q];
            *q != queue && other.client == client && other.level() == level && other.is_awake()
        };
        if !(0..self.queues.len()).any(|q| is_other(&q)) {
            let vtime = &mut self.clients[client].vtime[level];
            *vtime = self.clock[level].max(*vtime);
        }
        let clock = self.clients[client].clock[level];
        let vtime = &mut self.queues[queue].vtime;
        *vtime = clock.max(*vtime);
    }

    /// Has the schedule know of the first job of a queue, after a change.
    fn wake(&mut self, queue: usize, change: impl FnOnce(&mut Queue)) {
        let found = &mut self.queues[queue];
        let was_awake = found.is_awake();
        change(found);
        if !found.is_awake() {
            return;
        }
        if let (Some(id), Some((_, units))) = (found.id, found.jobs.front()) {
            self.schedule.wake(id, *units);
        }
        if !was_awake {
            self.place(queue);
        }
    }

    fn charge(&mut self, flight: usize, used: u64) {
        let used = used.clamp(MIN_JOB_NS, MAX_JOB_NS);
        let flight = &mut self.flights[flight];
        let old = std::mem::replace(&mut flight.charged, used);
        let queue = &mut self.queues[flight.queue];
        let (level, shift) = (queue.level(), queue.priority.shift());
        queue.vtime = queue.vtime + (used << shift) - (old << shift);
        let client = &mut self.clients[queue.client];
        client.vtime[level] = client.vtime[level] + (used << flight.shift) - (old << flight.shift);
        if queue.priority == Priority::Realtime {
            let is_fair = |q: &Queue| q.level() == Level::Fair as usize && q.is_awake();
            let others_wait = self.queues.iter().any(is_fair);
            self.bandwidth.charge(old, used, others_wait);
        }
    }

    fn add_client(&mut self) {
        let id = loop {
            match self.schedule.add_client() {
                Ok(id) => break id,
                Err(Error::NoSlots) => {
                    let slots = self.schedule.slots().0 + 1;
                    assert!(
                        self.schedule
                            .grow_clients(vec![ClientSlot::VACANT; slots])
                            .is_ok()
                    );
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        assert!(self.clients.iter().all(|client| client.id != Some(id)));
        self.clients.push(Client {
            id: Some(id),
            vtime: self.clock.map(|clock| clock + START_DEBIT),
            ..Client::default()
        });
    }

    fn remove_client(&mut self, client: usize) {
        let Some(id) = self.clients[client].id else {
            return;
        };
        let has_queues = self
            .queues
            .iter()
            .any(|q| q.client == client && q.id.is_some());
        let removed = self.schedule.remove_client(id);
        assert_eq!(removed, if has_queues { Err(Error::Busy) } else { Ok(()) });
        if !has_queues {
            self.clients[client].id = None;
            assert_eq!(
                self.schedule.add_queue(id, Priority::Low),
                Err(Error::NoClient)
            );
        }
    }

    fn add_queue(&mut self, client: usize, priority: Priority) {
        let Some(owner) = self.clients[client].id else {
            return;
        };
        let id = loop {
            match self.schedule.add_queue(owner, priority) {
                Ok(id) => break id,
                Err(Error::NoSlots) => {
                    let slots = self.schedule.slots().1 + 1;
                    assert!(
                        self.schedule
                            .grow_queues(vec![QueueSlot::VACANT; slots])
                            .is_ok()
                    );
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        let clock = self.clients[client].clock[priority.level() as usize];
        self.queues.push(Queue {
            id: Some(id),
            client,
            priority,
            vtime: clock + START_DEBIT,
            jobs: VecDeque::new(),
            blocked: false,
            expected: MIN_JOB_NS,
            pushed: 0,
            ended: Vec::new(),
        });
    }

    /// Returns whether a job was started.
    fn pick(&mut self, engine: Option<usize>, later: u64) -> bool {
        self.now += later;
        self.bandwidth.refresh(self.now);
        let engines = 0..self.credits.len();
        let candidates: Vec<Vec<(usize, bool)>> = engines
            .clone()
            .map(|e| self.fitting_candidates(e))
            .collect();
        let asked: Vec<usize> = engines
            .filter(|e| engine.is_none_or(|engine| engine == *e))
            .collect();
        let may = asked.iter().any(|e| candidates[*e].iter().any(|c| c.1));
        let must = asked
            .iter()
            .any(|e| !candidates[*e].is_empty() && candidates[*e].iter().all(|c| c.1));
        let pick = match engine {
            Some(engine) => self.schedule.pick(engine, self.now),
            None => self.schedule.pick_any(self.now),
        };
        let Some(pick) = pick else {
            assert!(!must, "nothing was picked");
            return false;
        };
        assert!(may && asked.contains(&pick.engine()));
        let (id, engine) = (pick.queue(), pick.engine());
        assert!(id.slot() < self.queues.len());
        let queue = self.queues.iter().position(|q| q.id == Some(id)).unwrap();
        assert!(
            candidates[engine].contains(&(queue, true)),
            "the wrong queue"
        );

        let found = &mut self.queues[queue];
        let job = found.jobs.pop_front().unwrap();
        let units = job.1.clamp(1, self.credits[engine]);
        let next = found.jobs.front().map(|job| job.1);
        let ticket = pick.start(next);
        assert_eq!((ticket.queue(), ticket.engine()), (id, engine));
        assert_eq!(Some(ticket.client()), self.clients[found.client].id);
        let (level, expected) = (found.level(), found.expected);
        let client = &mut self.clients[found.client];
        client.clock[level] = client.clock[level].max(found.vtime);
        self.clock[level] = self.clock[level].max(client.vtime[level]);
        let shift = found.priority.shift() + client.slowdown;
        self.flights.push(Flight {
            ticket,
            queue,
            job,
            engine,
            units,
            shift,
            charged: 0,
        });
        self.charge(self.flights.len() - 1, expected);
        true
    }

    fn end(&mut self, flight: usize, used: u64, again: bool) {
        // Only the last one of a queue can be its first one again.
        let queue = self.flights[flight].queue;
        let again = again && self.flights[flight + 1..].iter().all(|f| f.queue != queue);
        self.charge(flight, used);
        let flight = self.flights.remove(flight);
        self.queues[queue].expected = flight.charged;
        self.schedule.end(flight.ticket, used);
        if again && self.queues[queue].id.is_some() {
            self.wake(queue, |queue| queue.jobs.push_front(flight.job));
        } else {
            self.queues[queue].ended.push(flight.job.0);
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::AddClient => self.add_client(),
            Op::RemoveClient(client) if !self.clients.is_empty() => {
                self.remove_client(client % self.clients.len());
            }
            Op::SlowDown(client, by) if !self.clients.is_empty() => {
                let client = client % self.clients.len();
                if let Some(id) = self.clients[client].id {
                    self.schedule.slow_down(id, by);
                    self.clients[client].slowdown = by.min(8);
                }
            }
            Op::AddQueue(client, priority) if !self.clients.is_empty() => {
                self.add_queue(client % self.clients.len(), priority);
            }
            Op::RemoveQueue(queue) if !self.queues.is_empty() => {
                let queue = queue % self.queues.len();
                if let Some(id) = self.queues[queue].id.take() {
                    self.schedule.remove_queue(id);
                    // Nothing is woken by its old name.
                    self.schedule.wake(id, 1);
                }
            }
            Op::Push(queue, units) if !self.queues.is_empty() => {
                let queue = queue % self.queues.len();
                self.wake(queue, |queue| {
                    queue.jobs.push_back((queue.pushed, units));
                    queue.pushed += 1;
                });
            }
            Op::Block(queue, on) if !self.queues.is_empty() => {
                let queue = queue % self.queues.len();
                self.block(queue, on);
            }
            Op::SetCredits(engine, credits) if engine < self.credits.len() => {
                self.schedule.set_credits(engine, credits);
                self.credits[engine] = credits;
            }
            Op::Pick(Some(engine), _) if engine >= self.credits.len() => (),
            Op::Pick(engine, later) => {
                self.pick(engine, later);
            }
            Op::Charge(flight, used) if !self.flights.is_empty() => {
                let flight = flight % self.flights.len();
                self.schedule.charge(&mut self.flights[flight].ticket, used);
                if used > self.flights[flight].charged {
                    self.charge(flight, used);
                }
            }
            Op::End(flight, used, again) if !self.flights.is_empty() => {
                self.end(flight % self.flights.len(), used, again);
            }
            _ => (),
        }
    }

    fn block(&mut self, queue: usize, on: bool) {
        if on {
            self.queues[queue].blocked = true;
            if let Some(id) = self.queues[queue].id {
                self.schedule.sleep(id);
            }
        } else {
            self.wake(queue, |queue| queue.blocked = false);
        }
    }

    /// Lets all that can run do so.
    fn drain(&mut self) {
        for engine in 0..self.credits.len() {
            self.apply(Op::SetCredits(engine, 2));
        }
        for queue in 0..self.queues.len() {
            self.block(queue, false);
        }
        while self.pick(None, 1_000) || !self.flights.is_empty() {
            if !self.flights.is_empty() {
                self.end(0, 5_000, false);
            }
        }
    }
}

proptest! {
    /// What is picked is what looking at everything would find; no credits are used twice; and in the
    /// end, all jobs of the queues that are left have run.
    #[test]
    fn the_schedule_picks_the_first(
        engines in 1..=ENGINES,
        ops in prop::collection::vec(op(), 0..500),
    ) {
        let mut all = All::new(engines);
        for engine in 0..engines {
            all.apply(Op::SetCredits(engine, 2));
        }
        for op in ops {
            all.apply(op);
            for engine in 0..engines {
                let used = all.flights.iter().filter(|f| f.engine == engine);
                let used: u32 = used.map(|f| f.units).sum();
                prop_assert_eq!(all.schedule.used_credits(engine), used);
            }
        }
        all.drain();
        for queue in all.queues.iter_mut().filter(|q| q.id.is_some()) {
            queue.ended.sort();
            prop_assert_eq!(&queue.ended, &(0..queue.pushed).collect::<Vec<_>>());
        }
    }
}
