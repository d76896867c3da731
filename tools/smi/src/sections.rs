// SPDX-License-Identifier: GPL-2.0
//! Which parts of a device are asked for: `-d`.

use accel::info::SensorKind;
use clap::ValueEnum;

use crate::cli::Section;
use crate::model::Answer;
use crate::model::Device;

/// The sections of `asked`, each once; all if none is asked for.
pub fn in_order(asked: &[Section]) -> impl Iterator<Item = Section> {
    let all = Section::value_variants().iter().copied();
    all.filter(|section| asked.is_empty() || asked.contains(section))
}

/// The kinds of sensors that a section has.
pub const fn sensors(section: Section) -> &'static [SensorKind] {
    match section {
        Section::Temperature => &[SensorKind::Temperature],
        Section::Power => &[
            SensorKind::Power,
            SensorKind::Energy,
            SensorKind::Voltage,
            SensorKind::Current,
        ],
        Section::Clock => &[SensorKind::Frequency],
        Section::Fan => &[SensorKind::Fan],
        _ => &[],
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
    keep_if(&mut device.rows, sections.contains(&Section::RowRemapper));
    keep_if(&mut device.spares, sections.contains(&Section::RowRemapper));
    keep_if(
        &mut device.throttle,
        sections.contains(&Section::Performance),
    );
    keep_if(&mut device.firmware, sections.contains(&Section::Firmware));
    keep_if(&mut device.links, sections.contains(&Section::Links));
    keep_if(&mut device.processes, sections.contains(&Section::Pids));

    let kinds: Vec<_> = sections
        .iter()
        .flat_map(|section| sensors(*section))
        .collect();
    keep_if(&mut device.sensors, !kinds.is_empty());
    if let Answer::Here(sensors) = &mut device.sensors {
        sensors.retain(|sensor| kinds.contains(&&sensor.kind));
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
    use crate::samples;

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
        keep(&mut card, Section::value_variants());
        assert_eq!(format!("{card:?}"), format!("{:?}", samples::card()));
    }
}
