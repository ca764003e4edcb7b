//! The voter of this machine, asked by other programs on it through a socket that only root opens.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::domain::lease::Command;
use crate::ports::voter::{Asked, OwnVoter, State};

/// A voter answers within microseconds; one that is frozen does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// No order is longer.
const LONGEST: u64 = 16 * 1024;

/// Where the socket is, below a root folder.
fn path(root: &Path) -> PathBuf {
    root.join("run/mxone_system_redundancy/voter.sock")
}

/// Takes questions and passes them on, until the task is aborted.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve(root: &Path, to: UnboundedSender<Asked>) -> io::Result<JoinHandle<()>> {
    let path = path(root);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // One that an earlier start left behind; who listens is told apart by the monitor's own mark.
    if let Err(error) = fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let to = to.clone();
            // Who asked has gone, or asked what is no question.
            tokio::spawn(async move { timeout(ANSWER_WITHIN, answered(stream, &to)).await });
        }
    }))
}

async fn answered(mut stream: UnixStream, to: &UnboundedSender<Asked>) -> io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    BufReader::new(reading.take(LONGEST)).read_line(&mut line).await?;
    let order: Option<Command> = serde_json::from_str(&line)?;
    let (answer, answered) = oneshot::channel();
    to.send(Asked { order, answer }).map_err(io::Error::other)?;
    let state = answered.await.map_err(io::Error::other)?;
    writing.write_all(&serde_json::to_vec(&state)?).await
}

/// Asks through the socket.
pub struct MonitorSocket {
    path: PathBuf,
}

impl MonitorSocket {
    /// The voter of the machine whose files are below `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { path: path(root) }
    }

    async fn answer(&self, mut stream: UnixStream, order: Option<Command>) -> io::Result<State> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

#[async_trait]
impl OwnVoter for MonitorSocket {
    async fn ask(&self, order: Option<Command>) -> io::Result<Option<State>> {
        let stream = match UnixStream::connect(&self.path).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "the monitor does not answer");
        timeout(ANSWER_WITHIN, self.answer(stream, order)).await.map_err(slow)?.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lease::Voter;
    use crate::domain::site::Epoch;
    use crate::ports::messages::Dropped;

    #[tokio::test]
    async fn an_order_reaches_the_voter_and_where_none_works_nobody_answers() {
        let root = tempfile::tempdir().unwrap();
        let socket = MonitorSocket::below(root.path());
        assert_eq!(socket.ask(None).await.unwrap(), None);
        let (to, mut asked) = tokio::sync::mpsc::unbounded_channel::<Asked>();
        let _serving = serve(root.path(), to).unwrap();
        let state = State {
            voter: Voter::Witness,
            live: None,
            epoch: Epoch(3),
            guarantee: (String::new(), String::new()),
            lease: None,
            why: None,
            would_change: None,
            known: Vec::new(),
            dropped: Dropped::default(),
            reigns: Vec::new(),
            at: chrono::DateTime::UNIX_EPOCH.fixed_offset(),
            hears: None,
            refused: None,
        };
        let answer = state.clone();
        let voter = tokio::spawn(async move {
            let question = asked.recv().await.unwrap();
            question.answer.send(answer).unwrap();
            question.order
        });
        assert_eq!(socket.ask(Some(Command::Acknowledge)).await.unwrap(), Some(state));
        assert_eq!(voter.await.unwrap(), Some(Command::Acknowledge));
        assert!(socket.ask(None).await.is_err(), "its voter is gone");
    }
}
