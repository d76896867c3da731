// SPDX-License-Identifier: GPL-2.0
//! Which devices are meant: `-i`.

use std::fmt;

use clap::ArgAction;
use clap::Args;

use crate::model::Device;
use crate::model::Identity;

/// The devices that a command line names.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Only these devices: index, UUID, or address on the bus
    #[arg(short, long, value_name = "DEVICE", value_delimiter = ',', action = ArgAction::Append)]
    pub id: Vec<String>,
}

/// No device is there, or not the one that was named.
#[derive(Debug, PartialEq, Eq)]
pub enum NoDevice {
    /// None at all.
    None,
    /// None that is named so; the others are these.
    Named(String, Vec<String>),
}

impl NoDevice {
    /// The exit status of a program that ends with it.
    pub const STATUS: u8 = 3;
}

impl fmt::Display for NoDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoDevice::None => f.write_str("there is no device"),
            NoDevice::Named(id, others) if others.is_empty() => {
                write!(
                    f,
                    "there is no device, and so none with the index, UUID or address {id}"
                )
            }
            NoDevice::Named(id, others) => write!(
                f,
                "no device has the index, UUID or address {id}; there are: {}",
                others.join(", ")
            ),
        }
    }
}

impl std::error::Error for NoDevice {}

/// Something that can be named.
pub trait Named {
    /// N of the nodes.
    fn index(&self) -> u32;
    /// Who it is, if that is known.
    fn identity(&self) -> Option<&Identity>;
}

impl Named for Device {
    fn index(&self) -> u32 {
        self.index
    }

    fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

/// Those of `all` that `ids` name, or all if there are no ids.
///
/// # Errors
///
/// [`NoDevice::Named`] for an id that names none.
pub fn choose<T: Named>(ids: &[String], mut all: Vec<T>) -> Result<Vec<T>, NoDevice> {
    if ids.is_empty() {
        return Ok(all);
    }
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|one| is(one, id))) {
        return Err(NoDevice::Named(id.clone(), all.iter().map(name).collect()));
    }
    retain(ids, &mut all);
    Ok(all)
}

/// Forget those that `ids` do not name, unless there are no ids.
pub fn retain<T: Named>(ids: &[String], all: &mut Vec<T>) {
    all.retain(|one| ids.is_empty() || ids.iter().any(|id| is(one, id)));
}

fn is(one: &impl Named, id: &str) -> bool {
    let known = one.identity().is_some_and(|identity| {
        let address = &identity.address;
        let short = address.strip_prefix("0000:").unwrap_or(address);
        [&identity.uuid, address, short]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(id))
    });
    known || id.parse() == Ok(one.index())
}

fn name(one: &impl Named) -> String {
    match one.identity() {
        Some(identity) => format!("{} ({})", one.index(), identity.address),
        None => one.index().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn chosen(ids: &[&str]) -> Result<Vec<u32>, NoDevice> {
        let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        let devices = choose(&ids, samples::snapshot().devices)?;
        Ok(devices.iter().map(|device| device.index).collect())
    }

    #[test]
    fn a_device_has_several_names() {
        assert_eq!(chosen(&[]), Ok(vec![0, 1, 2]));
        assert_eq!(chosen(&["1", "0"]), Ok(vec![0, 1]));
        assert_eq!(chosen(&["0000:03:00.0"]), Ok(vec![0]));
        assert_eq!(chosen(&["03:00.0", "0"]), Ok(vec![0]));
        assert_eq!(
            chosen(&["5EED0000-0000-4000-8000-000000000001"]),
            Ok(vec![1])
        );
    }

    #[test]
    fn who_is_not_there_is_named_with_those_who_are() {
        let error = chosen(&["0", "7"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no device has the index, UUID or address 7; there are: \
             0 (0000:03:00.0), 1 (0000:04:00.0), 2"
        );
        assert!(chosen(&["-0"]).is_err());
        assert!(chosen(&[""]).is_err());
        let none = choose::<Device>(&["0".into()], Vec::new()).unwrap_err();
        assert!(none.to_string().starts_with("there is no device"));
    }
}
