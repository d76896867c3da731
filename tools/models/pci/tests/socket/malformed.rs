// SPDX-License-Identifier: GPL-2.0
//! What a function does for a hostile peer: an errno for each message that makes no sense, the end
//! of the connection where framing is lost, and never a panic or an allocation of the peer's
//! choosing.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::bench::{self, COMMAND, COMMAND_MASTER};

const DMA_MAP: u16 = 2;
const DMA_UNMAP: u16 = 3;
const REGION_INFO: u16 = 5;
const IRQ_INFO: u16 = 7;
const SET_IRQS: u16 = 8;
const READ: u16 = 9;
const WRITE: u16 = 10;
const NO_REPLY: u32 = 1 << 4;
const ERROR: u32 = 1 << 5;

/// A peer that can say anything.
struct Peer {
    stream: UnixStream,
    port: pci_model::Port,
    server: JoinHandle<io::Result<()>>,
}

impl Peer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = bench::socket_in(&folder);
        let (port, _, server) = bench::start(&path, bench::MSIX);
        let stream = UnixStream::connect(path).unwrap();
        Self {
            stream,
            port,
            server,
        }
    }

    fn send(&mut self, command: u16, flags: u32, body: &[u8], fds: &[&OwnedFd]) {
        let size = 16 + body.len() as u32;
        let header = [u32::from(command) << 16 | 0x77, size, flags, 0];
        let header = header.map(u32::to_le_bytes).concat();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        }
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        sendmsg(&self.stream, &parts, &mut control, SendFlags::empty()).unwrap();
    }

    /// The next reply's body, or its errno.
    fn reply(&mut self) -> Result<Vec<u8>, Errno> {
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).unwrap();
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(word(0) & 0xffff, 0x77, "message id");
        assert_eq!(word(8) & 0xf, 1, "type of a reply");
        let mut body = vec![0; word(4) as usize - 16];
        self.stream.read_exact(&mut body).unwrap();
        match word(8) & ERROR {
            0 => Ok(body),
            _ => Err(Errno::from_raw_os_error(word(12) as i32)),
        }
    }

    fn ask(&mut self, command: u16, body: &[u8]) -> Result<Vec<u8>, Errno> {
        self.send(command, 0, body, &[]);
        self.reply()
    }

    fn ask_with(&mut self, command: u16, body: &[u8], fds: &[&OwnedFd]) -> Result<Vec<u8>, Errno> {
        self.send(command, 0, body, fds);
        self.reply()
    }

    /// Whether the function still answers as it should.
    fn check(&mut self) {
        let reply = self.ask(READ, &access(0, 7, 4)).unwrap();
        assert_eq!(reply[16..], [0x34, 0x12, 0xcd, 0xab]);
    }
}

fn access(offset: u64, region: u32, count: u32) -> Vec<u8> {
    [
        &offset.to_le_bytes()[..],
        &region.to_le_bytes(),
        &count.to_le_bytes(),
    ]
    .concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// DMA_MAP for reading and writing.
fn map(offset: u64, address: u64, size: u64) -> Vec<u8> {
    let head = words(&[32, 3]);
    let tail = [offset, address, size].map(u64::to_le_bytes).concat();
    [head, tail].concat()
}

fn unmap(address: u64, size: u64) -> Vec<u8> {
    let tail = [address, size].map(u64::to_le_bytes).concat();
    [words(&[24, 0]), tail].concat()
}

fn memory(size: u64) -> OwnedFd {
    let fd = memfd_create("guest", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&fd, size).unwrap();
    fd
}

#[test]
fn unknown_commands() {
    let mut peer = Peer::new();
    for command in [0, 6, 11, 12, 14, 15, 16, 0xffff] {
        assert_eq!(
            peer.ask(command, &[0xff; 40]),
            Err(Errno::OPNOTSUPP),
            "{command}"
        );
    }
    peer.check();
}

#[test]
fn version_of_another_world() {
    let mut peer = Peer::new();
    assert_eq!(peer.ask(1, &[1, 0, 0, 0, 0]), Err(Errno::INVAL));
    assert_eq!(peer.ask(1, &[0, 0]), Err(Errno::INVAL));
    let reply = peer.ask(1, &[0, 0, 9, 0, b'{', 0xff, 1]).unwrap();
    assert_eq!((&reply[..4], reply.last()), (&[0, 0, 1, 0][..], Some(&0)));
}

#[test]
fn bodies_too_short() {
    let mut peer = Peer::new();
    for (command, len) in [
        (1, 4),
        (2, 32),
        (3, 24),
        (4, 16),
        (5, 32),
        (7, 16),
        (8, 20),
        (9, 16),
        (10, 16),
    ] {
        for len in 0..len {
            assert_eq!(
                peer.ask(command, &vec![0; len]),
                Err(Errno::INVAL),
                "{command}, {len}"
            );
        }
    }
    peer.check();
}

#[test]
fn accesses_beyond_the_region() {
    let mut peer = Peer::new();
    for (offset, region, count) in [
        (4096, 7, 1),
        (4095, 7, 2),
        (0, 7, u32::MAX),
        (u64::MAX, 7, 1),
        (u64::MAX, 0, u32::MAX),
        (0, 1, 4),
        (0, 3, 4),
        (0, 6, 4),
        (0, 8, 4),
        (0, 9, 4),
        (0, u32::MAX, 4),
        (0, 4, (1 << 20) + 1),
    ] {
        let body = access(offset, region, count);
        assert_eq!(
            peer.ask(READ, &body),
            Err(Errno::INVAL),
            "read {offset:#x} of {region}"
        );
        let body = [&body[..], &[0; 64]].concat();
        assert_eq!(
            peer.ask(WRITE, &body),
            Err(Errno::INVAL),
            "write {offset:#x} of {region}"
        );
    }
    peer.check();
}

#[test]
fn odd_accesses_to_registers() {
    let mut peer = Peer::new();
    peer.ask(WRITE, &[access(COMMAND, 7, 1), vec![2]].concat())
        .unwrap();
    for (offset, count) in [(1, 1), (2, 4), (0, 8), (4090, 6), (0, 0), (0, 4096)] {
        let reply = peer.ask(READ, &access(offset, 0, count)).unwrap();
        if count != 4 {
            assert!(
                reply[16..].iter().all(|&byte| byte == 0xff),
                "{offset}, {count}"
            );
        }
    }
    let short = [access(0, 0, 4), vec![1, 2, 3]].concat();
    assert_eq!(
        peer.ask(WRITE, &short),
        Err(Errno::INVAL),
        "less data than announced"
    );
}

#[test]
fn mappings_that_cannot_be() {
    let mut peer = Peer::new();
    let file = memory(0x3000);
    for (offset, address, size) in [
        (0, 0x1000, 0),
        (0, 0x1000, 0x4000),
        (0x3000, 0x1000, 0x1000),
        (u64::MAX, 0x1000, 0x1000),
        (0, u64::MAX, 0x1000),
        (0, 0x1000, u64::MAX),
        (0x10, 0x1000, 0x1000),
    ] {
        let reply = peer.ask_with(DMA_MAP, &map(offset, address, size), &[&file]);
        assert!(reply.is_err(), "{offset:#x} {address:#x} {size:#x}");
    }
    assert!(
        peer.ask_with(DMA_MAP, &map(0, 0x1000, 0x1000), &[&file, &file])
            .is_err()
    );
    peer.ask_with(DMA_MAP, &map(0, 0x1000, 0x2000), &[&file])
        .unwrap();
    for address in [0, 0x1000, 0x2000] {
        let reply = peer.ask_with(DMA_MAP, &map(0, address, 0x3000), &[&file]);
        assert_eq!(reply, Err(Errno::EXIST), "{address:#x}");
    }
    for (address, size) in [
        (0x1000, 0x1000),
        (0x2000, 0x1000),
        (0x3000, 0x1000),
        (0, 0),
        (1, u64::MAX),
    ] {
        let reply = peer.ask(DMA_UNMAP, &unmap(address, size));
        assert!(reply.is_err(), "{address:#x} {size:#x}");
    }
    peer.ask(DMA_UNMAP, &unmap(0x1000, 0x2000)).unwrap();
    peer.check();
}

#[test]
fn mapping_without_file_is_no_memory() {
    let mut peer = Peer::new();
    peer.ask(DMA_MAP, &map(0, 0x1000, 0x1000)).unwrap();
    peer.ask(
        WRITE,
        &[access(COMMAND, 7, 1), vec![COMMAND_MASTER]].concat(),
    )
    .unwrap();
    let fault = peer.port.dma().read(0x1800, &mut [0; 4]);
    assert_eq!(fault, Err(pci_model::Fault::Unmapped(0x1800)));
}

#[test]
fn mapping_for_reading_takes_no_writes() {
    let mut peer = Peer::new();
    let mut body = map(0, 0x1000, 0x1000);
    body[4] = 1;
    peer.ask_with(DMA_MAP, &body, &[&memory(0x1000)]).unwrap();
    peer.ask(
        WRITE,
        &[access(COMMAND, 7, 1), vec![COMMAND_MASTER]].concat(),
    )
    .unwrap();
    let dma = peer.port.dma();
    assert!(dma.read(0x1000, &mut [0; 4]).is_ok());
    assert_eq!(
        dma.write(0x1000, &[0; 4]),
        Err(pci_model::Fault::Unmapped(0x1000))
    );
}

#[test]
fn interrupts_that_do_not_exist() {
    let mut peer = Peer::new();
    let file = memory(8);
    assert_eq!(
        peer.ask(IRQ_INFO, &words(&[16, 0, 5, 0])),
        Err(Errno::INVAL)
    );
    assert_eq!(
        peer.ask(REGION_INFO, &words(&[32, 0, 9, 0, 0, 0, 0, 0])),
        Err(Errno::INVAL)
    );
    for (flags, index, start, count) in [
        (0x24, 0, 0, 1),
        (0x24, 9, 0, 1),
        (0x24, 2, 4, 1),
        (0x24, 2, u32::MAX, 1),
        (0x24, 2, 0, u32::MAX),
        (0x24, 2, 0, 2),
        (0x22, 2, 0, 1),
        (0x0c, 2, 0, 1),
        (0x21, 2, 0, 1),
    ] {
        let body = words(&[20, flags, index, start, count]);
        let reply = peer.ask_with(SET_IRQS, &body, &[&file]);
        assert_eq!(
            reply,
            Err(Errno::INVAL),
            "{flags:#x} {index} {start} {count}"
        );
    }
    peer.check();
}

#[test]
fn silence_where_no_reply_is_wanted() {
    let mut peer = Peer::new();
    let write = [access(COMMAND, 7, 1), vec![2]].concat();
    peer.send(WRITE, NO_REPLY, &write, &[]);
    peer.send(WRITE, NO_REPLY, &[], &[]);
    peer.send(0x99, NO_REPLY, &[1, 2, 3], &[]);
    peer.check();
}

#[test]
fn lost_framing_ends_the_connection() {
    for size in [0, 15, (1 << 20) + 81, u32::MAX] {
        let mut peer = Peer::new();
        let header = words(&[4 << 16, size, 0, 0]);
        peer.stream.write_all(&header).unwrap();
        assert_eq!(peer.stream.read(&mut [0; 1]).unwrap(), 0, "{size}");
        assert!(peer.server.join().unwrap().is_err());
    }
}

#[test]
fn half_a_message_ends_the_connection() {
    let mut peer = Peer::new();
    peer.stream.write_all(&words(&[4 << 16, 32, 0])).unwrap();
    peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(peer.server.join().unwrap().is_err());
}

/// A byte that is often at an edge.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever well-framed messages say, the function answers each and lives.
    #[test]
    fn any_message(messages in vec((0u16..17, vec(byte(), 0..64)), 1..32)) {
        let mut peer = Peer::new();
        let file = memory(0x1000);
        for (command, body) in messages {
            let _ = peer.ask_with(command, &body, &[&file]);
        }
        peer.check();
    }
}
