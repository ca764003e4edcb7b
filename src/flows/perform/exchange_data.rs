//! The steps that copy, load and keep exchange data.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::Performer;
use crate::domain::backup::{Backup, Generation, GenerationName};
use crate::domain::configuration::Configuration;
use crate::domain::journal::{Begun, Loaded, Memory};
use crate::domain::preflight::size;
use crate::domain::scan::{OwnNetworks, Scan};
use crate::domain::site::{ServerId, Site};
use crate::domain::traffic::Traffic;
use crate::domain::translation::{Severity, TranslationTable};
use crate::flows::Stopped;
use crate::flows::survey;
use crate::ports::dialog::{Dialog, News};
use crate::ports::host::Sink;
use crate::ports::mirror_store::{Incoming, MirrorError, MirrorStore};

/// Progress of a copy is told each time this many bytes have come: at the speed of a disk some ten times a second.
const TELL_EVERY: u64 = 32 * 1024 * 1024;

/// A copy tells how far it is at least this often, as long as bytes come.
const TELL_AFTER: Duration = Duration::from_secs(2);

impl Performer<'_> {
    pub(super) async fn copy(
        &self,
        backup: &Backup,
        begun: &Begun,
        dialog: &mut dyn Dialog,
    ) -> Result<String, Stopped> {
        // A resumed action may have copied it already.
        let is_it = |mirror: &Generation| mirror.backup == *backup && mirror.taken_at >= begun.at;
        if let Some(mirror) = self.ports.mirrors.generations()?.into_iter().find(is_it) {
            return Ok(format!("{} is here already", mirror.name));
        }
        let generation = self.receive(&*self.ports.mirrors, backup, dialog).await?;
        Ok(format!("{}, {}, every checksum right", generation.name, size(generation.manifest.bytes())))
    }

    /// Copies a backup into a store: the mirror folder, or the scratch folder of `configure`.
    ///
    /// # Errors
    /// When the backup cannot be read, or what came is not what was sent; what came whole is kept for the next time.
    pub async fn receive(
        &self,
        store: &dyn MirrorStore,
        backup: &Backup,
        dialog: &mut dyn Dialog,
    ) -> Result<Generation, Stopped> {
        let manifest = self.systems.backups.manifest(backup).await?;
        let mut incoming = store.receive(backup, &manifest)?;
        incoming.limit(self.configuration.copy.bytes_per_second);
        let pieces = incoming.missing();
        let mut counted = Counted {
            incoming,
            dialog,
            began: self.ports.clock.now(),
            clock: &*self.ports.clock,
            sent: 0,
            told: 0,
            told_after: None,
        };
        if !pieces.is_empty() {
            self.systems.backups.send(backup, &pieces, &mut counted).await?;
        }
        let epoch = self.order_in_force().await.epoch;
        Ok(counted.incoming.publish(self.ports.clock.now().fixed_offset(), epoch)?)
    }

    async fn order_in_force(&self) -> crate::domain::site::Order {
        let here = self.systems.traffic.order(ServerId::first_of(Site::Alternate)).await;
        here.ok().flatten().unwrap_or(survey::FIRST_ORDER)
    }

    /// Loads a mirror: refuses an alternate that is not wholly blocked, a damaged mirror, and untranslated own
    /// addresses; then translates, restores, reloads and proves.
    pub(super) async fn load(&self, mirror: Option<&GenerationName>) -> Result<String, Stopped> {
        let generation = self.find(mirror)?;
        self.refuse_to_touch_an_active_system().await?;
        let damaged = self.ports.mirrors.verify(&generation.name)?;
        if !damaged.is_empty() {
            return Err(MirrorError::Damaged { files: damaged }.into());
        }
        let places = &self.configuration.membership.platform.addresses;
        let own = own_networks(self.configuration);
        let scan = self.ports.mirrors.scan(&generation.name, places, &own)?;
        refuse_wrong_translation(&self.configuration.translation, &scan)?;
        let staging = &self.ports.staging;
        let table = &self.configuration.translation;
        let translated = self.ports.mirrors.translate(&generation.name, places, table, &staging.here)?;
        let newer = self.newer_than(&generation)?;
        self.remember(|memory| memory.loading = Some(generation.backup.clone()))?;
        self.systems.call_server.put_away(&newer, &generation.backup).await?;
        let proved = self.systems.call_server.load(&generation.backup, &staging.on_server).await?;
        let former = generation.name.clone();
        self.remember(|memory| {
            if let Some(loaded) = memory.loaded.take()
                && loaded.generation.name != former
            {
                memory.former = Some(loaded.generation.name);
            }
            memory.loading = None;
            memory.loaded = Some(Loaded {
                generation: generation.clone(),
                at: proved.at,
                table: Some(self.configuration.translation.fingerprint()),
            });
        })?;
        Ok(format!("{} addresses translated; {}", translated.replaced, proved.by))
    }

    /// Puts back what a load of this action replaced, proved or not.
    pub(super) async fn load_former(&self, mirror: Option<&GenerationName>, begun: &Begun) -> Result<String, Stopped> {
        let memory = self.ports.journal.memory()?;
        let proved = memory.loaded.filter(|loaded| loaded.at >= begun.at).map(|loaded| loaded.generation);
        let is_back = memory.loading.is_none() && proved.as_ref().is_none_or(|proved| Some(&proved.name) == mirror);
        let Some(replacing) = memory.loading.or(proved.map(|proved| proved.backup)).filter(|_| !is_back) else {
            return Ok("nothing had been loaded".to_owned());
        };
        if mirror.is_some() {
            return self.load(mirror).await;
        }
        self.systems.call_server.put_back(&replacing).await?;
        self.remember(|memory| (memory.loading, memory.loaded) = (None, None))?;
        Ok("what lay there before is back".to_owned())
    }

    /// The backups of newer mirrors, whose load may have left them beside the one that is to be loaded now.
    fn newer_than(&self, generation: &Generation) -> Result<Vec<Backup>, Stopped> {
        let generations = self.ports.mirrors.generations()?;
        let newer = generations.into_iter().take_while(|other| other.name != generation.name);
        Ok(newer.map(|other| other.backup).collect())
    }

    pub(super) fn keep_mirror(&self, mirror: &GenerationName) -> Result<String, Stopped> {
        let fetched = self.ports.scratch.generations()?;
        // A resumed action may have taken it over already.
        if fetched.iter().any(|generation| generation.name == *mirror) {
            self.ports.mirrors.adopt(&self.ports.scratch.path(mirror), mirror)?;
        }
        self.ports.scratch.clear()?;
        Ok(String::new())
    }

    pub(super) fn prune(&self) -> Result<String, Stopped> {
        let memory = self.ports.journal.memory()?;
        let loaded = memory.loaded.map(|loaded| loaded.generation.name);
        let gone = self.ports.mirrors.prune(loaded.as_ref())?;
        Ok(format!("{} thrown away", gone.len()))
    }

    fn find(&self, mirror: Option<&GenerationName>) -> Result<Generation, Stopped> {
        let generations = self.ports.mirrors.generations()?;
        let found = match mirror {
            Some(name) => generations.into_iter().find(|generation| generation.name == *name),
            None => generations.into_iter().next(),
        };
        let none = || GenerationName("to load".to_owned());
        found.ok_or_else(|| MirrorError::NoSuchMirror(mirror.cloned().unwrap_or_else(none)).into())
    }

    async fn refuse_to_touch_an_active_system(&self) -> Result<(), Stopped> {
        let servers = self.configuration.membership.of_site(Site::Alternate);
        for (server, contact) in survey::contacts(self.systems, servers).await {
            if !matches!(contact.traffic, Traffic::Blocked { .. }) {
                return Err(Stopped::NotAllowed(format!(
                    "{server} is not blocked, and a load never touches a system that may be live"
                )));
            }
        }
        Ok(())
    }

    fn remember(&self, change: impl FnOnce(&mut Memory)) -> Result<(), Stopped> {
        let mut memory = self.ports.journal.memory()?;
        change(&mut memory);
        Ok(self.ports.journal.remember(&memory)?)
    }
}

/// The primary's servers and the networks they stand in.
#[must_use]
pub fn own_networks(configuration: &Configuration) -> OwnNetworks {
    OwnNetworks(networks_of(configuration, Site::Primary))
}

/// A site's servers and the networks they stand in.
#[must_use]
pub fn networks_of(configuration: &Configuration, site: Site) -> Vec<IpNet> {
    let membership = &configuration.membership;
    let addresses = membership.of_site(site).filter_map(|server| membership.servers.get(&server));
    addresses.flat_map(|card| around(card.address)).collect()
}

/// A server and the network it stands in. Neither platform nor server tells the network's length for all servers, so
/// the usual one of a site is taken: /24, and /64 for IPv6.
fn around(address: IpAddr) -> impl Iterator<Item = IpNet> {
    let network_length = if address.is_ipv4() { 24 } else { 64 };
    let network = IpNet::new(address, network_length).ok().map(|network| network.trunc());
    [Some(IpNet::from(address)), network].into_iter().flatten()
}

/// Refuses a table that would leave the alternate with the primary's addresses.
///
/// # Errors
/// [`Stopped::NotTranslated`] with every problem that stands in the way.
pub fn refuse_wrong_translation(table: &TranslationTable, scan: &Scan) -> Result<(), Stopped> {
    let problems = table.problems(scan).into_iter();
    let musts: Vec<String> =
        problems.filter(|problem| problem.severity() == Severity::Must).map(|problem| problem.to_string()).collect();
    if musts.is_empty() { Ok(()) } else { Err(Stopped::NotTranslated(musts)) }
}

/// Counts what comes, and tells about it.
struct Counted<'a> {
    incoming: Box<dyn Incoming>,
    dialog: &'a mut dyn Dialog,
    clock: &'a dyn crate::ports::clock::Clock,
    began: chrono::DateTime<chrono::Local>,
    sent: u64,
    told: u64,
    /// How long after the beginning it was told last.
    told_after: Option<Duration>,
}

impl Sink for Counted<'_> {
    fn take(&mut self, piece: &[u8]) -> std::io::Result<Duration> {
        let wait = self.incoming.take(piece)?;
        self.sent += piece.len() as u64;
        let elapsed = (self.clock.now() - self.began).to_std().unwrap_or_default();
        let (bytes, of) = self.incoming.progress();
        // Over a slow line it is told by the clock, so that a person sees that it goes on.
        let is_late = self.told_after.is_none_or(|told| elapsed.saturating_sub(told) >= TELL_AFTER);
        if self.sent - self.told >= TELL_EVERY || is_late || bytes == of {
            self.told = self.sent;
            self.told_after = Some(elapsed);
            let rate = u128::from(self.sent) * 1000 / elapsed.as_millis().max(1);
            self.dialog.tell(News::Copying { bytes, of, rate: u64::try_from(rate).unwrap_or(u64::MAX) });
        }
        Ok(wait)
    }
}
