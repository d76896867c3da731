// SPDX-License-Identifier: GPL-2.0
//! Process that serves one Ethos-U65 to a virtual machine, by vfio-user.

use std::io;
use std::path::PathBuf;
use std::{panic, process};

use clap::{Parser, ValueEnum};
use ethosu_model::{Configuration, Front, VECTORS};
use pci_model::{Port, Server, control};

/// An Arm Ethos-U65 as a PCI function. Serves one virtual machine until it lets go, then exits.
#[derive(Parser)]
struct Arguments {
    /// Socket for QEMU's vfio-user-pci; must not exist yet.
    #[arg(long)]
    socket: PathBuf,
    /// MACs per cycle.
    #[arg(long, value_enum)]
    config: Macs,
    /// Socket for commands, one line each: hang, slow, bus-error, late, drop-irq,
    /// spurious-irq, surprise-remove, state, identity, quit.
    #[arg(long)]
    control: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Macs {
    #[value(name = "256")]
    Macs256,
    #[value(name = "512")]
    Macs512,
}

fn main() -> io::Result<()> {
    // A bug of the model on the thread of a job must not look like an NPU that hangs.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::abort();
    }));
    let arguments = Arguments::parse();
    let configuration = match arguments.config {
        Macs::Macs256 => Configuration::Macs256,
        Macs::Macs512 => Configuration::Macs512,
    };
    let port = Port::new(VECTORS);
    let front = Front::new(configuration, &port);
    if let Some(path) = &arguments.control {
        control::serve(path, port.clone(), front.clone())?;
    }
    Server::bind(&arguments.socket, port, front)?.run()
}
