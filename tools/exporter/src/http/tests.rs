// SPDX-License-Identifier: GPL-2.0
//! What requests are answered with, those included that nobody should send.

use std::net::SocketAddr;

use super::*;

const LIMITS: Limits = Limits {
    head: 256,
    time: Duration::from_millis(500),
    connections: 4,
};

/// A server that has one page, which is long.
fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        serve(&listener, LIMITS, |request| match request.path.as_str() {
            "/page" => Response {
                status: Status::Ok,
                content_type: "text/plain",
                body: "x".repeat(8 << 20),
            },
            _ => Response::plain(Status::NotFound),
        })
    });
    address
}

/// What comes back for these bytes.
fn answer(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // It may be refused before all of it is sent: then the answer may be lost, too.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn status(address: SocketAddr, bytes: &[u8]) -> String {
    let answer = answer(address, bytes);
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn pages_come_whole() {
    let address = start();
    let answer = answer(address, b"GET /page HTTP/1.1\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Length: 8388608\r\n"), "{head}");
    assert_eq!(body.len(), 8 << 20);
}

#[test]
fn head_has_no_body() {
    let answer = answer(start(), b"HEAD /page HTTP/1.1\r\n\r\n");
    assert!(answer.ends_with("Connection: close\r\n\r\n"), "{answer}");
    assert!(answer.contains("Content-Length: 8388608\r\n"), "{answer}");
}

#[test]
fn bad_requests_are_told_so() {
    let address = start();
    assert_eq!(status(address, b"GET / HTTP/1.1\r\n\r\n"), "404");
    assert_eq!(status(address, b"\0\xff\r\n\r\n"), "400");
    let post = b"POST /page HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(status(address, post), "405");
    assert!(answer(address, post).contains("\r\nAllow: GET, HEAD\r\n"));
    let long = [b"GET /".as_slice(), &[b'a'; 4096]].concat();
    assert_eq!(status(address, &long), "400");
    let fields = "A: b\r\n".repeat(100);
    let many = format!("GET /page HTTP/1.1\r\n{fields}\r\n");
    assert_eq!(status(address, many.as_bytes()), "400");
}

#[test]
fn a_request_that_does_not_end_is_not_waited_for() {
    let address = start();
    let begin = Instant::now();
    assert_eq!(status(address, b"GET /page"), "408");
    assert!(begin.elapsed() >= LIMITS.time);
    // A byte now and then does not help.
    let mut stream = TcpStream::connect(address).unwrap();
    let begin = Instant::now();
    while stream.write_all(b"G").is_ok() && begin.elapsed() < 20 * LIMITS.time {
        thread::sleep(LIMITS.time / 10);
    }
    assert!(begin.elapsed() < 20 * LIMITS.time);
}

#[test]
fn who_closes_early_is_no_trouble() {
    let address = start();
    for bytes in [b"".as_slice(), b"GET", b"GET /page HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(bytes).unwrap();
    }
    assert_eq!(status(address, b"GET / HTTP/1.1\r\n\r\n"), "404");
}

#[test]
fn too_many_are_refused_until_some_have_gone() {
    let address = start();
    let idle: Vec<_> = (0..LIMITS.connections)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    assert_eq!(status(address, b""), "503");
    drop(idle);
    let begin = Instant::now();
    while status(address, b"GET / HTTP/1.1\r\n\r\n") != "404" {
        assert!(begin.elapsed() < 20 * LIMITS.time, "it stays shut");
        thread::sleep(LIMITS.time / 10);
    }
}

#[test]
fn who_does_not_read_is_let_go() {
    let address = start();
    let mut idle = Vec::new();
    for _ in 0..LIMITS.connections {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /page HTTP/1.1\r\n\r\n").unwrap();
        idle.push(stream);
    }
    let begin = Instant::now();
    while status(address, b"GET / HTTP/1.1\r\n\r\n") != "404" {
        assert!(begin.elapsed() < 20 * LIMITS.time, "it waits for ever");
        thread::sleep(LIMITS.time / 10);
    }
}
