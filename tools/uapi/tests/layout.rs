// SPDX-License-Identifier: GPL-2.0
//! The generated file says what a C compiler says: every struct, offset, constant and ioctl number.
//!
//! A C program that prints them is written from the names in the Rust sources, compiled with `cc`
//! and run. Whatever the headers have and Rust has not is found by [`everything_is_compared`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use accel_uapi::*;

/// Layout of a struct in Rust: name, size, and name and offset of each field.
struct Layout {
    name: &'static str,
    size: usize,
    fields: Vec<(&'static str, usize)>,
}

macro_rules! layouts {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        vec![$(Layout {
            name: stringify!($name),
            size: size_of::<$name>(),
            fields: vec![$((stringify!($field), core::mem::offset_of!($name, $field))),*],
        }),*]
    };
}

fn layouts() -> Vec<Layout> {
    layouts! {
        accel_info { kind, size, data, flags, version, element_size, reserved }
        accel_info_kind { kind, version, size, flags, availability, privilege, nodes, reserved }
        accel_info_device {
            name, driver, bus, address, uuid, index, core_version, driver_version, vendor, device,
            subsystem_vendor, subsystem_device, revision, numa_node, flags,
        }
        accel_info_status { health, epoch, since_ns, changes, resets }
        accel_info_engine {
            name, kind, queued, completed, failed, busy_ns, user_ns, user_failed, timeout_ns,
        }
        accel_info_memory {
            name, kind, flags, size, used, dirty, largest_free, visible, page_size,
        }
        accel_info_clients {
            clients, monitors, opens, monitor_opens, refused, last_open_ns, last_close_ns,
            mode, reserved,
        }
        accel_event {
            sequence, time_ns, kind, severity, engine, queue, client, context, data,
        }
        accel_event_filter { kinds, severity, flags }
        accel_failure_eventfd { fd, flags }
        accel_info_client_memory { name, total, resident, shared, active, purgeable }
        accel_info_client_engine { name, busy_ns, user_ns, jobs }
        accel_info_link {
            state, flags, peer_uuid, peer_link, lanes, speed, sent, received, errors, replays, losses,
        }
        accel_info_sensor { label, kind, flags, value, high, critical }
        accel_info_throttle { name, reason, flags, count, time_ns }
        accel_info_errors { name, kind, reserved, corrected, uncorrected }
        accel_info_error_limits {
            period_s, reserved, corrected_limit, uncorrected_limit, corrected, uncorrected,
        }
        accel_info_row { address, region, state, cause, reserved }
        accel_info_spares { pending, retired, stuck, spares }
        accel_info_sleep { since_ns, asleep_ns, count }
        accel_info_firmware { name, version, restarts, flags, reserved }
        accel_info_client {
            client, name, pid, user, opened_ns, busy_ns, user_ns, jobs, failed, system, local,
        }
        accel_buffer_create { size, placement, flags, handle, region, mmap_offset }
        accel_buffer_close { handle, flags }
        accel_buffer_info { handle, flags, size, mmap_offset, placement, region }
        accel_buffer_export { handle, flags, fd, reserved }
        accel_buffer_import { fd, flags, size, mmap_offset, handle, placement }
        accel_buffer_pin { address, size, flags, handle }
        accel_buffer_sync { handle, flags }
        accel_buffer_label { handle, flags, label }
        accel_buffer_advise { handle, flags, advice, retained }
        accel_submit_buffer { handle, flags }
        accel_submit_job {
            flags, prepared, buffers, nr_buffers, nr_points, points, payload, payload_size, reserved,
            job,
        }
        accel_submit { queue, flags, jobs, nr_jobs, nr_submitted, refused_reason, refused_at }
        accel_job_prepare {
            queue, flags, buffers, nr_buffers, payload_size, payload, handle, refused_reason,
            refused_at, reserved,
        }
        accel_job_replace { buffer, handle }
        accel_job_release { queue, flags, handle, reserved }
        accel_job_status {
            state, error, fault, engine, fault_address, submit_ns, start_ns, end_ns,
        }
        accel_wait { queue, flags, job, deadline_ns, status, overwritten }
        accel_context_create { flags, address_space, handle, reserved }
        accel_context_destroy { handle, flags }
        accel_queue_create {
            flags, context, engine, priority, payload, timeout_ns, payload_size, handle, refused_reason,
            refused_at,
        }
        accel_queue_destroy { handle, flags }
        accel_point { handle, flags, value }
        accel_timeline_create { value, flags, handle }
        accel_timeline_close { handle, flags }
        accel_timeline_signal { points, nr_points, flags }
        accel_timeline_query { handle, flags, value, backed, last }
        accel_timeline_wait { points, nr_points, flags, deadline_ns, first, reserved }
        accel_timeline_transfer { source, destination, flags, reserved }
        accel_timeline_export { point, flags, fd }
        accel_timeline_import { point, flags, fd }
        accel_timeline_eventfd { point, flags, fd }
        accel_doorbell_create { flags, handle, mmap_offset, size, index, reserved }
        accel_doorbell_close { handle, flags }
        accel_user_queue_create {
            flags, context, engine, priority, doorbell, timeline, payload, payload_size, handle,
            refused_reason, refused_at, reserved,
        }
        accel_user_queue_destroy { handle, flags }
        accel_user_queue_query { handle, flags, state, error, fault, suspensions, fault_address }
        accel_address_space_create { flags, handle, start, size, page_sizes }
        accel_address_space_destroy { handle, flags }
        accel_address_space_map { space, flags, buffer, reserved, offset, size, address }
        accel_address_space_unmap { space, flags, address, size }
        accel_address_space_protect { space, flags, address, size }
        accel_ethosu_job { regions }
        accel_info_ethosu { id, config, macs, pmu_counters }
        accel_qda_packet {
            opcode, flags, element, operation, options, reserved, a, b, d, stride_a, stride_b, stride_d,
            rows, columns, depth, scalar, extra,
        }
        accel_info_qda {
            revision, firmware_api, queues, contexts, limit_bytes, limit_macs, limit_elements,
            limit_message, packet_ms, job_packets, order_max, reserved,
        }
        accel_qda_user_queue { ring, records, report, order, links, group, reserved }
        accel_qda_record {
            sequence, status, detail, address, start_ns, end_ns, busy_ns, reserved,
        }
        accel_qda_report { completed, status, detail, address, reserved }
    }
}

fn ioctls() -> Vec<(&'static str, u32)> {
    vec![
        ("ACCEL_IOCTL_INFO", ioctl::INFO),
        ("ACCEL_IOCTL_BUFFER_CREATE", ioctl::BUFFER_CREATE),
        ("ACCEL_IOCTL_BUFFER_CLOSE", ioctl::BUFFER_CLOSE),
        ("ACCEL_IOCTL_BUFFER_INFO", ioctl::BUFFER_INFO),
        ("ACCEL_IOCTL_BUFFER_EXPORT", ioctl::BUFFER_EXPORT),
        ("ACCEL_IOCTL_BUFFER_IMPORT", ioctl::BUFFER_IMPORT),
        ("ACCEL_IOCTL_BUFFER_PIN", ioctl::BUFFER_PIN),
        ("ACCEL_IOCTL_BUFFER_SYNC", ioctl::BUFFER_SYNC),
        ("ACCEL_IOCTL_BUFFER_LABEL", ioctl::BUFFER_LABEL),
        ("ACCEL_IOCTL_BUFFER_ADVISE", ioctl::BUFFER_ADVISE),
        ("ACCEL_IOCTL_SUBMIT", ioctl::SUBMIT),
        ("ACCEL_IOCTL_WAIT", ioctl::WAIT),
        ("ACCEL_IOCTL_JOB_PREPARE", ioctl::JOB_PREPARE),
        ("ACCEL_IOCTL_JOB_RELEASE", ioctl::JOB_RELEASE),
        ("ACCEL_IOCTL_CONTEXT_CREATE", ioctl::CONTEXT_CREATE),
        ("ACCEL_IOCTL_CONTEXT_DESTROY", ioctl::CONTEXT_DESTROY),
        ("ACCEL_IOCTL_QUEUE_CREATE", ioctl::QUEUE_CREATE),
        ("ACCEL_IOCTL_QUEUE_DESTROY", ioctl::QUEUE_DESTROY),
        ("ACCEL_IOCTL_TIMELINE_CREATE", ioctl::TIMELINE_CREATE),
        ("ACCEL_IOCTL_TIMELINE_CLOSE", ioctl::TIMELINE_CLOSE),
        ("ACCEL_IOCTL_TIMELINE_SIGNAL", ioctl::TIMELINE_SIGNAL),
        ("ACCEL_IOCTL_TIMELINE_QUERY", ioctl::TIMELINE_QUERY),
        ("ACCEL_IOCTL_TIMELINE_WAIT", ioctl::TIMELINE_WAIT),
        ("ACCEL_IOCTL_TIMELINE_TRANSFER", ioctl::TIMELINE_TRANSFER),
        ("ACCEL_IOCTL_TIMELINE_EXPORT", ioctl::TIMELINE_EXPORT),
        ("ACCEL_IOCTL_TIMELINE_IMPORT", ioctl::TIMELINE_IMPORT),
        ("ACCEL_IOCTL_TIMELINE_EVENTFD", ioctl::TIMELINE_EVENTFD),
        ("ACCEL_IOCTL_DOORBELL_CREATE", ioctl::DOORBELL_CREATE),
        ("ACCEL_IOCTL_DOORBELL_CLOSE", ioctl::DOORBELL_CLOSE),
        ("ACCEL_IOCTL_USER_QUEUE_CREATE", ioctl::USER_QUEUE_CREATE),
        ("ACCEL_IOCTL_USER_QUEUE_DESTROY", ioctl::USER_QUEUE_DESTROY),
        ("ACCEL_IOCTL_USER_QUEUE_QUERY", ioctl::USER_QUEUE_QUERY),
        ("ACCEL_IOCTL_EVENT_FILTER", ioctl::EVENT_FILTER),
        ("ACCEL_IOCTL_FAILURE_EVENTFD", ioctl::FAILURE_EVENTFD),
        (
            "ACCEL_IOCTL_ADDRESS_SPACE_CREATE",
            ioctl::ADDRESS_SPACE_CREATE,
        ),
        (
            "ACCEL_IOCTL_ADDRESS_SPACE_DESTROY",
            ioctl::ADDRESS_SPACE_DESTROY,
        ),
        ("ACCEL_IOCTL_ADDRESS_SPACE_MAP", ioctl::ADDRESS_SPACE_MAP),
        (
            "ACCEL_IOCTL_ADDRESS_SPACE_UNMAP",
            ioctl::ADDRESS_SPACE_UNMAP,
        ),
        (
            "ACCEL_IOCTL_ADDRESS_SPACE_PROTECT",
            ioctl::ADDRESS_SPACE_PROTECT,
        ),
    ]
}

/// The constants of the generated file, by name.
fn constants() -> BTreeMap<String, u64> {
    generated()
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .map(|line| {
            let (name, rest) = line.split_once(':').expect("a type");
            let (_, value) = rest
                .trim_end_matches(';')
                .split_once("= ")
                .expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

fn generated() -> String {
    read(&tree().join("tools/uapi/src/generated.rs"))
}

fn headers() -> Vec<PathBuf> {
    let mut headers: Vec<_> = fs::read_dir(tree().join("uapi/accel"))
        .expect("uapi/accel")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    headers.sort();
    headers
}

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What Rust says, as "what" -> number; "what" is a C expression.
fn in_rust() -> BTreeMap<String, u64> {
    let mut facts = constants();
    facts.extend(
        ioctls()
            .into_iter()
            .map(|(name, number)| (name.to_owned(), number.into())),
    );
    for Layout { name, size, fields } in layouts() {
        facts.insert(format!("sizeof(struct {name})"), size as u64);
        for (field, offset) in fields {
            facts.insert(format!("offsetof(struct {name}, {field})"), offset as u64);
        }
    }
    facts
}

/// What C says about the same expressions.
fn in_c(expressions: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut source = String::from("#include <stddef.h>\n#include <stdio.h>\n");
    for header in headers() {
        writeln!(source, "#include \"{}\"", header.display()).unwrap();
    }
    source.push_str("int main(void)\n{\n");
    for expression in expressions {
        writeln!(
            source,
            "printf(\"%s=%llu\\n\", \"{expression}\", (unsigned long long)({expression}));"
        )
        .unwrap();
    }
    source.push_str("}\n");

    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout");
    let file = program.with_extension("c");
    fs::write(&file, source).expect("the C program");
    let status = Command::new("cc")
        .arg("-Wall")
        .arg("-Werror")
        .arg("-o")
        .arg(&program)
        .arg(&file)
        .status();
    assert!(
        status.expect("cc").success(),
        "{} does not compile",
        file.display()
    );
    let output = Command::new(&program).output().expect("the C program");
    String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| line.split_once('=').expect("name=value"))
        .map(|(what, value)| (what.to_owned(), value.parse().expect("a number")))
        .collect()
}

#[test]
fn rust_equals_c() {
    let rust = in_rust();
    assert_eq!(in_c(rust.keys().cloned()), rust);
}

/// Names that follow `before` at the start of a line of `text`, up to the first character of no name.
fn names(text: &str, before: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix(before))
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("")
                .to_owned()
        })
        .collect()
}

#[test]
fn everything_is_compared() {
    let headers: String = headers().iter().map(|path| read(path)).collect();
    let mut structs = names(&headers, "struct ");
    let mut ours: Vec<String> = layouts()
        .iter()
        .map(|layout| layout.name.to_owned())
        .collect();
    structs.sort();
    ours.sort();
    assert_eq!(structs, ours, "structs of the headers");

    let rust = in_rust();
    let enumerators = names(&headers, "\t")
        .into_iter()
        .filter(|name| name.starts_with("ACCEL_"));
    let macros = names(&headers, "#define ")
        .into_iter()
        .filter(|name| name.starts_with("ACCEL_"));
    for name in enumerators.chain(macros) {
        assert!(rust.contains_key(&name), "{name} is in the headers only");
    }
}

/// The fields listed in [`layouts`] are all there are: without padding, they fill the struct.
#[test]
fn fields_are_complete() {
    for Layout { name, fields, .. } in layouts() {
        let text = generated();
        let start = text
            .find(&format!("pub struct {name} {{"))
            .unwrap_or_else(|| panic!("{name}"));
        let body = &text[start..start + text[start..].find('}').expect("an end")];
        let listed: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
        assert_eq!(names(body, "    pub "), listed, "fields of {name}");
    }
}
