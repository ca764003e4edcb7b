//! `manual-takeover`: makes the other site active, planned or forced.

use super::carry_out::{Proposal, propose};
use super::configured::{self, Configured};
use super::perform::Performer;
use super::{Ended, Ports, Request, Stopped, survey};
use crate::domain::plan::{Action, Plan};
use crate::domain::preflight::span;
use crate::domain::site::Site;
use crate::domain::takeover::{Situation, Vouched};
use crate::domain::traffic::Traffic;
use crate::ports::dialog::{Dialog, News};
use crate::ports::systems::SystemPorts;

/// Makes `site` active.
///
/// # Errors
/// [`Stopped`]: refused, cancelled, failed and taken back, or left standing when a person forced it.
pub async fn take_over(
    ports: &Ports,
    request: &Request,
    site: Site,
    dialog: &mut dyn Dialog,
) -> Result<Ended, Stopped> {
    let vouched = vouched(request)?;
    let action = Action::takeover_to(site);
    let held = match (request.dry_run, &vouched) {
        (true, _) => None,
        (false, None) => Some(configured::lock(ports, action, request)?),
        (false, Some(_)) => Some(configured::lock_over_a_takeover(ports, action, request)?),
    };
    let Configured { configuration, systems } = Configured::open(ports)?;
    let situation = survey::situation(ports, &systems, &configuration).await?;
    let by_voters = voters_in_force(ports).await?;
    let switch = if by_voters {
        Plan::hand_over_to(site, &situation, vouched.as_ref())
    } else {
        Plan::switch_to(site, &situation, vouched.as_ref())
    };
    let mut plan = match switch {
        Ok(plan) => plan,
        Err(refusal) => {
            for (server, traffic) in &situation.servers {
                if let Traffic::Unknown { because } = traffic {
                    dialog.tell(News::Note(format!("{server}: {because}")));
                }
            }
            if !request.dry_run {
                configured::note(ports, request, action, format!("refused: {refusal}"))?;
            }
            return Err(refusal.into());
        }
    };
    plan.warnings.extend(warnings(ports, &systems, site, &situation).await?);
    let name = site.to_string();
    let is_forced = !situation.silent(site.other()).is_empty();
    let proposal = Proposal { word: is_forced.then_some(name.as_str()), ..Proposal::from(plan) };
    let performer = Performer::new(ports, &systems, &configuration);
    let ended = propose(&performer, request, proposal, dialog).await;
    drop(held);
    ended
}

/// Whether the voters of automatic takeover decide who is live. One that cannot be asked may be the live one.
async fn voters_in_force(ports: &Ports) -> Result<bool, Stopped> {
    match ports.voter.ask(None).await {
        // The other monitor would still be entitled, whatever is blocked and opened behind its back.
        Ok(None) if ports.voter_setup.is_set_up() => Err(Stopped::NotAllowed(
            "automatic takeover is set up, and its monitor does not run here; start it first (`monitor`)".to_owned(),
        )),
        Ok(state) => Ok(state.is_some()),
        Err(error) => Err(Stopped::NotAllowed(format!(
            "the monitor of this machine works and does not answer ({error}); it may be asked by root only"
        ))),
    }
}

fn vouched(request: &Request) -> Result<Option<Vouched>, Stopped> {
    match (request.force, &request.reason) {
        (false, _) => Ok(None),
        (true, Some(reason)) if !reason.trim().is_empty() => Ok(Some(Vouched { reason: reason.clone() })),
        (true, _) => Err(Stopped::NoReason),
    }
}

/// What a person should know before the switch: the age of the data, the calls that will end.
async fn warnings(
    ports: &Ports,
    systems: &SystemPorts,
    site: Site,
    situation: &Situation,
) -> Result<Vec<String>, Stopped> {
    let mut warnings = vec![
        "phones and trunks that know both sites find the other one by themselves; until they have, nobody calls"
            .to_owned(),
    ];
    if !situation.silent(site.other()).is_empty() && !ports.journal.watched() {
        warnings.push(
            "no monitor runs here, so what does not answer is not blocked when it is back either: install the monitor \
             with `monitor --install`, or block it there with mxone_maintenance"
                .to_owned(),
        );
    }
    if site == Site::Alternate
        && let Some(loaded) = ports.journal.memory()?.loaded
    {
        let from = loaded.generation.backup.taken_at.unwrap_or(loaded.generation.taken_at);
        let age = span(ports.clock.now().fixed_offset() - from);
        warnings.push(format!(
            "the alternate has the data of {} ({age} ago); what is newer is not there",
            from.format("%Y-%m-%d %H:%M")
        ));
    }
    // Who does not answer is not asked once more for its calls.
    if situation.silent(site.other()).is_empty()
        && let Ok(usage) = systems.call_server.load_now(site.other()).await
        && let Some(calls) = usage.calls.filter(|calls| *calls > 0)
    {
        warnings.push(format!("{calls} calls are up; calls in progress are not carried over"));
    }
    Ok(warnings)
}
