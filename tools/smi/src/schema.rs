// SPDX-License-Identifier: GPL-2.0
//! What is printed as JSON is what `schema/` says: judged by Python's jsonschema.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

use crate::events;
use crate::topo;
use accel_snapshot::samples;

/// What the judge says of these documents.
fn judge(schema: &str, documents: &[Value]) -> Output {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut judge = Command::new("python3")
        .arg("-B")
        .arg(here.join("../testing/vm/documents.py"))
        .arg(here.join("schema").join(schema))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut stdin = judge.stdin.take().expect("a pipe");
    for document in documents {
        writeln!(stdin, "{document}").expect("a judge that listens");
    }
    drop(stdin);
    judge.wait_with_output().expect("an end")
}

fn assert_valid(schema: &str, documents: &[Value]) {
    let output = judge(schema, documents);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(said.trim(), documents.len().to_string());
}

fn assert_invalid(schema: &str, document: Value, why: &str) {
    let output = judge(schema, &[document]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains(why), "{said}");
}

fn snapshot() -> Value {
    serde_json::to_value(samples::snapshot()).expect("JSON")
}

#[test]
fn snapshots_are_described() {
    let mut empty = snapshot();
    empty["devices"] = json!([]);
    assert_valid("snapshot.json", &[snapshot(), empty]);
    // Of the device that sleeps: null is not now, absent is never.
    assert_eq!(snapshot()["devices"][1]["links"], Value::Null);
    assert!(snapshot()["devices"][1].get("sensors").is_none());
}

#[test]
fn the_schema_describes_every_field() {
    let mut more = snapshot();
    more["devices"][0]["spares"]["more"] = json!(1);
    assert_invalid("snapshot.json", more, "more");
    let mut wrong = snapshot();
    wrong["devices"][0]["sensors"][0]["unit"] = json!("fahrenheit");
    assert_invalid("snapshot.json", wrong, "fahrenheit");
    let mut less = snapshot();
    less["devices"][0]["engines"][0]
        .as_object_mut()
        .unwrap()
        .remove("busy_ns");
    assert_invalid("snapshot.json", less, "busy_ns");
}

#[test]
fn topologies_are_described() {
    let topology = serde_json::to_value(topo::tests::sample()).expect("JSON");
    assert_valid("topology.json", &[topology]);
}

#[test]
fn events_are_described() {
    let mut events = events::tests::samples();
    assert_valid("event.json", &events);
    events[0]["data"] = json!({ "job": 1 });
    assert_invalid("event.json", events.swap_remove(0), "$");
}
