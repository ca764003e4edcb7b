//! `settings takeover-limits`: the limits that automatic takeover decides by.

use super::settings::{change as keep, tell_voters};
use super::{Ended, Ports, Request, Stopped};
use crate::domain::configuration::Configuration;
use crate::domain::lease::{Limit, Limits};
use crate::ports::dialog::{Dialog, Question};

/// Changes one limit; both monitors go by it at once.
///
/// # Errors
/// [`Stopped::BadInput`] when it cannot be so; as [`super::settings::change`]; [`Stopped::NotProved`] when it is written
/// down and the monitor was not told.
pub async fn change(ports: &Ports, request: &Request, limit: Limit, dialog: &mut dyn Dialog) -> Result<Ended, Stopped> {
    let before = ports.settings.load()?.ok_or(Stopped::NotConfigured)?;
    let question = Question {
        key: "limit",
        flag: "VALUE",
        prompt: format!("{limit}, {}: what is it to be?", limit.says()),
        default: Some(before.takeover.limits.get(limit)),
        choices: &[],
        refused: None,
        help: "automatic#What it goes by",
    };
    let answer = dialog.ask(&question, &|text| changed(&before, limit, text).map(drop)).await?;
    let limits = changed(&before, limit, &answer).map_err(Stopped::BadInput)?;
    let what = format!("takeover-limits {limit} {}", limits.get(limit));
    let ended = keep(ports, request, &what, |configuration| {
        configuration.takeover.limits = limits;
        Ok(())
    })?;
    if ports.voter_setup.is_set_up() && !request.dry_run {
        tell_voters(ports, dialog).await?;
    }
    Ok(ended)
}

fn changed(configuration: &Configuration, limit: Limit, text: &str) -> Result<Limits, String> {
    let mut limits = configuration.takeover.limits;
    limits.set(limit, text)?;
    limits.fault(configuration.network_control_address.len()).map_or(Ok(limits), Err)
}
