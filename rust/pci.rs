// SPDX-License-Identifier: GPL-2.0

//! PCI identities, and the right to reach memory.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use kernel::{
    bindings,
    device::{
        Bound,
        Device,
        DeviceContext, //
    },
    pci, //
};

use crate::{
    bindings as ext,
    device::as_raw, //
};

/// Makes a device id of any vendor; `pci::Vendor` has named constants only.
pub const fn device_id(vendor: u16, device: u16) -> pci::DeviceId {
    let raw = bindings::pci_device_id {
        vendor: vendor as u32,
        device: device as u32,
        subvendor: !0,
        subdevice: !0,
        class: 0,
        class_mask: 0,
        driver_data: 0,
        override_only: 0,
    };
    // SAFETY: `DeviceId` is `repr(transparent)` over `struct pci_device_id`.
    unsafe { core::mem::transmute::<bindings::pci_device_id, pci::DeviceId>(raw) }
}

/// The ids in the configuration space of a device.
#[derive(Clone, Copy, Default)]
pub struct Ids {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Subsystem vendor id.
    pub subsystem_vendor: u16,
    /// Subsystem device id.
    pub subsystem_device: u16,
    /// Revision id.
    pub revision: u8,
}

/// Returns the ids of `dev` if it is a PCI device.
pub fn ids<C: DeviceContext>(dev: &Device<C>) -> Option<Ids> {
    // SAFETY: `dev` is valid; the ids do not change while it exists.
    unsafe {
        let pdev = ext::accel_helper_to_pci_dev(as_raw(dev)).as_ref()?;
        Some(Ids {
            vendor: pdev.vendor,
            device: pdev.device,
            subsystem_vendor: pdev.subsystem_vendor,
            subsystem_device: pdev.subsystem_device,
            revision: pdev.revision,
        })
    }
}

/// Gives `dev` the right to do DMA and to send interrupt messages, or takes it; only PCI devices
/// can be without.
pub fn set_master(dev: &Device<Bound>, master: bool) {
    // SAFETY: `dev` is bound; NULL is checked for.
    unsafe {
        let pdev = ext::accel_helper_to_pci_dev(as_raw(dev));
        if pdev.is_null() {
            return;
        }
        match master {
            true => bindings::pci_set_master(pdev),
            false => bindings::pci_clear_master(pdev),
        }
    }
}
