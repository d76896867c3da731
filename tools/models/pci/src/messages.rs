// SPDX-License-Identifier: GPL-2.0
//! Interrupt messages of a function (MSI or MSI-X), sent through the event fds that the peer has
//! installed.
//!
//! The peer keeps addresses and data, and masks vectors itself (QEMU traps the guest's accesses to
//! the MSI-X table). What remains here is the state the peer cannot see: a message without an event
//! fd while messages are enabled is pending, and sent when the fd arrives.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::port::{Shared, lock};

/// Interrupt messages. Clones share one port; usable from any thread.
#[derive(Clone)]
pub struct Messages(pub(crate) Arc<Shared>);

impl Messages {
    /// Sends the message of `vector`. Without bus mastering it is lost, as on a bus; so it is while
    /// messages are disabled.
    pub fn send(&self, vector: u16) {
        let bus = self.0.bus();
        let injected_loss = take(&self.0.vectors.lose);
        if bus.master && !injected_loss {
            self.0.vectors.signal(vector);
            if take(&self.0.vectors.double) {
                self.0.vectors.signal(vector);
            }
        }
    }

    /// Injects a fault: the next `count` messages are sent twice.
    pub fn double_next(&self, count: u32) {
        self.0.vectors.double.store(count, Ordering::Relaxed);
    }

    /// Injects a fault: the next `count` messages are lost.
    pub fn lose_next(&self, count: u32) {
        self.0.vectors.lose.store(count, Ordering::Relaxed);
    }

    /// Messages sent or pending since the port was made.
    pub fn sent(&self) -> u32 {
        self.0.vectors.sent.load(Ordering::Relaxed)
    }
}

/// One vector: where its message goes, and whether one waits.
#[derive(Debug, Default)]
struct Vector {
    event: Option<OwnedFd>,
    pending: bool,
}

/// State of all vectors.
#[derive(Debug, Default)]
struct State {
    enabled: bool,
    vectors: Vec<Vector>,
}

/// The vectors of one port.
#[derive(Debug)]
pub(crate) struct Vectors {
    state: std::sync::Mutex<State>,
    lose: AtomicU32,
    double: AtomicU32,
    sent: AtomicU32,
}

impl Vectors {
    /// `count` vectors, disabled.
    pub(crate) fn new(count: u16) -> Self {
        let vectors = (0..count).map(|_| Vector::default()).collect();
        Self {
            state: std::sync::Mutex::new(State {
                enabled: false,
                vectors,
            }),
            lose: AtomicU32::new(0),
            double: AtomicU32::new(0),
            sent: AtomicU32::new(0),
        }
    }

    /// Number of vectors.
    pub(crate) fn count(&self) -> u16 {
        lock(&self.state).vectors.len() as u16
    }

    /// Follows the enable bit in configuration space. Disabling drops what is pending.
    pub(crate) fn enable(&self, enabled: bool) {
        let mut state = lock(&self.state);
        state.enabled = enabled;
        if !enabled {
            state.vectors.iter_mut().for_each(|v| v.pending = false);
        }
    }

    /// Installs the event fds of the vectors from `start` (`None` removes one), and sends what was
    /// pending for them. `false` if there are not that many vectors.
    pub(crate) fn install(&self, start: u32, events: Vec<Option<OwnedFd>>) -> bool {
        let mut state = lock(&self.state);
        let start = start as usize;
        let end = start.checked_add(events.len());
        let Some(vectors) = end.and_then(|end| state.vectors.get_mut(start..end)) else {
            return false;
        };
        for (vector, event) in vectors.iter_mut().zip(events) {
            vector.event = event;
            if vector.pending && vector.event.is_some() {
                vector.signal();
            }
        }
        true
    }

    /// Removes all event fds.
    pub(crate) fn remove_all(&self) {
        lock(&self.state)
            .vectors
            .iter_mut()
            .for_each(|v| v.event = None);
    }

    /// Sends the message of one vector, or keeps it pending.
    pub(crate) fn signal(&self, vector: u16) {
        let mut state = lock(&self.state);
        let enabled = state.enabled;
        let Some(vector) = state.vectors.get_mut(usize::from(vector)) else {
            return;
        };
        if vector.event.is_some() || enabled {
            self.sent.fetch_add(1, Ordering::Relaxed);
            vector.signal();
        }
    }

    /// The pending-bit array.
    pub(crate) fn pending(&self) -> Vec<u8> {
        let state = lock(&self.state);
        let mut bits = vec![0; state.vectors.len().div_ceil(64) * 8];
        for (index, _) in state.vectors.iter().enumerate().filter(|(_, v)| v.pending) {
            bits[index / 8] |= 1 << (index % 8);
        }
        bits
    }
}

/// Whether an injected fault is meant for this message.
fn take(left: &AtomicU32) -> bool {
    let relaxed = Ordering::Relaxed;
    left.fetch_update(relaxed, relaxed, |left| left.checked_sub(1))
        .is_ok()
}

impl Vector {
    /// Signals the event fd; pending if there is none.
    fn signal(&mut self) {
        let sent = self
            .event
            .as_ref()
            .is_some_and(|event| rustix::io::write(event, &1u64.to_ne_bytes()).is_ok());
        self.pending = !sent;
    }
}
