// SPDX-License-Identifier: GPL-2.0
//! The control socket: lines in, lines out.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use pci_model::control::{self, Commands, Outcome};
use pci_model::{Fault, Port};

/// Knows one command.
struct Test;

impl Commands for Test {
    fn command(&self, words: &[&str]) -> Option<Outcome> {
        match words {
            ["double", word] => Some(control::number(word).map(|n| format!("is={}", 2 * n))),
            ["switch", word] => Some(control::switch(word).map(|on| format!("on={on}"))),
            _ => None,
        }
    }
}

fn ask(stream: &UnixStream, line: &str) -> String {
    let mut stream = stream;
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let port = Port::new(1);
    control::serve(&path, port.clone(), Arc::new(Test)).unwrap();
    let stream = UnixStream::connect(&path).unwrap();
    let other = UnixStream::connect(&path).unwrap();
    assert_eq!(ask(&stream, "double 21"), "ok is=42\n");
    assert_eq!(
        ask(&other, " double \t x "),
        "error \"x\" is not a number\n"
    );
    assert_eq!(ask(&stream, "switch on"), "ok on=true\n");
    assert_eq!(
        ask(&stream, "switch maybe"),
        "error \"maybe\" is neither on nor off\n"
    );
    for unknown in [
        "",
        "what",
        "double",
        "double 1 2",
        "drop-irq",
        "drop-irq -1",
    ] {
        assert!(ask(&stream, unknown).starts_with("error "), "{unknown:?}");
    }
    assert_eq!(ask(&stream, "drop-irq 2"), "ok\n");
    assert_eq!(ask(&stream, "spurious-irq"), "ok\n");
    assert_eq!(ask(&stream, "surprise-remove"), "ok\n");
    assert_eq!(port.dma().read(0, &mut [0]), Err(Fault::NotMaster));
}

#[test]
fn endless_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    control::serve(&path, Port::new(1), Arc::new(Test)).unwrap();
    let stream = UnixStream::connect(&path).unwrap();
    let mut reader = BufReader::new(&stream);
    (&stream).write_all(&[b'x'; 4096]).unwrap();
    let mut answer = String::new();
    reader.read_line(&mut answer).unwrap();
    assert_eq!(
        answer, "error unknown command\n",
        "answered without its end"
    );
}
