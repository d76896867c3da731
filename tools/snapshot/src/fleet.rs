// SPDX-License-Identifier: GPL-2.0
//! Asks all devices at the same time, and waits for none of them for long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::TryRecvError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::collect::Watch;
use crate::model::Device;
use crate::model::Identity;
use crate::model::State;
use accel::Result;
use accel::device::Node;

/// Asks one device, each time it is called.
type Ask = Box<dyn FnMut() -> Device>;

/// Begins to watch a device, in the thread that asks it.
type Begin = Arc<dyn Fn(Node) -> Ask + Send + Sync>;

/// The devices of a system. Each has a thread that asks it, and alone is stuck if the device is.
pub struct Fleet {
    workers: BTreeMap<u32, Worker>,
    nodes: fn() -> Result<Vec<Node>>,
    watch: Begin,
    patience: Duration,
}

impl Fleet {
    /// Those of this system. Each has `patience` to answer; its utilisation is measured over `period` at first.
    pub fn new(patience: Duration, period: Duration) -> Self {
        Fleet {
            workers: BTreeMap::new(),
            nodes: accel::device::nodes,
            watch: Arc::new(move |node| {
                let mut watch = Watch::new(node);
                thread::sleep(period);
                Box::new(move || watch.ask())
            }),
            patience,
        }
    }

    /// How the devices are now, in the order of their indices. One that does not answer in time is unreadable; it is
    /// not waited for again before it has answered.
    ///
    /// # Errors
    ///
    /// As [`accel::device::nodes`].
    pub fn ask(&mut self) -> Result<Vec<Device>> {
        let nodes = (self.nodes)()?;
        self.workers
            .retain(|index, _| nodes.contains(&Node::new(*index)));
        for node in nodes {
            let worker = self.workers.entry(node.index());
            worker
                .or_insert_with(|| Worker::start(node, self.watch.clone()))
                .ask();
        }
        let end = Instant::now() + self.patience;
        let workers = self.workers.iter_mut();
        let devices: Vec<_> = workers
            .map(|(index, worker)| worker.answer(*index, end))
            .collect();
        // There may be another one with its number by now.
        self.workers.retain(|index, _| {
            let gone = |device: &Device| device.index == *index && device.state == State::Gone;
            !devices.iter().any(gone)
        });
        Ok(devices)
    }
}

/// The thread of a device; it ends when this does, and the device answers.
struct Worker {
    questions: Sender<()>,
    answers: Receiver<Device>,
    /// Nobody has taken the answer to the last question.
    is_pending: bool,
    /// It was too late once.
    is_late: bool,
    /// Who it said it is.
    identity: Option<Identity>,
}

impl Worker {
    fn start(node: Node, watch: Begin) -> Self {
        let (questions, asked) = mpsc::channel();
        let (answering, answers) = mpsc::channel();
        thread::spawn(move || {
            let mut ask = watch(node);
            for () in asked {
                if answering.send(ask()).is_err() {
                    return;
                }
            }
        });
        Worker {
            questions,
            answers,
            is_pending: false,
            is_late: false,
            identity: None,
        }
    }

    fn ask(&mut self) {
        if self.is_pending {
            // An answer that came too late is of no use any more.
            match self.answers.try_recv() {
                Err(TryRecvError::Empty) => return,
                _ => self.is_pending = false,
            }
        }
        self.is_late = false;
        self.is_pending = self.questions.send(()).is_ok();
    }

    fn answer(&mut self, index: u32, end: Instant) -> Device {
        let patience = match self.is_late {
            true => Duration::ZERO,
            false => end.saturating_duration_since(Instant::now()),
        };
        match self.answers.recv_timeout(patience) {
            Ok(device) => {
                self.is_pending = false;
                self.identity.clone_from(&device.identity);
                device
            }
            Err(_) => {
                self.is_late = true;
                let mut device = Device::new(index, State::Unreadable);
                device.identity.clone_from(&self.identity);
                device.error = Some("it does not answer".into());
                device
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering;

    use accel::info::Health;

    use super::*;
    use crate::samples;

    const OPERATIONAL: State = State::Health(Health::Operational);
    const PATIENCE: Duration = Duration::from_millis(200);

    fn fleet(nodes: fn() -> Result<Vec<Node>>, watch: fn(Node) -> Ask) -> Fleet {
        Fleet {
            workers: BTreeMap::new(),
            nodes,
            watch: Arc::new(watch),
            patience: PATIENCE,
        }
    }

    fn states(fleet: &mut Fleet) -> Vec<(u32, State)> {
        let devices = fleet.ask().unwrap();
        devices
            .iter()
            .map(|device| (device.index, device.state))
            .collect()
    }

    /// Device 1 does not answer for a second, but the first time.
    fn slow(node: Node) -> Ask {
        let mut asked = 0;
        Box::new(move || {
            asked += 1;
            if node.index() == 1 && asked == 2 {
                thread::sleep(Duration::from_secs(1));
            }
            let mut device = Device::new(node.index(), OPERATIONAL);
            device.identity = samples::card().identity;
            device
        })
    }

    #[test]
    fn one_that_does_not_answer_holds_nobody_up() {
        let mut fleet = fleet(|| Ok(vec![Node::new(0), Node::new(1), Node::new(2)]), slow);
        let all = [(0, OPERATIONAL), (1, OPERATIONAL), (2, OPERATIONAL)];
        let without = [(0, OPERATIONAL), (1, State::Unreadable), (2, OPERATIONAL)];
        assert_eq!(states(&mut fleet), all);
        let late = &fleet.ask().unwrap()[1];
        assert_eq!(late.state, State::Unreadable);
        assert_eq!(
            late.identity,
            samples::card().identity,
            "who it is, is known"
        );
        let start = Instant::now();
        assert_eq!(states(&mut fleet), without);
        assert!(start.elapsed() < PATIENCE, "it was waited for again");
        thread::sleep(Duration::from_secs(1));
        assert_eq!(states(&mut fleet), all);
    }

    #[test]
    fn devices_come_and_go() {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let some = || Ok((0..COUNT.load(Ordering::SeqCst)).map(Node::new).collect());
        let mut fleet = fleet(some, slow);
        for count in [0, 2, 1, 3] {
            COUNT.store(count, Ordering::SeqCst);
            assert_eq!(fleet.ask().unwrap().len(), count as usize);
        }
    }

    #[test]
    fn one_that_is_gone_is_looked_for_again() {
        let dies = |node: Node| -> Ask {
            let mut states = [OPERATIONAL, State::Gone].into_iter();
            Box::new(move || Device::new(node.index(), states.next().expect("no third question")))
        };
        let mut fleet = fleet(|| Ok(vec![Node::new(0)]), dies);
        assert_eq!(states(&mut fleet), [(0, OPERATIONAL)]);
        assert_eq!(states(&mut fleet), [(0, State::Gone)]);
        assert_eq!(states(&mut fleet), [(0, OPERATIONAL)]);
    }

    #[test]
    fn a_thread_that_dies_is_no_answer() {
        let mut fleet = fleet(|| Ok(vec![Node::new(0)]), |_| panic!("on purpose"));
        assert_eq!(states(&mut fleet), [(0, State::Unreadable)]);
        assert_eq!(states(&mut fleet), [(0, State::Unreadable)]);
    }
}
