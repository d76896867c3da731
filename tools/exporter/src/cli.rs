// SPDX-License-Identifier: GPL-2.0
//! The command line. The man page and completions are made of it, too (`build.rs`).

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use clap::Parser;

const AFTER: &str = "\
Pages: /metrics, in the text format of Prometheus; /-/ready, 200 once devices could be asked and 503 before; \
/, which leads there.\n\n\
Exit status: 1 it cannot listen; 2 the arguments are wrong.";

/// Export how the accelerators of this system are, for Prometheus.
///
/// Devices are asked when somebody asks for /metrics, through their monitor nodes, which disturbs nobody and wakes no
/// device. What a device does not have, or cannot tell at the moment, is absent, never 0.
#[derive(Debug, Parser)]
#[command(name = "accel-exporter", version, after_help = AFTER)]
pub struct Cli {
    /// Where to listen: ADDRESS:PORT, [IPV6]:PORT, localhost:PORT, or :PORT for all addresses of this system;
    /// port 0 is any that is free
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "localhost:29836"
    )]
    #[arg(value_parser = listen)]
    pub listen: Listen,
}

/// Addresses to listen on: the first that this system has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen(pub Vec<SocketAddr>);

fn listen(text: &str) -> Result<Listen, String> {
    if let Ok(address) = text.parse() {
        return Ok(Listen(vec![address]));
    }
    let addresses: [IpAddr; 2] = match text.rsplit_once(':') {
        Some(("localhost", _)) => [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Some(("", _)) => [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        _ => return Err("it is neither ADDRESS:PORT nor :PORT; names are not looked up".into()),
    };
    let (_, port) = text.rsplit_once(':').expect("a port, as above");
    let port: u16 = port
        .parse()
        .map_err(|_| format!("{port:?} is no port; there are 0 to 65535"))?;
    Ok(Listen(
        addresses.map(|address| (address, port).into()).to_vec(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Result<String, String> {
        listen(text).map(|Listen(all)| all[0].to_string())
    }

    #[test]
    fn addresses_are_numbers_or_localhost() {
        assert_eq!(first("127.0.0.1:80").unwrap(), "127.0.0.1:80");
        assert_eq!(first("[::1]:80").unwrap(), "[::1]:80");
        assert_eq!(first("localhost:0").unwrap(), "127.0.0.1:0");
        assert_eq!(first(":29836").unwrap(), "[::]:29836");
    }

    #[test]
    fn others_are_refused_with_a_reason() {
        assert!(first("example:80").unwrap_err().contains("neither"));
        assert!(first("localhost").unwrap_err().contains("neither"));
        assert!(first(":65536").unwrap_err().contains("0 to 65535"));
        assert!(first("localhost:").is_err());
        assert!(first("").is_err());
    }
}
