// SPDX-License-Identifier: GPL-2.0

//! Facts about the current task.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use kernel::cred::Credential;

use crate::bindings as ext;

/// What a process is called (`/proc/PID/comm`); any bytes, then zeroes.
pub type Name = [u8; 16];

/// Returns the name of the current process.
pub fn current_name() -> Name {
    let mut name = [0; 16];
    // SAFETY: It has room for a name.
    unsafe { ext::accel_helper_current_name(name.as_mut_ptr().cast()) };
    name
}

/// Returns whether the current process may ask for more than others get (`CAP_SYS_NICE`).
pub fn is_capable_of_nice() -> bool {
    // SAFETY: In process context, as all of Rust is that knows a current process.
    unsafe { ext::accel_helper_capable_sys_nice() }
}

/// Returns whether the current process is an administrator's (`CAP_SYS_ADMIN`), of the machine and
/// not only of a user namespace.
pub fn is_capable_of_administration() -> bool {
    // SAFETY: As above.
    unsafe { ext::accel_helper_capable_sys_admin() }
}

/// Returns whether the current process may watch all others (`CAP_PERFMON`).
pub fn is_capable_of_monitoring() -> bool {
    // SAFETY: As above.
    unsafe { ext::accel_helper_capable_perfmon() }
}

/// Returns the effective user of the current process, as the host numbers users.
pub fn current_user() -> u32 {
    // SAFETY: As above.
    unsafe { ext::accel_helper_current_user() }
}

/// Returns how the user namespace of `whose` numbers a user, whom the host numbers `user`; that of
/// nobody (65534) if it does not know him.
pub fn user_in(whose: &Credential, user: u32) -> u32 {
    // SAFETY: `whose` is valid.
    unsafe { ext::accel_helper_user_in(whose.as_ptr(), user) }
}
