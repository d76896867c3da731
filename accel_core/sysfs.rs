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
    driver::Driver, //
};

/// A read-only attribute of a driver.
pub struct Attribute<T: Driver> {
    /// Name of the file.
    pub name: &'static CStr,
    /// Writes the value and a newline.
    pub show: fn(&T::Data<'_>, &mut Page<'_>) -> fmt::Result,
}

type Show<T> = fn(&Device<T>, &mut Page<'_>) -> fmt::Result;
type Store<T> = fn(&Device<T>, &[u8]) -> Result;

/// An attribute of the core.
struct Core<T: Driver> {
    name: &'static CStr,
    show: Option<Show<T>>,
    store: Option<Store<T>>,
}

impl<T: Driver> Core<T> {
    const fn shown(name: &'static CStr, show: Show<T>) -> Self {
        Self {
            name,
            show: Some(show),
            store: None,
        }
    }

    const ALL: [Self; 6] = [
        Self::shown(c"health", health),
        Self::shown(c"resets", resets),
        Self::shown(c"reset_epoch", reset_epoch),
        Self::shown(c"uuid", uuid),
        Self {
            name: c"compute_mode",
            show: Some(compute_mode),
            store: Some(set_compute_mode),
        },
        Self {
            name: c"reset",
            show: None,
            store: Some(reset),
        },
    ];

    fn is_for(&self) -> AttributeUse {
        match (self.show, self.store) {
            (Some(_), Some(_)) => AttributeUse::Both,
            (_, None) => AttributeUse::Show,
            (None, _) => AttributeUse::Store,
        }
    }
}

/// Where the busy times of the engines are.
const BUSY: &CStr = c"busy_ns";

/// Returns all attributes: the core's, the driver's and those of the engines.
pub(crate) fn all<T: Driver>() -> Result<KVec<AttributeInfo>> {
    let count = Core::<T>::ALL.len() + T::ATTRIBUTES.len() + T::ENGINES.len();
    let mut all = KVec::with_capacity(count, GFP_KERNEL)?;
    let mut add = |folder, name, is_for| {
        let info = AttributeInfo {
            name,
            folder,
            is_for,
        };
        all.push(info, GFP_KERNEL)
    };
    for attribute in &Core::<T>::ALL {
        add(None, attribute.name, attribute.is_for())?;
    }
    for attribute in T::ATTRIBUTES {
        add(None, attribute.name, AttributeUse::Show)?;
    }
    for engine in T::ENGINES {
        add(Some(BUSY), engine.name, AttributeUse::Show)?;
    }
    Ok(all)
}

/// Writes `text` to the attribute at `index` of [`all`]. EPERM: whoever writes is no administrator.
pub(crate) fn store<T: Driver>(device: &Device<T>, index: usize, text: &[u8]) -> Result {
    if !task::is_capable_of_administration() {
        return Err(EPERM);
    }
    let store = Core::<T>::ALL.get(index).and_then(|one| one.store);
    store.ok_or(EIO)?(device, text.trim_ascii())
}

/// Shows the attribute at `index` of [`all`].
pub(crate) fn show<T: Driver>(device: &Device<T>, index: usize, page: &mut Page<'_>) -> Result {
    let rest = index.wrapping_sub(Core::<T>::ALL.len());
    let result = match (Core::<T>::ALL.get(index), T::ATTRIBUTES.get(rest)) {
        (Some(one), _) => one.show.ok_or(EIO)?(device, page),
        (_, Some(attribute)) => device
            .enter_if_awake()?
            .with(|bound| (attribute.show)(&bound.data, page)),
        _ => busy(device, rest - T::ATTRIBUTES.len(), page),
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
