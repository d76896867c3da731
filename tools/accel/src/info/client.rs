// SPDX-License-Identifier: GPL-2.0
//! What a client learns of itself: memory and engine time, as types.

use std::time::Duration;

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::kinds::kinds;
use super::kinds::text;

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
    /// How long it has worked for its user queues, as the device counts it.
    pub user: Duration,
    /// Jobs of the client that ended on it, well or not.
    pub jobs: u64,
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

kinds! {
    ClientMemory: Array, ACCEL_INFO_CLIENT_MEMORY, accel_info_client_memory;
    ClientEngine: Array, ACCEL_INFO_CLIENT_ENGINES, accel_info_client_engine;
}
