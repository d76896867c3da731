// SPDX-License-Identifier: GPL-2.0

//! ioctls: the tables, and the one path that finds a command, copies its struct in, calls the
//! handler and copies the struct out.
//!
//! Handlers get typed structs and never see the user's pointer to them. They run outside the
//! liveness guard, so that user memory can be copied; whatever needs the device enters the guard
//! itself ([`Device::enter_awake`]). Handlers of drivers run inside it.

use core::mem::MaybeUninit;
use kernel::{
    ioctl::{
        _IOC_DIR,
        _IOC_NR,
        _IOC_SIZE, //
    },
    prelude::*, //
};
use kernel_ext::uaccess::{
    copy_struct_in,
    copy_struct_out, //
};

use zerocopy::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

use crate::{
    device::Device,
    driver::Driver,
    uapi, //
};

/// The longest struct of a command, bytes; it is on the stack.
const MAX_SIZE: usize = 128;

/// What identifies a command: its number without the size.
const fn key(cmd: u32) -> u32 {
    cmd & !(kernel::uapi::_IOC_SIZEMASK << kernel::uapi::_IOC_SIZESHIFT)
}

/// A command of a file `F`.
pub(crate) struct Row<F> {
    pub(crate) cmd: u32,
    /// Copies in, calls the handler, copies out.
    pub(crate) call: fn(&F, cmd: u32, arg: usize) -> Result,
}

/// As many commands as a node can have.
const SLOTS: usize = uapi::ACCEL_IOCTL_DRIVER_BASE as usize;

/// The core's commands of a file `F`, by their numbers modulo [`SLOTS`].
pub(crate) struct Table<F>([Option<Row<F>>; SLOTS]);

impl<F> Table<F> {
    /// Sorts commands. To be called at compile time: fails if two have the same place.
    pub(crate) const fn new<const COUNT: usize>(rows: [Row<F>; COUNT]) -> Self {
        let mut table = [const { None }; SLOTS];
        let mut i = 0;
        while i < COUNT {
            let Row { cmd, call } = rows[i];
            let slot = _IOC_NR(cmd) as usize % SLOTS;
            assert!(table[slot].is_none());
            table[slot] = Some(Row { cmd, call });
            i += 1;
        }
        Self(table)
    }

    #[inline(always)]
    fn get(&self, cmd: u32) -> Option<&Row<F>> {
        let row = self.0.get(_IOC_NR(cmd) as usize % SLOTS)?.as_ref()?;
        (key(row.cmd) == key(cmd)).then_some(row)
    }
}

/// A command of a driver; made by [`ioctls!`](crate::ioctls).
pub struct Ioctl<T: Driver> {
    cmd: u32,
    call: DriverCall<T>,
}

/// Copies in, calls a driver's handler inside the liveness guard, copies out.
pub type DriverCall<T> = fn(&Device<T>, &<T as Driver>::File, u32, usize) -> Result;

/// A driver's handler.
pub type Handler<T, S> = fn(&<T as Driver>::Data<'_>, &<T as Driver>::File, &mut S) -> Result;

/// Declares module `uapi`: what bindgen made of the driver's header, as its Makefile says.
///
/// The zerocopy derives prove at compile time that no struct has padding and that any bytes are a
/// valid value.
#[macro_export]
macro_rules! driver_uapi {
    () => {
        #[allow(
            clippy::all,
            clippy::undocumented_unsafe_blocks,
            dead_code,
            missing_docs,
            non_camel_case_types,
            non_upper_case_globals,
            unreachable_pub
        )]
        mod uapi {
            #[allow(unused_imports)]
            use kernel::bindings::*;
            #[allow(unused_imports)]
            use pin_init::{MaybeZeroable, Zeroable};
            use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

            include!(concat!(env!("ACCEL_OBJ"), "/uapi_generated.rs"));
        }
    };
}

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
                |device, file, cmd, arg| {
                    $crate::call_driver::<Self, $ty>(device, file, cmd, arg, |data, file, args| {
                        $handler(data, file, args)
                    })
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

/// Makes a row of a core table: number, struct, last mandatory field, handler and options.
macro_rules! core_row {
    ($cmd:expr, $ty:ty, $last:ident, $handler:expr $(, $option:ident: $value:expr)* $(,)?) => {
        $crate::ioctl::Row {
            cmd: {
                $crate::ioctl::check_struct::<$ty>();
                $cmd
            },
            call: |file, cmd, arg| {
                #[allow(clippy::needless_update)]
                let options = $crate::ioctl::Options {
                    min: const {
                        ::core::mem::offset_of!($ty, $last)
                            + $crate::ioctl::size_of_field(|s: &$ty| &s.$last)
                    },
                    $($option: $value,)*
                    ..Default::default()
                };
                $crate::ioctl::run(file, cmd, arg, &options, $handler)
            },
        }
    };
}
pub(crate) use core_row;

/// Returns the size of what `_field` returns a reference to.
pub(crate) const fn size_of_field<S, F>(_field: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// Calls a driver's handler; for [`ioctls!`](crate::ioctls).
#[doc(hidden)]
#[inline]
pub fn call_driver<T: Driver, S: FromBytes + IntoBytes + Immutable>(
    device: &Device<T>,
    file: &T::File,
    cmd: u32,
    arg: usize,
    handler: Handler<T, S>,
) -> Result {
    let options = Options {
        min: size_of::<S>(),
        ..Default::default()
    };
    run(file, cmd, arg, &options, |file, args: &mut S| {
        device
            .enter_awake()?
            .with(|bound| handler(&bound.data, file, args))
    })
}

/// Runs command `cmd` of `file` if `table` or the driver has it.
#[inline(always)]
pub(crate) fn dispatch<T: Driver, F>(
    device: &Device<T>,
    file: &F,
    driver_file: Option<&T::File>,
    table: &Table<F>,
    cmd: u32,
    arg: usize,
) -> Result {
    if !device.cell.is_alive() {
        return Err(ENODEV);
    }
    if let Some(row) = table.get(cmd) {
        return (row.call)(file, cmd, arg);
    }
    let row = T::IOCTLS.iter().find(|row| key(row.cmd) == key(cmd));
    let (Some(row), Some(driver_file)) = (row, driver_file) else {
        return Err(ENOTTY);
    };
    (row.call)(device, driver_file, cmd, arg)
}

/// How a command is run.
#[derive(Default)]
pub(crate) struct Options {
    /// The least size a caller's struct may have, bytes.
    pub(crate) min: usize,
    /// Copies the result out on failure too.
    pub(crate) out_on_error: bool,
}

/// What a command has reserved: it takes effect only once its result has been copied out, and is
/// dropped without effect otherwise.
pub(crate) trait Commit {
    /// Takes effect; cannot fail.
    fn commit(self);
}

impl Commit for () {
    fn commit(self) {}
}

/// Copies in, calls, copies out, commits.
#[inline(always)]
pub(crate) fn run<'f, F, S: FromBytes + IntoBytes + Immutable, C: Commit>(
    file: &'f F,
    cmd: u32,
    arg: usize,
    options: &Options,
    call: impl FnOnce(&'f F, &mut S) -> Result<C>,
) -> Result {
    let caller_size = _IOC_SIZE(cmd);
    if caller_size < options.min {
        return Err(EINVAL);
    }
    let mut args = MaybeUninit::uninit();
    let args = copy_struct_in::<S>(arg, caller_size, &mut args)?;
    let result = call(file, args);
    let is_read = _IOC_DIR(cmd) & kernel::uapi::_IOC_READ != 0;
    if is_read && (result.is_ok() || options.out_on_error) {
        copy_struct_out(arg, caller_size, args)?;
    }
    result.map(Commit::commit)
}
