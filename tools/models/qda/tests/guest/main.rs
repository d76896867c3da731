// SPDX-License-Identifier: GPL-2.0
//! A guest at the other end of a vfio-user socket: what only shows there are messages, host memory,
//! memory that is mapped, peers, and a card that goes away.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pci_model::control::Commands;
use pci_model::{Port, Server, Switch};
use qda_model::firmware::image;
use qda_model::{Capabilities, Front, VECTORS};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use vfio_user::Client;

const CONFIG: u32 = 7;
const MSIX_IRQ: u32 = 2;
const EVENTS: u32 = 1 << 2 | 1 << 5;
/// Bus address and bytes of guest memory.
const HOST: u64 = 0x8000_0000;
const HOST_SIZE: u64 = 1 << 20;
const SYSTEM: u64 = 1 << 62;
const PEER: u64 = 2 << 62;
const RESERVED: u64 = 14 << 20;
/// Offsets in guest memory.
const IMAGE: u64 = 0x1_0000;
const QUEUE: u64 = 0x2_0000;
const DATA: u64 = 0x3_0000;

struct Guest {
    client: Client,
    port: Port,
    front: Arc<Front>,
    host: File,
    events: Vec<OwnedFd>,
    server: JoinHandle<io::Result<()>>,
}

impl Guest {
    fn new(switch: &Switch, bar2: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let port = Port::behind(switch, VECTORS);
        let capabilities = Capabilities {
            uuid: [1; 16],
            mem_size: 16 << 20,
            mem_visible: 6 << 20,
            injection: true,
            signed: false,
        };
        let front = Front::new(capabilities, &port).unwrap();
        let mut server = Server::bind(&path, port.clone(), front.clone()).unwrap();
        let server = thread::spawn(move || server.run());
        let host = memfd_create("guest", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&host, HOST_SIZE).unwrap();
        let mut client = Client::new(&path).unwrap();
        client
            .dma_map(0, HOST, HOST_SIZE, host.as_raw_fd())
            .unwrap();
        client
            .region_write(CONFIG, 0x18, &bar2.to_le_bytes())
            .unwrap();
        client.region_write(CONFIG, 4, &[6]).unwrap();
        // MSI-X is on.
        client.region_write(CONFIG, 0x53, &[0x80]).unwrap();
        let event = |_| eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap();
        let events: Vec<OwnedFd> = (0..VECTORS).map(event).collect();
        let raw: Vec<_> = events.iter().map(AsRawFd::as_raw_fd).collect();
        client
            .set_irqs(MSIX_IRQ, EVENTS, 0, u32::from(VECTORS), &raw)
            .unwrap();
        Self {
            client,
            port,
            front,
            host: host.into(),
            events,
            server,
        }
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        self.client.region_write(0, at, bytes).unwrap();
    }

    fn read32(&mut self, at: u64) -> u32 {
        let mut word = [0; 4];
        self.client.region_read(0, at, &mut word).unwrap();
        u32::from_le_bytes(word)
    }

    #[track_caller]
    fn until(&mut self, at: u64, value: u32) {
        let start = Instant::now();
        while self.read32(at) != value {
            assert!(start.elapsed() < Duration::from_secs(10), "{at:#x}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for a message.
    #[track_caller]
    fn message(&self, vector: usize) {
        let start = Instant::now();
        while !self.drain(vector) {
            assert!(start.elapsed() < Duration::from_secs(10), "{vector}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether a message has come since the last time.
    fn drain(&self, vector: usize) -> bool {
        rustix::io::read(&self.events[vector], &mut [0; 8]).is_ok()
    }

    fn host(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.host.read_exact_at(&mut bytes, at).unwrap();
        bytes
    }

    /// Firmware from host memory, and queue 2 of copy engine 1 there, too.
    fn make_ready(&mut self) {
        let file = image::make(1, RESERVED, b"firmware");
        self.host.write_all_at(&file, IMAGE).unwrap();
        self.until(0x200, 1);
        self.write(0x208, &(SYSTEM | (HOST + IMAGE)).to_le_bytes());
        self.write(0x210, &(file.len() as u32).to_le_bytes());
        self.write(0x214, &[1, 0, 0, 0]);
        self.until(0x200, 5);
        let mut request = [0; 64];
        let mut put =
            |at: usize, field: &[u8]| request[at..at + field.len()].copy_from_slice(field);
        put(0, &[4]);
        put(8, &[2, 0, 0, 0, 1, 1, 4]);
        for (at, offset) in [(0x10, 0), (0x18, 0x400), (0x20, 0x800)] {
            put(at, &(SYSTEM | (HOST + QUEUE + offset)).to_le_bytes());
        }
        for (at, bytes) in (0x300..).step_by(8).zip(request.chunks_exact(8)) {
            self.write(at, bytes);
        }
        self.write(0x380, &[1, 0, 0, 0]);
        self.until(0x380, 0);
        assert_eq!(self.read32(0x340), 4);
    }

    /// Copies 64 bytes, with record and interrupt; gives the status.
    fn copy(&mut self, index: u64, from: u64, to: u64) -> u32 {
        let mut packet = [0; 64];
        packet[..2].copy_from_slice(&[0x10, 3]);
        packet[8..16].copy_from_slice(&from.to_le_bytes());
        packet[0x18..0x20].copy_from_slice(&to.to_le_bytes());
        packet[0x2c] = 1;
        packet[0x30] = 64;
        self.host.write_all_at(&packet, QUEUE + 64 * index).unwrap();
        let value = (index + 1).to_le_bytes();
        self.client.region_write(4, 2 * 4096, &value).unwrap();
        self.message(3 + 1);
        self.write(0x1140, &4u64.to_le_bytes());
        let record = self.host(QUEUE + 0x400 + 64 * index, 16);
        assert_eq!(record[..8], value);
        u32::from_le_bytes([record[8], record[9], record[10], record[11]])
    }
}

#[test]
fn host_memory_and_messages() {
    let mut guest = Guest::new(&Switch::default(), 0);
    guest.make_ready();
    guest.message(0);
    guest.host.write_all_at(&[7; 64], DATA).unwrap();
    let data = SYSTEM | (HOST + DATA);
    assert_eq!(guest.copy(0, data, 0x5000), 0);
    assert_eq!(guest.copy(1, 0x5000, data + 0x100), 0);
    assert_eq!(guest.host(DATA + 0x100, 64), [7; 64]);
    assert!(!guest.drain(1), "no fault");
    assert_eq!(guest.copy(2, SYSTEM, 0x5000), 0x12);
    guest.message(1);
}

#[test]
fn mapped_memory() {
    let guest = Guest::new(&Switch::default(), 0);
    let region = guest.client.region(2).unwrap();
    assert_eq!(region.size, 8 << 20);
    let area = &region.sparse_areas[0];
    assert_eq!((area.offset, area.size), (0, 6 << 20), "what is visible");
    let file = region.file_offset.as_ref().unwrap().file();
    file.write_all_at(b"mapped", 0x1234).unwrap();
    let mut bytes = [0; 6];
    let memory = guest.front.card.mmu.bus.device_memory();
    assert!(memory.read(0x1234, &mut bytes));
    assert_eq!(&bytes, b"mapped");
}

#[test]
fn peers() {
    let switch = Switch::default();
    let address = 0x40_0000_0000;
    let mut one = Guest::new(&switch, 0x20_0000_0000);
    let two = Guest::new(&switch, address);
    one.make_ready();
    let memory = two.front.card.mmu.bus.device_memory();
    assert!(memory.write(0x100, &[9; 64]));
    assert_eq!(one.copy(0, PEER | (address + 0x100), 0x5000), 0);
    assert_eq!(one.copy(1, 0x5000, SYSTEM | (HOST + DATA)), 0);
    assert_eq!(one.host(DATA, 64), [9; 64]);
    two.port.surprise_remove();
    two.front.removed();
    assert_eq!(one.copy(2, PEER | (address + 0x100), 0x5000), 0x13);
}

#[test]
fn surprise_removal() {
    let mut guest = Guest::new(&Switch::default(), 0);
    guest.make_ready();
    guest.port.surprise_remove();
    guest.front.removed();
    assert_eq!(guest.read32(0), u32::MAX);
    let mut vendor = [0; 4];
    guest.client.region_read(CONFIG, 0, &mut vendor).unwrap();
    assert_eq!(vendor, [0xff; 4]);
}

#[test]
fn flr_forgets_everything() {
    let mut guest = Guest::new(&Switch::default(), 0);
    guest.make_ready();
    // Initiate Function Level Reset.
    guest.client.region_write(CONFIG, 0x69, &[0x80]).unwrap();
    assert_eq!(guest.read32(0), u32::MAX, "memory space is off");
    guest.client.region_write(CONFIG, 4, &[6]).unwrap();
    guest.until(0x200, 1);
    assert_eq!(guest.read32(0x8080), 0, "queue 2");
    guest.make_ready();
}

#[test]
fn the_process_ends_with_its_guest() {
    let guest = Guest::new(&Switch::default(), 0);
    let Guest { client, server, .. } = guest;
    drop(client);
    server.join().unwrap().unwrap();
}
