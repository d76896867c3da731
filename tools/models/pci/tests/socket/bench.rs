// SPDX-License-Identifier: GPL-2.0
//! A function to test with, its server on a thread, and a client's view of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use pci_model::{
    Bar, Description, DeviceMemory, Dma, Function, Interrupts, Messages, MsixLayout, Port, Reset,
    Server,
};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use tempfile::TempDir;
use vfio_user::Client;

/// Region of configuration space.
pub const CONFIG: u32 = 7;
/// Command register and two of its bits.
pub const COMMAND: u64 = 4;
pub const COMMAND_MEMORY: u8 = 1 << 1;
pub const COMMAND_MASTER: u8 = 1 << 2;

/// A function with 1024 plain registers, 1 MiB of memory and 4 vectors.
pub struct Test {
    registers: Mutex<[u32; 1024]>,
    memory: Arc<DeviceMemory>,
    interrupts: Interrupts,
    resets: Mutex<Vec<Reset>>,
}

impl Function for Test {
    fn description(&self) -> Description {
        Description {
            vendor: 0x1234,
            device: 0xabcd,
            subsystem_vendor: 0,
            subsystem: 0,
            revision: 7,
            class: 0x12_0000,
            bars: vec![
                Bar::registers(0, 0x1000),
                Bar::registers(2, 0x1000),
                Bar::memory(4, self.memory.clone()),
            ],
            interrupts: self.interrupts,
        }
    }

    fn read(&self, bar: usize, offset: u64, data: &mut [u8]) {
        if bar == 0 && data.len() == 4 {
            let value = self.registers.lock().unwrap()[offset as usize / 4];
            data.copy_from_slice(&value.to_le_bytes());
        }
    }

    fn write(&self, bar: usize, offset: u64, data: &[u8]) {
        if let (0, Ok(word)) = (bar, data.try_into()) {
            self.registers.lock().unwrap()[offset as usize / 4] = u32::from_le_bytes(word);
        }
    }

    fn reset(&self, kind: Reset) {
        self.registers.lock().unwrap().fill(0);
        self.resets.lock().unwrap().push(kind);
    }
}

/// A served function and its client.
pub struct Bench {
    pub client: Client,
    pub port: Port,
    pub dma: Dma,
    pub messages: Messages,
    pub memory: Arc<DeviceMemory>,
    folder: TempDir,
    function: Arc<Test>,
    server: JoinHandle<io::Result<()>>,
}

/// Table and pending bits in BAR 2.
pub const MSIX: Interrupts = Interrupts::Msix(MsixLayout {
    bar: 2,
    table: 0,
    pba: 0x800,
});

/// Where the socket is in a folder that no other test uses.
pub fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("socket")
}

/// Serves the test function on a thread.
pub fn start(path: &Path, interrupts: Interrupts) -> (Port, Arc<Test>, JoinHandle<io::Result<()>>) {
    plug(path, Port::new(4), interrupts)
}

fn plug(
    path: &Path,
    port: Port,
    interrupts: Interrupts,
) -> (Port, Arc<Test>, JoinHandle<io::Result<()>>) {
    let function = Arc::new(Test {
        registers: Mutex::new([0; 1024]),
        memory: Arc::new(DeviceMemory::new(1 << 20).unwrap()),
        interrupts,
        resets: Mutex::default(),
    });
    let mut server = Server::bind(path, port.clone(), function.clone()).unwrap();
    let server = thread::spawn(move || server.run());
    (port, function, server)
}

impl Bench {
    /// With MSI-X.
    pub fn new() -> Self {
        Self::with(MSIX)
    }

    pub fn with(interrupts: Interrupts) -> Self {
        Self::plugged(Port::new(4), interrupts)
    }

    /// In this slot.
    pub fn plugged(port: Port, interrupts: Interrupts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = socket_in(&folder);
        let (port, function, server) = plug(&path, port, interrupts);
        Self {
            client: Client::new(&path).unwrap(),
            dma: port.dma(),
            messages: port.messages(),
            memory: function.memory.clone(),
            port,
            folder,
            function,
            server,
        }
    }

    /// Where its socket is, as long as it is there.
    pub fn path(&self) -> PathBuf {
        socket_in(&self.folder)
    }

    /// Closes the connection; gives how the server ended.
    pub fn leave(self) -> io::Result<()> {
        drop(self.client);
        self.server.join().unwrap()
    }

    /// Sets the low byte of the command register.
    pub fn enable(&mut self, command: u8) {
        self.write_config(COMMAND, &[command]);
    }

    pub fn write_config(&mut self, at: u64, bytes: &[u8]) {
        self.client.region_write(CONFIG, at, bytes).unwrap();
    }

    pub fn config_u8(&mut self, at: u64) -> u8 {
        let mut byte = [0];
        self.client.region_read(CONFIG, at, &mut byte).unwrap();
        byte[0]
    }

    pub fn config_u32(&mut self, at: u64) -> u32 {
        self.bar_u32(CONFIG, at)
    }

    pub fn bar_u32(&mut self, region: u32, at: u64) -> u32 {
        let mut word = [0; 4];
        self.client.region_read(region, at, &mut word).unwrap();
        u32::from_le_bytes(word)
    }

    pub fn resets(&self) -> Vec<Reset> {
        self.function.resets.lock().unwrap().clone()
    }

    /// An event fd that does not block.
    pub fn event(&self) -> OwnedFd {
        eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap()
    }
}

/// Messages that have arrived since the last call.
pub fn drain(event: &OwnedFd) -> u64 {
    let mut count = [0; 8];
    match rustix::io::read(event, &mut count) {
        Ok(_) => u64::from_ne_bytes(count),
        Err(_) => 0,
    }
}

/// The number of a file descriptor, for the client.
pub fn raw(fd: &OwnedFd) -> RawFd {
    fd.as_raw_fd()
}

/// Memory that the guest sees.
pub struct Guest(File);

impl Guest {
    /// Two pages, mapped for DMA one by one, in an order that is not that of the file.
    pub fn mapped(bench: &mut Bench, address: u64) -> Self {
        let file = memfd_create("guest", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, 0x2000).unwrap();
        let fd = file.as_raw_fd();
        for offset in [0x1000, 0] {
            bench
                .client
                .dma_map(offset, address + offset, 0x1000, fd)
                .unwrap();
        }
        Self(file.into())
    }

    /// The memory behind a BAR.
    pub fn bar(bench: &Bench, index: u32) -> Self {
        let region = bench.client.region(index).unwrap();
        assert_eq!(region.sparse_areas.len(), 1);
        assert_eq!(
            (region.sparse_areas[0].offset, region.sparse_areas[0].size),
            (0, region.size)
        );
        Self(
            region
                .file_offset
                .as_ref()
                .unwrap()
                .file()
                .try_clone()
                .unwrap(),
        )
    }

    pub fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.read_exact_at(&mut bytes, at).unwrap();
        bytes
    }

    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.0.write_all_at(bytes, at).unwrap();
    }
}
