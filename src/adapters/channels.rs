//! The ways of telling people: system log, mail, SNMP traps, web hooks, programs.

mod mail;
mod snmp;
mod syslog;
mod webhook;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::notify_program::NotifyProgram;
use crate::domain::alarm::{ChannelKind, ChannelSettings, MailSettings, Notification, SyslogPlace};
use crate::ports::host::printable;
use crate::ports::notifier::{Channel, Notice, NotifyError};
use snmp::Snmp;
use webhook::Webhook;

/// The name of the channel that is there as soon as its program is.
const PROGRAM: &str = "program";

/// The channels of these settings, and before them the site's own program below `root` where there is one.
#[must_use]
pub fn of(root: &Path, settings: &[ChannelSettings]) -> Vec<Arc<dyn Channel>> {
    let program = NotifyProgram::below(root);
    let own = program.is_there().then(|| Way {
        name: PROGRAM.to_owned(),
        wants: Notification::default(),
        how: How::Program(program),
    });
    let others = settings.iter().map(|channel| Way {
        name: channel.name.clone(),
        wants: channel.wants.clone(),
        how: How::of(root, &channel.kind),
    });
    own.into_iter().chain(others).map(|way| Arc::new(way) as Arc<dyn Channel>).collect()
}

/// One channel.
struct Way {
    name: String,
    wants: Notification,
    how: How,
}

/// What it does.
enum How {
    Syslog(SyslogPlace),
    Mail(MailSettings),
    Snmp(Snmp),
    Webhook(Webhook),
    Program(NotifyProgram),
}

impl How {
    fn of(root: &Path, kind: &ChannelKind) -> Self {
        match kind.clone() {
            ChannelKind::Syslog(place) => Self::Syslog(place),
            ChannelKind::Mail(settings) => Self::Mail(settings),
            ChannelKind::Snmp(settings) => Self::Snmp(Snmp::new(root, settings)),
            ChannelKind::Webhook { url, secret, ca } => Self::Webhook(Webhook { url, secret, ca }),
            ChannelKind::Command { path } => Self::Program(NotifyProgram::at(&path)),
        }
    }
}

#[async_trait]
impl Channel for Way {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, notice: &Notice) -> bool {
        self.wants.wants(notice)
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        match &self.how {
            How::Syslog(place) => syslog::send(place, notice).await,
            How::Mail(settings) => mail::send(settings, notice).await,
            How::Snmp(snmp) => snmp.send(notice).await,
            How::Webhook(webhook) => webhook.send(notice).await,
            How::Program(program) => program.send(notice).await,
        }
    }
}

/// Somebody who did not take a notice.
fn not_taken(to: impl Into<String>) -> impl FnOnce(&dyn std::error::Error) -> NotifyError {
    let to = to.into();
    move |error| {
        let mut because = error.to_string();
        let mut source = error.source();
        while let Some(deeper) = source {
            let told = deeper.to_string();
            // Many errors repeat what is below them.
            if !because.contains(&told) {
                because = format!("{because}: {told}");
            }
            source = deeper.source();
        }
        NotifyError::NotTaken { to, because: printable(&because) }
    }
}

/// The name of this machine.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
