// SPDX-License-Identifier: GPL-2.0

//! A UUID for a device that has no serial number: the same at every boot for the same kind of device
//! at the same place.
//!
//! RFC 9562, version 8 (custom): the 128-bit FNV-1a hash of the names that identify the place.

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Returns the UUID of what `parts` name; each part is ended by a zero byte in the hash.
pub(crate) fn from_names(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = OFFSET;
    for part in parts {
        for byte in part.iter().chain(&[0]) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }
    let mut uuid = hash.to_be_bytes();
    uuid[6] = (uuid[6] & 0x0f) | 0x80;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
    uuid
}
