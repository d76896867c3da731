// SPDX-License-Identifier: GPL-2.0
//! The vfio-user server of one function: each message of the peer becomes a call of the function.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use zerocopy::{FromBytes, IntoBytes};

use crate::bar::{Backing, Bar, DeviceMemory};
use crate::config::{self, Config};
use crate::connection::{Connection, MAX_FDS, MAX_TRANSFER, Message};
use crate::function::{Description, Function, Interrupts, Reset};
use crate::msix_table::Table;
use crate::port::Port;
use crate::switch::Window;
use crate::wire::{self, command};

/// Serves one function on one socket.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    port: Port,
    function: Arc<dyn Function>,
    description: Description,
    config: Config,
    table: Option<Table>,
}

/// Answer to a command: the body of the reply, and the file that goes with it.
#[derive(Default)]
struct Reply {
    body: Vec<u8>,
    file: Option<Arc<DeviceMemory>>,
}

impl Server {
    /// Listens on a new socket at `path`; `EINVAL` if the function's description makes no sense.
    pub fn bind(path: &Path, port: Port, function: Arc<dyn Function>) -> io::Result<Self> {
        let description = function.description();
        let vectors = port.shared().vectors.count();
        let config = Config::new(&description, vectors)?;
        let table = match description.interrupts {
            Interrupts::Msix(layout) => Some(Table::new(layout, vectors)),
            Interrupts::Msi | Interrupts::None => None,
        };
        let backed = description
            .bars
            .iter()
            .filter_map(|bar| bar.backing.as_ref());
        port.shared().bus_mut().mapped = backed.map(|b| b.memory.clone()).collect();
        Ok(Self {
            listener: UnixListener::bind(path)?,
            path: path.to_owned(),
            port,
            function,
            description,
            config,
            table,
        })
    }

    /// Serves one peer until it leaves, then unplugs the function: mastering and mappings are gone.
    pub fn run(&mut self) -> io::Result<()> {
        let (stream, _) = self.listener.accept()?;
        let mut connection = Connection::new(stream);
        let result = self.serve(&mut connection);
        let mut bus = self.port.shared().bus_mut();
        bus.master = false;
        bus.windows.clear();
        bus.memory.clear();
        drop(bus);
        self.port.shared().vectors.remove_all();
        result
    }

    fn serve(&mut self, connection: &mut Connection) -> io::Result<()> {
        while let Some(message) = connection.receive()? {
            let header = message.header;
            let reply = self.handle(message);
            if header.flags & wire::header::NO_REPLY != 0 {
                continue;
            }
            match &reply {
                Ok(reply) => {
                    let file = reply.file.as_ref().map(|memory| memory.as_fd());
                    connection.reply(&header, Ok(&reply.body), file)?;
                }
                Err(errno) => connection.reply(&header, Err(errno.raw_os_error() as u32), None)?,
            }
        }
        Ok(())
    }

    fn handle(&mut self, message: Message) -> Result<Reply, Errno> {
        let Message { header, body, fds } = message;
        match header.command {
            command::VERSION => version(&body),
            command::DMA_MAP => self.dma_map(&body, fds),
            command::DMA_UNMAP => self.dma_unmap(&body),
            command::DEVICE_GET_INFO => device_info(&body),
            command::DEVICE_GET_REGION_INFO => self.region_info(&body),
            command::DEVICE_GET_IRQ_INFO => self.irq_info(&body),
            command::DEVICE_SET_IRQS => self.set_irqs(&body, fds),
            command::REGION_READ => self.region_read(&body),
            command::REGION_WRITE => self.region_write(&body),
            command::DEVICE_RESET => {
                self.reset(Reset::Bus);
                Ok(Reply::default())
            }
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn dma_map(&mut self, body: &[u8], mut fds: Vec<OwnedFd>) -> Result<Reply, Errno> {
        let (map, _) = parse::<wire::DmaMap>(body)?;
        let file = fds.pop().map(|fd| (fd, map.offset));
        if !fds.is_empty() {
            return Err(Errno::INVAL);
        }
        let writable = map.flags & wire::DMA_MAP_WRITE != 0;
        let mut bus = self.port.shared().bus_mut();
        bus.memory
            .map(map.address, map.size, writable, file)
            .map_err(errno)?;
        Ok(Reply::default())
    }

    fn dma_unmap(&mut self, body: &[u8]) -> Result<Reply, Errno> {
        let (unmap, _) = parse::<wire::DmaUnmap>(body)?;
        let mut bus = self.port.shared().bus_mut();
        if unmap.flags & wire::DMA_UNMAP_ALL != 0 {
            bus.memory.clear();
        } else {
            bus.memory.unmap(unmap.address, unmap.size).map_err(errno)?;
        }
        Ok(Reply::of(&unmap))
    }

    fn region_info(&self, body: &[u8]) -> Result<Reply, Errno> {
        let (asked, _) = parse::<wire::RegionInfo>(body)?;
        if asked.index >= wire::REGIONS {
            return Err(Errno::INVAL);
        }
        let mut info = wire::RegionInfo {
            argsz: size_of::<wire::RegionInfo>() as u32,
            flags: 0,
            cap_offset: 0,
            size: self.region_size(asked.index),
            offset: 0,
            ..asked
        };
        if info.size > 0 {
            info.flags |= wire::REGION_READ_WRITE;
        }
        let backing = self.bar(asked.index).and_then(|bar| bar.backing.as_ref());
        let Some(backing) = backing else {
            return Ok(Reply::of(&info));
        };
        info.flags |= wire::REGION_MMAP | wire::REGION_CAPS;
        let areas = sparse_areas(backing);
        info.argsz += areas.len() as u32;
        // Also if it is not sent yet: QEMU takes no flag without it.
        info.cap_offset = size_of::<wire::RegionInfo>() as u32;
        let mut reply = Reply::of(&info);
        reply.file = Some(backing.memory.clone());
        if asked.argsz >= info.argsz {
            reply.body = [info.as_bytes(), &areas].concat();
        }
        Ok(reply)
    }

    fn irq_info(&self, body: &[u8]) -> Result<Reply, Errno> {
        let (asked, _) = parse::<wire::IrqInfo>(body)?;
        if asked.index >= wire::IRQS {
            return Err(Errno::INVAL);
        }
        let vectors = u32::from(self.port.shared().vectors.count());
        let (flags, count) = match asked.index {
            index if Some(index) == self.messages() => {
                (wire::IRQ_EVENTFD | wire::IRQ_NORESIZE, vectors)
            }
            wire::IRQ_ERROR => (wire::IRQ_EVENTFD | wire::IRQ_NORESIZE, 1),
            _ => (0, 0),
        };
        Ok(Reply::of(&wire::IrqInfo {
            argsz: size_of::<wire::IrqInfo>() as u32,
            flags,
            count,
            ..asked
        }))
    }

    fn set_irqs(&mut self, body: &[u8], fds: Vec<OwnedFd>) -> Result<Reply, Errno> {
        let (set, _) = parse::<wire::IrqSet>(body)?;
        let vectors = &self.port.shared().vectors;
        let count = set.count as usize;
        if set.index == wire::IRQ_ERROR {
            // Errors are never signalled: there is nothing to remember.
            return Ok(Reply::default());
        }
        if Some(set.index) != self.messages() || count > usize::from(vectors.count()) {
            return Err(Errno::INVAL);
        }
        const NONE: u32 = wire::IRQ_SET_DATA_NONE | wire::IRQ_SET_ACTION_TRIGGER;
        const EVENTS: u32 = wire::IRQ_SET_DATA_EVENTFD | wire::IRQ_SET_ACTION_TRIGGER;
        let installed = match set.flags {
            NONE if count == 0 => {
                vectors.remove_all();
                true
            }
            // Without files: remove those of `count` vectors.
            EVENTS if fds.is_empty() => {
                vectors.install(set.start, (0..count).map(|_| None).collect())
            }
            EVENTS if fds.len() == count => {
                vectors.install(set.start, fds.into_iter().map(Some).collect())
            }
            _ => false,
        };
        installed.then(Reply::default).ok_or(Errno::INVAL)
    }

    fn region_read(&mut self, body: &[u8]) -> Result<Reply, Errno> {
        let (access, _) = parse::<wire::RegionAccess>(body)?;
        self.check_access(&access)?;
        let mut reply = Reply::of(&access);
        let header = reply.body.len();
        reply.body.resize(header + access.count as usize, 0xff);
        let data = &mut reply.body[header..];
        if self.port.shared().bus().removed {
            return Ok(reply);
        }
        if access.region == wire::REGION_CONFIG {
            self.config.read(access.offset, data);
        } else if self.config.decodes_memory() {
            self.bar_read(&access, data);
        }
        Ok(reply)
    }

    fn region_write(&mut self, body: &[u8]) -> Result<Reply, Errno> {
        let (access, data) = parse::<wire::RegionAccess>(body)?;
        self.check_access(&access)?;
        if data.len() != access.count as usize {
            return Err(Errno::INVAL);
        }
        if !self.port.shared().bus().removed {
            if access.region == wire::REGION_CONFIG {
                self.config_write(access.offset, data);
            } else if self.config.decodes_memory() {
                self.bar_write(&access, data);
            }
        }
        Ok(Reply::of(&access))
    }

    fn bar_read(&self, access: &wire::RegionAccess, data: &mut [u8]) {
        let Some(bar) = self.bar(access.region) else {
            return;
        };
        let table = self.table.as_ref();
        if let Some(table) = table.filter(|table| table.covers(bar.index, access.offset)) {
            table.read(access.offset, data, &self.port.shared().vectors);
        } else if let Some(memory) = bar.direct(access.offset) {
            let _ = memory.read(access.offset, data);
        } else {
            self.function.read(bar.index, access.offset, data);
        }
    }

    fn bar_write(&mut self, access: &wire::RegionAccess, data: &[u8]) {
        let table = self.table.as_mut();
        if let Some(table) = table.filter(|t| t.covers(access.region as usize, access.offset)) {
            return table.write(access.offset, data);
        }
        let Some(bar) = self.bar(access.region) else {
            return;
        };
        if let Some(memory) = bar.direct(access.offset) {
            let _ = memory.write(access.offset, data);
        } else {
            self.function.write(bar.index, access.offset, data);
        }
    }

    fn config_write(&mut self, offset: u64, data: &[u8]) {
        let was_on = self.config.in_d0();
        if self.config.write(offset, data) {
            return self.reset(Reset::Function);
        }
        self.follow_config();
        if self.config.in_d0() != was_on {
            self.function.power(!was_on);
        }
    }

    /// Configuration space goes back to its reset state, then the function.
    fn reset(&mut self, kind: Reset) {
        self.config.reset();
        if let Some(table) = &mut self.table {
            table.reset();
        }
        self.follow_config();
        self.function.reset(kind);
    }

    /// Gives the port what configuration space now says.
    fn follow_config(&self) {
        let shared = self.port.shared();
        let mut bus = shared.bus_mut();
        bus.master = self.config.bus_master() && !bus.removed;
        bus.windows = if bus.removed {
            Vec::new()
        } else {
            self.windows()
        };
        drop(bus);
        shared.vectors.enable(self.config.messages_enabled());
    }

    /// Where peers reach device memory.
    fn windows(&self) -> Vec<Window> {
        if !self.config.decodes_memory() {
            return Vec::new();
        }
        let mut windows = Vec::new();
        for bar in &self.description.bars {
            let Some(backing) = &bar.backing else {
                continue;
            };
            let mapped = backing.mapped.iter().find(|range| range.start == 0);
            windows.extend(mapped.map(|range| Window {
                address: self.config.bar_address(bar),
                len: range.end,
                memory: backing.memory.clone(),
            }));
        }
        windows
    }

    /// Refuses accesses that are not inside their region, and absurdly long ones.
    fn check_access(&self, access: &wire::RegionAccess) -> Result<(), Errno> {
        let end = access.offset.checked_add(u64::from(access.count));
        let inside = end.is_some_and(|end| end <= self.region_size(access.region));
        if !inside || access.count as usize > MAX_TRANSFER {
            return Err(Errno::INVAL);
        }
        Ok(())
    }

    /// Bytes of a region; 0 if the function does not have it.
    fn region_size(&self, region: u32) -> u64 {
        match region {
            wire::REGION_CONFIG => config::SIZE as u64,
            _ => self.bar(region).map_or(0, |bar| bar.size),
        }
    }

    /// VFIO's number of the interrupts that the function has.
    fn messages(&self) -> Option<u32> {
        match self.description.interrupts {
            Interrupts::None => None,
            Interrupts::Msi => Some(wire::IRQ_MSI),
            Interrupts::Msix(_) => Some(wire::IRQ_MSIX),
        }
    }

    fn bar(&self, region: u32) -> Option<&Bar> {
        let mut bars = self.description.bars.iter();
        bars.find(|bar| bar.index == region as usize)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The socket may have been removed by its owner already.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Reply {
    fn of(body: &(impl IntoBytes + zerocopy::Immutable)) -> Self {
        Self {
            body: body.as_bytes().to_vec(),
            file: None,
        }
    }
}

/// VERSION: the lower minor version of both sides. What else the peer can do is of no interest:
/// nothing here depends on it.
fn version(body: &[u8]) -> Result<Reply, Errno> {
    let (version, _) = parse::<wire::Version>(body)?;
    if version.major != 0 {
        return Err(Errno::INVAL);
    }
    let capabilities = format!(
        "{{\"capabilities\":{{\"max_msg_fds\":{MAX_FDS},\"max_data_xfer_size\":{MAX_TRANSFER}}}}}\0"
    );
    let minor = version.minor.min(wire::MINOR);
    let version = wire::Version { major: 0, minor };
    Ok(Reply {
        body: [version.as_bytes(), capabilities.as_bytes()].concat(),
        file: None,
    })
}

fn device_info(body: &[u8]) -> Result<Reply, Errno> {
    parse::<wire::DeviceInfo>(body)?;
    Ok(Reply::of(&wire::DeviceInfo {
        argsz: size_of::<wire::DeviceInfo>() as u32,
        flags: wire::DEVICE_PCI | wire::DEVICE_RESET_SUPPORTED,
        regions: wire::REGIONS,
        irqs: wire::IRQS,
    }))
}

/// The sparse mmap capability of a backed BAR.
fn sparse_areas(backing: &Backing) -> Vec<u8> {
    let header = wire::SparseMmap {
        id: wire::REGION_CAP_SPARSE_MMAP,
        version: 1,
        next: 0,
        areas: backing.mapped.len() as u32,
        reserved: 0,
    };
    let area = |range: &std::ops::Range<u64>| [range.start, range.end - range.start];
    let areas: Vec<_> = backing.mapped.iter().map(area).collect();
    [header.as_bytes(), areas.as_bytes()].concat()
}

/// A message's fixed part, and the rest.
fn parse<T>(body: &[u8]) -> Result<(T, &[u8]), Errno>
where
    T: FromBytes,
{
    T::read_from_prefix(body).map_err(|_| Errno::INVAL)
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(match error.kind() {
        io::ErrorKind::AlreadyExists => Errno::EXIST,
        io::ErrorKind::NotFound => Errno::NOENT,
        io::ErrorKind::StorageFull => Errno::NOSPC,
        _ => Errno::INVAL,
    })
}
