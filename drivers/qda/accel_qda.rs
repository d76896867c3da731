// SPDX-License-Identifier: GPL-2.0

//! QDA: a queue-based data-centre accelerator with memory of its own, an MMU and firmware
//! (Documentation/devices/qda.rst).
//!
//! - `pci`: the front that finds the card
//! - `card`: the card: from reset to work, contexts and queues
//! - `reset`, `power`, `scrub`: of the whole card, its sleep, of its memory
//! - `capabilities`, `info`, `regs`: what it can do, its registers
//! - `firmware`, `mailbox`: boots the management processor, asks it for something
//! - `mmu`: page tables, contexts, invalidation
//! - `job` -> `queue` -> `engine`: payload -> packets in a ring -> doorbell, interrupt, reset
//! - `user_queue`: queues that clients write and ring themselves; `watch`: their packets that hang; `groups`:
//!   whose messages are whose
//! - `status`, `events`: what the card says of failures
//! - `telemetry`: sensors, errors, bad rows, firmware
//! - `ids`: numbers of contexts and queues
//!
//! Abbreviation: ASID, the number of an address space.

mod capabilities;
mod card;
mod engine;
mod events;
mod firmware;
mod groups;
mod ids;
mod info;
mod job;
mod links;
mod mailbox;
mod mmu;
mod pci;
mod power;
mod queue;
mod regs;
mod reset;
mod scrub;
mod status;
mod telemetry;
mod user_queue;
mod watch;

accel_core::driver_uapi!();

use accel_core as accel;
use card::Card;
use core::ops::Range;
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};
use uapi::accel_info_qda;

/// E_KIND of the engines.
pub(crate) const ENGINE_KINDS: [u32; 5] = [1, 1, 2, 2, 3];

/// The card's memory, in the order of the regions.
pub(crate) const MEMORY: usize = 0;

/// How long a job may make no progress, milliseconds.
const TIMEOUT_MS: u32 = 2000;

const fn engine(name: &'static CStr, kind: accel::EngineKind) -> accel::EngineInfo {
    accel::EngineInfo {
        name,
        kind,
        credits: 1,
        timeout_ms: TIMEOUT_MS,
    }
}

/// Returns the card's memory. ENOMEM.
fn regions(card: &Card<'_>, memory: Arc<accel::Aperture>) -> Result<KVec<accel::RegionInfo>> {
    let capabilities = card.capabilities();
    let mut regions = KVec::new();
    let region = accel::RegionInfo {
        name: c"local",
        address: 0,
        size: capabilities.reserved,
        page_size: 0x1000,
        scattered: true,
        visible: Some(accel::Visible {
            aperture: memory,
            offset: 0,
            size: capabilities.visible,
        }),
    };
    regions.push(region, GFP_KERNEL)?;
    Ok(regions)
}

/// The driver.
struct Qda;

#[vtable]
impl accel::Driver for Qda {
    type Parent = pci::Parent;
    type Data<'bound> = Card<'bound>;
    type File = ();
    type Mmu = mmu::Mmu;
    type UserQueues = user_queue::UserQueues;
    /// Queue 0 works nowhere.
    type Queue = Option<job::Place>;
    type Job = job::Job;

    const NAME: &'static CStr = c"accel_qda";
    const VERSION: (u16, u16) = (0, 1);
    const ENGINES: &'static [accel::EngineInfo] = &[
        engine(c"copy0", accel::EngineKind::Copy),
        engine(c"copy1", accel::EngineKind::Copy),
        engine(c"tensor0", accel::EngineKind::Compute),
        engine(c"tensor1", accel::EngineKind::Compute),
        engine(c"collective", accel::EngineKind::Collective),
    ];
    const PLACEMENT: accel::Placement = accel::Placement::System;
    const DMA_BITS: Option<u32> = Some(52);
    const MAX_PAYLOAD: usize = job::MAX_PAYLOAD;
    const INFO: &'static [accel::InfoKind<Self>] = &[accel::InfoKind::new::<accel_info_qda>(
        uapi::ACCEL_INFO_QDA,
        |card, answer| answer.push(&card.info()),
    )];
    const ENGINE_ATTRIBUTES: &'static [accel::EngineAttribute<Self>] = &[accel::EngineAttribute {
        name: c"packets",
        read: |card, engine| card.packets(engine),
    }];
    const DEBUGFS: &'static [accel::DebugfsFile<Self>] = &[
        accel::DebugfsFile {
            name: c"card",
            show: |card, f| card.dump(f),
        },
        accel::DebugfsFile {
            name: c"firmware_log",
            show: |card, f| card.dump_log(f),
        },
    ];

    fn probe<'bound>(
        parent: &'bound pci::Parent,
        device: &Arc<accel::Device<Self>>,
    ) -> Result<accel::Setup<'bound, Self>> {
        let registers = pci::registers(parent)?;
        let (memory, doorbells) = (pci::memory(parent)?, pci::doorbells(parent)?);
        let lines = pci::lines(parent, pci::ENGINE_VECTORS + ENGINE_KINDS.len())?;
        let card = Card::new(
            parent.as_ref(),
            device.clone(),
            registers,
            doorbells.clone(),
        )?;
        let tables = regions(&card, memory).and_then(|all| Ok((all, card.telemetry()?)));
        let (regions, telemetry) = tables.inspect_err(|_| card.stop())?;
        let capabilities = card.capabilities();
        let own = card::kernel_queues(capabilities);
        let doorbells = accel::DoorbellInfo {
            aperture: doorbells,
            offset: (own * pci::DOORBELL_SIZE) as u64,
            size: pci::DOORBELL_SIZE as u64,
            count: (capabilities.queues - own) as u32,
        };
        Ok(accel::Setup {
            lines,
            regions,
            uuid: Some(capabilities.uuid),
            doorbells: Some(doorbells),
            telemetry,
            ..accel::Setup::new(c"QDA", card)
        })
    }

    fn open(_card: &Card<'_>) -> Result {
        Ok(())
    }

    fn create_queue(
        card: &Card<'_>,
        _file: &(),
        setup: accel::QueueSetup<'_, Self>,
    ) -> Result<Self::Queue, accel::Refusal> {
        Ok(job::Place::new(card, setup)?)
    }

    fn prepare(
        card: &Card<'_>,
        _file: &(),
        queue: &Self::Queue,
        payload: KVVec<u8>,
        _buffers: &[accel::JobBuffer],
    ) -> Result<job::Job, accel::Refusal> {
        job::Job::new(card, queue.as_ref(), payload)
    }

    /// Packets have addresses of an address space: no buffer is in them.
    fn rebind(
        _card: &Card<'_>,
        _place: &Self::Queue,
        _job: &mut job::Job,
        _buffers: &[accel::JobBuffer],
    ) {
    }

    fn start(
        card: &Card<'_>,
        engine: usize,
        queue: &Self::Queue,
        job: &job::Job,
    ) -> Result<accel::Started> {
        job.start(card, engine, queue.as_ref())?;
        Ok(accel::Started::Running)
    }

    fn interrupt(
        card: &Card<'_>,
        _device: &accel::Device<Self>,
        line: usize,
    ) -> accel::irq::IrqReturn {
        let is_ours = match line {
            // Whoever waits for the management looks for itself.
            pci::MANAGEMENT_VECTOR => true,
            line if line < pci::ENGINE_VECTORS => card.drain(line - pci::RING_VECTORS),
            line => card.attend(line - pci::ENGINE_VECTORS),
        };
        match is_ours {
            true => accel::irq::IrqReturn::Handled,
            false => accel::irq::IrqReturn::None,
        }
    }

    fn scrub(card: &Card<'_>, _region: usize, range: Range<u64>) -> Result {
        card.scrub(range)
    }

    fn progress(card: &Card<'_>, engine: usize, _job: &job::Job) -> accel::Progress {
        card.progress(engine)
    }

    fn abort(card: &Card<'_>, engine: usize, _job: &job::Job) -> Result {
        card.abort_job(engine)
    }

    fn reset(card: &Card<'_>, engine: usize) -> Result {
        card.reset_engine(engine)
    }

    fn reset_device(card: &Card<'_>) -> Result {
        card.reset()
    }

    fn dump(card: &Card<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        card.dump(f)?;
        card.dump_firmware(f)
    }

    fn dump_job(
        card: &Card<'_>,
        engine: usize,
        job: &job::Job,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        card.dump_engine(engine, f)?;
        job.dump(f)
    }

    fn is_well(card: &Card<'_>) -> bool {
        card.is_well()
    }

    fn revive(card: &Card<'_>) -> Result {
        card.revive()
    }

    fn suspend(card: &Card<'_>) -> Result {
        card.fall_asleep()
    }

    fn resume(card: &Card<'_>) -> Result {
        card.wake_up()
    }

    fn stop(card: &Card<'_>) {
        card.stop();
    }
}

accel::pci_driver!(Qda, [(0x1234, 0x0da1)]);

kernel::module_pci_driver! {
    type: PciDriver,
    name: "accel_qda",
    authors: ["The accel developers"],
    description: "QDA data-centre accelerator",
    license: "GPL",
    firmware: ["qda/firmware.bin"],
}
