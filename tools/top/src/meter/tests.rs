// SPDX-License-Identifier: GPL-2.0
//! What meters make of what devices say.

use accel_snapshot::Answer;
use accel_snapshot::samples;

use super::*;

/// A sensor that says so, and has these limits.
fn sensor(
    kind: SensorKind,
    value: Option<f64>,
    high: Option<f64>,
    critical: Option<f64>,
) -> Sensor {
    Sensor {
        label: "die".into(),
        kind,
        unit: "",
        value,
        high,
        critical,
    }
}

fn history(samples: &[Option<f64>]) -> History {
    let mut history = History::default();
    for sample in samples {
        history.add(*sample);
    }
    history
}

#[test]
fn engines_and_memory_come_before_power_and_temperatures() {
    let meters: Vec<_> = Meter::all(&samples::card()).collect();
    let names: Vec<_> = meters.iter().map(|meter| meter.name.as_str()).collect();
    let expected = [
        "tensor0",
        "copy0",
        "system memory",
        "device",
        "power board",
        "temp die",
        "temp memory stack",
    ];
    assert_eq!(names, expected);
    let full: Vec<_> = meters.iter().map(|meter| meter.full).collect();
    let memory = Some(f64::from(64 << 20));
    let expected = [
        Some(100.0),
        Some(100.0),
        None,
        memory,
        Some(75.0),
        Some(100.0),
        None,
    ];
    assert_eq!(full, expected);
}

#[test]
fn power_ends_at_its_limit_and_temperature_where_the_device_stops() {
    let full = |kind, high, critical| Meter::sensor(0, &sensor(kind, None, high, critical)).full;
    let (high, critical) = (Some(80.0), Some(100.0));
    assert_eq!(full(SensorKind::Power, high, critical), high);
    assert_eq!(full(SensorKind::Power, None, critical), critical);
    assert_eq!(full(SensorKind::Temperature, high, critical), critical);
    assert_eq!(full(SensorKind::Temperature, high, None), high);
    assert_eq!(full(SensorKind::Temperature, None, None), None);
}

#[test]
fn what_has_no_limit_ends_above_its_highest_sample() {
    let temperature = |high| {
        let sensor = sensor(SensorKind::Temperature, Some(20.0), high, None);
        Meter::sensor(0, &sensor)
    };
    let history = history(&[Some(40.0), None, Some(20.0)]);
    let shares = |high, count| temperature(high).shares(&history, count);
    assert_eq!(shares(None, 3), [Some(0.625), None, Some(0.3125)]);
    assert_eq!(shares(Some(80.0), 3), [Some(0.5), None, Some(0.25)]);
    assert_eq!(shares(None, 1), [Some(0.3125)], "what is not seen counts");
    assert_eq!(
        temperature(None).share(),
        None,
        "nobody knows how full it is"
    );
    assert_eq!(temperature(Some(80.0)).share(), Some(0.25));
}

#[test]
fn nothing_of_nothing_is_nothing() {
    let meter = Meter::sensor(0, &sensor(SensorKind::Power, Some(0.0), None, None));
    assert_eq!(
        meter.shares(&history(&[Some(0.0), None]), 2),
        [Some(0.0), None]
    );
    assert!(
        meter
            .shares(&history(&[None]), 2)
            .iter()
            .all(Option::is_none)
    );
}

#[test]
fn numbers_keep_their_length() {
    let power = |value| {
        Meter::sensor(
            0,
            &sensor(SensorKind::Power, Some(value), Some(150.0), None),
        )
    };
    assert_eq!(power(7.5).number, "  7.5 / 150.0 W");
    assert_eq!(power(60.0).number, " 60.0 / 150.0 W");
    assert!(!power(149.9).is_high);
    assert!(power(150.0).is_high);
    let clock = sensor(SensorKind::Frequency, Some(1e9), Some(1e9), None);
    let clock = Meter::sensor(0, &clock);
    assert_eq!(clock.number, "1000 / 1000 MHz");
    assert!(!clock.is_high, "a clock may be as high as it can be");

    let mut card = samples::card();
    let length = |card: &Device| Meter::all(card).map(|meter| meter.number.len()).max();
    let before = length(&card);
    if let Answer::Here(memory) = &mut card.memory {
        memory[1].used = 1;
    }
    assert_eq!(length(&card), before);
}

#[test]
fn what_cannot_be_told_has_no_number() {
    for kind in [SensorKind::Power, SensorKind::Temperature] {
        let meter = Meter::sensor(0, &sensor(kind, None, Some(80.0), Some(100.0)));
        assert_eq!((meter.number.as_str(), meter.value), ("", None));
        assert!(!meter.is_high);
    }
}
