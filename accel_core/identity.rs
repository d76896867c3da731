// SPDX-License-Identifier: GPL-2.0

//! Who a device is.

use kernel::device::{
    Bound,
    Device, //
};
use kernel_ext::{
    device::{
        bus_name,
        numa_node, //
    },
    pci, //
};

use crate::{
    answer::text,
    driver::{
        Driver,
        Setup, //
    },
    logic::uuid,
    mmu::Mmu,
    power,
    uapi::{
        self,
        accel_info_device, //
    },
    user_queue::UserQueues,
};

/// Who the device is; made at probe.
pub(crate) struct Identity(pub(crate) accel_info_device);

impl Identity {
    pub(crate) fn new<T: Driver>(parent: &Device<Bound>, setup: &Setup<'_, T>, index: u32) -> Self {
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
            flags: flags(setup),
        })
    }

    pub(crate) fn is_exclusive(&self) -> bool {
        self.0.flags & uapi::ACCEL_DEVICE_EXCLUSIVE != 0
    }

    pub(crate) fn uuid(&self) -> &[u8; 16] {
        &self.0.uuid
    }
}

/// Returns what a device can do.
fn flags<T: Driver>(setup: &Setup<'_, T>) -> u32 {
    let all = [
        (setup.exclusive, uapi::ACCEL_DEVICE_EXCLUSIVE),
        (T::Mmu::INFO.is_some(), uapi::ACCEL_DEVICE_ADDRESS_SPACES),
        (
            T::UserQueues::MAX_PAYLOAD.is_some(),
            uapi::ACCEL_DEVICE_USER_QUEUES,
        ),
        (T::HAS_REBIND, uapi::ACCEL_DEVICE_PREPARED_JOBS),
        (power::can_doze::<T>(), uapi::ACCEL_DEVICE_SLEEPS),
    ];
    let has = all.into_iter().filter(|(has, _)| *has);
    has.fold(0, |flags, (_, flag)| flags | flag)
}
