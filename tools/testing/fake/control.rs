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
use kernel_ext::faux;

use crate::FakeDriver;

/// A fake device and the number it goes by.
struct Device {
    number: u32,
    _faux: faux::Registration,
}

/// The fake devices that exist.
struct List {
    next: u32,
    devices: KVec<Device>,
}

#[pin_data]
struct Devices {
    #[pin]
    list: Mutex<List>,
}

impl Devices {
    fn add(&self) -> Result {
        let mut list = self.list.lock();
        let number = list.next;
        let name = CString::try_from_fmt(fmt!("fake.{number}"))?;
        // faux_device_create() does not say why it fails; here it can only be for lack of memory.
        let faux = faux::Registration::new(&name, None).map_err(|_| ENOMEM)?;
        accel_core::register::<FakeDriver>(faux.as_ref())?;
        list.devices.push(
            Device {
                number,
                _faux: faux,
            },
            GFP_KERNEL,
        )?;
        list.next += 1;
        Ok(())
    }

    fn remove(&self, number: u32) -> Result {
        let mut list = self.list.lock();
        let of_number = |d: &Device| d.number == number;
        let at = list.devices.iter().position(of_number).ok_or(ENOENT)?;
        let device = list.devices.remove(at).map_err(|_| ENOENT)?;
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
}

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let devices = Arc::pin_init(
            pin_init!(Devices {
                list <- new_mutex!(
                    List {
                        next: 0,
                        devices: KVec::new(),
                    },
                    "fake_devices"
                ),
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
