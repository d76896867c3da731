// SPDX-License-Identifier: GPL-2.0
//! The way of jobs through the lists of a queue and of its scheduler, to the engines: none is lost, and
//! they run in their order, whenever what they wait for comes and whatever the device does.

use std::collections::VecDeque;

use crate::fifo::{Deque, Fifo};
use crate::gate::Gate;
use crate::ready::Ready;
use crate::run_queue::Priority;
use crate::schedule::{ClientSlot, QueueId, QueueSlot, Schedule, Ticket};
use proptest::prelude::*;

/// A job, in `All::jobs`.
type Number = usize;

impl<T> Fifo for VecDeque<T> {
    type Item = T;

    fn push_back(&mut self, item: T) {
        VecDeque::push_back(self, item);
    }

    fn pop_front(&mut self) -> Option<T> {
        VecDeque::pop_front(self)
    }

    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }
}

impl<T> Deque for VecDeque<T> {
    fn push_front(&mut self, item: T) {
        VecDeque::push_front(self, item);
    }

    fn pop_back(&mut self) -> Option<T> {
        VecDeque::pop_back(self)
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// Of which queue; whether its points are backed, and its fences signalled.
    Submit(usize, bool, bool),
    /// The points of a job are backed.
    Back(usize),
    /// The fences of a job are signalled.
    Signal(usize),
    /// The work that arms jobs of a queue gets its turn, if somebody has asked for it.
    Arm(usize),
    /// The work that moves jobs of a queue on does.
    Move(usize),
    /// The first job of an engine ends.
    End(usize, u64),
    /// The first job of an engine hangs; what else is there is to run again.
    Reset(usize),
    /// The jobs of a queue that can run are canceled.
    Cancel(usize),
    SetMode(Mode),
    /// Room for more queues.
    Grow,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Open,
    Resting,
    Wedged,
}

fn op() -> impl Strategy<Value = Op> {
    let which = 0..1000usize;
    let mode = prop_oneof![
        4 => Just(Mode::Open),
        1 => Just(Mode::Resting),
        1 => Just(Mode::Wedged),
    ];
    prop_oneof![
        12 => (which.clone(), prop::bool::weighted(0.6), prop::bool::weighted(0.6))
            .prop_map(|(queue, backed, signaled)| Op::Submit(queue, backed, signaled)),
        6 => which.clone().prop_map(Op::Back),
        6 => which.clone().prop_map(Op::Signal),
        5 => which.clone().prop_map(Op::Arm),
        5 => which.clone().prop_map(Op::Move),
        6 => (which.clone(), 0..30_000_000u64).prop_map(|(engine, ns)| Op::End(engine, ns)),
        1 => which.clone().prop_map(Op::Reset),
        1 => which.prop_map(Op::Cancel),
        2 => mode.prop_map(Op::SetMode),
        1 => Just(Op::Grow),
    ]
}

#[derive(PartialEq)]
enum State {
    Waiting,
    Running,
    Done,
}

struct Job {
    queue: usize,
    is_backed: bool,
    is_signaled: bool,
    state: State,
}

struct Queue {
    id: QueueId,
    unarmed: Gate<VecDeque<Number>>,
    blocked: Gate<VecDeque<Number>>,
    /// Somebody has asked for its works.
    must_arm: bool,
    must_move: bool,
    /// The one whose fences are watched.
    watched: Option<Number>,
}

struct All {
    jobs: Vec<Job>,
    queues: Vec<Queue>,
    ready: Ready<Vec<ClientSlot>, Vec<QueueSlot>, Vec<VecDeque<Number>>>,
    engines: Vec<VecDeque<(Number, Ticket)>>,
    mode: Mode,
    now: u64,
}

impl All {
    fn new(queues: usize, credits: &[u32]) -> Self {
        let clients = vec![ClientSlot::VACANT; queues];
        let slots = vec![QueueSlot::VACANT; queues];
        let mut schedule = Schedule::new(credits.len(), clients, slots);
        for (engine, credits) in credits.iter().enumerate() {
            schedule.set_credits(engine, *credits);
        }
        let lists = (0..queues).map(|_| VecDeque::new()).collect();
        let mut ready = Ready::new(schedule, lists);
        let mut queue = |_| {
            let client = ready.schedule.add_client().unwrap();
            Queue {
                id: ready.schedule.add_queue(client, Priority::Normal).unwrap(),
                unarmed: Gate::new(VecDeque::new()),
                blocked: Gate::new(VecDeque::new()),
                must_arm: false,
                must_move: false,
                watched: None,
            }
        };
        Self {
            queues: (0..queues).map(&mut queue).collect(),
            jobs: Vec::new(),
            ready,
            engines: credits.iter().map(|_| VecDeque::new()).collect(),
            mode: Mode::Open,
            now: 0,
        }
    }

    fn end(&mut self, job: Number) {
        assert!(
            self.jobs[job].state != State::Done,
            "job {job} ended before"
        );
        self.jobs[job].state = State::Done;
    }

    /// Earlier jobs of its queue that are in that state.
    fn before(&self, job: Number, state: State) -> usize {
        let queue = self.jobs[job].queue;
        let earlier = self.jobs[..job].iter().filter(|j| j.queue == queue);
        earlier.filter(|j| j.state == state).count()
    }

    fn start_all(&mut self) {
        while self.mode == Mode::Open {
            self.now += 1_000;
            let Some((job, ticket)) = self.ready.next(self.now) else {
                break;
            };
            assert_eq!(self.before(job, State::Waiting), 0, "{job} came too early");
            self.jobs[job].state = State::Running;
            self.engines[ticket.engine()].push_back((job, ticket));
        }
        let is_idle = self.mode == Mode::Open && self.engines.iter().all(VecDeque::is_empty);
        assert!(!is_idle || self.ready.count() == 0, "nothing was started");
        let in_lists = self.queues.iter().any(|queue| self.ready.has(queue.id));
        assert_eq!(self.ready.count() != 0, in_lists);
    }

    /// A job can run.
    fn run(&mut self, job: Number) {
        match self.mode {
            Mode::Wedged => self.end(job),
            _ => {
                let queue = self.queues[self.jobs[job].queue].id;
                assert_eq!(self.ready.push(queue, job), None);
                self.start_all();
            }
        }
    }

    /// A job is armed.
    fn arm(&mut self, job: Number) {
        let queue = &mut self.queues[self.jobs[job].queue];
        if queue.blocked.is_free() && self.jobs[job].is_signaled {
            self.run(job);
        } else if queue.blocked.wait(job) {
            queue.must_move = true;
        }
    }

    fn submit(&mut self, at: usize, is_backed: bool, is_signaled: bool) {
        let job = self.jobs.len();
        self.jobs.push(Job {
            queue: at,
            is_backed,
            is_signaled,
            state: State::Waiting,
        });
        let queue = &mut self.queues[at];
        if queue.unarmed.is_free() && is_backed {
            self.arm(job);
        } else if queue.unarmed.wait(job) {
            queue.must_arm = true;
        }
    }

    fn arm_work(&mut self, queue: usize) {
        if !std::mem::take(&mut self.queues[queue].must_arm) {
            return;
        }
        while let Some(&first) = self.queues[queue].unarmed.waiting().front() {
            if !self.jobs[first].is_backed {
                return;
            }
            let first = self.queues[queue].unarmed.leave().unwrap();
            self.arm(first);
        }
    }

    fn move_work(&mut self, queue: usize) {
        if !std::mem::take(&mut self.queues[queue].must_move) {
            return;
        }
        while let Some(&first) = self.queues[queue].blocked.waiting().front() {
            if !self.jobs[first].is_signaled {
                self.queues[queue].watched = Some(first);
                return;
            }
            let first = self.queues[queue].blocked.leave().unwrap();
            self.run(first);
        }
    }

    fn back(&mut self, job: Number) {
        if !std::mem::replace(&mut self.jobs[job].is_backed, true) {
            self.queues[self.jobs[job].queue].must_arm = true;
        }
    }

    fn signal(&mut self, job: Number) {
        self.jobs[job].is_signaled = true;
        let queue = &mut self.queues[self.jobs[job].queue];
        if queue.watched == Some(job) {
            queue.watched = None;
            queue.must_move = true;
        }
    }

    fn end_first(&mut self, engine: usize, ns: u64) {
        if let Some((job, ticket)) = self.engines[engine].pop_front() {
            let earlier = self.before(job, State::Waiting) + self.before(job, State::Running);
            assert_eq!(earlier, 0, "{job} ended too early");
            self.ready.schedule.end(ticket, ns);
            self.end(job);
            self.start_all();
        }
    }

    fn reset(&mut self, engine: usize) {
        let mut again = VecDeque::new();
        for (at, (job, ticket)) in std::mem::take(&mut self.engines[engine])
            .into_iter()
            .enumerate()
        {
            self.ready.schedule.end(ticket, 1_000);
            match at {
                0 => self.end(job),
                _ => {
                    self.jobs[job].state = State::Waiting;
                    again.push_back(job);
                }
            }
        }
        let (jobs, queues) = (&self.jobs, &self.queues);
        self.ready
            .put_back(again, |job| queues[jobs[*job].queue].id);
        self.start_all();
    }

    fn cancel(&mut self, queue: usize) {
        while let Some(job) = self.ready.take(self.queues[queue].id) {
            self.end(job);
        }
    }

    fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
        if mode == Mode::Wedged {
            for engine in 0..self.engines.len() {
                while let Some((job, ticket)) = self.engines[engine].pop_front() {
                    self.ready.schedule.end(ticket, 0);
                    self.end(job);
                }
            }
            let (jobs, queues) = (&self.jobs, &self.queues);
            let mut refused = Vec::new();
            while let Some(job) = self.ready.take_any(|job| queues[jobs[*job].queue].id) {
                refused.push(job);
            }
            refused.into_iter().for_each(|job| self.end(job));
        }
        self.start_all();
    }

    fn grow(&mut self) {
        let count = self.ready.schedule.slots().1 + 1;
        let lists = (0..count).map(|_| VecDeque::new()).collect();
        let spare = self
            .ready
            .grow_queues(vec![QueueSlot::VACANT; count], lists);
        assert!(spare.1.iter().all(VecDeque::is_empty));
    }

    fn apply(&mut self, op: Op) {
        let (queues, jobs, engines) = (self.queues.len(), self.jobs.len(), self.engines.len());
        match op {
            Op::Submit(queue, backed, signaled) => self.submit(queue % queues, backed, signaled),
            Op::Back(job) if jobs > 0 => self.back(job % jobs),
            Op::Signal(job) if jobs > 0 => self.signal(job % jobs),
            Op::Back(_) | Op::Signal(_) => (),
            Op::Arm(queue) => self.arm_work(queue % queues),
            Op::Move(queue) => self.move_work(queue % queues),
            Op::End(engine, ns) => self.end_first(engine % engines, ns),
            Op::Reset(engine) => self.reset(engine % engines),
            Op::Cancel(queue) => self.cancel(queue % queues),
            Op::SetMode(mode) => self.set_mode(mode),
            Op::Grow => self.grow(),
        }
    }

    /// Lets all that is waited for come; works run only if somebody has asked for them.
    fn drain(&mut self) {
        self.set_mode(Mode::Open);
        for job in 0..self.jobs.len() {
            self.back(job);
            self.signal(job);
        }
        let is_asked = |queue: &Queue| queue.must_arm || queue.must_move;
        while self.queues.iter().any(is_asked) || self.engines.iter().any(|e| !e.is_empty()) {
            (0..self.queues.len()).for_each(|queue| self.arm_work(queue));
            (0..self.queues.len()).for_each(|queue| self.move_work(queue));
            (0..self.engines.len()).for_each(|engine| self.end_first(engine, 5_000));
        }
    }
}

proptest! {
    /// Jobs of a queue start in their order, and end in it as long as nothing fails; each ends once, and
    /// in the end all have.
    #[test]
    fn jobs_keep_their_order_and_none_is_lost(
        queues in 1..5usize,
        credits in prop::collection::vec(1..4u32, 1..3),
        ops in prop::collection::vec(op(), 0..400),
    ) {
        let mut all = All::new(queues, &credits);
        for op in ops {
            all.apply(op);
        }
        all.drain();
        prop_assert!(all.jobs.iter().all(|job| job.state == State::Done), "a job is lost");
    }
}
