// SPDX-License-Identifier: GPL-2.0

//! A test device without hardware and size limit: the target of selftests, fault injection and
//! benchmarks. What it does is in `accel_fake.h`.

mod control;

accel_core::driver_uapi!();

use accel_core as accel;
use kernel::{
    device::Bound,
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
    time::jiffies_from_ns,
    workqueue::cancel_delayed_sync, //
};
use uapi::{
    accel_fake_echo,
    accel_fake_fail_resets,
    accel_fake_job, //
};

/// What exists while a device is bound.
struct Fake {
    /// Completes what runs, from interrupt context.
    done: Pin<KBox<IrqWork<Done>>>,
    /// Completes what runs, later.
    alarm: Arc<Alarm>,
    /// How many resets are still to fail.
    fail_resets: Atomic<u32>,
}

/// Completes a job that was started.
struct Done {
    device: Arc<accel::Device<FakeDriver>>,
}

impl Handler for Done {
    fn run(&self) {
        self.device.complete(0, |jobs| jobs.end_first(Ok(())));
    }
}

/// As [`Done`], after a while.
#[pin_data]
struct Alarm {
    device: Arc<accel::Device<FakeDriver>>,
    #[pin]
    work: DelayedWork<Self>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Alarm { self.work }
}

impl WorkItem for Alarm {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.device.complete(0, |jobs| jobs.end_first(Ok(())));
    }
}

/// A validated job.
enum FakeJob {
    Nop,
    Delay(u32),
    Hang,
    Fault(accel::FaultKind),
    Fill(Arc<accel::Buffer>, u8),
    FailStart,
}

struct FakeDriver;

#[vtable]
impl accel::Driver for FakeDriver {
    type Parent = faux::Bound;
    type Data<'bound> = Fake;
    type File = ();
    type Mmu = accel::NoMmu;
    type Job = FakeJob;

    const NAME: &'static CStr = c"accel_fake";
    const VERSION: (u16, u16) = (0, 1);
    const ENGINES: &'static [accel::EngineInfo] = &[accel::EngineInfo {
        name: c"engine0",
        kind: accel::EngineKind::Compute,
        credits: 1,
        timeout_ms: 200,
    }];
    const PLACEMENT: accel::Placement = accel::Placement::System;
    const MAX_PAYLOAD: usize = 4096;

    accel::ioctls! {
        (_IOWR, 0x40, accel_fake_echo, echo),
        (_IOW, 0x41, accel_fake_fail_resets, fail_resets),
    }

    fn probe<'bound>(
        parent: &'bound faux::Bound,
        device: &Arc<accel::Device<Self>>,
    ) -> Result<accel::Setup<'bound, Self>> {
        let done = Done {
            device: device.clone(),
        };
        Ok(accel::Setup {
            name: c"Fake accelerator",
            data: Fake {
                done: KBox::pin_init(IrqWork::new(done), GFP_KERNEL)?,
                alarm: Arc::pin_init(
                    pin_init!(Alarm {
                        device: device.clone(),
                        work <- new_delayed_work!("fake_alarm"),
                    }),
                    GFP_KERNEL,
                )?,
                fail_resets: Atomic::new(0),
            },
            lines: accel::irq::Lines::none(),
            exclusive: is_odd(parent.as_ref()),
            regions: KVec::new(),
            doorbells: None,
        })
    }

    fn open(_fake: &Fake) -> Result {
        Ok(())
    }

    fn prepare(
        _fake: &Fake,
        _file: &(),
        payload: KVVec<u8>,
        buffers: &[accel::JobBuffer],
        _spaces: &accel::AddressSpaces<Self>,
    ) -> Result<FakeJob, accel::Refusal> {
        let job: &accel_fake_job = zerocopy::FromBytes::ref_from_bytes(&payload)
            .map_err(|_| refusal(uapi::ACCEL_FAKE_BAD_SIZE, 0))?;
        FakeJob::parse(job, buffers)
    }

    fn start(fake: &Fake, _engine: usize, job: &FakeJob) -> Result<accel::Started> {
        match job {
            FakeJob::Nop => {
                fake.done.as_ref().queue();
                Ok(accel::Started::Running)
            }
            FakeJob::Delay(ms) => {
                let alarm = fake.alarm.clone();
                let delay = jiffies_from_ns(u64::from(*ms) * 1_000_000);
                let _ = system_unbound().enqueue_delayed(alarm, delay);
                Ok(accel::Started::Running)
            }
            FakeJob::Hang => Ok(accel::Started::Running),
            FakeJob::Fault(_) | FakeJob::Fill(..) => Ok(accel::Started::Deferred),
            FakeJob::FailStart => Err(EIO),
        }
    }

    fn run(_fake: &Fake, _engine: usize, job: &FakeJob) -> accel::Outcome {
        match job {
            FakeJob::Fault(kind) => {
                return Err(accel::Fault {
                    kind: *kind,
                    address: 0xfa17,
                })
            }
            FakeJob::Fill(buffer, value) => buffer.fill(*value),
            FakeJob::Nop | FakeJob::Delay(_) | FakeJob::Hang | FakeJob::FailStart => (),
        }
        Ok(())
    }

    fn reset(fake: &Fake, _engine: usize) -> Result {
        cancel_delayed_sync(&fake.alarm);
        match fake.fail_resets.load(Relaxed) {
            0 => Ok(()),
            n => {
                fake.fail_resets.store(n - 1, Relaxed);
                Err(EIO)
            }
        }
    }

    fn stop(fake: &Fake) {
        cancel_delayed_sync(&fake.alarm);
    }
}

impl FakeJob {
    fn parse(job: &accel_fake_job, buffers: &[accel::JobBuffer]) -> Result<Self, accel::Refusal> {
        let bad_arg = || refusal(uapi::ACCEL_FAKE_BAD_ARG, 4);
        let parsed = match job.op {
            uapi::ACCEL_FAKE_NOP => FakeJob::Nop,
            uapi::ACCEL_FAKE_DELAY if job.arg <= 1000 => return Ok(FakeJob::Delay(job.arg)),
            uapi::ACCEL_FAKE_DELAY => return Err(bad_arg()),
            uapi::ACCEL_FAKE_HANG => FakeJob::Hang,
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
