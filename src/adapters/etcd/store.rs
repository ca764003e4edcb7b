//! The two keys of a pair in etcd, read and changed by compare and swap.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::gateway::{Access, EtcdError, Gateway, Lost, foreign};
use crate::domain::lease::Memory;

/// Where the keys of every pair are.
const PREFIX: &str = "/mxone_system_redundancy";

/// The keys of one pair.
pub struct Store {
    gateway: Gateway,
    folder: String,
    /// The cluster that was set up.
    cluster: Option<u64>,
    /// The highest revision an answer had.
    seen: AtomicU64,
}

/// What the key `memory` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    /// What must not be forgotten.
    pub memory: Memory,
    /// The term of etcd's leader in which the lease of the promise was made.
    pub term: u64,
}

/// What was read with a quorum's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// The memory.
    pub book: Book,
    /// When it was last written.
    pub book_revision: u64,
    /// When the key `promise` was written; 0: it is not there.
    pub promise_revision: u64,
    /// The etcd lease it hangs on.
    pub lease: u64,
    /// The term of etcd's leader.
    pub term: u64,
}

/// What becomes of the key `promise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// It stays as it is.
    Same,
    /// It hangs on this etcd lease.
    On(u64),
    /// It goes.
    Not,
}

/// An etcd lease that was prolonged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prolonged {
    /// How long it lasts from then on.
    pub lasts: Duration,
    /// The term of etcd's leader before.
    pub term: u64,
}

impl Store {
    /// The keys of a pair; nothing is asked yet. Without a `cluster` any one is taken.
    ///
    /// # Errors
    /// [`EtcdError::Certificates`].
    pub fn new(access: Access, pair: &str, cluster: Option<u64>) -> Result<Self, EtcdError> {
        let folder = format!("{PREFIX}/{pair}");
        Ok(Self { gateway: Gateway::new(access)?, folder, cluster, seen: AtomicU64::new(0) })
    }

    /// How often it is worth trying: every member once, and two lost races.
    pub(super) fn tries(&self) -> usize {
        self.gateway.members() + 2
    }

    /// Lays the memory of a new pair down. Which cluster it is.
    ///
    /// # Errors
    /// [`EtcdError`], also where the pair is there already with another memory.
    pub async fn create(&self, memory: &Memory) -> Result<u64, EtcdError> {
        let book = Book { memory: memory.clone(), term: 0 };
        let mut last = EtcdError::Raced;
        for _ in 0..self.tries() {
            match self.swap((0, 0), &book, Lasting::Same).await {
                Ok((true, header)) => return Ok(number(&header, "cluster_id")),
                // No other pair has its name, so a try whose answer was lost may have laid it down.
                Ok((false, header)) if self.read().await?.book == book => return Ok(number(&header, "cluster_id")),
                Ok((false, _)) => return Err(EtcdError::Lost(Lost::Unreadable)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Whether etcd can be read; the keys need not be there yet.
    ///
    /// # Errors
    /// [`EtcdError`] when it cannot.
    pub async fn answers(&self) -> Result<(), EtcdError> {
        let mut last = EtcdError::Raced;
        for _ in 0..self.tries() {
            match self.read().await {
                Ok(_) | Err(EtcdError::Lost(Lost::Missing)) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Removes the keys of the pair.
    ///
    /// # Errors
    /// [`EtcdError`]; then they may be there still.
    pub async fn erase(&self) -> Result<(), EtcdError> {
        let mut last = EtcdError::Raced;
        for _ in 0..self.tries() {
            match self.gateway.call("kv/deleterange", &self.both()).await {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Reads both keys, with a quorum's consent.
    pub(super) async fn read(&self) -> Result<Page, EtcdError> {
        let known = self.seen.load(Ordering::SeqCst);
        let answer = self.gateway.call("kv/range", &self.both()).await?;
        let header = self.header(&answer)?;
        let revision = number(header, "revision");
        let named = |name: &str| {
            let key = STANDARD.encode(self.key(name));
            answer["kvs"].as_array().into_iter().flatten().find(|pair| pair["key"] == key.as_str())
        };
        let memory = named("memory").ok_or(EtcdError::Lost(Lost::Missing))?;
        if revision < known {
            return Err(EtcdError::Lost(Lost::Older));
        }
        self.seen.fetch_max(revision, Ordering::SeqCst);
        let promise = named("promise").unwrap_or(&Value::Null);
        let text = memory["value"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        let book = serde_json::from_slice(&text).map_err(|_| EtcdError::Lost(Lost::Unreadable))?;
        Ok(Page {
            book,
            book_revision: number(memory, "mod_revision"),
            promise_revision: number(promise, "mod_revision"),
            lease: number(promise, "lease"),
            term: number(header, "raft_term"),
        })
    }

    /// Changes what was read, unless somebody else did meanwhile: the term of the leader, or `None` after a lost race.
    pub(super) async fn write(&self, before: &Page, book: &Book, lasting: Lasting) -> Result<Option<u64>, EtcdError> {
        let (done, header) = self.swap((before.book_revision, before.promise_revision), book, lasting).await?;
        Ok(done.then(|| number(&header, "raft_term")))
    }

    /// Whether etcd would take a change: one whose condition is never true, so that nothing is changed. Who may not
    /// write, and an etcd without room, are told all the same.
    pub(super) async fn would_write(&self) -> Result<(), EtcdError> {
        let key = STANDARD.encode(self.key("probe"));
        let never = json!({"key": key, "target": "VERSION", "result": "LESS", "version": "0"});
        let put = json!({"request_put": {"key": key, "value": ""}});
        let answer = self.gateway.call("kv/txn", &json!({"compare": [never], "success": [put]})).await?;
        self.header(&answer).map(drop)
    }

    /// A new etcd lease that lasts at least so long.
    pub(super) async fn lend(&self, length: Duration) -> Result<u64, EtcdError> {
        let wanted = length.as_secs() + u64::from(length.subsec_nanos() > 0);
        let answer = self.gateway.call("lease/grant", &json!({"TTL": wanted.to_string()})).await?;
        self.header(&answer)?;
        let (lease, granted) = (number(&answer, "ID"), number(&answer, "TTL"));
        if lease == 0 || granted < wanted { Err(foreign("etcd")) } else { Ok(lease) }
    }

    /// Prolongs an etcd lease; `None`: it is over.
    pub(super) async fn prolong(&self, lease: u64) -> Result<Option<Prolonged>, EtcdError> {
        let answer = match self.gateway.call("lease/keepalive", &json!({"ID": lease.to_string()})).await {
            Err(EtcdError::Refused { .. }) => return Ok(None),
            answer => answer?,
        };
        let answer = &answer["result"];
        let term = number(self.header(answer)?, "raft_term");
        let lasts = Duration::from_secs(number(answer, "TTL"));
        Ok((!lasts.is_zero()).then_some(Prolonged { lasts, term }))
    }

    async fn swap(
        &self,
        (book_at, promise_at): (u64, u64),
        book: &Book,
        lasting: Lasting,
    ) -> Result<(bool, Value), EtcdError> {
        // Plain values always become JSON.
        let text = serde_json::to_vec(book).unwrap_or_default();
        let (memory, promise) = (STANDARD.encode(self.key("memory")), STANDARD.encode(self.key("promise")));
        let mut changes = vec![json!({"request_put": {"key": memory, "value": STANDARD.encode(text)}})];
        match lasting {
            Lasting::Same => {}
            Lasting::On(lease) => {
                let value =
                    STANDARD.encode(book.memory.promise.map_or(String::new(), |promise| promise.to.to_string()));
                let put = json!({"key": promise, "value": value, "lease": lease.to_string()});
                changes.push(json!({"request_put": put}));
            }
            Lasting::Not => changes.push(json!({"request_delete_range": {"key": promise}})),
        }
        let is_at = |key: &String, revision: u64| {
            let revision = revision.to_string();
            json!({"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision})
        };
        let compare = [is_at(&memory, book_at), is_at(&promise, promise_at)];
        let answer = self.gateway.call("kv/txn", &json!({"compare": compare, "success": changes})).await?;
        let header = self.header(&answer)?;
        Ok((answer["succeeded"].as_bool().unwrap_or(false), header.clone()))
    }

    fn header<'a>(&self, answer: &'a Value) -> Result<&'a Value, EtcdError> {
        let header = &answer["header"];
        let cluster = number(header, "cluster_id");
        match self.cluster {
            _ if cluster == 0 => Err(foreign("etcd")),
            Some(known) if known != cluster => Err(EtcdError::Lost(Lost::OtherCluster)),
            Some(_) | None => Ok(header),
        }
    }

    fn both(&self) -> Value {
        // "0" follows "/": all keys below the folder.
        json!({"key": STANDARD.encode(self.key("")), "range_end": STANDARD.encode(format!("{}0", self.folder))})
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// A number of etcd's JSON: 64 bits come as text, and 0 is left out.
fn number(value: &Value, name: &str) -> u64 {
    let value = &value[name];
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok()).unwrap_or(0)
}
