// SPDX-License-Identifier: GPL-2.0
//! Says why devices cannot be asked: once, not at each scrape.

use std::collections::BTreeMap;

use accel_snapshot::Device;

/// What was last complained of, by the devices' indices.
#[derive(Default)]
pub struct Complaints {
    last: BTreeMap<u32, String>,
}

impl Complaints {
    /// What is to be said of the devices that was not said already.
    pub fn new_ones(&mut self, devices: &[Device]) -> Vec<String> {
        let errors = devices
            .iter()
            .filter_map(|device| Some((device.index, device.error.clone()?)));
        let now: BTreeMap<_, _> = errors.collect();
        let new = now
            .iter()
            .filter(|(index, error)| self.last.get(index) != Some(error));
        let said = new
            .map(|(index, error)| format!("device {index}: {error}"))
            .collect();
        self.last = now;
        said
    }
}

#[cfg(test)]
mod tests {
    use accel_snapshot::State;

    use super::*;

    fn device(index: u32, error: Option<&str>) -> Device {
        let mut device = Device::new(index, State::Unreadable);
        device.error = error.map(str::to_owned);
        device
    }

    #[test]
    fn it_is_said_once_until_it_is_over() {
        let mut complaints = Complaints::default();
        let bad = [
            device(0, None),
            device(1, Some("no")),
            device(2, Some("no")),
        ];
        assert_eq!(complaints.new_ones(&bad), ["device 1: no", "device 2: no"]);
        assert!(complaints.new_ones(&bad).is_empty());
        let other = [device(1, Some("never")), device(2, None)];
        assert_eq!(complaints.new_ones(&other), ["device 1: never"]);
        assert_eq!(complaints.new_ones(&bad), ["device 1: no", "device 2: no"]);
    }
}
