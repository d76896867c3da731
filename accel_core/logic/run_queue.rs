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
    heap::{
        self,
        Key,
        Link,
        Links, //
    },
    slots::{
        Id,
        NONE, //
        Slot,
        Slots,
    },
};
use core::ops::DerefMut;

/// How many lanes there are.
pub(crate) const LANES: usize = 1 + super::schedule::ENGINES;

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
pub(crate) enum Priority {
    /// An eighth of [`Priority::Normal`].
    Low,
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

/// The queues of a client that can run, in one lane.
#[derive(Clone, Copy)]
struct Group {
    /// Among the clients of the lane.
    link: Link,
    first: u32,
}

/// What a client has on one level.
#[derive(Clone, Copy)]
struct Share {
    vtime: u64,
    /// The virtual time of its queues.
    clock: u64,
    /// In which lanes it has queues that can run.
    lanes: u16,
    groups: [Group; LANES],
}

impl Share {
    fn new(vtime: u64) -> Self {
        let group = Group {
            link: Link::ALONE,
            first: NONE,
        };
        Self {
            vtime,
            clock: 0,
            lanes: 0,
            groups: [group; LANES],
        }
    }
}

/// A client.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    queues: u32,
    /// log2 of by how much it is slowed down.
    pub(crate) slowdown: u32,
    shares: [Share; 2],
}

/// A queue.
#[derive(Clone, Copy)]
pub(crate) struct Queue {
    pub(crate) client: Id,
    pub(crate) priority: Priority,
    vtime: u64,
    link: Link,
    /// Where it is among those that can run.
    lane: Option<usize>,
    /// How many credits its first job needs.
    pub(crate) units: u32,
    pub(crate) in_flight: u32,
    /// Where the jobs in flight are.
    pub(crate) engine: usize,
    /// How long the next job will probably take, as the last one did.
    pub(crate) expected: u64,
}

impl Queue {
    fn new(client: Id, priority: Priority, vtime: u64) -> Self {
        Self {
            client,
            priority,
            vtime,
            link: Link::ALONE,
            lane: None,
            units: 1,
            in_flight: 0,
            engine: 0,
            expected: 0,
        }
    }
}

/// All clients of a lane, on one level.
struct Groups<'a, C> {
    clients: &'a mut Slots<C>,
    level: Level,
    lane: usize,
}

impl<C: DerefMut<Target = [Slot<Client>]>> Links for Groups<'_, C> {
    fn link(&self, at: u32) -> Option<&Link> {
        let share = &self.clients.at(at)?.shares[self.level as usize];
        Some(&share.groups.get(self.lane)?.link)
    }

    fn link_mut(&mut self, at: u32) -> Option<&mut Link> {
        let share = &mut self.clients.at_mut(at)?.shares[self.level as usize];
        Some(&mut share.groups.get_mut(self.lane)?.link)
    }
}

impl<Q: DerefMut<Target = [Slot<Queue>]>> Links for Slots<Q> {
    fn link(&self, at: u32) -> Option<&Link> {
        Some(&self.at(at)?.link)
    }

    fn link_mut(&mut self, at: u32) -> Option<&mut Link> {
        Some(&mut self.at_mut(at)?.link)
    }
}

/// One level: the first client of each lane, and the virtual time.
#[derive(Clone, Copy)]
struct Root {
    first: [u32; LANES],
    clock: u64,
}

/// Clients in the storage `C`, their queues in the storage `Q`.
///
/// # Invariants
///
/// A queue that can run is in one lane of its client; a client is in those lanes in which a queue of
/// it is. The keys are the virtual times.
pub(crate) struct RunQueue<C, Q> {
    pub(crate) clients: Slots<C>,
    pub(crate) queues: Slots<Q>,
    roots: [Root; 2],
    age: u64,
}

impl<C, Q> RunQueue<C, Q>
where
    C: DerefMut<Target = [Slot<Client>]>,
    Q: DerefMut<Target = [Slot<Queue>]>,
{
    pub(crate) fn new(clients: C, queues: Q) -> Self {
        let root = Root {
            first: [NONE; LANES],
            clock: 0,
        };
        Self {
            clients: Slots::new(clients),
            queues: Slots::new(queues),
            roots: [root; 2],
            age: 0,
        }
    }

    /// Adds a client; `None` if there is no slot.
    pub(crate) fn add_client(&mut self) -> Option<Id> {
        let shares = self
            .roots
            .map(|root| Share::new(root.clock.saturating_add(START_DEBIT)));
        self.clients.insert(Client {
            queues: 0,
            slowdown: 0,
            shares,
        })
    }

    /// Removes a client if it has no queues; returns whether it has none.
    pub(crate) fn remove_client(&mut self, id: Id) -> bool {
        let is_empty = self.clients.get(id).is_none_or(|client| client.queues == 0);
        if is_empty {
            self.clients.remove(id);
        }
        is_empty
    }

    /// Adds a queue to a client, which is there; `None` if there is no slot.
    pub(crate) fn add_queue(&mut self, client: Id, priority: Priority) -> Option<Id> {
        let share = self.share(client.slot(), priority.level())?;
        let vtime = share.clock.saturating_add(START_DEBIT);
        let id = self.queues.insert(Queue::new(client, priority, vtime))?;
        if let Some(client) = self.clients.at_mut(client.slot()) {
            client.queues += 1;
        }
        Some(id)
    }

    /// Removes a queue, whatever it is doing.
    pub(crate) fn remove_queue(&mut self, id: Id) {
        if self.queues.get(id).is_none() {
            return;
        }
        self.take(id.slot());
        let Some(queue) = self.queues.remove(id) else {
            return;
        };
        if let Some(client) = self.clients.at_mut(queue.client.slot()) {
            client.queues = client.queues.saturating_sub(1);
        }
    }

    /// Moves who wakes up on to the virtual time: a queue that could not run, and its client if none
    /// of its queues could.
    pub(crate) fn place(&mut self, queue: u32) {
        let Some((client, level)) = self.owner(queue) else {
            return;
        };
        let now = self.roots[level as usize].clock;
        let Some(share) = self.share_mut(client, level) else {
            return;
        };
        if share.lanes == 0 {
            share.vtime = share.vtime.max(now);
        }
        let clock = share.clock;
        if let Some(queue) = self.queues.at_mut(queue) {
            queue.vtime = queue.vtime.max(clock);
        }
    }

    /// Returns in which lane a queue is, `None` if it cannot run.
    pub(crate) fn lane(&self, queue: u32) -> Option<usize> {
        self.queues.at(queue)?.lane
    }

    /// Makes a queue able to run, which is not.
    pub(crate) fn insert(&mut self, queue: u32, lane: usize) {
        let Some((client, level)) = self.owner(queue) else {
            return;
        };
        let Some(first) = self.first_queue(client, level, lane) else {
            return;
        };
        let vtime = self.queues.at(queue).map_or(0, |queue| queue.vtime);
        let key = self.key(vtime);
        let first = heap::insert(&mut self.queues, first, queue, key);
        self.set_first_queue(client, level, lane, first);
        if let Some(queue) = self.queues.at_mut(queue) {
            queue.lane = Some(lane);
        }
        self.insert_client(client, level, lane);
    }

    /// Makes a queue unable to run.
    pub(crate) fn take(&mut self, queue: u32) {
        let Some((client, level)) = self.owner(queue) else {
            return;
        };
        let Some(lane) = self.queues.at_mut(queue).and_then(|q| q.lane.take()) else {
            return;
        };
        let first = self.first_queue(client, level, lane).unwrap_or(NONE);
        let first = heap::remove(&mut self.queues, first, queue);
        self.set_first_queue(client, level, lane, first);
        if first == NONE {
            self.take_client(client, level, lane);
        }
    }

    /// Returns the first queue of the first client in any of the lanes.
    pub(crate) fn first(&self, level: Level, lanes: &[usize]) -> Option<u32> {
        let root = &self.roots[level as usize];
        let clients = lanes.iter().filter_map(|&lane| {
            let client = *root.first.get(lane)?;
            let group = self.share(client, level)?.groups.get(lane)?;
            Some((group.link.key(), client))
        });
        let (_, client) = clients.min()?;
        let queues = lanes.iter().filter_map(|&lane| {
            let queue = self.first_queue(client, level, lane)?;
            Some((self.queues.at(queue)?.link.key(), queue))
        });
        Some(queues.min()?.1)
    }

    /// Returns whether anybody can run.
    pub(crate) fn can_run(&self, level: Level) -> bool {
        let root = &self.roots[level as usize];
        root.first.iter().any(|client| *client != NONE)
    }

    /// Moves the virtual times on to a queue that was picked.
    pub(crate) fn advance(&mut self, queue: u32) {
        let Some((client, level)) = self.owner(queue) else {
            return;
        };
        let vtime = self.queues.at(queue).map_or(0, |queue| queue.vtime);
        let Some(share) = self.share_mut(client, level) else {
            return;
        };
        share.clock = share.clock.max(vtime);
        let vtime = share.vtime;
        let root = &mut self.roots[level as usize];
        root.clock = root.clock.max(vtime);
    }

    /// Replaces a part of the virtual time that a client has used by another one.
    pub(crate) fn charge_client(&mut self, client: u32, level: Level, old: u64, new: u64) {
        let Some(share) = self.share_mut(client, level) else {
            return;
        };
        share.vtime = share.vtime.saturating_add(new).saturating_sub(old);
        let (vtime, lanes) = (share.vtime, share.lanes);
        for lane in (0..LANES).filter(|lane| lanes & (1 << lane) != 0) {
            let key = self.key(vtime);
            self.change_client(level, lane, |groups, first| {
                heap::change_key(groups, first, client, key)
            });
        }
    }

    /// Replaces a part of the virtual time that a queue has used by another one.
    pub(crate) fn charge_queue(&mut self, queue: u32, old: u64, new: u64) {
        let Some((client, level)) = self.owner(queue) else {
            return;
        };
        let Some(found) = self.queues.at_mut(queue) else {
            return;
        };
        found.vtime = found.vtime.saturating_add(new).saturating_sub(old);
        let (vtime, Some(lane)) = (found.vtime, found.lane) else {
            return;
        };
        let key = self.key(vtime);
        let first = self.first_queue(client, level, lane).unwrap_or(NONE);
        let first = heap::change_key(&mut self.queues, first, queue, key);
        self.set_first_queue(client, level, lane, first);
    }

    fn insert_client(&mut self, client: u32, level: Level, lane: usize) {
        let Some(share) = self.share_mut(client, level) else {
            return;
        };
        if share.lanes & (1 << lane) != 0 {
            return;
        }
        share.lanes |= 1 << lane;
        let vtime = share.vtime;
        let key = self.key(vtime);
        self.change_client(level, lane, |groups, first| {
            heap::insert(groups, first, client, key)
        });
    }

    fn take_client(&mut self, client: u32, level: Level, lane: usize) {
        if let Some(share) = self.share_mut(client, level) {
            share.lanes &= !(1 << lane);
        }
        self.change_client(level, lane, |groups, first| {
            heap::remove(groups, first, client)
        });
    }

    /// Changes the clients of a lane; `change` takes and returns the first one.
    fn change_client(
        &mut self,
        level: Level,
        lane: usize,
        change: impl FnOnce(&mut Groups<'_, C>, u32) -> u32,
    ) {
        let mut groups = Groups {
            clients: &mut self.clients,
            level,
            lane,
        };
        if let Some(first) = self.roots[level as usize].first.get_mut(lane) {
            *first = change(&mut groups, *first);
        }
    }

    fn owner(&self, queue: u32) -> Option<(u32, Level)> {
        let queue = self.queues.at(queue)?;
        Some((queue.client.slot(), queue.priority.level()))
    }

    fn share(&self, client: u32, level: Level) -> Option<&Share> {
        Some(&self.clients.at(client)?.shares[level as usize])
    }

    fn share_mut(&mut self, client: u32, level: Level) -> Option<&mut Share> {
        Some(&mut self.clients.at_mut(client)?.shares[level as usize])
    }

    fn first_queue(&self, client: u32, level: Level, lane: usize) -> Option<u32> {
        Some(self.share(client, level)?.groups.get(lane)?.first)
    }

    fn set_first_queue(&mut self, client: u32, level: Level, lane: usize, first: u32) {
        let share = self.share_mut(client, level);
        if let Some(group) = share.and_then(|share| share.groups.get_mut(lane)) {
            group.first = first;
        }
    }

    /// The key of who has used `vtime` and is the youngest of them.
    fn key(&mut self, vtime: u64) -> Key {
        self.age += 1;
        Key {
            value: vtime,
            age: self.age,
        }
    }
}
