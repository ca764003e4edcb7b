//! This machine as a host: commands are processes of our own.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command as Process};
use tokio::time::{sleep, timeout};

use crate::ports::conversation::Conversation;
use crate::ports::host::{Command, Host, HostError, Output, Sink, printable};

/// How messages name this machine.
const NAME: &str = "this machine";

/// How much of a stream is read at once.
const PIECE: usize = 256 * 1024;

/// What a program wrote before it ended is read by then.
const LEFT_OPEN: Duration = Duration::from_secs(1);

/// How a Unix shell tells death by signal n.
const DEATH_BY_SIGNAL: i32 = 128;

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalHost;

#[async_trait]
impl Host for LocalHost {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        let what = printable(&command.quoted());
        let mut running = Running::start(&command, &what)?;
        let limit = command.output_limit;
        let all = async {
            let (stdin, mut printing, mut complaining) = running.pipes()?;
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            let status = {
                let outputs = async {
                    let printed = kept_in(&mut stdout, &mut printing, limit);
                    let complained = kept_in(&mut stderr, &mut complaining, limit);
                    tokio::try_join!(fed(stdin, &command.input), printed, complained).map(drop)
                };
                tokio::pin!(outputs);
                tokio::select! {
                    read = &mut outputs => {
                        read?;
                        running.ended().await?
                    }
                    status = running.ended() => {
                        // What it left in the background may hold its outputs open for good.
                        timeout(LEFT_OPEN, &mut outputs).await.unwrap_or(Ok(()))?;
                        status?
                    }
                }
            };
            Ok(Output { status, stdout, stderr })
        };
        match timeout(command.timeout, all).await {
            Ok(outcome) => outcome.map_err(|end: End| end.explained(&what, &command)),
            Err(_) => Err(End::TooLong.explained(&what, &command)),
        }
    }

    async fn stream(&self, command: Command, sink: &mut dyn Sink) -> Result<Output, HostError> {
        let what = printable(&command.quoted());
        let mut running = Running::start(&command, &what)?;
        let outcome = async {
            let (stdin, mut stdout, mut stderr) = running.pipes()?;
            let ((), (), stderr) = tokio::try_join!(
                fed(stdin, &command.input),
                poured(&mut stdout, sink, command.timeout),
                kept(&mut stderr, command.output_limit),
            )?;
            let status = timeout(command.timeout, running.ended()).await.map_err(|_| End::TooLong)??;
            Ok(Output { status, stdout: Vec::new(), stderr })
        };
        outcome.await.map_err(|end: End| end.explained(&what, &command))
    }

    async fn converse(&self, command: Command) -> Result<Conversation, HostError> {
        let what = printable(&command.quoted());
        let broken = |error: io::Error| End::Broken(error).explained(&what, &command);
        // One pipe for both outputs: so a complaint stands before what was said after it.
        let (from, says) = io::pipe().map_err(broken)?;
        let complains = says.try_clone().map_err(broken)?;
        let mut running = Running::start_into(&command, &what, (says.into(), complains.into()))?;
        let to = running.child.stdin.take().ok_or_else(|| broken(io::ErrorKind::BrokenPipe.into()))?;
        let from = pipe::Receiver::from_owned_fd(from.into()).map_err(broken)?;
        Ok(Conversation::new(from, to, running))
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        Ok(Arc::new(*self))
    }
}

/// A process in a group of its own. Dropped before it ended, the whole group is killed: `sudo` and what it started.
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Running {
    fn start(command: &Command, what: &str) -> Result<Self, HostError> {
        Self::start_into(command, what, (Stdio::piped(), Stdio::piped()))
    }

    fn start_into(command: &Command, what: &str, (stdout, stderr): (Stdio, Stdio)) -> Result<Self, HostError> {
        let not_started = |because: String| HostError::NotStarted {
            host: NAME.to_owned(),
            command: what.to_owned(),
            because: printable(&because),
        };
        let sudo = ["sudo", "-n", "--"].map(str::to_owned);
        let prefix = if command.as_root && !geteuid().is_root() { &sudo[..] } else { &[] };
        let mut words = prefix.iter().chain(&command.arguments);
        let program = words.next().ok_or_else(|| not_started("there is no program in it".to_owned()))?;
        let child = Process::new(program)
            .args(words)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| not_started(error.to_string()))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, group })
    }

    fn pipes(&mut self) -> Result<(ChildStdin, impl AsyncRead + use<>, impl AsyncRead + use<>), End> {
        let child = &mut self.child;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((stdin, stdout, stderr)),
            _ => Err(End::Broken(io::ErrorKind::BrokenPipe.into())),
        }
    }

    async fn ended(&mut self) -> Result<i32, End> {
        let status = self.child.wait().await.map_err(End::Broken)?;
        // From here on the number of the group may belong to others.
        self.group = None;
        Ok(number(status))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // The group may have ended by itself in this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Ends of a command that are not its own.
enum End {
    TooLong,
    TooMuch,
    NotKept(io::Error),
    Broken(io::Error),
}

impl End {
    fn explained(self, what: &str, command: &Command) -> HostError {
        let host = NAME.to_owned();
        let what = what.to_owned();
        match self {
            Self::TooLong => HostError::TimedOut { host, what, limit: command.timeout },
            Self::TooMuch => HostError::TooMuchOutput { host, command: what, limit: command.output_limit },
            Self::NotKept(source) => HostError::Sink { host, source },
            Self::Broken(error) => {
                HostError::NotStarted { host, command: what, because: printable(&error.to_string()) }
            }
        }
    }
}

/// Writes a command's input. Whether the program takes it to the end is its own affair.
async fn fed(mut stdin: ChildStdin, input: &[u8]) -> Result<(), End> {
    let _ = stdin.write_all(input).await;
    Ok(())
}

/// Reads an output to its end, up to `limit` bytes.
async fn kept(from: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<Vec<u8>, End> {
    let mut all = Vec::new();
    kept_in(&mut all, from, limit).await?;
    Ok(all)
}

/// As [`kept`], into `all`, which has what came also where this is not waited for.
async fn kept_in(all: &mut Vec<u8>, from: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<(), End> {
    // One byte more shows that there is more.
    let longest = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(longest).read_to_end(all).await.map_err(End::Broken)?;
    if all.len() > limit { Err(End::TooMuch) } else { Ok(()) }
}

/// Hands an output to `sink` piece by piece; no piece may take longer than `silence` to come.
async fn poured(from: &mut (impl AsyncRead + Unpin), sink: &mut dyn Sink, silence: Duration) -> Result<(), End> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = timeout(silence, from.read(&mut piece)).await.map_err(|_| End::TooLong)?.map_err(End::Broken)?;
        if length == 0 {
            return Ok(());
        }
        let pause = sink.take(piece.get(..length).unwrap_or_default()).map_err(End::NotKept)?;
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

fn number(status: ExitStatus) -> i32 {
    let by_signal = status.signal().map(|signal| DEATH_BY_SIGNAL + signal);
    status.code().or(by_signal).unwrap_or(DEATH_BY_SIGNAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_is_run_without_a_shell_and_judged_by_its_status() {
        let command = Command::new(["sh", "-c", "cat; echo \"$1\"; echo oops >&2; exit 7", "sh", "$(reboot)"]);
        let output = LocalHost.run(command.with_input("in ")).await.unwrap();
        assert_eq!(output.text(), "in $(reboot)\n");
        assert_eq!((output.status, output.complaint().as_str()), (7, "oops"));
    }

    #[tokio::test]
    async fn a_death_by_signal_is_told_as_a_shell_tells_it() {
        assert_eq!(LocalHost.run(Command::new(["sh", "-c", "kill -9 $$"])).await.unwrap().status, 137);
    }

    #[tokio::test]
    async fn what_a_timed_out_command_started_dies_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let path = fifo.to_str().unwrap().to_owned();
        assert!(LocalHost.run(Command::new(["mkfifo", &path])).await.unwrap().success());
        // The grandchild holds the fifo open for writing as long as it lives.
        let script = "sleep 1000 > \"$1\" & wait";
        let command = Command::new(["sh", "-c", script, "sh", &path]).within(Duration::from_millis(300));
        let reader = tokio::task::spawn_blocking(move || std::fs::read(fifo));
        let error = LocalHost.run(command).await.unwrap_err();
        assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
        let end_of_file = timeout(Duration::from_secs(10), reader).await;
        assert!(end_of_file.is_ok(), "the grandchild still lives");
    }

    #[tokio::test]
    async fn endless_output_stops_at_the_limit() {
        let error = LocalHost.run(Command::new(["yes"])).await.unwrap_err();
        assert!(matches!(error, HostError::TooMuchOutput { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_not_started() {
        let error = LocalHost.run(Command::new(["no-such-program"])).await.unwrap_err();
        assert!(matches!(error, HostError::NotStarted { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_stream_is_handed_over_whole_and_its_status_told() {
        let mut sink = Counted(0);
        let command = Command::new(["sh", "-c", "head -c 3000000 /dev/zero; exit 3"]);
        let output = LocalHost.stream(command, &mut sink).await.unwrap();
        assert_eq!((output.status, sink.0), (3, 3_000_000));
    }

    #[tokio::test]
    async fn a_conversation_hears_complaints_in_their_place_and_ends_with_its_last_half() {
        let script = "echo $$; while read -r line; do echo \"oops $line\" >&2; echo \"got $line\"; done; echo end";
        let Conversation { mut saying, mut hearing } =
            LocalHost.converse(Command::new(["sh", "-c", script])).await.unwrap();
        let process = hearing.hear().await.unwrap().unwrap();
        for word in ["one", "two"] {
            saying.say(word).await.unwrap();
            assert_eq!(hearing.hear().await.unwrap().unwrap(), format!("oops {word}"));
            assert_eq!(hearing.hear().await.unwrap().unwrap(), format!("got {word}"));
        }
        drop(saying);
        assert_eq!(hearing.hear().await.unwrap().as_deref(), Some("end"));
        assert_eq!(hearing.hear().await.unwrap(), None);
        drop(hearing);
        let status = |process: &str| std::fs::read_to_string(format!("/proc/{process}/stat"));
        while status(&process).is_ok_and(|status| !status.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_conversation_that_is_dropped_kills_a_command_that_does_not_listen() {
        let mut conversation = LocalHost.converse(Command::new(["sh", "-c", "echo $$; sleep 1000"])).await.unwrap();
        let process = conversation.hearing.hear().await.unwrap().unwrap();
        drop(conversation);
        let begun = std::time::Instant::now();
        while std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|status| !status.contains(") Z ")) {
            assert!(begun.elapsed() < Duration::from_secs(10), "it still runs");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_silent_stream_times_out() {
        let command = Command::new(["sleep", "1000"]).within(Duration::from_millis(100));
        let error = LocalHost.stream(command, &mut Counted(0)).await.unwrap_err();
        assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    }

    struct Counted(usize);

    impl Sink for Counted {
        fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
            self.0 += piece.len();
            Ok(Duration::ZERO)
        }
    }
}
