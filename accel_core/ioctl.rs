// SPDX-License-Identifier: GPL-2.0

//! ioctls: the tables, and the one path that finds a command, copies its struct in, calls the
//! handler and copies the struct out.
//!
//! Handlers get typed structs and never see the user's pointer to them. They run outside the
//! liveness guard, so that user memory can be copied; whatever needs the device enters the guard
//! itself ([`Device::enter`]). Handlers of drivers run inside it.

use kernel::{
    ioctl::{
        _IOC_DIR,
        _IOC_NR,
        _IOC_SIZE,
        _IOC_TYPE, //
    },
    prelude::*, //
};
use kernel_ext::uaccess::{
    copy_struct_in,
    copy_struct_out, //
};

use crate::{
    device::Device,
    driver::Driver,
    uapi, //
};

/// The longest struct of a command, bytes.
const MAX_SIZE: usize = 128;

#[repr(align(8))]
struct Buffer([u8; MAX_SIZE]);

/// What identifies a command: its number without the size.
const fn key(cmd: u32) -> u32 {
    cmd & !(kernel::uapi::_IOC_SIZEMASK << kernel::uapi::_IOC_SIZESHIFT)
}

/// A command of a file `F`.
pub(crate) struct Row<F> {
    pub(crate) cmd: u32,
    /// The least size a caller's struct may have.
    pub(crate) min: usize,
    pub(crate) call: fn(&F, &mut [u8]) -> Result,
    /// Takes the effects back if the result cannot be copied out.
    pub(crate) undo: Option<fn(&F, &mut [u8])>,
    /// Copies the result out on failure too.
    pub(crate) out_on_error: bool,
}

/// A command of a driver; made by [`ioctls!`](crate::ioctls).
pub struct Ioctl<T: Driver> {
    cmd: u32,
    call: DriverCall<T>,
}

/// The handler of a driver's command, on bytes.
pub type DriverCall<T> = fn(&<T as Driver>::Data<'_>, &<T as Driver>::File, &mut [u8]) -> Result;

/// Declares the commands of a driver, inside its `impl Driver`:
///
/// ```ignore
/// accel::ioctls! {
///     (_IOWR, 0x40, uapi::accel_fake_echo, echo),
/// }
/// ```
///
/// Each is direction, number (0x40 to 0x9f), struct and handler
/// `fn(&Data<'_>, &File, &mut Struct) -> Result`. The handler runs inside the liveness guard.
#[macro_export]
macro_rules! ioctls {
    ($(($dir:ident, $nr:expr, $ty:ty, $handler:path)),* $(,)?) => {
        const IOCTLS: &'static [$crate::Ioctl<Self>] = &[$(
            $crate::row::<Self, $ty>(
                ::kernel::ioctl::$dir::<$ty>($crate::uapi::ACCEL_IOCTL_TYPE, $nr),
                |data, file, bytes| {
                    let args = <$ty as ::zerocopy::FromBytes>::mut_from_bytes(bytes)
                        .map_err(|_| ::kernel::error::code::EINVAL)?;
                    $handler(data, file, args)
                },
            )
        ),*];
    };
}

/// Checks a driver's command at compile time; for [`ioctls!`](crate::ioctls).
#[doc(hidden)]
pub const fn row<T: Driver, S>(cmd: u32, call: DriverCall<T>) -> Ioctl<T> {
    let nr = _IOC_NR(cmd);
    assert!(nr >= uapi::ACCEL_IOCTL_DRIVER_BASE && nr < uapi::ACCEL_IOCTL_DRIVER_END);
    check_struct::<S>();
    Ioctl { cmd, call }
}

/// Checks that `S` can be the struct of a command.
pub(crate) const fn check_struct<S>() {
    assert!(size_of::<S>() <= MAX_SIZE);
    assert!(size_of::<S>() % 8 == 0 && align_of::<S>() <= 8);
}

/// Makes a row of a core table: number, struct, last mandatory field, handler.
macro_rules! core_row {
    ($cmd:expr, $ty:ty, $last:ident, $handler:expr) => {
        $crate::ioctl::Row {
            cmd: {
                $crate::ioctl::check_struct::<$ty>();
                $cmd
            },
            min: ::core::mem::offset_of!($ty, $last)
                + $crate::ioctl::size_of_field(|s: &$ty| &s.$last),
            call: |file, bytes| {
                let args = <$ty as ::zerocopy::FromBytes>::mut_from_bytes(bytes)
                    .map_err(|_| ::kernel::error::code::EINVAL)?;
                $handler(file, args)
            },
            undo: None,
            out_on_error: false,
        }
    };
}
pub(crate) use core_row;

/// Returns the size of what `_field` returns a reference to.
pub(crate) const fn size_of_field<S, F>(_field: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// Runs command `cmd` of `file` if `table` or the driver has it.
pub(crate) fn dispatch<T: Driver, F>(
    device: &Device<T>,
    file: &F,
    driver_file: Option<&T::File>,
    table: &[Row<F>],
    cmd: u32,
    arg: usize,
) -> Result<isize> {
    if !device.cell.is_alive() {
        return Err(ENODEV);
    }
    if let Some(row) = table.iter().find(|row| key(row.cmd) == key(cmd)) {
        let call = &mut |bytes: &mut [u8]| (row.call)(file, bytes);
        let undo = &mut |bytes: &mut [u8]| {
            if let Some(undo) = row.undo {
                undo(file, bytes)
            }
        };
        return run(
            cmd,
            arg,
            _IOC_SIZE(row.cmd),
            row.min,
            row.out_on_error,
            call,
            undo,
        );
    }
    let row = T::IOCTLS.iter().find(|row| key(row.cmd) == key(cmd));
    let (Some(row), Some(driver_file)) = (row, driver_file) else {
        return Err(ENOTTY);
    };
    let size = _IOC_SIZE(row.cmd);
    let call = &mut |bytes: &mut [u8]| {
        device
            .enter()?
            .with(|bound| (row.call)(&bound.data, driver_file, bytes))
    };
    run(cmd, arg, size, size, false, call, &mut |_| ())
}

/// Copies in, calls, copies out. Not generic, so that there is one of it.
#[inline(never)]
fn run(
    cmd: u32,
    arg: usize,
    size: usize,
    min: usize,
    out_on_error: bool,
    call: &mut dyn FnMut(&mut [u8]) -> Result,
    undo: &mut dyn FnMut(&mut [u8]),
) -> Result<isize> {
    debug_assert!(_IOC_TYPE(cmd) == uapi::ACCEL_IOCTL_TYPE);
    let caller_size = _IOC_SIZE(cmd);
    if caller_size < min {
        return Err(EINVAL);
    }
    let mut buffer = Buffer([0; MAX_SIZE]);
    let bytes = buffer.0.get_mut(..size).ok_or(ENOTTY)?;
    copy_struct_in(arg, caller_size, bytes)?;
    let result = call(bytes);
    if _IOC_DIR(cmd) & kernel::uapi::_IOC_READ != 0 && (result.is_ok() || out_on_error) {
        if let Err(e) = copy_struct_out(arg, caller_size, bytes) {
            if result.is_ok() {
                undo(bytes);
            }
            return Err(e);
        }
    }
    result.map(|()| 0)
}
