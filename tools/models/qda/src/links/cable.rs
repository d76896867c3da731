// SPDX-License-Identifier: GPL-2.0
//! What a link is connected with: another card of the process, another process, or itself.
//!
//! A stream of bytes carries the frames. One thread per link writes what is to be sent, one reads
//! what arrives; neither holds the card's lock while it waits.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::frame::{Frame, HEADER, PAYLOAD};
use crate::card::Card;

/// DATA waits while more frames than that are to be sent.
const FULL: usize = 64;
/// With more than that, which is more than all queues of a card can have to say at once, the other side
/// does not read, and the memory for it is not ours to spend.
const OVERFULL: usize = 4096;
const RETRY: Duration = Duration::from_millis(100);

/// Where a cable leads.
#[derive(Debug)]
pub enum Cable {
    /// To another card of the process; the other end goes there.
    Inside(UnixStream),
    /// To a process that connects to this socket; when it is gone, to the next one.
    Listen(UnixListener),
    /// To a process that listens on this socket, whenever there is one.
    Connect(PathBuf),
}

/// Frames to be sent.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Encoded frames, and whether they come back.
    frames: VecDeque<(Vec<u8>, bool)>,
    stream: Option<UnixStream>,
}

impl Queue {
    /// What was for the other side of the old stream goes nowhere; neither side reads or writes it any
    /// more, whoever still has it open.
    fn connect(&mut self, stream: Option<UnixStream>) {
        if let Some(old) = std::mem::replace(&mut self.stream, stream) {
            // It fails if the other side is gone.
            let _ = old.shutdown(Shutdown::Both);
        }
        self.frames.retain(|(_, loopback)| *loopback);
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame; `loopback` frames come back.
    pub fn push(&self, frame: Vec<u8>, loopback: bool) {
        let mut queue = self.lock();
        queue.frames.push_back((frame, loopback));
        if !loopback && queue.frames.len() > OVERFULL {
            // The reader finds out.
            queue.connect(None);
        }
        drop(queue);
        self.changed.notify_all();
    }

    /// Waits until there is room for DATA, or for a while.
    pub fn wait_for_room(&self) {
        let queue = self.lock();
        if queue.frames.len() > FULL {
            let woken = self.changed.wait_timeout(queue, RETRY);
            drop(woken.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn connect(&self, stream: Option<UnixStream>) {
        self.lock().connect(stream);
        self.changed.notify_all();
    }

    fn next(&self) -> (Vec<u8>, bool, Option<UnixStream>) {
        let mut queue = self.lock();
        loop {
            if let Some((frame, loopback)) = queue.frames.pop_front() {
                let stream = queue.stream.as_ref().and_then(|s| s.try_clone().ok());
                self.changed.notify_all();
                return (frame, loopback, stream);
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Starts the thread that writes.
pub(super) fn start_writer(card: &Arc<Card>, link: usize, outbox: Arc<Outbox>) {
    let card = card.clone();
    thread::spawn(move || {
        loop {
            let (frame, loopback, stream) = outbox.next();
            if loopback {
                card.arrived(link, &frame);
            } else if let Some(mut stream) = stream {
                // The reader finds out when the other side is gone.
                let _ = stream.write_all(&frame);
            }
        }
    });
}

impl Card {
    /// Plugs a cable into a link, for as long as the process runs.
    pub fn plug(self: &Arc<Self>, link: usize, cable: Cable) {
        let card = self.clone();
        thread::spawn(move || {
            let outbox = card.outbox(link);
            match cable {
                Cable::Inside(stream) => card.converse(link, &outbox, stream),
                Cable::Listen(listener) => {
                    for stream in listener.incoming().flatten() {
                        card.converse(link, &outbox, stream);
                    }
                }
                Cable::Connect(path) => loop {
                    if let Ok(stream) = UnixStream::connect(&path) {
                        card.converse(link, &outbox, stream);
                    }
                    thread::sleep(RETRY);
                },
            }
        });
    }

    /// Reads frames until the stream ends.
    fn converse(&self, link: usize, outbox: &Outbox, mut stream: UnixStream) {
        let Ok(other) = stream.try_clone() else {
            return;
        };
        outbox.connect(Some(other));
        self.plugged(link);
        while let Ok(frame) = read_frame(&mut stream) {
            let Some(frame) = frame else {
                // Where the next one begins cannot be known.
                self.protocol(&mut self.lock(), link);
                break;
            };
            self.arrived(link, &frame);
        }
        outbox.connect(None);
        self.unplugged(link);
    }
}

/// One frame; `None` if its payload is too long.
fn read_frame(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let Some(payload) = Frame::payload_of(&header) else {
        return Ok(None);
    };
    debug_assert!(payload <= PAYLOAD);
    let mut frame = header.to_vec();
    frame.resize(HEADER + payload, 0);
    stream.read_exact(&mut frame[HEADER..])?;
    Ok(Some(frame))
}
