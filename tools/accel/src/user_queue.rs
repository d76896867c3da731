// SPDX-License-Identifier: GPL-2.0
//! Queues that the device reads from the program's memory: work without system calls.
//!
//! What the memory of such a queue looks like, and what to ring it with, is the driver's matter.
//!
//! ```no_run
//! use accel::job::Deadline;
//! use accel::queue::Priority;
//! use accel::timeline;
//! use accel::timeline::Until;
//! # fn where_its_memory_is() -> Vec<u8> { Vec::new() }
//!
//! # fn main() -> accel::Result<()> {
//! # let device = accel::device::Node::new(0).open()?;
//! let space = device.address_space()?;
//! let ended = device.timeline(0)?;
//! let context = device.context(Some(&space))?;
//! let mut queue = context.user_queue(0, Priority::Normal, Some(&ended), &where_its_memory_is())?;
//! // ... write commands ...
//! queue.ring(3)?;
//! timeline::wait_all(&[ended.point(3)], Until::Done, Deadline::NEVER)?;
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::atomic::fence;

use accel_uapi::accel_user_queue_create;
use rustix::io::Errno;

use crate::error::Error;
use crate::error::Result;
use crate::handle::Handle;
use crate::job::Fault;
use crate::mapping::Mapping;
use crate::queue::Context;
use crate::queue::Priority;
use crate::sys::user_queue as sys;
use crate::timeline::Timeline;

/// How a user queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it is told to.
    Active,
    /// It has stopped for good.
    Failed {
        /// Why.
        fault: Fault,
        /// Where, 0 if that is unknown.
        address: u64,
    },
}

/// A user queue. What it has not done when this is dropped is not done, and the device does not touch
/// its memory after that.
#[derive(Debug)]
pub struct UserQueue {
    queue: Arc<Handle>,
    doorbell: Doorbell,
    _doorbell: Arc<Handle>,
}

/// What a device is told of new commands by: memory of its own, a page for each user queue.
#[derive(Debug)]
pub struct Doorbell(Mapping);

impl From<Mapping> for Doorbell {
    fn from(page: Mapping) -> Self {
        Doorbell(page)
    }
}

impl Doorbell {
    /// As [`UserQueue::ring`].
    ///
    /// # Errors
    ///
    /// As [`UserQueue::ring`].
    pub fn ring(&mut self, value: u64) -> Result<()> {
        fence(Ordering::SeqCst);
        self.0.store(0, [value])
    }
}

impl Context {
    /// Make a user queue that `engine`, an index in [`info`](crate::info), serves. `timeline`, which must
    /// be at 0, tells how far it is; `payload` is what the driver wants to know.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] by the driver; [`Error::Call`]: `Unsupported` the device has no user queues;
    /// `Invalid` no such engine, no address space, a timeline that is not at 0; `Busy` the timeline is
    /// that of another queue; `Privilege` [`Priority::Realtime`] without CAP_SYS_NICE; `TooBig`; `Quota`;
    /// `NoDeviceMemory` all doorbells are taken; `Failed` the device does not answer; `NoMemory`; `Gone`.
    pub fn user_queue(
        &self,
        engine: u32,
        priority: Priority,
        timeline: Option<&Timeline>,
        payload: &[u8],
    ) -> Result<UserQueue> {
        let device = self.device();
        let doorbell = sys::doorbell_create(device).map_err(Error::in_call("take a doorbell"))?;
        let handle = Handle::new(device, doorbell.handle, |device, number| {
            sys::doorbell_close(device, number)
        });
        let size = usize::try_from(doorbell.size)
            .map_err(|_| Error::BadAnswer("a doorbell of so many bytes"))?;
        let page = Mapping::new(device, doorbell.mmap_offset, size)?;
        let raw = accel_user_queue_create {
            context: self.number(),
            engine,
            priority: priority as u32,
            doorbell: doorbell.handle,
            timeline: timeline.map_or(0, Timeline::number),
            ..zerocopy::FromZeros::new_zeroed()
        };
        let (raw, result) = sys::user_queue_create(device, raw, payload);
        result.map_err(|errno| refusal(&raw, errno))?;
        let queue = Handle::new(device, raw.handle, |device, number| {
            sys::user_queue_destroy(device, number)
        });
        Ok(UserQueue {
            queue,
            doorbell: page.into(),
            _doorbell: handle,
        })
    }
}

fn refusal(raw: &accel_user_queue_create, errno: Errno) -> Error {
    Error::in_payload(
        "make a user queue",
        errno,
        raw.refused_reason,
        raw.refused_at,
    )
}

impl UserQueue {
    /// Tell the device what the driver says tells it of new commands. What was written to memory
    /// before is visible to it. When the device is gone, nothing happens.
    ///
    /// # Errors
    ///
    /// None in practice: [`Error::OutOfRange`] if the doorbell is smaller than 8 bytes.
    pub fn ring(&mut self, value: u64) -> Result<()> {
        self.doorbell.ring(value)
    }

    pub(crate) fn doorbell(&mut self) -> &mut Doorbell {
        &mut self.doorbell
    }

    /// Ask how it is.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Gone`.
    pub fn state(&self) -> Result<State> {
        let raw = sys::user_queue_query(self.queue.device(), self.queue.number())
            .map_err(Error::in_call("ask about a user queue"))?;
        Ok(match raw.state {
            accel_uapi::ACCEL_USER_QUEUE_ACTIVE => State::Active,
            _ => State::Failed {
                fault: Fault::from(raw.fault),
                address: raw.fault_address,
            },
        })
    }
}
