// SPDX-License-Identifier: GPL-2.0
//! What is in the files: packets, and the memory of each card before and after them.

use std::fs;
use std::path::Path;

use accel::info::EngineKind;
use accel::qda::Packet;
use accel_uapi as uapi;
use accel_uapi::accel_qda_packet;
use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use npy::Array;

use crate::verdict::Way;

/// The two ends of a link.
pub const CARDS: usize = 2;

/// A packet whose addresses are relative to the memory of its card.
pub struct Vector {
    /// What executes it.
    pub kind: EngineKind,
    /// What it is.
    pub name: String,
    raw: accel_qda_packet,
    /// Whether a, b, d are addresses.
    is_address: [bool; 3],
}

impl Vector {
    /// The packet for memory at `base`.
    pub fn at(&self, base: u64) -> Packet {
        let mut raw = self.raw;
        let fields = [&mut raw.a, &mut raw.b, &mut raw.d];
        for (field, is_address) in fields.into_iter().zip(self.is_address) {
            *field += if is_address { base } else { 0 };
        }
        raw.into()
    }

    /// Its opcode.
    pub fn opcode(&self) -> uapi::accel_qda_opcode {
        self.raw.opcode.into()
    }

    /// The first of its bytes.
    fn start(&self) -> Option<u64> {
        let fields = [self.raw.a, self.raw.b, self.raw.d].into_iter();
        let addresses = fields.zip(self.is_address).filter(|(_, is)| *is);
        addresses.map(|(field, _)| field).min()
    }

    /// Of a line: kind of engine, addresses, packet, name.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        let kind = match words.next()? {
            "copy" => EngineKind::Copy,
            "tensor" => EngineKind::Compute,
            "collective" => EngineKind::Collective,
            _ => return None,
        };
        let addresses = words.next()?;
        let packet = words.next()?;
        let digits = |at: usize| u8::from_str_radix(packet.get(2 * at..2 * at + 2)?, 16).ok();
        let mut bytes = [0; size_of::<accel_qda_packet>()];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = digits(at)?;
        }
        Some(Vector {
            kind,
            name: words.next()?.to_string(),
            raw: zerocopy::transmute!(bytes),
            is_address: ['a', 'b', 'd'].map(|field| addresses.contains(field)),
        })
    }
}

/// A card's packets, in the order in which their engines get them, and its memory.
pub struct Memory {
    /// In it are those of each packet together, in their order.
    pub packets: Vec<Vector>,
    /// What is there before them.
    pub before: Vec<u8>,
    after: Vec<u8>,
}

impl Memory {
    /// Which packets went wrong, and where first, if those that a way takes were executed and left `got`.
    pub fn wrong(&self, got: &[u8], way: Way) -> Vec<(&Vector, String)> {
        let placed = self.packets.iter().filter_map(|it| Some((it, it.start()?)));
        let placed: Vec<_> = placed.collect();
        let ends = placed.iter().skip(1).map(|(_, start)| *start as usize);
        let ends = ends.chain([got.len()]);
        let mut start = 0;
        let mut wrong = Vec::new();
        for ((vector, _), end) in placed.iter().zip(ends) {
            let expected = if way.takes(vector) {
                &self.after
            } else {
                &self.before
            };
            let mut bytes = (start..end).zip(got[start..end].iter().zip(&expected[start..end]));
            if let Some((at, (is, expected))) = bytes.find(|(_, (is, expected))| is != expected) {
                wrong.push((
                    *vector,
                    format!("byte {at:#x} is {is:#04x}, not {expected:#04x}"),
                ));
            }
            start = end;
        }
        wrong
    }
}

/// Read the packets and the memory of each card.
pub fn read(directory: &Path) -> Result<Vec<Memory>> {
    let path = directory.join("packets.txt");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut packets: Vec<Vec<Vector>> = (0..CARDS).map(|_| Vec::new()).collect();
    for line in text.lines() {
        let (card, rest) = line.split_once(' ').unwrap_or_default();
        let card = card
            .parse()
            .ok()
            .and_then(|card: usize| packets.get_mut(card));
        let (Some(packets), Some(vector)) = (card, Vector::parse(rest)) else {
            bail!("{}: no packet: {line}", path.display());
        };
        packets.push(vector);
    }
    let memory = |(card, packets)| {
        let [before, after] = halves(&directory.join(format!("memory{card}.npy")))?;
        Ok(Memory {
            packets,
            before,
            after,
        })
    };
    packets.into_iter().enumerate().map(memory).collect()
}

/// The memory of each card before and after an all-reduce.
pub struct AllReduce {
    /// Before.
    pub before: Vec<Vec<u8>>,
    /// After.
    pub after: Vec<Vec<u8>>,
}

impl AllReduce {
    /// Read the file.
    pub fn read(directory: &Path) -> Result<Self> {
        let halves = halves(&directory.join("all_reduce.npy"))?;
        let [before, after] = halves.map(|half| {
            let cards = half.chunks(half.len() / CARDS);
            cards.map(<[u8]>::to_vec).collect()
        });
        Ok(AllReduce { before, after })
    }
}

/// The first and the second half of an array.
fn halves(path: &Path) -> Result<[Vec<u8>; 2]> {
    let array = Array::read(path)?;
    ensure!(
        array.shape.first() == Some(&2) && array.bytes.len() >= 2 * CARDS,
        "{} is not of two halves",
        path.display()
    );
    let (before, after) = array.bytes.split_at(array.bytes.len() / 2);
    Ok([before.to_vec(), after.to_vec()])
}
