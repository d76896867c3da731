// SPDX-License-Identifier: GPL-2.0

//! Sensors of a device in the form that all programs know.
//!
//! C header: [`include/linux/hwmon.h`](srctree/include/linux/hwmon.h)

use core::{
    marker::PhantomData,
    ptr::{
        null,
        NonNull, //
    }, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::{
        from_err_ptr,
        from_result, //
    },
    fmt::Write,
    prelude::*,
    str::CString, //
};

use crate::{
    bindings as ext,
    device::as_raw,
    sysfs::{
        Attribute,
        AttributeInfo,
        AttributeUse,
        Attributes,
        Page, //
    },
};

/// What a sensor measures, in which unit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Millidegrees Celsius.
    Temperature,
    /// Millivolts.
    Voltage,
    /// Milliamperes.
    Current,
    /// Microwatts.
    Power,
    /// Microjoules.
    Energy,
    /// Revolutions per minute.
    Fan,
    /// Hertz; it has no other value than what is measured.
    Frequency,
}

/// How C calls a quantity, and its values.
struct Codes {
    quantity: ext::hwmon_sensor_types,
    input: u32,
    label: u32,
    max: Option<u32>,
    critical: Option<u32>,
}

impl Quantity {
    /// Returns `None` if C has no code for it.
    fn codes(self) -> Option<Codes> {
        let (quantity, input, label, max, critical) = match self {
            Self::Temperature => (
                ext::hwmon_sensor_types_hwmon_temp,
                ext::hwmon_temp_attributes_hwmon_temp_input,
                ext::hwmon_temp_attributes_hwmon_temp_label,
                Some(ext::hwmon_temp_attributes_hwmon_temp_max),
                Some(ext::hwmon_temp_attributes_hwmon_temp_crit),
            ),
            Self::Voltage => (
                ext::hwmon_sensor_types_hwmon_in,
                ext::hwmon_in_attributes_hwmon_in_input,
                ext::hwmon_in_attributes_hwmon_in_label,
                Some(ext::hwmon_in_attributes_hwmon_in_max),
                Some(ext::hwmon_in_attributes_hwmon_in_crit),
            ),
            Self::Current => (
                ext::hwmon_sensor_types_hwmon_curr,
                ext::hwmon_curr_attributes_hwmon_curr_input,
                ext::hwmon_curr_attributes_hwmon_curr_label,
                Some(ext::hwmon_curr_attributes_hwmon_curr_max),
                Some(ext::hwmon_curr_attributes_hwmon_curr_crit),
            ),
            Self::Power => (
                ext::hwmon_sensor_types_hwmon_power,
                ext::hwmon_power_attributes_hwmon_power_input,
                ext::hwmon_power_attributes_hwmon_power_label,
                Some(ext::hwmon_power_attributes_hwmon_power_max),
                Some(ext::hwmon_power_attributes_hwmon_power_crit),
            ),
            Self::Energy => (
                ext::hwmon_sensor_types_hwmon_energy,
                ext::hwmon_energy_attributes_hwmon_energy_input,
                ext::hwmon_energy_attributes_hwmon_energy_label,
                None,
                None,
            ),
            Self::Fan => (
                ext::hwmon_sensor_types_hwmon_fan,
                ext::hwmon_fan_attributes_hwmon_fan_input,
                ext::hwmon_fan_attributes_hwmon_fan_label,
                Some(ext::hwmon_fan_attributes_hwmon_fan_max),
                None,
            ),
            Self::Frequency => return None,
        };
        Some(Codes {
            quantity,
            input,
            label,
            max,
            critical,
        })
    }

    /// All that C has a code for.
    const CODED: [Self; 6] = [
        Self::Temperature,
        Self::Voltage,
        Self::Current,
        Self::Power,
        Self::Energy,
        Self::Fan,
    ];
}

/// One of the values of a sensor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// What it measures.
    Input,
    /// Above which is too much.
    Max,
    /// Above which is much too much.
    Critical,
}

/// A sensor.
pub struct Channel {
    /// What it measures.
    pub quantity: Quantity,
    /// What it is at.
    pub label: CString,
    /// It has a [`Value::Max`].
    pub has_max: bool,
    /// It has a [`Value::Critical`].
    pub has_critical: bool,
}

impl Channel {
    /// Returns a mask of its values; `None` if C has no code for its quantity.
    fn config(&self) -> Option<u32> {
        let codes = self.quantity.codes()?;
        let bit = |code: Option<u32>, has: bool| code.filter(|_| has).map_or(0, |code| 1 << code);
        Some(
            1 << codes.input
                | 1 << codes.label
                | bit(codes.max, self.has_max)
                | bit(codes.critical, self.has_critical),
        )
    }
}

/// What has sensors.
pub trait Chip: Send + Sync + 'static {
    /// Reads a value of a sensor: an index of what [`Registration::new`] was given. May sleep.
    fn read(&self, channel: usize, value: Value) -> Result<i64>;
}

/// As many clocks as there are names for.
const CLOCKS: usize = CLOCK_NAMES.len() / 2;

/// C has no code for frequencies, but a name.
const CLOCK_NAMES: [&CStr; 16] = [
    c"freq1_input",
    c"freq1_label",
    c"freq2_input",
    c"freq2_label",
    c"freq3_input",
    c"freq3_label",
    c"freq4_input",
    c"freq4_label",
    c"freq5_input",
    c"freq5_label",
    c"freq6_input",
    c"freq6_label",
    c"freq7_input",
    c"freq7_label",
    c"freq8_input",
    c"freq8_label",
];

/// What C is told of the sensors.
///
/// # Invariants
///
/// `info` points to `ops` and `_pointers`, these to `_infos`, and these to `_configs`; none of them
/// changes.
struct Sensors<C: Chip> {
    chip: C,
    channels: KVec<Channel>,
    clocks: Attributes,
    _configs: KVec<KVec<u32>>,
    _infos: KVec<ext::hwmon_channel_info>,
    _pointers: KVec<*const ext::hwmon_channel_info>,
    ops: ext::hwmon_ops,
    info: ext::hwmon_chip_info,
}

impl<C: Chip> Sensors<C> {
    fn new(chip: C, channels: KVec<Channel>) -> Result<KBox<Self>> {
        let (mut configs, mut infos) = (KVec::new(), KVec::new());
        for quantity in Quantity::CODED {
            let of_it = channels.iter().filter(|one| one.quantity == quantity);
            let mut config = KVec::new();
            for mask in of_it.filter_map(Channel::config) {
                config.push(mask, GFP_KERNEL)?;
            }
            if let (Some(codes), false) = (quantity.codes(), config.is_empty()) {
                config.push(0, GFP_KERNEL)?;
                let info = ext::hwmon_channel_info {
                    type_: codes.quantity,
                    config: config.as_ptr(),
                };
                infos.push(info, GFP_KERNEL)?;
                configs.push(config, GFP_KERNEL)?;
            }
        }
        let mut pointers = KVec::with_capacity(infos.len() + 1, GFP_KERNEL)?;
        for info in &infos {
            pointers.push(core::ptr::from_ref(info), GFP_KERNEL)?;
        }
        pointers.push(null(), GFP_KERNEL)?;
        let mut this = KBox::new(
            Self {
                chip,
                clocks: Self::clocks(&channels)?,
                channels,
                ops: ext::hwmon_ops {
                    visible: 0o444,
                    read: Some(Self::read),
                    read_string: Some(Self::read_string),
                    ..Default::default()
                },
                info: ext::hwmon_chip_info {
                    ops: null(),
                    info: pointers.as_ptr(),
                },
                _configs: configs,
                _infos: infos,
                _pointers: pointers,
            },
            GFP_KERNEL,
        )?;
        // INVARIANT: What a `KVec` or a `KBox` points to does not move with it.
        this.info.ops = &raw const this.ops;
        Ok(this)
    }

    /// Makes the attributes of the clocks. EINVAL: there are too many.
    fn clocks(channels: &[Channel]) -> Result<Attributes> {
        let is_clock = |one: &&Channel| one.quantity == Quantity::Frequency;
        let count = channels.iter().filter(is_clock).count();
        if count > CLOCKS {
            return Err(EINVAL);
        }
        let mut infos = KVec::new();
        for name in CLOCK_NAMES.into_iter().take(2 * count) {
            let info = AttributeInfo {
                name,
                folder: None,
                is_for: AttributeUse::Show,
            };
            infos.push(info, GFP_KERNEL)?;
        }
        Attributes::new(&infos, Self::show_clock, Self::store_clock)
    }

    /// Finds number `number` of the sensors of which `is_it` says so. ENODATA.
    fn find(&self, number: usize, is_it: impl Fn(Quantity) -> bool) -> Result<(usize, &Channel)> {
        let all = self.channels.iter().enumerate();
        let mut of_it = all.filter(|(_, one)| is_it(one.quantity));
        of_it.nth(number).ok_or(ENODATA)
    }

    fn find_coded(
        &self,
        quantity: ext::hwmon_sensor_types,
        number: c_int,
    ) -> Result<(usize, &Channel, Codes)> {
        let number = usize::try_from(number)?;
        let is_it = |one: Quantity| one.codes().is_some_and(|codes| codes.quantity == quantity);
        let (index, channel) = self.find(number, is_it)?;
        Ok((index, channel, channel.quantity.codes().ok_or(ENODATA)?))
    }

    fn value(&self, quantity: ext::hwmon_sensor_types, code: u32, number: c_int) -> Result<i64> {
        let (index, _, codes) = self.find_coded(quantity, number)?;
        let value = match code {
            code if code == codes.input => Value::Input,
            code if Some(code) == codes.max => Value::Max,
            code if Some(code) == codes.critical => Value::Critical,
            _ => return Err(EOPNOTSUPP),
        };
        self.chip.read(index, value)
    }

    /// # Safety
    ///
    /// `dev` must be the device of a [`Registration`] of `C`.
    unsafe fn of<'a>(dev: *mut bindings::device) -> &'a Self {
        // SAFETY: What `Registration::new` said; C calls nothing after `Registration::drop`.
        unsafe { &*bindings::dev_get_drvdata(dev).cast::<Self>() }
    }

    /// # Safety
    ///
    /// As [`Self::of`]; `val` must be valid for writes.
    unsafe extern "C" fn read(
        dev: *mut bindings::device,
        quantity: ext::hwmon_sensor_types,
        code: u32,
        number: c_int,
        val: *mut c_long,
    ) -> c_int {
        // SAFETY: By the requirements.
        let this = unsafe { Self::of(dev) };
        from_result(|| {
            let value = this.value(quantity, code, number)?;
            // SAFETY: By the requirements.
            unsafe { val.write(value as c_long) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As [`Self::of`]; `text` must be valid for writes.
    unsafe extern "C" fn read_string(
        dev: *mut bindings::device,
        quantity: ext::hwmon_sensor_types,
        _code: u32,
        number: c_int,
        text: *mut *const c_char,
    ) -> c_int {
        // SAFETY: By the requirements.
        let this = unsafe { Self::of(dev) };
        from_result(|| {
            let (_, channel, _) = this.find_coded(quantity, number)?;
            // SAFETY: By the requirements.
            unsafe { text.write(channel.label.as_char_ptr()) };
            Ok(0)
        })
    }

    fn write_clock(&self, attribute: usize, page: &mut Page<'_>) -> Result {
        let is_clock = |one| one == Quantity::Frequency;
        let (index, channel) = self.find(attribute / 2, is_clock)?;
        let written = match attribute % 2 {
            0 => writeln!(page, "{}", self.chip.read(index, Value::Input)?),
            _ => page.write_fmt(fmt!("{}\n", &*channel.label)),
        };
        written.map_err(|_| EMSGSIZE)
    }

    /// # Safety
    ///
    /// As [`Self::of`]; `attr` must be one of its attributes, and `buf` a page.
    unsafe extern "C" fn show_clock(
        dev: *mut bindings::device,
        attr: *mut bindings::device_attribute,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY: By the requirements; `attr` is a first field.
        let (this, attribute, mut page) = unsafe {
            (
                Self::of(dev),
                &*attr.cast::<Attribute>(),
                Page::from_raw(buf),
            )
        };
        match this.write_clock(attribute.index(), &mut page) {
            Ok(()) => page.len() as isize,
            Err(e) => e.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// None; never called.
    unsafe extern "C" fn store_clock(
        _dev: *mut bindings::device,
        _attr: *mut bindings::device_attribute,
        _buf: *const c_char,
        _count: usize,
    ) -> isize {
        EPERM.to_errno() as isize
    }
}

/// Sensors that can be read; they vanish when this is dropped.
///
/// # Invariants
///
/// `dev`, if there is one, was registered with `sensors`, which are from [`KBox::into_raw`].
pub struct Registration<C: Chip> {
    dev: Option<NonNull<bindings::device>>,
    sensors: NonNull<Sensors<C>>,
    _chip: PhantomData<C>,
}

// SAFETY: The device is locked by the driver core; `Sensors` are not changed, and `C` is Send and Sync.
unsafe impl<C: Chip> Send for Registration<C> {}
// SAFETY: As above.
unsafe impl<C: Chip> Sync for Registration<C> {}

impl<C: Chip> Registration<C> {
    /// Shows `channels` of `chip` as sensors of `parent`, by the `name` of its driver, without "-" and
    /// blanks. There are none if the kernel has no hwmon. EINVAL: too many clocks.
    pub fn new(
        parent: &Device<Bound>,
        name: &'static CStr,
        chip: C,
        channels: KVec<Channel>,
    ) -> Result<Self> {
        let sensors = KBox::into_raw(Sensors::new(chip, channels)?);
        // INVARIANT: `dev` is made below.
        let mut this = Self {
            dev: None,
            // SAFETY: From a box.
            sensors: unsafe { NonNull::new_unchecked(sensors) },
            _chip: PhantomData,
        };
        // SAFETY: All of it lives until `drop`, which undoes this first.
        let dev = from_err_ptr(unsafe {
            ext::accel_helper_hwmon_register(
                as_raw(parent),
                name.as_char_ptr(),
                sensors.cast(),
                &raw const (*sensors).info,
                (*sensors).clocks.as_groups(),
            )
        })
        // C does not look whether there is memory for the name of the device; all else is as it wants.
        .map_err(|e| if e == EINVAL { ENOMEM } else { e })?;
        this.dev = NonNull::new(dev);
        Ok(this)
    }
}

impl<C: Chip> Drop for Registration<C> {
    fn drop(&mut self) {
        if let Some(dev) = self.dev {
            // SAFETY: By the invariants. It waits until nobody reads.
            unsafe { ext::accel_helper_hwmon_unregister(dev.as_ptr()) };
        }
        // SAFETY: By the invariants; nobody uses them any more.
        drop(unsafe { KBox::from_raw(self.sensors.as_ptr()) });
    }
}
