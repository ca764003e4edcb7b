//! The three standard streams of a simulated command.

use std::io::{self, Write};

use tokio::sync::mpsc;

/// How much of an output is handed on at once.
const PIECE: usize = 32 * 1024;

/// What a command reads and writes.
pub struct Streams {
    /// Its input, whole.
    pub input: Vec<u8>,
    /// Its output. A reader who has gone makes writing fail, as a broken pipe does.
    pub output: Pipe,
    /// Its complaints.
    pub complaint: Vec<u8>,
}

impl Streams {
    /// Writes a complaint of `program`, as commands do.
    pub fn complain(&mut self, program: &str, what: impl std::fmt::Display) {
        // Writing into memory cannot fail.
        let _ = writeln!(self.complaint, "{program}: {what}");
    }
}

/// The writing end of a pipe to the SSH server: a slow reader holds the command back.
pub struct Pipe {
    to: mpsc::Sender<Vec<u8>>,
    waiting: Vec<u8>,
}

impl Pipe {
    /// A pipe that hands its pieces to `to`.
    #[must_use]
    pub fn new(to: mpsc::Sender<Vec<u8>>) -> Self {
        Self { to, waiting: Vec::new() }
    }

    /// Whether nobody reads any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.to.is_closed()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.waiting);
        self.to.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
