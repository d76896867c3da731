// SPDX-License-Identifier: GPL-2.0

//! Who can run, and who is first: clients, and the queues of each client, by virtual time.
//!
//! Virtual time is engine time, multiplied by what a priority costs. The client that has used the
//! least comes first, and of its queues the one that has; so a client gets no more by more queues.
//! This is start-time fair queueing (Goyal, Vin, Cheng 1996), as in CFS, in drm_sched's fair policy
//! and in its two levels as in CFS's task groups: the virtual time of a level is that of the last
//! one that was picked, and who wakes up is moved up to it. Nobody saves time by sleeping.
//!
//! A lane is a set of engines that could run a queue: lane 0 is all of them, lane 1 + n is engine n
//! for the queues that it must run next, as it has earlier jobs of them.

use super::{
    schedule::ENGINES,
    slots::{
        self,
        Id,
        Slot,
        Slots, //
    },
    tournament::{
        self,
        Entry,
        Seat,
        Seats,
        Tournament, //
    },
};
use core::ops::DerefMut;

/// How much later than the others, in virtual time, who is new begins, so that an endless row of new
/// clients is not always first: each takes the others this much further.
pub(crate) const START_DEBIT: u64 = 1_000_000 << Priority::Normal.shift();

/// Those who come first, and those who share what is left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Realtime,
    Fair,
}

/// How important the jobs of a queue are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// An eighth of [`Priority::Normal`].
    Low,
    /// As much as others.
    Normal,
    /// Four times [`Priority::Normal`].
    High,
    /// Before all others, within a [bandwidth](super::bandwidth).
    Realtime,
}

impl Priority {
    pub(crate) fn level(self) -> Level {
        match self {
            Priority::Realtime => Level::Realtime,
            _ => Level::Fair,
        }
    }

    /// Returns log2 of the virtual time that a nanosecond costs; the ratios are drm_sched's.
    pub(crate) const fn shift(self) -> u32 {
        match self {
            Priority::Low => 5,
            Priority::Normal => 2,
            Priority::High | Priority::Realtime => 0,
        }
    }
}

/// What a client has on one level.
#[derive(Clone, Copy)]
struct Share {
    vtime: u64,
    /// The virtual time of its queues.
    clock: u64,
    /// How many queues it has.
    count: u32,
    /// In which lanes it has queues that can run, one bit each.
    lanes: u32,
    queues: Tournament,
    /// Among the clients that have queues.
    seat: Seat,
}

impl Share {
    fn new(vtime: u64) -> Self {
        Self {
            vtime,
            clock: 0,
            count: 0,
            lanes: 0,
            queues: Tournament::EMPTY,
            seat: Seat::NEW,
        }
    }

    /// Changes what a queue has in a lane.
    #[inline]
    fn set(&mut self, queues: &mut impl Seats, queue: u32, lane: u32, entry: Entry) {
        self.queues.set(queues, queue, lane, entry);
        self.lanes &= !(1 << lane);
        self.lanes |= u32::from(self.queues.first(lane).player != slots::NONE) << lane;
    }
}

/// What a client has had of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Engine time, nanoseconds.
    pub(crate) ns: u64,
    /// Jobs that ended there.
    pub(crate) jobs: u64,
}

/// A client.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    /// log2 of by how much it is slowed down.
    pub(crate) slowdown: u32,
    /// By engines; nothing follows from it here.
    pub(crate) used: [Used; ENGINES],
    shares: [Share; 2],
}

/// A queue.
#[derive(Clone, Copy)]
pub(crate) struct Queue {
    pub(crate) client: Id,
    pub(crate) priority: Priority,
    vtime: u64,
    /// Where it is among those that can run.
    lane: Option<u32>,
    /// How many credits its first job needs.
    pub(crate) units: u32,
    in_flight: u32,
    /// Where the jobs in flight are.
    engine: u32,
    /// How long the next job will probably take, as the last one did.
    expected: u64,
    /// Among the queues of the client, on the level of its priority.
    seat: Seat,
}

impl Queue {
    fn new(client: Id, priority: Priority, vtime: u64) -> Self {
        Self {
            client,
            priority,
            vtime,
            lane: None,
            units: 1,
            in_flight: 0,
            engine: 0,
            expected: super::schedule::MIN_JOB_NS,
            seat: Seat::NEW,
        }
    }

    /// Returns whether the first job can run.
    pub(crate) fn is_awake(&self) -> bool {
        self.lane.is_some()
    }
}

/// The clients on one level.
struct Clients<'a, C> {
    clients: &'a mut Slots<C>,
    level: Level,
}

impl<C: DerefMut<Target = [Slot<Client>]>> Seats for Clients<'_, C> {
    fn seat(&self, client: u32) -> Option<&Seat> {
        Some(&self.clients.at(client)?.shares[self.level as usize].seat)
    }

    fn seat_mut(&mut self, client: u32) -> Option<&mut Seat> {
        Some(&mut self.clients.at_mut(client)?.shares[self.level as usize].seat)
    }
}

impl<Q: DerefMut<Target = [Slot<Queue>]>> Seats for Slots<Q> {
    fn seat(&self, queue: u32) -> Option<&Seat> {
        Some(&self.at(queue)?.seat)
    }

    fn seat_mut(&mut self, queue: u32) -> Option<&mut Seat> {
        Some(&mut self.at_mut(queue)?.seat)
    }
}

/// One level: the clients that have queues there, and the virtual time.
#[derive(Clone, Copy)]
struct Root {
    clients: Tournament,
    clock: u64,
}

/// Clients in the storage `C`, their queues in the storage `Q`.
///
/// # Invariants
///
/// A queue that can run takes part in one lane of its client; a client in those lanes in which a
/// queue of it does. The keys are the virtual times, as soon as a change is settled.
pub(crate) struct RunQueue<C, Q> {
    pub(crate) clients: Slots<C>,
    pub(crate) queues: Slots<Q>,
    roots: [Root; 2],
    /// Whether more lanes than the first one are in use.
    is_split: bool,
}

impl<C, Q> RunQueue<C, Q>
where
    C: DerefMut<Target = [Slot<Client>]>,
    Q: DerefMut<Target = [Slot<Queue>]>,
{
    /// Makes one without clients. If there is but one engine, all queues are in lane 0.
    pub(crate) fn new(engines: usize, clients: C, queues: Q) -> Self {
        let root = Root {
            clients: Tournament::EMPTY,
            clock: 0,
        };
        Self {
            clients: Slots::new(clients),
            queues: Slots::new(queues),
            roots: [root; 2],
            is_split: engines > 1,
        }
    }

    /// Adds a client; `None` if there is no slot.
    pub(crate) fn add_client(&mut self) -> Option<Id> {
        let start = |root: &Root| Share::new(root.clock.saturating_add(START_DEBIT));
        let shares = self.roots.each_ref().map(start);
        self.clients.insert(Client {
            slowdown: 0,
            used: [Used::default(); ENGINES],
            shares,
        })
    }

    /// Removes a client if it has no queues; returns whether it has none.
    pub(crate) fn remove_client(&mut self, id: Id) -> bool {
        let is_empty = self.clients.get(id).is_none_or(|client| {
            let mut shares = client.shares.iter();
            shares.all(|share| share.count == 0)
        });
        if is_empty {
            self.clients.remove(id);
        }
        is_empty
    }

    /// Adds a queue to a client, which is there; `None` if there is no slot.
    pub(crate) fn add_queue(&mut self, client: Id, priority: Priority) -> Option<Id> {
        let (level, client_slot) = (priority.level(), client.slot());
        let share = &mut self.clients.at_mut(client_slot)?.shares[level as usize];
        let vtime = share.clock.saturating_add(START_DEBIT);
        let id = self.queues.insert(Queue::new(client, priority, vtime))?;
        share.count += 1;
        share.queues.join(&mut self.queues, id.slot());
        if share.count == 1 {
            let mut clients = Clients {
                clients: &mut self.clients,
                level,
            };
            let root = &mut self.roots[level as usize];
            root.clients.join(&mut clients, client_slot);
        }
        Some(id)
    }

    /// Removes a queue, whatever it is doing.
    pub(crate) fn remove_queue(&mut self, id: Id) {
        let Some(queue) = self.queues.get(id) else {
            return;
        };
        let (client, level) = (queue.client.slot(), queue.priority.level());
        self.settle(id.slot(), false);
        if let Some(share) = share_mut(&mut self.clients, client, level) {
            share.queues.leave(&mut self.queues, id.slot());
            share.count -= 1;
            if share.count == 0 {
                let mut clients = Clients {
                    clients: &mut self.clients,
                    level,
                };
                let root = &mut self.roots[level as usize];
                root.clients.leave(&mut clients, client);
            }
        }
        self.queues.remove(id);
    }

    /// A queue can run: moves it on to the virtual time if it could not, and its client if none of its
    /// queues could.
    pub(crate) fn wake(&mut self, queue: u32) {
        let Some(found) = self.queues.at_mut(queue) else {
            return;
        };
        let level = found.priority.level();
        let Some(share) = share_mut(&mut self.clients, found.client.slot(), level) else {
            return;
        };
        if found.is_awake() {
            return;
        }
        if share.lanes == 0 {
            share.vtime = share.vtime.max(self.roots[level as usize].clock);
        }
        found.vtime = found.vtime.max(share.clock);
        self.settle(queue, true);
    }

    /// The first job of a queue is started: moves the virtual times on to it, and charges what it will
    /// probably take, which is returned; to be settled.
    pub(crate) fn start(&mut self, queue: u32, engine: usize) -> u64 {
        let Some(queue) = self.queues.at_mut(queue) else {
            return 0;
        };
        let (priority, expected) = (queue.priority, queue.expected);
        queue.in_flight += 1;
        queue.engine = engine as u32;
        let start = queue.vtime;
        queue.vtime = start.saturating_add(expected << priority.shift());
        let Some(client) = self.clients.at_mut(queue.client.slot()) else {
            return 0;
        };
        let shift = priority.shift() + client.slowdown;
        let share = &mut client.shares[priority.level() as usize];
        let root = &mut self.roots[priority.level() as usize];
        share.clock = share.clock.max(start);
        root.clock = root.clock.max(share.vtime);
        share.vtime = share.vtime.saturating_add(expected << shift);
        expected
    }

    /// A job of a queue has ended, the next one will probably take as long; returns whether to settle.
    pub(crate) fn end(&mut self, queue: Id, expected: u64) -> bool {
        let Some(queue) = self.queues.get_mut(queue) else {
            return false;
        };
        queue.expected = expected;
        queue.in_flight = queue.in_flight.saturating_sub(1);
        self.is_split && queue.in_flight == 0 && queue.is_awake()
    }

    /// Replaces a part of the virtual time that a client has used by another one; to be settled.
    pub(crate) fn charge_client(&mut self, client: Id, level: Level, old: u64, new: u64) {
        if let Some(client) = self.clients.get_mut(client) {
            let vtime = &mut client.shares[level as usize].vtime;
            *vtime = vtime.saturating_add(new).saturating_sub(old);
        }
    }

    /// Replaces a part of the virtual time that a queue has used by another one; to be settled.
    pub(crate) fn charge_queue(&mut self, queue: Id, old: u64, new: u64) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.vtime = queue.vtime.saturating_add(new).saturating_sub(old);
        }
    }

    /// Brings the tournaments up to date: where a queue can run, and what it and its client have used.
    pub(crate) fn settle(&mut self, queue: u32, can_run: bool) {
        let Some(found) = self.queues.at_mut(queue) else {
            return;
        };
        let (client, level) = (found.client.slot(), found.priority.level());
        let entry = Entry::new(found.vtime, queue);
        let is_bound = self.is_split && found.in_flight > 0;
        let lane = if is_bound { 1 + found.engine } else { 0 };
        let lane = can_run.then_some(lane);
        let old = core::mem::replace(&mut found.lane, lane);
        let Some(share) = share_mut(&mut self.clients, client, level) else {
            return;
        };
        let old_lanes = share.lanes;
        if let Some(old) = old.filter(|_| old != lane) {
            share.set(&mut self.queues, queue, old, Entry::NOBODY);
        }
        if let Some(lane) = lane {
            share.set(&mut self.queues, queue, lane, entry);
        }
        self.settle_client(client, level, old_lanes);
    }

    /// As [`RunQueue::settle`], for a client that had queues in `old_lanes`.
    #[inline]
    pub(crate) fn settle_client(&mut self, client: u32, level: Level, old_lanes: u32) {
        let Some(share) = share_mut(&mut self.clients, client, level) else {
            return;
        };
        let entry = Entry::new(share.vtime, client);
        let new_lanes = share.lanes;
        let mut clients = Clients {
            clients: &mut self.clients,
            level,
        };
        let root = &mut self.roots[level as usize].clients;
        let mut lanes = old_lanes | new_lanes;
        while lanes != 0 {
            let lane = lanes.trailing_zeros();
            lanes &= lanes - 1;
            let is_there = new_lanes & (1 << lane) != 0;
            let entry = if is_there { entry } else { Entry::NOBODY };
            root.set(&mut clients, client, lane, entry);
        }
    }

    /// Returns the first queue of the first client that an engine could run.
    pub(crate) fn first(&self, level: Level, engine: usize) -> Option<u32> {
        let first = |all: &Tournament| {
            let first = all.first(0);
            match self.is_split {
                true => first.or_earlier(all.first(1 + engine as u32)).player,
                false => first.player,
            }
        };
        let client = first(&self.roots[level as usize].clients);
        let client = self.clients.at(client)?;
        match first(&client.shares[level as usize].queues) {
            slots::NONE => None,
            queue => Some(queue),
        }
    }

    /// Returns whether anybody can run.
    pub(crate) fn can_run(&self, level: Level) -> bool {
        let clients = &self.roots[level as usize].clients;
        (0..tournament::LANES as u32).any(|lane| clients.first(lane) != Entry::NOBODY)
    }
}

/// Returns what a client has on a level.
fn share_mut<C>(clients: &mut Slots<C>, client: u32, level: Level) -> Option<&mut Share>
where
    C: DerefMut<Target = [Slot<Client>]>,
{
    Some(&mut clients.at_mut(client)?.shares[level as usize])
}
