// SPDX-License-Identifier: GPL-2.0

//! Arm Ethos-U65: a neural processing unit that runs one command stream at a time and has no MMU,
//! so every stream is checked before it runs.
//!
//! - `pci`: the front that finds the NPU (Documentation/devices/ethosu-pci.rst)
//! - `npu`: the hardware: start, interrupt, reset
//! - `regs`: its registers
//! - `job`: payload -> checked command stream and its buffers
//! - `cmdstream`: the check, pure logic
//!
//! Abbreviations: MAC, multiply-accumulate unit; PMU, performance monitoring unit.

mod cmdstream;
mod job;
mod npu;
mod pci;
mod regs;

accel_core::driver_uapi!();

use accel_core as accel;
use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::Arc, //
};
use npu::Npu;
use uapi::accel_info_ethosu;

/// The driver.
struct EthosU;

#[vtable]
impl accel::Driver for EthosU {
    type Parent = pci::Parent;
    type Data<'bound> = Npu<'bound>;
    type File = ();
    type Mmu = accel::NoMmu;
    type UserQueues = accel::NoUserQueues;
    type Queue = ();
    type Job = job::Job;

    const NAME: &'static CStr = c"accel_ethosu";
    const VERSION: (u16, u16) = (0, 1);
    const ENGINES: &'static [accel::EngineInfo] = &[accel::EngineInfo {
        name: c"npu",
        kind: accel::EngineKind::Inference,
        // As long as a model on a busy host may need; the C driver has 500.
        credits: 1,
        timeout_ms: 2000,
    }];
    const PLACEMENT: accel::Placement = accel::Placement::Contiguous;
    const DMA_BITS: Option<u32> = Some(40);
    const MAX_PAYLOAD: usize = job::MAX_PAYLOAD;
    const RESET_AFTER_FAULT: bool = true;
    const INFO: &'static [accel::InfoKind<Self>] = &[accel::InfoKind::new::<accel_info_ethosu>(
        uapi::ACCEL_INFO_ETHOSU,
        |npu, answer| answer.push(&npu.info()),
    )];
    const ATTRIBUTES: &'static [accel::Attribute<Self>] = &[accel::Attribute {
        name: c"macs",
        show: |npu, page| writeln!(page, "{}", npu.config().macs()),
    }];
    const DEBUGFS: &'static [accel::DebugfsFile<Self>] = &[accel::DebugfsFile {
        name: c"registers",
        show: |npu, f| npu.dump(f),
    }];

    fn probe<'bound>(
        parent: &'bound pci::Parent,
        _device: &Arc<accel::Device<Self>>,
    ) -> Result<accel::Setup<'bound, Self>> {
        let (bar, lines) = pci::resources(parent)?;
        let npu = Npu::new(parent.as_ref(), bar)?;
        Ok(accel::Setup {
            lines,
            ..accel::Setup::new(npu.config().product(), npu)
        })
    }

    fn open(_npu: &Npu<'_>) -> Result {
        Ok(())
    }

    fn create_queue(
        _npu: &Npu<'_>,
        _file: &(),
        _setup: accel::QueueSetup<'_, Self>,
    ) -> Result<(), accel::Refusal> {
        Ok(())
    }

    fn prepare(
        npu: &Npu<'_>,
        _file: &(),
        _queue: &(),
        payload: KVVec<u8>,
        buffers: &[accel::JobBuffer],
    ) -> Result<job::Job, accel::Refusal> {
        job::Job::new(npu, &payload, buffers)
    }

    fn rebind(_npu: &Npu<'_>, _queue: &(), job: &mut job::Job, buffers: &[accel::JobBuffer]) {
        job.rebind(buffers);
    }

    fn start(npu: &Npu<'_>, _engine: usize, _queue: &(), job: &job::Job) -> Result<accel::Started> {
        npu.start(job);
        Ok(accel::Started::Running)
    }

    fn interrupt(
        npu: &Npu<'_>,
        device: &accel::Device<Self>,
        _line: usize,
    ) -> accel::irq::IrqReturn {
        let is_ours = device.complete(0, |jobs| {
            let outcome = npu.take_interrupt();
            outcome.map(|outcome| jobs.end_first(outcome)).is_some()
        });
        match is_ours {
            Some(true) => accel::irq::IrqReturn::Handled,
            _ => accel::irq::IrqReturn::None,
        }
    }

    fn progress(npu: &Npu<'_>, _engine: usize, _job: &job::Job) -> accel::Progress {
        npu.progress()
    }

    fn reset(npu: &Npu<'_>, _engine: usize) -> Result {
        npu.reset()
    }

    /// An idle NPU needs nothing for that.
    fn suspend(_npu: &Npu<'_>) -> Result {
        Ok(())
    }

    /// All that it has to know comes with a job.
    fn resume(npu: &Npu<'_>) -> Result {
        npu.reset()
    }

    fn dump(npu: &Npu<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        npu.dump(f)
    }

    fn dump_job(
        _npu: &Npu<'_>,
        _engine: usize,
        job: &job::Job,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        job.dump(f)
    }

    fn stop(npu: &Npu<'_>) {
        npu.stop();
    }
}

accel::pci_driver!(EthosU, [(0x1234, 0xe065)]);

kernel::module_pci_driver! {
    type: PciDriver,
    name: "accel_ethosu",
    authors: ["The accel developers"],
    description: "Arm Ethos-U65 NPU",
    license: "GPL",
}
