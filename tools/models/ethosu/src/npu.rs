// SPDX-License-Identifier: GPL-2.0
//! The NPU behind its register block: starts jobs, raises the interrupt line, resets.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::bus::Bus;
use crate::job::{Job, Run};
use crate::memory::{Lease, Memory};
use crate::regs::{self, Configuration, Registers, cmd, status};
use crate::stop::{Channel, Stop};

/// Faults to inject into jobs that start from now on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// They never end, and QREAD stands still.
    pub hang: bool,
    /// They end with a bus error.
    pub bus_error: bool,
    /// They take at least this long.
    pub slow: Duration,
    /// The next one does not end, and its completion comes late.
    pub late: Option<Late>,
}

/// When the completion of a job comes that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// When RESET is written, which takes effect after this time.
    Reset(Duration),
    /// When the first job after the reset starts, which takes at least this long.
    NextJob(Duration),
}

/// Counts since the NPU was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs started.
    pub jobs: u32,
    /// Resets.
    pub resets: u32,
}

/// Called on each rising edge of the interrupt line.
pub type Edge = dyn Fn() + Send + Sync;

/// The NPU. Clones are handles of the same one.
#[derive(Clone)]
pub struct Npu(Arc<Inner>);

struct Inner {
    configuration: Configuration,
    bus: Arc<dyn Bus>,
    edge: Box<Edge>,
    device: Mutex<Device>,
}

/// What the register block is about.
struct Device {
    registers: Registers,
    /// The job that runs, or ran last.
    job: Option<Arc<Job>>,
    /// A job that is gone will have completed when the next one starts, which takes at least so long.
    stale: Option<Duration>,
    faults: Faults,
    counts: Counts,
}

impl Npu {
    /// An NPU after power-on.
    pub fn new(configuration: Configuration, bus: Arc<dyn Bus>, edge: Box<Edge>) -> Self {
        Self(Arc::new(Inner {
            configuration,
            bus,
            edge,
            device: Mutex::new(Device {
                registers: Registers::new(0),
                job: None,
                stale: None,
                faults: Faults::default(),
                counts: Counts::default(),
            }),
        }))
    }

    /// Reads a register.
    pub fn read(&self, offset: u64) -> u32 {
        let device = self.device();
        match offset {
            regs::CONFIG => self.0.configuration.word(),
            regs::QREAD => device.position(),
            _ => device.registers.read(offset),
        }
    }

    /// Writes a register.
    pub fn write(&self, offset: u64, value: u32) {
        match offset {
            regs::CMD => self.command(value),
            regs::RESET => self.soft_reset(value & 3),
            _ => self.device().registers.write(offset, value),
        }
    }

    /// Back to the state after power-on, with the given security and privilege. No access to memory
    /// follows.
    pub fn reset(&self, protection: u32) {
        let mut device = self.device();
        if let Some(job) = device.job.take() {
            job.lease.revoke();
            if let Some(Late::NextJob(time)) = job.late {
                device.stale = Some(time);
            }
        }
        device.registers = Registers::new(protection);
        device.counts.resets += 1;
    }

    /// Changes the faults to inject.
    pub fn inject(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.device().faults);
    }

    /// Jobs and resets so far.
    pub fn counts(&self) -> Counts {
        self.device().counts
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.0.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// RESET.
    fn soft_reset(&self, protection: u32) {
        let device = self.device();
        let late = device.job.as_ref().and_then(|job| job.late);
        let Some(Late::Reset(time)) = late else {
            drop(device);
            return self.reset(protection);
        };
        self.raise(device, |registers| {
            registers.finish(Ok(0));
            registers.status |= status::RESET;
        });
        let npu = self.clone();
        thread::spawn(move || {
            thread::sleep(time);
            npu.reset(protection);
        });
    }

    /// CMD.
    fn command(&self, value: u32) {
        let mut device = self.device();
        let registers = &mut device.registers;
        registers.q_enables = value & cmd::Q_ENABLES;
        if value & cmd::CLEAR_IRQ != 0 {
            registers.status &= !status::IRQ;
        }
        registers.status &= !(value >> cmd::HISTORY_SHIFT << status::HISTORY_SHIFT);
        let busy = status::RUNNING | status::RESET | status::ERRORS;
        if value & cmd::RUN == 0 || registers.status & busy != 0 {
            return;
        }
        registers.status &= !status::END;
        registers.status |= status::RUNNING;
        let stale = device.stale.take();
        self.start(&mut device, stale.unwrap_or_default());
        if stale.is_some() {
            self.raise(device, |registers| {
                registers.status |= status::END | status::IRQ;
            });
        }
    }

    /// Starts a job on a thread of its own; it takes at least `time`.
    fn start(&self, device: &mut Device, time: Duration) {
        let Faults {
            hang,
            bus_error,
            slow,
            ..
        } = device.faults;
        let late = device.faults.late.take();
        let lease = Arc::new(Lease::new(self.0.bus.clone()));
        let job = Arc::new(Job {
            lease: lease.clone(),
            position: AtomicU32::new(0),
            late,
        });
        device.job = Some(job.clone());
        device.counts.jobs += 1;
        if hang || late.is_some() {
            return;
        }
        let registers = &device.registers;
        let run = Run {
            job,
            memory: Memory {
                lease,
                base: registers.base,
                region_config: registers.region_config,
                queue: registers.queue,
                queue_config: registers.queue_config,
            },
            size: registers.queue_size,
            cores: self.0.configuration.cores(),
            slow: slow.max(time),
        };
        let npu = self.clone();
        thread::spawn(move || {
            let end = if bus_error { INJECTED } else { run.run() };
            npu.finish(&run.job, end);
        });
    }

    /// Ends a job, unless a reset has done so.
    fn finish(&self, job: &Arc<Job>, end: Result<u16, Stop>) {
        let device = self.device();
        if !device
            .job
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, job))
        {
            return;
        }
        self.raise(device, |registers| registers.finish(end));
        if let Err(Stop::Command(why) | Stop::Weights(why)) = end {
            eprintln!(
                "command stream at {:#x}: {why}",
                job.position.load(Ordering::Relaxed)
            );
        }
    }

    /// Has `change` raise the interrupt line.
    fn raise(&self, mut device: MutexGuard<'_, Device>, change: impl FnOnce(&mut Registers)) {
        let was_high = device.registers.status & status::IRQ != 0;
        change(&mut device.registers);
        drop(device);
        if !was_high {
            (self.0.edge)();
        }
    }
}

impl Device {
    /// QREAD.
    fn position(&self) -> u32 {
        self.job
            .as_ref()
            .map_or(0, |job| job.position.load(Ordering::Relaxed))
    }
}

/// End of a job under an injected bus error.
const INJECTED: Result<u16, Stop> = Err(Stop::Bus {
    channel: Channel::CommandRead,
    interface: 0,
});
