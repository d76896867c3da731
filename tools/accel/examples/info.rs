// SPDX-License-Identifier: GPL-2.0
//! Print everything that the devices say of themselves: `info [N]...`, without numbers all devices.

use std::fmt::Display;
use std::process::ExitCode;

use accel::Result;
use accel::device::Node;
use accel::device::nodes;
use accel::ethosu;
use accel::info;
use accel::info::Array;
use accel::info::Info;
use accel::info::Kind;
use accel::info::Single;
use accel::qda;

fn main() -> ExitCode {
    let named: Option<Vec<Node>> = std::env::args()
        .skip(1)
        .map(|number| number.parse().map(Node::new).ok())
        .collect();
    let Some(named) = named else {
        eprintln!("usage: info [N]...");
        return ExitCode::FAILURE;
    };
    match print_all(named) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("info: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_all(named: Vec<Node>) -> Result<()> {
    let nodes = if named.is_empty() { nodes()? } else { named };
    for node in nodes {
        println!("accel{}", node.index());
        print_device(&node.open_monitor()?)?;
    }
    Ok(())
}

/// The list of kinds, and each kind that this node answers.
fn print_device(node: &impl Info) -> Result<()> {
    let driver = node.info::<info::Device>()?.driver;
    for kind in node.list::<info::List>()? {
        print_kind(&kind);
        if !kind.on_monitor {
            continue;
        }
        let printed = match kind.kind {
            info::List::ID => Ok(()),
            info::Device::ID => print_single::<info::Device>(node),
            info::Status::ID => print_single::<info::Status>(node),
            info::Engine::ID => print_array::<info::Engine>(node),
            info::Memory::ID => print_array::<info::Memory>(node),
            info::Clients::ID => print_single::<info::Clients>(node),
            info::Link::ID => print_array::<info::Link>(node),
            info::Sensor::ID => print_array::<info::Sensor>(node),
            info::Throttle::ID => print_array::<info::Throttle>(node),
            info::Errors::ID => print_array::<info::Errors>(node),
            info::Row::ID => print_array::<info::Row>(node),
            info::Spares::ID => print_single::<info::Spares>(node),
            info::Firmware::ID => print_array::<info::Firmware>(node),
            info::Client::ID => print_array::<info::Client>(node),
            ethosu::Npu::ID if driver == ethosu::DRIVER => print_single::<ethosu::Npu>(node),
            qda::Card::ID if driver == qda::DRIVER => print_single::<qda::Card>(node),
            id => print_raw(node, id),
        };
        // One kind may be privileged or need a device that is not in reset: go on with the others.
        if let Err(error) = printed {
            println!("    {error}");
        }
    }
    Ok(())
}

fn print_kind(kind: &info::List) {
    let shape = if kind.array { "array of" } else { "struct of" };
    let on = |answered, node| if answered { node } else { "" };
    println!(
        "  kind {:#x} version {}: {shape} {} bytes, {}, {}, on{}{}",
        kind.kind,
        kind.version,
        kind.size,
        kind.availability,
        kind.privilege,
        on(kind.on_compute, " compute"),
        on(kind.on_monitor, " monitor"),
    );
}

fn print_single<K: Single + std::fmt::Debug>(node: &impl Info) -> Result<()> {
    print_indented(format_args!("{:#?}", node.info::<K>()?));
    Ok(())
}

fn print_array<K: Array + std::fmt::Debug>(node: &impl Info) -> Result<()> {
    for element in node.list::<K>()? {
        print_indented(format_args!("{element:#?}"));
    }
    Ok(())
}

fn print_raw(node: &impl Info, kind: u32) -> Result<()> {
    for line in node.raw_info(kind)?.bytes.chunks(16) {
        print_indented(format_args!("{line:02x?}"));
    }
    Ok(())
}

fn print_indented(text: impl Display) {
    for line in text.to_string().lines() {
        println!("    {line}");
    }
}
