// SPDX-License-Identifier: GPL-2.0
//! Serves pages by HTTP to whoever may reach us: one request on each connection, all of it limited.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::request;
use crate::request::Request;

/// What nobody may take more of.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the head of a request: its first line and all fields.
    pub head: usize,
    /// Time for a request to come, and for its answer to be taken.
    pub time: Duration,
    /// Connections at a time.
    pub connections: usize,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Here it is.
    Ok,
    /// It is not well formed, or too long.
    BadRequest,
    /// There is no such page.
    NotFound,
    /// Pages can only be read.
    MethodNotAllowed,
    /// It did not come in time.
    RequestTimeout,
    /// Not now.
    ServiceUnavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::RequestTimeout => "408 Request Timeout",
            Status::ServiceUnavailable => "503 Service Unavailable",
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// How it went.
    pub status: Status,
    /// What the body is.
    pub content_type: &'static str,
    /// The page.
    pub body: String,
}

impl Response {
    /// One that says no more than how it went.
    pub fn plain(status: Status) -> Self {
        Response {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{}\n", status.line()),
        }
    }

    fn to_bytes(&self, is_head: bool) -> Vec<u8> {
        let allow = match self.status {
            Status::MethodNotAllowed => "Allow: GET, HEAD\r\n",
            _ => "",
        };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
            self.status.line(),
            self.content_type,
            self.body.len(),
        );
        let body = if is_head { "" } else { &self.body };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

/// Answer requests by `page`, for ever.
pub fn serve<P>(listener: &TcpListener, limits: Limits, page: P) -> !
where
    P: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let page = Arc::new(page);
    // Each connection holds one more.
    let connections = Arc::new(());
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // Too many open files, or the peer is gone already.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let connection = Connection::new(stream, limits);
        if Arc::strong_count(&connections) > limits.connections {
            connection.refuse();
            continue;
        }
        let (page, one) = (page.clone(), connections.clone());
        let serve = move || {
            connection.serve(&*page);
            drop(one);
        };
        // If there can be no more threads, the connection is closed.
        let _ = thread::Builder::new().spawn(serve);
    }
}

/// Someone who asks.
struct Connection {
    stream: TcpStream,
    limits: Limits,
    end: Instant,
}

impl Connection {
    fn new(stream: TcpStream, limits: Limits) -> Self {
        Connection {
            stream,
            limits,
            end: Instant::now() + limits.time,
        }
    }

    /// Say that there are too many; waits for nobody.
    fn refuse(&self) {
        let response = Response::plain(Status::ServiceUnavailable).to_bytes(false);
        if self.stream.set_nonblocking(true).is_ok() {
            let _ = (&self.stream).write_all(&response);
        }
    }

    fn serve(mut self, page: &dyn Fn(&Request) -> Response) {
        let request = self.head().and_then(|head| request::parse(&head));
        let is_head = request.as_ref().is_ok_and(|request| request.is_head);
        let response = match request {
            Ok(request) => page(&request),
            Err(status) => Response::plain(status),
        };
        self.end = Instant::now() + self.limits.time;
        let _ = self.send(&response.to_bytes(is_head));
    }

    /// Everything up to the first empty line.
    fn head(&self) -> Result<Vec<u8>, Status> {
        let mut head = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let count = match self.read(&mut chunk) {
                Err(_) => return Err(Status::RequestTimeout),
                Ok(0) => return Err(Status::BadRequest),
                Ok(count) => count,
            };
            let seen = head.len().saturating_sub(3);
            head.extend_from_slice(&chunk[..count]);
            let end = head[seen..].windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                head.truncate(seen + end + 4);
            }
            if head.len() > self.limits.head {
                return Err(Status::BadRequest);
            }
            if end.is_some() {
                return Ok(head);
            }
        }
    }

    fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match (&self.stream).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // What comes after the head is read, or the answer would be thrown away with the connection.
        self.stream.shutdown(Shutdown::Write)?;
        let mut rest = [0; 1024];
        for _ in 0..64 {
            if self.read(&mut rest)? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(self.left()?))?;
            match (&self.stream).read(to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }
}

#[cfg(test)]
mod tests;
