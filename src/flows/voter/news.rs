//! Which news of a voter people are told who are not looking: changes of role and alarms.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use crate::domain::lease::node::Told;
use crate::ports::clock::Clock;
use crate::ports::notifier::{Kind, Notice, Notifier};

/// The format of notices.
pub const SCHEMA: u32 = 1;

/// Passes news on.
#[derive(Clone)]
pub struct News {
    /// Who passes them on.
    pub notifier: Arc<dyn Notifier>,
    /// The wall clock.
    pub wall: Arc<dyn Clock>,
    /// The voter.
    pub from: String,
}

impl News {
    /// Passes on what is worth it, aside: nobody waits for a mail server.
    pub(super) fn pass_on(&self, kind: Kind, told: &str, say: &UnboundedSender<String>) {
        let (at, from) = (self.wall.now().fixed_offset(), self.from.clone());
        let notice = Notice { schema: SCHEMA, at, text: format!("{from}: {told}"), from, kind };
        let (notifier, say) = (Arc::clone(&self.notifier), say.clone());
        tokio::spawn(async move {
            if let Err(error) = notifier.notify(&notice).await {
                super::tell(&say, format!("nobody was told: {error}"));
            }
        });
    }
}

/// What kind of news something is, if it is worth passing on.
pub(super) fn kind_of(told: &Told) -> Option<Kind> {
    match told {
        Told::Won { .. } | Told::Released { .. } | Told::Forced { .. } => Some(Kind::RoleChanged),
        Told::Worry { .. } => Some(Kind::AlarmRaised),
        Told::Cleared { .. } => Some(Kind::AlarmCleared),
        Told::Decided { .. }
        | Told::Armed
        | Told::Disarmed
        | Told::Refused { .. }
        | Told::Agreed { .. }
        | Told::Recalled => None,
    }
}
