//! How people are told on this machine: `notify.yaml` and the site's own program, read anew whenever it matters.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::{Place, clock, read_file, texts};
use crate::adapters::channels;
use crate::adapters::events_file::EventsFile;
use crate::adapters::prometheus::Prometheus;
use crate::config::notify;
use crate::domain::alarm::NotifySettings;
use crate::flows::herald::{Herald, Tools};
use crate::flows::{Ports, numbers};
use crate::ports::notifier::{Channels, Notifier};

/// The channels that the files below a root folder set up.
pub(super) struct SetUp {
    pub(super) root: PathBuf,
}

impl Notifier for SetUp {
    fn channels(&self) -> Channels {
        let (settings, problems) = match settings(&self.root) {
            Ok(settings) => (settings, Vec::new()),
            Err(problems) => (NotifySettings::default(), problems),
        };
        Channels { usable: channels::of(&self.root, &settings.channels), problems }
    }
}

/// What `notify.yaml` says; nothing where there is none.
///
/// # Errors
/// What is wrong with it, a line each.
pub fn settings(root: &Path) -> Result<NotifySettings, Vec<String>> {
    let path = root.join("etc/mxone_system_redundancy/notify.yaml");
    let file = match std::fs::metadata(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(NotifySettings::default()),
        Err(error) => return Err(vec![format!("{} cannot be read: {error}", path.display())]),
    };
    let is_ours = file.uid() == rustix::process::geteuid().as_raw();
    if is_ours && file.mode() & 0o077 != 0 {
        return Err(vec![format!("{}: others may read or write it; run chmod 600 on it", path.display())]);
    }
    notify::read(&path, &read_file(&path)?).map_err(texts)
}

/// Puts the herald of this machine to work, and tells numbers where they are wanted as long as it works.
#[must_use]
pub fn herald_with_numbers(place: &Place, ports: &Ports, from: String, say: UnboundedSender<String>) -> Herald {
    let herald = herald(place, from, say.clone());
    let root = place.root.clone();
    // What is wrong with the file is told with the next notice.
    let wanted = move || settings(&root).map(|settings| settings.metrics).unwrap_or_default();
    let gauges = Arc::new(Prometheus::new(Box::new(wanted)));
    tokio::spawn(numbers::tell(ports.clone(), gauges, herald.register(), say));
    herald
}

/// Puts the herald of this machine to work.
fn herald(place: &Place, from: String, say: UnboundedSender<String>) -> Herald {
    Herald::start(Tools {
        events: Arc::new(EventsFile::below(&place.root)),
        notifier: Arc::new(SetUp { root: place.root.clone() }),
        wall: clock(),
        from,
        say,
    })
}
