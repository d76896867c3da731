// SPDX-License-Identifier: GPL-2.0

//! Why clocks are lowered, how often, and for how long.

use kernel::{
    prelude::*,
    sync::SpinLockIrq, //
};
use kernel_ext::time::monotonic_ns;

use crate::{
    answer::{
        text,
        Answer, //
    },
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    lock_class,
    logic::throttling::{
        Throttling,
        REASONS, //
    },
    uapi::{
        self,
        accel_info_throttle, //
    },
};

/// What kind of reason it is (`enum accel_throttle_reason`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ReasonKind {
    /// Something is hot.
    Temperature = uapi::ACCEL_THROTTLE_TEMPERATURE,
    /// The device takes too much power.
    Power = uapi::ACCEL_THROTTLE_POWER,
    /// The machine asks for it.
    External = uapi::ACCEL_THROTTLE_EXTERNAL,
    /// As its name says.
    Other = uapi::ACCEL_THROTTLE_OTHER,
}

/// A reason why clocks may be lowered, a row of [`Telemetry`](super::Telemetry).
pub struct Reason {
    /// Which, unique in the device, at most 31 bytes.
    pub name: &'static CStr,
    /// What kind of reason it is.
    pub kind: ReasonKind,
}

/// The reasons that are, and were, there.
#[pin_data]
pub(crate) struct Throttle {
    #[pin]
    reasons: SpinLockIrq<Throttling>,
}

impl Throttle {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::throttle();
        pin_init!(Self {
            reasons <- SpinLockIrq::new(Throttling::default(), name, key),
        })
    }

    /// From now on they are those of `mask`. Any context.
    pub(crate) fn set(&self, mask: u64) {
        self.reasons.lock().set(mask, monotonic_ns());
    }
}

/// Answers ACCEL_INFO_THROTTLE.
pub(crate) fn throttle<T: Driver>(
    device: &Device<T>,
    bound: &Bound<'_, T>,
    answer: &mut Answer,
) -> Result {
    for (index, info) in bound.panel.tables.throttle.iter().take(REASONS).enumerate() {
        let (is_active, reason) = device.throttle.reasons.lock().get(index, monotonic_ns());
        answer.push(&accel_info_throttle {
            name: text(info.name),
            reason: info.kind as u32,
            flags: if is_active {
                uapi::ACCEL_THROTTLE_ACTIVE
            } else {
                0
            },
            count: reason.count,
            time_ns: reason.ns,
        })?;
    }
    Ok(())
}
