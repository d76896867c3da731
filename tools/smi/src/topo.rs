// SPDX-License-Identifier: GPL-2.0
//! How near devices are to each other and to CPUs: `topo`.
//!
//! As JSON it is described by `schema/topology.json`.

use std::fs;
use std::path::Path;

use accel::Result;
use accel::info;
use accel::info::Info;
use accel::info::LinkState;
use serde::Serialize;

use crate::find::Found;
use crate::table::Align::Left;
use crate::table::Table;
use accel_snapshot::Answer;
use accel_snapshot::Identity;
use accel_snapshot::Link;
use accel_snapshot::SCHEMA;
use accel_snapshot::answer;
use accel_snapshot::units::ABSENT;

const LEGEND: &str = "
Legend:
  X     the device itself
  LKn   n links of the devices themselves carry data between them
  PIX   one PCIe switch, or one slot, is between them
  PXB   several PCIe switches
  PHB   the host bridge, of one root
  NODE  host bridges of one NUMA node
  SYS   the connection of NUMA nodes
  ?     nobody knows
";

/// What is between two devices, besides links of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Between {
    /// One switch.
    Pix,
    /// Several switches.
    Pxb,
    /// The host bridge.
    Phb,
    /// Host bridges of a NUMA node.
    Node,
    /// NUMA nodes.
    Sys,
    /// Nobody knows.
    #[serde(rename = "?")]
    Unknown,
}

impl std::fmt::Display for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Between::Pix => "PIX",
            Between::Pxb => "PXB",
            Between::Phb => "PHB",
            Between::Node => "NODE",
            Between::Sys => "SYS",
            Between::Unknown => "?",
        })
    }
}

/// Where a device is.
#[derive(Debug, Serialize)]
pub struct Place {
    /// N of its nodes.
    pub index: u32,
    /// Who it is.
    #[serde(flatten)]
    pub identity: Option<Identity>,
    /// The PCI devices on the way to it from the root, and itself.
    #[serde(skip)]
    pub path: Vec<String>,
    /// The CPUs that are near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// Its links.
    #[serde(skip_serializing_if = "Answer::is_never")]
    pub links: Answer<Vec<Link>>,
}

/// Two devices.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// Their indices.
    pub devices: [u32; 2],
    /// What is between them.
    pub path: Between,
    /// Links of theirs that carry data between them.
    pub links: usize,
}

/// A link that leads out of the machine.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Leaving {
    /// Index of the device.
    pub device: u32,
    /// Number of the link there.
    pub link: usize,
    /// UUID of the device on the other side.
    pub peer_uuid: String,
}

/// Some devices of a machine.
#[derive(Debug, Serialize)]
pub struct Topology {
    /// [`SCHEMA`].
    pub schema: u32,
    /// In the order of their indices.
    pub devices: Vec<Place>,
    /// Each two of them.
    pub pairs: Vec<Pair>,
    /// Links that lead to devices of other machines.
    pub leaving: Vec<Leaving>,
}

impl Topology {
    /// That of these devices, in a machine whose devices have these UUIDs.
    pub fn new(devices: Vec<Place>, machine: &[String]) -> Self {
        let mut pairs = Vec::new();
        for (i, a) in devices.iter().enumerate() {
            for b in &devices[i + 1..] {
                pairs.push(Pair {
                    devices: [a.index, b.index],
                    path: between(a, b),
                    links: links(a, b),
                });
            }
        }
        let leaving = devices
            .iter()
            .flat_map(|device| leaving(device, machine))
            .collect();
        Topology {
            schema: SCHEMA,
            devices,
            pairs,
            leaving,
        }
    }

    /// As a matrix, for people.
    pub fn matrix(&self) -> String {
        let name = |place: &Place| format!("Accel{}", place.index);
        let heads = std::iter::once(String::new())
            .chain(self.devices.iter().map(name))
            .chain(["CPU Affinity".to_owned(), "NUMA Affinity".to_owned()]);
        let mut table = Table::new(heads.map(|head| (head, Left)));
        for a in &self.devices {
            let numa_node = a.identity.as_ref().and_then(|who| who.numa_node);
            let mut row = vec![name(a)];
            row.extend(self.devices.iter().map(|b| self.cell(a.index, b.index)));
            row.push(a.cpus.clone().unwrap_or(ABSENT.to_owned()));
            row.push(numa_node.map_or(ABSENT.to_owned(), |node| node.to_string()));
            table.row(row);
        }
        let mut text = table.to_string();
        for device in self.devices.iter().filter(|d| d.links == Answer::NotNow) {
            text += &format!("The links of {} cannot be told now.\n", name(device));
        }
        for Leaving {
            device,
            link,
            peer_uuid,
        } in &self.leaving
        {
            text +=
                &format!("Link {link} of Accel{device} leads to {peer_uuid} in another machine.\n");
        }
        text + LEGEND
    }

    fn cell(&self, a: u32, b: u32) -> String {
        let pair = self
            .pairs
            .iter()
            .find(|pair| pair.devices == [a.min(b), a.max(b)]);
        match pair {
            None => "X".to_owned(),
            Some(pair) if pair.links > 0 => format!("LK{}", pair.links),
            Some(pair) => pair.path.to_string(),
        }
    }
}

/// What is between two devices, by their ways from the root and their NUMA nodes.
fn between(a: &Place, b: &Place) -> Between {
    let common = a
        .path
        .iter()
        .zip(&b.path)
        .take_while(|(a, b)| a == b)
        .count();
    // What is left of the way to each: itself, below one port of a switch or none.
    let left = a.path.len().max(b.path.len()) - common;
    match common {
        0 => between_nodes(a, b),
        1 => Between::Phb,
        _ if left <= 2 => Between::Pix,
        _ => Between::Pxb,
    }
}

fn between_nodes(a: &Place, b: &Place) -> Between {
    let node = |place: &Place| place.identity.as_ref()?.numa_node;
    match (node(a), node(b)) {
        (Some(a), Some(b)) if a == b => Between::Node,
        (Some(_), Some(_)) => Between::Sys,
        _ => Between::Unknown,
    }
}

/// How many links carry data from one to the other.
fn links(a: &Place, b: &Place) -> usize {
    let Some(other) = &b.identity else {
        return 0;
    };
    let links = a
        .links
        .all()
        .iter()
        .filter(|link| link.state == LinkState::Up);
    links
        .filter(|link| link.peer_uuid.as_ref() == Some(&other.uuid))
        .count()
}

fn leaving<'a>(device: &'a Place, machine: &'a [String]) -> impl Iterator<Item = Leaving> + 'a {
    let links = device.links.all().iter().enumerate();
    let up = links.filter(|(_, link)| link.state == LinkState::Up);
    up.filter_map(|(number, link)| {
        let peer = link
            .peer_uuid
            .clone()
            .filter(|peer| !machine.contains(peer))?;
        Some(Leaving {
            device: device.index,
            link: number,
            peer_uuid: peer,
        })
    })
}

/// Where a device is.
///
/// # Errors
///
/// As [`Info`], if it cannot be asked for its links.
pub fn place(found: Found) -> Result<Place> {
    let monitor = found.monitor?;
    let links = answer(monitor.list::<info::Link>())?;
    let links = links.map(|links| links.into_iter().map(Link::from).collect());
    let pci = found.identity.as_ref().filter(|who| who.bus == "pci");
    let folder = pci.map(|who| Path::new("/sys/bus/pci/devices").join(&who.address));
    let resolved = folder.and_then(|folder| fs::canonicalize(folder).ok());
    let cpus = resolved
        .as_ref()
        .and_then(|folder| fs::read_to_string(folder.join("local_cpulist")).ok());
    Ok(Place {
        index: found.node.index(),
        path: resolved.map_or(Vec::new(), |folder| way(&folder)),
        cpus: cpus
            .map(|cpus| cpus.trim_end().to_owned())
            .filter(|cpus| !cpus.is_empty()),
        identity: found.identity,
        links,
    })
}

/// The root and all PCI devices of a path in sysfs.
fn way(folder: &Path) -> Vec<String> {
    let names = folder.iter().filter_map(|name| name.to_str());
    let pci = names.skip_while(|name| !is_root(name));
    pci.map(str::to_owned).collect()
}

/// Whether it is the name of a PCI root: "pci0000:00".
fn is_root(name: &str) -> bool {
    name.strip_prefix("pci")
        .is_some_and(|rest| rest.contains(':'))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use accel_snapshot::samples;

    fn at(index: u32, path: &str, numa_node: Option<u32>) -> Place {
        let card = samples::card();
        let identity = card.identity.map(|who| Identity {
            uuid: format!("5eed0000-0000-4000-8000-{index:012}"),
            numa_node,
            ..who
        });
        Place {
            index,
            identity,
            path: way(Path::new(path)),
            cpus: Some("0-1".into()),
            links: Answer::Never,
        }
    }

    const SWITCH: &str = "/sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0";

    /// Two cards below a switch that are linked, the first one with another machine, too; one somewhere else.
    pub fn sample() -> Topology {
        let mut devices = vec![
            at(0, &format!("{SWITCH}/0000:02:00.0/0000:03:00.0"), Some(0)),
            at(1, &format!("{SWITCH}/0000:02:01.0/0000:04:00.0"), Some(0)),
            at(
                2,
                "/sys/devices/pci0000:00/0000:00:04.0/0000:05:00.0",
                Some(0),
            ),
        ];
        let mut links = samples::card().links;
        if let Answer::Here(links) = &mut links {
            let elsewhere = "0e5e0000-0000-4000-8000-000000000000".to_owned();
            let up = links[0].clone();
            links[1] = Link {
                peer_uuid: Some(elsewhere),
                ..up
            };
        }
        devices[0].links = links;
        devices[2].links = Answer::NotNow;
        let machine: Vec<_> = devices
            .iter()
            .map(|d| d.identity.clone().unwrap().uuid)
            .collect();
        Topology::new(devices, &machine)
    }

    #[test]
    fn a_matrix_is_for_people() {
        assert_eq!(sample().matrix(), include_str!("../tests/golden/topo.txt"));
    }

    #[test]
    fn what_is_between_is_what_ways_do_not_share() {
        let a = at(0, &format!("{SWITCH}/0000:02:00.0/0000:03:00.0"), Some(0));
        let cases = [
            (
                format!("{SWITCH}/0000:02:01.0/0000:04:00.0"),
                Some(0),
                Between::Pix,
            ),
            (
                format!("{SWITCH}/0000:02:00.0/0000:03:00.1"),
                Some(0),
                Between::Pix,
            ),
            (
                format!("{SWITCH}/0000:02:01.0/0000:04:00.0/0000:05:00.0/0000:06:00.0"),
                Some(0),
                Between::Pxb,
            ),
            (
                "/sys/devices/pci0000:00/0000:00:04.0/0000:05:00.0".into(),
                Some(0),
                Between::Phb,
            ),
            (
                "/sys/devices/pci0000:80/0000:80:04.0/0000:85:00.0".into(),
                Some(0),
                Between::Node,
            ),
            (
                "/sys/devices/pci0000:80/0000:80:04.0/0000:85:00.0".into(),
                Some(1),
                Between::Sys,
            ),
            ("/sys/devices/faux/npu".into(), None, Between::Unknown),
        ];
        for (path, node, expected) in cases {
            let b = at(1, &path, node);
            assert_eq!(between(&a, &b), expected, "{path}");
            assert_eq!(between(&b, &a), expected, "{path}, the other way round");
        }
    }
}
