// SPDX-License-Identifier: GPL-2.0
//! Which parts of a device are asked for: `-d`.

use accel::info::SensorKind;
use clap::ValueEnum;

use crate::cli::Section;
use accel_snapshot::Answer;
use accel_snapshot::Device;
use accel_snapshot::Sensor;

/// The sections of `asked`, each once; all if none is asked for.
pub fn in_order(asked: &[Section]) -> impl Iterator<Item = Section> {
    let all = Section::value_variants().iter().copied();
    all.filter(|section| asked.is_empty() || asked.contains(section))
}

/// The sections that have sensors.
const OF_SENSORS: [Section; 4] = [
    Section::Temperature,
    Section::Power,
    Section::Clock,
    Section::Fan,
];

/// The section that has the sensors of a kind; those that this program does not know are electrical, too.
pub const fn of_sensor(kind: SensorKind) -> Section {
    match kind {
        SensorKind::Temperature => Section::Temperature,
        SensorKind::Frequency => Section::Clock,
        SensorKind::Fan => Section::Fan,
        _ => Section::Power,
    }
}

/// Forget what is in none of these sections.
pub fn keep(device: &mut Device, sections: &[Section]) {
    keep_if(&mut device.clients, sections.contains(&Section::Compute));
    keep_if(&mut device.memory, sections.contains(&Section::Memory));
    keep_if(
        &mut device.engines,
        sections.contains(&Section::Utilization),
    );
    keep_if(&mut device.errors, sections.contains(&Section::Ecc));
    keep_if(&mut device.error_limits, sections.contains(&Section::Ecc));
    keep_if(&mut device.rows, sections.contains(&Section::RowRemapper));
    keep_if(&mut device.spares, sections.contains(&Section::RowRemapper));
    keep_if(
        &mut device.throttle,
        sections.contains(&Section::Performance),
    );
    keep_if(&mut device.firmware, sections.contains(&Section::Firmware));
    keep_if(&mut device.links, sections.contains(&Section::Links));
    keep_if(&mut device.processes, sections.contains(&Section::Pids));

    let is_kept = |sensor: &Sensor| sections.contains(&of_sensor(sensor.kind));
    let keeps_any = OF_SENSORS.iter().any(|section| sections.contains(section));
    keep_if(&mut device.sensors, keeps_any);
    if let Answer::Here(sensors) = &mut device.sensors {
        sensors.retain(is_kept);
    }
}

fn keep_if<T: Default>(answer: &mut T, keep: bool) {
    if !keep {
        *answer = T::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use accel_snapshot::samples;

    #[test]
    fn what_is_not_asked_for_is_forgotten() {
        let mut card = samples::card();
        keep(&mut card, &[Section::Power, Section::Ecc]);
        assert_eq!(card.sensors.all().len(), 3);
        assert_eq!(card.errors.all().len(), 1);
        assert_eq!(card.engines, Answer::Never);
        assert!(card.identity.is_some());
        keep(&mut card, &[]);
        assert_eq!(card.sensors, Answer::Never);
    }

    #[test]
    fn keeping_every_section_keeps_everything() {
        let mut card = samples::card();
        if let Answer::Here(sensors) = &mut card.sensors {
            sensors[0].kind = SensorKind::Unknown(99);
        }
        let before = format!("{card:?}");
        keep(&mut card, Section::value_variants());
        assert_eq!(format!("{card:?}"), before);
    }
}
