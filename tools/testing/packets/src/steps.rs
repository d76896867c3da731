// SPDX-License-Identifier: GPL-2.0
//! What a submission to a ring and the look for its end are made of: instructions, and no system call.
//!
//! A child of this program does both, between system calls that mark them; this one has it go step by step.

use std::env;
use std::ffi::c_void;
use std::hint::black_box;
use std::hint::spin_loop;
use std::io;
use std::io::Read;
use std::process;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use accel::info::EngineKind;
use accel::qda::Reach;
use accel::qda::Workspace;
use accel::qda::packet;
use accel::queue::Priority;
use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::ptrace::Options;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::card;

/// What this program is called with to be that child.
pub const CHILD: &str = "--submit";
/// So often it submits.
const ROUNDS: u32 = 3;
/// The most instructions of a submission.
const MOST: u64 = 150;
/// Bytes of the instruction `syscall`, at the lower end of a word.
const SYSCALL: u16 = 0x050f;

/// Says where something begins and ends.
fn mark() {
    black_box(process::id());
}

/// The child: submits, and looks until that has ended.
pub fn submit() -> Result<()> {
    let cards = card::open_all()?;
    let workspace: &Workspace = &cards[0].workspace;
    let mut ring = workspace.ring(EngineKind::Copy, Priority::Normal, 4, Reach::default())?;
    // When it may begin, it is watched.
    io::stdin().read_exact(&mut [0])?;
    mark();
    for _ in 0..ROUNDS {
        mark();
        let end = ring.submit(&[packet::nop()])?;
        mark();
        while ring.completed()? < end {
            spin_loop();
        }
        mark();
    }
    Ok(())
}

/// Fails if a submission, or the look for its end, makes a system call, or if the former takes more than [`MOST`]
/// instructions.
pub fn check() -> Result<()> {
    let mut command = Command::new(env::current_exe()?);
    let mut child = command.arg(CHILD).stdin(Stdio::piped()).spawn()?;
    let watched = watch(&mut child);
    if watched.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    watched?;
    ensure!(status.success(), "the child: {status}");
    Ok(())
}

fn watch(child: &mut Child) -> Result<()> {
    let pid = Pid::from_raw(child.id().try_into()?);
    ptrace::attach(pid)?;
    waitpid(pid, None)?;
    ptrace::setoptions(pid, Options::PTRACE_O_TRACESYSGOOD)?;
    io::Write::write_all(child.stdin.as_mut().context("no pipe")?, b"!")?;
    for _ in 0..ROUNDS {
        let marks = until_mark(pid)?;
        let submission = until_mark(pid).context("a submission")? - marks;
        let look = until_mark(pid).context("the look for its end")? - marks;
        println!("# a submission: {submission} instructions; until its end: {look}");
        ensure!(
            submission <= MOST,
            "a submission takes {submission} instructions, at most {MOST} are allowed"
        );
    }
    ptrace::detach(pid, None)?;
    Ok(())
}

/// Instructions from this mark, or the next one, to the one after that.
fn until_mark(pid: Pid) -> Result<u64> {
    loop {
        ptrace::syscall(pid, None)?;
        if !matches!(waitpid(pid, None)?, WaitStatus::PtraceSyscall(_)) {
            continue;
        }
        let registers = ptrace::getregs(pid)?;
        let has_ended = registers.rax as i64 != -i64::from(libc::ENOSYS);
        if has_ended && registers.orig_rax as i64 == libc::SYS_getpid {
            break;
        }
    }
    for instructions in 0.. {
        let registers = ptrace::getregs(pid)?;
        let next = ptrace::read(pid, registers.rip as *mut c_void)?;
        if next as u16 == SYSCALL {
            let call = registers.rax as i64;
            ensure!(call == libc::SYS_getpid, "it makes system call {call}");
            return Ok(instructions);
        }
        ptrace::step(pid, None)?;
        match waitpid(pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => (),
            other => bail!("it ended in between: {other:?}"),
        }
    }
    unreachable!("it has no end")
}
