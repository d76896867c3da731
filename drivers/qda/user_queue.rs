// SPDX-License-Identifier: GPL-2.0

//! User queues: queues of the card whose memory and doorbell are a client's
//! (Documentation/devices/qda/queues.rst).
//!
//! A user queue has the number of its doorbell. The card keeps it in the address space of its context,
//! so nothing here looks into packets.

use accel_core as accel;
use core::mem::offset_of;
use kernel::{
    io::{
        register::Array,
        Io, //
    },
    new_spinlock_irq,
    prelude::*,
    sync::{
        Arc,
        SpinLockIrq, //
    },
};
use zerocopy::FromBytes;

use crate::{
    capabilities::Capabilities,
    card::{
        kernel_queues,
        Card,
        Ended, //
    },
    groups::Member,
    job::refusal,
    mailbox::{
        Messages,
        QueueRequest,
        Request, //
    },
    pci::read64,
    regs,
    status,
    uapi::{
        self,
        accel_qda_user_queue, //
    },
    Qda,
    ENGINE_KINDS, //
};

/// Addresses of a queue's memory are multiples of this.
const ALIGNMENT: u64 = 64;

/// log2 of the packets of the smallest ring.
const ORDER_MIN: u32 = 4;

/// E_KIND of engines that send and receive.
const COLLECTIVE: u32 = 3;

/// A user queue, as the core knows it.
pub(crate) struct UserQueue {
    doorbell: usize,
    id: u16,
    engine: usize,
}

/// A user queue that the card may know.
struct Entry {
    events: Arc<accel::QueueEvents>,
    /// The client is done with it, but firmware could not be told.
    is_stale: bool,
    /// Its packet did not end.
    is_to_blame: bool,
    /// Not given to anybody else as long as the card may know the queue, both.
    _doorbell: Arc<accel::Doorbell>,
    _group: Option<Member>,
}

/// All of them, by their doorbells.
#[pin_data]
pub(crate) struct UserQueues {
    #[pin]
    all: SpinLockIrq<KVec<Option<Entry>>>,
}

impl UserQueues {
    pub(crate) fn new(capabilities: &Capabilities) -> Result<impl PinInit<Self>> {
        let count = capabilities.queues - kernel_queues(capabilities);
        let mut all = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            all.push(None, GFP_KERNEL)?;
        }
        Ok(pin_init!(Self {
            all <- new_spinlock_irq!(all, "qda_user_queues"),
        }))
    }

    /// EBUSY: the doorbell has a queue.
    fn add(&self, doorbell: usize, entry: Entry) -> Result {
        let mut all = self.all.lock();
        match all.get_mut(doorbell) {
            Some(place @ None) => {
                *place = Some(entry);
                Ok(())
            }
            place => {
                let error = if place.is_some() { EBUSY } else { EINVAL };
                drop(all);
                drop(entry);
                Err(error)
            }
        }
    }

    fn remove(&self, doorbell: usize) {
        let entry = self.all.lock().get_mut(doorbell).and_then(Option::take);
        // Not under the lock.
        drop(entry);
    }

    fn forsake(&self, doorbell: usize) {
        if let Some(Some(entry)) = self.all.lock().get_mut(doorbell) {
            entry.is_stale = true;
        }
    }

    fn with(&self, doorbell: usize, f: impl FnOnce(&mut Entry)) {
        if let Some(Some(entry)) = self.all.lock().get_mut(doorbell) {
            f(entry);
        }
    }

    /// Returns the first stale one from `start` on.
    fn next_stale(&self, start: usize) -> Option<usize> {
        let all = self.all.lock();
        let is_stale = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.is_stale);
        let index = all.get(start..)?.iter().position(is_stale)?;
        Some(start + index)
    }

    /// None of them goes on.
    fn fail(&self, kind: accel::FaultKind) {
        for entry in self.all.lock().iter().flatten() {
            entry.events.failed(accel::Fault::new(kind));
        }
    }

    /// The card does not know them any more.
    pub(crate) fn lose(&self) {
        self.fail(accel::FaultKind::Reset);
        while let Some(doorbell) = self.next_stale(0) {
            self.remove(doorbell);
        }
    }
}

/// Reads a payload, and refuses what makes no sense.
fn parse(
    capabilities: &Capabilities,
    engine: usize,
    payload: &[u8],
) -> Result<accel_qda_user_queue, accel::Refusal> {
    let new = accel_qda_user_queue::read_from_bytes(payload)
        .map_err(|_| refusal(uapi::ACCEL_QDA_REFUSED_SIZE, payload.len()))?;
    let is_collective = ENGINE_KINDS.get(engine) == Some(&COLLECTIVE);
    // CAST: A card has fewer than 8 links, as its queues have a byte for them.
    let links = if is_collective {
        (1 << capabilities.links) - 1
    } else {
        0
    };
    let group = if is_collective {
        u32::from(u16::MAX)
    } else {
        0
    };
    let orders = ORDER_MIN..=capabilities.order_max;
    macro_rules! check {
        ($($field:ident: $is_right:expr;)*) => {$(
            if !$is_right {
                let at = offset_of!(accel_qda_user_queue, $field);
                return Err(refusal(uapi::ACCEL_QDA_REFUSED_FIELD, at));
            }
        )*};
    }
    check! {
        ring: new.ring % ALIGNMENT == 0;
        records: new.records % ALIGNMENT == 0;
        report: new.report % ALIGNMENT == 0;
        order: orders.contains(&new.order);
        links: new.links & !links == 0;
        group: new.group <= group;
        reserved: new.reserved == 0;
    }
    Ok(new)
}

impl accel::UserQueues<Qda> for UserQueues {
    const MAX_PAYLOAD: Option<usize> = Some(size_of::<accel_qda_user_queue>());
    type Queue = UserQueue;

    fn create(
        card: &Card<'_>,
        setup: accel::UserQueueSetup<'_, Qda>,
    ) -> Result<UserQueue, accel::Refusal> {
        let capabilities = card.capabilities();
        let new = parse(capabilities, setup.engine, setup.payload)?;
        let doorbell = setup.doorbell.index() as usize;
        let id = card.user_queue_id(doorbell)?;
        let messages = Messages {
            group: u16::try_from(new.group).map_err(Error::from)?,
            links: u8::try_from(new.links).map_err(Error::from)?,
        };
        // A queue without links has no messages.
        let group = match messages.links {
            0 => None,
            _ => Some(Member::join(messages.group, setup.user)?),
        };
        let request = QueueRequest {
            queue: id,
            asid: setup.space.in_step()?.space().asid,
            engine: u8::try_from(setup.engine).map_err(Error::from)?,
            priority: priority(setup.priority),
            order: u8::try_from(new.order).map_err(Error::from)?,
            is_user: true,
            ring: new.ring,
            records: new.records,
            report: new.report,
            messages,
        };
        let queues = card.user_queues();
        let entry = Entry {
            events: setup.events.clone(),
            is_stale: false,
            is_to_blame: false,
            _doorbell: setup.doorbell.clone(),
            _group: group,
        };
        // No reset of the card comes in between.
        let _one_at_a_time = card.setup().lock();
        queues.add(doorbell, entry)?;
        match card.call(&Request::QueueCreate(request)) {
            Ok(_) => Ok(UserQueue {
                doorbell,
                id,
                engine: setup.engine,
            }),
            Err(ETIMEDOUT) => {
                // It may be there, and run.
                card.start_suspend(id.into());
                card.finish_suspend(id.into(), setup.engine);
                queues.forsake(doorbell);
                Err(EAGAIN.into())
            }
            Err(e) => {
                queues.remove(doorbell);
                Err(e.into())
            }
        }
    }

    fn suspend(card: &Card<'_>, queue: &UserQueue) {
        card.start_suspend(queue.id.into());
    }

    fn suspend_wait(card: &Card<'_>, queue: &UserQueue) {
        card.finish_suspend(queue.id.into(), queue.engine);
    }

    fn resume(card: &Card<'_>, queue: &UserQueue) {
        card.resume(queue.id.into());
    }

    fn destroy(card: &Card<'_>, queue: &UserQueue) {
        match card.end_queue(queue.id) {
            Ok(Ended::Gone) => card.user_queues().remove(queue.doorbell),
            Ok(Ended::Stale) => card.user_queues().forsake(queue.doorbell),
            // It has its doorbell and its address space until the card is reset.
            Err(_) => (),
        }
    }

    fn busy_ns(card: &Card<'_>, queue: &UserQueue) -> Option<u64> {
        let at = regs::Q_BUSY::try_at(queue.id.into())?;
        let busy = read64(card.bar(), at);
        // What registers of a card read as that is gone.
        (busy != u64::MAX).then_some(busy)
    }
}

/// Returns what a priority is to the card.
fn priority(priority: accel::Priority) -> u8 {
    match priority {
        accel::Priority::Low => 0,
        accel::Priority::Normal => 1,
        accel::Priority::High => 2,
        accel::Priority::Realtime => 3,
    }
}

impl Card<'_> {
    /// Returns the number of the queue that a doorbell rings.
    fn user_queue_id(&self, doorbell: usize) -> Result<u16> {
        Ok(u16::try_from(self.first_user_queue() + doorbell)?)
    }

    /// Tells the client of a user queue what that has to say. Any context.
    pub(crate) fn tell(&self, id: usize) {
        let Some(doorbell) = id.checked_sub(self.first_user_queue()) else {
            return;
        };
        self.user_queues().with(doorbell, |entry| {
            let state = u32::from(self.queue_state(id).state());
            if state == regs::GONE_STATE {
                return;
            }
            if let Some(count) = self.completed(id) {
                entry.events.completed(count);
            }
            if state == regs::Q_ERROR {
                self.tell_why(id, entry);
            }
        });
    }

    /// Tells why a user queue is in error.
    fn tell_why(&self, id: usize, entry: &Entry) {
        let bar = self.bar();
        let status = regs::Q_STATUS::try_at(id).map_or(0, |at| bar.read(at).into_raw());
        let address = regs::Q_ADDRESS::try_at(id).map_or(0, |at| read64(bar, at));
        match entry.is_to_blame && status::was_given_up(status) {
            true => entry.events.hung(),
            false => entry.events.failed(status::user_fault(status, address)),
        }
    }

    /// The packet of a queue does not end: what that takes is its client's fault.
    pub(crate) fn blame(&self, id: usize) {
        if let Some(doorbell) = id.checked_sub(self.first_user_queue()) {
            let blame = |entry: &mut Entry| entry.is_to_blame = true;
            self.user_queues().with(doorbell, blame);
        }
    }

    /// None of the user queues goes on.
    pub(crate) fn fail_user_queues(&self, kind: accel::FaultKind) {
        self.user_queues().fail(kind);
    }

    /// Has firmware end the user queues that it could not be told of.
    pub(crate) fn forget_stale_user_queues(&self) -> Result {
        let mut next = 0;
        while let Some(doorbell) = self.user_queues().next_stale(next) {
            let queue = self.user_queue_id(doorbell)?;
            if matches!(
                self.call(&Request::QueueDestroy { queue }),
                Ok(_) | Err(ENOENT)
            ) {
                self.user_queues().remove(doorbell);
            }
            next = doorbell + 1;
        }
        Ok(())
    }
}
