// SPDX-License-Identifier: GPL-2.0
//! The ioctls as safe functions: the only place that passes pointers to the kernel.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use accel_uapi::accel_buffer_advise;
use accel_uapi::accel_buffer_close;
use accel_uapi::accel_buffer_create;
use accel_uapi::accel_buffer_export;
use accel_uapi::accel_buffer_import;
use accel_uapi::accel_buffer_info;
use accel_uapi::accel_buffer_label;
use accel_uapi::accel_context_create;
use accel_uapi::accel_context_destroy;
use accel_uapi::accel_event_filter;
use accel_uapi::accel_failure_eventfd;
use accel_uapi::accel_info;
use accel_uapi::accel_point;
use accel_uapi::accel_queue_create;
use accel_uapi::accel_queue_destroy;
use accel_uapi::accel_timeline_close;
use accel_uapi::accel_timeline_create;
use accel_uapi::accel_timeline_eventfd;
use accel_uapi::accel_timeline_export;
use accel_uapi::accel_timeline_import;
use accel_uapi::accel_timeline_query;
use accel_uapi::accel_timeline_signal;
use accel_uapi::accel_timeline_transfer;
use accel_uapi::accel_timeline_wait;
use accel_uapi::ioctl;
use rustix::io::Errno;
use rustix::ioctl::Ioctl;
use rustix::ioctl::IoctlOutput;
use rustix::ioctl::Opcode;
use rustix::ioctl::Updater;
use rustix::ioctl::opcode;
use zerocopy::FromZeros;

pub(crate) mod address_space;
pub(crate) mod job;
pub(crate) mod user_queue;

/// For how long to ask again for what can be had soon.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(1);

type Result<T> = std::result::Result<T, Errno>;

/// One ioctl, repeated from the same input while signals interrupt it. `argument` is what the kernel
/// left there, on failure too.
///
/// # Safety
///
/// As [`call_once`].
unsafe fn call<const OPCODE: Opcode, T: Copy>(fd: BorrowedFd<'_>, argument: &mut T) -> Result<()> {
    let input = *argument;
    loop {
        *argument = input;
        // SAFETY: by the contract of this function.
        match unsafe { call_once::<OPCODE, T>(fd, argument) } {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// As [`call`], and again while the kernel says that it can be done soon (memory is being overwritten, a
/// device or its firmware brought back): not for ever, as that may fail.
///
/// # Safety
///
/// As [`call_once`].
unsafe fn call_patiently<const OPCODE: Opcode, T: Copy>(
    fd: BorrowedFd<'_>,
    argument: &mut T,
) -> Result<()> {
    let (input, end) = (*argument, Instant::now() + PATIENCE);
    loop {
        *argument = input;
        // SAFETY: by the contract of this function.
        match unsafe { call::<OPCODE, T>(fd, argument) } {
            Err(Errno::AGAIN) if Instant::now() < end => thread::sleep(PAUSE),
            result => return result,
        }
    }
}

/// One ioctl. `argument` is what the kernel left there, on failure too.
///
/// # Safety
///
/// `OPCODE` must be a command that takes a `T`, and every pointer in `argument` must be valid for
/// what the command does with it.
unsafe fn call_once<const OPCODE: Opcode, T: Copy>(
    fd: BorrowedFd<'_>,
    argument: &mut T,
) -> Result<()> {
    // SAFETY: by the contract of this function.
    unsafe { rustix::ioctl::ioctl(fd, Updater::<OPCODE, T>::new(argument)) }
}

/// Ask for `kind`; the answer goes to `data`.
pub(crate) fn info(fd: impl AsFd, kind: u32, data: &mut [u8]) -> Result<accel_info> {
    let mut argument = accel_info {
        kind,
        size: length(data)?,
        data: data.as_mut_ptr().expose_provenance() as u64,
        flags: 0,
        version: 0,
        element_size: 0,
        reserved: 0,
    };
    // SAFETY: INFO takes an `accel_info` and writes at most `size` bytes at `data`.
    unsafe { call::<{ ioctl::INFO }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument)
}

/// Say which events a monitor reads.
pub(crate) fn event_filter(fd: impl AsFd, mut argument: accel_event_filter) -> Result<()> {
    // SAFETY: EVENT_FILTER takes an `accel_event_filter`, which has no pointers.
    unsafe { call::<{ ioctl::EVENT_FILTER }, _>(fd.as_fd(), &mut argument) }
}

/// Make a buffer.
pub(crate) fn buffer_create(fd: impl AsFd, argument: &mut accel_buffer_create) -> Result<()> {
    // SAFETY: BUFFER_CREATE takes an `accel_buffer_create`, which has no pointers.
    unsafe { call_patiently::<{ ioctl::BUFFER_CREATE }, _>(fd.as_fd(), argument) }
}

/// Give the handle of a buffer back.
pub(crate) fn buffer_close(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_buffer_close { handle, flags: 0 };
    // SAFETY: BUFFER_CLOSE takes an `accel_buffer_close`, which has no pointers.
    unsafe { call::<{ ioctl::BUFFER_CLOSE }, _>(fd.as_fd(), &mut argument) }
}

/// Ask about a buffer.
pub(crate) fn buffer_info(fd: impl AsFd, argument: &mut accel_buffer_info) -> Result<()> {
    // SAFETY: BUFFER_INFO takes an `accel_buffer_info`, which has no pointers.
    unsafe { call::<{ ioctl::BUFFER_INFO }, _>(fd.as_fd(), argument) }
}

/// Share a buffer as dma-buf.
pub(crate) fn buffer_export(fd: impl AsFd, handle: u32) -> Result<OwnedFd> {
    let mut argument = accel_buffer_export {
        handle,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: BUFFER_EXPORT takes an `accel_buffer_export`, which has no pointers; on success the kernel
    // left a new file descriptor in it, which nobody else knows.
    unsafe {
        call::<{ ioctl::BUFFER_EXPORT }, _>(fd.as_fd(), &mut argument)?;
        Ok(OwnedFd::from_raw_fd(argument.fd))
    }
}

/// Use the memory of a dma-buf.
pub(crate) fn buffer_import(fd: impl AsFd, argument: &mut accel_buffer_import) -> Result<()> {
    // SAFETY: BUFFER_IMPORT takes an `accel_buffer_import`, which has no pointers.
    unsafe { call::<{ ioctl::BUFFER_IMPORT }, _>(fd.as_fd(), argument) }
}

/// Name a buffer for people.
pub(crate) fn buffer_label(fd: impl AsFd, handle: u32, label: &str) -> Result<()> {
    let mut argument = accel_buffer_label {
        handle,
        ..FromZeros::new_zeroed()
    };
    // What does not fit leaves no room for the NUL, which the kernel refuses.
    for (to, from) in argument.label.iter_mut().zip(label.bytes()) {
        *to = from as _;
    }
    // SAFETY: BUFFER_LABEL takes an `accel_buffer_label`, which has no pointers.
    unsafe { call::<{ ioctl::BUFFER_LABEL }, _>(fd.as_fd(), &mut argument) }
}

/// Say whether a buffer is needed; returns whether its contents are there.
pub(crate) fn buffer_advise(fd: impl AsFd, handle: u32, advice: u32) -> Result<bool> {
    let mut argument = accel_buffer_advise {
        handle,
        advice,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: BUFFER_ADVISE takes an `accel_buffer_advise`, which has no pointers.
    unsafe { call::<{ ioctl::BUFFER_ADVISE }, _>(fd.as_fd(), &mut argument)? };
    Ok(argument.retained != 0)
}

/// Make a context with this address space, or 0.
pub(crate) fn context_create(fd: impl AsFd, address_space: u32) -> Result<u32> {
    let mut argument = accel_context_create {
        address_space,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: CONTEXT_CREATE takes an `accel_context_create`, which has no pointers.
    unsafe { call::<{ ioctl::CONTEXT_CREATE }, _>(fd.as_fd(), &mut argument)? };
    Ok(argument.handle)
}

/// Give the handle of a context back.
pub(crate) fn context_destroy(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_context_destroy { handle, flags: 0 };
    // SAFETY: CONTEXT_DESTROY takes an `accel_context_destroy`, which has no pointers.
    unsafe { call::<{ ioctl::CONTEXT_DESTROY }, _>(fd.as_fd(), &mut argument) }
}

/// Make a queue. What the kernel left is returned with failures too.
pub(crate) fn queue_create(
    fd: impl AsFd,
    mut argument: accel_queue_create,
    payload: &[u8],
) -> (accel_queue_create, Result<()>) {
    argument.payload = payload.as_ptr().expose_provenance() as u64;
    let result = length(payload).and_then(|size| {
        argument.payload_size = size;
        // SAFETY: QUEUE_CREATE takes an `accel_queue_create` and reads `payload_size` bytes at
        // `payload` before it returns.
        unsafe { call_patiently::<{ ioctl::QUEUE_CREATE }, _>(fd.as_fd(), &mut argument) }
    });
    (argument, result)
}

/// Give the handle of a queue back.
pub(crate) fn queue_destroy(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_queue_destroy { handle, flags: 0 };
    // SAFETY: QUEUE_DESTROY takes an `accel_queue_destroy`, which has no pointers.
    unsafe { call::<{ ioctl::QUEUE_DESTROY }, _>(fd.as_fd(), &mut argument) }
}

/// Make a dma-buf of the first `size` bytes of a sealed memfd.
pub(crate) fn udmabuf_create(driver: impl AsFd, memory: impl AsFd, size: u64) -> Result<OwnedFd> {
    let create = UdmabufCreate {
        memory: memory.as_fd().as_raw_fd() as u32,
        flags: UDMABUF_FLAGS_CLOEXEC,
        offset: 0,
        size,
    };
    // SAFETY: `UdmabufCreate` describes its command.
    unsafe { rustix::ioctl::ioctl(driver, create) }
}

/// UDMABUF_CREATE and its argument (`linux/udmabuf.h`): it answers with a new file descriptor.
#[repr(C)]
struct UdmabufCreate {
    memory: u32,
    flags: u32,
    offset: u64,
    size: u64,
}

const UDMABUF_FLAGS_CLOEXEC: u32 = 1;

// SAFETY: The command reads an argument of this layout and returns a new file descriptor, which nobody
// else knows.
unsafe impl Ioctl for UdmabufCreate {
    type Output = OwnedFd;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        opcode::write::<Self>(b'u', 0x42)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }

    unsafe fn output_from_ptr(fd: IoctlOutput, _: *mut c_void) -> rustix::io::Result<OwnedFd> {
        // SAFETY: By the contract of this function the command has succeeded.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// Before the CPU writes to the memory of a dma-buf.
pub(crate) fn dma_buf_write_begin(buf: impl AsFd) -> Result<()> {
    dma_buf_sync(buf, DMA_BUF_SYNC_WRITE)
}

/// After it, before a device reads.
pub(crate) fn dma_buf_write_end(buf: impl AsFd) -> Result<()> {
    dma_buf_sync(buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END)
}

const DMA_BUF_SYNC_WRITE: u64 = 2;
const DMA_BUF_SYNC_END: u64 = 4;

/// DMA_BUF_IOCTL_SYNC (`linux/dma-buf.h`).
fn dma_buf_sync(buf: impl AsFd, mut flags: u64) -> Result<()> {
    const SYNC: Opcode = opcode::write::<u64>(b'b', 0);
    // SAFETY: DMA_BUF_IOCTL_SYNC takes a struct of 64 bits of flags.
    unsafe { call::<SYNC, _>(buf.as_fd(), &mut flags) }
}

/// Make a timeline that begins at `value`; returns its handle.
pub(crate) fn timeline_create(fd: impl AsFd, value: u64) -> Result<u32> {
    let mut argument = accel_timeline_create {
        value,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: TIMELINE_CREATE takes an `accel_timeline_create`, which has no pointers.
    unsafe { call::<{ ioctl::TIMELINE_CREATE }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument.handle)
}

/// Give the handle of a timeline back.
pub(crate) fn timeline_close(fd: impl AsFd, handle: u32) -> Result<()> {
    let mut argument = accel_timeline_close { handle, flags: 0 };
    // SAFETY: TIMELINE_CLOSE takes an `accel_timeline_close`, which has no pointers.
    unsafe { call::<{ ioctl::TIMELINE_CLOSE }, _>(fd.as_fd(), &mut argument) }
}

/// Add points that are done.
pub(crate) fn timeline_signal(fd: impl AsFd, points: &[accel_point]) -> Result<()> {
    let mut argument = accel_timeline_signal {
        points: points.as_ptr().expose_provenance() as u64,
        nr_points: length(points)?,
        flags: 0,
    };
    // SAFETY: TIMELINE_SIGNAL takes an `accel_timeline_signal` and reads `nr_points` elements at
    // `points`.
    unsafe { call::<{ ioctl::TIMELINE_SIGNAL }, _>(fd.as_fd(), &mut argument) }
}

/// Ask how far a timeline is.
pub(crate) fn timeline_query(fd: impl AsFd, handle: u32) -> Result<accel_timeline_query> {
    let mut argument = accel_timeline_query {
        handle,
        ..FromZeros::new_zeroed()
    };
    // SAFETY: TIMELINE_QUERY takes an `accel_timeline_query`, which has no pointers.
    unsafe { call::<{ ioctl::TIMELINE_QUERY }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument)
}

/// Wait for points; returns the index of the first one that was reached.
pub(crate) fn timeline_wait(
    fd: impl AsFd,
    points: &[accel_point],
    flags: u32,
    deadline_ns: i64,
) -> Result<u32> {
    let mut argument = accel_timeline_wait {
        points: points.as_ptr().expose_provenance() as u64,
        nr_points: length(points)?,
        flags,
        deadline_ns,
        first: 0,
        reserved: 0,
    };
    // SAFETY: TIMELINE_WAIT takes an `accel_timeline_wait` and reads `nr_points` elements at
    // `points`.
    unsafe { call::<{ ioctl::TIMELINE_WAIT }, _>(fd.as_fd(), &mut argument) }?;
    Ok(argument.first)
}

/// Make a point of a point.
pub(crate) fn timeline_transfer(
    fd: impl AsFd,
    source: accel_point,
    destination: accel_point,
) -> Result<()> {
    let mut argument = accel_timeline_transfer {
        source,
        destination,
        flags: 0,
        reserved: 0,
    };
    // SAFETY: TIMELINE_TRANSFER takes an `accel_timeline_transfer`, which has no pointers.
    unsafe { call::<{ ioctl::TIMELINE_TRANSFER }, _>(fd.as_fd(), &mut argument) }
}

/// Make a sync_file of a point.
pub(crate) fn timeline_export(fd: impl AsFd, point: accel_point) -> Result<OwnedFd> {
    let mut argument = accel_timeline_export {
        point,
        flags: 0,
        fd: -1,
    };
    // SAFETY: TIMELINE_EXPORT takes an `accel_timeline_export`, which has no pointers; on success the
    // kernel left a new file descriptor in it, which nobody else knows.
    unsafe {
        call::<{ ioctl::TIMELINE_EXPORT }, _>(fd.as_fd(), &mut argument)?;
        Ok(OwnedFd::from_raw_fd(argument.fd))
    }
}

/// Make a point of a sync_file.
pub(crate) fn timeline_import(
    fd: impl AsFd,
    point: accel_point,
    file: BorrowedFd<'_>,
) -> Result<()> {
    let mut argument = accel_timeline_import {
        point,
        flags: 0,
        fd: file.as_raw_fd(),
    };
    // SAFETY: TIMELINE_IMPORT takes an `accel_timeline_import`, which has no pointers.
    unsafe { call::<{ ioctl::TIMELINE_IMPORT }, _>(fd.as_fd(), &mut argument) }
}

/// Have an eventfd signalled when a point is reached.
pub(crate) fn timeline_eventfd(
    fd: impl AsFd,
    point: accel_point,
    flags: u32,
    event: BorrowedFd<'_>,
) -> Result<()> {
    let mut argument = accel_timeline_eventfd {
        point,
        flags,
        fd: event.as_raw_fd(),
    };
    // SAFETY: TIMELINE_EVENTFD takes an `accel_timeline_eventfd`, which has no pointers.
    unsafe { call::<{ ioctl::TIMELINE_EVENTFD }, _>(fd.as_fd(), &mut argument) }
}

/// Have an eventfd signalled when something of the file fails.
pub(crate) fn failure_eventfd(fd: impl AsFd, event: Option<BorrowedFd<'_>>) -> Result<()> {
    let mut argument = accel_failure_eventfd {
        fd: event.map_or(-1, |event| event.as_raw_fd()),
        flags: 0,
    };
    // SAFETY: FAILURE_EVENTFD takes an `accel_failure_eventfd`, which has no pointers.
    unsafe { call::<{ ioctl::FAILURE_EVENTFD }, _>(fd.as_fd(), &mut argument) }
}

/// The length of a slice as the kernel wants it; too long a one is what the kernel would call it.
fn length<T>(slice: &[T]) -> Result<u32> {
    u32::try_from(slice.len()).map_err(|_| Errno::TOOBIG)
}
