// SPDX-License-Identifier: GPL-2.0
//! Find the devices and open one for computing.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::address_space::AddressSpace;
use crate::buffer::Buffer;
use crate::buffer::Place;
use crate::buffer::Placement;
use crate::error::Error;
use crate::error::Result;
use crate::info::Info;
use crate::monitor::Monitor;
use crate::queue::Context;
use crate::sys;
use crate::timeline::Timeline;

const CLASS: &str = "/sys/class/accel";

/// The two nodes of one device, not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    index: u32,
}

impl Node {
    /// The nodes with number `index`, whether they exist or not.
    pub const fn new(index: u32) -> Self {
        Node { index }
    }

    /// N of `/dev/accel/accelN` and `/dev/accel/monitorN`.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Path of the compute node.
    pub fn path(self) -> PathBuf {
        format!("/dev/accel/accel{}", self.index).into()
    }

    /// Path of the monitor node.
    pub fn monitor_path(self) -> PathBuf {
        format!("/dev/accel/monitor{}", self.index).into()
    }

    /// Open the device for computing.
    ///
    /// # Errors
    ///
    /// [`Error::Open`]: `Busy` if the device takes one client and has one; `Resetting`; `Gone`;
    /// `NotFound`; `Access`.
    pub fn open(self) -> Result<Device> {
        Device::open(self.path())
    }

    /// Open the device for watching.
    ///
    /// # Errors
    ///
    /// [`Error::Open`]: `Gone`, `NotFound`, `Access`.
    pub fn open_monitor(self) -> Result<Monitor> {
        Monitor::open(self.monitor_path())
    }

    /// Reset all of the device, also if it is wedged; returns when that is over. Jobs in flight end
    /// with [`Cause::LostToReset`](crate::error::Cause::LostToReset) or are started again.
    ///
    /// # Errors
    ///
    /// [`Error::Open`]: `NotFound`, `Access`. [`Error::Call`]: `Privilege` without CAP_SYS_ADMIN;
    /// `Failed` if the reset did not help: the device is wedged then; `Gone`.
    pub fn reset(self) -> Result<()> {
        let file = open(&self.attribute("reset"), OFlags::WRONLY)?;
        // Not repeated when a signal comes: it may have been reset by then.
        let written = rustix::io::write(file, b"1");
        written
            .map(drop)
            .map_err(Error::in_call("reset the device"))
    }

    fn attribute(self, name: &str) -> PathBuf {
        Path::new(CLASS)
            .join(format!("accel{}", self.index))
            .join(name)
    }
}

/// The devices of this system in the order of their numbers; none if the kernel has no such class.
///
/// # Errors
///
/// [`Error::Open`] if the class cannot be read.
pub fn nodes() -> Result<Vec<Node>> {
    nodes_in(Path::new(CLASS))
}

fn nodes_in(class: &Path) -> Result<Vec<Node>> {
    let failed =
        |error: io::Error| Error::in_file(class)(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    let entries = match fs::read_dir(class) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut nodes = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let index = name
            .to_str()
            .and_then(|name| name.strip_prefix("accel")?.parse().ok());
        nodes.extend(index.map(Node::new));
    }
    nodes.sort();
    Ok(nodes)
}

/// A device open for computing. Clones are the same client: they share buffers and jobs.
#[derive(Clone, Debug)]
pub struct Device {
    file: Arc<OwnedFd>,
}

impl Device {
    /// Open a compute node by path; see [`Node::open`].
    ///
    /// # Errors
    ///
    /// As [`Node::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Device {
            file: Arc::new(open(path.as_ref(), OFlags::RDWR)?),
        })
    }

    /// Make a zeroed buffer of at least `size` bytes; see [`Buffer`].
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if `size` is 0 or too large; `Unsupported` if the device does not
    /// have the placement; `NoMemory`; `Gone`.
    pub fn buffer(&self, size: u64, placement: Placement) -> Result<Buffer> {
        Buffer::create(self, size, placement)
    }

    /// Make a zeroed buffer of at least `size` bytes in memory of the device.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if `size` is 0 or too large, or there is no such region;
    /// `Unsupported` if the device has no memory, or none that is visible; `NoDeviceMemory`; `Resetting` while
    /// there is room, but it is being overwritten; `NoMemory`; `Gone`.
    pub fn buffer_in(&self, size: u64, place: Place) -> Result<Buffer> {
        Buffer::create_in(self, size, place)
    }

    /// Use the memory of a dma-buf, of this or any other driver, as a buffer. `buf` may be closed
    /// afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if it is no dma-buf; `Unsupported` if the device cannot reach it;
    /// `NoMemory`; `Gone`.
    pub fn import(&self, buf: impl AsFd) -> Result<Buffer> {
        Buffer::import(self, buf.as_fd())
    }

    /// Make a timeline that begins at `value`; see [`Timeline`].
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Quota`, `NoMemory`, `Gone`.
    pub fn timeline(&self, value: u64) -> Result<Timeline> {
        Timeline::create(self, value)
    }

    /// Make an address space; see [`AddressSpace`].
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Unsupported` if the device has no MMU; `NoDeviceMemory` for page tables;
    /// `Resetting` while there is some, but it is being overwritten; `Quota`, `NoMemory`, `Gone`.
    pub fn address_space(&self) -> Result<AddressSpace> {
        AddressSpace::create(self, 0)
    }

    /// Make an empty address space whose work can be suspended at any moment: it has user queues only,
    /// and memory of the program itself can be mapped there ([`AddressSpace::map_user`]).
    ///
    /// # Errors
    ///
    /// As [`Device::address_space`], and `Unsupported` if the device has no user queues.
    pub fn preemptible_address_space(&self) -> Result<AddressSpace> {
        AddressSpace::create(self, accel_uapi::ACCEL_ADDRESS_SPACE_PREEMPTIBLE)
    }

    /// Make a context, whose jobs see memory in `space`, if the device has an MMU; see [`Context`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignAddressSpace`]; [`Error::Call`]: `Quota`, `Failed` the device is isolated, `NoMemory`,
    /// `Gone`.
    pub fn context(&self, space: Option<&AddressSpace>) -> Result<Context> {
        Context::create(self, space)
    }

    /// Have an eventfd grow by 1 with each job, and each user queue, of this file that fails from now on;
    /// `None`: no eventfd any more. There is one; another one takes its place.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: `Invalid` if it is no eventfd; `Gone`.
    pub fn failure_eventfd(&self, event: Option<BorrowedFd<'_>>) -> Result<()> {
        sys::failure_eventfd(&self.file, event)
            .map_err(Error::in_call("have an eventfd for failures"))
    }

    /// Whether both are the same open file.
    pub(crate) fn same_client(&self, other: &Device) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Info for Device {}

/// Open a node for `access`.
pub(crate) fn open(path: &Path, access: OFlags) -> Result<OwnedFd> {
    let open = || rustix::fs::open(path, access | OFlags::CLOEXEC, Mode::empty());
    rustix::io::retry_on_intr(open).map_err(Error::in_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    #[test]
    fn nodes_are_sorted_and_others_skipped() {
        let class = tempfile::tempdir().unwrap();
        for name in [
            "accel10",
            "accel2",
            "accel0",
            "accelerated",
            "monitor3",
            "accel-1",
        ] {
            fs::create_dir(class.path().join(name)).unwrap();
        }
        let nodes = nodes_in(class.path()).unwrap();
        assert_eq!(nodes, [0, 2, 10].map(Node::new));
        assert_eq!(nodes[2].monitor_path(), Path::new("/dev/accel/monitor10"));
    }

    #[test]
    fn no_class_is_no_device() {
        assert_eq!(nodes_in(Path::new("/nonexistent/class")), Ok(Vec::new()));
    }

    #[test]
    fn open_says_which_file() {
        let error = Device::open("/nonexistent/accel0").unwrap_err();
        assert_eq!(
            error,
            Error::Open {
                path: "/nonexistent/accel0".into(),
                cause: Cause::NotFound
            }
        );
    }
}
