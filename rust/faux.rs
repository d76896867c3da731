// SPDX-License-Identifier: GPL-2.0

//! Faux devices as a bus parent.
//!
//! C header: [`include/linux/device/faux.h`](srctree/include/linux/device/faux.h)

pub use kernel::faux::Registration;

/// A faux device that is bound, as a driver gets it.
pub type Bound = kernel::faux::Device<kernel::device::Bound>;
