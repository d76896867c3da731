// SPDX-License-Identifier: GPL-2.0

//! sysfs attributes of the compute node: the core's, then the driver's.

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

/// Returns all attributes: the core's and the driver's, which are shown, then the one that is
/// written.
pub(crate) fn all<T: Driver>() -> Result<KVec<AttributeInfo>> {
    let core = const { &core::<T>() };
    let mut all = KVec::with_capacity(core.len() + T::ATTRIBUTES.len() + 1, GFP_KERNEL)?;
    let driver = T::ATTRIBUTES.iter().map(|a| a.name);
    for name in Iterator::chain(core.iter().map(|(name, _)| *name), driver) {
        let is_for = AttributeUse::Show;
        all.push(AttributeInfo { name, is_for }, GFP_KERNEL)?;
    }
    let reset = AttributeInfo {
        name: c"reset",
        is_for: AttributeUse::Store,
    };
    all.push(reset, GFP_KERNEL)?;
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
    let result = match core.get(index) {
        Some((_, show)) => show(device, page),
        None => {
            let attribute = T::ATTRIBUTES.get(index - core.len()).ok_or(EINVAL)?;
            device
                .enter()?
                .with(|bound| (attribute.show)(&bound.data, page))
        }
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
