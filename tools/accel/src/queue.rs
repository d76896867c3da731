// SPDX-License-Identifier: GPL-2.0
//! Rows of jobs: which engines they run on, how important they are, and where they see memory.
//!
//! Queue 0 is there when a device is opened, and [`Submit::new`](crate::Submit::new) uses it. More
//! queues let jobs pass each other; their jobs wait for each other only if points of timelines or shared
//! buffers say so.
//!
//! ```no_run
//! use accel::Submit;
//! use accel::queue::Options;
//! use accel::queue::Priority;
//!
//! # fn main() -> accel::Result<()> {
//! # let device = accel::device::Node::new(0).open()?;
//! let space = device.address_space()?;
//! let options = Options {
//!     engine: 1,
//!     priority: Priority::Low,
//!     ..Options::default()
//! };
//! let queue = device.context(Some(&space))?.queue(&options)?;
//! let job = Submit::to(&queue).submit()?;
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::time::Duration;

use accel_uapi::accel_queue_create;
use rustix::io::Errno;

use crate::address_space::AddressSpace;
use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::handle::Handle;
use crate::sys;

/// How much of the engines a queue gets, if others want them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Priority {
    /// An eighth of what others get.
    Low = accel_uapi::ACCEL_PRIORITY_LOW,
    /// As much as others.
    #[default]
    Normal = accel_uapi::ACCEL_PRIORITY_NORMAL,
    /// Four times as much.
    High = accel_uapi::ACCEL_PRIORITY_HIGH,
    /// What it wants, but for a twentieth of the time; needs CAP_SYS_NICE.
    Realtime = accel_uapi::ACCEL_PRIORITY_REALTIME,
}

/// What a queue is to be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Its jobs run on this one, an index in [`info`](crate::info), or on one next to it of the same kind.
    pub engine: u32,
    /// How important they are.
    pub priority: Priority,
    /// How long one may take: at most what the engine allows ([`info::Engine`](crate::info::Engine)),
    /// which is what `None` means.
    pub timeout: Option<Duration>,
    /// What the driver wants to know.
    pub payload: &'a [u8],
}

/// What queues have in common: where their jobs see memory. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Context {
    handle: Arc<Handle>,
}

impl Context {
    pub(crate) fn create(device: &Device, space: Option<&AddressSpace>) -> Result<Self> {
        if space.is_some_and(|space| !space.device().same_client(device)) {
            return Err(Error::ForeignAddressSpace);
        }
        let space = space.map_or(0, AddressSpace::number);
        let number =
            sys::context_create(device, space).map_err(Error::in_call("create a context"))?;
        Ok(Context {
            handle: Handle::new(device, number, |device, number| {
                sys::context_destroy(device, number)
            }),
        })
    }

    pub(crate) fn device(&self) -> &Device {
        self.handle.device()
    }

    pub(crate) fn number(&self) -> u32 {
        self.handle.number()
    }

    /// Make a queue.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] by the driver; [`Error::Call`]: `Invalid` no such engine, or it does not allow
    /// that much time; `Privilege` [`Priority::High`] or [`Priority::Realtime`] without CAP_SYS_NICE;
    /// `TooBig`; `Quota`; `NoDeviceMemory` the device has no room for more queues; `Failed` the device
    /// does not answer, or is isolated; `NoMemory`; `Gone`.
    pub fn queue(&self, options: &Options<'_>) -> Result<Queue> {
        let device = self.handle.device();
        let raw = accel_queue_create {
            context: self.handle.number(),
            engine: options.engine,
            priority: options.priority as u32,
            timeout_ns: options.timeout.map_or(0, nanoseconds),
            ..zerocopy::FromZeros::new_zeroed()
        };
        let (raw, result) = sys::queue_create(device, raw, options.payload);
        result.map_err(|errno| refusal(&raw, errno))?;
        Ok(Queue {
            handle: Handle::new(device, raw.handle, |device, number| {
                sys::queue_destroy(device, number)
            }),
        })
    }
}

/// At least one, as 0 has a meaning of its own.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn refusal(raw: &accel_queue_create, errno: Errno) -> Error {
    Error::in_payload("create a queue", errno, raw.refused_reason, raw.refused_at)
}

/// A queue of jobs. Clones are the same one; with the last of them, and of its
/// [`Job`](crate::Job)s, what waits in it is canceled.
#[derive(Clone, Debug)]
pub struct Queue {
    handle: Arc<Handle>,
}

impl Queue {
    pub(crate) fn device(&self) -> &Device {
        self.handle.device()
    }

    pub(crate) fn number(&self) -> u32 {
        self.handle.number()
    }
}
