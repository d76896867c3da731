// SPDX-License-Identifier: GPL-2.0

//! sysfs attributes of the compute node: the core's, the driver's, those of the engines.

use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*, //
};
use kernel_ext::{
    sysfs::{
        AttributeInfo,
        AttributeUse,
        Page, //
    },
    task, //
};

use crate::{
    clients::ComputeMode,
    device::Device,
    driver::Driver,
    error_limits::Sort,
    telemetry::Telemetry,
    user_queue::UserQueues, //
};

/// A read-only attribute of a driver.
pub struct Attribute<T: Driver> {
    /// Name of the file.
    pub name: &'static CStr,
    /// Writes the value and a newline.
    pub show: fn(&T::Data<'_>, &mut Page<'_>) -> fmt::Result,
}

/// A number that each engine has: a folder that has a file for each of them, by its name.
pub struct EngineAttribute<T: Driver> {
    /// Name of the folder.
    pub name: &'static CStr,
    /// Reads that of the engine with this index in [`Driver::ENGINES`]. `None`: it cannot be read (ENODATA).
    pub read: fn(&T::Data<'_>, usize) -> Option<u64>,
}

type Show<T> = fn(&Device<T>, &mut Page<'_>) -> fmt::Result;
type Store<T> = fn(&Device<T>, &[u8]) -> Result;

/// An attribute of the core.
struct Core<T: Driver> {
    folder: Option<&'static CStr>,
    name: &'static CStr,
    show: Option<Show<T>>,
    store: Option<Store<T>>,
}

impl<T: Driver> Core<T> {
    const fn shown(name: &'static CStr, show: Show<T>) -> Self {
        Self {
            folder: None,
            name,
            show: Some(show),
            store: None,
        }
    }

    const fn changeable(name: &'static CStr, show: Show<T>, store: Store<T>) -> Self {
        Self {
            store: Some(store),
            ..Self::shown(name, show)
        }
    }

    const fn limit(name: &'static CStr, show: Show<T>, store: Store<T>) -> Self {
        Self {
            folder: Some(c"error_limits"),
            ..Self::changeable(name, show, store)
        }
    }

    const ALL: [Self; 7] = [
        Self::shown(c"health", health),
        Self::shown(c"resets", resets),
        Self::shown(c"reset_epoch", reset_epoch),
        Self::shown(c"uuid", uuid),
        Self::changeable(c"compute_mode", compute_mode, set_compute_mode),
        Self::changeable(c"isolated", isolated, set_isolated),
        Self {
            folder: None,
            name: c"reset",
            show: None,
            store: Some(reset),
        },
    ];

    /// Of devices that find errors in themselves.
    const LIMITS: [Self; 2] = [
        Self::limit(
            c"corrected",
            |device, page| limit(device, page, Sort::Corrected),
            |device, text| set_limit(device, text, Sort::Corrected),
        ),
        Self::limit(
            c"uncorrected",
            |device, page| limit(device, page, Sort::Uncorrected),
            |device, text| set_limit(device, text, Sort::Uncorrected),
        ),
    ];

    fn is_for(&self) -> AttributeUse {
        match (self.show, self.store) {
            (Some(_), Some(_)) => AttributeUse::Both,
            (_, None) => AttributeUse::Show,
            (None, _) => AttributeUse::Store,
        }
    }
}

/// Shows something of an engine, by its index in [`Driver::ENGINES`].
type ShowEngine<T> = fn(&Device<T>, usize, &mut Page<'_>) -> fmt::Result;

/// What an attribute is about.
enum About<T: Driver> {
    Core(&'static Core<T>),
    Driver(&'static Attribute<T>),
    Engine(usize, ShowEngine<T>),
    DriverEngine(usize, &'static EngineAttribute<T>),
}

/// The attributes of a device: the core's, the driver's and those of the engines.
pub(crate) struct Attributes<T: Driver> {
    infos: KVec<AttributeInfo>,
    /// In the same order.
    about: KVec<About<T>>,
}

impl<T: Driver> Attributes<T> {
    /// Makes those of a device with these tables. ENOMEM.
    pub(crate) fn new(tables: &Telemetry<T>) -> Result<Self> {
        let mut all = Self {
            infos: KVec::new(),
            about: KVec::new(),
        };
        let limits = match tables.counts_errors() {
            true => const { &Core::<T>::LIMITS }.as_slice(),
            false => &[],
        };
        for attribute in Iterator::chain(const { &Core::<T>::ALL }.iter(), limits) {
            let (folder, is_for) = (attribute.folder, attribute.is_for());
            all.push(folder, attribute.name, is_for, About::Core(attribute))?;
        }
        for attribute in T::ATTRIBUTES {
            let about = About::Driver(attribute);
            all.push(None, attribute.name, AttributeUse::Show, about)?;
        }
        all.push_engines(c"busy_ns", |index| About::Engine(index, busy))?;
        if T::UserQueues::MAX_PAYLOAD.is_some() {
            all.push_engines(c"user_ns", |index| About::Engine(index, user))?;
        }
        for attribute in T::ENGINE_ATTRIBUTES {
            all.push_engines(attribute.name, |index| {
                About::DriverEngine(index, attribute)
            })?;
        }
        Ok(all)
    }

    /// Adds a folder with a file for each engine.
    fn push_engines(&mut self, folder: &'static CStr, about: impl Fn(usize) -> About<T>) -> Result {
        for (index, engine) in T::ENGINES.iter().enumerate() {
            self.push(Some(folder), engine.name, AttributeUse::Show, about(index))?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        folder: Option<&'static CStr>,
        name: &'static CStr,
        is_for: AttributeUse,
        about: About<T>,
    ) -> Result {
        let info = AttributeInfo {
            name,
            folder,
            is_for,
        };
        self.infos.push(info, GFP_KERNEL)?;
        Ok(self.about.push(about, GFP_KERNEL)?)
    }

    pub(crate) fn infos(&self) -> &[AttributeInfo] {
        &self.infos
    }
}

/// Writes `text` to an attribute, by its index. EPERM: whoever writes is no administrator.
pub(crate) fn store<T: Driver>(device: &Device<T>, index: usize, text: &[u8]) -> Result {
    if !task::is_capable_of_administration() {
        return Err(EPERM);
    }
    let attributes = device.attributes.as_ref().ok_or(EIO)?;
    match attributes.about.get(index) {
        Some(About::Core(core)) => core.store.ok_or(EIO)?(device, text.trim_ascii()),
        _ => Err(EIO),
    }
}

/// Shows an attribute, by its index.
pub(crate) fn show<T: Driver>(device: &Device<T>, index: usize, page: &mut Page<'_>) -> Result {
    let attributes = device.attributes.as_ref().ok_or(EIO)?;
    let result = match attributes.about.get(index) {
        Some(About::Core(core)) => core.show.ok_or(EIO)?(device, page),
        Some(About::Driver(attribute)) => device
            .enter_if_awake()?
            .with(|bound| (attribute.show)(&bound.data, page)),
        Some(About::Engine(index, show)) => show(device, *index, page),
        Some(About::DriverEngine(index, attribute)) => device
            .enter_if_awake()?
            .with(|bound| (attribute.read)(&bound.data, *index))
            .map(|value| writeln!(page, "{value}"))
            .ok_or(ENODATA)?,
        None => return Err(EIO),
    };
    // The page is full.
    result.map_err(|_| EMSGSIZE)
}

/// Resets the device. EINVAL: it is not "1"; EIO: no reset helped.
fn reset<T: Driver>(device: &Device<T>, text: &[u8]) -> Result {
    match text {
        b"1" => device.enter_awake()?.with(|bound| device.reset(bound)),
        _ => Err(EINVAL),
    }
}

fn compute_mode<T: Driver>(device: &Device<T>, page: &mut Page<'_>) -> fmt::Result {
    writeln!(page, "{}", device.clients.mode().name())
}

/// EINVAL: there is no such mode; EBUSY: there are too many clients for it; EOPNOTSUPP: the device is
/// made for one.
fn set_compute_mode<T: Driver>(device: &Device<T>, text: &[u8]) -> Result {
    let mode = ComputeMode::named(text).ok_or(EINVAL)?;
    let is_made_for_one = device.enter()?.with(|bound| bound.identity.is_exclusive());
    if is_made_for_one && mode == ComputeMode::Shared {
        return Err(EOPNOTSUPP);
    }
    device.clients.set_mode(mode)
}

fn isolated<T: Driver>(device: &Device<T>, page: &mut Page<'_>) -> fmt::Result {
    writeln!(page, "{}", u8::from(device.health.is_isolated()))
}

/// EINVAL: it is neither "0" nor "1".
fn set_isolated<T: Driver>(device: &Device<T>, text: &[u8]) -> Result {
    let is_wanted = match text {
        b"0" => false,
        b"1" => true,
        _ => return Err(EINVAL),
    };
    device
        .enter()?
        .with(|bound| device.isolate(bound, is_wanted));
    Ok(())
}

fn limit<T: Driver>(device: &Device<T>, page: &mut Page<'_>, sort: Sort) -> fmt::Result {
    writeln!(page, "{}", device.error_limits.get(sort))
}

/// EINVAL: it is no number of 32 bits.
fn set_limit<T: Driver>(device: &Device<T>, text: &[u8], sort: Sort) -> Result {
    let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;
    let limit = text.parse().map_err(|_| EINVAL)?;
    device.error_limits.set(sort, limit);
    Ok(())
}

fn health<T: Driver>(device: &Device<T>, page: &mut Page<'_>) -> fmt::Result {
    writeln!(page, "{}", device.health.state().name())
}

fn resets<T: Driver>(device: &Device<T>, page: &mut Page<'_>) -> fmt::Result {
    writeln!(page, "{}", device.health.get().resets)
}

fn reset_epoch<T: Driver>(device: &Device<T>, page: &mut Page<'_>) -> fmt::Result {
    writeln!(page, "{}", device.health.get().epoch)
}

fn busy<T: Driver>(device: &Device<T>, engine: usize, page: &mut Page<'_>) -> fmt::Result {
    let stats = device.scheduler_of(engine).map(|s| s.stats(engine));
    writeln!(page, "{}", stats.unwrap_or_default().busy_ns)
}

fn user<T: Driver>(device: &Device<T>, engine: usize, page: &mut Page<'_>) -> fmt::Result {
    device.charge_user_queues();
    writeln!(page, "{}", device.user_time(engine))
}

fn uuid<T: Driver>(device: &Device<T>, page: &mut Page<'_>) -> fmt::Result {
    let Some(guard) = device.cell.enter() else {
        return Ok(());
    };
    guard.with(|bound| {
        for (i, byte) in bound.identity.uuid().iter().enumerate() {
            let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(page, "{dash}{byte:02x}")?;
        }
        writeln!(page)
    })
}
