// SPDX-License-Identifier: GPL-2.0
//! What a submission to a user queue costs in the library, for the bench program (`queue.c`): memory of a ring
//! and a doorbell, in buffers of a device that has no user queues. All that a program does is done.

use accel::Device;
use accel::Mapping;
use accel::Result;
use accel::buffer::Placement;
use accel::qda::Packet;
use accel::qda::RingMemory;
use accel::qda::copy;
use accel::user_queue::Doorbell;

/// log2 of the packets.
const ORDER: u32 = 9;
/// Where the report is, by `queues.rst` and `RingMemory`: last.
const REPORT_BYTES: u64 = 64;

/// A ring and who plays its card.
pub struct Ring {
    memory: RingMemory,
    doorbell: Doorbell,
    packet: Packet,
    /// Index behind the last packet.
    end: u64,
    /// The memory, as the card sees it.
    card: Mapping,
}

impl Ring {
    fn open(device: &Device) -> Result<Self> {
        let buffer = device.buffer(RingMemory::size(ORDER), Placement::System)?;
        let doorbell = device.buffer(REPORT_BYTES, Placement::System)?;
        Ok(Ring {
            memory: RingMemory::new(buffer.map()?, ORDER),
            doorbell: doorbell.map()?.into(),
            packet: copy::bytes(0x1000, 0x2000, 4096),
            end: 0,
            card: buffer.map()?,
        })
    }

    fn submit(&mut self) -> Result<()> {
        self.end = self.memory.submit(&[self.packet], &mut self.doorbell)?;
        Ok(())
    }

    fn complete(&mut self) -> Result<()> {
        let report = RingMemory::size(ORDER) - REPORT_BYTES;
        self.card
            .copy_from_slice(report as usize, &self.end.to_le_bytes())
    }
}

/// Make a ring; NULL if that fails.
#[unsafe(no_mangle)]
pub extern "C" fn bench_ring_open() -> Option<Box<Ring>> {
    let nodes = accel::device::nodes().ok()?;
    let device = nodes.first()?.open().ok()?;
    Ring::open(&device).ok().map(Box::new)
}

/// Submit a packet; returns whether there was room.
#[unsafe(no_mangle)]
pub extern "C" fn bench_ring_submit(ring: &mut Ring) -> bool {
    ring.submit().is_ok()
}

/// Have all packets end.
#[unsafe(no_mangle)]
pub extern "C" fn bench_ring_complete(ring: &mut Ring) -> bool {
    ring.complete().is_ok()
}
