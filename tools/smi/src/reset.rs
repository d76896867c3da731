// SPDX-License-Identifier: GPL-2.0
//! Resets devices, and asks before: `reset`.

use std::io;
use std::io::IsTerminal;
use std::io::Write;

use accel::error::Cause;
use accel::info;
use accel::info::Info;
use anyhow::Result;
use anyhow::bail;

use crate::cli;
use crate::find::Found;
use crate::find::find;

/// Reset the devices that are named, one after the other.
///
/// # Errors
///
/// [`NoDevice`](select::NoDevice); if one was not reset: why, is on the standard error by then.
pub fn reset(asked: &cli::Reset) -> Result<()> {
    if !asked.yes && !io::stdin().is_terminal() {
        return Err(cli::usage("there is no terminal to ask at: give --yes"));
    }
    let devices = find(&asked.id)?;
    let mut to = io::stdout();
    let mut left = 0;
    for device in &devices {
        let index = device.node.index();
        if !asked.yes && !is_meant(device)? {
            writeln!(to, "Accel {index} was left as it is.")?;
            left += 1;
            continue;
        }
        match device.node.reset() {
            Ok(()) => writeln!(to, "Accel {index} was reset.")?,
            Err(error) => {
                eprintln!("accel-smi: accel {index}: {}", why(&error));
                left += 1;
            }
        }
    }
    if left > 0 {
        bail!("{left} of {} devices not reset", devices.len());
    }
    Ok(())
}

/// Whether whoever is at the terminal says so.
fn is_meant(device: &Found) -> Result<bool> {
    let clients = device.monitor.as_ref().ok();
    let clients = clients.and_then(|monitor| monitor.info::<info::Clients>().ok());
    let who = device.identity.as_ref();
    let mut to = io::stdout();
    write!(
        to,
        "Accel {} ({}) has {} clients, which lose what it works on. Reset it? [y/N] ",
        device.node.index(),
        who.map_or("unknown", |who| &who.address),
        clients.map_or(0, |clients| clients.clients),
    )?;
    to.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"]
        .iter()
        .any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

fn why(error: &accel::Error) -> String {
    match error.cause() {
        Some(Cause::Access | Cause::Privilege) => {
            "only root (CAP_SYS_ADMIN) may reset devices".to_owned()
        }
        Some(Cause::Failed) => {
            "the reset did not help: the device is wedged; bind it again, or reset its bus before"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_not_say_yes_means_no() {
        assert!(["y\n", "Y\n", "yes\n", " Yes \n"].into_iter().all(is_yes));
        assert!(!["", "\n", "n\n", "yeah\n", "0\n"].into_iter().any(is_yes));
    }

    #[test]
    fn who_may_not_is_told_who_may() {
        let refused = |cause| {
            why(&accel::Error::Call {
                call: "reset the device",
                cause,
            })
        };
        assert_eq!(
            refused(Cause::Privilege),
            "only root (CAP_SYS_ADMIN) may reset devices"
        );
        assert!(refused(Cause::Failed).contains("wedged"));
        assert!(refused(Cause::Gone).contains("gone"));
    }
}
