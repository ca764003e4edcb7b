//! A standing `nft` that is fed one transaction a line: 0.4 ms for a renewal, where starting one takes 14 ms.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::ports::conversation::Conversation;
use crate::ports::gate::GateError;
use crate::ports::host::{Command, Host, HostError, printable};

/// Answered in one line whatever the tables hold, so it tells that all before it is done.
const MARKER: &str = "describe tcp dport";

/// How that answer begins.
const MARKED: &str = "payload expression, datatype inet_service";

/// What nft says first where it thinks that a person types.
const PROMPT: &str = "nft> ";

/// How a complaint begins.
const COMPLAINT: &str = "Error: ";

/// How nft says that a table or set is not there.
const ABSENT: &str = "No such file or directory";

/// What a kernel without tables of nft says, and what a shell and `sudo` say where there is no nft.
const NO_NFT: [&str; 2] = ["not supported", "command not found"];

/// The status of a shell that found no such program.
const NOT_FOUND: i32 = 127;

/// How long nft may take for a line: a hundred times what it takes, and short enough that a close is still in time.
const ANSWERS_WITHIN: Duration = Duration::from_millis(400);

/// An nft that thinks that a person types keeps every line, and goes through all of them at the next one (nft 1.0.6 with
/// libedit): after so many a new one takes over, or it would grow and slow down for as long as the monitor runs.
const REPLACED_AFTER: u32 = 500;

/// See the module.
pub(super) struct Nft {
    host: Arc<dyn Host>,
    running: Option<Conversation>,
    /// How many lines the running one was told.
    told: u32,
    /// How many were started.
    starts: u64,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was done; what it printed.
    Done(String),
    /// A table or set that it names is not there; nothing was done.
    Absent,
}

impl Nft {
    pub(super) fn new(host: Arc<dyn Host>) -> Self {
        Self { host, running: None, told: 0, starts: 0 }
    }

    /// Starts one if none is running, or if that was told too much. Not before each line: a close is not to wait for it.
    pub(super) async fn start(&mut self) -> Result<(), GateError> {
        if self.running.is_none() || self.told >= REPLACED_AFTER {
            match started(self.host.as_ref()).await {
                Ok(new) => {
                    self.running = Some(new);
                    self.starts += 1;
                }
                Err(error) if self.running.is_none() => return Err(error),
                // The old one still does; another is tried as many lines later.
                Err(_) => {}
            }
            self.told = 0;
        }
        Ok(())
    }

    /// How many were started: another one may be of another version.
    pub(super) const fn starts(&self) -> u64 {
        self.starts
    }

    /// Carries out a line, all at once or not at all.
    ///
    /// One that does not answer is ended, and the next line starts another.
    pub(super) async fn say(&mut self, line: &str) -> Result<Answer, GateError> {
        if self.running.is_none() {
            self.start().await?;
        }
        self.told = self.told.saturating_add(1);
        // Given up half-way, its answers would be taken for those of the next line: it is put back only after the last.
        let mut conversation = self.running.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        let printed = timeout(ANSWERS_WITHIN, exchange(&mut conversation, line)).await.map_err(io::Error::from)??;
        self.running = Some(conversation);
        judged(printed)
    }
}

/// What came of an nft of its own for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It was done; what it printed.
    Done(String),
    /// The table that it names is not there.
    Absent,
    /// There is no nft, or its kernel has no tables: no gate was ever made with it. Why.
    NoNft(String),
    /// It is there and did not do it: a table may be there.
    Failed(String),
}

/// Runs one nft for one line. Only what says so counts as absent.
///
/// # Errors
/// [`HostError`] when the server cannot be asked.
pub async fn ask_nft(host: &dyn Host, line: &str) -> Result<Asked, HostError> {
    let output = match host.run(Command::new(std::iter::once("nft").chain(line.split(' ')))).await {
        Ok(output) => output,
        Err(error @ HostError::NotStarted { .. }) => return Ok(Asked::NoNft(error.to_string())),
        Err(error) => return Err(error),
    };
    let complaint = output.complaint();
    let told = String::from_utf8_lossy(&output.stderr);
    Ok(if output.success() {
        Asked::Done(output.text())
    } else if output.status == NOT_FOUND || NO_NFT.iter().any(|no_nft| told.contains(no_nft)) {
        Asked::NoNft(complaint)
    } else if told.contains(ABSENT) {
        Asked::Absent
    } else {
        Asked::Failed(complaint)
    })
}

/// One that has answered.
async fn started(host: &dyn Host) -> Result<Conversation, GateError> {
    let mut new = host.converse(Command::new(["nft", "-i"])).await?;
    timeout(ANSWERS_WITHIN, answer(&mut new)).await.map_err(io::Error::from)??;
    Ok(new)
}

async fn exchange(conversation: &mut Conversation, line: &str) -> io::Result<String> {
    conversation.saying.say(line).await?;
    answer(conversation).await
}

/// What it prints until it has done all that it was told.
async fn answer(conversation: &mut Conversation) -> io::Result<String> {
    conversation.saying.say(MARKER).await?;
    let mut printed = String::new();
    loop {
        let heard = conversation.hearing.hear().await?;
        let heard = heard.ok_or_else(|| io::Error::other(format!("nft ended: {}", printable(&printed))))?;
        let heard = heard.trim_start_matches(PROMPT);
        if heard.starts_with(MARKED) {
            return Ok(printed);
        }
        printed.push_str(heard);
        printed.push('\n');
    }
}

fn judged(printed: String) -> Result<Answer, GateError> {
    match printed.lines().find_map(|line| line.strip_prefix(COMPLAINT)) {
        None => Ok(Answer::Done(printed)),
        Some(complaint) if complaint.contains(ABSENT) => Ok(Answer::Absent),
        Some(complaint) => Err(GateError::Refused(printable(complaint))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_from_what_is_printed_and_from_what_is_absent() {
        assert_eq!(judged(String::new()).unwrap(), Answer::Done(String::new()));
        assert_eq!(judged("Error: No such file or directory\nlist\n^^^\n".to_owned()).unwrap(), Answer::Absent);
        let error = judged("Error: syntax error\x1b[2J\n".to_owned()).unwrap_err();
        assert_eq!(error.to_string(), "the packet filter refuses: syntax error[2J");
    }
}
