// SPDX-License-Identifier: GPL-2.0
//! A card whose driver keeps everything in device memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pci_model::{Function, Port};
use qda_model::firmware::image;
use qda_model::{Capabilities, Front, VECTORS};

pub const MEMORY: u64 = 16 << 20;
pub const RESERVED: u64 = MEMORY - (2 << 20);
/// Where the machine keeps images, rings of events, and what queues have.
const IMAGE: u64 = 0x10_0000;
pub const EVENTS: u64 = 0x20_0000;
const QUEUES: u64 = 0x30_0000;

pub struct Machine {
    pub front: Arc<Front>,
}

/// A queue of order 4.
#[derive(Clone, Copy)]
pub struct Ring {
    pub number: u64,
    base: u64,
}

/// A packet as it is built.
#[derive(Clone, Copy, Debug)]
pub struct Packet(pub [u8; 64]);

impl Packet {
    pub fn new(opcode: u8) -> Self {
        let mut bytes = [0; 64];
        bytes[0] = opcode;
        Self(bytes)
    }

    pub fn put(mut self, at: usize, field: &[u8]) -> Self {
        self.0[at..at + field.len()].copy_from_slice(field);
        self
    }

    pub fn byte(self, at: usize, value: u8) -> Self {
        self.put(at, &[value])
    }

    pub fn word(self, at: usize, value: u32) -> Self {
        self.put(at, &value.to_le_bytes())
    }

    pub fn long(self, at: usize, value: u64) -> Self {
        self.put(at, &value.to_le_bytes())
    }

    pub fn record(self) -> Self {
        let flags = self.0[1] | 1;
        self.byte(1, flags)
    }

    pub fn copy(from: u64, to: u64, bytes: u32) -> Self {
        Self::new(0x10)
            .long(8, from)
            .long(0x18, to)
            .word(0x2c, 1)
            .word(0x30, bytes)
    }

    pub fn wait(at: u64, value: u64, microseconds: u32) -> Self {
        Self::new(2)
            .long(8, at)
            .long(0x10, value)
            .word(0x38, microseconds)
    }

    pub fn signal(at: u64, value: u64) -> Self {
        Self::new(3).long(0x10, value).long(0x18, at)
    }
}

impl Machine {
    /// A card that has just been switched on.
    pub fn new() -> Self {
        Self::plugged(&Port::new(VECTORS), 1)
    }

    pub fn plugged(port: &Port, uuid: u8) -> Self {
        let capabilities = Capabilities {
            uuid: [uuid; 16],
            mem_size: MEMORY,
            mem_visible: 4 << 20,
            injection: true,
            signed: false,
        };
        Self {
            front: Front::new(capabilities, port).unwrap(),
        }
    }

    /// A card with firmware, event rings of 64 records, and context 1 without pages.
    pub fn ready() -> Self {
        let machine = Self::new();
        machine.make_ready();
        machine
    }

    pub fn make_ready(&self) {
        self.boot(&image::make(0x0102_0003, RESERVED, b"firmware"));
        self.until(0x200, 5);
        for ring in [0, 1] {
            let at = 0x500 + 0x40 * ring;
            self.write64(at, EVENTS + 0x1000 * ring);
            self.write32(at + 8, 6);
            self.write32(at + 0xc, 1);
        }
    }

    pub fn boot(&self, image: &[u8]) {
        self.until(0x200, 1);
        self.fill(IMAGE, image);
        self.write64(0x208, IMAGE);
        self.write32(0x210, image.len() as u32);
        self.write32(0x214, 1);
    }

    pub fn read32(&self, at: u64) -> u32 {
        let mut data = [0xff; 4];
        self.front.read(0, at, &mut data);
        u32::from_le_bytes(data)
    }

    pub fn read64(&self, at: u64) -> u64 {
        let mut data = [0xff; 8];
        self.front.read(0, at, &mut data);
        u64::from_le_bytes(data)
    }

    pub fn write32(&self, at: u64, value: u32) {
        self.front.write(0, at, &value.to_le_bytes());
    }

    pub fn write64(&self, at: u64, value: u64) {
        self.front.write(0, at, &value.to_le_bytes());
    }

    /// Waits until a register has a value.
    #[track_caller]
    pub fn until(&self, at: u64, value: u32) {
        self.wait(
            || self.read32(at) == value,
            || format!("{at:#x} is {:#x}, not {value:#x}", self.read32(at)),
        );
    }

    #[track_caller]
    pub fn wait(&self, done: impl Fn() -> bool, why: impl Fn() -> String) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(10), "{}", why());
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn fill(&self, at: u64, bytes: &[u8]) {
        assert!(self.memory().write(at, bytes));
    }

    pub fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        assert!(self.memory().read(at, &mut bytes));
        bytes
    }

    pub fn long(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().unwrap())
    }

    pub fn word(&self, at: u64) -> u32 {
        self.long(at) as u32
    }

    fn memory(&self) -> &pci_model::DeviceMemory {
        self.front.card.mmu.bus.device_memory()
    }

    /// A request of this type; its status, and the reply's payload.
    #[track_caller]
    pub fn request(&self, kind: u16, payload: &[(usize, &[u8])]) -> (u16, Vec<u8>) {
        let mut message = [0; 64];
        message[..2].copy_from_slice(&kind.to_le_bytes());
        message[4..8].copy_from_slice(b"tag!");
        for (at, field) in payload {
            message[*at..at + field.len()].copy_from_slice(field);
        }
        for (at, bytes) in (0x300..).step_by(8).zip(message.chunks_exact(8)) {
            self.front.write(0, at, bytes);
        }
        self.write32(0x380, 1);
        self.until(0x380, 0);
        let reply: Vec<u8> = (0x340..0x380)
            .step_by(8)
            .flat_map(|at| self.read64(at).to_le_bytes())
            .collect();
        assert_eq!(reply[..2], kind.to_le_bytes());
        assert_eq!(reply[4..8], *b"tag!");
        (
            u16::from_le_bytes([reply[2], reply[3]]),
            reply[8..].to_vec(),
        )
    }

    /// A kernel queue of ASID 0.
    pub fn queue(&self, number: u16, engine: u8, priority: u8) -> Ring {
        let (status, ring) = self.create(number, engine, priority, 0);
        assert_eq!(status, 0);
        ring
    }

    pub fn create(&self, number: u16, engine: u8, priority: u8, asid: u16) -> (u16, Ring) {
        let base = QUEUES + 0x1000 * u64::from(number);
        self.fill(base, &[0; 0x1000]);
        let links = if engine == 4 { 3 } else { 0 };
        let (status, _) = self.request(
            4,
            &[
                (8, &number.to_le_bytes()),
                (0xa, &asid.to_le_bytes()),
                (0xc, &[engine, priority, 4, 0]),
                (0x10, &base.to_le_bytes()),
                (0x18, &(base + 0x400).to_le_bytes()),
                (0x20, &(base + 0x800).to_le_bytes()),
                (0x28, &[0, 0, links]),
            ],
        );
        let number = number.into();
        (status, Ring { number, base })
    }

    /// Writes packets behind those that are there, and rings.
    pub fn submit(&self, ring: Ring, packets: &[Packet]) -> u64 {
        let first = self.queue64(ring, 0x10);
        for (index, packet) in (first..).zip(packets) {
            self.fill(ring.base + 64 * (index % 16), &packet.0);
        }
        let end = first + packets.len() as u64;
        self.ring(ring, end);
        end
    }

    pub fn ring(&self, ring: Ring, value: u64) {
        self.front
            .write(4, 4096 * ring.number, &value.to_le_bytes());
    }

    /// Submits, and waits for the end.
    #[track_caller]
    pub fn run(&self, ring: Ring, packets: &[Packet]) {
        let end = self.submit(ring, packets);
        self.completed(ring, end);
    }

    #[track_caller]
    pub fn completed(&self, ring: Ring, count: u64) {
        let report = || (self.long(ring.base + 0x800), self.word(ring.base + 0x808));
        self.wait(
            || report().0 >= count || report().1 != 0,
            || format!("{:?}", report()),
        );
        assert_eq!(report(), (count, 0), "completed, status");
    }

    /// Runs a packet that fails, and resumes behind it; gives status, detail and address.
    #[track_caller]
    pub fn failure(&self, ring: Ring, packet: Packet) -> (u32, u32, u64) {
        let index = self.submit(ring, &[packet]) - 1;
        self.until(0x8000 + 0x40 * ring.number, 4);
        let record = self.record(ring, index);
        self.queue_write64(ring, 8, index + 1);
        self.control(ring, 2);
        record
    }

    /// Status, detail and address of a completion record that was written.
    #[track_caller]
    pub fn record(&self, ring: Ring, index: u64) -> (u32, u32, u64) {
        let at = ring.base + 0x400 + 64 * (index % 16);
        assert_eq!(self.long(at), index + 1, "sequence");
        (self.word(at + 8), self.word(at + 12), self.long(at + 16))
    }

    pub fn report(&self, ring: Ring) -> (u64, u32) {
        (self.long(ring.base + 0x800), self.word(ring.base + 0x808))
    }

    pub fn state(&self, ring: Ring) -> u32 {
        self.read32(0x8000 + 0x40 * ring.number)
    }

    pub fn control(&self, ring: Ring, command: u32) {
        self.write32(0x8004 + 0x40 * ring.number, command);
    }

    pub fn queue64(&self, ring: Ring, at: u64) -> u64 {
        self.read64(0x8000 + 0x40 * ring.number + at)
    }

    pub fn queue_write64(&self, ring: Ring, at: u64, value: u64) {
        self.write64(0x8000 + 0x40 * ring.number + at, value);
    }

    /// Kind, source, status, detail, address of the records of an event ring.
    pub fn events(&self, ring: u64) -> Vec<(u16, u16, u32, u32, u64)> {
        let head = self.read64(0x510 + 0x40 * ring);
        (0..head)
            .map(|index| {
                let at = EVENTS + 0x1000 * ring + 64 * (index % 64);
                assert_eq!(self.long(at), index + 1, "sequence");
                let kind = self.long(at + 8);
                (
                    kind as u16,
                    (kind >> 16) as u16,
                    self.word(at + 0x10),
                    self.word(at + 0x14),
                    self.long(at + 0x18),
                )
            })
            .collect()
    }

    pub fn inject(&self, kind: u32, target: u32, value: u64) {
        self.write32(0x700, 0x4b43_4148);
        self.write32(0x708, kind);
        self.write32(0x70c, target);
        self.write64(0x710, value);
        self.write32(0x718, 1);
        assert_eq!(self.read32(0x704), 1, "not refused");
    }
}
