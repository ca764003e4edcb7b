//! Puts translated exchange data where the telephony software looks for it, and puts back what lay there.

use std::path::Path;
use std::sync::Arc;

use super::{ProfiledCallServer, placeholders};
use crate::domain::backup::Backup;
use crate::domain::site::{ServerId, Site};
use crate::ports::call_server::CallServerError;
use crate::ports::host::{Command, Host, run_checked};

const WHAT: &str = "the place of the exchange data";

impl ProfiledCallServer {
    /// The folder that receives the translated files of a backup.
    pub(super) fn load_place(&self, backup: &Backup) -> String {
        placeholders(backup, "").fill(&self.platform.load.place)
    }

    /// Copies the files to the place. What lay there before the first try is kept beside it until the load is proved;
    /// a crash in between leaves both, and the next try begins anew.
    pub(super) async fn put_in_place(&self, from: &Path, place: &str) -> Result<(), CallServerError> {
        let (new, before) = (new(place), before(place));
        let parent = Path::new(place).parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
        self.must(&["mkdir", "-p", &parent]).await?;
        self.must(&["rm", "-rf", &new]).await?;
        self.must(&["cp", "-a", &from.to_string_lossy(), &new]).await?;
        if self.is_there(place).await? && !self.is_there(&before).await? {
            self.must(&["mv", "-T", place, &before]).await?;
        } else {
            self.must(&["rm", "-rf", place]).await?;
        }
        self.must(&["mv", "-T", &new, place]).await
    }

    /// What lay there before is not needed any more once a load is proved.
    pub(super) async fn forget_what_was_before(&self, place: &str) -> Result<(), CallServerError> {
        self.must(&["rm", "-rf", &before(place)]).await
    }

    /// Takes away all that a load, whole or cut off, put there.
    pub(super) async fn clear_place(&self, place: &str) -> Result<(), CallServerError> {
        self.must(&["rm", "-rf", place, &before(place), &new(place)]).await
    }

    /// Puts back what lay there; whether there was anything.
    pub(super) async fn take_from_place(&self, place: &str) -> Result<bool, CallServerError> {
        let before = before(place);
        self.must(&["rm", "-rf", place]).await?;
        let was_there = self.is_there(&before).await?;
        if was_there {
            self.must(&["mv", "-T", &before, place]).await?;
        }
        Ok(was_there)
    }

    async fn is_there(&self, path: &str) -> Result<bool, CallServerError> {
        let output = self.lim_1().run(Command::new(["test", "-e", path])).await;
        Ok(output.map_err(failed)?.success())
    }

    async fn must(&self, words: &[&str]) -> Result<(), CallServerError> {
        run_checked(&*self.lim_1(), Command::new(words.iter().copied())).await.map(drop).map_err(failed)
    }

    fn lim_1(&self) -> Arc<dyn Host> {
        self.host(ServerId::first_of(Site::Alternate))
    }
}

fn before(place: &str) -> String {
    format!("{place}.before")
}

fn new(place: &str) -> String {
    format!("{place}.new")
}

fn failed(source: crate::ports::host::HostError) -> CallServerError {
    CallServerError::Host { server: ServerId::first_of(Site::Alternate), what: WHAT, source }
}
