// SPDX-License-Identifier: GPL-2.0
//! A device that is made up is asked like any other: what it answers is known or absent, never invented.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use accel::Error;
use accel::info::Kind;
use accel::info::Single;
use accel_uapi as uapi;
use zerocopy::FromBytes;
use zerocopy::FromZeros;
use zerocopy::Immutable;
use zerocopy::IntoBytes;

use super::*;
use crate::samples;

/// A device that has these answers, as the kernel gives them; other kinds it does not know.
struct Fake {
    answers: HashMap<u32, Result<Vec<u8>>>,
    file: File,
}

impl Fake {
    /// One that says who and how it is.
    fn new(health: u32) -> Self {
        let mut fake = Fake {
            answers: HashMap::new(),
            file: File::open("/dev/null").unwrap(),
        };
        let mut device = uapi::accel_info_device::new_zeroed();
        set(&mut device.name, "card");
        device.numa_node = -1;
        fake.says::<info::Device, _>(&[device]);
        let mut status = uapi::accel_info_status::new_zeroed();
        status.health = health;
        fake.says::<info::Status, _>(&[status]);
        fake
    }

    fn says<K: Kind<Raw = R>, R: IntoBytes + Immutable>(&mut self, elements: &[R]) {
        self.answers.insert(K::ID, Ok(elements.as_bytes().to_vec()));
    }

    fn refuses<K: Kind>(&mut self, cause: Cause) {
        self.answers.insert(K::ID, Err(refused(cause)));
    }

    fn bytes(&self, kind: u32) -> Result<Vec<u8>> {
        let unknown = || Err(refused(Cause::Unsupported));
        self.answers.get(&kind).cloned().unwrap_or_else(unknown)
    }

    /// What becomes of it.
    fn told(&self) -> Result<Device> {
        let mut device = Device::new(0, State::Unreadable);
        tell(self, &mut Times::default(), &mut device).map(|()| device)
    }
}

impl AsFd for Fake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Info for Fake {
    fn info<K: Single>(&self) -> Result<K> {
        let bytes = self.bytes(K::ID)?;
        Ok(K::Raw::read_from_bytes(&bytes).unwrap().into())
    }

    fn list<K: Array>(&self) -> Result<Vec<K>> {
        let bytes = self.bytes(K::ID)?;
        let elements = bytes.chunks_exact(size_of::<K::Raw>());
        Ok(elements
            .map(|element| K::Raw::read_from_bytes(element).unwrap().into())
            .collect())
    }
}

/// Write a string as the kernel does.
fn set(to: &mut [std::ffi::c_char], text: &str) {
    for (to, byte) in to.iter_mut().zip(text.bytes()) {
        *to = byte as std::ffi::c_char;
    }
}

fn refused(cause: Cause) -> Error {
    Error::Call {
        call: "ask about the device",
        cause,
    }
}

const OPERATIONAL: u32 = uapi::ACCEL_HEALTH_OPERATIONAL;

#[test]
fn an_older_kernel_has_no_figures_and_no_zeroes() {
    let device = Fake::new(OPERATIONAL).told().unwrap();
    assert_eq!(device.state, State::Health(Health::Operational));
    assert_eq!(device.identity.as_ref().unwrap().name, "card");
    let json = serde_json::to_value(&device).unwrap();
    for absent in [
        "sleep",
        "sensors",
        "throttle",
        "errors",
        "error_limits",
        "rows",
        "spares",
        "firmware",
        "processes",
    ] {
        assert!(json.get(absent).is_none(), "{absent}");
    }
    assert_eq!(device.sensors, Answer::Never);
}

#[test]
fn figures_are_those_of_the_kernel() {
    let mut fake = Fake::new(OPERATIONAL);
    let mut sensor = uapi::accel_info_sensor::new_zeroed();
    set(&mut sensor.label, "die");
    sensor.kind = uapi::ACCEL_SENSOR_TEMPERATURE;
    sensor.flags = uapi::ACCEL_SENSOR_VALUE | uapi::ACCEL_SENSOR_HIGH;
    (sensor.value, sensor.high) = (-1500, 85_000);
    fake.says::<info::Sensor, _>(&[sensor]);
    let mut errors = uapi::accel_info_errors::new_zeroed();
    set(&mut errors.name, "memory");
    (errors.kind, errors.corrected) = (uapi::ACCEL_BLOCK_MEMORY, 3);
    fake.says::<info::Errors, _>(&[errors, errors]);
    let mut limits = uapi::accel_info_error_limits::new_zeroed();
    (limits.uncorrected_limit, limits.uncorrected) = (5, 2);
    fake.says::<info::ErrorLimits, _>(&[limits]);
    let mut spares = uapi::accel_info_spares::new_zeroed();
    (spares.pending, spares.spares) = (1, 7);
    fake.says::<info::Spares, _>(&[spares]);
    let mut client = uapi::accel_info_client::new_zeroed();
    set(&mut client.name, "train");
    (client.client, client.pid, client.local) = (9, 411, 4096);
    fake.says::<info::Client, _>(&[client]);

    let device = fake.told().unwrap();
    let sensor = &device.sensors.all()[0];
    assert_eq!(
        (sensor.value, sensor.high, sensor.critical),
        (Some(-1.5), Some(85.0), None)
    );
    assert_eq!(device.errors.all().len(), 2);
    assert_eq!(device.errors.all()[1].corrected, 3);
    let limits = device.error_limits.get().unwrap();
    assert_eq!(limits.corrected, None);
    assert_eq!(limits.uncorrected.unwrap().recent, 2);
    assert_eq!(device.spares.get().unwrap().spares, 7);
    let process = &device.processes.all()[0];
    assert_eq!(
        (process.pid, process.local, process.utilization),
        (Some(411), None, None)
    );
}

#[test]
fn a_device_that_cannot_be_asked_now_has_no_figures_now() {
    let mut fake = Fake::new(OPERATIONAL);
    fake.refuses::<info::Spares>(Cause::Resetting);
    fake.refuses::<info::Link>(Cause::Resetting);
    let mut sleep = uapi::accel_info_sleep::new_zeroed();
    (sleep.since_ns, sleep.asleep_ns, sleep.count) = (7, 1500, 2);
    fake.says::<info::Sleep, _>(&[sleep]);
    let device = fake.told().unwrap();
    assert_eq!(device.state, State::Asleep);
    let slept = device.sleep.get().unwrap();
    assert_eq!((slept.count, slept.time.as_nanos()), (2, 1500));
    assert_eq!(
        (&device.spares, &device.links),
        (&Answer::NotNow, &Answer::NotNow)
    );
    let mut fake = Fake::new(uapi::ACCEL_HEALTH_RESETTING);
    fake.says::<info::Sleep, _>(&[sleep]);
    let device = fake.told().unwrap();
    assert_eq!(device.state, State::Health(Health::Resetting));
}

#[test]
fn a_device_that_goes_away_meanwhile_is_gone() {
    let mut fake = Fake::new(OPERATIONAL);
    fake.refuses::<info::Engine>(Cause::Gone);
    assert_eq!(fake.told().unwrap_err().cause(), Some(Cause::Gone));
}

#[test]
fn only_what_is_unreadable_is_complained_of() {
    let mut snapshot = samples::snapshot();
    assert_eq!(complaints(&snapshot).count(), 0);
    snapshot.devices[1].error = Some("why".into());
    assert_eq!(complaints(&snapshot).collect::<Vec<_>>(), ["device 1: why"]);
}

fn times(start: Instant, ms: u64, busy: u64) -> Times {
    Times {
        at: Some(start + Duration::from_millis(ms)),
        engines: HashMap::from([("npu".to_owned(), Duration::from_millis(busy))]),
        clients: HashMap::from([(7, Duration::from_millis(busy))]),
    }
}

#[test]
fn utilization_is_work_in_the_time_that_passed() {
    let start = Instant::now();
    let (before, now) = (times(start, 0, 1000), times(start, 200, 1050));
    assert_eq!(now.utilization_of_engine(&before, "npu"), Some(25.0));
    assert_eq!(now.utilization_of_client(&before, 7), Some(25.0));
    assert_eq!(now.utilization_of_engine(&before, "copy"), None);
    assert_eq!(now.utilization_of_client(&before, 8), None);
}

#[test]
fn engines_are_at_most_busy_and_clients_may_have_several() {
    let start = Instant::now();
    let (before, now) = (times(start, 0, 0), times(start, 100, 200));
    assert_eq!(now.utilization_of_engine(&before, "npu"), Some(100.0));
    assert_eq!(now.utilization_of_client(&before, 7), Some(200.0));
}

#[test]
fn what_cannot_be_told_is_absent() {
    let start = Instant::now();
    let now = times(start, 0, 10);
    assert_eq!(now.utilization_of_engine(&now, "npu"), None);
    assert_eq!(now.utilization_of_engine(&Times::default(), "npu"), None);
}

#[test]
fn only_kinds_may_be_absent_not_devices() {
    assert_eq!(answer(Ok(3)), Ok(Answer::Here(3)));
    assert_eq!(
        answer::<u32>(Err(refused(Cause::Unsupported))),
        Ok(Answer::Never)
    );
    assert_eq!(
        answer::<u32>(Err(refused(Cause::Privilege))),
        Ok(Answer::Never)
    );
    assert_eq!(
        answer::<u32>(Err(refused(Cause::Resetting))),
        Ok(Answer::NotNow)
    );
    assert!(answer::<u32>(Err(refused(Cause::Gone))).is_err());
}
