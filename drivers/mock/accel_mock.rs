// SPDX-License-Identifier: GPL-2.0

//! A device without hardware: start a new driver from a copy of this one.
//!
//! Its engine adds: a job names two buffers and has no payload; every byte of the first one plus 1 is
//! put into the second one. Documentation/driver-api/writing-a-driver.rst walks through this file.

use accel_core as accel;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
    }, //
};
use kernel_ext::faux;

/// What the driver keeps of a bound device: here BARs and interrupts would be.
struct Adder {
    /// Bytes added since probe.
    added: Atomic<u64>,
    /// Sums that did not fit into a byte, likewise.
    overflows: Atomic<u64>,
}

/// A validated job.
struct AddJob {
    from: Arc<accel::Buffer>,
    to: Arc<accel::Buffer>,
}

struct Mock;

#[vtable]
impl accel::Driver for Mock {
    type Parent = faux::Bound;
    type Data<'bound> = Adder;
    type File = ();
    type Mmu = accel::NoMmu;
    type UserQueues = accel::NoUserQueues;
    type Queue = ();
    type Job = AddJob;

    const NAME: &'static CStr = c"accel_mock";
    const VERSION: (u16, u16) = (0, 1);
    const ENGINES: &'static [accel::EngineInfo] = &[accel::EngineInfo {
        name: c"adder",
        kind: accel::EngineKind::Compute,
        credits: 1,
        timeout_ms: 1000,
    }];
    const PLACEMENT: accel::Placement = accel::Placement::System;
    const MAX_PAYLOAD: usize = 0;
    const ATTRIBUTES: &'static [accel::Attribute<Self>] = &[accel::Attribute {
        name: c"added",
        show: |adder, page| {
            kernel::fmt::Write::write_fmt(page, fmt!("{}\n", adder.added.load(Relaxed)))
        },
    }];

    fn probe<'bound>(
        _parent: &'bound faux::Bound,
        _device: &Arc<accel::Device<Self>>,
    ) -> Result<accel::Setup<'bound, Self>> {
        let adder = Adder {
            added: Atomic::new(0),
            overflows: Atomic::new(0),
        };
        Ok(accel::Setup {
            telemetry: telemetry()?,
            ..accel::Setup::new(c"Mock adder", adder)
        })
    }

    fn open(_adder: &Adder) -> Result {
        Ok(())
    }

    fn create_queue(
        _adder: &Adder,
        _file: &(),
        _setup: accel::QueueSetup<'_, Self>,
    ) -> Result<(), accel::Refusal> {
        Ok(())
    }

    fn prepare(
        _adder: &Adder,
        _file: &(),
        _queue: &(),
        _payload: KVVec<u8>,
        buffers: &[accel::JobBuffer],
    ) -> Result<AddJob, accel::Refusal> {
        let [from, to] = buffers else {
            return Err(EINVAL.into());
        };
        if !from.access.can_read() || !to.access.can_write() {
            return Err(EACCES.into());
        }
        if from.buffer.size() != to.buffer.size() {
            return Err(EINVAL.into());
        }
        Ok(AddJob {
            from: from.buffer.clone(),
            to: to.buffer.clone(),
        })
    }

    /// Real hardware is told here to start, and an interrupt tells of the end. This is the CPU.
    fn start(_adder: &Adder, _engine: usize, _queue: &(), _job: &AddJob) -> Result<accel::Started> {
        Ok(accel::Started::Deferred)
    }

    fn run(adder: &Adder, _engine: usize, _queue: &(), job: &AddJob) -> accel::Outcome {
        let mut chunk = [0; 256];
        for offset in (0..job.from.size()).step_by(chunk.len()) {
            let added = job.from.read(offset, &mut chunk).and_then(|()| {
                let overflows = chunk.iter().filter(|b| **b == u8::MAX).count();
                adder.overflows.fetch_add(overflows as u64, Relaxed);
                chunk.iter_mut().for_each(|b| *b = b.wrapping_add(1));
                job.to.write(offset, &chunk)
            });
            added.map_err(|_| accel::Fault::new(accel::FaultKind::Bus))?;
        }
        adder.added.fetch_add(job.from.size() as u64, Relaxed);
        Ok(())
    }

    fn reset(_adder: &Adder, _engine: usize) -> Result {
        Ok(())
    }

    fn stop(_adder: &Adder) {}
}

/// What it measures and counts: it says that it takes a nanojoule for each byte, and that a sum that does
/// not fit is an error that it has corrected.
fn telemetry() -> Result<accel::Telemetry<Mock>> {
    let mut telemetry = accel::Telemetry::none();
    let energy = accel::Sensor {
        label: accel::Label::new(b"adder"),
        kind: accel::SensorKind::Energy,
        high: None,
        critical: None,
        read: |adder: &Adder, _| i64::try_from(adder.added.load(Relaxed) / 1000).ok(),
    };
    telemetry.sensors.push(energy, GFP_KERNEL)?;
    let sums = accel::Block {
        name: accel::Label::new(b"adder"),
        kind: accel::BlockKind::Engine,
        read: |adder: &Adder, _| {
            Some(accel::Errors {
                corrected: adder.overflows.load(Relaxed),
                uncorrected: 0,
            })
        },
    };
    telemetry.blocks.push(sums, GFP_KERNEL)?;
    Ok(telemetry)
}

/// There is no bus that finds a device, so the module makes one.
struct Module {
    _device: faux::Registration,
}

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let device = faux::Registration::new(c"mock", None)?;
        accel::register::<Mock>(device.as_ref())?;
        Ok(Self { _device: device })
    }
}

module! {
    type: Module,
    name: "accel_mock",
    authors: ["The accel developers"],
    description: "Example accelerator",
    license: "GPL",
}
