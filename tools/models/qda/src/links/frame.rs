// SPDX-License-Identifier: GPL-2.0
//! Frames (Documentation/devices/qda/collective.rst, frames).

/// Bytes of a header.
pub const HEADER: usize = 32;
/// Most bytes of a payload.
pub const PAYLOAD: usize = 4096;
/// Bytes of the payload of HELLO.
pub const GREETING: usize = 32;

/// Kinds of frames.
#[allow(missing_docs)]
pub mod kind {
    pub const HELLO: u8 = 1;
    pub const ALIVE: u8 = 2;
    pub const BYE: u8 = 3;
    pub const GRANT: u8 = 4;
    pub const DATA: u8 = 5;
    pub const DONE: u8 = 6;
    pub const CANCEL: u8 = 7;
    pub const ABORT: u8 = 8;
    pub const RESET: u8 = 9;
    /// No frame: the model's way to tell the other side that the signal is lost.
    pub const DARK: u8 = 0xfe;
}

/// A frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Frame {
    pub kind: u8,
    pub group: u16,
    pub tag: u32,
    pub slot: u16,
    pub sender: u16,
    pub bytes: u32,
    pub offset: u32,
    pub status: u32,
    pub serial: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Of this kind, all else zero.
    pub fn new(kind: u8) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    /// Header and payload as they are sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0x00, &[self.kind]);
        put(0x02, &self.group.to_le_bytes());
        put(0x04, &self.tag.to_le_bytes());
        put(0x08, &self.slot.to_le_bytes());
        put(0x0a, &self.sender.to_le_bytes());
        put(0x0c, &self.bytes.to_le_bytes());
        put(0x10, &self.offset.to_le_bytes());
        put(0x14, &self.status.to_le_bytes());
        put(0x18, &self.serial.to_le_bytes());
        bytes.extend(&self.payload);
        let crc = crc32(&bytes);
        bytes[0x1c..0x20].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Bytes of payload that follow a header; `None` if that is more than there may be.
    pub fn payload_of(header: &[u8; HEADER]) -> Option<usize> {
        let bytes = u32::from_le_bytes([header[12], header[13], header[14], header[15]]) as usize;
        match header[0] {
            kind::HELLO | kind::DATA => (bytes <= PAYLOAD).then_some(bytes),
            _ => Some(0),
        }
    }

    /// Takes a frame apart; `None` if it is damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut plain = bytes.to_vec();
        plain.get_mut(0x1c..0x20)?.fill(0);
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| u32::from(half(at + 2)) << 16 | u32::from(half(at));
        (crc32(&plain) == word(0x1c)).then(|| Self {
            kind: if bytes[1] == 0 { bytes[0] } else { 0 },
            group: half(0x02),
            tag: word(0x04),
            slot: half(0x08),
            sender: half(0x0a),
            bytes: word(0x0c),
            offset: word(0x10),
            status: word(0x14),
            serial: word(0x18),
            payload: bytes[HEADER..].to_vec(),
        })
    }

    /// Whether kind and fields are as the table of kinds has them.
    pub fn is_sound(&self) -> bool {
        let mut rest = self.clone();
        rest.payload.clear();
        let used: &mut [&mut u32] = match self.kind {
            kind::HELLO => &mut [&mut rest.bytes],
            kind::BYE => &mut [&mut rest.status],
            kind::GRANT => &mut [&mut rest.tag, &mut rest.bytes, &mut rest.serial],
            kind::DATA => &mut [&mut rest.bytes, &mut rest.offset, &mut rest.serial],
            kind::DONE | kind::ABORT => &mut [&mut rest.status, &mut rest.serial],
            kind::CANCEL => &mut [&mut rest.serial],
            kind::ALIVE | kind::RESET => &mut [],
            _ => return false,
        };
        used.iter_mut().for_each(|field| **field = 0);
        let (group, slot, sender) = match self.kind {
            kind::GRANT => (true, true, false),
            kind::CANCEL => (false, true, false),
            kind::DATA | kind::DONE | kind::ABORT => (false, true, true),
            _ => (false, false, false),
        };
        rest.group = if group { 0 } else { rest.group };
        rest.slot = if slot { 0 } else { rest.slot };
        rest.sender = if sender { 0 } else { rest.sender };
        let length = self.kind != kind::HELLO || self.payload.len() == GREETING;
        length && rest == Self::new(self.kind)
    }
}

/// CRC-32 of IEEE 802.3.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)]
    })
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 != 0 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{Frame, crc32, kind};

    #[test]
    fn specified_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn there_and_back() {
        let frame = Frame {
            kind: kind::DATA,
            slot: 3,
            sender: 4,
            bytes: 4,
            offset: 8,
            serial: 9,
            payload: vec![1, 2, 3, 4],
            ..Frame::default()
        };
        let mut bytes = frame.encode();
        assert_eq!(Frame::decode(&bytes), Some(frame.clone()));
        assert!(frame.is_sound());
        assert!(!Frame { tag: 1, ..frame }.is_sound());
        bytes[33] ^= 1;
        assert_eq!(Frame::decode(&bytes), None);
    }
}
