// SPDX-License-Identifier: GPL-2.0

//! What a driver implements.

use core::ops::Range;
use kernel::{
    device::{
        self,
        Bound, //
    },
    fmt,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::irq::{
    IrqReturn,
    Lines, //
};

use crate::{
    address_space::AddressSpace,
    context::Life,
    debugfs,
    device::Device,
    doorbell::DoorbellInfo,
    info,
    ioctl::Ioctl,
    job::{
        JobBuffer,
        Outcome,
        Refusal, //
    },
    logic::schedule::Priority,
    mmu::Mmu,
    region::RegionInfo,
    sysfs,
    telemetry::Telemetry,
    uapi,
    user_queue::UserQueues,
    Placement, //
};

/// What an engine is for (`enum accel_engine_kind`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum EngineKind {
    /// Computes.
    Compute = uapi::ACCEL_ENGINE_COMPUTE,
    /// Runs neural networks.
    Inference = uapi::ACCEL_ENGINE_INFERENCE,
    /// Moves data.
    Copy = uapi::ACCEL_ENGINE_COPY,
    /// Talks to other devices.
    Collective = uapi::ACCEL_ENGINE_COLLECTIVE,
}

/// An engine.
pub struct EngineInfo {
    /// Name, unique in the device, at most 31 bytes, without blanks and colons. fdinfo has those that
    /// are alike under what their names have in common: "copy0" and "copy1" under "copy".
    pub name: &'static CStr,
    /// What it is for.
    pub kind: EngineKind,
    /// How many jobs can be in flight at a time, at least one.
    pub credits: u32,
    /// How long a job may take, milliseconds; less if its queue says so.
    pub timeout_ms: u32,
}

/// What [`Driver::probe`] found.
pub struct Setup<'bound, T: Driver> {
    /// Product, for people, at most 63 bytes.
    pub name: &'static CStr,
    /// The interrupts. Dropped before `data`, which their handlers use.
    pub lines: Lines<'bound>,
    /// What the driver needs while the device is bound: BARs, DMA memory, state.
    pub data: T::Data<'bound>,
    /// One client at a time.
    pub exclusive: bool,
    /// What the device says that it is, the same at every boot and in every slot; `None` if it has no
    /// such thing as a serial number.
    pub uuid: Option<[u8; 16]>,
    /// The device's own memory that buffers can be in.
    pub regions: KVec<RegionInfo>,
    /// Registers by which clients tell the device of work without a system call.
    pub doorbells: Option<DoorbellInfo>,
    /// What it measures and counts about itself.
    pub telemetry: Telemetry<T>,
}

impl<T: Driver> Setup<'_, T> {
    /// A device without interrupts, memory, doorbells and telemetry, for any number of clients.
    pub fn new<'bound>(name: &'static CStr, data: T::Data<'bound>) -> Setup<'bound, T> {
        Setup {
            name,
            lines: Lines::none(),
            data,
            exclusive: false,
            uuid: None,
            regions: KVec::new(),
            doorbells: None,
            telemetry: Telemetry::none(),
        }
    }
}

/// A queue that a client wants.
pub struct QueueSetup<'a, T: Driver> {
    /// Its jobs run on any of these, indices into [`Driver::ENGINES`].
    pub engines: Range<usize>,
    /// How important its jobs are to the core, which says whose job is started next.
    pub priority: Priority,
    /// Where its jobs work, if they do in an address space.
    pub space: Option<&'a Arc<AddressSpace<T>>>,
    /// What the client has to say to the driver; the kernel's own copy.
    pub payload: &'a [u8],
    /// How long a job may take, nanoseconds, at most; 0: as the engine says.
    pub(crate) timeout_ns: u64,
    /// That of its context.
    pub(crate) life: &'a Arc<Life>,
}

/// How a job was started.
pub enum Started {
    /// The device runs it; [`Device::complete`] will be called.
    Running,
    /// The CPU runs it: call [`Driver::run`].
    Deferred,
}

/// What a job that is overdue does.
pub enum Progress {
    /// Nothing: reset the engine.
    Hung,
    /// It goes on, or its turn has not come on an engine with several: give it as much time again.
    Progressing,
    /// It has ended, the interrupt was lost.
    Ended(Outcome),
}

/// A driver. The type itself has no values; `Data`, `File` and `Job` do.
///
/// `data` is what [`Driver::probe`] returned. No callback may wait for user space. `engine` is an
/// index into [`Driver::ENGINES`].
#[vtable]
pub trait Driver: Sized + Send + Sync + 'static {
    /// The device on its bus, e.g. `pci::Device<Bound>`.
    type Parent: device::AsBusDevice<Bound> + 'static;
    /// What exists while the device is bound. Dropped after [`Driver::stop`].
    type Data<'bound>: Send + Sync + 'bound;
    /// What the driver keeps for each client; dropped when its file is closed, which may be after
    /// the device was unbound: it must not hold DMA memory.
    type File: Send + Sync + 'static;
    /// Its MMU; [`NoMmu`](crate::NoMmu) if the device has none.
    type Mmu: Mmu<Self>;
    /// Its user queues; [`NoUserQueues`](crate::NoUserQueues) if the device has none.
    type UserQueues: UserQueues<Self>;
    /// What the driver keeps for each queue; dropped when it has no job any more and nobody can submit
    /// to it, which may be after the device was unbound: it must not hold DMA memory.
    type Queue: Send + Sync + 'static;
    /// A job, parsed and validated.
    type Job: Send + Sync + 'static;

    /// Name of the driver, at most 31 bytes.
    const NAME: &'static CStr;
    /// Version of the driver, (major, minor).
    const VERSION: (u16, u16);
    /// The engines, at least one, at most 8 of one kind. Those of the same kind that stand next to
    /// each other are alike: each runs what any of them could run.
    const ENGINES: &'static [EngineInfo];
    /// Where a buffer is if the user does not care.
    const PLACEMENT: Placement;
    /// How many address bits the device can reach, if it does DMA. Buffers are then mapped for it.
    const DMA_BITS: Option<u32> = None;
    /// Longest payload of a job, bytes.
    const MAX_PAYLOAD: usize;
    /// Longest payload of a queue, bytes.
    const MAX_QUEUE_PAYLOAD: usize = 0;
    /// How often to ask [`Driver::is_well`], milliseconds.
    const WATCH_MS: u32 = 1000;
    /// An engine whose job faulted must be reset before it runs another one.
    const RESET_AFTER_FAULT: bool = false;
    /// Commands of the driver.
    const IOCTLS: &'static [Ioctl<Self>] = &[];
    /// INFO kinds of the driver.
    const INFO: &'static [info::Kind<Self>] = &[];
    /// sysfs attributes of the compute node.
    const ATTRIBUTES: &'static [sysfs::Attribute<Self>] = &[];
    /// sysfs attributes of each engine.
    const ENGINE_ATTRIBUTES: &'static [sysfs::EngineAttribute<Self>] = &[];
    /// debugfs files of the device.
    const DEBUGFS: &'static [debugfs::File<Self>] = &[];

    /// Finds out what the device is and makes it ready.
    ///
    /// `device` may be kept in `data`, e.g. for [`Device::complete`].
    fn probe<'bound>(
        parent: &'bound Self::Parent,
        device: &Arc<Device<Self>>,
    ) -> Result<Setup<'bound, Self>>;

    /// A client opens the compute node.
    fn open(data: &Self::Data<'_>) -> Result<Self::File>;

    /// A client makes a queue, or opens the compute node: that comes with a queue of normal priority for
    /// the first engines, without address space and payload. May sleep, in bounded time.
    fn create_queue(
        data: &Self::Data<'_>,
        file: &Self::File,
        setup: QueueSetup<'_, Self>,
    ) -> Result<Self::Queue, Refusal>;

    /// A queue has no job any more, and nobody can submit to it. May sleep, in bounded time.
    fn destroy_queue(_data: &Self::Data<'_>, _queue: &Self::Queue) {}

    /// Makes a job out of a payload. Everything that can be refused is refused here.
    ///
    /// `payload` is the kernel's own copy. `buffers` are those that the submission names, in its
    /// order, and perhaps more than once; they stay alive, at the same DMA addresses, until the job
    /// has ended.
    fn prepare(
        data: &Self::Data<'_>,
        file: &Self::File,
        queue: &Self::Queue,
        payload: KVVec<u8>,
        buffers: &[JobBuffer],
    ) -> Result<Self::Job, Refusal>;

    /// Puts the buffers of a prepared job in that it is to use now: they are in the order that
    /// [`Driver::prepare`] saw, may be others or elsewhere, and are at least as large, used in the same
    /// way, and visible to the device, if those were. Called before each run of such a job, also the
    /// first, with the locks of reservation objects; must not fail, allocate or wait.
    ///
    /// A driver without this has no prepared jobs; one whose jobs keep nothing of their buffers has
    /// nothing to do here.
    fn rebind(
        _data: &Self::Data<'_>,
        _queue: &Self::Queue,
        _job: &mut Self::Job,
        _buffers: &[JobBuffer],
    ) {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Puts a job on an engine that has a credit. Atomic context. An error ends the job with
    /// `ACCEL_FAULT_DEVICE`.
    ///
    /// Must not call [`Device::complete`] itself.
    fn start(
        data: &Self::Data<'_>,
        engine: usize,
        queue: &Self::Queue,
        job: &Self::Job,
    ) -> Result<Started>;

    /// Runs a job that [`Driver::start`] deferred; may sleep, must end by itself in bounded time.
    /// Others may wait for that in memory reclaim: no allocation that may sleep.
    fn run(
        _data: &Self::Data<'_>,
        _engine: usize,
        _queue: &Self::Queue,
        _job: &Self::Job,
    ) -> Outcome {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// An interrupt on line `line`. Hard interrupt context.
    fn interrupt(_data: &Self::Data<'_>, _device: &Device<Self>, _line: usize) -> IrqReturn {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Overwrites memory of a region that nobody uses any more, so that the next user finds zeroes:
    /// `range`, in bytes from the start of the region with index `region` in [`Setup`]. May sleep,
    /// must end by itself in bounded time. If it fails, nobody gets the memory any more.
    ///
    /// If it is missing, the CPU does it, and all of every region must be visible.
    fn scrub(_data: &Self::Data<'_>, _region: usize, _range: Range<u64>) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Looks at the running job when its time is over. Atomic context.
    fn progress(_data: &Self::Data<'_>, _engine: usize, _job: &Self::Job) -> Progress {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Takes a job off its engine, where it hangs, so that others in flight there go on, and the
    /// next one can be started; as [`Driver::reset`]. An error has the engine reset.
    fn abort(_data: &Self::Data<'_>, _engine: usize, _job: &Self::Job) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Stops whatever the engine does and makes it ready for the next job: nothing that was in
    /// flight reaches memory any more. May sleep, in bounded time, and not allocate, as
    /// [`Driver::run`]. An error has the device reset, or given up.
    fn reset(data: &Self::Data<'_>, engine: usize) -> Result;

    /// Resets all of the device and makes it ready for jobs again, as [`Driver::reset`] does an
    /// engine. Nothing is started meanwhile. What clients have outlives it: queues, address spaces,
    /// the memory of the device. A driver whose device cannot do that has no such function. It is
    /// tried some times if it fails.
    fn reset_device(_data: &Self::Data<'_>) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Writes what the device does: registers, queues, what its firmware said. Called before anything
    /// is done about a job that hangs, or a device that is not well; may sleep, in bounded time, and
    /// not allocate. At most 64 KiB are kept, with [`Driver::dump_job`].
    fn dump(_data: &Self::Data<'_>, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Writes what the job is that hangs on `engine`, and what that does; likewise, after
    /// [`Driver::dump`].
    fn dump_job(
        _data: &Self::Data<'_>,
        _engine: usize,
        _job: &Self::Job,
        _f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Looks whether all of the device answers that no job would show: its firmware, above all. Asked
    /// every [`Driver::WATCH_MS`]; may sleep, in bounded time, and not allocate.
    fn is_well(_data: &Self::Data<'_>) -> bool {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Brings back a device that is not well, while jobs run; as [`Driver::reset`]. An error has
    /// the device reset, or given up.
    fn revive(_data: &Self::Data<'_>) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Makes the device ready to lose its clock: it does nothing, is not touched, and knows all that it
    /// has been told when it is woken. No job is in flight, user queues are suspended, nothing is
    /// started, and of all others only [`Driver::interrupt`] is called meanwhile; as
    /// [`Driver::reset`]. An error has it stay awake, as it was.
    ///
    /// A device whose driver has no such function is reset when it wakes.
    fn suspend(_data: &Self::Data<'_>) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Wakes the device. No interrupt was handled since [`Driver::suspend`] returned: what they told of
    /// is to be looked for here. An error has the device reset, or given up.
    fn resume(_data: &Self::Data<'_>) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }

    /// Stops the device for good: no DMA and no interrupt after this, even if the device does not
    /// obey; may sleep, in bounded time. The device may be gone already.
    fn stop(data: &Self::Data<'_>);
}
