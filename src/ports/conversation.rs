//! A command that runs on, spoken with line by line.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

/// A longer line is a fault of the other side: the largest we read is the listing of a packet filter's table by lines.
const LINE_LIMIT: usize = 1 << 20;

/// How long a line may take to be taken. Nothing we say fills a pipe, so only a frozen reader takes longer.
const TAKEN_WITHIN: Duration = Duration::from_millis(500);

/// A running command and both directions of speech. Dropping both ends the command.
pub struct Conversation {
    /// What is said to it.
    pub saying: Saying,
    /// What it says, on both of its outputs.
    pub hearing: Hearing,
}

/// The way to a command's standard input.
pub struct Saying(Box<dyn AsyncWrite + Send + Unpin>);

/// The way from a command's outputs. Whatever keeps the command running lives as long as this.
pub struct Hearing {
    from: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    begun: Vec<u8>,
    _running: Box<dyn Send>,
}

impl Conversation {
    /// A conversation over these; `running` is dropped with the last of it, and ends the command.
    pub fn new(
        from: impl AsyncRead + Send + Unpin + 'static,
        to: impl AsyncWrite + Send + Unpin + 'static,
        running: impl Send + 'static,
    ) -> Self {
        let from = BufReader::new(Box::new(from) as Box<dyn AsyncRead + Send + Unpin>);
        let hearing = Hearing { from, begun: Vec::new(), _running: Box::new(running) };
        Self { saying: Saying(Box::new(to)), hearing }
    }
}

impl Saying {
    /// Says a line, which holds no line break.
    ///
    /// # Errors
    /// When the command has gone, or does not take it in time.
    pub async fn say(&mut self, line: &str) -> io::Result<()> {
        let all = async {
            self.0.write_all(format!("{line}\n").as_bytes()).await?;
            self.0.flush().await
        };
        timeout(TAKEN_WITHIN, all).await?
    }
}

impl Hearing {
    /// The next line it says, without its end; `None` when it says no more. Given up half-way, no part of it is lost.
    ///
    /// # Errors
    /// When it cannot be heard, or the line is too long.
    pub async fn hear(&mut self) -> io::Result<Option<String>> {
        loop {
            let piece = self.from.fill_buf().await?;
            if piece.is_empty() {
                return Ok(None);
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(piece.len(), |end| end + 1);
            self.begun.extend_from_slice(piece.get(..length).unwrap_or_default());
            self.from.consume(length);
            if self.begun.len() > LINE_LIMIT {
                return Err(io::Error::other("a line is too long"));
            }
            if end.is_some() {
                let line = std::mem::take(&mut self.begun);
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_comes_in_two_pieces_is_heard_once_and_whole() {
        let (from, mut far) = tokio::io::duplex(64);
        let mut conversation = Conversation::new(from, tokio::io::sink(), ());
        far.write_all(b"one\ntw").await.unwrap();
        assert_eq!(conversation.hearing.hear().await.unwrap().as_deref(), Some("one"));
        assert!(timeout(Duration::from_millis(20), conversation.hearing.hear()).await.is_err());
        far.write_all(b"o\r\n").await.unwrap();
        assert_eq!(conversation.hearing.hear().await.unwrap().as_deref(), Some("two"));
        drop(far);
        assert_eq!(conversation.hearing.hear().await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_endless_line_and_a_listener_who_does_not_listen_are_given_up() {
        let endless = Conversation::new(tokio::io::repeat(b'x'), tokio::io::sink(), ());
        let mut hearing = endless.hearing;
        assert!(hearing.hear().await.is_err());
        let (_deaf, to) = tokio::io::duplex(4);
        let mut saying = Conversation::new(tokio::io::empty(), to, ()).saying;
        assert_eq!(saying.say("more than four").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
