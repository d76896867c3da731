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

const fn core<T: Driver>() -> [(&'static CStr, Show<T>); 4] {
    [
        (c"health", health),
        (c"resets", resets),
        (c"reset_epoch", reset_epoch),
        (c"uuid", uuid),
    ]
}

/// Where the busy times of the engines are.
const BUSY: &CStr = c"busy_ns";

/// Returns all attributes: the core's, the driver's and those of the engines, which are shown, then the
/// one that is written.
pub(crate) fn all<T: Driver>() -> Result<KVec<AttributeInfo>> {
    let core = const { &core::<T>() };
    let count = core.len() + T::ATTRIBUTES.len() + T::ENGINES.len() + 1;
    let mut all = KVec::with_capacity(count, GFP_KERNEL)?;
    let mut add = |folder, name, is_for| {
        let info = AttributeInfo {
            name,
            folder,
            is_for,
        };
        all.push(info, GFP_KERNEL)
    };
    let driver = T::ATTRIBUTES.iter().map(|a| a.name);
    for name in Iterator::chain(core.iter().map(|(name, _)| *name), driver) {
        add(None, name, AttributeUse::Show)?;
    }
    for engine in T::ENGINES {
        add(Some(BUSY), engine.name, AttributeUse::Show)?;
    }
    add(None, c"reset", AttributeUse::Store)?;
    Ok(all)
}

/// Resets the device: the only attribute that is written. EPERM: whoever writes is no
/// administrator; EINVAL: it is not "1"; EIO: no reset helped.
pub(crate) fn store<T: Driver>(device: &Device<T>, text: &[u8]) -> Result {
    if !task::is_capable_of_administration() {
        return Err(EPERM);
    }
    if text.trim_ascii() != b"1" {
        return Err(EINVAL);
    }
    device.enter()?.with(|bound| device.reset(bound))
}

/// Writes the attribute at `index` of [`all`].
pub(crate) fn show<T: Driver>(device: &Device<T>, index: usize, page: &mut Page<'_>) -> Result {
    let core = const { &core::<T>() };
    let rest = index.wrapping_sub(core.len());
    let result = match (core.get(index), T::ATTRIBUTES.get(rest)) {
        (Some((_, show)), _) => show(device, page),
        (_, Some(attribute)) => device
            .enter()?
            .with(|bound| (attribute.show)(&bound.data, page)),
        _ => busy(device, rest - T::ATTRIBUTES.len(), page),
    };
    // The page is full.
    result.map_err(|_| EMSGSIZE)
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
