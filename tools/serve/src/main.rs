// SPDX-License-Identifier: GPL-2.0
//! Serve a network from one QDA card to many processes, so that small requests do not wait for large ones.
//!
//!     accel-serve DIR REQUESTS SMALL LARGE
//!
//! 16 processes ask REQUESTS times, one after the other, which digit an image shows; 2 processes keep all
//! tensor engines busy with batches of 1024 images meanwhile. SMALL and LARGE are their priorities: low,
//! normal, high. Network, images, and the answers that have to come out bit for bit, are in DIR
//! (`tools/testing/qda/reference/export.py` makes them); the exit status is 1 if one differs.
//!
//! Nobody is in between: each process opens the card, has an address space and user queues of its own, and
//! the card decides whose packet is next.
//!
//! - `network` is the network: which packets compute an answer;
//! - `lane` is the way of requests to an engine and of answers back;
//! - `client` is what a process does, `service` starts them and listens to them;
//! - `data` and `report` are what goes in and comes out.

mod client;
mod data;
mod lane;
mod network;
mod report;
mod service;

use std::path::PathBuf;
use std::process::ExitCode;

use accel::queue::Priority;
use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::data::Data;

/// What is served, and to whom.
pub struct Plan {
    directory: PathBuf,
    /// Of each small client.
    requests: usize,
    /// Of small and of large clients.
    priorities: [Priority; 2],
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("accel-serve: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [directory, requests, small, large, role @ ..] = arguments.as_slice() else {
        bail!("usage: accel-serve DIR REQUESTS SMALL LARGE");
    };
    let plan = Plan {
        directory: directory.into(),
        requests: requests.parse().context("REQUESTS is no number")?,
        priorities: [priority(small)?, priority(large)?],
    };
    match role {
        [] => service::run(&plan, &arguments),
        // The service starts this program with a role and a number for each client.
        [role, number] => {
            let data = Data::load(&plan.directory)?;
            client::run(&plan, &data, role.parse()?, number.parse()?)
        }
        _ => bail!("too many arguments"),
    }
}

fn priority(name: &str) -> Result<Priority> {
    Ok(match name {
        "low" => Priority::Low,
        "normal" => Priority::Normal,
        "high" => Priority::High,
        _ => bail!("{name} is no priority: low, normal, high"),
    })
}
