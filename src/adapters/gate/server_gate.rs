//! The gate of one server, worked on from that server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::nft::{Answer, Nft};
use crate::adapters::raw_clock;
use crate::domain::lease::{GateSeen, Moment};
use crate::domain::traffic::{GateRead, GateTable};
use crate::ports::gate::GateError;
use crate::ports::host::Host;

/// nft may take so long from the moment a right is computed until the kernel has it: the kernel counts from the
/// latter, so the right ends by so much too late. A write that took longer is written again.
const LATE: Duration = Duration::from_millis(20);

/// How often a right is written until it is written in time.
const ATTEMPTS: usize = 3;

/// See the module.
pub struct ServerGate {
    table: GateTable,
    inside: Mutex<Inside>,
}

struct Inside {
    nft: Nft,
    /// How this nft prints our rules.
    form: Option<GateRead>,
    made: Made,
    /// Somebody changed it, and nobody was told so far.
    changed: bool,
}

/// What we last made of the table.
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
    pub fn new(host: Arc<dyn Host>, table: GateTable) -> Self {
        let inside = Inside { nft: Nft::new(host), form: None, made: Made::Nothing, changed: false };
        Self { table, inside: Mutex::new(inside) }
    }

    /// What the gate is found to be. Rules that are not whole hold nobody back, so they count as none.
    ///
    /// # Errors
    /// [`GateError`] when the packet filter cannot be read.
    pub async fn seen(&self) -> Result<GateSeen, GateError> {
        let mut inside = self.inside.lock().await;
        Ok(match inside.read(&self.table).await? {
            Some((read, true)) if read.is_closed() => GateSeen::Closed,
            Some((read, true)) if read.ends() => GateSeen::Timed,
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
            match inside.write(&self.table, end).await {
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
        inside.close(&self.table).await?;
        Err(failure)
    }

    /// Ends every right and reads that back.
    ///
    /// # Errors
    /// [`GateError`] when the gate was not read as whole and closed.
    pub async fn close(&self) -> Result<(), GateError> {
        let mut inside = self.inside.lock().await;
        match inside.close(&self.table).await {
            // The nft that stood may have been gone; the next one is a new one.
            Err(GateError::Io(_)) => inside.close(&self.table).await,
            outcome => outcome,
        }
    }

    /// Takes the gate out: telephony passes without an end.
    ///
    /// # Errors
    /// [`GateError`] when it is still there.
    pub async fn disarm(&self) -> Result<(), GateError> {
        let mut inside = self.inside.lock().await;
        inside.nft.say(GateTable::DELETE).await?;
        match inside.nft.say(GateTable::LIST).await? {
            Answer::Absent => {
                inside.made = Made::Deleted;
                Ok(())
            }
            Answer::Done(_) => Err(GateError::Refused("the table is still there".to_owned())),
        }
    }

    /// Whether the gate is as it was last told to be. That somebody changed it is told once, even if it was mended
    /// meanwhile.
    ///
    /// # Errors
    /// [`GateError`] when it cannot be read.
    pub async fn is_whole(&self) -> Result<bool, GateError> {
        let mut inside = self.inside.lock().await;
        let read = inside.read(&self.table).await?;
        let as_told = match (inside.made, &read) {
            (Made::Deleted, found) => found.is_none(),
            (Made::Nothing, None) => true,
            (Made::Nothing | Made::Loaded, Some((read, whole))) => *whole && read.ends(),
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
    /// Writes what is left of a right; whether that was done in time.
    async fn write(&mut self, table: &GateTable, end: Moment) -> Result<bool, GateError> {
        // Before the right is computed: it takes longer than all else.
        self.nft.start().await?;
        let begun = raw_clock::now();
        let right = end.since(begun);
        if right < Duration::from_millis(1) {
            return Err(GateError::TooLate);
        }
        if self.made == Made::Loaded {
            if self.nft.say(&GateTable::prolong(right)).await? == Answer::Absent {
                self.made = Made::Spoilt;
                self.changed = true;
                return Ok(false);
            }
        } else {
            self.nft.say(&table.load(Some(right))).await?;
            self.made = Made::Loaded;
        }
        Ok(raw_clock::now().since(begun) <= LATE)
    }

    async fn close(&mut self, table: &GateTable) -> Result<(), GateError> {
        self.nft.say(GateTable::CLOSE).await?;
        if self.is_read_closed(table).await? {
            return Ok(());
        }
        self.changed |= self.made == Made::Loaded;
        self.nft.say(&table.load(None)).await?;
        self.made = Made::Loaded;
        if self.is_read_closed(table).await? {
            return Ok(());
        }
        Err(GateError::Refused("the gate is not as it was written".to_owned()))
    }

    async fn is_read_closed(&mut self, table: &GateTable) -> Result<bool, GateError> {
        Ok(self.read(table).await?.is_some_and(|(read, whole)| whole && read.is_closed()))
    }

    /// The table, if it is there, and whether its rules are ours.
    async fn read(&mut self, table: &GateTable) -> Result<Option<(GateRead, bool)>, GateError> {
        let form = match &self.form {
            Some(form) => form.clone(),
            None => self.learn_form(table).await?,
        };
        let Answer::Done(printed) = self.nft.say(GateTable::LIST).await? else { return Ok(None) };
        let read = GateRead::parse(&printed).ok_or_else(|| unreadable(&printed))?;
        let whole = read.is_whole(&form);
        Ok(Some((read, whole)))
    }

    async fn learn_form(&mut self, table: &GateTable) -> Result<GateRead, GateError> {
        self.nft.say(&table.load_form()).await?;
        let listed = self.nft.say(GateTable::LIST_FORM).await?;
        self.nft.say(GateTable::DELETE_FORM).await?;
        let Answer::Done(printed) = listed else { return Err(unreadable("")) };
        let form = GateRead::parse(&printed).ok_or_else(|| unreadable(&printed))?;
        self.form = Some(form.clone());
        Ok(form)
    }
}

fn unreadable(printed: &str) -> GateError {
    let first = crate::ports::host::printable(printed.lines().next().unwrap_or_default());
    GateError::Refused(format!("what it prints of a table is not understood: {first}"))
}
