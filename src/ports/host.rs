//! A server on which commands are run: this machine, or one reached over SSH.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::ports::conversation::Conversation;

/// Output beyond this many bytes is a fault of the server, unless a command asks for more: no fact we read is larger.
pub const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// How long an ordinary command may take.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// A command as an argument list, with what goes to its standard input.
///
/// There is no shell in it: MX-ONE's login shell knows neither pipes nor redirection. [`Command::quoted`] is the one
/// place where it becomes a line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments; never empty.
    pub arguments: Vec<String>,
    /// What the program reads from its standard input.
    pub input: Vec<u8>,
    /// Whether it needs root; a host whose user is not root puts `sudo -n` before it.
    pub as_root: bool,
    /// How long it may take altogether.
    pub timeout: Duration,
    /// How many bytes it may print on each of its two outputs.
    pub output_limit: usize,
}

impl Command {
    /// A command run as root, with the usual time-out and output limit and nothing on its input.
    pub fn new<I, S>(arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self {
            arguments: arguments.into_iter().map(Into::into).collect(),
            input: Vec::new(),
            as_root: true,
            timeout: COMMAND_TIMEOUT,
            output_limit: OUTPUT_LIMIT,
        }
    }

    /// The same command run as the user who logged in.
    #[must_use]
    pub fn as_user(mut self) -> Self {
        self.as_root = false;
        self
    }

    /// The same command with `input` on its standard input.
    #[must_use]
    pub fn with_input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The same command with another time-out.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The arguments as one line for a remote shell, each quoted where it needs it.
    ///
    /// Words of letters, digits and `@%+=:,./_-` stay bare; all else stands in single quotes, so that no shell
    /// expands anything in it.
    #[must_use]
    pub fn quoted(&self) -> String {
        let mut line = String::new();
        for (i, argument) in self.arguments.iter().enumerate() {
            if i > 0 {
                line.push(' ');
            }
            let bare = !argument.is_empty()
                && argument.bytes().all(|b| b.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&b));
            if bare {
                line.push_str(argument);
            } else {
                // Writing to a String cannot fail.
                let _ = write!(line, "'{}'", argument.replace('\'', "'\\''"));
            }
        }
        line
    }
}

/// What a finished command left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Its exit status; a death by signal n is 128 + n.
    pub status: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it ended with status 0.
    #[must_use]
    pub const fn success(&self) -> bool {
        self.status == 0
    }

    /// What it printed, as text; bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last line of its complaint that is not empty, without control characters, for a person to read.
    #[must_use]
    pub fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        printable(line)
    }
}

/// Takes everything out of `text` that could act on a terminal: control characters, at most 300 characters kept.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Text of several lines without anything that could act on a terminal: of all control characters only line breaks
/// are left.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// Where the streamed output of a command goes, piece by piece.
pub trait Sink: Send {
    /// Takes the next piece; how long to wait before the next one is asked for (a rate limit), or why it must stop.
    ///
    /// # Errors
    /// Whatever stops the stream: a full disk, a file that may not be written, too many bytes.
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration>;
}

/// A server on which commands can be run.
#[async_trait]
pub trait Host: Send + Sync {
    /// How messages name it, for instance `192.0.2.10` or `this machine`.
    fn name(&self) -> String;

    /// Runs a command to its end.
    ///
    /// # Errors
    /// [`HostError`] when the command could not be run to its end. A command that ends with another status than 0 is
    /// no error here: the caller judges [`Output::status`].
    async fn run(&self, command: Command) -> Result<Output, HostError>;

    /// Runs a command to its end on a connection of its own and hands its standard output to `sink` as it comes, in
    /// flat memory; the returned output has an empty `stdout`.
    ///
    /// The command's `timeout` is here the longest silence allowed, not the whole time.
    ///
    /// # Errors
    /// As [`Host::run`], and [`HostError::Sink`] when `sink` refuses.
    async fn stream(&self, command: Command, sink: &mut dyn Sink) -> Result<Output, HostError>;

    /// Starts a command that runs on, on a connection of its own, to be spoken with line by line. Its `input` and
    /// `timeout` count for nothing here: whoever speaks with it says what it waits for.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be started, or this host can only run commands to their end.
    async fn converse(&self, command: Command) -> Result<Conversation, HostError> {
        let because = "commands are only run to their end there".to_owned();
        Err(HostError::NotStarted { host: self.name(), command: printable(&command.quoted()), because })
    }

    /// A host for the same server whose connection is made anew, to prove that one can still get in.
    ///
    /// # Errors
    /// [`HostError`] when no new connection can be made and authenticated.
    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError>;
}

/// Runs a command and takes any other exit status than 0 as an error.
///
/// # Errors
/// [`HostError`] when it cannot be run, or ends with another status than 0.
pub async fn run_checked(host: &dyn Host, command: Command) -> Result<Output, HostError> {
    let line = command.quoted();
    let output = host.run(command).await?;
    if output.success() {
        return Ok(output);
    }
    Err(HostError::Failed { host: host.name(), command: line, status: output.status, complaint: output.complaint() })
}

/// Why a command could not be run, or what became of it. All texts are printable.
#[derive(Debug, Error)]
pub enum HostError {
    /// No connection.
    #[error("{host} does not answer")]
    Unreachable {
        /// The server.
        host: String,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// The server's key is not the pinned one.
    #[error("the host key of {host} is {found}, not the pinned one")]
    HostKeyChanged {
        /// The server.
        host: String,
        /// Fingerprint of the key it showed.
        found: String,
    },
    /// None of our keys let us in.
    #[error("{host} does not let user {user} in with the keys at hand")]
    NotAuthenticated {
        /// The server.
        host: String,
        /// The user name tried.
        user: String,
    },
    /// The key file or the agent cannot be used.
    #[error("the SSH identity {path} cannot be used: {because}")]
    Identity {
        /// The file, or `agent`.
        path: String,
        /// What is wrong with it.
        because: String,
    },
    /// It took too long.
    #[error("{what} on {host} took longer than {} s", limit.as_secs())]
    TimedOut {
        /// The server.
        host: String,
        /// The command, or the phase of connecting.
        what: String,
        /// The limit it broke.
        limit: Duration,
    },
    /// The connection broke before the command told its exit status.
    #[error("the connection to {host} was lost during {command}")]
    Lost {
        /// The server.
        host: String,
        /// The command.
        command: String,
    },
    /// It printed more than it may.
    #[error("{command} on {host} printed more than {limit} bytes")]
    TooMuchOutput {
        /// The server.
        host: String,
        /// The command.
        command: String,
        /// The limit.
        limit: usize,
    },
    /// The receiver of its output refused.
    #[error("what {host} sends cannot be kept")]
    Sink {
        /// The server.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program could not be started.
    #[error("{command} cannot be started on {host}: {because}")]
    NotStarted {
        /// The server.
        host: String,
        /// The command.
        command: String,
        /// Why.
        because: String,
    },
    /// It ended with another status than 0 where 0 was needed.
    #[error("{command} on {host} ended with status {status}: {complaint}")]
    Failed {
        /// The server.
        host: String,
        /// The command.
        command: String,
        /// Its exit status.
        status: i32,
        /// The end of its complaint.
        complaint: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remote_shell_could_expand_is_quoted() {
        let command = Command::new(["cat", "--", "/a b/$(reboot)", "it's", "", "plain-1.2:3"]);
        assert_eq!(command.quoted(), r"cat -- '/a b/$(reboot)' 'it'\''s' '' plain-1.2:3");
    }

    #[test]
    fn a_complaint_cannot_act_on_the_terminal() {
        let output = Output { stderr: b"first\n\x1b[2Jbad \x07thing\n\n".to_vec(), ..Output::default() };
        assert_eq!(output.complaint(), "[2Jbad thing");
    }
}
