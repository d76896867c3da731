// SPDX-License-Identifier: GPL-2.0
//! Framing: whole vfio-user messages, with their file descriptors, over a stream socket.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use zerocopy::{FromZeros, IntoBytes};

use crate::wire::{Header, header};

/// Largest transfer in one message, announced to the peer.
pub(crate) const MAX_TRANSFER: usize = 1 << 20;
/// Most file descriptors in one message, announced to the peer.
pub(crate) const MAX_FDS: usize = 8;
/// Largest message: a transfer and what comes before it.
const MAX_MESSAGE: usize = MAX_TRANSFER + 64;

/// A message from the peer.
pub(crate) struct Message {
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// A connected peer.
pub(crate) struct Connection(UnixStream);

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// The next message; `None` when the peer has left. A size that cannot be is an error: nobody
    /// knows where the next message begins.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Message>> {
        let mut header = Header::new_zeroed();
        let (len, fds) = self.receive_first(header.as_mut_bytes())?;
        if len == 0 {
            return Ok(None);
        }
        self.0.read_exact(&mut header.as_mut_bytes()[len..])?;
        let body_len = (header.size as usize).checked_sub(size_of::<Header>());
        let body_len = body_len.filter(|&len| len <= MAX_MESSAGE);
        let mut body = vec![0; body_len.ok_or(io::ErrorKind::InvalidData)?];
        self.0.read_exact(&mut body)?;
        Ok(Some(Message { header, body, fds }))
    }

    /// Answers `to` with `body`, or with an errno.
    pub(crate) fn reply(
        &mut self,
        to: &Header,
        result: Result<&[u8], u32>,
        fd: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let body = result.unwrap_or_default();
        let failed = if result.is_err() { header::ERROR } else { 0 };
        let header = Header {
            size: (size_of::<Header>() + body.len()) as u32,
            flags: header::REPLY | failed,
            error: result.err().unwrap_or(0),
            ..*to
        };
        let message = [header.as_bytes(), body].concat();
        let sent = self.send_first(&message, fd)?;
        self.0.write_all(&message[sent..])
    }

    /// Receives the first bytes of a message, to which its file descriptors are attached.
    fn receive_first(&self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let buffers = &mut [IoSliceMut::new(bytes)];
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, buffers, &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        let fds = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        Ok((received.bytes, fds.flatten().collect()))
    }

    /// Sends as much as goes in one piece, together with `fd`.
    fn send_first(&self, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds: Vec<_> = fd.into_iter().collect();
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let buffers = &[IoSlice::new(bytes)];
        let sent = rustix::io::retry_on_intr(|| {
            sendmsg(self.0.as_fd(), buffers, &mut control, SendFlags::NOSIGNAL)
        })?;
        Ok(sent)
    }
}
