// SPDX-License-Identifier: GPL-2.0
//! Firmware images: how they are checked, and made (Documentation/devices/qda/firmware.rst, image).

use sha2::{Digest, Sha256};

use super::FirmwareError;
use crate::capabilities::Capabilities;

/// Bytes of the header.
pub const HEADER: usize = 256;
const MAGIC: &[u8; 4] = b"QDAF";
const DEVICE: u32 = 0x0da1_1234;
const HASHED: usize = 0x30;

/// What a header that was found good says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: Vec<u8>,
    /// Of the firmware.
    pub version: u32,
    /// Of the mailbox.
    pub api: u32,
    /// Bytes of the payload.
    pub payload: u64,
    /// Device address of the payload.
    pub load: u64,
    /// `hash`.
    pub hash: [u8; 32],
}

impl Header {
    /// Checks a header of an image of `size` bytes, in the order of the table of errors.
    pub fn check(bytes: &[u8], size: u64, card: &Capabilities) -> Result<Self, FirmwareError> {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let long = |at: usize| u64::from(word(at + 4)) << 32 | u64::from(word(at));
        let zero = |from: usize, to: usize| bytes[from..to].iter().all(|byte| *byte == 0);
        let (payload, load, scheme) = (long(0x10), long(0x18), word(0x28));
        let form = bytes[..4] == *MAGIC
            && word(4) == 1 | (HEADER as u32) << 16
            && scheme <= 1
            && (scheme == 1 || zero(0x50, 0x90))
            && zero(0x2c, 0x30)
            && zero(0x90, HEADER)
            && Some(size) == payload.checked_add(HEADER as u64);
        let end = load.checked_add(payload);
        let place = payload > 0
            && payload % 16 == 0
            && load % 4096 == 0
            && load >= card.mem_reserved()
            && end.is_some_and(|end| end <= card.mem_size);
        let entry = word(0x20) % 4 == 0 && u64::from(word(0x20)) < payload;
        if !form {
            return Err(FirmwareError::Format);
        }
        if word(0x24) != DEVICE {
            return Err(FirmwareError::Device);
        }
        if !place || !entry {
            return Err(FirmwareError::Address);
        }
        if scheme == 1 || card.signed {
            return Err(FirmwareError::Signature);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            version: word(8),
            api: word(0xc),
            payload,
            load,
            hash: std::array::from_fn(|i| bytes[0x30 + i]),
        })
    }

    /// Whether the hash is that of this payload.
    pub fn verify(&self, payload: &[u8]) -> bool {
        hash(&self.bytes[..HASHED], payload) == self.hash
    }
}

/// SHA-256 of what is before the hash, and of the payload.
fn hash(header: &[u8], payload: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(header)
        .chain_update(payload)
        .finalize()
        .into()
}

/// Makes an unsigned image for a card with MEM_RESERVED at `load`.
///
/// The payload is padded to a multiple of 16.
pub fn make(version: u32, load: u64, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload.resize(payload.len().max(1).next_multiple_of(16), 0);
    let mut header = vec![0; HEADER];
    let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
    put(0x00, MAGIC);
    put(0x04, &1u16.to_le_bytes());
    put(0x06, &(HEADER as u16).to_le_bytes());
    put(0x08, &version.to_le_bytes());
    put(0x0c, &0x0001_0000u32.to_le_bytes());
    put(0x10, &(payload.len() as u64).to_le_bytes());
    put(0x18, &load.to_le_bytes());
    put(0x24, &DEVICE.to_le_bytes());
    let hash = hash(&header[..HASHED], &payload);
    header[0x30..0x50].copy_from_slice(&hash);
    [header, payload].concat()
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Header, make};
    use crate::capabilities::Capabilities;
    use crate::firmware::FirmwareError::{self, Address, Device, Format, Signature};

    const LOAD: u64 = 14 << 20;

    fn check(change: impl FnOnce(&mut Vec<u8>)) -> Result<Header, FirmwareError> {
        let card = Capabilities {
            uuid: [0; 16],
            mem_size: 16 << 20,
            mem_visible: 2 << 20,
            injection: true,
            signed: false,
        };
        let mut image = make(1, LOAD, b"code");
        change(&mut image);
        Header::check(&image[..HEADER], image.len() as u64, &card)
    }

    #[test]
    fn made_and_checked() {
        let header = check(|_| {}).unwrap();
        assert_eq!((header.load, header.payload), (LOAD, 16));
        assert!(!header.verify(&make(1, LOAD, b"cold")[HEADER..]));
        assert!(header.verify(&make(1, LOAD, b"code")[HEADER..]));
    }

    #[test]
    fn refusals() {
        for (at, value, why) in [
            (0x00, 0, Format),
            (0x04, 2, Format),
            (0x10, 17, Format),
            (0x28, 2, Format),
            (0x2c, 1, Format),
            (0x50, 1, Format),
            (0xff, 1, Format),
            (0x24, 0, Device),
            (0x18, 1, Address),
            (0x1a, 0, Address),
            (0x20, 16, Address),
            (0x20, 2, Address),
            (0x28, 1, Signature),
        ] {
            assert_eq!(check(|image| image[at] = value), Err(why), "{at:#x}");
        }
        assert_eq!(check(|image| image.push(0)), Err(Format));
    }
}
