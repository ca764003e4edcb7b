//! What etcd says to one site: a message goes in, what a witness would answer comes out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::gateway::{EtcdError, Lost};
use super::store::{Book, Lasting, Page, Prolonged, Store};
use crate::domain::lease::message::{Ask, Clock, Refuse, Refused};
use crate::domain::lease::{Entry, Kind, Ledger, Message};
use crate::domain::site::{Epoch, Order, Site};

/// The votes of etcd for one site.
pub(super) struct Votes {
    store: Arc<Store>,
    site: Site,
    /// The etcd lease that the last promise hangs on.
    held: Option<u64>,
    /// A change was sent and not answered: it may come true still, until something else is written.
    is_unsure: bool,
    vanished: Option<Vanished>,
}

/// The other site's promise is not there any more, and the leader of etcd has changed since it was made.
#[derive(Debug, Clone, Copy)]
struct Vanished {
    /// The revision of the memory that it was seen with.
    revision: u64,
    since: Instant,
}

/// What came of one try.
enum Tried {
    Answered(Option<Message>),
    Raced,
}

impl Votes {
    pub(super) const fn new(store: Arc<Store>, site: Site) -> Self {
        Self { store, site, held: None, is_unsure: false, vanished: None }
    }

    /// What etcd says to a message; nothing where a message gets no answer.
    ///
    /// An etcd that lost its memory refuses every request: a person has to set it up again.
    ///
    /// # Errors
    /// [`EtcdError`] when it did not answer; then a change may come true still or not.
    pub(super) async fn answer(&mut self, message: &Message) -> Result<Option<Message>, EtcdError> {
        let mut failed = EtcdError::Raced;
        for _ in 0..self.store.tries() {
            match self.attempt(message).await {
                Ok(Tried::Answered(reply)) => return Ok(reply),
                Ok(Tried::Raced) => failed = EtcdError::Raced,
                Err(EtcdError::Lost(lost)) => return blank(message, lost),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn attempt(&mut self, message: &Message) -> Result<Tried, EtcdError> {
        // The order matters: only what is read after it was prolonged is known to last.
        let prolonged = match (message, self.held) {
            (Message::Ask(Ask { kind: Kind::Lease, .. }), Some(lease)) => self.store.prolong(lease).await?,
            _ => None,
        };
        let page = self.store.read().await?;
        if page.promise_revision != 0 && Some(page.lease) == self.held {
            // The last change has come true; what was sent before it cannot any more.
            self.is_unsure = false;
        }
        let ledger = Ledger { memory: page.book.memory.clone(), left: self.left(&page) };
        let entry = ledger.hear(self.site, message.clone());
        let granted = matches!(entry.reply, Some(Message::Grant(_)));
        let lasts = if granted { entry.memory.promise.filter(|promise| promise.kind == Kind::Lease) } else { None };
        let is_so = match lasts {
            Some(promise) => self.is_renewed(&page, prolonged, promise.length),
            None => page.promise_revision == 0,
        };
        if !ledger.must_keep(&entry) && (!granted || (is_so && !self.is_unsure)) {
            return Ok(Tried::Answered(entry.reply));
        }
        self.write(&page, entry, lasts.map(|promise| promise.length)).await
    }

    async fn write(&mut self, page: &Page, entry: Entry, lasts: Option<Duration>) -> Result<Tried, EtcdError> {
        let Entry { memory, reply } = entry;
        let is_same = Ledger { memory: memory.clone(), left: Duration::ZERO }.has_promise_of(&page.book.memory);
        let (lasting, term) = match lasts {
            Some(length) => (Lasting::On(self.store.lend(length).await?), page.term),
            None if is_same && memory.promise.is_some_and(|promise| promise.kind == Kind::Lease) => {
                (Lasting::Same, page.book.term)
            }
            None => (Lasting::Not, page.term),
        };
        if let Lasting::On(lease) = lasting {
            self.held = Some(lease);
        }
        let written = self.store.write(page, &Book { memory, term }, lasting).await;
        let Some(after) = written.inspect_err(|_| self.is_unsure = true)? else { return Ok(Tried::Raced) };
        self.is_unsure = false;
        // Did the leader change meanwhile, it is not known which one counts the lease.
        let is_counted = lasts.is_none() || after == term;
        Ok(if is_counted { Tried::Answered(reply) } else { Tried::Raced })
    }

    /// Whether the promise is there on the lease that was prolonged, all in the term in which the lease was made.
    fn is_renewed(&self, page: &Page, prolonged: Option<Prolonged>, length: Duration) -> bool {
        let is_ours = page.promise_revision != 0 && Some(page.lease) == self.held;
        let of_term = |prolonged: Prolonged| prolonged.term == page.term && page.book.term == page.term;
        is_ours && prolonged.is_some_and(|prolonged| prolonged.lasts >= length && of_term(prolonged))
    }

    /// How long the other site's promise may last still.
    fn left(&mut self, page: &Page) -> Duration {
        let ledger = Ledger { memory: page.book.memory.clone(), left: Duration::ZERO };
        let Some(promise) = ledger.lease_of(self.site.other()) else { return Duration::ZERO };
        if page.promise_revision != 0 {
            return promise.length;
        }
        if page.book.term == page.term {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let known = self.vanished.filter(|vanished| vanished.revision == page.book_revision);
        let vanished = known.unwrap_or(Vanished { revision: page.book_revision, since: now });
        self.vanished = Some(vanished);
        promise.length.saturating_sub(now - vanished.since)
    }
}

/// What a voter without a memory answers: it promises nothing, and tells nobody who is live.
fn blank(message: &Message, lost: Lost) -> Result<Option<Message>, EtcdError> {
    match message {
        Message::Ask(ask) => Ok(Some(Message::Refuse(Refuse {
            because: Refused::Blank,
            highest: Epoch::default(),
            stamp: ask.stamp,
            clock: Clock::NONE,
            order: Order { active: ask.order.active, epoch: Epoch::default() },
        }))),
        Message::Recall { nonce } => Ok(Some(Message::Remember { nonce: *nonce, memory: None })),
        Message::Release(_)
        | Message::Force(_)
        | Message::Beat(_)
        | Message::Grant(_)
        | Message::Refuse(_)
        | Message::Echo(_)
        | Message::Remember { .. } => Err(EtcdError::Lost(lost)),
    }
}
