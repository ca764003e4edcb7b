//! The gate as a table of nft.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::nft::{Answer, Nft};
use super::way::{Read, Way};
use crate::domain::traffic::{GateRead, GateTable};
use crate::ports::gate::GateError;
use crate::ports::host::{Host, printable};

/// The shortest time-out that nft knows.
const SHORTEST: Duration = Duration::from_millis(1);

/// See the module.
pub(super) struct ByNft {
    nft: Nft,
    table: GateTable,
    /// How nft prints our rules, and by which start of it that was learned.
    form: Option<(GateRead, u64)>,
}

impl ByNft {
    pub(super) fn new(host: Arc<dyn Host>, table: GateTable) -> Self {
        Self { nft: Nft::new(host), table, form: None }
    }

    /// How the running nft prints our rules: another may be of another version.
    async fn form(&mut self) -> Result<GateRead, GateError> {
        if let Some((form, _)) = self.form.as_ref().filter(|(_, learned_by)| *learned_by == self.nft.starts()) {
            return Ok(form.clone());
        }
        self.nft.say(&self.table.load_form()).await?;
        let listed = self.nft.say(GateTable::LIST_FORM).await?;
        let learned_by = self.nft.starts();
        self.nft.say(GateTable::DELETE_FORM).await?;
        let Answer::Done(printed) = listed else { return Err(unreadable("")) };
        let form = GateRead::parse(&printed).ok_or_else(|| unreadable(&printed))?;
        self.form = Some((form.clone(), learned_by));
        Ok(form)
    }
}

#[async_trait]
impl Way for ByNft {
    async fn start(&mut self) -> Result<(), GateError> {
        self.nft.start().await
    }

    fn written(&self, right: Duration) -> Option<Duration> {
        (right >= SHORTEST).then_some(right)
    }

    async fn load(&mut self, right: Option<Duration>) -> Result<(), GateError> {
        self.nft.say(&self.table.load(right)).await.map(drop)
    }

    async fn prolong(&mut self, right: Duration) -> Result<bool, GateError> {
        Ok(self.nft.say(&GateTable::prolong(right)).await? != Answer::Absent)
    }

    async fn close(&mut self) -> Result<(), GateError> {
        self.nft.say(GateTable::CLOSE).await.map(drop)
    }

    async fn read(&mut self) -> Result<Option<Read>, GateError> {
        let form = self.form().await?;
        let Answer::Done(printed) = self.nft.say(GateTable::LIST).await? else { return Ok(None) };
        let read = GateRead::parse(&printed).ok_or_else(|| unreadable(&printed))?;
        Ok(Some(Read { whole: read.is_whole(&form), closed: read.is_closed(), ends: read.ends() }))
    }

    async fn delete(&mut self) -> Result<(), GateError> {
        self.nft.say(GateTable::DELETE).await?;
        match self.nft.say(GateTable::LIST).await? {
            Answer::Absent => Ok(()),
            Answer::Done(_) => Err(GateError::Refused("the table is still there".to_owned())),
        }
    }
}

fn unreadable(printed: &str) -> GateError {
    let first = printable(printed.lines().next().unwrap_or_default());
    GateError::Refused(format!("what it prints of a table is not understood: {first}"))
}
