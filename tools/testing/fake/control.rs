// SPDX-License-Identifier: GPL-2.0

//! Making and removing fake devices: at load, and through `/sys/kernel/debug/accel_fake`.

use core::str;
use kernel::{
    debugfs,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    },
    uaccess::UserSliceReader, //
};
use kernel_ext::{
    faux,
    workqueue, //
};

use crate::FakeDriver;

/// A fake device and the number it goes by.
struct Device {
    number: u32,
    _faux: faux::Registration,
}

/// The fake devices that exist.
#[pin_data]
struct Devices {
    next: kernel::sync::atomic::Atomic<u32>,
    #[pin]
    list: Mutex<KVec<Device>>,
}

impl Devices {
    fn add(&self) -> Result {
        let mut list = self.list.lock();
        let number = self.next.load(kernel::sync::atomic::Relaxed);
        let name = CString::try_from_fmt(fmt!("fake.{number}"))?;
        // faux_device_create() does not say why it fails; here it can only be for lack of memory.
        let faux = faux::Registration::new(&name, None).map_err(|_| ENOMEM)?;
        accel_core::register::<FakeDriver>(faux.as_ref())?;
        list.push(
            Device {
                number,
                _faux: faux,
            },
            GFP_KERNEL,
        )?;
        self.next.store(number + 1, kernel::sync::atomic::Relaxed);
        Ok(())
    }

    fn remove(&self, number: u32) -> Result {
        let mut list = self.list.lock();
        let at = list.iter().position(|d| d.number == number).ok_or(ENOENT)?;
        let device = list.remove(at).map_err(|_| ENOENT)?;
        drop(list);
        drop(device);
        Ok(())
    }
}

/// The loaded module. Fields are dropped in order.
pub(crate) struct Module {
    _add: Pin<KBox<debugfs::File<Arc<Devices>>>>,
    _remove: Pin<KBox<debugfs::File<Arc<Devices>>>>,
    _dir: debugfs::Dir,
    _devices: Arc<Devices>,
    _alarms: workqueue::Creation,
}

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let alarms = crate::ALARMS.create(c"accel_fake")?;
        let devices = Arc::pin_init(
            pin_init!(Devices {
                next: kernel::sync::atomic::Atomic::new(0),
                list <- new_mutex!(KVec::new(), "fake_devices"),
            }),
            GFP_KERNEL,
        )?;
        for _ in 0..crate::module_parameters::devices.value() {
            devices.add()?;
        }
        let dir = debugfs::Dir::new(c"accel_fake");
        let add = dir.write_callback_file(c"add", devices.clone(), &add);
        let add = KBox::pin_init(add, GFP_KERNEL)?;
        let remove = dir.write_callback_file(c"remove", devices.clone(), &remove);
        let remove = KBox::pin_init(remove, GFP_KERNEL)?;
        Ok(Self {
            _add: add,
            _remove: remove,
            _dir: dir,
            _devices: devices,
            _alarms: alarms,
        })
    }
}

fn add(devices: &Arc<Devices>, _reader: &mut UserSliceReader) -> Result {
    devices.add()
}

fn remove(devices: &Arc<Devices>, reader: &mut UserSliceReader) -> Result {
    let mut text = [0; 16];
    let len = reader.len().min(text.len());
    let text = text.get_mut(..len).ok_or(EINVAL)?;
    reader.read_slice(text)?;
    let text = str::from_utf8(text).map_err(|_| EINVAL)?;
    devices.remove(text.trim().parse().map_err(|_| EINVAL)?)
}
