// SPDX-License-Identifier: GPL-2.0
//! Clients: what one learns of itself, and who they are, as types.

use std::time::Duration;

use accel_uapi as uapi;

use super::Array;
use super::Capabilities;
use super::Kind;
use super::raw::kinds;
use super::raw::text;

/// What the buffers of a client take in one memory region, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMemory {
    /// Name of the region, as of [`Memory`].
    pub name: String,
    /// All buffers that have a handle; what follows are parts of that.
    pub total: u64,
    /// What there is memory for.
    pub resident: u64,
    /// What others may use, too.
    pub shared: u64,
    /// What jobs may be using.
    pub active: u64,
    /// What the kernel may take.
    pub purgeable: u64,
}

impl From<uapi::accel_info_client_memory> for ClientMemory {
    fn from(raw: uapi::accel_info_client_memory) -> Self {
        ClientMemory {
            name: text(&raw.name),
            total: raw.total,
            resident: raw.resident,
            shared: raw.shared,
            active: raw.active,
            purgeable: raw.purgeable,
        }
    }
}

/// What an engine has done for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEngine {
    /// Name of the engine, as of [`Engine`](super::Engine).
    pub name: String,
    /// How long it has worked for the client, up to now.
    pub busy: Duration,
    user: Duration,
    /// Jobs of the client that ended on it, well or not.
    pub jobs: u64,
}

impl ClientEngine {
    /// How long it has worked for its user queues, as the device counts it, if the device has any.
    pub fn user(&self, can: Capabilities) -> Option<Duration> {
        can.user_queues.then_some(self.user)
    }
}

impl From<uapi::accel_info_client_engine> for ClientEngine {
    fn from(raw: uapi::accel_info_client_engine) -> Self {
        ClientEngine {
            name: text(&raw.name),
            busy: Duration::from_nanos(raw.busy_ns),
            user: Duration::from_nanos(raw.user_ns),
            jobs: raw.jobs,
        }
    }
}

/// A client of a device: an open file of its compute node.
///
/// Who did not have CAP_PERFMON when opening the node is told of the clients of the same user only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// A number that no other client has, as in [`Event`](crate::event::Event) and in fdinfo.
    pub client: u64,
    /// Name of the process that opened the file.
    pub name: String,
    /// Its number where the asking file was opened, if it has one there.
    pub pid: Option<u32>,
    /// Who opened it, as who opened the asking file numbers users.
    pub uid: u32,
    /// When, on CLOCK_MONOTONIC.
    pub opened: Duration,
    /// How long engines have worked for its jobs, all together.
    pub busy: Duration,
    user: Duration,
    /// Jobs that ended, well or not.
    pub jobs: u64,
    /// How often a job or a user queue of it failed.
    pub failed: u64,
    /// Bytes of system memory in buffers that it made, as long as they exist.
    pub system: u64,
    /// Bytes of the device's memory, likewise.
    pub local: u64,
}

impl Client {
    /// How long engines have worked for its user queues, as the device counts it, if the device has any.
    pub fn user(&self, can: Capabilities) -> Option<Duration> {
        can.user_queues.then_some(self.user)
    }
}

impl From<uapi::accel_info_client> for Client {
    fn from(raw: uapi::accel_info_client) -> Self {
        Client {
            client: raw.client,
            name: text(&raw.name),
            pid: raw.pid.try_into().ok().filter(|pid| *pid != 0),
            uid: raw.user,
            opened: Duration::from_nanos(raw.opened_ns),
            busy: Duration::from_nanos(raw.busy_ns),
            user: Duration::from_nanos(raw.user_ns),
            jobs: raw.jobs,
            failed: raw.failed,
            system: raw.system,
            local: raw.local,
        }
    }
}

kinds! {
    ClientMemory: Array, ACCEL_INFO_CLIENT_MEMORY, accel_info_client_memory;
    ClientEngine: Array, ACCEL_INFO_CLIENT_ENGINES, accel_info_client_engine;
    Client: Array, ACCEL_INFO_CLIENT_LIST, accel_info_client;
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn a_process_of_elsewhere_has_no_number() {
        let mut raw = uapi::accel_info_client::new_zeroed();
        assert_eq!(Client::from(raw).pid, None);
        raw.pid = 7;
        assert_eq!(Client::from(raw).pid, Some(7));
        raw.pid = -1;
        assert_eq!(Client::from(raw).pid, None);
    }
}
