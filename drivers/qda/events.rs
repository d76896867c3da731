// SPDX-License-Identifier: GPL-2.0

//! Event rings: what the card tells of faults, and of its health
//! (Documentation/devices/qda/status.rst).

use accel_core as accel;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::Coherent,
    fmt,
    io::{
        io_read,
        register::Array,
        Io, //
    },
    new_spinlock_irq,
    prelude::*,
    sync::SpinLockIrq,
};

use crate::{
    capabilities::Capabilities,
    links,
    mmu,
    pci::{
        read64,
        write64,
        Bar, //
    },
    regs,
    telemetry,
    Qda, //
};

/// log2 of the records of a ring: as many as there can be queues.
const ORDER: u32 = 8;
const RECORDS: u64 = 1 << ORDER;
const RECORD_WORDS: usize = 8;

/// Kinds of records.
const CORRECTED: u16 = 0x10;
const UNCORRECTED: u16 = 0x11;
const ROW_PENDING: u16 = 0x12;
const NO_SPARES: u16 = 0x13;
const LINK: u16 = 0x14;
const THROTTLE: u16 = 0x15;
const SENSOR: u16 = 0x16;

/// What was read from a ring.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    /// Records that made no sense.
    pub(crate) bad: u64,
}

#[derive(Clone, Copy, Default)]
struct Reader {
    tail: u64,
    counts: Counts,
}

/// An event ring.
#[pin_data]
pub(crate) struct Ring {
    index: usize,
    memory: Coherent<[u64]>,
    #[pin]
    reader: SpinLockIrq<Reader>,
}

/// What the head of a record has.
struct Event {
    kind: u16,
    source: u16,
    status: u32,
    detail: u32,
    address: u64,
}

impl Ring {
    /// Makes ring `index`: 0 for faults, 1 for health.
    pub(crate) fn new(
        dev: &Device<Bound>,
        index: usize,
    ) -> Result<impl PinInit<Self, core::convert::Infallible>> {
        let words = RECORDS as usize * RECORD_WORDS;
        let memory = Coherent::zeroed_slice(dev, words, GFP_KERNEL)?;
        Ok(pin_init!(Self {
            index,
            memory,
            reader <- new_spinlock_irq!(Reader::default(), "qda_events"),
        }))
    }

    /// Has the card, which was reset, write to it. EIO: it does not want to.
    pub(crate) fn enable(&self, bar: &Bar<'_>) -> Result {
        self.reader.lock().tail = 0;
        let base = regs::EV_BASE::try_at(self.index).ok_or(EINVAL)?;
        let order = regs::EV_ORDER::try_at(self.index).ok_or(EINVAL)?;
        let enable = regs::EV_ENABLE::try_at(self.index).ok_or(EINVAL)?;
        let is_enabled = regs::EV_ENABLE::try_at(self.index).ok_or(EINVAL)?;
        let address = mmu::system(self.memory.dma_address());
        write64(bar, base, regs::EV_BASE::from(address));
        bar.write(order, regs::EV_ORDER::from(ORDER));
        bar.write(enable, regs::EV_ENABLE::from(1));
        match bar.read(is_enabled).into_raw() {
            1 => Ok(()),
            _ => Err(EIO),
        }
    }

    /// Reads what is new, and tells `watchers` of it; returns whether there was something. Any context.
    pub(crate) fn drain(
        &self,
        dev: &Device<Bound>,
        bar: &Bar<'_>,
        capabilities: &Capabilities,
        watchers: &accel::Device<Qda>,
    ) -> bool {
        let mut reader = self.reader.lock();
        let head = regs::EV_HEAD::try_at(self.index).map_or(0, |at| read64(bar, at));
        let new = head.wrapping_sub(reader.tail);
        if new == 0 || new > RECORDS {
            // Nothing, or the card is gone.
            return false;
        }
        for index in reader.tail..head {
            reader.counts.records += 1;
            match self.event(index) {
                Ok(event) if event.is_sound(capabilities) => {
                    if event.kind == CORRECTED {
                        acknowledge(bar, event.source.into());
                    }
                    event.log(dev);
                    event.tell(watchers);
                }
                _ => {
                    reader.counts.bad += 1;
                    // Whichever it was of.
                    (0..capabilities.blocks).for_each(|block| acknowledge(bar, block));
                }
            }
        }
        reader.tail = head;
        if let Some(at) = regs::EV_TAIL::try_at(self.index) {
            write64(bar, at, regs::EV_TAIL::from(head));
        }
        true
    }

    /// Reads a record. EIO: it is another one.
    fn event(&self, index: u64) -> Result<Event> {
        let first = (index % RECORDS) as usize * RECORD_WORDS;
        let word = |n: usize| -> Result<u64> { Ok(io_read!(self.memory, [try: first + n])) };
        if word(0)? != index + 1 {
            return Err(EIO);
        }
        let (what, why) = (word(1)?, word(2)?);
        // CAST: Parts of words.
        Ok(Event {
            kind: what as u16,
            source: (what >> 16) as u16,
            status: why as u32,
            detail: (why >> 32) as u32,
            address: word(3)?,
        })
    }

    /// Writes what was read from it.
    pub(crate) fn dump(&self, bar: &Bar<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.index == 0 { "faults" } else { "health" };
        let counts = self.reader.lock().counts;
        let dropped = regs::EV_DROPPED::try_at(self.index).map_or(0, |at| bar.read(at).into_raw());
        f.write_fmt(fmt!(
            "{name} {} bad {} dropped {dropped}\n",
            counts.records,
            counts.bad
        ))
    }
}

/// Has the card tell of the next error that a block corrects, too.
fn acknowledge(bar: &Bar<'_>, block: usize) {
    if let Some(at) = regs::R_STATUS::try_at(block) {
        bar.write(at, regs::R_STATUS::from(regs::R_HAS_CORRECTED));
    }
}

impl Event {
    /// Returns whether what it tells of is there.
    fn is_sound(&self, capabilities: &Capabilities) -> bool {
        match self.kind {
            CORRECTED | UNCORRECTED => usize::from(self.source) < capabilities.blocks,
            LINK => u32::from(self.source) < capabilities.links,
            _ => true,
        }
    }

    /// Tells those who watch, but of faults, of which the core does.
    fn tell(&self, watchers: &accel::Device<Qda>) {
        let error = |corrected| accel::Event::Error {
            block: self.source.into(),
            address: self.address,
            count: 1,
            corrected,
        };
        let event = match self.kind {
            CORRECTED => Some(error(true)),
            UNCORRECTED => Some(error(false)),
            LINK => {
                let state = links::state(self.status);
                Some(accel::Event::Link(self.source.into(), state))
            }
            THROTTLE => Some(accel::Event::Throttle(telemetry::reasons(self.status))),
            _ => None,
        };
        if let Some(event) = event {
            watchers.tell(event);
        }
    }

    /// Tells the administrator, if that is his business: faults are the clients'.
    fn log(&self, dev: &Device<Bound>) {
        let Self {
            source,
            status,
            detail,
            address,
            ..
        } = self;
        match self.kind {
            UNCORRECTED => {
                dev_err!(
                    dev,
                    "uncorrected error in block {source}, address {address:#x}\n"
                )
            }
            ROW_PENDING => dev_warn!(dev, "row at {address:#x} will be retired\n"),
            NO_SPARES => dev_err!(dev, "no spare for the row at {address:#x}\n"),
            LINK => dev_info!(dev, "link {source}: state {status}, reason {detail}\n"),
            THROTTLE => dev_warn!(dev, "clocks are lowered, reasons {status:#x}\n"),
            SENSOR => dev_warn!(dev, "sensor {source}: state {status:#x}\n"),
            _ => (),
        }
    }
}
