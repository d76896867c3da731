// SPDX-License-Identifier: GPL-2.0

//! The accelerator subsystem.
//!
//! A driver implements [`Driver`] and calls [`register`] at probe. The flows through this
//! crate, one file for each step:
//!
//! - ioctl: `file` -> `commands` (table) -> `ioctl` (copy, guard) -> `info` | `buffer` | `submit` | `wait` ->
//!   [`Driver`]
//! - buffer: `buffer` (create) -> `handles` -> mmap in `file`; DMA mappings in `memory`; the
//!   device's own memory: `device_memory` <- `region` -> `scrub`; given back: `purge`
//! - job: `submit` -> `submissions` (created; kept until its points are backed) -> `reservations`
//!   (whom it waits for) -> `job` (armed) -> `backlog` (until they have ended) -> `scheduler` (whose
//!   turn it is) -> `engine` (in flight; `recovery` if it hangs) -> `statuses` (status, fence)
//! - prepared job: `prepare` -> `prepared` (kept with its queue, lent to `submit`) <- `job` (ended)
//! - queue: `queue_ioctl` -> `context` (where jobs work) -> `open_queue` -> `queue` <- `share`
//! - user queue: `user_queue_ioctl` -> `context` -> `user_queue` -> [`UserQueues`]; what happens to it:
//!   driver -> `queue_events` -> `timeline`
//! - address space: `address_space_ioctl` -> `address_spaces` (handles) -> `address_space` (change)
//!   -> `page_tree` (tables in device memory) -> [`Mmu`] (entries, flush); `mapped_objects` (parts of
//!   buffers)
//! - doorbell: `doorbell_ioctl` -> `doorbell` -> `objects` (handles) -> mmap in `file`
//! - timeline: `timeline_ioctl` | `timeline_wait` -> `timelines` (handles) -> `timeline` (points,
//!   fences) -> `watchers`
//! - health: `watch` | `worker` -> `timeout` | `sysfs` -> `recovery` (steps; `conduct` of who hangs, `dump`)
//!   -> [`Driver`] -> `health`
//! - events: `recovery`, `job`, `queue_events`, driver -> `events` -> `monitor`; failures of its own: `alarm`
//! - telemetry: driver -> `telemetry` (tables); these, `health`, `clients`, `client_list`, `engine_time`,
//!   `user_time`, `usage` -> `info` -> nodes; `telemetry` -> hwmon; `fdinfo`, `sysfs`, `debugfs` <-
//!   `buffer_list`; what happens to jobs: `trace`
//!
//! See `Documentation/architecture.rst`.

#![deny(unsafe_code)]

mod abi;
mod address_space;
mod address_space_ioctl;
mod address_space_mirror;
mod address_space_state;
mod address_spaces;
mod alarm;
mod answer;
mod backlog;
mod buffer;
mod buffer_ioctl;
mod buffer_list;
mod client_list;
mod clients;
mod commands;
mod conduct;
mod context;
mod debugfs;
mod device;
mod device_memory;
mod dma_buf;
mod done;
mod doorbell;
mod doorbell_ioctl;
mod driver;
mod dump;
mod engine;
mod engine_time;
mod error_limits;
mod events;
mod fdinfo;
mod file;
mod handles;
mod health;
mod identity;
mod info;
mod ioctl;
mod isolation;
mod job;
mod label;
mod lock_class;
mod logic;
mod look;
mod mapped_objects;
mod memory;
mod mmap_offset;
mod mmu;
mod monitor;
mod objects;
mod open_queue;
mod owner;
mod page_tree;
mod pci_driver;
mod per_engine;
mod placement;
mod power;
mod preemption;
mod prepare;
mod prepared;
mod purge;
mod queue;
mod queue_events;
mod queue_ioctl;
mod recovery;
mod region;
mod registration;
mod reservations;
mod scheduler;
mod scheduler_state;
mod scrub;
mod settling;
mod share;
mod statuses;
mod submissions;
mod submit;
mod submit_points;
mod sysfs;
mod table;
mod telemetry;
mod timeline;
mod timeline_ioctl;
mod timeline_point;
mod timeline_tests;
mod timeline_wait;
mod timelines;
mod timeout;
mod trace;
mod usage;
mod user_queue;
mod user_queue_ioctl;
mod user_time;
mod viewer;
mod wait;
mod watch;
mod watchers;
mod worker;

#[doc(hidden)]
pub use crate::ioctl::{
    call_driver,
    row, //
};
pub use crate::{
    address_space::{
        AddressSpace,
        InStep, //
    },
    answer::Answer,
    buffer::Buffer,
    debugfs::File as DebugfsFile,
    device::Device,
    device_memory::DeviceMemory,
    doorbell::{
        Doorbell,
        DoorbellInfo, //
    },
    driver::{
        Driver,
        EngineInfo,
        EngineKind,
        Progress,
        QueueSetup,
        Setup,
        Started, //
    },
    engine::InFlight,
    events::Event,
    info::{
        DriverFill,
        Kind as InfoKind, //
    },
    ioctl::{
        DriverCall,
        Handler,
        Ioctl, //
    },
    job::{
        Access,
        Fault,
        FaultKind,
        JobBuffer,
        Outcome,
        Refusal, //
    },
    label::Label,
    logic::schedule::Priority,
    mmu::{
        Level,
        Mmu,
        MmuInfo,
        NoMmu,
        PageEntry,
        PageTarget, //
    },
    placement::Placement,
    queue_events::QueueEvents,
    region::{
        RegionInfo,
        Visible, //
    },
    registration::register,
    sysfs::{
        Attribute,
        EngineAttribute, //
    },
    telemetry::{
        Block,
        BlockKind,
        Errors,
        Firmware,
        FirmwareState,
        Link,
        LinkCounters,
        LinkState,
        LinkStatus,
        Peer,
        ReadRows,
        Reason,
        ReasonKind,
        Row,
        RowCause,
        RowState,
        Rows,
        Sensor,
        SensorKind,
        Telemetry, //
    },
    user_queue::{
        NoUserQueues,
        UserQueueSetup,
        UserQueues, //
    },
};
pub use kernel_ext::{
    aperture::{
        Aperture,
        Caching, //
    },
    irq,
    sysfs::Page, //
};

use kernel::{
    debugfs::Dir,
    prelude::*, //
};
use kernel_ext::{
    chrdev,
    ida,
    module_static::{
        Keeper,
        ModuleStatic, //
    },
    workqueue::OwnedQueue, //
};

#[allow(unsafe_code)]
pub mod uapi;

/// How many devices there can be at once.
const MAX_DEVICES: u32 = 4096;

/// Version of the subsystem, major << 16 | minor.
const VERSION: u32 = 1;

static COMPUTE: chrdev::Class = chrdev::Class::new(c"accel", c"accel/%s", 0, MAX_DEVICES);
static MONITOR: chrdev::Class =
    chrdev::Class::new(c"accel_monitor", c"accel/%s", 0o444, MAX_DEVICES);
static INDICES: ida::Ida = ida::Ida::new();
static WORKQUEUE: ModuleStatic<OwnedQueue> = ModuleStatic::new();
static DEBUGFS: ModuleStatic<Dir> = ModuleStatic::new();

/// Returns this module. Never inlined: in the code of a driver the symbol is the driver's module.
#[inline(never)]
pub(crate) fn this_module() -> &'static ThisModule {
    kernel::module::this_module::<LocalModule>()
}

/// The loaded module. Fields are dropped in order.
struct Module {
    _debugfs: Keeper<Dir>,
    _purger: Keeper<purge::Purger>,
    _workqueue: Keeper<OwnedQueue>,
    _monitor: chrdev::ClassRegistration,
    _compute: chrdev::ClassRegistration,
}

#[allow(unsafe_code)]
impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: This runs once, and what it returns is dropped at exit, when no driver is left.
        unsafe {
            INDICES.init();
            Ok(Self {
                _compute: COMPUTE.register()?,
                _monitor: MONITOR.register()?,
                _workqueue: WORKQUEUE.set(OwnedQueue::new(c"accel")?)?,
                _purger: purge::PURGER.set(purge::Purger::new()?)?,
                _debugfs: DEBUGFS.set(Dir::new(c"accel_core"))?,
            })
        }
    }
}

module! {
    type: Module,
    name: "accel_core",
    authors: ["The accel developers"],
    description: "Compute accelerator subsystem",
    license: "GPL",
}
