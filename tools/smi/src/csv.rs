// SPDX-License-Identifier: GPL-2.0
//! Comma-separated values, in the dialect of nvidia-smi: ", " between fields, `name [unit]` in the
//! header, `[N/A]` for what is absent.

use std::fmt;

use crate::cli::Format;
use crate::fields::Field;
use crate::fields::Source;

/// What stands for a value that is absent.
const ABSENT: &str = "[N/A]";

/// A field that was asked for.
#[derive(Debug)]
pub struct Column {
    field: &'static Field,
    name: String,
    /// What is at the place of `<...>` in the field's name.
    label: String,
}

/// A field that there is not.
#[derive(Debug, PartialEq, Eq)]
pub struct NoField {
    name: String,
    option: &'static str,
}

impl fmt::Display for NoField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no field {:?}; --help-{} explains those that there are",
            self.name, self.option
        )
    }
}

/// The columns that `names` are, out of `fields`, which are those of `--{option}`.
///
/// # Errors
///
/// [`NoField`].
pub fn columns(
    fields: &'static [Field],
    option: &'static str,
    names: &[String],
) -> Result<Vec<Column>, NoField> {
    let column = |name: &String| {
        let name = name.trim();
        let found = fields
            .iter()
            .find_map(|field| Some((field, label(field.name, name)?)));
        let (field, label) = found.ok_or_else(|| NoField {
            name: name.to_owned(),
            option,
        })?;
        Ok(Column {
            field,
            name: name.to_owned(),
            label: label.to_owned(),
        })
    };
    names.iter().map(column).collect()
}

/// What of `name` is `<...>` in `pattern`; nothing if there is no such thing and they are equal.
fn label<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    let Some((prefix, rest)) = pattern.split_once('<') else {
        return (pattern == name).then_some("");
    };
    let (_, suffix) = rest.split_once('>')?;
    let label = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
    (!label.is_empty()).then_some(label)
}

/// The line that names the columns.
pub fn header(columns: &[Column]) -> String {
    let name = |column: &Column| match column.field.unit {
        "" => column.name.clone(),
        unit => format!("{} [{unit}]", column.name),
    };
    line(columns.iter().map(name))
}

/// The line of one device or process.
pub fn row(columns: &[Column], source: &Source<'_>, format: Format) -> String {
    let value = |column: &Column| match (column.field.get)(source, &column.label) {
        None => ABSENT.to_owned(),
        Some(value) if !format.units || column.field.unit.is_empty() => value,
        Some(value) => format!("{value} {}", column.field.unit),
    };
    line(columns.iter().map(value))
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(quoted).collect();
    cells.join(", ")
}

/// Quoted if it would be taken for something else; RFC 4180.
fn quoted(cell: String) -> String {
    if cell.contains([',', '"', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// What the fields are, for people.
pub fn help(fields: &[Field]) -> String {
    let mut text = String::new();
    for field in fields {
        let unit = match field.unit {
            "" => String::new(),
            unit => format!(" [{unit}]"),
        };
        text += &format!("\"{}\"{unit}\n    {}\n", field.name, field.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::ACCEL;
    use crate::fields::PROCESS;
    use accel_snapshot::samples;

    const PLAIN: Format = Format {
        header: true,
        units: true,
    };

    fn of(names: &str) -> Vec<Column> {
        let names: Vec<_> = names.split(',').map(str::to_owned).collect();
        columns(ACCEL, "query-accel", &names).unwrap()
    }

    /// The values of the device with this index.
    fn values(names: &str, index: usize, format: Format) -> String {
        let snapshot = samples::snapshot();
        let source = Source::of_device(&snapshot, &snapshot.devices[index]);
        row(&of(names), &source, format)
    }

    #[test]
    fn it_looks_like_that_of_others() {
        let names = "index,name,temperature.die,power.draw,utilization.accel,memory.total,memory.used,clocks.core";
        assert_eq!(
            header(&of(names)),
            "index, name, temperature.die, power.draw [W], utilization.accel [%], memory.total [MiB], \
             memory.used [MiB], clocks.core [MHz]"
        );
        assert_eq!(
            values(names, 0, PLAIN),
            "0, QDA card, 48, 23.10 W, 63 %, 64 MiB, 13 MiB, 1200 MHz"
        );
        let bare = Format {
            units: false,
            ..PLAIN
        };
        assert_eq!(
            values(names, 0, bare),
            "0, QDA card, 48, 23.10, 63, 64, 13, 1200"
        );
    }

    #[test]
    fn what_is_absent_is_not_zero() {
        let names = "temperature.die,memory.total,ecc.errors.corrected.total,rows.pending";
        assert_eq!(values(names, 1, PLAIN), "[N/A], [N/A], [N/A], [N/A]");
        assert_eq!(values("uuid,state", 2, PLAIN), "[N/A], gone");
    }

    #[test]
    fn labels_may_be_written_with_underscores() {
        assert_eq!(values("temperature.memory_stack", 0, PLAIN), "51");
        assert_eq!(values("temperature.die.high", 0, PLAIN), "85");
        assert_eq!(values("temperature.nothing", 0, PLAIN), "[N/A]");
    }

    #[test]
    fn unknown_fields_are_named() {
        let names = ["index".to_owned(), "indx".to_owned()];
        let error = columns(ACCEL, "query-accel", &names).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no field \"indx\"; --help-query-accel explains those that there are"
        );
        assert!(columns(ACCEL, "query-accel", &["temperature.".into()]).is_err());
    }

    #[test]
    fn commas_in_names_are_quoted() {
        assert_eq!(quoted("a, b".into()), "\"a, b\"");
        assert_eq!(quoted("3\" card".into()), "\"3\"\" card\"");
        assert_eq!(quoted("plain".into()), "plain");
    }

    #[test]
    fn every_field_is_found_by_its_name_and_tells_without_a_panic() {
        let snapshot = samples::snapshot();
        for field in ACCEL {
            let name = field
                .name
                .replace("<label>", "die")
                .replace("<engine>", "tensor0");
            let name = name
                .replace("<block>", "memory")
                .replace("<firmware>", "card")
                .replace("<reason>", "die");
            let columns = of(&name);
            assert_eq!(
                columns[0].field.name, field.name,
                "{name} is another field's"
            );
            for device in &snapshot.devices {
                row(&columns, &Source::of_device(&snapshot, device), PLAIN);
            }
        }
    }

    #[test]
    fn processes_have_fields_of_their_own() {
        let snapshot = samples::snapshot();
        let device = &snapshot.devices[0];
        let names = [
            "accel_index",
            "pid",
            "process_name",
            "used_memory",
            "utilization",
        ]
        .map(str::to_owned);
        let columns = columns(PROCESS, "query-compute-apps", &names).unwrap();
        let rows: Vec<_> = Source::of_processes(&snapshot)
            .map(|source| row(&columns, &source, PLAIN))
            .collect();
        assert_eq!(rows.len(), device.processes.all().len());
        assert_eq!(rows[0], "0, 411, accel-serve, 12 MiB, 63 %");
        assert_eq!(rows[1], "0, [N/A], accel-train, 1 MiB, [N/A]");
    }
}
