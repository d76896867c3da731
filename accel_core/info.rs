// SPDX-License-Identifier: GPL-2.0

//! INFO: one command that answers everything that can be asked about a device, on both nodes.

use kernel::prelude::*;
use kernel_ext::uaccess::copy_out;
use zerocopy::{
    FromZeros,
    Immutable,
    IntoBytes, //
};

use crate::{
    answer::{
        text,
        Answer, //
    },
    client_list::client_list,
    device::{
        Bound,
        Device,
        SYSTEM_MEMORY, //
    },
    driver::Driver,
    error_limits,
    file::File,
    power,
    telemetry::{
        self,
        Telemetry, //
    },
    uapi::{
        self,
        accel_info,
        accel_info_client,
        accel_info_client_engine,
        accel_info_client_memory,
        accel_info_clients,
        accel_info_device,
        accel_info_engine,
        accel_info_error_limits,
        accel_info_errors,
        accel_info_firmware,
        accel_info_kind,
        accel_info_link,
        accel_info_memory,
        accel_info_row,
        accel_info_sensor,
        accel_info_sleep,
        accel_info_spares,
        accel_info_status,
        accel_info_throttle, //
    },
    usage,
    viewer::Viewer, //
};

const ON_BOTH: u32 = uapi::ACCEL_INFO_ON_COMPUTE | uapi::ACCEL_INFO_ON_MONITOR;

/// What is said about a kind in the LIST.
#[derive(Clone, Copy)]
struct Meta {
    kind: u32,
    version: u32,
    /// Bytes of the struct or of one element.
    size: usize,
    flags: u32,
    nodes: u32,
}

/// An INFO kind of a driver, on both nodes, public, version 1.
pub struct Kind<T: Driver> {
    meta: Meta,
    fill: DriverFill<T>,
}

/// Makes the answer of a driver's kind.
pub type DriverFill<T> = fn(&<T as Driver>::Data<'_>, &mut Answer) -> Result;

impl<T: Driver> Kind<T> {
    /// A kind whose answer is one `S`.
    pub const fn new<S: IntoBytes + Immutable>(kind: u32, fill: DriverFill<T>) -> Self {
        assert!(kind >= uapi::ACCEL_INFO_DRIVER_BASE);
        Self {
            meta: meta::<S>(kind, 0),
            fill,
        }
    }
}

const fn meta<S>(kind: u32, flags: u32) -> Meta {
    assert!(size_of::<S>() % 8 == 0);
    Meta {
        kind,
        version: 1,
        size: size_of::<S>(),
        flags,
        nodes: ON_BOTH,
    }
}

/// Makes the answer of a kind of the core.
enum Fill<T: Driver> {
    /// From what outlives the binding: no guard is needed.
    Device(fn(&Device<T>, &mut Answer) -> Result),
    /// From what exists while the device is bound.
    Bound(fn(&Bound<'_, T>, &mut Answer) -> Result),
    /// From a table, if the device has it, of a device that is awake.
    Awake(
        fn(&Telemetry<T>) -> bool,
        fn(&Bound<'_, T>, &mut Answer) -> Result,
    ),
    /// From a table or the like, if the device has it.
    Table(
        fn(&Telemetry<T>) -> bool,
        fn(&Device<T>, &Bound<'_, T>, &mut Answer) -> Result,
    ),
    /// From what a client has: on the compute node only.
    Client(fn(&File<T>, &mut Answer) -> Result),
    /// From what the asker may know: on the monitor node only.
    Viewer(fn(&Device<T>, &Viewer, &mut Answer) -> Result),
}

/// Who asks.
pub(crate) enum Asker<'a, T: Driver> {
    /// By the compute node.
    Client(&'a File<T>),
    /// By the monitor node.
    Monitor(&'a Viewer),
}

impl<T: Driver> Asker<'_, T> {
    fn is_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }
}

/// The kinds of the core, the most wanted one first.
const fn kinds<T: Driver>() -> [(Meta, Fill<T>); 18] {
    use Fill::{Awake, Bound, Client, Device, Table, Viewer};
    const ARRAY: u32 = uapi::ACCEL_INFO_ARRAY;
    [
        (
            meta::<accel_info_status>(uapi::ACCEL_INFO_STATUS, 0),
            Device(status),
        ),
        (
            meta::<accel_info_kind>(uapi::ACCEL_INFO_LIST, ARRAY),
            Bound(list),
        ),
        (
            meta::<accel_info_device>(uapi::ACCEL_INFO_DEVICE, 0),
            Bound(device),
        ),
        (
            Meta {
                version: 4,
                ..meta::<accel_info_engine>(uapi::ACCEL_INFO_ENGINES, ARRAY)
            },
            Device(engines),
        ),
        (
            meta::<accel_info_memory>(uapi::ACCEL_INFO_MEMORY, ARRAY),
            Device(memory),
        ),
        (
            meta::<accel_info_clients>(uapi::ACCEL_INFO_CLIENTS, 0),
            Device(clients),
        ),
        (
            Meta {
                nodes: uapi::ACCEL_INFO_ON_COMPUTE,
                ..meta::<accel_info_client_memory>(uapi::ACCEL_INFO_CLIENT_MEMORY, ARRAY)
            },
            Client(client_memory),
        ),
        (
            Meta {
                nodes: uapi::ACCEL_INFO_ON_COMPUTE,
                ..meta::<accel_info_client_engine>(uapi::ACCEL_INFO_CLIENT_ENGINES, ARRAY)
            },
            Client(client_engines),
        ),
        (
            meta::<accel_info_link>(uapi::ACCEL_INFO_LINKS, ARRAY),
            Awake(|tables| !tables.links.is_empty(), telemetry::links),
        ),
        (
            meta::<accel_info_sensor>(uapi::ACCEL_INFO_SENSORS, ARRAY),
            Table(|tables| !tables.sensors.is_empty(), telemetry::sensors),
        ),
        (
            meta::<accel_info_throttle>(uapi::ACCEL_INFO_THROTTLE, ARRAY),
            Table(|tables| !tables.throttle.is_empty(), telemetry::throttle),
        ),
        (
            meta::<accel_info_errors>(uapi::ACCEL_INFO_ERRORS, ARRAY),
            Table(Telemetry::counts_errors, telemetry::errors),
        ),
        (
            meta::<accel_info_error_limits>(uapi::ACCEL_INFO_ERROR_LIMITS, 0),
            Table(Telemetry::counts_errors, error_limits::error_limits),
        ),
        (
            meta::<accel_info_row>(uapi::ACCEL_INFO_ROWS, ARRAY),
            Table(|tables| tables.rows.is_some(), telemetry::rows),
        ),
        (
            meta::<accel_info_spares>(uapi::ACCEL_INFO_SPARES, 0),
            Table(|tables| tables.rows.is_some(), telemetry::spares),
        ),
        (
            Meta {
                version: 2,
                ..meta::<accel_info_firmware>(uapi::ACCEL_INFO_FIRMWARE, ARRAY)
            },
            Table(|tables| !tables.firmware.is_empty(), telemetry::firmware),
        ),
        (
            Meta {
                nodes: uapi::ACCEL_INFO_ON_MONITOR,
                ..meta::<accel_info_client>(uapi::ACCEL_INFO_CLIENT_LIST, ARRAY)
            },
            Viewer(client_list),
        ),
        (
            meta::<accel_info_sleep>(uapi::ACCEL_INFO_SLEEP, 0),
            Table(|_| power::can_doze::<T>(), power::sleep),
        ),
    ]
}

/// ACCEL_IOCTL_INFO on either node; `ask` is [`ask`] with what the node knows.
// Measured (make bench, info_ioctl): inlining halves what STATUS costs.
#[inline(always)]
pub(crate) fn info<T: Driver>(
    device: &Device<T>,
    args: &mut accel_info,
    ask: impl FnOnce(&mut accel_info) -> Result,
) -> Result {
    if args.kind != uapi::ACCEL_INFO_STATUS {
        return ask(args);
    }
    // Monitors ask for it all the time.
    check(device, args)?;
    let status = device.health.get();
    tell(
        args,
        &const { meta::<accel_info_status>(0, 0) },
        status.as_bytes(),
    )
}

#[inline(always)]
fn check<T: Driver>(device: &Device<T>, args: &accel_info) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    // The copy of `args` may have taken long.
    match device.cell.is_alive() {
        true => Ok(()),
        false => Err(ENODEV),
    }
}

/// Any kind.
#[inline(never)]
pub(crate) fn ask<T: Driver>(
    device: &Device<T>,
    asker: Asker<'_, T>,
    args: &mut accel_info,
) -> Result {
    check(device, args)?;
    let mut answer = Answer::new();
    let meta = fill(device, asker, args.kind, &mut answer)?;
    tell(args, meta, answer.bytes())
}

/// Tells as much of an answer as the caller has room for.
#[inline(always)]
fn tell(args: &mut accel_info, meta: &Meta, bytes: &[u8]) -> Result {
    let capacity = args.size as usize;
    args.size = u32::try_from(bytes.len())?;
    args.version = meta.version;
    args.element_size = meta.size as u32;
    let len = if capacity >= bytes.len() {
        bytes.len()
    } else if meta.flags & uapi::ACCEL_INFO_ARRAY != 0 {
        capacity - capacity.checked_rem(meta.size).unwrap_or(0)
    } else {
        capacity
    };
    if len == 0 {
        return Ok(());
    }
    let addr = usize::try_from(args.data).map_err(|_| EFAULT)?;
    copy_out(addr, bytes.get(..len).unwrap_or(bytes))
}

/// Makes the answer of `kind`; EOPNOTSUPP if this node has no such kind.
#[inline]
fn fill<T: Driver>(
    device: &Device<T>,
    asker: Asker<'_, T>,
    kind: u32,
    answer: &mut Answer,
) -> Result<&'static Meta> {
    let node = match asker {
        Asker::Client(_) => uapi::ACCEL_INFO_ON_COMPUTE,
        Asker::Monitor(_) => uapi::ACCEL_INFO_ON_MONITOR,
    };
    let is = |meta: &Meta| meta.kind == kind && meta.nodes & node != 0;
    let core = const { &kinds::<T>() };
    if let Some((meta, fill)) = core.iter().find(|(meta, _)| is(meta)) {
        match (fill, &asker) {
            (Fill::Device(fill), _) => fill(device, answer)?,
            (Fill::Bound(fill), _) => device.enter()?.with(|bound| fill(bound, answer))?,
            (Fill::Awake(exists, fill), _) => {
                // A device without it is not woken for that.
                device.enter()?.with(|bound| has(bound, *exists))?;
                device
                    .enter_to_ask(asker.is_client())?
                    .with(|bound| fill(bound, answer))?
            }
            (Fill::Table(exists, fill), _) => device.enter()?.with(|bound| {
                has(bound, *exists)?;
                fill(device, bound, answer)
            })?,
            (Fill::Client(fill), Asker::Client(file)) => fill(file, answer)?,
            (Fill::Viewer(fill), Asker::Monitor(viewer)) => fill(device, viewer, answer)?,
            _ => return Err(EOPNOTSUPP),
        }
        return Ok(meta);
    }
    let kind = T::INFO.iter().find(|k| is(&k.meta)).ok_or(EOPNOTSUPP)?;
    device
        .enter_to_ask(asker.is_client())?
        .with(|bound| (kind.fill)(&bound.data, answer))?;
    Ok(&kind.meta)
}

/// Looks whether a device has a table. EOPNOTSUPP.
fn has<T: Driver>(bound: &Bound<'_, T>, exists: fn(&Telemetry<T>) -> bool) -> Result {
    match exists(&bound.panel.tables) {
        true => Ok(()),
        false => Err(EOPNOTSUPP),
    }
}

fn list<T: Driver>(bound: &Bound<'_, T>, answer: &mut Answer) -> Result {
    let core = const { &kinds::<T>() };
    let exists = |fill: &Fill<T>| match fill {
        Fill::Awake(exists, _) | Fill::Table(exists, _) => exists(&bound.panel.tables),
        _ => true,
    };
    let core = core.iter().filter(|(_, fill)| exists(fill));
    let driver = T::INFO.iter().map(|kind| &kind.meta);
    let all = Iterator::chain(core.map(|(meta, _)| meta), driver);
    for meta in all.filter(|meta| meta.nodes != 0) {
        answer.push(&accel_info_kind {
            kind: meta.kind,
            version: meta.version,
            size: meta.size as u32,
            flags: meta.flags,
            availability: availability::<T>(meta.kind),
            privilege: uapi::ACCEL_INFO_PUBLIC,
            nodes: meta.nodes,
            reserved: 0,
        })?;
    }
    Ok(())
}

/// Returns when a kind can be answered: what only the device knows, not while it sleeps.
fn availability<T: Driver>(kind: u32) -> u32 {
    let is_asked = kind == uapi::ACCEL_INFO_LINKS || kind >= uapi::ACCEL_INFO_DRIVER_BASE;
    match kind {
        uapi::ACCEL_INFO_ROWS | uapi::ACCEL_INFO_SPARES => uapi::ACCEL_INFO_OPERATIONAL,
        _ if T::HAS_SUSPEND && is_asked => uapi::ACCEL_INFO_OPERATIONAL,
        _ => uapi::ACCEL_INFO_ALWAYS,
    }
}

fn device<T: Driver>(bound: &Bound<'_, T>, answer: &mut Answer) -> Result {
    answer.push(&bound.identity.0)
}

#[inline]
fn status<T: Driver>(device: &Device<T>, answer: &mut Answer) -> Result {
    answer.push(&device.health.get())
}

fn engines<T: Driver>(device: &Device<T>, answer: &mut Answer) -> Result {
    device.charge_user_queues();
    for (info, scheduler, engine) in device.engines() {
        let stats = scheduler.stats(engine);
        answer.push(&accel_info_engine {
            name: text(info.name),
            kind: info.kind as u32,
            queued: stats.queued,
            completed: stats.completed,
            failed: stats.failed,
            busy_ns: stats.busy_ns,
            user_ns: device.user_time(engine),
            user_failed: device.user_failures.get(engine),
            timeout_ns: scheduler.timeout_ns(engine),
        })?;
    }
    Ok(())
}

fn memory<T: Driver>(device: &Device<T>, answer: &mut Answer) -> Result {
    answer.push(&accel_info_memory {
        name: text(SYSTEM_MEMORY),
        kind: uapi::ACCEL_MEMORY_SYSTEM,
        used: device.memory.used(),
        ..FromZeros::new_zeroed()
    })?;
    for region in device.regions() {
        let (info, usage) = (region.info(), region.usage());
        answer.push(&accel_info_memory {
            name: text(info.name),
            kind: uapi::ACCEL_MEMORY_DEVICE,
            flags: match info.scattered {
                true => uapi::ACCEL_MEMORY_SCATTERED,
                false => 0,
            },
            size: info.size,
            used: usage.used,
            dirty: usage.dirty,
            largest_free: usage.largest_free,
            visible: info.visible_size(),
            page_size: info.page_size,
        })?;
    }
    Ok(())
}

fn clients<T: Driver>(device: &Device<T>, answer: &mut Answer) -> Result {
    answer.push(&device.clients.get())
}

fn client_memory<T: Driver>(file: &File<T>, answer: &mut Answer) -> Result {
    let names = file.client.device.memory_names();
    for (name, sum) in names.zip(&usage::of(file)?) {
        answer.push(&accel_info_client_memory {
            name: text(name),
            total: sum.total,
            resident: sum.resident,
            shared: sum.shared,
            active: sum.active,
            purgeable: sum.purgeable,
        })?;
    }
    Ok(())
}

fn client_engines<T: Driver>(file: &File<T>, answer: &mut Answer) -> Result {
    file.client.device.charge_user_queues();
    for (index, info) in T::ENGINES.iter().enumerate() {
        let used = file.client.share.used(index);
        answer.push(&accel_info_client_engine {
            name: text(info.name),
            busy_ns: used.ns,
            user_ns: file.client.share.user_times.get(index),
            jobs: used.jobs,
        })?;
    }
    Ok(())
}
