// SPDX-License-Identifier: GPL-2.0
//! The container that Vela writes around a command stream ("driver actions").
//!
//! 32-bit little-endian words: the magic `COP1`, then actions. An action is a word with its id in bits
//! 7:0 and a parameter above, and what follows it: Config (id 1) has the registers CONFIG and ID the
//! stream was made for; Stream (id 2) has its length in words in bits 31:16 and, as bits 23:16 of the
//! length, in bits 15:8; Nop (id 5) aligns. Source: `vela/driver_actions.py` of ethos-u-vela.

use std::fmt;

use crate::error::Error;
use crate::error::Result;

const MAGIC: u32 = u32::from_le_bytes(*b"COP1");
const CONFIG: u32 = 1;
const STREAM: u32 = 2;
const NOP: u32 = 5;

/// A command stream and what it was compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// Register CONFIG of the NPU it was compiled for.
    pub config: u32,
    /// Register ID, likewise.
    pub id: u32,
    /// The command stream.
    pub stream: Vec<u32>,
}

/// What is wrong with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadContainer {
    /// It is not made of 32-bit words.
    Length,
    /// It does not start with the magic.
    Magic,
    /// It ends inside an action.
    Truncated,
    /// It has an action that this library does not know.
    Action(u8),
    /// It has no configuration.
    NoConfig,
    /// It has no stream.
    NoStream,
}

impl fmt::Display for BadContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadContainer::Length => f.write_str("its length is not a multiple of 4"),
            BadContainer::Magic => f.write_str("it does not start with COP1"),
            BadContainer::Truncated => f.write_str("it is truncated"),
            BadContainer::Action(id) => write!(f, "it has the unknown action {id}"),
            BadContainer::NoConfig => f.write_str("it does not say which NPU it is for"),
            BadContainer::NoStream => f.write_str("it has no command stream"),
        }
    }
}

impl Compiled {
    /// Take a container apart.
    ///
    /// # Errors
    ///
    /// [`Error::BadContainer`].
    pub fn parse(container: &[u8]) -> Result<Self> {
        parse(container).map_err(Error::BadContainer)
    }

    /// 8-bit multiply-accumulates per cycle of the NPU it was compiled for.
    pub fn macs(&self) -> u32 {
        1 << (self.config & 0xf)
    }
}

fn parse(container: &[u8]) -> std::result::Result<Compiled, BadContainer> {
    if container.len() % 4 != 0 {
        return Err(BadContainer::Length);
    }
    let words = container.chunks_exact(4);
    let mut words = words.map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    if words.next() != Some(MAGIC) {
        return Err(BadContainer::Magic);
    }
    let mut target = None;
    while let Some(word) = words.next() {
        match word & 0xff {
            NOP => {}
            CONFIG => target = Some((next(&mut words)?, next(&mut words)?)),
            STREAM => {
                let (config, id) = target.ok_or(BadContainer::NoConfig)?;
                let length = ((word >> 8 & 0xff) << 16 | word >> 16) as usize;
                let stream: Vec<u32> = words.by_ref().take(length).collect();
                if stream.len() < length {
                    return Err(BadContainer::Truncated);
                }
                return Ok(Compiled { config, id, stream });
            }
            id => return Err(BadContainer::Action(id as u8)),
        }
    }
    Err(BadContainer::NoStream)
}

fn next(words: &mut impl Iterator<Item = u32>) -> std::result::Result<u32, BadContainer> {
    words.next().ok_or(BadContainer::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    const HEAD: [u32; 8] = [
        MAGIC,
        0x0010_0001,
        0x1000_6009,
        0x1006_6001,
        5,
        5,
        5,
        0x0002_0002,
    ];

    #[test]
    fn stream_is_found() {
        let compiled = parse(&container(&[&HEAD[..], &[0x4000, 0xffff]].concat())).unwrap();
        assert_eq!(compiled.macs(), 512);
        assert_eq!(compiled.id, 0x1006_6001);
        assert_eq!(compiled.stream, [0x4000, 0xffff]);
    }

    #[test]
    fn long_streams_have_24_bits_of_length() {
        let mut words = HEAD.to_vec();
        words[7] = 0x0000_0102;
        words.extend(vec![7; 0x1_0000]);
        assert_eq!(parse(&container(&words)).unwrap().stream.len(), 0x1_0000);
    }

    #[test]
    fn bad_containers_are_refused() {
        let error = |words: &[u32]| parse(&container(words)).unwrap_err();
        assert_eq!(parse(&[0; 5]), Err(BadContainer::Length));
        assert_eq!(error(&[]), BadContainer::Magic);
        assert_eq!(error(&[1, 2]), BadContainer::Magic);
        assert_eq!(error(&HEAD[..2]), BadContainer::Truncated);
        assert_eq!(error(&HEAD[..7]), BadContainer::NoStream);
        assert_eq!(error(&[&HEAD[..], &[1]].concat()), BadContainer::Truncated);
        assert_eq!(error(&[MAGIC, 2]), BadContainer::NoConfig);
        assert_eq!(error(&[MAGIC, 3]), BadContainer::Action(3));
    }
}
