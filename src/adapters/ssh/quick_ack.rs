//! A TCP stream that acknowledges at once while a session is being made.
//!
//! sshd sends the answers of the handshake in small packets with Nagle's algorithm on; each then waits 40 ms for our
//! delayed acknowledgement. The kernel forgets the wish for quick ones, so it is renewed after each read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::sockopt::set_tcp_quickack;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A handshake, a log-in and the first command take fewer reads than this.
const READS_OF_A_HANDSHAKE: u32 = 40;

/// See the module.
pub(super) struct QuickAckStream {
    inner: TcpStream,
    quick_reads_left: u32,
}

impl QuickAckStream {
    pub(super) fn new(inner: TcpStream) -> Self {
        Self { inner, quick_reads_left: READS_OF_A_HANDSHAKE }
    }
}

impl AsyncRead for QuickAckStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.quick_reads_left > 0 && poll.is_ready() {
            self.quick_reads_left -= 1;
            // Only speed is lost where the kernel does not grant it.
            let _ = set_tcp_quickack(&self.inner, true);
        }
        poll
    }
}

impl AsyncWrite for QuickAckStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
