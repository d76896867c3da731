// SPDX-License-Identifier: GPL-2.0
//! From step to step, on one card or on two that share the work.
//!
//! Everything is in the cards' memory from the start, and steps follow each other there without the CPU:
//! it only keeps the queues filled. With two cards, each works on its half of a batch, then they exchange
//! and add their gradients over a link, so that both make the step of the whole batch. The queue of a
//! tensor engine and that of the collective engine tell each other by two numbers in memory how far they
//! are:
//!
//!     tensor:      gradients - SIGNAL ready ........... WAIT summed - update
//!     collective:               WAIT ready - EXCHANGE - SIGNAL summed

use std::ops::Range;
use std::path::Path;

use accel::Mapping;
use accel::info::EngineKind;
use accel::qda::Matrix;
use accel::qda::Memory;
use accel::qda::Packet;
use accel::qda::collective::Arrival;
use accel::qda::collective::Link;
use accel::qda::collective::Links;
use accel::qda::collective::Message;
use accel::qda::collective::exchange;
use accel::qda::packet::signal;
use accel::qda::packet::wait;
use anyhow::Result;
use npy::Array;
use zerocopy::IntoBytes;

use crate::card::Arena;
use crate::card::Card;
use crate::card::Staging;
use crate::digits::BATCH;
use crate::digits::Digits;
use crate::digits::floats;
use crate::lane;
use crate::lane::Lane;
use crate::network::CLASSES;
use crate::network::Gradients;
use crate::network::Network;
use crate::network::PARAMETERS;
use crate::network::PIXELS;
use crate::network::Parameters;
use crate::team::Team;

/// The link between two cards, on both.
const LINKS: Links = Links {
    send: Link(0),
    receive: Link(0),
};

/// Packets of one step, of which as many as fit go into a submission.
const STEP_PACKETS: usize = 30;

/// What came out.
pub struct Trained {
    /// The loss of each step.
    pub losses: Vec<f32>,
    /// The parameters in the end, card by card.
    pub weights: Vec<Vec<f32>>,
    /// The digits that were seen in the images held out.
    pub predictions: Vec<u8>,
}

impl Trained {
    /// Writes everything to files named after the cards.
    pub fn write(&self, directory: &Path, team: &Team) -> Result<()> {
        let cards = self.weights.len();
        let file = |name| directory.join(format!("{}.{name}.npy", team.file_name()));
        let losses = self.losses.as_bytes().to_vec();
        Array::new([self.losses.len(), 4], losses)?.write(&file("losses"))?;
        let weights = self.weights.concat().as_bytes().to_vec();
        Array::new([cards, PARAMETERS as usize * 4], weights)?.write(&file("weights"))?;
        let predictions = self.predictions.clone();
        Array::new([predictions.len()], predictions)?.write(&file("predictions"))
    }
}

/// Train on `cards`, those of the team that are here, `epochs` times through the images; `progress` is
/// told of steps and losses.
pub fn train(
    cards: &[Card],
    team: &Team,
    digits: &Digits,
    epochs: usize,
    mut progress: impl FnMut(usize, f32),
) -> Result<Trained> {
    let steps = digits.steps(epochs);
    let trainee = |(number, card)| Trainee::new(card, number, team.cards, digits, steps);
    let numbered = team.here.clone().zip(cards);
    let mut trainees: Vec<_> = numbered.map(trainee).collect::<Result<_>>()?;

    let at_once = lane::MOST / STEP_PACKETS;
    for first in (0..steps).step_by(at_once) {
        for trainee in &mut trainees {
            trainee.submit(first..steps.min(first + at_once))?;
        }
        // One submission is executed while the next one is made.
        for trainee in &mut trainees {
            trainee.wait(1)?;
        }
        if let Some(last) = first.checked_sub(1) {
            progress(first, trainees[0].losses()?[last]);
        }
    }
    for trainee in &mut trainees {
        trainee.wait(0)?;
    }
    let weights = trainees.iter_mut().map(Trainee::weights);
    Ok(Trained {
        weights: weights.collect::<Result<_>>()?,
        losses: trainees[0].losses()?,
        predictions: trainees[0].infer(digits)?,
    })
}

/// A card that learns.
struct Trainee {
    network: Network,
    /// Images and their labels, one-hot.
    x: Matrix,
    y: Matrix,
    /// Which rows of a batch are for this card.
    share: Range<u32>,
    /// How many steps there are, and their losses, where the CPU sees them.
    steps: usize,
    losses: Memory,
    losses_seen: Mapping,
    tensor: Lane,
    exchange: Option<Exchange>,
    staging: Staging,
    arena: Arena,
}

/// What it takes to add gradients up between cards.
struct Exchange {
    lane: Lane,
    /// Addresses: how many steps the gradients are ready of, and are summed of.
    ready: u64,
    summed: u64,
}

impl Trainee {
    fn new(card: &Card, number: usize, of: usize, digits: &Digits, steps: usize) -> Result<Self> {
        let (batch, samples) = (BATCH as u32, (BATCH / of) as u32);
        let (mut arena, mut staging) = (Arena::new(card)?, Staging::new(card)?);
        let network = Network::new(&mut arena, batch, samples)?;
        staging.write(network.parameters(), &Parameters::initial())?;
        let exchange = match of {
            1 => None,
            _ => {
                card.wait_for(LINKS.send)?;
                Some(Exchange {
                    lane: card.lane(EngineKind::Collective)?,
                    ready: arena.take(8)?,
                    summed: arena.take(8)?,
                })
            }
        };
        let losses = card.workspace.host_memory((steps * 4) as u64)?;
        let first = number as u32 * samples;
        Ok(Trainee {
            network,
            x: staging.place(&mut arena, PIXELS, &digits.training.x)?,
            y: staging.place(&mut arena, CLASSES, &digits.training.one_hot())?,
            share: first..first + samples,
            steps,
            losses_seen: losses.buffer().map()?,
            losses,
            tensor: card.lane(EngineKind::Compute)?,
            exchange,
            staging,
            arena,
        })
    }

    /// Send the packets of some steps on their way.
    fn submit(&mut self, steps: Range<usize>) -> Result<()> {
        let mut packets = Vec::new();
        for step in steps.clone() {
            packets.extend(self.step(step)?);
        }
        self.tensor.submit(&packets)?;
        if let Some(exchange) = &mut self.exchange {
            let packets: Vec<_> = steps
                .flat_map(|step| exchange.step(&self.network, step))
                .collect();
            exchange.lane.submit(&packets)?;
        }
        Ok(())
    }

    /// The packets of a step for the tensor engine.
    fn step(&self, step: usize) -> Result<Vec<Packet>> {
        let batch = (step * BATCH) as u32 % self.x.rows;
        let rows = batch + self.share.start..batch + self.share.end;
        let loss = Matrix::f32(self.losses.address() + step as u64 * 4, 1, 1);
        let mut packets = self
            .network
            .differentiate(self.x.rows(rows.clone()), self.y.rows(rows))?;
        if let Some(exchange) = &self.exchange {
            let done = step as u64 + 1;
            packets.push(signal(exchange.ready, done));
            packets.push(wait(exchange.summed, done, None));
        }
        packets.extend(self.network.update(loss)?);
        Ok(packets)
    }

    /// Wait for all steps but those of the last `left` submissions.
    fn wait(&mut self, left: usize) -> Result<()> {
        if let Some(exchange) = &mut self.exchange {
            exchange.lane.wait(left)?;
        }
        self.tensor.wait(left)
    }

    /// The losses of all steps, 0 of those that are not done.
    fn losses(&self) -> Result<Vec<f32>> {
        let mut bytes = vec![0; self.steps * size_of::<f32>()];
        self.losses_seen.copy_to_slice(0, &mut bytes)?;
        Ok(floats(&bytes))
    }

    /// The parameters.
    fn weights(&mut self) -> Result<Vec<f32>> {
        self.staging
            .read_floats(self.network.parameters(), PARAMETERS as usize)
    }

    /// The digits that it sees in the images held out.
    fn infer(&mut self, digits: &Digits) -> Result<Vec<u8>> {
        let images = &digits.held_out;
        let x = self.staging.place(&mut self.arena, PIXELS, &images.x)?;
        let (packets, seen) = self.network.infer(&mut self.arena, x)?;
        self.tensor.submit(&packets)?;
        self.tensor.wait(0)?;
        let numbers = self.staging.read(seen.address, images.len() * 4)?;
        Ok(numbers.chunks_exact(4).map(|number| number[0]).collect())
    }
}

impl Exchange {
    /// The packets of a step for the collective engine: packet 24 when the gradients are ready.
    fn step(&self, network: &Network, step: usize) -> [Packet; 3] {
        let done = step as u64 + 1;
        let mine = network.gradients.address();
        let message = Message {
            tag: step as u32,
            bytes: Gradients::SIZE,
            timeout: None,
        };
        let sums = network.sums.address();
        [
            wait(self.ready, done, None),
            exchange(mine, LINKS, Arrival::Sum(mine), sums, message),
            signal(self.summed, done),
        ]
    }
}
