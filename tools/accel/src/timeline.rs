// SPDX-License-Identifier: GPL-2.0
//! Order work by points in time, with other drivers and with the CPU.
//!
//! A [`Timeline`] is a number that grows. Points are added in ascending order, by the CPU
//! ([`signal`]), by jobs ([`Submit::signal`](crate::Submit::signal)), of a fence of another driver
//! ([`Point::import`]) or of another point ([`Point::transfer`]), and the timeline has come to a point when this one and all before it are
//! done. Anybody can wait for a point, before it was added, too: [`wait_all`], [`wait_any`], or by an
//! eventfd ([`Point::notify`]).
//!
//! ```no_run
//! use accel::job::Deadline;
//! use accel::timeline;
//! use accel::timeline::Until;
//! # fn camera_fence() -> std::os::fd::OwnedFd { unimplemented!() }
//!
//! # fn main() -> accel::Result<()> {
//! # let device = accel::device::Node::new(0).open()?;
//! let frames = device.timeline(0)?;
//! frames.point(1).import(camera_fence())?;
//! timeline::wait_all(&[frames.point(1)], Until::Done, Deadline::NEVER)?;
//! # Ok(())
//! # }
//! ```

use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use accel_uapi::accel_point;
use rustix::io::Errno;

use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::handle::Handle;
use crate::job::Deadline;
use crate::sys;

/// A timeline of an open device. Clones are the same one, which ends with the last of them and of
/// its points.
#[derive(Clone, Debug)]
pub struct Timeline {
    handle: Arc<Handle>,
}

/// How far a timeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// This point and all before it are done.
    pub value: u64,
    /// This point and all before it are done, or will be, without anybody adding more.
    pub backed: u64,
    /// The last point that was added.
    pub last: u64,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The point, and all before it, are done.
    Done,
    /// It is known what brings them about: from then on [`Point::export`] works.
    Backed,
}

impl Until {
    fn flags(self) -> u32 {
        match self {
            Until::Done => 0,
            Until::Backed => accel_uapi::ACCEL_TIMELINE_BACKED,
        }
    }
}

/// A point of a timeline, whether it was added or not.
#[derive(Clone, Debug)]
pub struct Point {
    timeline: Timeline,
    value: u64,
}

fn handle(device: &Device, number: u32) -> Arc<Handle> {
    Handle::new(device, number, |device, number| {
        sys::timeline_close(device, number)
    })
}

impl Timeline {
    pub(crate) fn create(device: &Device, value: u64) -> Result<Self> {
        let number =
            sys::timeline_create(device, value).map_err(Error::in_call("create a timeline"))?;
        Ok(Timeline {
            handle: handle(device, number),
        })
    }

    /// A point of this timeline.
    pub fn point(&self, value: u64) -> Point {
        Point {
            timeline: self.clone(),
            value,
        }
    }

    /// How far it is.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Gone`.
    pub fn progress(&self) -> Result<Progress> {
        let raw = sys::timeline_query(self.device(), self.handle.number())
            .map_err(Error::in_call("ask about a timeline"))?;
        Ok(Progress {
            value: raw.value,
            backed: raw.backed,
            last: raw.last,
        })
    }

    pub(crate) fn device(&self) -> &Device {
        self.handle.device()
    }

    pub(crate) fn number(&self) -> u32 {
        self.handle.number()
    }
}

impl Point {
    /// The timeline.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The point.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// Add this point: it is done when `source` is, which must be backed.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignTimeline`]; [`Error::Call`]: `Invalid` if `source` is not backed, or a later
    /// point was added before; `Quota` too many are not done; `NoMemory`; `Gone`.
    pub fn transfer(&self, source: &Point) -> Result<()> {
        let device = device(&[self, source])?;
        sys::timeline_transfer(device, source.raw(), self.raw())
            .map_err(Error::in_call("transfer a point"))
    }

    /// Add this point: it is done when `sync_file` is signalled, which may be closed afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if it is no sync_file, or a later point was added before; `Quota`
    /// too many are not done; `NoMemory`; `Gone`.
    pub fn import(&self, sync_file: impl AsFd) -> Result<()> {
        sys::timeline_import(self.device(), self.raw(), sync_file.as_fd())
            .map_err(Error::in_call("import a sync_file"))
    }

    /// A sync_file that is signalled when this point is done, for other drivers and for poll(2).
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if the point is not backed; `NoMemory`; `Gone`; or no file
    /// descriptor is free.
    pub fn export(&self) -> Result<OwnedFd> {
        sys::timeline_export(self.device(), self.raw()).map_err(Error::in_call("export a point"))
    }

    /// Have 1 added to an eventfd, once, when this point is reached, or never will be as the device
    /// is gone or the timeline closed. `event` may be closed afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if it is no eventfd; `Quota` too many; `NoMemory`; `Gone`.
    pub fn notify(&self, until: Until, event: impl AsFd) -> Result<()> {
        sys::timeline_eventfd(self.device(), self.raw(), until.flags(), event.as_fd())
            .map_err(Error::in_call("be told about a point"))
    }

    fn device(&self) -> &Device {
        self.timeline.device()
    }

    pub(crate) fn raw(&self) -> accel_point {
        accel_point {
            handle: self.timeline.handle.number(),
            flags: 0,
            value: self.value,
        }
    }
}

/// Add points that are done, all of them or, if that fails, none.
///
/// # Errors
///
/// [`Error::ForeignTimeline`]; [`Error::Call`]: `Invalid` if there is none, or a later point was added
/// before one; `TooBig`; `Quota` too many are not done; `NoMemory`; `Gone`.
pub fn signal(points: &[Point]) -> Result<()> {
    let (device, raw) = named(points, "signal points")?;
    sys::timeline_signal(device, &raw).map_err(Error::in_call("signal points"))
}

/// Sleep until all of `points` are reached.
///
/// # Errors
///
/// [`Error::NotReached`] at the deadline; [`Error::ForeignTimeline`]; [`Error::Call`]: `Invalid` if
/// there is none; `TooBig`; `NoMemory`; `Gone`, at any time.
pub fn wait_all(points: &[Point], until: Until, deadline: Deadline) -> Result<()> {
    wait(
        points,
        until.flags() | accel_uapi::ACCEL_TIMELINE_ALL,
        deadline,
    )?;
    Ok(())
}

/// Sleep until one of `points` is reached, and say which.
///
/// # Errors
///
/// As [`wait_all`].
pub fn wait_any(points: &[Point], until: Until, deadline: Deadline) -> Result<usize> {
    let first = wait(points, until.flags(), deadline)?;
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    match first < points.len() {
        true => Ok(first),
        false => Err(Error::BadAnswer("a point that was not asked for")),
    }
}

fn wait(points: &[Point], flags: u32, deadline: Deadline) -> Result<u32> {
    let (device, raw) = named(points, "wait for points")?;
    sys::timeline_wait(device, &raw, flags, deadline.0).map_err(|errno| match errno {
        Errno::TIMEDOUT => Error::NotReached,
        errno => Error::in_call("wait for points")(errno),
    })
}

/// The device of all points, and what the kernel calls them.
fn named<'a>(points: &'a [Point], call: &'static str) -> Result<(&'a Device, Vec<accel_point>)> {
    if points.is_empty() {
        return Err(Error::in_call(call)(Errno::INVAL));
    }
    let references: Vec<_> = points.iter().collect();
    let raw = points.iter().map(Point::raw).collect();
    Ok((device(&references)?, raw))
}

/// The device that all points belong to; there is at least one.
fn device<'a>(points: &[&'a Point]) -> Result<&'a Device> {
    let device = points[0].device();
    let is_same = |point: &&Point| point.device().same_client(device);
    match points.iter().all(is_same) {
        true => Ok(device),
        false => Err(Error::ForeignTimeline),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn fake(number: u32) -> Timeline {
        let device = Device::open("/dev/null").unwrap();
        let handle = handle(&device, number);
        Timeline { handle }
    }

    #[test]
    fn points_are_named_as_the_kernel_wants_them() {
        let timeline = fake(7);
        let points = [timeline.point(3), timeline.clone().point(u64::MAX)];
        let (_, raw) = named(&points, "test").unwrap();
        let raw: Vec<_> = raw.iter().map(|p| (p.handle, p.flags, p.value)).collect();
        assert_eq!(raw, [(7, 0, 3), (7, 0, u64::MAX)]);
    }

    #[test]
    fn points_of_others_are_refused() {
        let points = [fake(7).point(1), fake(7).point(1)];
        assert_eq!(signal(&points), Err(Error::ForeignTimeline));
        assert_eq!(points[0].transfer(&points[1]), Err(Error::ForeignTimeline));
        let waited = wait_all(&points, Until::Done, Deadline::NEVER);
        assert_eq!(waited, Err(Error::ForeignTimeline));
    }

    #[test]
    fn no_points_are_invalid() {
        assert_eq!(signal(&[]).unwrap_err().cause(), Some(Cause::Invalid));
        let waited = wait_any(&[], Until::Backed, Deadline::OVER);
        assert_eq!(waited.unwrap_err().cause(), Some(Cause::Invalid));
    }

    #[test]
    fn a_file_that_is_no_device_is_told() {
        let error = signal(&[fake(1).point(1)]).unwrap_err();
        assert_eq!(error.cause(), Some(Cause::NoSuchCommand));
        let error = Device::open("/dev/null").unwrap().timeline(0).unwrap_err();
        assert_eq!(error.cause(), Some(Cause::NoSuchCommand));
    }
}
