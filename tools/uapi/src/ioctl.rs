// SPDX-License-Identifier: GPL-2.0
//! The ioctl numbers of `uapi/accel/accel.h`.

use rustix::ioctl::Opcode;
use rustix::ioctl::opcode;

use crate::ACCEL_IOCTL_TYPE;
use crate::accel_buffer_close;
use crate::accel_buffer_create;
use crate::accel_buffer_export;
use crate::accel_buffer_import;
use crate::accel_buffer_info;
use crate::accel_info;
use crate::accel_submit;
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

/// ACCEL_IOCTL_BUFFER_EXPORT.
pub const BUFFER_EXPORT: Opcode = opcode::read_write::<accel_buffer_export>(TYPE, 0x0b);

/// ACCEL_IOCTL_BUFFER_IMPORT.
pub const BUFFER_IMPORT: Opcode = opcode::read_write::<accel_buffer_import>(TYPE, 0x0c);

/// Queue a job.
pub const SUBMIT: Opcode = opcode::read_write::<accel_submit>(TYPE, 0x10);

/// Wait for a job to end.
pub const WAIT: Opcode = opcode::read_write::<accel_wait>(TYPE, 0x11);
