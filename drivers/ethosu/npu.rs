// SPDX-License-Identifier: GPL-2.0

//! The hardware: starts command streams, tells how they ended, resets.
//!
//! Register protocol as in mainline's `drivers/accel/ethosu` (ethosu_drv.c, ethosu_job.c).

use accel_core as accel;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    fmt,
    io::{
        poll::read_poll_timeout,
        register::Array,
        Io, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::Delta,
};
use kernel_ext::pci::set_master;

use crate::{
    cmdstream,
    job::Job,
    pci::Bar,
    regs,
    uapi::accel_info_ethosu, //
};

/// What a register reads as when the device is gone.
const GONE: u32 = !0;

/// Architecture version of the U65 in ID.
const ARCH_MAJOR: u32 = 1;

/// All regions through AXI port 1: there is no SRAM on port 0.
const REGIONCFG_PORT1: u32 = 0xaaaa;

/// Outstanding reads and writes, memory type and burst length of both ports (ethosu_drv.c).
const AXI_LIMIT0: u32 = 0x1f3f_00b0;
const AXI_LIMIT2: u32 = 0x1f3f_0002;

/// The configurations of the U65.
#[derive(Clone, Copy)]
pub(crate) enum Config {
    Macs256,
    Macs512,
}

impl Config {
    /// Parses `macs_per_cc` of CONFIG.
    fn parse(log2: u32) -> Result<Self> {
        match log2 {
            8 => Ok(Config::Macs256),
            9 => Ok(Config::Macs512),
            _ => Err(ENODEV),
        }
    }

    /// Returns the 8-bit multiply-accumulates per cycle.
    pub(crate) fn macs(self) -> u32 {
        match self {
            Config::Macs256 => 256,
            Config::Macs512 => 512,
        }
    }

    /// Returns the product's name.
    pub(crate) fn product(self) -> &'static CStr {
        match self {
            Config::Macs256 => c"Arm Ethos-U65-256",
            Config::Macs512 => c"Arm Ethos-U65-512",
        }
    }

    /// Returns what the command-stream check calls it.
    pub(crate) fn for_check(self) -> cmdstream::Config {
        match self {
            Config::Macs256 => cmdstream::Config::U65_256,
            Config::Macs512 => cmdstream::Config::U65_512,
        }
    }
}

/// An NPU.
pub(crate) struct Npu<'bound> {
    dev: &'bound Device<Bound>,
    bar: Bar<'bound>,
    id: u32,
    config: Config,
    raw_config: u32,
    pmu_counters: u32,
    /// QREAD when the running job was last looked at.
    last_read: Atomic<u32>,
}

impl<'bound> Npu<'bound> {
    /// Finds out which NPU it is, resets it and only then lets it reach memory. ENODEV: no U65.
    pub(crate) fn new(dev: &'bound Device<Bound>, bar: Bar<'bound>) -> Result<Self> {
        let id = bar.read(regs::ID);
        let config = bar.read(regs::CONFIG);
        if u32::from(id.arch_major()) != ARCH_MAJOR {
            return Err(ENODEV);
        }
        let npu = Self {
            dev,
            id: id.into_raw(),
            config: Config::parse(config.macs_per_cc().into())?,
            raw_config: config.into_raw(),
            pmu_counters: bar.read(regs::PMCR).counters().into(),
            last_read: Atomic::new(0),
            bar,
        };
        npu.reset()?;
        set_master(dev, true);
        Ok(npu)
    }

    /// Returns the device, for DMA memory.
    pub(crate) fn device(&self) -> &'bound Device<Bound> {
        self.dev
    }

    pub(crate) fn config(&self) -> Config {
        self.config
    }

    pub(crate) fn info(&self) -> accel_info_ethosu {
        accel_info_ethosu {
            id: self.id,
            config: self.raw_config,
            macs: self.config.macs(),
            pmu_counters: self.pmu_counters,
        }
    }

    /// Writes the registers that tell what the NPU does.
    pub(crate) fn dump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!(
            "ID {:#010x}\nCONFIG {:#010x}\nSTATUS {:#010x}\nQREAD {:#010x}\nQSIZE {:#010x}\n",
            self.id,
            self.raw_config,
            self.bar.read(regs::STATUS).into_raw(),
            self.bar.read(regs::QREAD).into_raw(),
            self.bar.read(regs::QSIZE).into_raw()
        ))
    }

    /// Starts a job on the idle NPU. All base addresses are set, so that none is left from another
    /// job.
    pub(crate) fn start(&self, job: &Job) {
        for (region, address) in job.regions().iter().enumerate() {
            let (lo, hi) = split(*address);
            if let Some(at) = regs::BASEP::try_at(2 * region) {
                self.bar.write(at, regs::BASEP::zeroed().with_value(lo));
            }
            if let Some(at) = regs::BASEP::try_at(2 * region + 1) {
                self.bar.write(at, regs::BASEP::zeroed().with_value(hi));
            }
        }
        let (lo, hi) = split(job.stream_address());
        self.bar.write_reg(regs::QBASE_LO::zeroed().with_value(lo));
        self.bar.write_reg(regs::QBASE_HI::zeroed().with_value(hi));
        self.bar
            .write_reg(regs::QSIZE::zeroed().with_value(job.stream_size()));
        self.last_read.store(0, Relaxed);
        self.bar.write_reg(regs::CMD::zeroed().with_run(true));
    }

    /// Acknowledges the interrupt and tells how the job ended; `None` if it is not raised, or is of a
    /// job that is gone, and the one after it still runs.
    pub(crate) fn take_interrupt(&self) -> Option<accel::Outcome> {
        let status = self.bar.read(regs::STATUS);
        if status.into_raw() == GONE || !status.irq_raised() {
            return None;
        }
        self.bar.write_reg(regs::CMD::zeroed().with_clear_irq(true));
        // If it ends after that, it raises the interrupt anew.
        let status = match status.running() {
            true => self.bar.read(regs::STATUS),
            false => status,
        };
        (!status.running()).then(|| outcome(status))
    }

    /// Looks at a job that is overdue.
    pub(crate) fn progress(&self) -> accel::Progress {
        let status = self.bar.read(regs::STATUS);
        if status.into_raw() == GONE {
            return accel::Progress::Hung;
        }
        if let Some(outcome) = self.take_interrupt() {
            return accel::Progress::Ended(outcome);
        }
        let over = status.end_reached() || status.bus_error() || status.parse_error();
        if !status.running() && over {
            return accel::Progress::Ended(outcome(status));
        }
        let read = self.bar.read(regs::QREAD).into_raw();
        if status.running() && read != self.last_read.xchg(read, Relaxed) {
            return accel::Progress::Progressing;
        }
        accel::Progress::Hung
    }

    /// Resets the NPU and sets it up: non-secure, all regions on port 1. EIO: it does not come back.
    pub(crate) fn reset(&self) -> Result {
        self.bar
            .write_reg(regs::RESET::zeroed().with_const_pending_csl::<1>());
        read_poll_timeout(
            || Ok(self.bar.read(regs::STATUS)),
            |status| !status.resetting() || status.into_raw() == GONE,
            Delta::from_millis(1),
            Delta::from_secs(1),
        )
        .ok()
        .filter(|status| status.into_raw() != GONE)
        .ok_or(EIO)?;
        self.bar
            .write_reg(regs::REGIONCFG::zeroed().with_value(REGIONCFG_PORT1));
        self.bar
            .write_reg(regs::AXI_LIMIT0::zeroed().with_value(AXI_LIMIT0));
        self.bar
            .write_reg(regs::AXI_LIMIT2::zeroed().with_value(AXI_LIMIT2));
        Ok(())
    }

    /// Stops the NPU for good, if it is still there; if it does not stop, it cannot reach memory.
    pub(crate) fn stop(&self) {
        if self.bar.read(regs::ID).into_raw() != GONE && self.reset().is_err() {
            dev_err!(self.dev, "does not stop\n");
        }
        set_master(self.dev, false);
    }
}

fn outcome(status: regs::STATUS) -> accel::Outcome {
    let kind = if status.bus_error() {
        accel::FaultKind::Bus
    } else if status.parse_error() {
        accel::FaultKind::Command
    } else if status.end_reached() {
        return Ok(());
    } else {
        accel::FaultKind::Device
    };
    Err(accel::Fault::new(kind))
}

/// Returns the low and the high half.
fn split(address: u64) -> (u32, u32) {
    // CAST: Each half fits.
    (address as u32, (address >> 32) as u32)
}
