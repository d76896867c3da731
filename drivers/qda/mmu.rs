// SPDX-License-Identifier: GPL-2.0

//! The MMU: how page tables look, contexts, invalidation (Documentation/devices/qda/memory.rst).

use accel_core as accel;
use core::ops::Range;
use kernel::{
    io::{
        poll::read_poll_timeout,
        Io, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::Delta,
};

use crate::{
    card::{
        limit_ms,
        Card, //
    },
    ids::Ids,
    mailbox::Request,
    pci::write64,
    regs,
    Qda,
    ENGINE_KINDS,
    MEMORY, //
};

const VALID: u64 = 1 << 0;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 2;
const PAGE: u64 = 1 << 3;
const CONTIG: u64 = 1 << 4;

const LARGE: u64 = 0x1_0000;
const HUGE: u64 = 0x20_0000;

/// Targets of a location; that of device memory is 0.
const SYSTEM: u64 = 1 << 62;
const PEER: u64 = 2 << 62;
const ZERO: u64 = 3 << 62;

/// How long an invalidation may take, milliseconds.
const INVALIDATION_MS: u32 = 10;

/// Returns the location of memory of the host.
pub(crate) fn system(address: u64) -> u64 {
    address | SYSTEM
}

/// Returns the location of memory of another device.
fn peer(address: u64) -> u64 {
    address | PEER
}

/// The MMU, for the core.
pub(crate) enum Mmu {}

/// What the card calls an address space, and by which queues jobs reach it.
pub(crate) struct Context {
    pub(crate) asid: u16,
    /// For each engine the number of a queue + 1; 0: there is none yet.
    pub(crate) queues: [Atomic<u32>; ENGINE_KINDS.len()],
}

impl accel::Mmu<Qda> for Mmu {
    const INFO: Option<accel::MmuInfo> = Some(accel::MmuInfo {
        page_sizes: 0x1000 | LARGE | HUGE,
        addresses: HUGE..1 << 48,
        levels: &[
            accel::Level { shift: 12, bits: 9 },
            accel::Level { shift: 21, bits: 9 },
            accel::Level { shift: 30, bits: 9 },
            accel::Level { shift: 39, bits: 9 },
        ],
        tables: MEMORY,
    });
    type Space = Context;

    fn create(card: &Card<'_>, root: u64) -> Result<Context> {
        let _one_at_a_time = card.setup().lock();
        let asid = card.contexts().lock().take(root)?;
        match card.call(&Request::ContextCreate { asid, root }) {
            Ok(_) => Ok(Context {
                asid,
                queues: core::array::from_fn(|_| Atomic::new(0)),
            }),
            Err(ETIMEDOUT) => {
                card.contexts().lock().forsake(asid);
                Err(EAGAIN)
            }
            Err(e) => {
                card.contexts().lock().give_back(asid);
                Err(e)
            }
        }
    }

    fn destroy(card: &Card<'_>, context: &Context) -> Result {
        for queue in &context.queues {
            if let Some(id) = queue.xchg(0, Relaxed).checked_sub(1) {
                card.destroy_queue(u16::try_from(id)?)?;
            }
        }
        let asid = context.asid;
        let _one_at_a_time = card.setup().lock();
        match card.call(&Request::ContextDestroy { asid }) {
            Ok(_) | Err(ENOENT) => {
                card.contexts().lock().give_back(asid);
                Ok(())
            }
            // No queue can run, so nothing reads the tables. Firmware is told when it is back.
            Err(EAGAIN | ETIMEDOUT) => {
                card.contexts().lock().forsake(asid);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    fn page(page: &accel::PageEntry) -> u64 {
        let target = match page.target {
            accel::PageTarget::Device(address) => address + page.part,
            accel::PageTarget::System(address) => system(address + page.part),
            accel::PageTarget::Peer(address) => peer(address + page.part),
            accel::PageTarget::Zeros => ZERO,
        };
        let bit = |is: bool, bit: u64| if is { bit } else { 0 };
        target
            | VALID
            | PAGE
            | bit(page.can_read, READ)
            | bit(page.can_write, WRITE)
            | bit(page.size == LARGE, CONTIG)
    }

    fn table(address: u64) -> u64 {
        address | VALID
    }

    fn flush(card: &Card<'_>, context: &Context, range: Range<u64>) -> Result {
        let _one_at_a_time = card.invalidation().lock();
        let bar = card.bar();
        wait_for_mmu(card)?;
        write64(bar, regs::INV_ADDRESS, regs::INV_ADDRESS::from(range.start));
        write64(
            bar,
            regs::INV_SIZE,
            regs::INV_SIZE::from(range.end - range.start),
        );
        let command = regs::INV_COMMAND::zeroed().with_asid(context.asid);
        bar.write_reg(command.with_busy(true));
        wait_for_mmu(card)
    }
}

/// The numbers of the contexts, and where their root tables are.
pub(crate) struct Contexts {
    ids: Ids,
    /// By ASID; [`Contexts::NONE`] if there is no such context.
    roots: KVVec<u64>,
}

impl Contexts {
    const NONE: u64 = u64::MAX;

    pub(crate) fn new(asids: usize) -> Result<Self> {
        Ok(Self {
            ids: Ids::new(1, asids)?,
            roots: KVVec::from_elem(Self::NONE, asids, GFP_KERNEL)?,
        })
    }

    /// Takes an ASID. ENOSPC: all are taken.
    fn take(&mut self, root: u64) -> Result<u16> {
        let asid = self.ids.take()?;
        self.set(asid, root);
        Ok(asid)
    }

    /// Gives one back that the card does not know.
    pub(crate) fn give_back(&mut self, asid: u16) {
        self.set(asid, Self::NONE);
        self.ids.give_back(asid);
    }

    /// Notes that nobody uses one any more that the card may know.
    fn forsake(&mut self, asid: u16) {
        self.set(asid, Self::NONE);
        self.ids.forsake(asid);
    }

    /// Returns the first from `start` on that nobody uses any more.
    pub(crate) fn next_stale(&self, start: usize) -> Option<u16> {
        self.ids.next_stale(start)
    }

    /// Returns the first from `start` on that is in use, and its root.
    pub(crate) fn next(&self, start: usize) -> Option<(u16, u64)> {
        let mut all = self.roots.iter().enumerate().skip(start);
        let (asid, root) = all.find(|(_, root)| **root != Self::NONE)?;
        Some((u16::try_from(asid).ok()?, *root))
    }

    fn set(&mut self, asid: u16, root: u64) {
        if let Some(place) = self.roots.get_mut(usize::from(asid)) {
            *place = root;
        }
    }
}

/// Waits until no invalidation is under way. EIO: it does not end, which a reset of the card does.
fn wait_for_mmu(card: &Card<'_>) -> Result {
    read_poll_timeout(
        || Ok(card.bar().read(regs::INV_COMMAND)),
        |command| !command.busy(),
        Delta::from_micros(50),
        limit_ms(INVALIDATION_MS),
    )
    .map(|_| ())
    .map_err(|_| {
        card.set_stuck();
        EIO
    })
}
