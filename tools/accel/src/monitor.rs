// SPDX-License-Identifier: GPL-2.0
//! Watch a device without disturbing it.

use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use accel_uapi::accel_event;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::fs::OFlags;
use rustix::io::Errno;
use zerocopy::FromZeros;
use zerocopy::IntoBytes;

use crate::device::open;
use crate::error::Error;
use crate::error::Result;
use crate::event::Event;
use crate::event::Filter;
use crate::info::Info;
use crate::sys;

/// What a monitor saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The health changed since this monitor last read [`info::Status`](crate::info::Status).
    Health,
    /// The device is gone.
    Gone,
}

/// A device open for watching: [`Info`] works even while the device is in reset or
/// held by an exclusive client.
#[derive(Debug)]
pub struct Monitor {
    file: OwnedFd,
}

impl Monitor {
    /// Open a monitor node by path; see [`Node::open_monitor`](crate::device::Node::open_monitor).
    ///
    /// # Errors
    ///
    /// [`Error::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Monitor {
            file: open(path.as_ref(), OFlags::RDONLY)?,
        })
    }

    /// Say which events are read from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] with [`Cause::Gone`](crate::error::Cause::Gone) if the device is gone.
    pub fn filter(&self, filter: Filter) -> Result<()> {
        sys::event_filter(self.as_fd(), filter.raw()).map_err(Error::in_call("filter events"))
    }

    /// Read the next event; sleeps until there is one. The first one is the oldest that the kernel
    /// keeps. `Ok(None)` if the device is gone, and all was read.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn next_event(&self) -> Result<Option<Event>> {
        let mut raw = accel_event::new_zeroed();
        loop {
            match rustix::io::read(&self.file, raw.as_mut_bytes()) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(raw.into())),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::in_call("read an event")(errno)),
            }
        }
    }

    /// Read the next event if there is one now.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn pending_event(&self) -> Result<Option<Event>> {
        let now = Timespec::default();
        let mut files = [PollFd::new(&self.file, PollFlags::IN)];
        match rustix::io::retry_on_intr(|| poll(&mut files, Some(&now))) {
            Err(errno) => Err(Error::in_call("look for an event")(errno)),
            Ok(0) => Ok(None),
            Ok(_) => self.next_event(),
        }
    }

    /// Read events as they come, until the device is gone.
    pub fn events(&self) -> impl Iterator<Item = Result<Event>> + '_ {
        std::iter::from_fn(|| self.next_event().transpose())
    }

    /// Sleep until the device changes, at most `timeout` (`None`: for ever). `Ok(None)` if the time
    /// is over. [`Change::Health`] is reported until [`info::Status`](crate::info::Status) is read.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if the kernel is out of memory.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<Change>> {
        // An end beyond what a clock can hold is no end.
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut files = [PollFd::new(&self.file, PollFlags::PRI)];
            match poll(&mut files, left.as_ref()) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::in_call("wait for a change of the device")(errno)),
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(change(files[0].revents()))),
            }
        }
    }
}

fn change(events: PollFlags) -> Change {
    if events.intersects(PollFlags::HUP | PollFlags::ERR) {
        Change::Gone
    } else {
        Change::Health
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Info for Monitor {}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_device_that_is_gone_is_not_also_changed() {
        assert_eq!(change(PollFlags::PRI), Change::Health);
        assert_eq!(
            change(PollFlags::PRI | PollFlags::HUP | PollFlags::ERR),
            Change::Gone
        );
    }

    #[test]
    fn nobody_waits_for_an_event_that_is_pending() {
        let (ours, other) = UnixStream::pair().unwrap();
        let monitor = Monitor { file: ours.into() };
        assert_eq!(monitor.pending_event(), Ok(None));
        let raw = accel_event {
            sequence: 3,
            ..accel_event::new_zeroed()
        };
        rustix::io::write(&other, raw.as_bytes()).unwrap();
        assert_eq!(monitor.pending_event().unwrap().unwrap().sequence, 3);
        drop(other);
        assert_eq!(monitor.pending_event(), Ok(None));
    }

    #[test]
    fn wait_ends_with_its_timeout_and_sees_the_end() {
        let (ours, other) = UnixStream::pair().unwrap();
        let monitor = Monitor { file: ours.into() };
        assert_eq!(monitor.wait(Some(Duration::from_millis(10))), Ok(None));
        drop(other);
        assert_eq!(monitor.wait(None), Ok(Some(Change::Gone)));
    }
}
