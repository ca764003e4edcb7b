//! A server reached over SSH: one connection, kept and shared by all commands, remade when it broke.

mod connection;
mod exchange;
mod host_key;
mod login;
mod quick_ack;
mod standing;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use russh::Channel;
use russh::client::Msg;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

pub use self::connection::Timeouts;
pub use self::host_key::shown_host_key;
pub use self::login::Login;

use self::connection::{Connection, Window};
use self::exchange::{Destination, Exchange, Patience};
use crate::domain::address::HostKey;
use crate::ports::conversation::Conversation;
use crate::ports::host::{Command, Host, HostError, Output, Sink, printable};

/// A server and the key by which it is known.
#[derive(Debug, Clone)]
pub struct SshServer {
    /// How messages name it: its address.
    pub name: String,
    /// Where it is dialled.
    pub address: SocketAddr,
    /// Its pinned host key.
    pub host_key: HostKey,
}

/// See the module.
pub struct SshHost {
    server: SshServer,
    login: Arc<Login>,
    shared: Mutex<Shared>,
}

/// What commands that run at the same time share.
#[derive(Default)]
struct Shared {
    connection: Option<Arc<Connection>>,
    /// When connecting last failed, and how: those who waited for that attempt do not try again one by one.
    failed: Option<(Instant, HostError)>,
}

impl SshHost {
    /// A server to which nothing is connected yet.
    #[must_use]
    pub fn new(server: SshServer, login: Arc<Login>) -> Self {
        Self { server, login, shared: Mutex::new(Shared::default()) }
    }

    /// The connection at hand, or a new one.
    async fn connection(&self) -> Result<Arc<Connection>, HostError> {
        let asked = Instant::now();
        let mut shared = self.shared.lock().await;
        if let Some(connection) = shared.connection.as_ref().filter(|connection| connection.usable()) {
            return Ok(Arc::clone(connection));
        }
        shared.connection = None;
        if let Some((_, error)) = shared.failed.as_ref().filter(|(when, _)| *when >= asked) {
            return Err(again(error));
        }
        match Connection::make(&self.server, &self.login, Window::Commands).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                shared.connection = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(error) => {
                let copy = again(&error);
                shared.failed = Some((Instant::now(), error));
                Err(copy)
            }
        }
    }

    /// Opens a channel on the shared connection. Where that one turns out to be broken, or to grant no more channels,
    /// a new one is made once: nothing has been run yet.
    async fn channel(&self) -> Result<(Arc<Connection>, Opened), HostError> {
        let mut last = io::Error::from(io::ErrorKind::NotConnected);
        for _ in 0..2 {
            let connection = self.connection().await?;
            match connection.open(self.login.timeouts.connect).await {
                Ok(opened) => return Ok((connection, opened)),
                Err(error) => last = error,
            }
            connection.retire();
        }
        Err(HostError::Unreachable { host: self.server.name.clone(), source: last })
    }

    /// The command as the server gets it, and as messages name it.
    fn line(&self, command: &Command) -> (String, String) {
        let quoted = command.quoted();
        let named = printable(&quoted);
        let needs_sudo = command.as_root && self.login.user != "root";
        (if needs_sudo { format!("sudo -n -- {quoted}") } else { quoted }, named)
    }
}

type Opened = (Channel<Msg>, OwnedSemaphorePermit);

#[async_trait]
impl Host for SshHost {
    fn name(&self) -> String {
        self.server.name.clone()
    }

    async fn run(&self, command: Command) -> Result<Output, HostError> {
        let end = Instant::now() + command.timeout;
        let (line, what) = self.line(&command);
        let too_long = || HostError::TimedOut { host: self.name(), what: what.clone(), limit: command.timeout };
        let (connection, opened) = timeout_at(end, self.channel()).await.map_err(|_| too_long())??;
        let exchange = Exchange::new(opened, self.name(), what.clone(), &command);
        let outcome = exchange.run(line, command.input, Patience::Until(end), Destination::Memory).await;
        if outcome.is_err() {
            // What was left unfinished may still occupy the connection; the next command gets a fresh one.
            connection.retire();
        }
        outcome
    }

    async fn stream(&self, command: Command, sink: &mut dyn Sink) -> Result<Output, HostError> {
        let (line, what) = self.line(&command);
        let connection = Connection::make(&self.server, &self.login, Window::Bulk).await?;
        let opened = connection.open(self.login.timeouts.connect).await;
        let opened = opened.map_err(|source| HostError::Unreachable { host: self.name(), source })?;
        let exchange = Exchange::new(opened, self.name(), what, &command);
        let patience = Patience::Silence(command.timeout);
        let outcome = exchange.run(line, command.input, patience, Destination::Sink(sink)).await;
        connection.end().await;
        outcome
    }

    async fn converse(&self, command: Command) -> Result<Conversation, HostError> {
        let (line, what) = self.line(&command);
        let connection = Connection::make(&self.server, &self.login, Window::Commands).await?;
        let limit = self.login.timeouts.connect;
        let opened = connection.open(limit).await;
        let (channel, _) = opened.map_err(|source| HostError::Unreachable { host: self.name(), source })?;
        let started = timeout(limit, standing::start(connection, channel, line)).await;
        let too_long = |_| HostError::TimedOut { host: self.name(), what: what.clone(), limit };
        started.map_err(too_long)?.ok_or_else(|| HostError::Lost { host: self.name(), command: what.clone() })
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        let host = Self::new(self.server.clone(), Arc::clone(&self.login));
        host.connection().await?;
        Ok(Arc::new(host))
    }
}

/// The same failure told to another who waited for it.
fn again(error: &HostError) -> HostError {
    let copied = |source: &io::Error| io::Error::new(source.kind(), source.to_string());
    match error {
        HostError::Unreachable { host, source } => {
            HostError::Unreachable { host: host.clone(), source: copied(source) }
        }
        HostError::Sink { host, source } => HostError::Sink { host: host.clone(), source: copied(source) },
        HostError::HostKeyChanged { host, found } => {
            HostError::HostKeyChanged { host: host.clone(), found: found.clone() }
        }
        HostError::NotAuthenticated { host, user } => {
            HostError::NotAuthenticated { host: host.clone(), user: user.clone() }
        }
        HostError::Identity { path, because } => HostError::Identity { path: path.clone(), because: because.clone() },
        HostError::TimedOut { host, what, limit } => {
            HostError::TimedOut { host: host.clone(), what: what.clone(), limit: *limit }
        }
        HostError::Lost { host, command } => HostError::Lost { host: host.clone(), command: command.clone() },
        HostError::TooMuchOutput { host, command, limit } => {
            HostError::TooMuchOutput { host: host.clone(), command: command.clone(), limit: *limit }
        }
        HostError::NotStarted { host, command, because } => {
            HostError::NotStarted { host: host.clone(), command: command.clone(), because: because.clone() }
        }
        HostError::Failed { host, command, status, complaint } => HostError::Failed {
            host: host.clone(),
            command: command.clone(),
            status: *status,
            complaint: complaint.clone(),
        },
    }
}
