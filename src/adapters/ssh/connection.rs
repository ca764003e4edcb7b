//! One SSH connection: made within its time-outs, checked against the pinned key, logged in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::client::{self, Handle};
use russh::{AlgorithmKind, Channel, Disconnect, Preferred, cipher};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::SshServer;
use super::host_key::{HandshakeError, KeyCheck};
use super::login::Login;
use super::quick_ack::QuickAckStream;
use crate::domain::configuration::SshAccess;
use crate::ports::host::{HostError, printable};

/// OpenSSH grants ten sessions on a connection (`MaxSessions`); two are left for those it has not yet cleared away.
const COMMANDS_AT_ONCE: usize = 8;

/// A silent server is asked for a sign of life after this time.
const KEEPALIVE: Duration = Duration::from_secs(2);

/// After so many unanswered keepalives the connection counts as broken.
const KEEPALIVES_UNANSWERED: usize = 3;

/// How long making a connection and logging in may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For TCP, and again for the key exchange.
    pub connect: Duration,
    /// For logging in.
    pub authenticate: Duration,
}

impl From<&SshAccess> for Timeouts {
    fn from(access: &SshAccess) -> Self {
        Self { connect: access.connect_timeout, authenticate: access.authenticate_timeout }
    }
}

/// How many bytes a server may send ahead of our reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Window {
    /// Enough for commands.
    Commands,
    /// Enough to fill a long fast line: measured 8 times as fast as 2 MiB at 20 ms round trip, and larger is slower.
    Bulk,
}

impl Window {
    const fn bytes(self) -> u32 {
        match self {
            Self::Commands => 2 << 20,
            Self::Bulk => 32 << 20,
        }
    }
}

/// A connection that is logged in.
pub(super) struct Connection {
    handle: Handle<KeyCheck>,
    slots: Arc<Semaphore>,
    retired: AtomicBool,
}

impl Connection {
    /// Connects, checks the host key and logs in.
    pub(super) async fn make(server: &SshServer, login: &Login, window: Window) -> Result<Self, HostError> {
        let check = KeyCheck::Pinned(server.host_key.clone());
        let mut handle = handshake(&server.name, server.address, login.timeouts, check, window).await?;
        let limit = login.timeouts.authenticate;
        timeout(limit, login.authenticate(&server.name, &mut handle)).await.map_err(|_| HostError::TimedOut {
            host: server.name.clone(),
            what: "logging in".to_owned(),
            limit,
        })??;
        Ok(Self { handle, slots: Arc::new(Semaphore::new(COMMANDS_AT_ONCE)), retired: AtomicBool::new(false) })
    }

    /// Whether further commands may be run on it.
    pub(super) fn usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && !self.handle.is_closed()
    }

    /// Keeps further commands off it; those that run go on.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Opens a channel for one command, when one is free. Waiting for that is the command's own time; the server's
    /// answer has to come within `limit`.
    pub(super) async fn open(&self, limit: Duration) -> io::Result<(Channel<client::Msg>, OwnedSemaphorePermit)> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        let channel = timeout(limit, self.handle.channel_open_session()).await?.map_err(as_io)?;
        Ok((channel, slot))
    }

    /// Says good-bye. A server that has gone needs none.
    pub(super) async fn end(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

/// Connects and exchanges keys, with a time-out each.
pub(super) async fn handshake(
    name: &str,
    address: SocketAddr,
    timeouts: Timeouts,
    check: KeyCheck,
    window: Window,
) -> Result<Handle<KeyCheck>, HostError> {
    let too_slow =
        |what: &str| HostError::TimedOut { host: name.to_owned(), what: what.to_owned(), limit: timeouts.connect };
    let unreachable = |source| HostError::Unreachable { host: name.to_owned(), source };
    let stream = timeout(timeouts.connect, TcpStream::connect(address))
        .await
        .map_err(|_| too_slow("connecting"))?
        .map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let config = Arc::new(config(&check, window));
    let stream = QuickAckStream::new(stream);
    timeout(timeouts.connect, client::connect_stream(config, stream, check))
        .await
        .map_err(|_| too_slow("the key exchange"))?
        .map_err(|error| explained(name, error))
}

/// Puts AES-GCM first, which russh does not offer by itself and which is two thirds faster than its first choice.
fn config(check: &KeyCheck, window: Window) -> client::Config {
    let ciphers = vec![cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR];
    client::Config {
        window_size: window.bytes(),
        preferred: Preferred { cipher: ciphers.into(), key: check.algorithms(), ..Preferred::DEFAULT },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_UNANSWERED,
        nodelay: true,
        ..client::Config::default()
    }
}

fn explained(name: &str, error: HandshakeError) -> HostError {
    let host = name.to_owned();
    match error {
        HandshakeError::OtherKey(found) => HostError::HostKeyChanged { host, found },
        HandshakeError::Protocol(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. }) => {
            HostError::HostKeyChanged { host, found: printable(&format!("of another kind ({})", theirs.join(", "))) }
        }
        HandshakeError::Protocol(error) => HostError::Unreachable { host, source: as_io(error) },
    }
}

/// The error of the library in a form that can be a source.
pub(super) fn as_io(error: russh::Error) -> io::Error {
    if matches!(error, russh::Error::Disconnect | russh::Error::HUP) {
        return io::Error::other("it hung up");
    }
    if let russh::Error::IO(error) = error { error } else { io::Error::other(printable(&error.to_string())) }
}
