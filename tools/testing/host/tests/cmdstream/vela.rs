// SPDX-License-Identifier: GPL-2.0

//! Streams that Vela 5.2.0 made (`data/cmdstream/make.py`): of the networks of the demo, and of
//! small networks with every kind of operation that it has for int8 and int16.
//!
//! The ends of reads and writes of the demo's networks were found by running the streams on a
//! simulator with every access recorded.

use std::fs;

use crate::accesses;
use crate::cmdstream::{self, Config, Footprint};

struct Network {
    stream: &'static [u8],
    config: Config,
    /// Reads of the weights, of the scratch and of the fast scratch region.
    read: [u64; 3],
    /// Writes of the same; the weights are read only.
    written: [u64; 3],
}

macro_rules! network {
    ($file:literal, $config:ident, $read:expr, $written:expr) => {
        Network {
            stream: include_bytes!(concat!("../../data/cmdstream/", $file)),
            config: Config::$config,
            read: $read,
            written: $written,
        }
    };
}

const NETWORKS: [Network; 6] = [
    network!("digits-256.bin", U65_256, [12240, 64, 9904], [0, 10, 9904]),
    network!("digits-512.bin", U65_512, [12384, 64, 9936], [0, 10, 9936]),
    network!(
        "hey_jarvis-256.bin",
        U65_256,
        [30256, 2968, 9968],
        [0, 2849, 9968]
    ),
    network!(
        "hey_jarvis-512.bin",
        U65_512,
        [30432, 2968, 9968],
        [0, 2849, 9968]
    ),
    network!(
        "alexa-256.bin",
        U65_256,
        [31024, 3144, 10144],
        [0, 3025, 10144]
    ),
    network!(
        "alexa-512.bin",
        U65_512,
        [31200, 3144, 10192],
        [0, 3025, 10192]
    ),
];

impl Network {
    fn words(&self) -> Vec<u32> {
        words(self.stream)
    }
}

fn words(stream: &[u8]) -> Vec<u32> {
    let words = stream.chunks_exact(4);
    words
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

/// What the model touches; large enough for every stream here.
fn touched(words: &[u32]) -> Footprint {
    accesses::footprint(words, 1 << 20).expect("feature maps of up to 1 Mi elements")
}

#[test]
fn footprints_are_exact() {
    for network in &NETWORKS {
        let mut expected = Footprint::default();
        expected.read[..3].copy_from_slice(&network.read);
        expected.written[..3].copy_from_slice(&network.written);
        assert_eq!(
            cmdstream::check(&network.words(), network.config),
            Ok(expected)
        );
    }
}

#[test]
fn model_agrees() {
    for network in &NETWORKS {
        let words = network.words();
        assert_eq!(
            cmdstream::check(&words, network.config),
            Ok(touched(&words))
        );
    }
}

#[test]
fn truncation_at_any_word_is_refused() {
    for network in &NETWORKS {
        let words = network.words();
        for length in 0..words.len() {
            assert!(cmdstream::check(&words[..length], network.config).is_err());
        }
    }
}

#[test]
fn any_setting_left_out_is_refused_or_stays_within_the_footprint() {
    for network in &NETWORKS {
        let words = network.words();
        let mut index = 0;
        while index < words.len() {
            let next = index + if words[index] & 0x4000 == 0 { 1 } else { 2 };
            let rest = [&words[..index], &words[next..]].concat();
            if let Ok(ends) = cmdstream::check(&rest, network.config) {
                let touched = touched(&rest);
                assert!(
                    (0..8).all(|n| touched.read[n] <= ends.read[n]),
                    "word {index}"
                );
                assert!(
                    (0..8).all(|n| touched.written[n] <= ends.written[n]),
                    "word {index}"
                );
            }
            index = next;
        }
    }
}

#[test]
fn every_operation_of_vela_is_accepted_with_an_exact_footprint() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cmdstream/operators");
    let mut streams = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let words = words(&fs::read(&path).unwrap());
        let config = match path.to_str().unwrap().ends_with("-512.bin") {
            true => Config::U65_512,
            false => Config::U65_256,
        };
        let ends = cmdstream::check(&words, config);
        assert_eq!(ends, Ok(touched(&words)), "{path:?}");
        streams += 1;
    }
    assert_eq!(streams, 56);
}
