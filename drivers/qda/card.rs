// SPDX-License-Identifier: GPL-2.0

//! A card: what exists while one is bound; from reset to work, and to the end.

use accel_core as accel;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    fmt,
    io::Io,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
    time::Delta,
};
use kernel_ext::{
    dma,
    pci::set_master, //
};

use crate::{
    capabilities::Capabilities,
    engine::Engines,
    events::Ring,
    firmware::{
        self,
        Firmware, //
    },
    ids::Ids,
    mailbox::{
        Mailbox,
        Request,
        Words, //
    },
    mmu::{
        Context,
        Contexts, //
    },
    pci::Bar,
    queue::Queue,
    regs,
    scrub::SCRUB_ENGINE,
    user_queue::UserQueues,
    watch::Watch,
    Qda, //
};

/// How much longer than the card promises we wait, milliseconds: a machine that is not real may stand
/// still for a while.
const PATIENCE_MS: u32 = 500;

/// What watchers are told when firmware is dead, and FW_ERROR does not say why.
const SILENCE: u32 = u32::MAX;

/// What the card echoes when its firmware has booted.
const COOKIE: u64 = 0x6163_6365_6c20_7164;

/// Returns how long to wait for what the card promises within `ms` milliseconds.
pub(crate) fn limit_ms(ms: u32) -> Delta {
    Delta::from_millis(i64::from(ms + PATIENCE_MS))
}

/// How a queue of the card was ended.
pub(crate) enum Ended {
    /// The card does not know it any more.
    Gone,
    /// It is stopped; without firmware nobody can have it forgotten.
    Stale,
}

/// The kernel's queues, by number.
pub(crate) struct Queues {
    pub(crate) ids: Ids,
    all: KVec<Option<Arc<Queue>>>,
}

/// What has locks.
#[pin_data]
pub(crate) struct State {
    #[pin]
    pub(crate) mailbox: Mailbox,
    #[pin]
    engines: Engines,
    #[pin]
    pub(crate) contexts: Mutex<Contexts>,
    #[pin]
    pub(crate) queues: Mutex<Queues>,
    #[pin]
    user_queues: UserQueues,
    #[pin]
    watch: Watch,
    /// Held while a queue is made, over allocations.
    #[pin]
    making: Mutex<()>,
    /// Held while what the card knows of contexts and queues changes; nothing is allocated.
    #[pin]
    pub(crate) setup: Mutex<()>,
    #[pin]
    pub(crate) invalidation: Mutex<()>,
    /// The queue that scrubs, when there is one.
    #[pin]
    pub(crate) scrubber: Mutex<Option<Arc<Queue>>>,
    /// How often the card has lost its queues.
    pub(crate) resets: Atomic<u32>,
    /// Only a reset of the card helps: an invalidation, a queue, or what an engine does, does not end.
    pub(crate) is_stuck: Atomic<bool>,
    /// It reaches no memory of others until then.
    pub(crate) is_cut_off: Atomic<bool>,
}

/// A card.
pub(crate) struct Card<'bound> {
    pub(crate) dev: &'bound Device<Bound>,
    /// Whose watchers are told of what happens.
    pub(crate) device: Arc<accel::Device<Qda>>,
    bar: Bar<'bound>,
    doorbells: Arc<accel::Aperture>,
    capabilities: Capabilities,
    firmware: Firmware,
    rings: [Pin<KBox<Ring>>; regs::RINGS],
    pub(crate) state: Pin<KBox<State>>,
}

impl<'bound> Card<'bound> {
    /// Resets a card, boots its firmware and makes it ready. EIO: it does not do as it should; ENODEV:
    /// it is none; errors of the firmware loader; ENOMEM.
    pub(crate) fn new(
        dev: &'bound Device<Bound>,
        device: Arc<accel::Device<Qda>>,
        bar: Bar<'bound>,
        doorbells: Arc<accel::Aperture>,
    ) -> Result<Self> {
        let capabilities = Capabilities::read(&bar)?;
        dma::set_mask(dev, capabilities.address_bits)?;
        let contexts = Contexts::new(capabilities.asids)?;
        let user_queues = UserQueues::new(&capabilities)?;
        let mut all = KVec::with_capacity(kernel_queues(&capabilities), GFP_KERNEL)?;
        for _ in 0..kernel_queues(&capabilities) {
            all.push(None, GFP_KERNEL)?;
        }
        let queues = Queues {
            ids: Ids::new(0, all.len())?,
            all,
        };
        let state = KBox::pin_init(
            pin_init!(State {
                mailbox <- Mailbox::new(),
                engines <- Engines::new(),
                contexts <- new_mutex!(contexts, "qda_contexts"),
                queues <- new_mutex!(queues, "qda_queues"),
                user_queues <- user_queues,
                watch <- Watch::new(),
                making <- new_mutex!((), "qda_making"),
                setup <- new_mutex!((), "qda_setup"),
                invalidation <- new_mutex!((), "qda_invalidation"),
                scrubber <- new_mutex!(None, "qda_scrubber"),
                resets: Atomic::new(0),
                is_stuck: Atomic::new(false),
                is_cut_off: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        let card = Self {
            firmware: Firmware::request(dev)?,
            rings: [
                KBox::pin_init(Ring::new(dev, 0)?, GFP_KERNEL)?,
                KBox::pin_init(Ring::new(dev, 1)?, GFP_KERNEL)?,
            ],
            dev,
            device,
            bar,
            doorbells,
            capabilities,
            state,
        };
        // Before anything that it may still use is freed.
        card.bring_up().inspect_err(|_| card.stop())?;
        Ok(card)
    }

    fn bring_up(&self) -> Result {
        firmware::reset_device(&self.bar)?;
        set_master(self.dev, true);
        self.boot()?;
        *self.state.scrubber.lock() = Some(self.create_queue(0, SCRUB_ENGINE)?);
        Ok(())
    }

    /// Boots firmware after a reset, to where it takes requests.
    pub(crate) fn boot(&self) -> Result {
        self.firmware.boot(self.dev, &self.bar)?;
        for ring in &self.rings {
            ring.enable(&self.bar)?;
        }
        let ping = Request::Ping { cookie: COOKIE };
        let [_, cookie, ..] = self.state.mailbox.call_alone(&self.bar, &ping)?;
        if cookie != COOKIE {
            return Err(EIO);
        }
        self.enable_links();
        Ok(())
    }

    pub(crate) fn find_queue(&self, id: usize) -> Option<Arc<Queue>> {
        self.state.queues.lock().all.get(id).cloned().flatten()
    }

    /// Notes that only a reset of the card helps.
    pub(crate) fn set_stuck(&self) {
        self.state.is_stuck.store(true, Relaxed);
    }

    /// Stops the card for good, if it is still there; if it does not stop, it cannot reach memory.
    pub(crate) fn stop(&self) {
        if !self.is_gone() && firmware::reset_device(&self.bar).is_err() {
            dev_err!(self.dev, "does not stop\n");
        }
        set_master(self.dev, false);
    }

    fn is_gone(&self) -> bool {
        self.bar.read(regs::ID).into_raw() == regs::GONE
    }

    /// Looks whether the card is well, and after its engines.
    pub(crate) fn is_well(&self) -> bool {
        self.look_after_engines();
        let has_failed = self.bar.read(regs::DEVICE_STATE).into_raw() == regs::DEVICE_FAILED;
        let is_served = self.firmware.is_alive(&self.bar) && !self.state.mailbox.is_silent();
        let is_stuck = self.state.is_stuck.load(Relaxed);
        // Of one that is gone the bus will tell.
        self.is_gone() || !has_failed && is_served && !is_stuck
    }

    /// Boots firmware that has died, and tells it what has ended meanwhile. EIO: that does not
    /// help.
    pub(crate) fn revive(&self) -> Result {
        if self.state.is_stuck.load(Relaxed) {
            dev_err!(self.dev, "needs a reset: invalidation, queue or engine\n");
            return Err(EIO);
        }
        if self.bar.read(regs::DEVICE_STATE).into_raw() == regs::DEVICE_FAILED {
            let reason = self.bar.read(regs::DEVICE_REASON).into_raw();
            dev_err!(self.dev, "has failed, reason {reason}\n");
            self.fail_user_queues(accel::FaultKind::Device);
            return Err(EIO);
        }
        let error = match self.bar.read(regs::FW_ERROR).into_raw() {
            0 => SILENCE,
            error => error,
        };
        self.device.tell(accel::Event::Firmware(error.into()));
        self.firmware.reboot(self.dev, &self.bar)?;
        self.device.tell(accel::Event::Firmware(0));
        self.state.mailbox.renew();
        self.forget_stale();
        Ok(())
    }

    /// Has firmware end the queues, then the contexts, that it could not be told of.
    fn forget_stale(&self) {
        let mut next = 0;
        while let Some(queue) = self.next_stale_queue(next) {
            let ended = self.call(&Request::QueueDestroy { queue });
            if matches!(ended, Ok(_) | Err(ENOENT)) {
                self.state.queues.lock().ids.give_back(queue);
            }
            next = usize::from(queue) + 1;
        }
        let _ = self.forget_stale_user_queues();
        let mut next = 0;
        while let Some(asid) = self.next_stale_context(next) {
            let ended = self.call(&Request::ContextDestroy { asid });
            if matches!(ended, Ok(_) | Err(ENOENT)) {
                self.state.contexts.lock().give_back(asid);
            }
            next = usize::from(asid) + 1;
        }
    }

    pub(crate) fn next_stale_queue(&self, start: usize) -> Option<u16> {
        self.state.queues.lock().ids.next_stale(start)
    }

    pub(crate) fn next_stale_context(&self, start: usize) -> Option<u16> {
        self.state.contexts.lock().next_stale(start)
    }

    /// Has firmware execute a request; errors as [`Mailbox::call`].
    pub(crate) fn call(&self, request: &Request) -> Result<Words> {
        self.state.mailbox.call(&self.bar, request)
    }

    pub(crate) fn bar(&self) -> &Bar<'bound> {
        &self.bar
    }

    pub(crate) fn firmware(&self) -> &Firmware {
        &self.firmware
    }

    pub(crate) fn doorbells(&self) -> &accel::Aperture {
        &self.doorbells
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(crate) fn engines(&self) -> &Engines {
        &self.state.engines
    }

    pub(crate) fn user_queues(&self) -> &UserQueues {
        &self.state.user_queues
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.state.watch
    }

    /// Returns the number of the first queue that is a client's.
    pub(crate) fn first_user_queue(&self) -> usize {
        kernel_queues(&self.capabilities)
    }

    pub(crate) fn contexts(&self) -> &Mutex<Contexts> {
        &self.state.contexts
    }

    pub(crate) fn setup(&self) -> &Mutex<()> {
        &self.state.setup
    }

    pub(crate) fn invalidation(&self) -> &Mutex<()> {
        &self.state.invalidation
    }

    /// Reads what is new in an event ring; returns whether there was something.
    pub(crate) fn drain(&self, ring: usize) -> bool {
        let ring = self.rings.get(ring);
        ring.is_some_and(|ring| ring.drain(self.dev, &self.bar, &self.capabilities, &self.device))
    }

    /// Returns the queue by which jobs of a context reach an engine, which is made for the first one.
    ///
    /// # Errors
    ///
    /// ENOSPC: the card has no more queues; EAGAIN: its firmware is being brought back; ENOMEM; EIO.
    pub(crate) fn queue(&self, context: &Context, engine: usize) -> Result<Arc<Queue>> {
        let place = context.queues.get(engine).ok_or(EINVAL)?;
        let _one_at_a_time = self.state.making.lock();
        if let Some(id) = place.load(Relaxed).checked_sub(1) {
            let queues = self.state.queues.lock();
            let queue = queues.all.get(id as usize).and_then(Option::as_ref);
            return queue.cloned().ok_or(EIO);
        }
        let queue = self.create_queue(context.asid, engine)?;
        place.store(u32::try_from(queue.id())? + 1, Relaxed);
        Ok(queue)
    }

    fn create_queue(&self, asid: u16, engine: usize) -> Result<Arc<Queue>> {
        let id = self.state.queues.lock().ids.take()?;
        let queue = Queue::new(self.dev, id, asid, engine).and_then(|queue| {
            let request = queue.request()?;
            Ok((Arc::new(queue, GFP_KERNEL_ACCOUNT)?, request))
        });
        let _one_at_a_time = self.state.setup.lock();
        let created = queue.and_then(|(queue, request)| {
            self.call(&Request::QueueCreate(request))?;
            Ok(queue)
        });
        let mut queues = self.state.queues.lock();
        match created {
            Ok(queue) => {
                let place = queues.all.get_mut(usize::from(id)).ok_or(EINVAL)?;
                *place = Some(queue.clone());
                Ok(queue)
            }
            Err(ETIMEDOUT) => {
                queues.ids.forsake(id);
                Err(EAGAIN)
            }
            Err(e) => {
                queues.ids.give_back(id);
                Err(e)
            }
        }
    }

    /// Stops a queue of the card and ends it, whatever it does. EIO: the card does not obey.
    pub(crate) fn end_queue(&self, id: u16) -> Result<Ended> {
        let _one_at_a_time = self.state.setup.lock();
        let request = Request::QueueDestroy { queue: id };
        let ended = match self.call(&request) {
            Err(EBUSY) => self.abort(id.into()).and_then(|()| self.call(&request)),
            ended => ended,
        };
        match ended {
            Ok(_) | Err(ENOENT) => Ok(Ended::Gone),
            Err(EAGAIN | ETIMEDOUT) => self.suspend(id.into()).map(|()| Ended::Stale),
            Err(e) => Err(e),
        }
    }

    /// Ends a queue of the kernel that nobody uses; after that the card does not touch its memory.
    /// EIO: it does not obey.
    pub(crate) fn destroy_queue(&self, id: u16) -> Result {
        let ended = self.end_queue(id)?;
        let mut queues = self.state.queues.lock();
        match ended {
            Ended::Stale => queues.ids.forsake(id),
            Ended::Gone => queues.ids.give_back(id),
        }
        let gone = queues.all.get_mut(usize::from(id)).and_then(Option::take);
        drop(queues);
        drop(gone);
        Ok(())
    }

    /// Returns how often firmware died and was brought back.
    pub(crate) fn firmware_losses(&self) -> u64 {
        self.firmware.losses()
    }

    /// Writes what firmware has logged.
    pub(crate) fn dump_log(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        firmware::dump_log(&self.bar, f)
    }

    /// Writes what firmware left when it crashed, and what it has logged.
    pub(crate) fn dump_firmware(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        firmware::dump_crash(&self.bar, f)?;
        self.dump_log(f)
    }

    /// Writes what the card does.
    pub(crate) fn dump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [
            ("device state", self.bar.read(regs::DEVICE_STATE).into_raw()),
            (
                "device reason",
                self.bar.read(regs::DEVICE_REASON).into_raw(),
            ),
            ("firmware state", self.bar.read(regs::FW_STATE).into_raw()),
            ("firmware error", self.bar.read(regs::FW_ERROR).into_raw()),
            (
                "stray doorbells",
                self.bar.read(regs::STRAY_DOORBELLS).into_raw(),
            ),
        ] {
            f.write_fmt(fmt!("{name} {value}\n"))?;
        }
        f.write_fmt(fmt!("firmware losses {}\n", self.firmware_losses()))?;
        let queues = self.state.queues.lock().all.iter().flatten().count();
        f.write_fmt(fmt!("queues {queues}\n"))?;
        self.rings
            .iter()
            .try_for_each(|ring| ring.dump(&self.bar, f))
    }
}

/// The lower half of the queues is the kernel's, the upper half has doorbells for clients.
pub(crate) fn kernel_queues(capabilities: &Capabilities) -> usize {
    capabilities.queues / 2
}
