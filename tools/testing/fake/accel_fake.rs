// SPDX-License-Identifier: GPL-2.0

//! A test device without hardware and size limit: the target of selftests, fault injection and
//! benchmarks. What it does is in `accel_fake.h`.

mod control;
mod hold;
mod telemetry;

accel_core::driver_uapi!();

use accel_core as accel;
use kernel::{
    device::Bound,
    fmt,
    impl_has_delayed_work,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
    },
    workqueue::{
        new_delayed_work,
        system_unbound,
        DelayedWork,
        WorkItem, //
    }, //
};
use kernel_ext::{
    faux,
    irq_work::{
        Handler,
        IrqWork, //
    },
    time::{
        jiffies_from_ns,
        monotonic_ns, //
    },
    workqueue::cancel_delayed_sync, //
};
use uapi::{
    accel_fake_echo,
    accel_fake_fail_resets,
    accel_fake_hold,
    accel_fake_job,
    accel_fake_set,
    accel_info_fake, //
};

/// What exists while a device is bound.
struct Fake {
    /// What stands for the engines.
    engines: KVec<Engine>,
    /// How many resets are still to fail.
    fail_resets: Atomic<u32>,
    readings: telemetry::Readings,
}

impl Fake {
    /// Fails as often as was asked for.
    fn reset(&self) -> Result {
        match self.fail_resets.load(Relaxed) {
            0 => Ok(()),
            n => {
                self.fail_resets.store(n - 1, Relaxed);
                Err(EIO)
            }
        }
    }
}

/// What stands for an engine.
struct Engine {
    /// Completes what is done at once, from interrupt context.
    done: Pin<KBox<IrqWork<Done>>>,
    /// Completes what takes a while.
    alarm: Arc<Alarm>,
}

impl Engine {
    fn new(device: &Arc<accel::Device<FakeDriver>>, index: usize) -> Result<Self> {
        let done = Done {
            device: device.clone(),
            engine: index,
        };
        let alarm = pin_init!(Alarm {
            device: device.clone(),
            engine: index,
            work <- new_delayed_work!("fake_alarm"),
        });
        Ok(Self {
            done: KBox::pin_init(IrqWork::new(done), GFP_KERNEL)?,
            alarm: Arc::pin_init(alarm, GFP_KERNEL)?,
        })
    }
}

/// Ends the jobs of an engine that are over; returns when the next one is.
fn look(device: &accel::Device<FakeDriver>, engine: usize) -> Option<u64> {
    let (now, mut next) = (monotonic_ns(), None::<u64>);
    device.complete(engine, |jobs| {
        jobs.end_each(|job| match job.end() {
            Some(end) if end > now => {
                next = Some(next.map_or(end, |next| next.min(end)));
                None
            }
            end => end.map(|_| Ok(())),
        })
    });
    Some(next?.saturating_sub(now))
}

/// Completes what was started.
struct Done {
    device: Arc<accel::Device<FakeDriver>>,
    engine: usize,
}

impl Handler for Done {
    fn run(&self) {
        look(&self.device, self.engine);
    }
}

/// As [`Done`], after a while.
#[pin_data]
struct Alarm {
    device: Arc<accel::Device<FakeDriver>>,
    engine: usize,
    #[pin]
    work: DelayedWork<Self>,
}

impl Alarm {
    /// How long it sleeps at most: what it waits for may be replaced by something shorter.
    const MOST_NS: u64 = 4_000_000;

    fn set(self: &Arc<Self>, ns: u64) {
        let delay = jiffies_from_ns(ns.min(Self::MOST_NS));
        let _ = system_unbound().enqueue_delayed(self.clone(), delay);
    }
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Alarm { self.work }
}

impl WorkItem for Alarm {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if let Some(ns) = look(&this.device, this.engine) {
            this.set(ns);
        }
    }
}

/// A validated job.
enum FakeJob {
    Nop,
    /// How long it takes, nanoseconds, and when it ends.
    Delay(u64, Atomic<u64>),
    Hang,
    Stall,
    Fault(accel::FaultKind),
    Fill(Arc<accel::Buffer>, u8),
    FailStart,
}

impl FakeJob {
    /// Returns when it ends, if it was started and ends by itself.
    fn end(&self) -> Option<u64> {
        match self {
            FakeJob::Nop => Some(0),
            FakeJob::Delay(_, end) => Some(end.load(Relaxed)),
            _ => None,
        }
    }
}

const fn engine(name: &'static CStr, kind: accel::EngineKind, credits: u32) -> accel::EngineInfo {
    accel::EngineInfo {
        name,
        kind,
        credits,
        timeout_ms: 200,
    }
}

struct FakeDriver;

#[vtable]
impl accel::Driver for FakeDriver {
    type Parent = faux::Bound;
    type Data<'bound> = Fake;
    type File = ();
    type Mmu = accel::NoMmu;
    type UserQueues = accel::NoUserQueues;
    type Queue = ();
    type Job = FakeJob;

    const NAME: &'static CStr = c"accel_fake";
    const VERSION: (u16, u16) = (0, 1);
    const ENGINES: &'static [accel::EngineInfo] = &[
        engine(c"engine0", accel::EngineKind::Compute, 1),
        engine(c"pair0", accel::EngineKind::Inference, 1),
        engine(c"pair1", accel::EngineKind::Inference, 1),
        engine(c"deep", accel::EngineKind::Copy, 4),
    ];
    const PLACEMENT: accel::Placement = accel::Placement::System;
    const MAX_PAYLOAD: usize = 4096;

    const INFO: &'static [accel::InfoKind<Self>] = &[accel::InfoKind::new::<accel_info_fake>(
        uapi::ACCEL_INFO_FAKE,
        |fake, answer| {
            answer.push(&accel_info_fake {
                fail_resets: fake.fail_resets.load(Relaxed),
                reserved: 0,
            })
        },
    )];

    accel::ioctls! {
        (_IOWR, 0x40, accel_fake_echo, echo),
        (_IOW, 0x41, accel_fake_fail_resets, fail_resets),
        (_IOW, 0x42, accel_fake_set, telemetry::set),
        (_IOW, 0x43, accel_fake_hold, hold::hold),
    }

    fn probe<'bound>(
        parent: &'bound faux::Bound,
        device: &Arc<accel::Device<Self>>,
    ) -> Result<accel::Setup<'bound, Self>> {
        let mut engines = KVec::new();
        for index in 0..Self::ENGINES.len() {
            engines.push(Engine::new(device, index)?, GFP_KERNEL)?;
        }
        let fake = Fake {
            engines,
            fail_resets: Atomic::new(0),
            readings: telemetry::Readings::new(device),
        };
        Ok(accel::Setup {
            exclusive: is_odd(parent.as_ref()),
            telemetry: telemetry::tables()?,
            ..accel::Setup::new(c"Fake accelerator", fake)
        })
    }

    fn open(_fake: &Fake) -> Result {
        Ok(())
    }

    fn create_queue(
        _fake: &Fake,
        _file: &(),
        _setup: accel::QueueSetup<'_, Self>,
    ) -> Result<(), accel::Refusal> {
        Ok(())
    }

    fn prepare(
        _fake: &Fake,
        _file: &(),
        _queue: &(),
        payload: KVVec<u8>,
        buffers: &[accel::JobBuffer],
    ) -> Result<FakeJob, accel::Refusal> {
        let job: &accel_fake_job = zerocopy::FromBytes::ref_from_bytes(&payload)
            .map_err(|_| refusal(uapi::ACCEL_FAKE_BAD_SIZE, 0))?;
        FakeJob::parse(job, buffers)
    }

    fn rebind(_fake: &Fake, _queue: &(), job: &mut FakeJob, buffers: &[accel::JobBuffer]) {
        if let (FakeJob::Fill(buffer, _), [named]) = (job, buffers) {
            *buffer = named.buffer.clone();
        }
    }

    fn start(fake: &Fake, engine: usize, _queue: &(), job: &FakeJob) -> Result<accel::Started> {
        let engine = fake.engines.get(engine).ok_or(EINVAL)?;
        match job {
            FakeJob::Nop => {
                engine.done.as_ref().queue();
                Ok(accel::Started::Running)
            }
            FakeJob::Delay(ns, end) => {
                end.store(monotonic_ns() + ns, Relaxed);
                engine.alarm.set(*ns);
                Ok(accel::Started::Running)
            }
            FakeJob::Hang | FakeJob::Stall => Ok(accel::Started::Running),
            FakeJob::Fault(_) | FakeJob::Fill(..) => Ok(accel::Started::Deferred),
            FakeJob::FailStart => Err(EIO),
        }
    }

    fn run(_fake: &Fake, _engine: usize, _queue: &(), job: &FakeJob) -> accel::Outcome {
        match job {
            FakeJob::Fault(kind) => {
                return Err(accel::Fault {
                    kind: *kind,
                    address: 0xfa17,
                })
            }
            FakeJob::Fill(buffer, value) => buffer.fill(*value),
            FakeJob::Nop
            | FakeJob::Delay(..)
            | FakeJob::Hang
            | FakeJob::Stall
            | FakeJob::FailStart => (),
        }
        Ok(())
    }

    fn abort(_fake: &Fake, _engine: usize, job: &FakeJob) -> Result {
        match job {
            FakeJob::Stall => Ok(()),
            _ => Err(EIO),
        }
    }

    fn reset(fake: &Fake, engine: usize) -> Result {
        cancel_delayed_sync(&fake.engines.get(engine).ok_or(EINVAL)?.alarm);
        fake.reset()
    }

    fn reset_device(fake: &Fake) -> Result {
        for engine in &fake.engines {
            cancel_delayed_sync(&engine.alarm);
        }
        fake.reset()
    }

    fn dump(fake: &Fake, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resets = fake.fail_resets.load(Relaxed);
        f.write_fmt(fmt!("failing resets {resets}\n"))
    }

    fn dump_job(
        _fake: &Fake,
        _engine: usize,
        job: &FakeJob,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let is_hung = matches!(job, FakeJob::Hang);
        f.write_fmt(fmt!("job {}\n", if is_hung { "HANG" } else { "other" }))
    }

    fn stop(fake: &Fake) {
        for engine in &fake.engines {
            cancel_delayed_sync(&engine.alarm);
        }
    }
}

impl FakeJob {
    fn parse(job: &accel_fake_job, buffers: &[accel::JobBuffer]) -> Result<Self, accel::Refusal> {
        let bad_arg = || refusal(uapi::ACCEL_FAKE_BAD_ARG, 4);
        let parsed = match job.op {
            uapi::ACCEL_FAKE_NOP => FakeJob::Nop,
            uapi::ACCEL_FAKE_DELAY if job.arg <= 1000 => {
                let ns = u64::from(job.arg) * 1_000_000;
                return Ok(FakeJob::Delay(ns, Atomic::new(u64::MAX)));
            }
            uapi::ACCEL_FAKE_DELAY => return Err(bad_arg()),
            uapi::ACCEL_FAKE_HANG => FakeJob::Hang,
            uapi::ACCEL_FAKE_STALL => FakeJob::Stall,
            uapi::ACCEL_FAKE_FAULT => {
                return Ok(FakeJob::Fault(fault(job.arg).ok_or_else(bad_arg)?))
            }
            uapi::ACCEL_FAKE_FILL => {
                let [named] = buffers else {
                    return Err(EINVAL.into());
                };
                if !named.access.can_write() {
                    return Err(EACCES.into());
                }
                let value = u8::try_from(job.arg).map_err(|_| bad_arg())?;
                return Ok(FakeJob::Fill(named.buffer.clone(), value));
            }
            uapi::ACCEL_FAKE_FAIL_START => FakeJob::FailStart,
            _ => return Err(refusal(uapi::ACCEL_FAKE_BAD_OP, 0)),
        };
        match job.arg {
            0 => Ok(parsed),
            _ => Err(bad_arg()),
        }
    }
}

/// Returns whether the number at the end of the name, "fake.N", is odd.
fn is_odd(dev: &kernel::device::Device<Bound>) -> bool {
    dev.name()
        .to_bytes()
        .last()
        .is_some_and(|digit| digit % 2 == 1)
}

fn refusal(reason: u32, at: u32) -> accel::Refusal {
    accel::Refusal {
        error: EINVAL,
        reason,
        at,
    }
}

/// Parses an `enum accel_fault` that hardware can report.
fn fault(value: u32) -> Option<accel::FaultKind> {
    match value {
        accel::uapi::ACCEL_FAULT_COMMAND => Some(accel::FaultKind::Command),
        accel::uapi::ACCEL_FAULT_BUS => Some(accel::FaultKind::Bus),
        accel::uapi::ACCEL_FAULT_DEVICE => Some(accel::FaultKind::Device),
        accel::uapi::ACCEL_FAULT_RESET => Some(accel::FaultKind::Reset),
        _ => None,
    }
}

fn echo(_fake: &Fake, _file: &(), args: &mut accel_fake_echo) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    args.answer = args.value.checked_add(1).ok_or(EINVAL)?;
    Ok(())
}

fn fail_resets(fake: &Fake, _file: &(), args: &mut accel_fake_fail_resets) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    fake.fail_resets.store(args.count, Relaxed);
    Ok(())
}

module! {
    type: control::Module,
    name: "accel_fake",
    authors: ["The accel developers"],
    description: "Test accelerator",
    license: "GPL",
    params: {
        devices: u32 {
            default: 2,
            description: "How many devices to make",
        },
    },
}
