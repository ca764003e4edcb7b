//! The gate of one server, worked on from that server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::way::{self, Way};
use crate::adapters::raw_clock;
use crate::domain::lease::{GateSeen, Moment};
use crate::domain::traffic::GateRules;
use crate::ports::gate::GateError;
use crate::ports::host::Host;

/// The kernel counts a right from when it has it, which is later than when it was computed: by so much a right may end
/// too late. One that would end later is written again.
const LATE: Duration = Duration::from_millis(20);

/// How often a right is written until it is written in time.
const ATTEMPTS: usize = 3;

/// See the module.
pub struct ServerGate {
    inside: Mutex<Inside>,
}

struct Inside {
    host: Arc<dyn Host>,
    rules: GateRules,
    /// Which way works on this server, once that was found out.
    way: Option<Box<dyn Way>>,
    made: Made,
    /// Somebody changed it, and nobody was told so far.
    changed: bool,
}

/// What we last made of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Nothing yet.
    Nothing,
    /// It is there, whole as far as we know.
    Loaded,
    /// It was found changed or gone, and is to be made anew.
    Spoilt,
    /// It was taken out.
    Deleted,
}

impl ServerGate {
    /// The gate of the server that `host` is, with these rules. Nothing is done yet.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, rules: GateRules) -> Self {
        Self { inside: Mutex::new(Inside { host, rules, way: None, made: Made::Nothing, changed: false }) }
    }

    /// What the gate is found to be. Rules that are not whole hold nobody back, so they count as none.
    ///
    /// # Errors
    /// [`GateError`] when the packet filter cannot be read.
    pub async fn seen(&self) -> Result<GateSeen, GateError> {
        let mut inside = self.inside.lock().await;
        Ok(match inside.way().await?.read().await? {
            Some(read) if read.whole && read.closed => GateSeen::Closed,
            Some(read) if read.whole && read.ends => GateSeen::Timed,
            Some(_) | None => GateSeen::Unarmed,
        })
    }

    /// Lets telephony pass until `end`, and no longer whatever becomes of us.
    ///
    /// # Errors
    /// [`GateError`] when the right could not be written in time.
    pub async fn open(&self, end: Moment) -> Result<(), GateError> {
        let mut inside = self.inside.lock().await;
        let mut failure = GateError::TooLate;
        for attempt in 0..ATTEMPTS {
            match inside.write(end).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                // Nothing was written: what is there ends as it was to end.
                Err(GateError::TooLate) if attempt == 0 => return Err(GateError::TooLate),
                Err(GateError::TooLate) => break,
                // Nor was this.
                Err(error @ (GateError::Refused(_) | GateError::Host(_))) => return Err(error),
                Err(error @ GateError::Io(_)) => failure = error,
            }
        }
        // What may have been written could last longer than the right does.
        inside.close().await?;
        Err(failure)
    }

    /// Ends every right and reads that back.
    ///
    /// # Errors
    /// [`GateError`] when the gate was not read as whole and closed.
    pub async fn close(&self) -> Result<(), GateError> {
        let mut inside = self.inside.lock().await;
        match inside.close().await {
            // The process that worked on it may have been gone; the next one is a new one.
            Err(GateError::Io(_)) => inside.close().await,
            outcome => outcome,
        }
    }

    /// Takes the gate out: telephony passes without an end.
    ///
    /// # Errors
    /// [`GateError`] when it is still there.
    pub async fn disarm(&self) -> Result<(), GateError> {
        let mut inside = self.inside.lock().await;
        inside.way().await?.delete().await?;
        inside.made = Made::Deleted;
        Ok(())
    }

    /// Whether the gate is as it was last told to be. That somebody changed it is told once, even if it was mended
    /// meanwhile.
    ///
    /// # Errors
    /// [`GateError`] when it cannot be read.
    pub async fn is_whole(&self) -> Result<bool, GateError> {
        let mut inside = self.inside.lock().await;
        let way = inside.way().await?;
        // A gate that is closed for long is looked at and never written.
        way.start().await?;
        let read = way.read().await?;
        let as_told = match (inside.made, &read) {
            (Made::Deleted, found) => found.is_none(),
            (Made::Nothing, None) => true,
            (Made::Nothing | Made::Loaded, Some(read)) => read.whole && read.ends,
            (Made::Loaded, None) | (Made::Spoilt, _) => false,
        };
        if !as_told && inside.made == Made::Loaded {
            inside.made = Made::Spoilt;
        }
        let changed = std::mem::take(&mut inside.changed);
        Ok(as_told && !changed)
    }
}

impl Inside {
    async fn way(&mut self) -> Result<&mut dyn Way, GateError> {
        let way = match self.way.take() {
            Some(way) => way,
            None => way::chosen(&self.host, &self.rules).await?,
        };
        Ok(self.way.insert(way).as_mut())
    }

    /// Writes what is left of a right; whether that was done in time.
    async fn write(&mut self, end: Moment) -> Result<bool, GateError> {
        let made = self.made;
        let way = self.way().await?;
        // Before the right is computed: it takes longer than all else.
        way.start().await?;
        let right = way.written(end.since(raw_clock::now())).ok_or(GateError::TooLate)?;
        if made == Made::Loaded {
            if !way.prolong(right).await? {
                self.made = Made::Spoilt;
                self.changed = true;
                return Ok(false);
            }
        } else {
            way.load(Some(right)).await?;
            self.made = Made::Loaded;
        }
        Ok(raw_clock::now() + right <= end + LATE)
    }

    async fn close(&mut self) -> Result<(), GateError> {
        let was_loaded = self.made == Made::Loaded;
        let way = self.way().await?;
        way.close().await?;
        if is_read_closed(way).await? {
            return Ok(());
        }
        way.load(None).await?;
        let is_closed = is_read_closed(way).await;
        self.made = Made::Loaded;
        self.changed |= was_loaded;
        if is_closed? { Ok(()) } else { Err(GateError::Refused("the gate is not as it was written".to_owned())) }
    }
}

async fn is_read_closed(way: &mut dyn Way) -> Result<bool, GateError> {
    Ok(way.read().await?.is_some_and(|read| read.whole && read.closed))
}
