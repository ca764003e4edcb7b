//! How people are told on this machine: `notify.yaml` and the site's own program, read anew whenever it matters.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::{Place, clock, read_file, texts};
use crate::adapters::channels;
use crate::adapters::events_file::EventsFile;
use crate::adapters::prometheus::Prometheus;
use crate::config::lease::LeaseFile;
use crate::config::notify;
use crate::domain::alarm::{NotifySettings, Post};
use crate::domain::lease::Voter;
use crate::domain::site::Site;
use crate::flows::herald::{Herald, Tools};
use crate::flows::{Ports, numbers};
use crate::ports::notifier::{Channels, Notifier};

/// The channels that the files below a root folder set up.
pub(super) struct SetUp {
    pub(super) root: PathBuf,
}

impl Notifier for SetUp {
    fn channels(&self) -> Channels {
        let (settings, problems) = settings(&self.root);
        Channels { usable: channels::of(&self.root, &settings.channels), problems }
    }
}

/// What `notify.yaml` says as far as it can be used, and what is wrong with it, a line each. Nothing where there is none.
fn settings(root: &Path) -> (NotifySettings, Vec<String>) {
    let path = root.join("etc/mxone_system_redundancy/notify.yaml");
    let unusable = |problem: String| (NotifySettings::default(), vec![problem]);
    let file = match std::fs::metadata(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Default::default(),
        Err(error) => return unusable(format!("{} cannot be read: {error}", path.display())),
    };
    // It names programs that are run, so whoever writes it can do all that we can.
    if ![0, rustix::process::geteuid().as_raw()].contains(&file.uid()) {
        return unusable(format!("{}: it belongs to somebody else than root; run chown root on it", path.display()));
    }
    if file.mode() & 0o077 != 0 {
        return unusable(format!("{}: others may read or write it; run chmod 600 on it", path.display()));
    }
    match read_file(&path) {
        Ok(text) => {
            let (settings, problems) = notify::read(&path, &text);
            (settings, texts(problems))
        }
        Err(problems) => (NotifySettings::default(), problems),
    }
}

/// Puts the herald of this machine to work, and tells numbers where they are wanted as long as it works. `voter` is
/// what its voter goes by, where one is set up.
#[must_use]
pub fn herald_with_numbers(
    place: &Place,
    ports: &Ports,
    voter: Option<&LeaseFile>,
    say: UnboundedSender<String>,
) -> Herald {
    let post = match voter {
        None => Post::Alone,
        Some(LeaseFile { me: Voter::Witness, .. }) => Post::Witness,
        Some(LeaseFile { me: Voter::Monitor(_), third, .. }) => Post::Voter(*third),
    };
    let from = voter.map_or(Voter::Monitor(Site::Alternate), |file| file.me).to_string();
    let herald = Herald::start(Tools {
        events: Arc::new(EventsFile::below(&place.root)),
        notifier: Arc::new(SetUp { root: place.root.clone() }),
        wall: clock(),
        from: from.clone(),
        post,
        say: say.clone(),
    });
    let root = place.root.clone();
    // What is wrong with the file is told by the herald.
    let wanted = move || settings(&root).0.metrics;
    let gauges = Arc::new(Prometheus::new(Box::new(wanted)));
    tokio::spawn(numbers::tell((ports.clone(), from, post), gauges, herald.register(), say));
    herald
}
