// SPDX-License-Identifier: GPL-2.0

//! Who looks at a device, and what he may know of its clients: that of whoever opened the file counts, not
//! that of whoever uses it.

use kernel::{
    cred::Credential,
    fs::File,
    pid_namespace::PidNamespace,
    prelude::*,
    sync::aref::ARef,
    task::Pid as Number, //
};
use kernel_ext::{
    pid::Pid,
    task, //
};

/// Whose clients somebody may know of.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    /// As the host numbers users.
    user: u32,
    sees_all: bool,
}

impl Sight {
    /// Returns whether those of `user` are among them.
    pub(crate) fn has(&self, user: u32) -> bool {
        self.sees_all || user == self.user
    }
}

/// Who opened a file.
pub(crate) struct Viewer {
    pub(crate) sight: Sight,
    cred: ARef<Credential>,
    processes: ARef<PidNamespace>,
}

impl Viewer {
    /// The current process, which opens `file`.
    pub(crate) fn new(file: &File) -> Result<Self> {
        Ok(Self {
            sight: Sight {
                user: task::current_user(),
                sees_all: task::is_capable_of_monitoring(),
            },
            cred: file.cred().into(),
            processes: kernel::current!().active_pid_ns().ok_or(ESRCH)?.into(),
        })
    }

    /// Returns how he numbers a process, 0 if it is none of those that he knows.
    pub(crate) fn number_of(&self, process: &Pid) -> Number {
        process.number_in(&self.processes)
    }

    /// Returns how he numbers a user, whom the host numbers `user`.
    pub(crate) fn user(&self, user: u32) -> u32 {
        task::user_in(&self.cred, user)
    }
}
