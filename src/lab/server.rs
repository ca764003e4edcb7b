//! The SSH server of a simulated machine, on loopback.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Preferred, cipher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::command_line;
use super::machine::Machine;
use super::streams::{Pipe, Streams};

/// What a client may send as a command's input; the largest we send is a rules file.
const INPUT_LIMIT: usize = 64 * 1024 * 1024;

/// Pieces of output that wait to be sent before the command is held back.
const PIECES_AHEAD: usize = 8;

/// SSH's number for the stream of complaints (RFC 4254 §5.2).
const STANDARD_ERROR: u32 = 1;

/// The exit status of a shell that does not understand a line.
const NOT_UNDERSTOOD: u32 = 2;

/// Serves until dropped.
pub struct LabServer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl LabServer {
    /// Serves a machine on a free port of 127.0.0.1 and lets one key in, whatever the user is called.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(machine: Arc<Machine>, host_key: PrivateKey, client: PublicKey) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let ciphers = vec![cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::CHACHA20_POLY1305];
        let config = Arc::new(Config {
            keys: vec![host_key],
            preferred: Preferred { cipher: ciphers.into(), ..Preferred::DEFAULT },
            auth_rejection_time: std::time::Duration::ZERO,
            inactivity_timeout: None,
            nodelay: true,
            ..Config::default()
        });
        let accepting = tokio::spawn(async move {
            // A machine that is down takes the call and hangs up: from outside that looks like a refused connection.
            while let Ok((stream, _)) = listener.accept().await {
                // An answer that waits for a delayed acknowledgement costs 40 ms a command; without the option it works.
                let _ = stream.set_nodelay(true);
                if machine.is_up() {
                    let visitor =
                        Visitor { machine: Arc::clone(&machine), client: client.clone(), open: HashMap::new() };
                    tokio::spawn(serve(Arc::clone(&config), stream, visitor));
                }
            }
        });
        Ok(Self { address, accepting })
    }

    /// Where it is dialled.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LabServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection until it ends or the machine is interrupted.
async fn serve(config: Arc<Config>, stream: TcpStream, visitor: Visitor) {
    let mut interruptions = visitor.machine.interruptions();
    interruptions.mark_unchanged();
    let running = async {
        let session = server::run_stream(config, stream, visitor).await?;
        let handle = session.handle();
        tokio::select! {
            ended = session => ended,
            _ = interruptions.changed() => {
                handle.disconnect(russh::Disconnect::ByApplication, String::new(), String::new()).await
            }
        }
    };
    // How a connection ended is told by the client's side.
    let _: Result<(), russh::Error> = running.await;
}

/// A client of one connection.
struct Visitor {
    machine: Arc<Machine>,
    client: PublicKey,
    open: HashMap<ChannelId, Channel<Msg>>,
}

impl Visitor {
    fn judged(&self, key: &PublicKey) -> Auth {
        if key.key_data() == self.client.key_data() { Auth::Accept } else { Auth::reject() }
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        Ok(self.judged(offer.public_key))
    }

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        Ok(self.judged(key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.open.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, line: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        let Some(channel) = self.open.remove(&id) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        let line = String::from_utf8_lossy(line).into_owned();
        tokio::spawn(execute(Arc::clone(&self.machine), channel, line));
        Ok(())
    }
}

/// Runs one line and sends what it says, its status, and the end. A client that has gone ends it.
async fn execute(machine: Arc<Machine>, channel: Channel<Msg>, line: String) {
    let (mut read, write) = channel.split();
    let Some(input) = received(&mut read).await else { return };
    let (to, mut from) = mpsc::channel(PIECES_AHEAD);
    let command = spawn_blocking(move || {
        let mut streams = Streams { input, output: Pipe::new(to), complaint: Vec::new() };
        let status = match command_line::words(&line) {
            Ok(words) => u32::try_from(machine.execute(&words, &mut streams)).unwrap_or(NOT_UNDERSTOOD),
            Err(error) => {
                streams.complain("sh", error);
                NOT_UNDERSTOOD
            }
        };
        (status, streams.complaint)
    });
    let sent = async {
        while let Some(piece) = from.recv().await {
            write.data_bytes(piece).await?;
        }
        Ok::<(), russh::Error>(())
    };
    tokio::select! {
        sent = sent => if sent.is_err() { return },
        () = hung_up(&mut read) => {}
    }
    // Whoever still writes into the pipe now finds it broken.
    drop(from);
    if let Ok((status, complaint)) = command.await {
        // A client that has gone needs none of it.
        let _ = ended(&write, status, complaint).await;
    }
}

async fn ended(write: &ChannelWriteHalf<Msg>, status: u32, complaint: Vec<u8>) -> Result<(), russh::Error> {
    write.extended_data_bytes(STANDARD_ERROR, complaint).await?;
    write.exit_status(status).await?;
    write.eof().await?;
    write.close().await
}

/// A command's whole input; `None` when the client went away, or sent too much.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow, and most of it is for clients")]
async fn received(read: &mut ChannelReadHalf) -> Option<Vec<u8>> {
    let mut input = Vec::new();
    loop {
        match read.wait().await? {
            ChannelMsg::Data { data } if input.len() + data.len() <= INPUT_LIMIT => input.extend_from_slice(&data),
            ChannelMsg::Data { .. } | ChannelMsg::Close => return None,
            ChannelMsg::Eof => return Some(input),
            _ => {}
        }
    }
}

/// Waits until the client closes the channel.
async fn hung_up(read: &mut ChannelReadHalf) {
    while let Some(message) = read.wait().await {
        if matches!(message, ChannelMsg::Close) {
            return;
        }
    }
}
