// SPDX-License-Identifier: GPL-2.0
//! Finds the devices that are meant, and opens their monitor nodes.

use accel::Monitor;
use accel::device::Node;
use accel::error::Cause;
use accel::info;
use accel::info::Info;
use accel_snapshot::Identity;
use accel_snapshot::select;
use accel_snapshot::select::Named;
use accel_snapshot::select::NoDevice;

/// A device, and who it is.
#[derive(Debug)]
pub struct Found {
    /// Its nodes.
    pub node: Node,
    /// Its monitor node, open, or why it is not.
    pub monitor: accel::Result<Monitor>,
    /// Who it is, unless it could not be asked.
    pub identity: Option<Identity>,
}

impl Found {
    fn is_gone(&self) -> bool {
        let cause = self.monitor.as_ref().err().and_then(accel::Error::cause);
        matches!(cause, Some(Cause::Gone | Cause::NotFound))
    }
}

impl Named for Found {
    fn index(&self) -> u32 {
        self.node.index()
    }

    fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

/// The devices of this system that `ids` name, in the order of their indices; all if there are no ids. One
/// that goes away meanwhile is not there any more.
///
/// # Errors
///
/// [`NoDevice`]; or as [`accel::device::nodes`].
pub fn find(ids: &[String]) -> anyhow::Result<Vec<Found>> {
    let mut found: Vec<_> = accel::device::nodes()?.into_iter().map(open).collect();
    found.retain(|found| !found.is_gone());
    if found.is_empty() && ids.is_empty() {
        return Err(NoDevice::None.into());
    }
    Ok(select::choose(ids, found)?)
}

fn open(node: Node) -> Found {
    let monitor = node.open_monitor();
    let who = monitor
        .as_ref()
        .ok()
        .and_then(|monitor| monitor.info::<info::Device>().ok());
    Found {
        node,
        monitor,
        identity: who.map(Identity::from),
    }
}
