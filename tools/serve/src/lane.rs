// SPDX-License-Identifier: GPL-2.0
//! The way of requests to a tensor engine, and of answers back: a ring that the card reads, memory that
//! both sides see, and no system call but to sleep.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use accel::Mapping;
use accel::job::Deadline;
use accel::qda::Matrix;
use accel::qda::Memory;
use accel::qda::Packet;
use accel::qda::Reach;
use accel::qda::Ring;
use accel::qda::Workspace;
use accel::queue::Priority;
use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::data::Data;
use crate::network::ANSWER;
use crate::network::CLASSES;
use crate::network::HIDDEN;
use crate::network::IMAGE;
use crate::network::Network;
use crate::network::PIXELS;

/// How long an answer may take; the kernel gives up long before.
const TIMEOUT: Duration = Duration::from_secs(60);

/// log2 of the packets of a ring.
const ORDER: u32 = 5;

/// How long a request took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From before it was sent until its answer was there, by the clock of the program.
    pub seen: Duration,
    /// From the start of its first packet to the end of its last one, by that of the card.
    pub card: Duration,
}

/// Where requests go.
pub struct Lane {
    ring: Ring,
    places: VecDeque<Place>,
    under_way: VecDeque<Request>,
}

/// Memory for one request at a time, and the packets that work there.
struct Place {
    images: usize,
    /// Images, and behind them answers, in memory of the host.
    bytes: Mapping,
    packets: Vec<Packet>,
    _host: Memory,
    _card: Memory,
}

/// A request under way.
struct Request {
    place: Place,
    /// Number of its first image.
    first: usize,
    sent: Instant,
    /// Index behind its last packet.
    end: u64,
}

impl Place {
    fn new(workspace: &Workspace, network: &Network, images: usize) -> Result<Self> {
        let (rows, size) = (images as u32, images * (IMAGE + ANSWER));
        let host = workspace.host_memory(size as u64)?;
        let x = Matrix::f32(host.address(), rows, PIXELS);
        let answers = Matrix::f32(x.address + x.size(), rows, CLASSES);
        let hidden = Matrix::f32(0, rows, HIDDEN);
        let card = workspace.card_memory(hidden.size())?;
        let hidden = Matrix::f32(card.address(), rows, HIDDEN);
        let mut packets = network.packets(x, hidden, answers)?;
        // The times of a request are those of its first and last packet.
        for end in [0, packets.len() - 1] {
            packets[end] = packets[end].recorded();
        }
        Ok(Place {
            images,
            bytes: host.buffer().map()?,
            packets,
            _host: host,
            _card: card,
        })
    }
}

impl Lane {
    /// To an engine, for `depth` requests at a time, of so many images each.
    pub fn new(
        workspace: &Workspace,
        network: &Network,
        engine: u32,
        priority: Priority,
        images: usize,
        depth: usize,
    ) -> Result<Self> {
        let places = (0..depth).map(|_| Place::new(workspace, network, images));
        Ok(Lane {
            ring: workspace.ring_on(engine, priority, ORDER, Reach::default())?,
            places: places.collect::<Result<_>>()?,
            under_way: VecDeque::new(),
        })
    }

    /// Send a request for the images from number `first` on, if there is room for one more.
    pub fn send(&mut self, data: &Data, first: usize) -> Result<bool> {
        let Some(mut place) = self.places.pop_front() else {
            return Ok(false);
        };
        let images = data.images(first, place.images);
        let sent = Instant::now();
        place.bytes.copy_from_slice(0, &images)?;
        let end = self.ring.submit(&place.packets)?;
        self.under_way.push_back(Request {
            place,
            first,
            sent,
            end,
        });
        Ok(true)
    }

    /// Wait for the answer to the request that was sent first, and check it.
    pub fn receive(&mut self, data: &Data) -> Result<Option<Times>> {
        let Some(request) = self.under_way.pop_front() else {
            return Ok(None);
        };
        self.ring.wait(request.end, Deadline::after(TIMEOUT))?;
        let Request { place, first, .. } = request;
        let mut answers = vec![0; place.images * ANSWER];
        place
            .bytes
            .copy_to_slice(place.images * IMAGE, &mut answers)?;
        let seen = request.sent.elapsed();
        let is_right = answers == data.answers(first, place.images);
        ensure!(
            is_right,
            "a wrong answer to {} images from {first} on",
            place.images
        );

        let start = request.end - place.packets.len() as u64;
        let record = |index| {
            self.ring
                .record(index)?
                .context("a packet without a record")
        };
        let card = record(request.end - 1)?
            .end
            .saturating_sub(record(start)?.start);
        self.places.push_back(place);
        Ok(Some(Times { seen, card }))
    }
}
