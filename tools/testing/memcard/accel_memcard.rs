// SPDX-License-Identifier: GPL-2.0

//! A memory card: the test device for memory that is the device's own.
//!
//! The hardware is QEMU's `ivshmem-plain`, whose BAR 2 is memory. The card has one engine, whose jobs
//! the CPU runs, and which reaches all of that memory, also what the regions declare invisible. What
//! the jobs are is in `accel_memcard.h`.

mod engine;
mod mmu;
mod space_job;

accel_core::driver_uapi!();

use accel_core as accel;
use core::ops::Range;
use engine::Job;
use kernel::{
    device::Bound,
    page::PAGE_SIZE,
    pci,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};
use mmu::Mmu;

/// The BAR that is the card's memory.
const MEMORY: u32 = 2;

/// What exists while a card is bound.
struct Card {
    memory: Arc<accel::Aperture>,
    /// Where the regions begin in it.
    regions: [u64; 2],
    /// How many flushes are still to fail.
    fail_flushes: Atomic<u64>,
}

fn fail_flushes(card: &Card, _file: &(), args: &mut uapi::accel_memcard_fail_flushes) -> Result {
    card.fail_flushes.store(args.count, Relaxed);
    Ok(())
}

/// How many doorbells a card has: pages at the end of its memory.
const DOORBELLS: u32 = uapi::ACCEL_MEMCARD_DOORBELLS;

struct MemcardDriver;

#[vtable]
impl accel::Driver for MemcardDriver {
    type Parent = pci::Device<Bound>;
    type Data<'bound> = Card;
    type File = ();
    type Mmu = Mmu;
    type UserQueues = accel::NoUserQueues;
    /// Where its jobs work, if they do in an address space.
    type Queue = Option<Arc<accel::AddressSpace<Self>>>;
    type Job = Job;

    const NAME: &'static CStr = c"accel_memcard";
    const VERSION: (u16, u16) = (0, 1);
    const ENGINES: &'static [accel::EngineInfo] = &[accel::EngineInfo {
        name: c"mover",
        kind: accel::EngineKind::Copy,
        credits: 1,
        timeout_ms: 5000,
    }];
    const PLACEMENT: accel::Placement = accel::Placement::Contiguous;
    /// The card has no DMA, but could reach everything.
    const DMA_BITS: Option<u32> = Some(64);
    const MAX_PAYLOAD: usize = size_of::<uapi::accel_memcard_job>();

    accel::ioctls! {
        (_IOW, 0x40, uapi::accel_memcard_fail_flushes, fail_flushes),
    }

    fn probe<'bound>(
        parent: &'bound pci::Device<Bound>,
        _device: &Arc<accel::Device<Self>>,
    ) -> Result<accel::Setup<'bound, Self>> {
        let memory = accel::Aperture::new(
            parent,
            MEMORY,
            accel::Caching::WriteCombined,
            c"accel_memcard",
        )?;
        let size = memory.size() as u64;
        let doorbells = u64::from(DOORBELLS) * PAGE_SIZE as u64;
        let local = size / 4 * 3;
        let sram = size - local - doorbells;
        let mut regions = KVec::new();
        regions.push(
            accel::RegionInfo {
                name: c"local",
                address: 0,
                size: local,
                page_size: PAGE_SIZE as u64,
                scattered: true,
                visible: Some(accel::Visible {
                    aperture: memory.clone(),
                    offset: 0,
                    size: size / 2,
                }),
            },
            GFP_KERNEL,
        )?;
        regions.push(
            accel::RegionInfo {
                name: c"sram",
                address: local,
                size: sram,
                page_size: 0x10000,
                scattered: false,
                visible: Some(accel::Visible {
                    aperture: memory.clone(),
                    offset: local,
                    size: sram,
                }),
            },
            GFP_KERNEL,
        )?;
        let doorbells = accel::DoorbellInfo {
            aperture: memory.clone(),
            offset: local + sram,
            size: PAGE_SIZE as u64,
            count: DOORBELLS,
        };
        let card = Card {
            memory,
            regions: [0, local],
            fail_flushes: Atomic::new(0),
        };
        Ok(accel::Setup {
            regions,
            doorbells: Some(doorbells),
            ..accel::Setup::new(c"Memory card", card)
        })
    }

    fn open(_card: &Card) -> Result {
        Ok(())
    }

    fn create_queue(
        _card: &Card,
        _file: &(),
        setup: accel::QueueSetup<'_, Self>,
    ) -> Result<Self::Queue, accel::Refusal> {
        Ok(setup.space.cloned())
    }

    fn prepare(
        _card: &Card,
        _file: &(),
        queue: &Self::Queue,
        payload: KVVec<u8>,
        buffers: &[accel::JobBuffer],
    ) -> Result<Job, accel::Refusal> {
        Job::parse(&payload, buffers, queue.as_ref())
    }

    fn start(
        _card: &Card,
        _engine: usize,
        _queue: &Self::Queue,
        _job: &Job,
    ) -> Result<accel::Started> {
        Ok(accel::Started::Deferred)
    }

    fn run(card: &Card, _engine: usize, queue: &Self::Queue, job: &Job) -> accel::Outcome {
        job.run(&card.memory, queue.as_ref())
    }

    fn scrub(card: &Card, region: usize, range: Range<u64>) -> Result {
        let start = card.regions.get(region).ok_or(EINVAL)? + range.start;
        let len = range.end - range.start;
        card.memory.fill(start as usize, len as usize, 0)
    }

    fn reset(_card: &Card, _engine: usize) -> Result {
        Ok(())
    }

    fn stop(_card: &Card) {}
}

accel::pci_driver!(MemcardDriver, [(0x1af4, 0x1110)]);

kernel::module_pci_driver! {
    type: PciDriver,
    name: "accel_memcard",
    authors: ["The accel developers"],
    description: "Memory card, for tests",
    license: "GPL",
}
