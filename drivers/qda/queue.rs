// SPDX-License-Identifier: GPL-2.0

//! A queue of the kernel: a ring of packets in memory of the host, and what the card says of them
//! (Documentation/devices/qda/queues.rst).
//!
//! Nothing here touches the card: `engine` rings and looks.

use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::Coherent,
    io::{
        io_read,
        io_write, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

use crate::{
    mailbox::{
        Messages,
        QueueRequest, //
    },
    mmu,
    uapi, //
};

/// log2 of the packets in the ring.
pub(crate) const ORDER: u8 = 7;

/// How many packets fit.
pub(crate) const PACKETS: usize = 1 << ORDER;

/// Bytes of a packet, a completion record, a report; and in words.
pub(crate) const PACKET_SIZE: usize = 64;
const PACKET_WORDS: usize = PACKET_SIZE / 8;

/// Where the completion records and the report are, in words; the ring is before them.
const RECORDS: usize = PACKETS * PACKET_WORDS;
const REPORT: usize = 2 * RECORDS;
const WORDS: usize = REPORT + PACKET_WORDS;

/// Words of a report: how many packets have ended well; status and detail.
const COMPLETED: usize = REPORT;
const STATUS: usize = REPORT + 1;

/// The last packet of a job tells that it has ended.
const LAST: u64 = ((uapi::ACCEL_QDA_PACKET_RECORD | uapi::ACCEL_QDA_PACKET_INTERRUPT) as u64) << 8;

/// Clients are equals here: the kernel decides whose job comes next.
const NORMAL: u8 = 1;

/// Memory that is scrubbed is wanted: that waits for nobody.
const REALTIME: u8 = 3;

/// What a report says of packets.
pub(crate) enum Report {
    Unfinished,
    /// They have ended well.
    Done,
    /// Registers have to be asked.
    Doubtful,
}

/// A queue.
pub(crate) struct Queue {
    id: u16,
    asid: u16,
    engine: usize,
    memory: Coherent<[u64]>,
    /// Index behind the last packet that was written.
    written: Atomic<u64>,
}

impl Queue {
    /// Makes its memory.
    pub(crate) fn new(dev: &Device<Bound>, id: u16, asid: u16, engine: usize) -> Result<Self> {
        Ok(Self {
            id,
            asid,
            engine,
            memory: Coherent::zeroed_slice(dev, WORDS, GFP_KERNEL_ACCOUNT)?,
            written: Atomic::new(0),
        })
    }

    /// Returns what firmware has to know.
    pub(crate) fn request(&self) -> Result<QueueRequest> {
        let ring = self.memory.dma_address();
        Ok(QueueRequest {
            queue: self.id,
            asid: self.asid,
            engine: u8::try_from(self.engine)?,
            // Only the kernel's own queue works in no address space.
            priority: if self.asid == 0 { REALTIME } else { NORMAL },
            order: ORDER,
            is_user: false,
            ring: mmu::system(ring),
            records: mmu::system(ring + RECORDS as u64 * 8),
            report: mmu::system(ring + REPORT as u64 * 8),
            messages: Messages::default(),
        })
    }

    /// The card has forgotten it: makes it as new. Nothing is written or looked at meanwhile.
    pub(crate) fn restart(&self) -> Result {
        self.written.store(0, Relaxed);
        (RECORDS..WORDS).try_for_each(|word| self.store(word, 0))
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> usize {
        self.id.into()
    }

    pub(crate) fn engine(&self) -> usize {
        self.engine
    }

    /// Writes packets behind those that are there, which must have ended; returns the index behind the
    /// last one. Calls must not overlap. EINVAL: there are too many.
    pub(crate) fn write(&self, packets: &[u8]) -> Result<u64> {
        let first = self.written.load(Relaxed);
        let count = packets.len() / PACKET_SIZE;
        if count == 0 || count > PACKETS {
            return Err(EINVAL);
        }
        for (number, packet) in packets.chunks_exact(PACKET_SIZE).enumerate() {
            let slot = (first as usize).wrapping_add(number) % PACKETS;
            for (index, word) in packet.chunks_exact(8).enumerate() {
                let mut word = u64::from_le_bytes(word.try_into().map_err(|_| EINVAL)?);
                if index == 0 && number + 1 == count {
                    word |= LAST;
                }
                self.store(slot * PACKET_WORDS + index, word)?;
            }
        }
        let end = first + count as u64;
        self.written.store(end, Relaxed);
        Ok(end)
    }

    /// Returns how the packets before `end` have ended, as far as the report says.
    pub(crate) fn reported(&self, end: u64) -> Report {
        // CAST: The other half is the detail.
        let status = self.load(STATUS).map(|why| why as u32);
        match (status, self.load(COMPLETED)) {
            (Ok(0), Ok(completed)) if completed < end => Report::Unfinished,
            (Ok(0), Ok(completed)) if completed == end => Report::Done,
            // They failed, or it says that packets have ended that were never written.
            _ => Report::Doubtful,
        }
    }

    fn load(&self, word: usize) -> Result<u64> {
        Ok(io_read!(self.memory, [try: word]))
    }

    fn store(&self, word: usize, value: u64) -> Result {
        io_write!(self.memory, [try: word], value);
        Ok(())
    }
}
