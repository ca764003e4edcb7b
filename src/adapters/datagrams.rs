//! Messages between voters as signed UDP datagrams.
//!
//! Every two voters share a key of their own, so that the signature tells the sender. Every start of the program draws
//! a session number; a datagram names its sender's session and the receiver's as the sender knows it, and counts up
//! within both. So a datagram is taken once, by the very start of the program that it was written for. Whoever does
//! not know the other's session yet is told it by a greeting, which itself is only believed if it names the session
//! that it answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::net::UdpSocket;

use crate::domain::lease::{Message, Voter};
use crate::ports::messages::{Dropped, Messages};

mod envelope;
mod window;

pub use envelope::Key;
use envelope::{Content, Envelope, Session, Unfit};
use window::Window;

/// The longest datagram of ours: a memory with a hold's reason is well below it, and it passes every Ethernet whole.
const LONGEST: usize = 1400;

/// Another voter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where it listens; `None`: where its last datagram came from.
    pub address: Option<SocketAddr>,
    /// The key shared with it.
    pub key: Key,
}

/// Messages over a UDP socket.
pub struct Datagrams {
    me: Voter,
    socket: UdpSocket,
    session: Session,
    peers: BTreeMap<Voter, Known>,
    dropped: Counters,
}

/// A peer with what was learned of it.
struct Known {
    key: Key,
    state: Mutex<State>,
}

struct State {
    address: Option<SocketAddr>,
    /// The address is not set up but learned from what comes.
    learns: bool,
    /// Its session, once it answered ours.
    session: Option<Session>,
    sent: u64,
    window: Window,
}

#[derive(Default)]
struct Counters {
    oversized: AtomicU64,
    malformed: AtomicU64,
    forged: AtomicU64,
    repeated: AtomicU64,
}

impl Datagrams {
    /// Listens at an address.
    ///
    /// # Errors
    /// When it cannot be listened at, or the machine gives no random numbers.
    pub async fn listen(me: Voter, address: SocketAddr, peers: BTreeMap<Voter, Peer>) -> std::io::Result<Self> {
        let known = |peer: Peer| {
            let learns = peer.address.is_none();
            let state = State { address: peer.address, learns, session: None, sent: 0, window: Window::default() };
            Known { key: peer.key, state: Mutex::new(state) }
        };
        Ok(Self {
            me,
            socket: UdpSocket::bind(address).await?,
            session: Session::draw()?,
            peers: peers.into_iter().map(|(voter, peer)| (voter, known(peer))).collect(),
            dropped: Counters::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Signs and sends; what cannot be sent is lost, as any datagram may be.
    ///
    /// A greeting names the session that it answers, which may be one that was not proved new.
    async fn post(&self, to: Voter, content: Content, answers: Option<Session>) {
        let Some(peer) = self.peers.get(&to) else { return };
        let (datagram, address) = {
            let mut state = peer.state();
            let Some(address) = state.address else { return };
            state.sent += 1;
            let knows = answers.or(state.session).unwrap_or_default();
            let envelope = Envelope { from: self.me, to, session: self.session, knows, number: state.sent, content };
            (envelope.sealed(&peer.key), address)
        };
        if datagram.len() <= LONGEST {
            let _ = self.socket.send_to(&datagram, address).await;
        }
    }

    /// The message in a datagram, if it is one for us; a greeting is answered or learned from.
    async fn take(&self, datagram: &[u8], from: SocketAddr) -> Option<(Voter, Message)> {
        let key_of = |voter: Voter| self.peers.get(&voter).map(|known| &known.key);
        let envelope = match Envelope::opened(datagram, self.me, key_of) {
            Ok(envelope) => envelope,
            Err(Unfit::Malformed) => return count(&self.dropped.malformed),
            Err(Unfit::Forged) => return count(&self.dropped.forged),
        };
        let known = self.peers.get(&envelope.from)?;
        let verdict = known.state().judge(&envelope, self.session, from);
        match verdict {
            Verdict::Take => {}
            Verdict::Repeated => return count(&self.dropped.repeated),
            Verdict::Greet => {
                self.post(envelope.from, Content::Greeting, Some(envelope.session)).await;
                return None;
            }
        }
        match envelope.content {
            Content::Greeting => None,
            Content::Message(message) => Some((envelope.from, *message)),
        }
    }
}

fn count<T>(counter: &AtomicU64) -> Option<T> {
    counter.fetch_add(1, Ordering::Relaxed);
    None
}

impl Known {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is done with a datagram whose signature is right.
enum Verdict {
    Take,
    Repeated,
    /// Its sender does not know our session: it is told.
    Greet,
}

impl State {
    fn judge(&mut self, envelope: &Envelope, ours: Session, from: SocketAddr) -> Verdict {
        // What is repeated from elsewhere leads astray only until the next datagram of the peer itself.
        if self.learns {
            self.address = Some(from);
        }
        if envelope.knows != ours {
            // A greeting is not answered by one, or two would greet each other without end.
            let greets = envelope.content == Content::Greeting || !self.may_be_greeted(envelope);
            return if greets { Verdict::Repeated } else { Verdict::Greet };
        }
        // It names our session, so it was written after our start: what it says of its own session is new.
        if self.session != Some(envelope.session) {
            self.session = Some(envelope.session);
            self.window = Window::default();
        }
        if !self.window.takes(envelope.number) {
            return Verdict::Repeated;
        }
        Verdict::Take
    }

    /// A sender that knows nothing of us, or an earlier start of us, and that is not the session we know already
    /// saying something old.
    fn may_be_greeted(&self, envelope: &Envelope) -> bool {
        self.session != Some(envelope.session) || envelope.number > self.window.highest()
    }
}

#[async_trait]
impl Messages for Datagrams {
    async fn send(&self, to: Voter, message: &Message) {
        self.post(to, Content::Message(Box::new(message.clone())), None).await;
    }

    async fn receive(&self) -> (Voter, Message) {
        let mut datagram = [0; LONGEST + 1];
        loop {
            // An error is one of an earlier datagram of ours that nobody took.
            let Ok((length, from)) = self.socket.recv_from(&mut datagram).await else { continue };
            let Some(datagram) = datagram.get(..length).filter(|datagram| datagram.len() <= LONGEST) else {
                count::<()>(&self.dropped.oversized);
                continue;
            };
            if let Some(taken) = self.take(datagram, from).await {
                return taken;
            }
        }
    }

    fn dropped(&self) -> Dropped {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Dropped {
            oversized: of(&self.dropped.oversized),
            malformed: of(&self.dropped.malformed),
            forged: of(&self.dropped.forged),
            repeated: of(&self.dropped.repeated),
        }
    }
}

#[cfg(test)]
mod tests;
