// SPDX-License-Identifier: GPL-2.0

//! INFO: one command that answers everything that can be asked about a device, on both nodes.

use kernel::{
    device::{
        Bound as BoundContext,
        Device as ParentDevice, //
    },
    prelude::*, //
};
use kernel_ext::{
    device::{
        bus_name,
        numa_node, //
    },
    pci,
    uaccess::copy_out, //
};
use zerocopy::{
    FromZeros,
    Immutable,
    IntoBytes, //
};

use crate::{
    device::{
        Bound,
        Device,
        SYSTEM_MEMORY, //
    },
    driver::{
        Driver,
        Setup, //
    },
    file::File,
    link,
    logic::uuid,
    uapi::{
        self,
        accel_info,
        accel_info_client_engine,
        accel_info_client_memory,
        accel_info_clients,
        accel_info_device,
        accel_info_engine,
        accel_info_kind,
        accel_info_link,
        accel_info_memory,
        accel_info_status, //
    },
    usage,
};

/// An answer of this size needs no allocation, bytes.
const INLINE: usize = 64;

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

/// An answer in the making.
pub struct Answer {
    inline: Inline,
    len: usize,
    /// Holds all of it once it does not fit into `inline`.
    heap: Option<KVVec<u8>>,
}

#[repr(align(8))]
struct Inline([u8; INLINE]);

impl Answer {
    #[inline]
    fn new() -> Self {
        Self {
            inline: Inline([0; INLINE]),
            len: 0,
            heap: None,
        }
    }

    /// Adds a struct, or an element of the array.
    #[inline]
    pub fn push<S: IntoBytes + Immutable>(&mut self, value: &S) -> Result {
        let bytes = value.as_bytes();
        let len = self.len + bytes.len();
        match self.inline.0.get_mut(self.len..len) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.spill(bytes)?,
        }
        self.len = len;
        Ok(())
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) -> Result {
        let heap = match &mut self.heap {
            Some(heap) => heap,
            None => {
                let mut heap = KVVec::new();
                let inline = self.inline.0.get(..self.len).unwrap_or_default();
                heap.extend_from_slice(inline, GFP_KERNEL)?;
                self.heap.insert(heap)
            }
        };
        Ok(heap.extend_from_slice(bytes, GFP_KERNEL)?)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.heap {
            Some(heap) => heap,
            None => self.inline.0.get(..self.len).unwrap_or_default(),
        }
    }
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
    /// From what the device says.
    Awake(fn(&Bound<'_, T>, &mut Answer) -> Result),
    /// From what a client has: on the compute node only.
    Client(fn(&File<T>, &mut Answer) -> Result),
}

/// The kinds of the core, the most wanted one first.
const fn kinds<T: Driver>() -> [(Meta, Fill<T>); 9] {
    use Fill::{Awake, Bound, Client, Device};
    const ARRAY: u32 = uapi::ACCEL_INFO_ARRAY;
    [
        (
            meta::<accel_info_status>(uapi::ACCEL_INFO_STATUS, 0),
            Device(status),
        ),
        (
            meta::<accel_info_kind>(uapi::ACCEL_INFO_LIST, ARRAY),
            Device(list),
        ),
        (
            meta::<accel_info_device>(uapi::ACCEL_INFO_DEVICE, 0),
            Bound(device),
        ),
        (
            Meta {
                version: 2,
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
            Meta {
                // None, of devices that never have links.
                nodes: if T::HAS_LINK { ON_BOTH } else { 0 },
                ..meta::<accel_info_link>(uapi::ACCEL_INFO_LINKS, ARRAY)
            },
            Awake(link::links),
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

/// Any kind, by `file`, or on the monitor node.
#[inline(never)]
pub(crate) fn ask<T: Driver>(
    device: &Device<T>,
    file: Option<&File<T>>,
    args: &mut accel_info,
) -> Result {
    check(device, args)?;
    let mut answer = Answer::new();
    let meta = fill(device, file, args.kind, &mut answer)?;
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
    file: Option<&File<T>>,
    kind: u32,
    answer: &mut Answer,
) -> Result<&'static Meta> {
    let node = match file {
        Some(_) => uapi::ACCEL_INFO_ON_COMPUTE,
        None => uapi::ACCEL_INFO_ON_MONITOR,
    };
    let is = |meta: &Meta| meta.kind == kind && meta.nodes & node != 0;
    let core = const { &kinds::<T>() };
    if let Some((meta, fill)) = core.iter().find(|(meta, _)| is(meta)) {
        match fill {
            Fill::Device(fill) => fill(device, answer)?,
            Fill::Bound(fill) => device.enter()?.with(|bound| fill(bound, answer))?,
            Fill::Awake(fill) => device
                .enter_to_ask(file.is_some())?
                .with(|bound| fill(bound, answer))?,
            Fill::Client(fill) => fill(file.ok_or(EOPNOTSUPP)?, answer)?,
        }
        return Ok(meta);
    }
    let kind = T::INFO.iter().find(|k| is(&k.meta)).ok_or(EOPNOTSUPP)?;
    device
        .enter_to_ask(file.is_some())?
        .with(|bound| (kind.fill)(&bound.data, answer))?;
    Ok(&kind.meta)
}

fn list<T: Driver>(_device: &Device<T>, answer: &mut Answer) -> Result {
    let core = const { &kinds::<T>() };
    // Those for which the device is asked, which may sleep.
    let asks = |kind| kind >= uapi::ACCEL_INFO_DRIVER_BASE || kind == uapi::ACCEL_INFO_LINKS;
    let driver = T::INFO.iter().map(|kind| &kind.meta);
    let all = Iterator::chain(core.iter().map(|(meta, _)| meta), driver);
    for meta in all.filter(|meta| meta.nodes != 0) {
        answer.push(&accel_info_kind {
            kind: meta.kind,
            version: meta.version,
            size: meta.size as u32,
            flags: meta.flags,
            availability: match T::HAS_SUSPEND && asks(meta.kind) {
                true => uapi::ACCEL_INFO_OPERATIONAL,
                false => uapi::ACCEL_INFO_ALWAYS,
            },
            privilege: uapi::ACCEL_INFO_PUBLIC,
            nodes: meta.nodes,
            reserved: 0,
        })?;
    }
    Ok(())
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

/// Who the device is; made at probe.
pub(crate) struct Identity(accel_info_device);

impl Identity {
    pub(crate) fn new<T: Driver>(
        parent: &ParentDevice<BoundContext>,
        setup: &Setup<'_, T>,
        index: u32,
    ) -> Self {
        let (bus, address) = (bus_name(parent), parent.name());
        let ids = pci::ids(parent).unwrap_or_default();
        Self(accel_info_device {
            name: text(setup.name),
            driver: text(T::NAME),
            bus: text(bus),
            address: text(address),
            uuid: setup.uuid.unwrap_or_else(|| {
                uuid::from_names(&[
                    T::NAME.to_bytes(),
                    setup.name.to_bytes(),
                    bus.to_bytes(),
                    address.to_bytes(),
                ])
            }),
            index,
            core_version: crate::VERSION,
            driver_version: (u32::from(T::VERSION.0) << 16) | u32::from(T::VERSION.1),
            vendor: ids.vendor.into(),
            device: ids.device.into(),
            subsystem_vendor: ids.subsystem_vendor.into(),
            subsystem_device: ids.subsystem_device.into(),
            revision: ids.revision.into(),
            numa_node: numa_node(parent),
            flags: if setup.exclusive {
                uapi::ACCEL_DEVICE_EXCLUSIVE
            } else {
                0
            },
        })
    }

    pub(crate) fn is_exclusive(&self) -> bool {
        self.0.flags & uapi::ACCEL_DEVICE_EXCLUSIVE != 0
    }

    pub(crate) fn uuid(&self) -> &[u8; 16] {
        &self.0.uuid
    }
}

/// A string for user space: cut if need be, always with a NUL at its end.
fn text<const N: usize>(s: &CStr) -> [c_char; N] {
    let mut text: [c_char; N] = FromZeros::new_zeroed();
    let room = text.iter_mut().take(N.saturating_sub(1));
    for (to, from) in room.zip(s.to_bytes()) {
        *to = *from as c_char;
    }
    text
}
