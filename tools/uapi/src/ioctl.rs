// SPDX-License-Identifier: GPL-2.0
//! The ioctl numbers of `uapi/accel/accel.h`.

use rustix::ioctl::Opcode;
use rustix::ioctl::opcode;

use crate::ACCEL_IOCTL_TYPE;
use crate::accel_address_space_create;
use crate::accel_address_space_destroy;
use crate::accel_address_space_map;
use crate::accel_address_space_protect;
use crate::accel_address_space_unmap;
use crate::accel_buffer_advise;
use crate::accel_buffer_close;
use crate::accel_buffer_create;
use crate::accel_buffer_export;
use crate::accel_buffer_import;
use crate::accel_buffer_info;
use crate::accel_buffer_label;
use crate::accel_buffer_pin;
use crate::accel_buffer_sync;
use crate::accel_context_create;
use crate::accel_context_destroy;
use crate::accel_doorbell_close;
use crate::accel_doorbell_create;
use crate::accel_event_filter;
use crate::accel_failure_eventfd;
use crate::accel_info;
use crate::accel_job_prepare;
use crate::accel_job_release;
use crate::accel_queue_create;
use crate::accel_queue_destroy;
use crate::accel_submit;
use crate::accel_timeline_close;
use crate::accel_timeline_create;
use crate::accel_timeline_eventfd;
use crate::accel_timeline_export;
use crate::accel_timeline_import;
use crate::accel_timeline_query;
use crate::accel_timeline_signal;
use crate::accel_timeline_transfer;
use crate::accel_timeline_wait;
use crate::accel_user_queue_create;
use crate::accel_user_queue_destroy;
use crate::accel_user_queue_query;
use crate::accel_wait;

const TYPE: u8 = ACCEL_IOCTL_TYPE as u8;

/// Ask about the device.
pub const INFO: Opcode = opcode::read_write::<accel_info>(TYPE, 0x00);

/// Make a buffer.
pub const BUFFER_CREATE: Opcode = opcode::read_write::<accel_buffer_create>(TYPE, 0x08);

/// Give the handle of a buffer back.
pub const BUFFER_CLOSE: Opcode = opcode::write::<accel_buffer_close>(TYPE, 0x09);

/// Ask about a buffer.
pub const BUFFER_INFO: Opcode = opcode::read_write::<accel_buffer_info>(TYPE, 0x0a);

/// Share a buffer as dma-buf.
pub const BUFFER_EXPORT: Opcode = opcode::read_write::<accel_buffer_export>(TYPE, 0x0b);

/// Use the memory of a dma-buf.
pub const BUFFER_IMPORT: Opcode = opcode::read_write::<accel_buffer_import>(TYPE, 0x0c);

/// Use memory of the program.
pub const BUFFER_PIN: Opcode = opcode::read_write::<accel_buffer_pin>(TYPE, 0x0d);

/// Frame what the CPU does.
pub const BUFFER_SYNC: Opcode = opcode::write::<accel_buffer_sync>(TYPE, 0x0e);

/// Name a buffer for people.
pub const BUFFER_LABEL: Opcode = opcode::write::<accel_buffer_label>(TYPE, 0x0f);

/// Say whether a buffer is needed.
pub const BUFFER_ADVISE: Opcode = opcode::read_write::<accel_buffer_advise>(TYPE, 0x21);

/// Queue jobs.
pub const SUBMIT: Opcode = opcode::read_write::<accel_submit>(TYPE, 0x10);

/// Wait for a job to end.
pub const WAIT: Opcode = opcode::read_write::<accel_wait>(TYPE, 0x11);

/// Have a job checked.
pub const JOB_PREPARE: Opcode = opcode::read_write::<accel_job_prepare>(TYPE, 0x16);

/// Give a prepared job back.
pub const JOB_RELEASE: Opcode = opcode::write::<accel_job_release>(TYPE, 0x17);

/// Make a context.
pub const CONTEXT_CREATE: Opcode = opcode::read_write::<accel_context_create>(TYPE, 0x12);

/// Give the handle of a context back.
pub const CONTEXT_DESTROY: Opcode = opcode::write::<accel_context_destroy>(TYPE, 0x13);

/// Make a queue.
pub const QUEUE_CREATE: Opcode = opcode::read_write::<accel_queue_create>(TYPE, 0x14);

/// Give the handle of a queue back.
pub const QUEUE_DESTROY: Opcode = opcode::write::<accel_queue_destroy>(TYPE, 0x15);

/// Make a timeline.
pub const TIMELINE_CREATE: Opcode = opcode::read_write::<accel_timeline_create>(TYPE, 0x18);

/// Give the handle of a timeline back.
pub const TIMELINE_CLOSE: Opcode = opcode::write::<accel_timeline_close>(TYPE, 0x19);

/// Add points that are done.
pub const TIMELINE_SIGNAL: Opcode = opcode::write::<accel_timeline_signal>(TYPE, 0x1a);

/// Ask how far a timeline is.
pub const TIMELINE_QUERY: Opcode = opcode::read_write::<accel_timeline_query>(TYPE, 0x1b);

/// Wait for points.
pub const TIMELINE_WAIT: Opcode = opcode::read_write::<accel_timeline_wait>(TYPE, 0x1c);

/// Make a point of a point.
pub const TIMELINE_TRANSFER: Opcode = opcode::write::<accel_timeline_transfer>(TYPE, 0x1d);

/// Make a sync_file of a point.
pub const TIMELINE_EXPORT: Opcode = opcode::read_write::<accel_timeline_export>(TYPE, 0x1e);

/// Make a point of a sync_file.
pub const TIMELINE_IMPORT: Opcode = opcode::write::<accel_timeline_import>(TYPE, 0x1f);

/// Have an eventfd signalled when a point is reached.
pub const TIMELINE_EVENTFD: Opcode = opcode::write::<accel_timeline_eventfd>(TYPE, 0x20);

/// Make an address space.
pub const ADDRESS_SPACE_CREATE: Opcode =
    opcode::read_write::<accel_address_space_create>(TYPE, 0x28);

/// Give the handle of an address space back.
pub const ADDRESS_SPACE_DESTROY: Opcode = opcode::write::<accel_address_space_destroy>(TYPE, 0x29);

/// Map a part of a buffer.
pub const ADDRESS_SPACE_MAP: Opcode = opcode::read_write::<accel_address_space_map>(TYPE, 0x2a);

/// Unmap a range.
pub const ADDRESS_SPACE_UNMAP: Opcode = opcode::write::<accel_address_space_unmap>(TYPE, 0x2b);

/// Change what jobs may do in a range.
pub const ADDRESS_SPACE_PROTECT: Opcode = opcode::write::<accel_address_space_protect>(TYPE, 0x2c);

/// Take a doorbell.
pub const DOORBELL_CREATE: Opcode = opcode::read_write::<accel_doorbell_create>(TYPE, 0x30);

/// Give the handle of a doorbell back.
pub const DOORBELL_CLOSE: Opcode = opcode::write::<accel_doorbell_close>(TYPE, 0x31);

/// Make a user queue.
pub const USER_QUEUE_CREATE: Opcode = opcode::read_write::<accel_user_queue_create>(TYPE, 0x32);

/// Give a user queue back.
pub const USER_QUEUE_DESTROY: Opcode = opcode::write::<accel_user_queue_destroy>(TYPE, 0x33);

/// Ask how a user queue is.
pub const USER_QUEUE_QUERY: Opcode = opcode::read_write::<accel_user_queue_query>(TYPE, 0x34);

/// Be woken when something of this file fails.
pub const FAILURE_EVENTFD: Opcode = opcode::write::<accel_failure_eventfd>(TYPE, 0x38);

/// Say which events a monitor reads.
pub const EVENT_FILTER: Opcode = opcode::write::<accel_event_filter>(TYPE, 0xa0);
