//! A server whose session can be cut and held back on its way.

use std::sync::Arc;

use async_trait::async_trait;
use mxone_system_redundancy::ports::conversation::{Conversation, Saying};
use mxone_system_redundancy::ports::host::{Command, Host, HostError, Output, Sink};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, duplex};
use tokio::sync::watch;

use crate::namespace::{Namespace, NamespaceHost};

/// What is kept on the way; a pipe holds as much.
const ON_THE_WAY: usize = 64 * 1024;

/// How the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Whole,
    /// What LIM 1 says is kept on the way, and delivered once the line is whole again.
    HeldBack,
    /// No session is made, and those there are go on.
    Full,
    /// Sessions end, and none is made.
    Cut,
}

/// A server at the end of such a line.
pub struct FarHost {
    host: Arc<NamespaceHost>,
    line: watch::Sender<Line>,
}

impl FarHost {
    pub fn new(namespace: &Namespace) -> Arc<Self> {
        Arc::new(Self { host: NamespaceHost::new(namespace), line: watch::Sender::new(Line::Whole) })
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

#[async_trait]
impl Host for FarHost {
    fn name(&self) -> String {
        self.host.name()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        self.host.run(command).await
    }

    async fn stream(&self, command: Command, sink: &mut dyn Sink) -> Result<Output, HostError> {
        self.host.stream(command, sink).await
    }

    async fn converse(&self, command: Command) -> Result<Conversation, HostError> {
        let mut line = self.line.subscribe();
        if matches!(*line.borrow_and_update(), Line::Cut | Line::Full) {
            let source = std::io::ErrorKind::ConnectionRefused.into();
            return Err(HostError::Unreachable { host: self.name(), source });
        }
        let Conversation { saying, mut hearing } = self.host.converse(command).await?;
        let (said, from_lim_1) = duplex(ON_THE_WAY);
        let (mut to_lim_1, heard) = duplex(ON_THE_WAY);
        let there = tokio::spawn(carried(BufReader::new(from_lim_1), saying, line.clone()));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = async { drop(line.wait_for(|line| *line == Line::Cut).await) } => break,
                    heard = hearing.hear() => {
                        let Ok(Some(text)) = heard else { break };
                        if to_lim_1.write_all(format!("{text}\n").as_bytes()).await.is_err() { break }
                    }
                }
            }
            there.abort();
        });
        Ok(Conversation::new(heard, said, ()))
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        self.host.reconnected().await
    }
}

async fn carried(from: impl tokio::io::AsyncBufRead + Unpin, mut to: Saying, mut line: watch::Receiver<Line>) {
    let mut lines = from.lines();
    while let Ok(Some(text)) = lines.next_line().await {
        if line.wait_for(|line| *line != Line::HeldBack).await.is_err() || to.say(&text).await.is_err() {
            return;
        }
    }
}
