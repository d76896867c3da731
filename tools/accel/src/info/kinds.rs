// SPDX-License-Identifier: GPL-2.0
//! The kinds that every device answers, as types.

use std::fmt;
use std::time::Duration;

use accel_uapi as uapi;

use super::Array;
use super::Kind;
use super::Single;
use super::raw::kinds;
use super::raw::numbers;
use super::raw::text;
use super::raw::time;

/// Version of a subsystem or driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Raised when something changes its meaning.
    pub major: u16,
    /// Raised when something is added.
    pub minor: u16,
}

impl From<u32> for Version {
    fn from(raw: u32) -> Self {
        Version {
            major: (raw >> 16) as u16,
            minor: raw as u16,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Identity of a device across boots.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Uuid {
    /// The usual form of RFC 9562: 8-4-4-4-12 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

numbers! {
    /// Health of a device.
    Health {
        /// Takes jobs.
        Operational = ACCEL_HEALTH_OPERATIONAL, "operational";
        /// Being reset; jobs wait.
        Resetting = ACCEL_HEALTH_RESETTING, "resetting";
        /// A reset failed; jobs are refused until an administrator resets or rebinds the device.
        Wedged = ACCEL_HEALTH_WEDGED, "wedged";
        /// Works, but gets no work until an administrator takes that back: it found too many errors
        /// in itself, or he wants that.
        Isolated = ACCEL_HEALTH_ISOLATED, "isolated";
    }
}

numbers! {
    /// What an engine is for.
    EngineKind {
        /// Computes.
        Compute = ACCEL_ENGINE_COMPUTE, "compute";
        /// Runs neural networks.
        Inference = ACCEL_ENGINE_INFERENCE, "inference";
        /// Moves data.
        Copy = ACCEL_ENGINE_COPY, "copy";
        /// Talks to other devices.
        Collective = ACCEL_ENGINE_COLLECTIVE, "collective";
    }
}

numbers! {
    /// Where memory is.
    MemoryKind {
        /// The host's.
        System = ACCEL_MEMORY_SYSTEM, "system";
        /// The device's.
        Device = ACCEL_MEMORY_DEVICE, "device";
    }
}

numbers! {
    /// When a kind can be answered.
    Availability {
        /// Also in reset.
        Always = ACCEL_INFO_ALWAYS, "always";
        /// When the device is operational.
        Operational = ACCEL_INFO_OPERATIONAL, "operational";
        /// When the caller has a context.
        Context = ACCEL_INFO_CONTEXT, "context";
    }
}

numbers! {
    /// Whom a kind is answered.
    Privilege {
        /// Everybody.
        Public = ACCEL_INFO_PUBLIC, "public";
        /// Openers with CAP_PERFMON.
        Perfmon = ACCEL_INFO_PERFMON, "CAP_PERFMON";
        /// Openers with CAP_SYS_ADMIN.
        Admin = ACCEL_INFO_ADMIN, "CAP_SYS_ADMIN";
    }
}

/// One kind that a device answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    /// Id of the kind.
    pub kind: u32,
    /// Its version.
    pub version: u32,
    /// Bytes of its struct, or of one element of an array.
    pub size: u32,
    /// Whether the answer is an array.
    pub array: bool,
    /// When it can be answered.
    pub availability: Availability,
    /// Whom it is answered.
    pub privilege: Privilege,
    /// Whether the compute node answers it.
    pub on_compute: bool,
    /// Whether the monitor node answers it.
    pub on_monitor: bool,
}

impl From<uapi::accel_info_kind> for List {
    fn from(raw: uapi::accel_info_kind) -> Self {
        List {
            kind: raw.kind,
            version: raw.version,
            size: raw.size,
            array: raw.flags & uapi::ACCEL_INFO_ARRAY != 0,
            availability: raw.availability.into(),
            privilege: raw.privilege.into(),
            on_compute: raw.nodes & uapi::ACCEL_INFO_ON_COMPUTE != 0,
            on_monitor: raw.nodes & uapi::ACCEL_INFO_ON_MONITOR != 0,
        }
    }
}

/// Who a device is; never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Product, for people.
    pub name: String,
    /// Name of the driver's module.
    pub driver: String,
    /// Name of the bus.
    pub bus: String,
    /// Name of the device on its bus.
    pub address: String,
    /// The same for the same device at every boot.
    pub uuid: Uuid,
    /// N of the nodes.
    pub index: u32,
    /// Version of the subsystem.
    pub core_version: Version,
    /// Version of the driver.
    pub driver_version: Version,
    /// Vendor id on the bus, if that has ids.
    pub vendor: Option<u32>,
    /// Device id, likewise.
    pub device: Option<u32>,
    /// Subsystem vendor id, if it has one.
    pub subsystem_vendor: Option<u32>,
    /// Subsystem device id, likewise.
    pub subsystem_device: Option<u32>,
    /// Revision id, if the bus has ids.
    pub revision: Option<u32>,
    /// NUMA node, if known.
    pub numa_node: Option<u32>,
    /// What it can do.
    pub can: Capabilities,
}

/// What a device can do, and does not say elsewhere; never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It takes one client at a time.
    pub exclusive: bool,
    /// It has an MMU, and address spaces.
    pub address_spaces: bool,
    /// It has user queues and doorbells.
    pub user_queues: bool,
    /// Jobs can be prepared.
    pub prepared_jobs: bool,
    /// It sleeps when nobody uses it.
    pub sleeps: bool,
}

impl From<u32> for Capabilities {
    fn from(flags: u32) -> Self {
        Capabilities {
            exclusive: flags & uapi::ACCEL_DEVICE_EXCLUSIVE != 0,
            address_spaces: flags & uapi::ACCEL_DEVICE_ADDRESS_SPACES != 0,
            user_queues: flags & uapi::ACCEL_DEVICE_USER_QUEUES != 0,
            prepared_jobs: flags & uapi::ACCEL_DEVICE_PREPARED_JOBS != 0,
            sleeps: flags & uapi::ACCEL_DEVICE_SLEEPS != 0,
        }
    }
}

impl From<uapi::accel_info_device> for Device {
    fn from(raw: uapi::accel_info_device) -> Self {
        // 0 is no vendor, but it is a device and a revision of one.
        let of = |vendor: u32, id: u32| (vendor != 0).then_some(id);
        Device {
            name: text(&raw.name),
            driver: text(&raw.driver),
            bus: text(&raw.bus),
            address: text(&raw.address),
            uuid: Uuid(raw.uuid),
            index: raw.index,
            core_version: raw.core_version.into(),
            driver_version: raw.driver_version.into(),
            vendor: of(raw.vendor, raw.vendor),
            device: of(raw.vendor, raw.device),
            subsystem_vendor: of(raw.subsystem_vendor, raw.subsystem_vendor),
            subsystem_device: of(raw.subsystem_vendor, raw.subsystem_device),
            revision: of(raw.vendor, raw.revision),
            numa_node: raw.numa_node.try_into().ok(),
            can: raw.flags.into(),
        }
    }
}

/// How a device is. Reading it rearms [`Monitor::wait`](crate::Monitor::wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its health.
    pub health: Health,
    /// When the health last changed, on CLOCK_MONOTONIC.
    pub since: Duration,
    /// How often the health changed since the device was registered.
    pub changes: u64,
    /// How many resets ended, well or not.
    pub resets: u64,
    /// How often all of the device was reset, and worked afterwards.
    pub epoch: u32,
}

impl From<uapi::accel_info_status> for Status {
    fn from(raw: uapi::accel_info_status) -> Self {
        Status {
            health: raw.health.into(),
            since: Duration::from_nanos(raw.since_ns),
            changes: raw.changes,
            resets: raw.resets,
            epoch: raw.epoch,
        }
    }
}

/// One engine of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Name, unique in the device.
    pub name: String,
    /// What it is for.
    pub kind: EngineKind,
    /// Jobs that wait for or run on it.
    pub queued: u32,
    /// Jobs that ended well.
    pub completed: u64,
    /// Jobs that ended otherwise.
    pub failed: u64,
    /// Time in which a job was on it.
    pub busy: Duration,
    user: UserQueues,
    /// How long a job may take, if its queue does not say less.
    pub timeout: Duration,
}

/// What an engine did for user queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserQueues {
    /// Time in which it worked for them, as the device counts it.
    pub time: Duration,
    /// User queues that failed.
    pub failed: u64,
}

impl Engine {
    /// What it did for user queues, if its device has any.
    pub fn user(&self, can: Capabilities) -> Option<UserQueues> {
        can.user_queues.then_some(self.user)
    }
}

impl From<uapi::accel_info_engine> for Engine {
    fn from(raw: uapi::accel_info_engine) -> Self {
        Engine {
            name: text(&raw.name),
            kind: raw.kind.into(),
            queued: raw.queued,
            completed: raw.completed,
            failed: raw.failed,
            busy: Duration::from_nanos(raw.busy_ns),
            user: UserQueues {
                time: Duration::from_nanos(raw.user_ns),
                failed: raw.user_failed,
            },
            timeout: Duration::from_nanos(raw.timeout_ns),
        }
    }
}

/// One memory region of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Name; "memory" is system memory.
    pub name: String,
    /// Where it is.
    pub kind: MemoryKind,
    /// Bytes it has; `None` if bounded by the host's memory only.
    pub size: Option<u64>,
    /// Bytes that buffers of all clients take.
    pub used: u64,
    /// What is only known of a device's own memory.
    pub region: Option<Region>,
}

/// More about memory of a device's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Bytes that nobody uses but that are not overwritten yet.
    pub dirty: u64,
    /// Bytes of the largest buffer in one piece that there is room for.
    pub largest_free: u64,
    /// Bytes, from the start on, that CPUs can reach.
    pub visible: u64,
    /// Bytes that sizes of buffers are rounded up to a multiple of.
    pub page_size: u64,
    /// Whether buffers may be in pieces.
    pub scattered: bool,
}

impl From<uapi::accel_info_memory> for Memory {
    fn from(raw: uapi::accel_info_memory) -> Self {
        let size = (raw.size != 0).then_some(raw.size);
        let kind = raw.kind.into();
        Memory {
            name: text(&raw.name),
            kind,
            size,
            used: raw.used,
            region: (kind == MemoryKind::Device).then_some(Region {
                dirty: raw.dirty,
                largest_free: raw.largest_free,
                visible: raw.visible,
                page_size: raw.page_size,
                scattered: raw.flags & uapi::ACCEL_MEMORY_SCATTERED != 0,
            }),
        }
    }
}

numbers! {
    /// How many clients a device has at a time.
    ComputeMode {
        /// Any number.
        Shared = ACCEL_COMPUTE_SHARED, "shared";
        /// One at most.
        Exclusive = ACCEL_COMPUTE_EXCLUSIVE, "exclusive";
    }
}

/// Who uses a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Files open on the compute node.
    pub clients: u32,
    /// Files open on the monitor node.
    pub monitors: u32,
    /// Times the compute node was opened.
    pub opens: u64,
    /// Times the monitor node was opened.
    pub monitor_opens: u64,
    /// Opens of the compute node that were refused because it was taken.
    pub refused: u64,
    /// When the compute node was last opened, on CLOCK_MONOTONIC; `None` if never.
    pub last_open: Option<Duration>,
    /// When it was last closed, likewise.
    pub last_close: Option<Duration>,
    /// How many clients there may be.
    pub mode: ComputeMode,
}

impl From<uapi::accel_info_clients> for Clients {
    fn from(raw: uapi::accel_info_clients) -> Self {
        Clients {
            clients: raw.clients,
            monitors: raw.monitors,
            opens: raw.opens,
            monitor_opens: raw.monitor_opens,
            refused: raw.refused,
            last_open: time(raw.last_open_ns),
            last_close: time(raw.last_close_ns),
            mode: raw.mode.into(),
        }
    }
}

kinds! {
    List: Array, ACCEL_INFO_LIST, accel_info_kind;
    Device: Single, ACCEL_INFO_DEVICE, accel_info_device;
    Status: Single, ACCEL_INFO_STATUS, accel_info_status;
    Engine: Array, ACCEL_INFO_ENGINES, accel_info_engine;
    Memory: Array, ACCEL_INFO_MEMORY, accel_info_memory;
    Clients: Single, ACCEL_INFO_CLIENTS, accel_info_clients;
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn device_is_typed() {
        let mut raw = uapi::accel_info_device::new_zeroed();
        raw.uuid = *b"0123456789abcdef";
        raw.core_version = 3 << 16 | 7;
        raw.numa_node = -1;
        raw.flags = uapi::ACCEL_DEVICE_EXCLUSIVE;
        let device = Device::from(raw);
        assert_eq!(
            device.uuid.to_string(),
            "30313233-3435-3637-3839-616263646566"
        );
        assert_eq!(device.core_version.to_string(), "3.7");
        assert_eq!(device.numa_node, None);
        assert!(device.can.exclusive && !device.can.sleeps);
    }

    #[test]
    fn ids_are_those_of_a_vendor() {
        let mut raw = uapi::accel_info_device::new_zeroed();
        let ids = |raw| {
            let device = Device::from(raw);
            let subsystem = (device.subsystem_vendor, device.subsystem_device);
            (device.vendor, device.device, device.revision, subsystem)
        };
        assert_eq!(ids(raw), (None, None, None, (None, None)));
        raw.vendor = 0x1b36;
        assert_eq!(ids(raw), (Some(0x1b36), Some(0), Some(0), (None, None)));
        (raw.subsystem_vendor, raw.subsystem_device) = (0x1234, 7);
        assert_eq!(ids(raw).3, (Some(0x1234), Some(7)));
    }

    #[test]
    fn who_has_no_user_queues_did_nothing_for_them() {
        let mut raw = uapi::accel_info_engine::new_zeroed();
        (raw.user_ns, raw.user_failed) = (5, 2);
        let engine = Engine::from(raw);
        let can = |user_queues| Capabilities {
            user_queues,
            ..Capabilities::default()
        };
        assert_eq!(engine.user(can(false)), None);
        let user = engine.user(can(true)).unwrap();
        assert_eq!((user.time, user.failed), (Duration::from_nanos(5), 2));
    }

    #[test]
    fn numbers_of_newer_kernels_are_unknown() {
        assert_eq!(Health::from(uapi::ACCEL_HEALTH_WEDGED), Health::Wedged);
        assert_eq!(Health::from(99), Health::Unknown(99));
        assert_eq!(Health::from(99).to_string(), "unknown (99)");
    }
}
