// SPDX-License-Identifier: GPL-2.0
//! What a process does that wants answers.

use std::fmt;
use std::io::Read;
use std::io::stdin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use accel::device::Node;
use accel::info;
use accel::info::EngineKind;
use accel::info::Info;
use accel::qda;
use accel::qda::Workspace;
use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::Plan;
use crate::data::Data;
use crate::lane::Lane;
use crate::network::Network;
use crate::report::Account;

/// What a client says when it has made all that it needs, and a large one when engines have work.
pub const READY: &str = "ready";
pub const BUSY: &str = "busy";

/// How long a card may take to clear its memory.
const CLEARING: Duration = Duration::from_secs(60);

/// Images of a large request.
const BATCH: usize = 1024;

/// Large requests that are under way at a time on each engine, so that it never has nothing to do.
const DEPTH: usize = 4;

/// Whose requests are small or large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One image, one request at a time, on one engine.
    Small,
    /// Many images, many requests, on all engines.
    Large,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Small => "small",
            Role::Large => "large",
        })
    }
}

impl FromStr for Role {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "small" => Role::Small,
            "large" => Role::Large,
            _ => bail!("{name} is no role"),
        })
    }
}

/// Be client `number` of its kind: get ready, say so, work when told to, then say how it went.
pub fn run(plan: &Plan, data: &Data, role: Role, number: usize) -> Result<()> {
    let device = card()?.open()?;
    let workspace = Workspace::new(&device)?;
    let network = Network::new(&device, &workspace, &data.parameters)?;
    let engines = workspace.engines(EngineKind::Compute)?;
    let priority = plan.priorities[role as usize];
    let lane =
        |engine, images, depth| Lane::new(&workspace, &network, engine, priority, images, depth);
    let account = match role {
        Role::Small => {
            // Small clients have to be spread over the engines: each queue is for one of them.
            let engine = engines.get(number % engines.len().max(1));
            let mut lane = lane(*engine.context("no tensor engine")?, 1, 1)?;
            ready()?;
            small(plan, data, number, &mut lane)?
        }
        Role::Large => {
            let lanes = engines.iter().map(|&engine| lane(engine, BATCH, DEPTH));
            let mut lanes = lanes.collect::<Result<Vec<_>>>()?;
            ready()?;
            large(data, &mut lanes)?
        }
    };
    print!("{account}");
    Ok(())
}

/// The first card of this system.
fn card() -> Result<Node> {
    for node in accel::device::nodes()? {
        let who: info::Device = node.open_monitor()?.info()?;
        if who.driver == qda::DRIVER {
            return Ok(node);
        }
    }
    bail!("no accelerator has driver {}", qda::DRIVER)
}

/// Wait until the card has cleared all memory that nobody uses any more: until then there may be too little.
pub fn wait_for_memory() -> Result<()> {
    let monitor = card()?.open_monitor()?;
    let end = Instant::now() + CLEARING;
    let is_dirty = |memory: &info::Memory| memory.region.is_some_and(|region| region.dirty != 0);
    while monitor.list()?.iter().any(is_dirty) {
        ensure!(Instant::now() < end, "the card does not clear its memory");
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Tell the service, and wait for a line from it.
fn ready() -> Result<()> {
    println!("{READY}");
    let told = stdin().read_line(&mut String::new())?;
    ensure!(told > 0, "the service is gone");
    Ok(())
}

/// Request after request, each for another image.
fn small(plan: &Plan, data: &Data, number: usize, lane: &mut Lane) -> Result<Account> {
    let start = Instant::now();
    let mut requests = Vec::new();
    for request in 0..plan.requests {
        lane.send(data, number * plan.requests + request)?;
        requests.extend(lane.receive(data)?);
    }
    Ok(Account {
        images: requests.len(),
        elapsed: start.elapsed(),
        requests,
    })
}

/// Batch after batch on all engines, until the service has nothing more to say.
fn large(data: &Data, lanes: &mut [Lane]) -> Result<Account> {
    let is_over = at_end_of_input();
    let start = Instant::now();
    let (mut batches, mut requests) = (0.., Vec::new());
    let mut fill = |lane: &mut Lane| -> Result<()> {
        while lane.send(data, batches.next().unwrap_or(0))? {}
        Ok(())
    };
    for lane in &mut *lanes {
        fill(lane)?;
    }
    println!("{BUSY}");
    while !is_over.load(Ordering::Relaxed) {
        for lane in &mut *lanes {
            requests.extend(lane.receive(data)?);
            fill(lane)?;
        }
    }
    for lane in lanes {
        while let Some(times) = lane.receive(data)? {
            requests.push(times);
        }
    }
    Ok(Account {
        images: BATCH * requests.len(),
        elapsed: start.elapsed(),
        requests,
    })
}

/// Becomes true then.
fn at_end_of_input() -> Arc<AtomicBool> {
    let is_over = Arc::new(AtomicBool::new(false));
    let set = is_over.clone();
    thread::spawn(move || {
        // An input that cannot be read has ended, too.
        let _ = stdin().read_to_end(&mut Vec::new());
        set.store(true, Ordering::Relaxed);
    });
    is_over
}
