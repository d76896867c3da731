// SPDX-License-Identifier: GPL-2.0
//! Control socket of a model process: one text line per command, one line per answer.
//!
//! Answers are `ok`, `ok key=value ...` or `error why`. Commands of every model: `surprise-remove`,
//! `drop-irq N`, `double-irq N`, `spurious-irq [VECTOR]`, `quit`; the model adds its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::port::Port;

/// Longest command line, bytes.
const MAX_LINE: u64 = 4096;

/// What a command gives: the text after `ok`, or after `error`.
pub type Outcome = Result<String, String>;

/// The commands of a model.
pub trait Commands: Send + Sync {
    /// Obeys one command, split at white space; `None` if it is unknown.
    fn command(&self, words: &[&str]) -> Option<Outcome>;

    /// The function was taken away by `surprise-remove`.
    fn removed(&self) {}
}

/// Listens on a new socket at `path`, and serves each connection on a thread of its own.
pub fn serve(path: &Path, port: Port, commands: Arc<dyn Commands>) -> io::Result<()> {
    let listener = UnixListener::bind(path)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (port, commands) = (port.clone(), commands.clone());
            thread::spawn(move || converse(stream, &port, &*commands));
        }
    });
    Ok(())
}

/// Parses the argument of a command such as `slow MS`.
pub fn number(word: &str) -> Result<u32, String> {
    word.parse()
        .map_err(|_| format!("{word:?} is not a number"))
}

/// Parses the argument of a command such as `hang on`.
pub fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{word:?} is neither on nor off")),
    }
}

/// Answers line by line until the other side leaves or its line is too long.
fn converse(stream: UnixStream, port: &Port, commands: &dyn Commands) -> io::Result<()> {
    let mut reader = BufReader::new(&stream);
    loop {
        let mut line = String::new();
        if (&mut reader).take(MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match obey(&words, port, commands) {
            Ok(text) if text.is_empty() => "ok\n".to_owned(),
            Ok(text) => format!("ok {text}\n"),
            Err(why) => format!("error {why}\n"),
        };
        (&stream).write_all(answer.as_bytes())?;
        if words == ["quit"] {
            std::process::exit(0);
        }
    }
}

fn obey(words: &[&str], port: &Port, commands: &dyn Commands) -> Outcome {
    match words {
        ["surprise-remove"] => {
            port.surprise_remove();
            commands.removed();
        }
        ["drop-irq", count] => port.messages().lose_next(number(count)?),
        ["double-irq", count] => port.messages().double_next(number(count)?),
        ["spurious-irq"] => port.messages().send(0),
        ["spurious-irq", vector] => {
            let vector = number(vector)?.try_into();
            port.messages().send(vector.map_err(|_| "no such vector")?);
        }
        ["quit"] => (),
        _ => {
            let outcome = commands.command(words);
            return outcome.unwrap_or_else(|| Err("unknown command".to_owned()));
        }
    }
    Ok(String::new())
}
