// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/debug/accel_core/N`: what developers want to see of a device. No interface: may
//! change at any time.

use kernel::{
    debugfs::{
        self,
        Reader as _, //
    },
    fmt,
    prelude::*,
    str::CString,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
    uaccess::UserSliceReader, //
};

use crate::{
    buffer_list,
    device::Device,
    driver::Driver, //
};

/// A read-only file of a driver.
pub struct File<T: Driver> {
    /// Name of the file.
    pub name: &'static CStr,
    /// Writes the contents.
    pub show: fn(&T::Data<'_>, &mut fmt::Formatter<'_>) -> fmt::Result,
}

/// What a file shows.
struct Entry<T: Driver> {
    device: Arc<Device<T>>,
    index: usize,
}

/// The directory of a device.
pub(crate) struct Directory<T: Driver> {
    _files: KVec<Pin<KBox<debugfs::File<Entry<T>>>>>,
    _dir: Option<debugfs::Dir>,
}

impl<T: Driver> Directory<T> {
    pub(crate) fn new(device: &Arc<Device<T>>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("{}", device.index()))?;
        let dir = crate::DEBUGFS.get().map(|root| root.subdir(&name));
        let mut files = KVec::new();
        if let Some(dir) = &dir {
            let names = [c"engines", c"buffers", c"dump"].into_iter();
            let names = Iterator::chain(names, T::DEBUGFS.iter().map(|f| f.name));
            for (index, name) in names.enumerate() {
                let entry = Entry {
                    device: device.clone(),
                    index,
                };
                let file = dir.read_callback_file(name, entry, &show::<T>);
                files.push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?;
            }
            let entry = Entry {
                device: device.clone(),
                index: 0,
            };
            let (show, store) = (&show_timeout::<T>, &store_timeout::<T>);
            let file = dir.read_write_callback_file(c"timeout_ms", entry, show, store);
            files.push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(Self {
            _files: files,
            _dir: dir,
        })
    }
}

fn show<T: Driver>(entry: &Entry<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let index = match entry.index {
        0 => return engines(&entry.device, f),
        1 => return buffer_list::write(&entry.device.memory, f),
        2 => return dump(&entry.device, f),
        index => index - 3,
    };
    match (entry.device.enter_if_awake(), T::DEBUGFS.get(index)) {
        (Ok(guard), Some(file)) => guard.with(|bound| (file.show)(&bound.data, f)),
        _ => Ok(()),
    }
}

/// Writes the time-out of jobs that somebody has set, 0 if nobody has.
fn show_timeout<T: Driver>(entry: &Entry<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_fmt(fmt!("{}\n", entry.device.timeout_ms.load(Relaxed)))
}

/// Sets the time-out of jobs that start from now on; 0: that of the driver.
fn store_timeout<T: Driver>(entry: &Entry<T>, text: &mut UserSliceReader) -> Result {
    entry.device.timeout_ms.read_from_slice(text)
}

/// Writes the last dump that nobody has taken.
fn dump<T: Driver>(device: &Device<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &device.recovery.lock().dump {
        Some(dump) => f.write_str(dump.text()),
        None => Ok(()),
    }
}

fn engines<T: Driver>(device: &Device<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (info, scheduler, engine) in device.engines() {
        let stats = scheduler.stats(engine);
        f.write_fmt(fmt!(
            "{} queued {} completed {} failed {} busy_ns {}\n",
            info.name,
            stats.queued,
            stats.completed,
            stats.failed,
            stats.busy_ns
        ))?;
    }
    Ok(())
}
