//! The voters of automatic takeover: set up, and taken out again.

use std::time::Duration;

use futures_util::future::join_all;

use super::Performer;
use crate::domain::site::{Order, ServerId, Site};
use crate::flows::carry_out::describe;
use crate::flows::{Stopped, witness};
use crate::ports::dialog::{Dialog, News};

/// After this time no monitor goes by files that are gone.
const VOTERS_END_WITHIN: Duration = Duration::from_secs(4);

impl Performer<'_> {
    /// Sets them up as it was wished when it was confirmed; keys and passwords are nowhere kept for later.
    pub(super) async fn set_up_voters(&self, order: Order, dialog: &mut dyn Dialog) -> Result<String, Stopped> {
        let Some(wish) = self.wish else {
            return Err(Stopped::NotAllowed(
                "keys are not kept, so this cannot be finished; take it back with --abandon and set the voters up anew"
                    .to_owned(),
            ));
        };
        let material = self.ports.settings.material(self.configuration);
        let settings = (self.configuration, &material);
        for line in self.ports.voter_setup.set_up(settings, &*self.systems.hosts, order, wish).await? {
            dialog.tell(News::Note(line));
        }
        if self.configuration.membership.of_site(Site::Primary).count() > 1 {
            dialog.tell(News::Note(
                "LIM 1 of the primary system has to reach its other servers over SSH, with the user and the key that \
                 config.yaml names; until it does, nothing becomes automatic"
                    .to_owned(),
            ));
        }
        Ok(if self.configuration.takeover.is_any_automatic() {
            "takeover is automatic once all voters work and hear each other".to_owned()
        } else {
            "nothing is automatic yet".to_owned()
        })
    }

    /// Takes files and units out, and then every gate: one that nobody opens any more would block its server.
    pub(super) async fn take_out_voters(&self, dialog: &mut dyn Dialog) -> Result<String, Stopped> {
        let servers: Vec<ServerId> = self.configuration.membership.servers.keys().copied().collect();
        let read = join_all(servers.iter().map(|server| self.systems.traffic.read(*server))).await;
        // What was confirmed may have been a while ago, and `--abandon` asks nobody.
        witness::refuse_held_by_gates(&servers.iter().copied().zip(read).collect())?;
        for line in self.ports.voter_setup.take_out(&*self.systems.hosts).await? {
            dialog.tell(News::Note(line));
        }
        // Monitors look for their files every two seconds, and one that works would make its gate anew.
        tokio::time::sleep(VOTERS_END_WITHIN).await;
        let removed = join_all(servers.iter().map(|server| self.systems.traffic.remove_gate(*server))).await;
        for (server, removed) in servers.iter().zip(removed) {
            if let Err(error) = removed {
                let error = describe(&error.into());
                dialog.tell(News::Note(format!("the gate of {server} was not taken out: {error}")));
            }
        }
        Ok("a person switches from now on".to_owned())
    }
}
