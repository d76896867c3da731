// SPDX-License-Identifier: GPL-2.0
//! Has two QDA cards execute every packet that there is, and compares all memory with what the reference of their
//! arithmetic says, bit for bit.
//!
//!     qda-packets DIR
//!
//! `tools/testing/qda/reference/export_packets.py` makes the files in DIR. All packets go through rings of user
//! queues, with memory of the host; those that jobs may have go once more as jobs, with memory of the card. Prints
//! KTAP: a result for each way and opcode, one for the library's all-reduce, one for what a submission costs. The links
//! have to be up.
//!
//! - `vectors` is what is in the files;
//! - `card` has a card execute packets, in either way;
//! - `steps` counts what a submission is made of;
//! - `verdict` tells which of them went wrong, and that none is missing.

mod card;
mod steps;
mod vectors;
mod verdict;

use std::path::Path;
use std::process::ExitCode;

use accel::qda::collective;
use accel::qda::collective::Link;
use accel::qda::collective::Links;
use accel::qda::collective::Message;
use anyhow::Result;
use anyhow::bail;

use crate::card::Card;
use crate::card::PATIENCE;
use crate::vectors::AllReduce;
use crate::vectors::CARDS;
use crate::vectors::Memory;
use crate::verdict::Report;
use crate::verdict::Way;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("qda-packets: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was right.
fn run() -> Result<bool> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [directory] = arguments.as_slice() else {
        bail!("usage: qda-packets DIR");
    };
    if directory == steps::CHILD {
        steps::submit()?;
        return Ok(true);
    }
    let directory = Path::new(directory);
    let memories = vectors::read(directory)?;
    let sums = AllReduce::read(directory)?;
    let cards = card::open_all()?;
    let mut report = Report::new();
    report.opcodes(Way::Rings, &by_rings(&cards, &memories)?);
    report.opcodes(Way::Jobs, &by_jobs(&cards, &memories)?);
    report.result("all_reduce_of_the_library", all_reduce(&cards, &sums)?);
    report.told(
        "a_submission_is_a_few_instructions_and_no_system_call",
        steps::check(),
    );
    Ok(report.is_good())
}

/// All packets, on all kinds of engines of both cards at the same time.
fn by_rings<'a>(cards: &[Card], memories: &'a [Memory]) -> Result<Vec<(&'a Memory, Vec<u8>)>> {
    let mut runs = Vec::new();
    for (card, memory) in cards.iter().zip(memories) {
        runs.push(card.start(&memory.packets, &memory.before)?);
    }
    let finished = memories.iter().zip(runs);
    finished
        .map(|(memory, run)| Ok((memory, run.finish()?)))
        .collect()
}

/// Those that jobs may have.
fn by_jobs<'a>(cards: &[Card], memories: &'a [Memory]) -> Result<Vec<(&'a Memory, Vec<u8>)>> {
    let mut finished = Vec::new();
    for (card, memory) in cards.iter().zip(memories) {
        let packets = memory.packets.iter().filter(|it| Way::Jobs.takes(it));
        let packets: Vec<_> = packets.collect();
        finished.push((memory, card.run_jobs(&packets, &memory.before)?));
    }
    Ok(finished)
}

/// Whether the packets that the library makes leave on both cards what they should.
fn all_reduce(cards: &[Card], sums: &AllReduce) -> Result<bool> {
    let mut runs = Vec::new();
    for (number, (card, before)) in (0..).zip(cards.iter().zip(&sums.before)) {
        let (next, previous) = (Link(number), Link(1 - number));
        let ring = collective::Ring {
            cards: CARDS as u32,
            card: number.into(),
            links: Links {
                send: next,
                receive: previous,
            },
        };
        let chunk = Message {
            tag: 0,
            bytes: (before.len() / CARDS).try_into()?,
            timeout: Some(PATIENCE),
        };
        let packets = |address| collective::all_reduce(ring, address, chunk);
        runs.push(card.start_messages(packets, before)?);
    }
    let mut is_right = true;
    for (run, after) in runs.into_iter().zip(&sums.after) {
        is_right &= run.finish()? == *after;
    }
    Ok(is_right)
}
