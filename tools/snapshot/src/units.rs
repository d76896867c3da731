// SPDX-License-Identifier: GPL-2.0
//! Numbers with units, for people.

use std::time::Duration;

use accel::info::SensorKind;

/// What stands for an answer that there is not.
pub const ABSENT: &str = "N/A";

const MIB: u64 = 1 << 20;

/// Whole mebibytes; what is used is rounded up, so that it is 0 only if it is nothing.
pub fn mebibytes_used(bytes: u64) -> u64 {
    bytes.div_ceil(MIB)
}

/// Whole mebibytes that there are.
pub fn mebibytes(bytes: u64) -> u64 {
    bytes / MIB
}

/// Bytes in the largest unit that they are one of.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(value.fract() != 0.0);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// Percent.
pub fn percent(value: f64) -> String {
    format!("{value:.0} %")
}

/// Seconds.
pub fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// Bits per second.
pub fn speed(bits: u64) -> String {
    format!("{} Gb/s", bits as f64 / 1e9)
}

/// How numbers of a kind of sensor are shown: what they are divided by, decimals, unit.
pub fn scale(kind: SensorKind) -> (f64, usize, &'static str) {
    match kind {
        SensorKind::Temperature => (1.0, 0, "C"),
        SensorKind::Voltage => (1.0, 3, "V"),
        SensorKind::Current => (1.0, 2, "A"),
        SensorKind::Power => (1.0, 2, "W"),
        SensorKind::Energy => (1.0, 1, "J"),
        SensorKind::Frequency => (1e6, 0, "MHz"),
        SensorKind::Fan => (1.0, 0, "RPM"),
        _ => (1.0, 0, ""),
    }
}

/// What a sensor of a kind says.
pub fn sensor(kind: SensorKind, value: f64) -> String {
    let (divisor, decimals, unit) = scale(kind);
    format!("{:.decimals$} {unit}", value / divisor)
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_fits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1 KiB");
        assert_eq!(bytes(1536 << 20), "1.5 GiB");
        assert_eq!(bytes(u64::MAX), "16384 PiB");
    }

    #[test]
    fn used_and_free_mebibytes_add_up() {
        assert_eq!(mebibytes_used(0), 0);
        assert_eq!(mebibytes_used(4096), 1);
        assert_eq!(mebibytes_used(4096) + mebibytes((64 << 20) - 4096), 64);
    }

    #[test]
    fn sensors_have_their_units() {
        assert_eq!(sensor(SensorKind::Frequency, 1.2e9), "1200 MHz");
        assert_eq!(sensor(SensorKind::Power, 23.1), "23.10 W");
        assert_eq!(sensor(SensorKind::Unknown(99), 7.0), "7");
    }
}
