// SPDX-License-Identifier: GPL-2.0

//! The mailbox: asks the management firmware for something, one request at a time
//! (Documentation/devices/qda/firmware.rst).

use kernel::{
    io::{
        poll::read_poll_timeout,
        register::Array,
        Io, //
    },
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    time::Delta,
};

use crate::{
    card::limit_ms,
    pci::{
        read64,
        write64,
        Bar, //
    },
    regs, //
};

/// How long a reply may take, milliseconds.
const REPLY_MS: u32 = 100;

/// A message, 64 bytes.
pub(crate) type Words = [u64; 8];

/// What the collective engine does for a queue; all 0 on others.
#[derive(Default)]
pub(crate) struct Messages {
    /// Of its messages.
    pub(crate) group: u16,
    /// Which links it may use, a bit each.
    pub(crate) links: u8,
}

/// A queue to be made; addresses are locations, or those of the ASID if it is a client's.
pub(crate) struct QueueRequest {
    pub(crate) queue: u16,
    pub(crate) asid: u16,
    pub(crate) engine: u8,
    pub(crate) priority: u8,
    /// log2 of the packets in the ring.
    pub(crate) order: u8,
    /// Whether it is a client's.
    pub(crate) is_user: bool,
    pub(crate) ring: u64,
    pub(crate) records: u64,
    pub(crate) report: u64,
    pub(crate) messages: Messages,
}

/// What firmware is asked for.
pub(crate) enum Request {
    Ping { cookie: u64 },
    ContextCreate { asid: u16, root: u64 },
    ContextDestroy { asid: u16 },
    QueueCreate(QueueRequest),
    QueueDestroy { queue: u16 },
    Rows { first: u32 },
    Sleep,
}

impl Request {
    fn kind(&self) -> u16 {
        match self {
            Self::Ping { .. } => 1,
            Self::ContextCreate { .. } => 2,
            Self::ContextDestroy { .. } => 3,
            Self::QueueCreate(_) => 4,
            Self::QueueDestroy { .. } => 5,
            Self::Rows { .. } => 6,
            Self::Sleep => 7,
        }
    }

    fn encode(&self, tag: u32) -> Words {
        let head = u64::from(tag) << 32 | u64::from(self.kind());
        match *self {
            Self::Ping { cookie } => [head, cookie, 0, 0, 0, 0, 0, 0],
            Self::ContextCreate { asid, root } => [head, asid.into(), root, 0, 0, 0, 0, 0],
            Self::ContextDestroy { asid } => [head, asid.into(), 0, 0, 0, 0, 0, 0],
            Self::QueueCreate(ref new) => {
                let [queue_low, queue_high] = new.queue.to_le_bytes();
                let [asid_low, asid_high] = new.asid.to_le_bytes();
                let what = [
                    queue_low,
                    queue_high,
                    asid_low,
                    asid_high,
                    new.engine,
                    new.priority,
                    new.order,
                    new.is_user.into(),
                ];
                let what = u64::from_le_bytes(what);
                let Messages { group, links } = new.messages;
                let messages = u64::from(links) << 16 | u64::from(group);
                [
                    head,
                    what,
                    new.ring,
                    new.records,
                    new.report,
                    messages,
                    0,
                    0,
                ]
            }
            Self::QueueDestroy { queue } => [head, queue.into(), 0, 0, 0, 0, 0, 0],
            Self::Rows { first } => [head, first.into(), 0, 0, 0, 0, 0, 0],
            Self::Sleep => [head, 0, 0, 0, 0, 0, 0, 0],
        }
    }

    /// Returns how many words of the reply say something.
    fn reply_words(&self) -> usize {
        match self {
            Self::Rows { .. } => 8,
            _ => 2,
        }
    }
}

/// What a reply says of a request that was not executed.
fn error(status: u16) -> Result {
    match status {
        0 => Ok(()),
        3 => Err(EEXIST),
        4 => Err(ENOENT),
        5 => Err(EBUSY),
        6 => Err(EIO),
        _ => Err(EINVAL),
    }
}

/// The mailbox.
#[pin_data]
pub(crate) struct Mailbox {
    /// Of the last request.
    #[pin]
    tag: Mutex<u32>,
    /// A request was not answered as it has to be: firmware is dead.
    is_silent: Atomic<bool>,
}

impl Mailbox {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tag <- new_mutex!(0, "qda_mailbox"),
            is_silent: Atomic::new(false),
        })
    }

    /// Has firmware execute a request; returns the reply.
    ///
    /// # Errors
    ///
    /// EAGAIN: no firmware runs, nothing was done. ETIMEDOUT: firmware died over it; whether it was
    /// done is found out by asking again. EEXIST, ENOENT, EBUSY: as the request says. EIO: the card
    /// has failed. EINVAL: it makes no sense to the card. ENODEV: the card is gone.
    pub(crate) fn call(&self, bar: &Bar<'_>, request: &Request) -> Result<Words> {
        let mut tag = self.tag.lock();
        match self.is_silent() {
            true => Err(EAGAIN),
            false => self.ask(&mut tag, bar, request),
        }
    }

    /// As [`Mailbox::call`], while all others are refused.
    pub(crate) fn call_alone(&self, bar: &Bar<'_>, request: &Request) -> Result<Words> {
        self.ask(&mut self.tag.lock(), bar, request)
    }

    fn ask(&self, tag: &mut u32, bar: &Bar<'_>, request: &Request) -> Result<Words> {
        match bar.read(regs::FW_STATE).into_raw() {
            regs::FW_RUNNING => (),
            regs::GONE => return Err(ENODEV),
            _ => return Err(EAGAIN),
        }
        *tag = tag.wrapping_add(1);
        for (index, word) in request.encode(*tag).into_iter().enumerate() {
            if let Some(at) = regs::MB_REQUEST::try_at(index) {
                write64(bar, at, regs::MB_REQUEST::from(word));
            }
        }
        bar.write_reg(regs::MB_CONTROL::zeroed().with_busy(true));
        let done = read_poll_timeout(
            || Ok(bar.read(regs::MB_CONTROL)),
            |control| !control.busy(),
            Delta::from_micros(200),
            limit_ms(REPLY_MS),
        );
        let mut reply = Words::default();
        for (index, word) in reply.iter_mut().enumerate().take(request.reply_words()) {
            *word = regs::MB_REPLY::try_at(index).map_or(0, |at| read64(bar, at));
        }
        let [head, ..] = reply;
        let [kind_low, kind_high, status_low, status_high, tag_bytes @ ..] = head.to_le_bytes();
        let is_ours = u16::from_le_bytes([kind_low, kind_high]) == request.kind()
            && u32::from_le_bytes(tag_bytes) == *tag;
        if done.is_err() || !is_ours {
            self.is_silent.store(true, Relaxed);
            return Err(ETIMEDOUT);
        }
        error(u16::from_le_bytes([status_low, status_high]))?;
        Ok(reply)
    }

    /// Returns whether firmware owes an answer.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.load(Relaxed)
    }

    /// Refuses all requests until [`Mailbox::renew`]. What was asked before has ended when this
    /// returns.
    pub(crate) fn close(&self) {
        let _tag = self.tag.lock();
        self.is_silent.store(true, Relaxed);
    }

    /// Firmware has begun anew. What was asked before has ended when this returns.
    pub(crate) fn renew(&self) {
        let _tag = self.tag.lock();
        self.is_silent.store(false, Relaxed);
    }
}
