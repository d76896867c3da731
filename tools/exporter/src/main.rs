// SPDX-License-Identifier: GPL-2.0
//! Exports how the accelerators of a system are, for Prometheus. `cli` is what it can be told.
//!
//! - crate `accel_snapshot` asks the devices, `complaints` says why one cannot be asked, `families` says what is exported of each, `page` is all of it, in the format of `text`;
//! - `http` serves pages to whoever may reach us, who asks as `request` says.

mod cli;
mod complaints;
mod families;
mod http;
mod page;
mod request;
mod text;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use accel_snapshot::Fleet;
use anyhow::Context;
use anyhow::Result;
use clap::Parser;

use crate::cli::Cli;
use crate::cli::Listen;
use crate::complaints::Complaints;
use crate::http::Limits;
use crate::http::Response;
use crate::http::Status;
use crate::request::Request;

/// How long a device may take to answer; less than Prometheus waits for us, which is 10 s unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(3);

const LIMITS: Limits = Limits {
    head: 8192,
    time: Duration::from_secs(5),
    connections: 64,
};

const HOME: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>accel-exporter</title></head>\n\
    <body><h1>accel-exporter</h1><p><a href=\"/metrics\">Metrics</a></p></body></html>\n";

fn main() -> ExitCode {
    let Err(error) = run(&Cli::parse());
    eprintln!("accel-exporter: {error:#}");
    ExitCode::FAILURE
}

fn run(cli: &Cli) -> Result<std::convert::Infallible> {
    let Listen(addresses) = &cli.listen;
    let listener = TcpListener::bind(&addresses[..])
        .with_context(|| format!("cannot listen on {}", addresses[0]))?;
    eprintln!("accel-exporter: listening on {}", listener.local_addr()?);
    let exporter = Arc::new(Exporter::new());
    let first = exporter.clone();
    thread::spawn(move || first.metrics());
    http::serve(&listener, LIMITS, move |request| exporter.respond(request))
}

/// What the pages are made of.
struct Exporter {
    fleet: Mutex<(Fleet, Complaints)>,
    /// Devices could be asked.
    is_ready: AtomicBool,
}

impl Exporter {
    fn new() -> Self {
        Exporter {
            fleet: Mutex::new((Fleet::new(PATIENCE, Duration::ZERO), Complaints::default())),
            is_ready: AtomicBool::new(false),
        }
    }

    fn respond(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/" => Response {
                status: Status::Ok,
                content_type: "text/html; charset=utf-8",
                body: HOME.into(),
            },
            "/metrics" => Response {
                status: Status::Ok,
                content_type: text::CONTENT_TYPE,
                body: self.metrics(),
            },
            "/-/ready" if self.is_ready.load(Ordering::Relaxed) => Response::plain(Status::Ok),
            "/-/ready" => Response::plain(Status::ServiceUnavailable),
            _ => Response::plain(Status::NotFound),
        }
    }

    fn metrics(&self) -> String {
        let mut guard = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        let (fleet, complaints) = &mut *guard;
        let start = Instant::now();
        let devices = fleet.ask();
        let took = start.elapsed();
        match &devices {
            Ok(devices) => {
                self.is_ready.store(true, Ordering::Relaxed);
                for complaint in complaints.new_ones(devices) {
                    eprintln!("accel-exporter: {complaint}");
                }
            }
            Err(error) => eprintln!("accel-exporter: {error}"),
        }
        drop(guard);
        page::page(devices.as_deref().ok(), took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(exporter: &Exporter, path: &str) -> Response {
        exporter.respond(&Request {
            is_head: false,
            path: path.into(),
        })
    }

    #[test]
    fn it_is_ready_when_devices_could_be_asked() {
        let exporter = Exporter::new();
        assert_eq!(
            ask(&exporter, "/-/ready").status,
            Status::ServiceUnavailable
        );
        let metrics = ask(&exporter, "/metrics");
        assert_eq!(metrics.status, Status::Ok);
        assert!(metrics.body.contains("accel_exporter_scrape_success 1\n"));
        assert_eq!(ask(&exporter, "/-/ready").status, Status::Ok);
    }

    #[test]
    fn the_first_page_leads_to_the_metrics() {
        let exporter = Exporter::new();
        assert!(ask(&exporter, "/").body.contains("href=\"/metrics\""));
        assert_eq!(ask(&exporter, "/metric").status, Status::NotFound);
        assert_eq!(ask(&exporter, "/metrics/").status, Status::NotFound);
    }
}
