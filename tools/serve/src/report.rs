// SPDX-License-Identifier: GPL-2.0
//! What clients tell the service, and the table that people see.

use std::fmt;
use std::io::BufRead;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

use crate::client::Role;
use crate::lane::Times;

/// How a client fared. As text: images and time, then a line for each request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How many images it has got right answers for.
    pub images: usize,
    /// In how much time.
    pub elapsed: Duration,
    /// How long each request took.
    pub requests: Vec<Times>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.images, self.elapsed.as_nanos())?;
        for times in &self.requests {
            writeln!(f, "{} {}", times.seen.as_nanos(), times.card.as_nanos())?;
        }
        Ok(())
    }
}

impl Account {
    /// What a client printed.
    pub fn read(from: impl BufRead) -> Result<Self> {
        let mut lines = from.lines();
        let first = lines.next().context("a client says nothing")??;
        let (images, elapsed) = two_numbers(&first)?;
        let times = lines.map(|line| {
            let (seen, card) = two_numbers(&line?)?;
            Ok(Times {
                seen: Duration::from_nanos(seen),
                card: Duration::from_nanos(card),
            })
        });
        Ok(Account {
            images: images as usize,
            elapsed: Duration::from_nanos(elapsed),
            requests: times.collect::<Result<_>>()?,
        })
    }

    /// Adds that of a client that worked at the same time.
    pub fn add(&mut self, other: Account) {
        self.images += other.images;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.requests.extend(other.requests);
    }
}

fn two_numbers(line: &str) -> Result<(u64, u64)> {
    let numbers = line
        .split_once(' ')
        .and_then(|(first, second)| Some((first.parse().ok()?, second.parse().ok()?)));
    numbers.with_context(|| format!("a client says {line:?}"))
}

/// The time that `percent` of the requests took at most, in milliseconds.
fn percentile(requests: &[Times], percent: usize, which: fn(&Times) -> Duration) -> f64 {
    let mut times: Vec<_> = requests.iter().map(which).collect();
    times.sort();
    let rank = (times.len() * percent).div_ceil(100);
    let time = times
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default();
    1e3 * time.as_secs_f64()
}

/// Print how all clients of each kind fared; all answers were right.
pub fn table(accounts: &[(Role, usize, Account)]) {
    println!(
        "{:<8} {:>7}  {:>8}  {:>15}  {:>20}  {:>20}  {:>8}",
        "who",
        "clients",
        "requests",
        "right to a bit",
        "answer after p50/p99",
        "on the card p50/p99",
        "images/s"
    );
    for (role, clients, account) in accounts {
        let milliseconds = |which| {
            let at = |percent| percentile(&account.requests, percent, which);
            format!("{:.2} / {:.2} ms", at(50), at(99))
        };
        let speed = account.images as f64 / account.elapsed.as_secs_f64().max(1e-9);
        println!(
            "{role:<8} {clients:>7}  {:>8}  {:>15}  {:>20}  {:>20}  {speed:>8.0}",
            account.requests.len(),
            format!("{} images", account.images),
            milliseconds(|times| times.seen),
            milliseconds(|times| times.card),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seen: u64) -> Times {
        Times {
            seen: Duration::from_millis(seen),
            card: Duration::from_nanos(seen),
        }
    }

    #[test]
    fn accounts_are_read_as_they_were_written() {
        let mut account = Account {
            images: 2,
            elapsed: Duration::from_millis(9),
            requests: vec![times(4), times(5)],
        };
        let read = Account::read(account.to_string().as_bytes()).unwrap();
        assert_eq!(read, account);
        account.add(read);
        assert_eq!((account.images, account.requests.len()), (4, 4));
        assert_eq!(account.elapsed, Duration::from_millis(9));
        assert!(Account::read(&b""[..]).is_err());
        assert!(Account::read(&b"1 2\n3\n"[..]).is_err());
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let requests: Vec<_> = (1..=200).rev().map(times).collect();
        let seen = |percent| percentile(&requests, percent, |times| times.seen);
        assert_eq!((seen(50), seen(99), seen(100)), (100.0, 198.0, 200.0));
        assert_eq!(percentile(&[], 99, |times| times.card), 0.0);
        assert_eq!(percentile(&[times(7)], 50, |times| times.seen), 7.0);
    }
}
