// SPDX-License-Identifier: GPL-2.0

//! Engines: what runs on each, how that ends, and what to do if it does not
//! (Documentation/devices/qda/queues.rst, reset.rst).

use accel_core as accel;
use kernel::{
    fmt,
    io::{
        poll::read_poll_timeout,
        register::Array,
        Io, //
    },
    new_spinlock_irq,
    prelude::*,
    sync::{
        Arc,
        SpinLockIrq, //
    },
    time::Delta,
};

use crate::{
    card::{
        limit_ms,
        Card, //
    },
    pci::{
        read64,
        write64,
        DOORBELL_SIZE, //
    },
    queue::{
        Queue,
        Report, //
    },
    regs,
    status,
    ENGINE_KINDS, //
};

/// Limits of the resets, milliseconds.
const ABORT_MS: u32 = 10;
/// How much longer than a packet a queue may take to suspend, if the other card of a message dies.
const SUSPEND_MS: u32 = 1010;
const ENGINE_RESET_MS: u32 = 100;

/// Packets of a queue that an engine has to do.
struct Running {
    queue: Arc<Queue>,
    /// Index behind the last one.
    end: u64,
    /// E_PROGRESS when it was last looked at.
    progress: u64,
}

/// Which queues have something to say: bit q of all words.
#[derive(Default)]
struct Pending([u64; 4]);

impl Pending {
    fn is_any(&self) -> bool {
        self.0 != [0; 4]
    }

    /// Returns the numbers of the queues.
    fn queues(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let bits = *bits;
            let set = (0..64).filter(move |bit| bits >> bit & 1 != 0);
            set.map(move |bit| word * 64 + bit)
        })
    }
}

/// What the engines do.
#[pin_data]
pub(crate) struct Engines {
    #[pin]
    running: SpinLockIrq<[Option<Running>; ENGINE_KINDS.len()]>,
}

impl Engines {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            running <- new_spinlock_irq!([const { None }; ENGINE_KINDS.len()], "qda_engines"),
        })
    }

    fn take(&self, engine: usize) -> Option<Running> {
        self.running.lock().get_mut(engine)?.take()
    }

    /// Returns the number of the queue that an engine works on, and the index behind its last packet.
    fn running(&self, engine: usize) -> Option<(usize, u64)> {
        let running = self.running.lock();
        let it = running.get(engine)?.as_ref()?;
        Some((it.queue.id(), it.end))
    }

    /// Nothing was started meanwhile.
    fn put_back(&self, engine: usize, it: Running) {
        if let Some(place) = self.running.lock().get_mut(engine) {
            *place = Some(it);
        }
    }

    /// They do nothing any more.
    pub(crate) fn forget(&self) {
        for engine in 0..ENGINE_KINDS.len() {
            drop(self.take(engine));
        }
    }
}

impl Card<'_> {
    /// Writes packets to a queue, rings, and keeps in mind that the engine has them. Atomic context.
    pub(crate) fn start(&self, queue: &Arc<Queue>, packets: &[u8]) -> Result {
        let end = self.ring(queue, packets)?;
        let new = Running {
            queue: queue.clone(),
            end,
            progress: 0,
        };
        let mut running = self.engines().running.lock();
        *running.get_mut(queue.engine()).ok_or(EINVAL)? = Some(new);
        Ok(())
    }

    /// Writes packets to a queue and rings; returns the index behind the last one.
    pub(crate) fn ring(&self, queue: &Queue, packets: &[u8]) -> Result<u64> {
        let end = queue.write(packets)?;
        self.doorbells().store(queue.id() * DOORBELL_SIZE, end, 1)?;
        Ok(end)
    }

    /// Looks at what the queues of an engine have to say, and tells who waits for it; returns whether there
    /// was something. Any context.
    pub(crate) fn attend(&self, engine: usize) -> bool {
        let pending = self.take_pending(engine);
        pending.queues().for_each(|queue| self.tell(queue));
        if pending.is_any() {
            self.device.complete(engine, |jobs| {
                if let Some(outcome) = self.take_ended(engine, |it| self.ended(&it.queue, it.end)) {
                    jobs.end_first(outcome);
                }
            });
        }
        pending.is_any()
    }

    /// Reads and clears which queues of an engine have something to say, a bit each.
    fn take_pending(&self, engine: usize) -> Pending {
        let bar = self.bar();
        let mut pending = Pending::default();
        macro_rules! take {
            ($($word:ident = $index:literal),*) => {$(
                if let (Some(from), Some(to)) =
                    (regs::$word::try_at(engine), regs::$word::try_at(engine))
                {
                    let bits = read64(bar, from);
                    if bits != 0 {
                        write64(bar, to, regs::$word::from(bits));
                        pending.0[$index] = bits;
                    }
                }
            )*};
        }
        take!(QPENDING0 = 0, QPENDING1 = 1, QPENDING2 = 2, QPENDING3 = 3);
        pending
    }

    /// Forgets that a queue has something to say: only who has said nothing sends a message.
    fn clear_pending(&self, engine: usize, queue: usize) {
        let bit = 1 << (queue % 64);
        macro_rules! clear {
            ($($word:ident = $index:literal),*) => {$(
                if let ($index, Some(at)) = (queue / 64, regs::$word::try_at(engine)) {
                    write64(self.bar(), at, regs::$word::from(bit));
                }
            )*};
        }
        clear!(QPENDING0 = 0, QPENDING1 = 1, QPENDING2 = 2, QPENDING3 = 3);
    }

    /// Returns how the packets of a queue before `end` have ended, if they have.
    pub(crate) fn ended(&self, queue: &Queue, end: u64) -> Option<accel::Outcome> {
        match queue.reported(end) {
            Report::Unfinished => None,
            Report::Done => Some(Ok(())),
            Report::Doubtful => self.has_ended(queue, end),
        }
    }

    /// The same by registers, which are slower, but right if the report was spoilt or lost.
    fn has_ended(&self, queue: &Queue, end: u64) -> Option<accel::Outcome> {
        match self.queue_state(queue.id()).state().into() {
            regs::Q_ERROR => Some(Err(self.why(queue.id())?)),
            // Of one that is gone the bus will tell.
            regs::GONE_STATE => None,
            _ => (self.completed(queue.id())? >= end).then_some(Ok(())),
        }
    }

    /// Returns how many packets of a queue have ended well, unless the card is gone.
    pub(crate) fn completed(&self, queue: usize) -> Option<u64> {
        let count = read64(self.bar(), regs::Q_READ::try_at(queue)?);
        (count != u64::MAX).then_some(count)
    }

    /// Returns why a queue is in error.
    fn why(&self, queue: usize) -> Option<accel::Fault> {
        let bar = self.bar();
        Some(status::fault(
            bar.read(regs::Q_STATUS::try_at(queue)?).into_raw(),
            bar.read(regs::Q_DETAIL::try_at(queue)?).into_raw(),
            read64(bar, regs::Q_ADDRESS::try_at(queue)?),
        ))
    }

    /// Returns how what an engine has to do has ended, if it has. Atomic context.
    fn take_ended(
        &self,
        engine: usize,
        ended: impl FnOnce(&Running) -> Option<accel::Outcome>,
    ) -> Option<accel::Outcome> {
        let mut running = self.engines().running.lock();
        let slot = running.get_mut(engine)?;
        let outcome = slot.as_ref().and_then(ended)?;
        let ended = slot.take()?;
        drop(running);
        if outcome.is_err() {
            self.skip(&ended.queue, ended.end);
        }
        // The job has a reference, too: nothing is freed here.
        Some(outcome)
    }

    /// Looks at what an engine does whose time is over. Atomic context.
    pub(crate) fn progress(&self, engine: usize) -> accel::Progress {
        if let Some((queue, _)) = self.engines().running(engine) {
            // The message may have been lost.
            self.clear_pending(engine, queue);
        }
        let now = regs::E_PROGRESS::try_at(engine).map_or(0, |at| read64(self.bar(), at));
        // The report may have been lost. What the card has written by now is visible after a read.
        if let Some(outcome) = self.take_ended(engine, |it| self.has_ended(&it.queue, it.end)) {
            return accel::Progress::Ended(outcome);
        }
        let mut running = self.engines().running.lock();
        let Some(Some(it)) = running.get_mut(engine) else {
            return accel::Progress::Hung;
        };
        let before = core::mem::replace(&mut it.progress, now);
        let occupant = regs::E_STATUS::try_at(engine).map(|at| self.bar().read(at));
        // A card that is gone has none of its queues there.
        let users = self.first_user_queue()..regs::MAX_QUEUES;
        let others = |status: &regs::E_STATUS| {
            status.busy() && users.contains(&(u32::from(status.queue()) as usize))
        };
        let is_running = self.queue_state(it.queue.id()).running();
        match (occupant.filter(others), is_running && now != before) {
            // A packet of a user queue goes before; if it hangs that is seen to.
            (Some(_), _) | (_, true) => accel::Progress::Progressing,
            _ => accel::Progress::Hung,
        }
    }

    /// Takes back what an engine has to do. EIO: its queue does not obey.
    pub(crate) fn abort_job(&self, engine: usize) -> Result {
        let Some(it) = self.engines().take(engine) else {
            return Ok(());
        };
        let aborted = self.abort(it.queue.id());
        match aborted {
            Ok(()) => self.skip(&it.queue, it.end),
            Err(_) => self.engines().put_back(engine, it),
        }
        aborted
    }

    /// Writes what an engine and its queue are doing.
    pub(crate) fn dump_engine(&self, engine: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bar = self.bar();
        let status = regs::E_STATUS::try_at(engine).map_or(0, |at| bar.read(at).into_raw());
        let progress = regs::E_PROGRESS::try_at(engine).map_or(0, |at| read64(bar, at));
        f.write_fmt(fmt!(
            "engine {engine} status {status:#x} progress {progress}\n"
        ))?;
        let queue = self.engines().running(engine);
        let Some((id, end)) = queue else {
            return Ok(());
        };
        let state = regs::Q_STATE::try_at(id).map_or(0, |at| bar.read(at).into_raw());
        let read = regs::Q_READ::try_at(id).map_or(0, |at| read64(bar, at));
        let write = regs::Q_WRITE::try_at(id).map_or(0, |at| read64(bar, at));
        f.write_fmt(fmt!(
            "queue {id} state {state:#x} read {read} write {write} end {end}\n"
        ))
    }

    /// Resets an engine, and takes back what it has to do. EIO: it does not come back.
    pub(crate) fn reset_engine(&self, engine: usize) -> Result {
        let it = self.engines().take(engine);
        self.reset_hardware(engine)?;
        if let Some(it) = it {
            // It goes on if its packet has ended after all, before the reset.
            self.abort(it.queue.id())?;
            self.skip(&it.queue, it.end);
        }
        Ok(())
    }

    /// Takes back what a queue has to do before `end`.
    pub(crate) fn give_up(&self, queue: &Queue, end: u64) -> Result {
        if self.abort(queue.id()).is_err() {
            self.reset_by_ourselves(queue.engine())?;
            self.abort(queue.id())?;
        }
        self.skip(queue, end);
        Ok(())
    }

    /// Gives up the packet of a queue that is under way, and stops the queue. EIO: it goes on.
    pub(crate) fn abort(&self, queue: usize) -> Result {
        self.control(queue, regs::Q_ABORT);
        self.wait_for_stop(queue)
    }

    /// Has a queue start no more packets, and waits for the one under way. EIO: it does not end.
    pub(crate) fn suspend(&self, queue: usize) -> Result {
        self.start_suspend(queue);
        self.wait_for_stop(queue)
    }

    /// Has a queue start no more packets.
    pub(crate) fn start_suspend(&self, queue: usize) {
        self.control(queue, regs::Q_SUSPEND);
    }

    /// Waits until a queue has suspended; gives up what it does if that takes too long, and the card,
    /// which reaches no memory then until it is reset, if that does not help. Allocates nothing, takes
    /// lock that is held over an allocation.
    pub(crate) fn finish_suspend(&self, queue: usize, engine: usize) {
        // One that the card does not know has stopped, or is gone with it.
        let stops_within = |ms| {
            let has_stopped = |state| ![regs::Q_ACTIVE, regs::Q_SUSPENDING].contains(&state);
            self.is_cut_off() || self.wait_for_state(queue, ms, has_stopped).is_ok()
        };
        if stops_within(self.capabilities().packet_ms + SUSPEND_MS) {
            return;
        }
        self.blame(queue);
        self.control(queue, regs::Q_ABORT);
        if stops_within(ABORT_MS) {
            return;
        }
        if self.reset_by_ourselves(engine).is_err() || !stops_within(ABORT_MS) {
            self.cut_off();
        }
    }

    /// Has a queue go on, if it was suspended, and has not failed.
    pub(crate) fn resume(&self, queue: usize) {
        if u32::from(self.queue_state(queue).state()) == regs::Q_SUSPENDED {
            self.control(queue, regs::Q_RESUME);
        }
    }

    /// Goes on behind packets that are not to be executed any more, with a queue that has stopped.
    fn skip(&self, queue: &Queue, end: u64) {
        if let Some(at) = regs::Q_READ::try_at(queue.id()) {
            write64(self.bar(), at, regs::Q_READ::from(end));
        }
        self.control(queue.id(), regs::Q_RESUME);
        // The report is written when this has been read.
        let _ = self.queue_state(queue.id());
    }

    fn control(&self, queue: usize, what: u32) {
        if let Some(at) = regs::Q_CONTROL::try_at(queue) {
            self.bar().write(at, regs::Q_CONTROL::from(what));
        }
    }

    pub(crate) fn queue_state(&self, queue: usize) -> regs::Q_STATE {
        let at = regs::Q_STATE::try_at(queue);
        at.map_or(regs::Q_STATE::zeroed(), |at| self.bar().read(at))
    }

    /// Waits until a queue has stopped. EIO: it does not.
    fn wait_for_stop(&self, queue: usize) -> Result {
        let stopped = [regs::Q_SUSPENDED, regs::Q_ERROR];
        self.wait_for_state(queue, ABORT_MS, |state| stopped.contains(&state))
    }

    /// Waits until the state of a queue `is_right`. EIO: it is not after `ms` milliseconds.
    fn wait_for_state(&self, queue: usize, ms: u32, is_right: impl Fn(u32) -> bool) -> Result {
        read_poll_timeout(
            || Ok(self.queue_state(queue)),
            |state| is_right(state.state().into()),
            Delta::from_micros(200),
            limit_ms(ms),
        )
        .map(|_| ())
        .map_err(|_| EIO)
    }

    /// Resets an engine because of what is no job, and tells of that. EIO: it takes no packets until the
    /// card is reset, which comes next.
    pub(crate) fn reset_by_ourselves(&self, engine: usize) -> Result {
        let reset = self
            .reset_hardware(engine)
            .inspect_err(|_| self.set_stuck());
        self.device.engine_was_reset(engine, reset);
        reset
    }

    /// Resets an engine. EIO: it does not come back.
    fn reset_hardware(&self, engine: usize) -> Result {
        let bar = self.bar();
        let at = regs::E_CONTROL::try_at(engine).ok_or(EINVAL)?;
        bar.write(at, regs::E_CONTROL::from(regs::E_RESET));
        let status = read_poll_timeout(
            || {
                let at = regs::E_STATUS::try_at(engine).ok_or(EINVAL)?;
                Ok(bar.read(at))
            },
            |status| !status.resetting(),
            Delta::from_millis(1),
            limit_ms(ENGINE_RESET_MS),
        );
        match status {
            Ok(status) if !status.failed() => Ok(()),
            _ => Err(EIO),
        }
    }
}
