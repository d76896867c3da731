// SPDX-License-Identifier: GPL-2.0
//! Asks the chosen devices, again and again.

use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use accel_snapshot::Device;
use accel_snapshot::Fleet;
use accel_snapshot::select;
use accel_snapshot::select::NoDevice;
use anyhow::Result;

/// How long a device may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Over how long utilisation is measured at first.
const PERIOD: Duration = Duration::from_millis(100);

/// What the devices said, and when.
pub type Sample = (Vec<Device>, SystemTime);

/// Who asks.
pub struct Sampler {
    fleet: Fleet,
    ids: Vec<String>,
    /// The last time, until it is told of.
    first: Option<Sample>,
    asked: Instant,
}

impl Sampler {
    /// One that asks the devices that `ids` name, all if there are no ids; it has asked once.
    ///
    /// # Errors
    ///
    /// [`NoDevice`]; or as [`Fleet::ask`].
    pub fn new(ids: Vec<String>) -> Result<Self> {
        let mut fleet = Fleet::new(PATIENCE, PERIOD);
        let asked = Instant::now();
        let devices = select::choose(&ids, fleet.ask()?)?;
        if devices.is_empty() {
            return Err(NoDevice::None.into());
        }
        Ok(Sampler {
            fleet,
            ids,
            first: Some((devices, SystemTime::now())),
            asked,
        })
    }

    /// How the devices are now.
    ///
    /// # Errors
    ///
    /// As [`Fleet::ask`].
    pub fn sample(&mut self) -> accel::Result<Sample> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        self.asked = Instant::now();
        let mut devices = self.fleet.ask()?;
        select::retain(&self.ids, &mut devices);
        Ok((devices, SystemTime::now()))
    }

    /// Wait until so long after they were asked last.
    pub fn wait(&self, interval: Duration) {
        thread::sleep(self.left(interval));
    }

    fn left(&self, interval: Duration) -> Duration {
        (self.asked + interval).saturating_duration_since(Instant::now())
    }

    /// Tell of samples, at intervals that may be changed, until nobody listens any more.
    pub fn run(
        mut self,
        mut interval: Duration,
        intervals: &Receiver<Duration>,
        tell: impl Fn(accel::Result<Sample>),
    ) {
        loop {
            tell(self.sample());
            loop {
                match intervals.recv_timeout(self.left(interval)) {
                    Ok(changed) => interval = changed,
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }
}
