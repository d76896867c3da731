// SPDX-License-Identifier: GPL-2.0
//! Process that serves cards to a virtual machine, by vfio-user.

use std::fs::File;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::{io, panic, process, thread};

use clap::Parser;
use pci_model::{Port, Server, Switch, control};
use qda_model::capabilities::{FIRMWARE_MEMORY, LINKS};
use qda_model::links::Cable;
use qda_model::{Capabilities, Front, VECTORS};

/// QDA cards as PCI functions of one virtual machine, which reach each other's memory. Ends when the
/// machine has let go of all of them.
#[derive(Parser)]
struct Arguments {
    /// A card: socket=PATH and, separated by commas, control=PATH, log=PATH (of packets),
    /// memory=MIB (256), visible=MIB (64), uuid=BYTE (of which all 16 are), signed. May be given
    /// several times.
    #[arg(long, required = true)]
    card: Vec<CardArguments>,
    /// A cable: CARD.LINK=CARD.LINK inside the process, CARD.LINK=listen:PATH or
    /// CARD.LINK=connect:PATH to another one.
    #[arg(long)]
    cable: Vec<CableArguments>,
}

#[derive(Clone)]
struct CardArguments {
    socket: PathBuf,
    control: Option<PathBuf>,
    log: Option<PathBuf>,
    memory: u64,
    visible: u64,
    uuid: Option<u8>,
    signed: bool,
}

impl FromStr for CardArguments {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut card = Self {
            socket: PathBuf::new(),
            control: None,
            log: None,
            memory: 256,
            visible: 64,
            uuid: None,
            signed: false,
        };
        for item in text.split(',') {
            let (key, value) = item.split_once('=').unwrap_or((item, ""));
            let number = || value.parse().map_err(|_| format!("{item}: no number"));
            match key {
                "socket" => card.socket = value.into(),
                "control" => card.control = Some(value.into()),
                "log" => card.log = Some(value.into()),
                "memory" => card.memory = number()?,
                "visible" => card.visible = number()?,
                "uuid" => card.uuid = Some(value.parse().map_err(|_| format!("{item}: no byte"))?),
                "signed" => card.signed = true,
                _ => return Err(format!("{item}: unknown")),
            }
        }
        if card.socket.as_os_str().is_empty() {
            return Err("a card needs a socket".to_owned());
        }
        Ok(card)
    }
}

/// Card and link, both counted from 0.
type End = (usize, usize);

#[derive(Clone)]
struct CableArguments {
    from: End,
    to: Other,
}

#[derive(Clone)]
enum Other {
    Inside(End),
    Listen(PathBuf),
    Connect(PathBuf),
}

impl FromStr for CableArguments {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('=').ok_or("no =")?;
        let to = match to.split_once(':') {
            Some(("listen", path)) => Other::Listen(path.into()),
            Some(("connect", path)) => Other::Connect(path.into()),
            _ => Other::Inside(end(to)?),
        };
        Ok(Self {
            from: end(from)?,
            to,
        })
    }
}

fn end(text: &str) -> Result<End, String> {
    let numbers = text.split_once('.').and_then(|(card, link)| {
        let link = link.parse().ok().filter(|link| *link < LINKS)?;
        Some((card.parse().ok()?, link))
    });
    numbers.ok_or_else(|| format!("{text:?} is not CARD.LINK"))
}

fn main() -> io::Result<()> {
    // A bug of the model on the thread of an engine must not look like an engine that hangs.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::abort();
    }));
    let arguments = Arguments::parse();
    let switch = Switch::default();
    let mut cards = Vec::new();
    let mut servers = Vec::new();
    for (number, card) in arguments.card.iter().enumerate() {
        let (front, server) = plug(&switch, card, number as u8)?;
        cards.push(front);
        servers.push(server);
    }
    for cable in arguments.cable {
        lay(&cards, cable)?;
    }
    let threads: Vec<_> = servers
        .into_iter()
        .map(|mut server| thread::spawn(move || server.run()))
        .collect();
    for thread in threads {
        thread
            .join()
            .map_err(|_| io::Error::other("a server panicked"))??;
    }
    Ok(())
}

type Plugged = (std::sync::Arc<Front>, Server);

fn plug(switch: &Switch, card: &CardArguments, number: u8) -> io::Result<Plugged> {
    let mem_size = card.memory << 20;
    let visible = (card.visible << 20).min(mem_size.saturating_sub(FIRMWARE_MEMORY));
    let capabilities = Capabilities {
        uuid: [card.uuid.unwrap_or(number + 1); 16],
        mem_size,
        mem_visible: visible,
        injection: true,
        signed: card.signed,
    };
    let port = Port::behind(switch, VECTORS);
    let front = Front::new(capabilities, &port)?;
    if let Some(path) = &card.log {
        front.card.lock().faults.log = Some(File::create(path)?);
    }
    if let Some(path) = &card.control {
        control::serve(path, port.clone(), front.clone())?;
    }
    let server = Server::bind(&card.socket, port, front.clone())?;
    Ok((front, server))
}

fn lay(cards: &[std::sync::Arc<Front>], cable: CableArguments) -> io::Result<()> {
    let card = |(card, _): End| {
        let unknown = io::Error::new(io::ErrorKind::InvalidInput, "a cable to no card");
        cards.get(card).map(|front| &front.card).ok_or(unknown)
    };
    let (from, link) = (card(cable.from)?, cable.from.1);
    match cable.to {
        Other::Listen(path) => from.plug(link, Cable::Listen(UnixListener::bind(path)?)),
        Other::Connect(path) => from.plug(link, Cable::Connect(path)),
        Other::Inside(other) => {
            let (one, two) = UnixStream::pair()?;
            card(other)?.plug(other.1, Cable::Inside(two));
            from.plug(link, Cable::Inside(one));
        }
    }
    Ok(())
}
