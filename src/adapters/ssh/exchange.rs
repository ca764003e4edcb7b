//! One command on one channel, from its start until the channel closes.

use std::io;
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::ports::host::{Command, HostError, Output, Sink};

/// How a Unix tells death by signal n in an exit status.
const DEATH_BY_SIGNAL: i32 = 128;

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Until this moment.
    Until(Instant),
    /// So long after each of its messages.
    Silence(Duration),
}

/// Where standard output goes.
pub(super) enum Destination<'a> {
    /// Into the returned [`Output`], within the command's limit.
    Memory,
    /// Into a sink; memory stays flat.
    Sink(&'a mut dyn Sink),
}

/// A command on its channel.
pub(super) struct Exchange {
    /// How messages name the server.
    pub(super) host: String,
    /// How messages name the command.
    pub(super) what: String,
    /// The time-out that messages name.
    limit: Duration,
    /// How many bytes each output kept in memory may have.
    output_limit: usize,
    read: ChannelReadHalf,
    write: AbandonedUnlessEnded,
}

impl Exchange {
    pub(super) fn new(
        (channel, slot): (Channel<Msg>, OwnedSemaphorePermit),
        host: String,
        what: String,
        command: &Command,
    ) -> Self {
        let (read, write) = channel.split();
        let write = AbandonedUnlessEnded { write: Some((write, slot)) };
        Self { host, what, limit: command.timeout, output_limit: command.output_limit, read, write }
    }

    /// Runs `line` to its end.
    pub(super) async fn run(
        mut self,
        line: String,
        input: Vec<u8>,
        patience: Patience,
        stdout: Destination<'_>,
    ) -> Result<Output, HostError> {
        let lost = HostError::Lost { host: self.host.clone(), command: self.what.clone() };
        let Some((write, _)) = &self.write.write else { return Err(lost) };
        if write.exec(true, line).await.is_err() {
            return Err(lost);
        }
        let sending = async {
            // Whether the program takes its input to the end is its own affair, and a lost connection is seen below.
            let _ = write.data_bytes(input).await;
            let _ = write.eof().await;
        };
        let mut received = Received { stdout, output: Output::default(), limit: self.output_limit, status: None };
        receive(&mut self.read, sending, patience, &mut received).await.map_err(|end| match end {
            End::TooLong => HostError::TimedOut { host: self.host.clone(), what: self.what.clone(), limit: self.limit },
            End::TooMuch => HostError::TooMuchOutput {
                host: self.host.clone(),
                command: self.what.clone(),
                limit: self.output_limit,
            },
            End::NotKept(source) => HostError::Sink { host: self.host.clone(), source },
            End::NotStarted => HostError::NotStarted {
                host: self.host.clone(),
                command: self.what.clone(),
                because: "the SSH server refuses to run commands".to_owned(),
            },
        })?;
        // Without an exit status it is not known what the command did: the connection or the server died.
        let Some(status) = received.status else { return Err(lost) };
        let output = Output { status, ..received.output };
        self.write.ended();
        Ok(output)
    }
}

/// What has come so far.
struct Received<'a> {
    stdout: Destination<'a>,
    output: Output,
    limit: usize,
    status: Option<i32>,
}

/// Ends of a command that are not its own.
enum End {
    TooLong,
    TooMuch,
    NotKept(io::Error),
    NotStarted,
}

/// Reads a channel until it closes, and sends the command's input meanwhile.
///
/// The exit status may come before or after the last output. A channel is never left unread: one that is stops the
/// whole connection.
async fn receive(
    read: &mut ChannelReadHalf,
    sending: impl Future<Output = ()>,
    patience: Patience,
    received: &mut Received<'_>,
) -> Result<(), End> {
    tokio::pin!(sending);
    let mut sent = false;
    loop {
        let message = tokio::select! {
            () = &mut sending, if !sent => { sent = true; continue }
            message = patience.wait(read) => message?,
        };
        match message {
            None | Some(ChannelMsg::Close) => return Ok(()),
            Some(message) => received.take(message).await?,
        }
    }
}

impl Received<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow, and most of it is for servers")]
    async fn take(&mut self, message: ChannelMsg) -> Result<(), End> {
        match message {
            ChannelMsg::Data { data } => match &mut self.stdout {
                Destination::Memory => keep(&mut self.output.stdout, &data, self.limit)?,
                Destination::Sink(sink) => {
                    let pause = sink.take(&data).map_err(End::NotKept)?;
                    if !pause.is_zero() {
                        sleep(pause).await;
                    }
                }
            },
            ChannelMsg::ExtendedData { data, .. } => {
                keep(&mut self.output.stderr, &data, self.limit)?;
            }
            ChannelMsg::ExitStatus { exit_status } => {
                // A status that fits no i32 is a failure all the same.
                self.status = Some(i32::try_from(exit_status).unwrap_or(i32::MAX));
            }
            ChannelMsg::ExitSignal { signal_name, .. } => self.status = Some(DEATH_BY_SIGNAL + number(&signal_name)),
            ChannelMsg::Failure => return Err(End::NotStarted),
            _ => {}
        }
        Ok(())
    }
}

/// The writing half and the slot of a command. Dropped before the command ended, it ends the command.
struct AbandonedUnlessEnded {
    write: Option<(ChannelWriteHalf<Msg>, OwnedSemaphorePermit)>,
}

impl AbandonedUnlessEnded {
    fn ended(&mut self) {
        self.write = None;
    }
}

impl Drop for AbandonedUnlessEnded {
    fn drop(&mut self) {
        let (Some((write, slot)), Ok(runtime)) = (self.write.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            // A server that no longer listens has ended the command already, or never will.
            let _ = write.signal(Sig::TERM).await;
            let _ = write.close().await;
            drop(slot);
        });
    }
}

impl Patience {
    async fn wait(self, read: &mut ChannelReadHalf) -> Result<Option<ChannelMsg>, End> {
        match self {
            Self::Until(moment) => timeout_at(moment, read.wait()).await,
            Self::Silence(longest) => timeout(longest, read.wait()).await,
        }
        .map_err(|_| End::TooLong)
    }
}

fn keep(kept: &mut Vec<u8>, piece: &[u8], limit: usize) -> Result<(), End> {
    if kept.len().saturating_add(piece.len()) > limit {
        return Err(End::TooMuch);
    }
    kept.extend_from_slice(piece);
    Ok(())
}

/// The number of a signal on Linux (signal(7)); 0 for one that SSH has no name for.
fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}
