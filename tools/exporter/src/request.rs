// SPDX-License-Identifier: GPL-2.0
//! What is asked for by HTTP/1.x: the head of a request. Strictly read, as RFC 9112 has it; a body is not wanted.

use crate::http::Status;

/// A request that is well formed.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether the answer is to have no body.
    pub is_head: bool,
    /// What page is asked for, without a query.
    pub path: String,
}

/// Read a head: all lines up to the empty one, each with its end.
///
/// # Errors
///
/// The status to answer with.
pub fn parse(head: &[u8]) -> Result<Request, Status> {
    let head = std::str::from_utf8(head).map_err(|_| Status::BadRequest)?;
    let head = head.strip_suffix("\r\n\r\n").ok_or(Status::BadRequest)?;
    if head.contains(|c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t')) {
        return Err(Status::BadRequest);
    }
    let mut lines = head.split("\r\n");
    let request = request_line(lines.next().unwrap_or_default());
    if lines.all(is_field) {
        request
    } else {
        Err(Status::BadRequest)
    }
}

fn request_line(line: &str) -> Result<Request, Status> {
    let words: Vec<_> = line.split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err(Status::BadRequest);
    };
    if !is_token(method) || !target.starts_with('/') || !matches!(version, "HTTP/1.0" | "HTTP/1.1")
    {
        return Err(Status::BadRequest);
    }
    if !matches!(method, "GET" | "HEAD") {
        return Err(Status::MethodNotAllowed);
    }
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    Ok(Request {
        is_head: method == "HEAD",
        path: path.to_owned(),
    })
}

fn is_field(line: &str) -> bool {
    let name = line.split_once(':').map(|(name, _)| name);
    name.is_some_and(is_token) && !line.contains(['\r', '\n'])
}

fn is_token(text: &str) -> bool {
    let is_of_one = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_of_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(head: &str) -> Result<String, Status> {
        parse(head.as_bytes()).map(|request| request.path)
    }

    #[test]
    fn pages_are_asked_for() {
        let head = "GET /metrics?a=b HTTP/1.1\r\nHost: x\r\nAccept:\r\n\r\n";
        assert_eq!(path(head).as_deref(), Ok("/metrics"));
        assert_eq!(path("GET / HTTP/1.0\r\n\r\n").as_deref(), Ok("/"));
        assert!(parse(b"HEAD / HTTP/1.1\r\n\r\n").unwrap().is_head);
    }

    #[test]
    fn other_methods_are_not_allowed() {
        for method in ["POST", "DELETE", "get", "FOO"] {
            let head = format!("{method} /metrics HTTP/1.1\r\n\r\n");
            assert_eq!(path(&head), Err(Status::MethodNotAllowed), "{method}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for head in [
            "",
            "\r\n\r\n",
            "GET /metrics\r\n\r\n",
            "GET  /metrics HTTP/1.1\r\n\r\n",
            "GET metrics HTTP/1.1\r\n\r\n",
            "GET http://x/metrics HTTP/1.1\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET / HTTP/1.1\n\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
            "GET /\0 HTTP/1.1\r\n\r\n",
            "G(T / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nbad\r\n\r\n",
        ] {
            assert_eq!(path(head), Err(Status::BadRequest), "{head:?}");
        }
        assert_eq!(
            parse(b"GET /\xff HTTP/1.1\r\n\r\n"),
            Err(Status::BadRequest)
        );
    }
}
