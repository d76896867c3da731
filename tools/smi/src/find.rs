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
    found.retain(|found| !found.monitor.as_ref().is_err_and(is_gone));
    if found.is_empty() && ids.is_empty() {
        return Err(NoDevice::None.into());
    }
    Ok(select::choose(ids, found)?)
}

/// What was made of devices that were found; nothing of those that went away since.
///
/// # Errors
///
/// The first other one.
pub fn of_those_left<T>(
    results: impl IntoIterator<Item = accel::Result<T>>,
) -> accel::Result<Vec<T>> {
    let results = results.into_iter();
    results
        .filter(|result| !result.as_ref().is_err_and(is_gone))
        .collect()
}

fn is_gone(error: &accel::Error) -> bool {
    matches!(error.cause(), Some(Cause::Gone | Cause::NotFound))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed<T>(cause: Cause) -> accel::Result<T> {
        Err(accel::Error::Call { call: "ask", cause })
    }

    #[test]
    fn those_who_went_away_are_left_out() {
        let results = [Ok(1), failed(Cause::Gone), Ok(3), failed(Cause::NotFound)];
        assert_eq!(of_those_left(results), Ok(vec![1, 3]));
    }

    #[test]
    fn what_else_goes_wrong_is_told() {
        let results = [Ok(1), failed(Cause::NoMemory)];
        assert_eq!(of_those_left(results), failed(Cause::NoMemory));
    }
}
