// SPDX-License-Identifier: GPL-2.0

//! The front of a driver for devices on PCI.

/// Declares `PciDriver`, for `kernel::module_pci_driver!`: it enables the memory of each device with one
/// of these identities, (vendor, device), and registers it for the driver.
///
/// `pci_driver!(Adder, [(0x1234, 0x0001)]);`
#[macro_export]
macro_rules! pci_driver {
    ($driver:ty, [$(($vendor:expr, $device:expr)),+ $(,)?]) => {
        /// The driver, for the bus.
        struct PciDriver;

        ::kernel::pci_device_table!(
            PCI_TABLE,
            <PciDriver as ::kernel::pci::Driver>::IdInfo,
            [$((::kernel_ext::pci::device_id($vendor, $device), ())),+]
        );

        impl ::kernel::pci::Driver for PciDriver {
            type IdInfo = ();
            type Data<'bound> = ();
            const ID_TABLE: ::kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

            fn probe<'bound>(
                device: &'bound ::kernel::pci::Device<::kernel::device::Core<'_>>,
                _info: Option<&'bound ()>,
            ) -> impl ::pin_init::PinInit<(), ::kernel::error::Error> + 'bound {
                device.enable_device_mem()?;
                $crate::register::<$driver>(device)?;
                Ok(())
            }
        }
    };
}
