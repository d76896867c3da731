// SPDX-License-Identifier: GPL-2.0
//! Starts all clients as processes of their own, has them work at the same time, and adds up what they say.

use std::env::current_exe;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::Plan;
use crate::client::BUSY;
use crate::client::READY;
use crate::client::Role;
use crate::client::wait_for_memory;
use crate::report;
use crate::report::Account;

/// How many there are.
const CLIENTS: [(Role, usize); 2] = [(Role::Small, 16), (Role::Large, 2)];

/// A client in a process.
struct Client {
    role: Role,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    /// Starts this program again, with the same arguments and a role.
    fn start(arguments: &[String], role: Role, number: usize) -> Result<Self> {
        let mut process = Command::new(current_exe()?)
            .args(arguments)
            .args([role.to_string(), number.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a client")?;
        Ok(Client {
            role,
            input: process.stdin.take().context("no input")?,
            output: BufReader::new(process.stdout.take().context("no output")?),
            process,
        })
    }

    /// Waits until it says that it is so far.
    fn wait_until(&mut self, state: &str) -> Result<()> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let is_so_far = line.trim_end() == state;
        ensure!(is_so_far, "a {} client does not get {state}", self.role);
        Ok(())
    }

    fn go(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"go\n")?)
    }

    /// Waits for its end, which that of its input is to large ones.
    fn finish(self) -> Result<Account> {
        let Client {
            role,
            mut process,
            input,
            output,
        } = self;
        drop(input);
        let account = Account::read(output);
        ensure!(process.wait()?.success(), "a {role} client failed");
        account
    }
}

/// Has all clients work, the large ones for as long as the small ones do.
pub fn run(plan: &Plan, arguments: &[String]) -> Result<()> {
    wait_for_memory()?;
    let mut clients = start(arguments)?;
    begin(&mut clients)?;
    let accounts = finish(clients)?;
    let (_, small, account) = &accounts[Role::Small as usize];
    let (asked, answered) = (small * plan.requests, account.requests.len());
    ensure!(answered == asked, "{answered} answers to {asked} requests");
    report::table(&accounts);
    Ok(())
}

fn start(arguments: &[String]) -> Result<Vec<Client>> {
    let all = CLIENTS
        .iter()
        .flat_map(|&(role, count)| (0..count).map(move |number| (role, number)));
    all.map(|(role, number)| Client::start(arguments, role, number))
        .collect()
}

/// Small ones come when large ones have given the engines work.
fn begin(clients: &mut [Client]) -> Result<()> {
    for client in &mut *clients {
        client.wait_until(READY)?;
    }
    let (large, small): (Vec<_>, Vec<_>) = clients
        .iter_mut()
        .partition(|client| client.role == Role::Large);
    for client in large {
        client.go()?;
        client.wait_until(BUSY)?;
    }
    for client in small {
        client.go()?;
    }
    Ok(())
}

/// Small ones end by themselves, and come first: large ones go on until somebody waits for them.
fn finish(clients: Vec<Client>) -> Result<[(Role, usize, Account); 2]> {
    let mut accounts = CLIENTS.map(|(role, count)| (role, count, Account::default()));
    let mut result = Ok(());
    for client in clients {
        let (_, _, sum) = &mut accounts[client.role as usize];
        match client.finish() {
            Ok(account) => sum.add(account),
            Err(error) => result = Err(error),
        }
    }
    result.map(|()| accounts)
}
