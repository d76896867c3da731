// SPDX-License-Identifier: GPL-2.0
//! Arm Ethos-U65: jobs from command streams and regions.

mod container;
mod copy;
mod refusal;

use accel_uapi as uapi;
use uapi::ACCEL_ETHOSU_NO_BUFFER;
use uapi::ACCEL_ETHOSU_REGIONS;
use zerocopy::IntoBytes;

pub use container::BadContainer;
pub use container::Compiled;
pub use copy::At;
pub use copy::copy;
pub use refusal::Place;
pub use refusal::Refusal;
pub use refusal::Wrong;

use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::Error;
use crate::error::Result;
use crate::info::Kind;
use crate::info::Single;
use crate::job::Access;
use crate::job::Submit;

/// Name of the driver in [`info::Device`](crate::info::Device).
pub const DRIVER: &str = "accel_ethosu";

/// Regions (base pointers) that a command stream can address.
pub const REGIONS: usize = ACCEL_ETHOSU_REGIONS as usize;

/// What a compiler needs to know of an NPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Npu {
    /// Register ID.
    pub id: u32,
    /// Register CONFIG.
    pub config: u32,
    /// 8-bit multiply-accumulates per cycle.
    pub macs: u32,
    /// Event counters of the performance monitor.
    pub pmu_counters: u32,
}

impl From<uapi::accel_info_ethosu> for Npu {
    fn from(raw: uapi::accel_info_ethosu) -> Self {
        Npu {
            id: raw.id,
            config: raw.config,
            macs: raw.macs,
            pmu_counters: raw.pmu_counters,
        }
    }
}

impl Kind for Npu {
    const ID: u32 = uapi::ACCEL_INFO_ETHOSU;
    type Raw = uapi::accel_info_ethosu;
}

impl Single for Npu {}

/// Builds a job of a command stream and the buffers of its regions.
///
/// A region starts where its buffer starts; one buffer may be several regions.
#[derive(Clone, Debug)]
pub struct Builder {
    submit: Submit,
    regions: [u32; REGIONS],
}

impl Builder {
    /// A job without regions.
    pub fn new(device: &Device) -> Self {
        Builder {
            submit: Submit::new(device),
            regions: [ACCEL_ETHOSU_NO_BUFFER; REGIONS],
        }
    }

    /// Let `region` be `buffer`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRegion`] if `region` is not below [`REGIONS`]; [`Error::ForeignBuffer`].
    pub fn region(mut self, region: usize, buffer: &Buffer, access: Access) -> Result<Self> {
        let slot = self
            .regions
            .get_mut(region)
            .ok_or(Error::NoSuchRegion(region))?;
        *slot = self.submit.buffer(buffer, access)?;
        Ok(self)
    }

    /// Which buffer of the job `region` is, for [`Prepared::replace`](crate::Prepared::replace).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRegion`] if `region` has none.
    pub fn index(&self, region: usize) -> Result<u32> {
        let index = self.regions.get(region).copied();
        let index = index.filter(|index| *index != ACCEL_ETHOSU_NO_BUFFER);
        index.ok_or(Error::NoSuchRegion(region))
    }

    /// Let the job run `stream`, which ends with OP_STOP.
    pub fn stream(mut self, stream: &[u32]) -> Submit {
        self.submit.payload(payload(self.regions, stream));
        self.submit
    }
}

/// Regions, then the words of the stream, little-endian.
fn payload(regions: [u32; REGIONS], stream: &[u32]) -> Vec<u8> {
    let head = uapi::accel_ethosu_job { regions };
    let words = stream.iter().flat_map(|word| word.to_le_bytes());
    head.as_bytes().iter().copied().chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_regions_then_stream() {
        let mut regions = [ACCEL_ETHOSU_NO_BUFFER; REGIONS];
        regions[1] = 5;
        let payload = payload(regions, &[0x0001_4000, 0xffff]);
        assert_eq!(payload.len(), 32 + 8);
        assert_eq!(payload[..8], [255, 255, 255, 255, 5, 0, 0, 0]);
        assert_eq!(payload[32..], [0, 0x40, 1, 0, 0xff, 0xff, 0, 0]);
    }

    #[test]
    fn regions_may_share_a_buffer() {
        let device = Device::open("/dev/null").unwrap();
        let (weights, arena) = (Buffer::fake(&device, 1), Buffer::fake(&device, 2));
        let builder = Builder::new(&device)
            .region(0, &weights, Access::Read)
            .and_then(|builder| builder.region(1, &arena, Access::ReadWrite))
            .and_then(|builder| builder.region(2, &arena, Access::ReadWrite))
            .unwrap();
        assert_eq!(builder.regions[..4], [0, 1, 1, ACCEL_ETHOSU_NO_BUFFER]);
        assert_eq!(builder.index(2), Ok(1));
        assert_eq!(builder.index(3), Err(Error::NoSuchRegion(3)));
        let error = builder.region(REGIONS, &arena, Access::Read).unwrap_err();
        assert_eq!(error, Error::NoSuchRegion(8));
    }
}
