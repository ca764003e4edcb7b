//! Does one step of a plan. Every step can be begun again after it was cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;

use super::carry_out::{describe, millis};
use super::{Ports, Stopped};
use crate::domain::configuration::Configuration;
use crate::domain::journal::Begun;
use crate::domain::plan::{Servers, Step};
use crate::domain::site::{Order, ServerId, Site};
use crate::domain::traffic::{Origin, Traffic};
use crate::ports::call_server::Answer;
use crate::ports::dialog::Dialog;
use crate::ports::systems::SystemPorts;
use crate::ports::voter_setup::Wish;

mod address;
pub mod exchange_data;
mod hand_over;
mod voters;

/// How long a call server may take to answer SIP OPTIONS: SIP's timer T1 is 500 ms, and a site on the other side of
/// a continent answers within it.
pub const PROBE_WITHIN: Duration = Duration::from_millis(500);

/// How often a call server that was just opened is asked before it counts as not answering.
const PROBES: u32 = 4;

/// Does steps for one configuration.
pub struct Performer<'a> {
    /// The world.
    pub ports: &'a Ports,
    /// The servers.
    pub systems: &'a SystemPorts,
    /// The settings.
    pub configuration: &'a Configuration,
    /// How the voters are set up, while they are.
    pub wish: Option<&'a Wish>,
}

impl<'a> Performer<'a> {
    /// One for any action but that of setting voters up.
    #[must_use]
    pub const fn new(ports: &'a Ports, systems: &'a SystemPorts, configuration: &'a Configuration) -> Self {
        Self { ports, systems, configuration, wish: None }
    }
}

impl Performer<'_> {
    /// Does a step; what was found, in a line.
    ///
    /// # Errors
    /// [`Stopped`] with every server that failed. What was done on other servers stays done.
    pub async fn perform(&self, step: &Step, begun: &Begun, dialog: &mut dyn Dialog) -> Result<String, Stopped> {
        let traffic = &self.systems.traffic;
        match step {
            Step::Block { servers } => {
                self.give_up_address(servers).await?;
                on_all(servers, async |id| Ok(traffic.block(id, Origin::Order).await?)).await?;
                Ok("rules written and read back".to_owned())
            }
            Step::ConfirmBlocked { servers } => self.confirm_blocked(servers).await,
            Step::Order { servers, order } => self.order(servers, *order).await,
            Step::Allow { servers } => {
                on_all(servers, async |id| Ok(traffic.allow(id).await?)).await?;
                self.take_address(servers, begun).await?;
                Ok("rules taken out".to_owned())
            }
            Step::ConfirmAllowed { servers } => self.confirm_allowed(servers).await,
            Step::CutEstablished { servers } => self.cut_established(servers).await,
            Step::InstallGuard { servers } => {
                let boot = self.configuration.boot;
                on_all(servers, async |id| Ok(traffic.install_guard(id, boot).await?)).await?;
                Ok("they boot blocked from now on".to_owned())
            }
            Step::RemoveGuard { servers } => {
                on_all(servers, async |id| Ok(traffic.remove_guard(id).await?)).await?;
                Ok("they boot as they did before".to_owned())
            }
            Step::ForgetOrder { servers } => {
                on_all(servers, async |id| Ok(traffic.forget_order(id).await?)).await?;
                Ok(String::new())
            }
            Step::SaveConfiguration => self.save_configuration(begun),
            Step::RemoveConfiguration => {
                self.ports.settings.remove()?;
                Ok(String::new())
            }
            Step::KeepMirror { mirror } => self.keep_mirror(mirror),
            Step::Copy { backup } => self.copy(backup, begun, dialog).await,
            Step::Load { mirror } => self.load(mirror.as_ref()).await,
            Step::LoadFormer { mirror } => self.load_former(mirror.as_ref(), begun).await,
            Step::Prune => self.prune(),
            Step::DiscardIncoming => {
                self.ports.mirrors.discard_incoming()?;
                Ok(String::new())
            }
            Step::SetUpVoters { order, .. } => self.set_up_voters(*order, dialog).await,
            Step::TakeOutVoters => self.take_out_voters(dialog).await,
            Step::HandOver { to, vouched } => self.hand_over(*to, *vouched, begun.reason.as_deref()).await,
            Step::DropMirror { mirror } => {
                self.ports.mirrors.discard(mirror)?;
                self.ports.scratch.clear()?;
                Ok(String::new())
            }
        }
    }

    /// Does steps that belong together: a proof and an order at the same time, others one after another. For each how
    /// many milliseconds it took, and how it ended.
    pub async fn perform_group(
        &self,
        steps: &[Step],
        begun: &Begun,
        dialog: &mut dyn Dialog,
    ) -> Vec<(u64, Result<String, Stopped>)> {
        if let [Step::ConfirmBlocked { servers: old }, Step::Order { servers: told, order }] = steps {
            let (proof, told) =
                tokio::join!(self.timed(self.confirm_blocked(old)), self.timed(self.order(told, *order)));
            return vec![proof, told];
        }
        let mut ends = Vec::new();
        for step in steps {
            ends.push(self.timed(self.perform(step, begun, dialog)).await);
        }
        ends
    }

    async fn timed<T>(&self, work: impl Future<Output = T>) -> (u64, T) {
        let begins = self.ports.clock.now();
        let result = work.await;
        (millis(self.ports.clock.now() - begins), result)
    }

    /// Does beforehand, on all servers at the same time, what would else be done while no site is live. Only a switch
    /// is worth it; what could not be done beforehand is done, or fails, in its step.
    pub async fn prepare(&self, steps: &[Step]) {
        let mut servers: BTreeMap<ServerId, Option<Order>> = BTreeMap::new();
        let mut switches = false;
        for step in steps {
            if let Step::Block { servers: named } | Step::Allow { servers: named } = step {
                for server in named {
                    servers.entry(*server).or_default();
                }
                switches |= matches!(step, Step::Allow { .. });
            }
            if let Step::Order { servers: named, order } = step {
                servers.extend(named.iter().map(|server| (*server, Some(*order))));
            }
        }
        if switches {
            let all = servers.into_iter().map(|(server, order)| self.systems.traffic.prepare(server, order));
            drop(join_all(all).await);
        }
    }

    async fn confirm_blocked(&self, servers: &BTreeSet<ServerId>) -> Result<String, Stopped> {
        on_all(servers, async |id| match self.systems.traffic.read(id).await {
            Traffic::Blocked { .. } => Ok(()),
            Traffic::Allowed => Err(Stopped::NotProved(format!("{id} still lets traffic in"))),
            Traffic::Partial { differences } => {
                Err(Stopped::NotProved(format!("{id} is blocked only in part: {}", differences.join("; "))))
            }
            Traffic::Unknown { because } => Err(Stopped::NotProved(format!("{id} cannot be read: {because}"))),
        })
        .await?;
        Ok(format!("{} blocked in fact", Servers(servers)))
    }

    async fn order(&self, servers: &BTreeSet<ServerId>, order: Order) -> Result<String, Stopped> {
        on_all(servers, async |id| Ok(self.systems.traffic.write_order(id, order).await?)).await?;
        Ok(format!("epoch {} is kept on {} servers", order.epoch, servers.len()))
    }

    /// The rules are gone, the new side's call server answers, and the old side's does not.
    async fn confirm_allowed(&self, servers: &BTreeSet<ServerId>) -> Result<String, Stopped> {
        on_all(servers, async |id| match self.systems.traffic.read(id).await {
            Traffic::Allowed => Ok(()),
            Traffic::Blocked { .. } => Err(Stopped::NotProved(format!("{id} still turns traffic away"))),
            Traffic::Partial { differences } => {
                Err(Stopped::NotProved(format!("{id} is open only in part: {}", differences.join("; "))))
            }
            Traffic::Unknown { because } => Err(Stopped::NotProved(format!("{id} cannot be read: {because}"))),
        })
        .await?;
        let Some(site) = servers.first().map(|server| server.site) else { return Ok(String::new()) };
        let (old, new) = tokio::join!(self.answers_once(site.other()), self.answers_in_the_end(site));
        if let Some(Answer::Answered(status)) = old {
            let old = site.other();
            return Err(Stopped::NotProved(format!("the {old} system still answers SIP OPTIONS (status {status})")));
        }
        match new {
            Some(Answer::Answered(status)) => {
                Ok(format!("SIP OPTIONS answered with {status}, and not by the other side"))
            }
            Some(Answer::Silent) => Err(Stopped::NotProved(format!("the {site} system does not answer SIP OPTIONS"))),
            None => Ok("rules read back; this platform is not probed".to_owned()),
        }
    }

    async fn answers_once(&self, site: Site) -> Option<Answer> {
        self.systems.call_server.answers(ServerId::first_of(site), PROBE_WITHIN).await
    }

    async fn answers_in_the_end(&self, site: Site) -> Option<Answer> {
        let mut last = None;
        for _ in 0..PROBES {
            last = self.answers_once(site).await;
            if !matches!(last, Some(Answer::Silent)) {
                break;
            }
        }
        last
    }

    async fn cut_established(&self, servers: &BTreeSet<ServerId>) -> Result<String, Stopped> {
        let cuts = join_all(servers.iter().map(|id| self.systems.traffic.cut_established(*id))).await;
        // The rules turn every packet away already; forgetting flows only spares the kernel their time-outs.
        let cut: u64 = cuts.into_iter().filter_map(|cut| cut.ok().flatten()).sum();
        Ok(format!("{cut} flows forgotten"))
    }

    fn save_configuration(&self, begun: &Begun) -> Result<String, Stopped> {
        let material = match &begun.material {
            Some(material) => material.clone(),
            None => self.ports.settings.material(self.configuration),
        };
        self.ports.settings.save(&material)?;
        Ok(String::new())
    }
}

/// Does the same on all servers at the same time, and tells every failure.
async fn on_all<F, Fut>(servers: &BTreeSet<ServerId>, work: F) -> Result<(), Stopped>
where
    F: Fn(ServerId) -> Fut,
    Fut: Future<Output = Result<(), Stopped>>,
{
    let results = join_all(servers.iter().map(|server| work(*server))).await;
    let mut failures: Vec<Stopped> = results.into_iter().filter_map(Result::err).collect();
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => Err(Stopped::Several(failures.iter().map(describe).collect())),
    }
}
