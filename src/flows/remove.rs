//! `remove`: takes the redundancy feature apart, without changing which site is live.

use std::collections::BTreeSet;

use super::carry_out::{Proposal, propose};
use super::configured::{self, Configured};
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, survey, witness};
use crate::domain::plan::{Action, Plan, Servers, Step};
use crate::domain::site::{ServerId, Site};
use crate::domain::takeover::Situation;
use crate::domain::traffic::Traffic;
use crate::ports::dialog::Dialog;

/// Removes the feature.
///
/// # Errors
/// [`Stopped`]: both sites live, takeover automatic, cancelled, or failed and taken back.
pub async fn remove(ports: &Ports, request: &Request, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let held = if request.dry_run { None } else { Some(configured::lock(ports, Action::Remove, request)?) };
    let Configured { configuration, systems } = Configured::open(ports)?;
    let situation = survey::situation(ports, &systems, &configuration).await?;
    let voters = ports.voter_setup.is_set_up().then(|| witness::taking_out(&configuration, &situation)).transpose()?;
    let plan = plan(&situation, voters)?;
    let material = Some(ports.settings.material(&configuration));
    let performer = Performer::new(ports, &systems, &configuration);
    let ended = propose(&performer, request, Proposal { plan, material, word: None }, dialog).await;
    drop(held);
    ended
}

/// Plans the removal by the traffic state of both sides (table 6.4 of the MX-ONE reference). Where there are voters, with
/// what is to be known before they are taken out.
fn plan(situation: &Situation, voters: Option<Vec<String>>) -> Result<Plan, Stopped> {
    let [primary, alternate] = Site::BOTH.map(|site| Seen::of(situation, site));
    let mut warnings = Vec::new();
    match (primary, alternate) {
        (Seen::Open, Seen::Open) => {
            return Err(Stopped::NotAllowed(
                "both systems let traffic in; block one first with manual-takeover".to_owned(),
            ));
        }
        (Seen::Blocked, Seen::Open) => warnings.push(
            "the alternate is active: configuring again later would reload the active system; to avoid that, cancel \
             and run manual-takeover traffic-in-primary first"
                .to_owned(),
        ),
        (Seen::Blocked, Seen::Blocked) => {
            warnings.push("both systems are blocked; after the removal nobody opens one but a person".to_owned());
        }
        (Seen::Silent, _) => {
            warnings.push("the primary does not answer; what is installed there stays there".to_owned());
        }
        (Seen::Open, Seen::Blocked | Seen::Silent) | (Seen::Blocked, Seen::Silent) => {}
    }
    let reached: BTreeSet<ServerId> = Site::BOTH.into_iter().flat_map(|site| situation.answering(site)).collect();
    warnings.extend(left_behind(situation, &reached));
    // The voters first, while each server still knows whose order it keeps.
    let mut steps: Vec<Step> = voters.iter().map(|_| Step::TakeOutVoters).collect();
    warnings.extend(voters.into_iter().flatten());
    steps.extend([
        Step::RemoveGuard { servers: reached.clone() },
        Step::ForgetOrder { servers: reached.clone() },
        Step::RemoveConfiguration,
    ]);
    Ok(Plan {
        action: Action::Remove,
        steps,
        way_back: vec![
            Step::SaveConfiguration,
            Step::Order { servers: reached.clone(), order: situation.order },
            Step::InstallGuard { servers: reached },
        ],
        warnings,
    })
}

/// How a site shows itself as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Traffic gets in, at least in part.
    Open,
    /// Every server that answers is blocked.
    Blocked,
    /// No server answers.
    Silent,
}

impl Seen {
    fn of(situation: &Situation, site: Site) -> Self {
        let answering = situation.answering(site);
        let is_blocked = |id: &ServerId| matches!(situation.servers.get(id), Some(Traffic::Blocked { .. }));
        match (answering.is_empty(), answering.iter().all(is_blocked)) {
            (true, _) => Self::Silent,
            (false, true) => Self::Blocked,
            (false, false) => Self::Open,
        }
    }
}

/// What stays on the servers after the removal.
fn left_behind(situation: &Situation, reached: &BTreeSet<ServerId>) -> Vec<String> {
    let blocked = |id: &&ServerId| matches!(situation.servers.get(id), Some(Traffic::Blocked { .. }));
    let blocked: BTreeSet<ServerId> = reached.iter().filter(blocked).copied().collect();
    let silent: BTreeSet<ServerId> = situation.servers.keys().filter(|id| !reached.contains(id)).copied().collect();
    let mut left =
        vec!["the mirrors, the history and the monitor's unit (if it was installed) stay on this server".to_owned()];
    if !blocked.is_empty() {
        left.push(format!(
            "{} stay blocked as they are now, but only until they reboot: uninstall them, or block them again with \
             mxone_maintenance",
            Servers(&blocked)
        ));
    }
    if !silent.is_empty() {
        left.push(format!(
            "{} do not answer and keep the boot guard: run mxone_maintenance uninstall there",
            Servers(&silent)
        ));
    }
    left
}
