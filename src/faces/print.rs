//! Results as text for a person; with `--json` they are documents instead.

use std::fmt::Write as _;

use crate::domain::backup::GenerationName;
use crate::domain::configuration::Configuration;
use crate::domain::journal::{Event, Line, Outcome};
use crate::domain::lease::Known;
use crate::domain::preflight::{size, span};
use crate::domain::report::{Status, SystemStatus};
use crate::domain::site::Site;
use crate::domain::translation::Preview;
use crate::flows::mirrors::{Listed, Use};
use crate::flows::settings::mode_word;
use crate::ports::host::printable;

use super::teller::seconds;

/// What does not happen without the monitor.
pub const NO_MONITOR: &str = "no daily copy runs, and a site that comes back is not blocked";

/// `status` for a person.
#[must_use]
pub fn status(status: &Status) -> String {
    let mut text = format!("{}\n", status.verdict);
    if let Some(running) = &status.running {
        let _ = writeln!(text, "running now: {running}");
    }
    if let Some(unfinished) = &status.unfinished {
        let _ = writeln!(text, "UNFINISHED: {unfinished}; finish it with --resume or take it back with --abandon");
    }
    for (site, system) in [(Site::Primary, &status.primary), (Site::Alternate, &status.alternate)] {
        if let Some(system) = system {
            text.push_str(&system_text(site, system));
        }
    }
    if !status.configured {
        return text;
    }
    let active = serde_json::to_value(status.active).ok().and_then(|word| word.as_str().map(str::to_owned));
    let _ = writeln!(text, "order      {} active, epoch {}", active.unwrap_or_default(), status.epoch);
    let _ = writeln!(text, "guarantee  {}", status.guarantee_told);
    if let Some(why) = &status.why {
        let _ = writeln!(text, "why        {}: {}", why.decides, why.because);
        let _ = writeln!(text, "change     what would change it: {}", why.would_change);
        text.push_str(&known(&why.known));
    }
    for control in &status.network_control_address {
        let _ = writeln!(
            text,
            "control    {}: {} from the primary, {} from the alternate",
            control.address,
            reached(control.from_primary),
            reached(control.from_alternate)
        );
    }
    if let Some(takeover) = &status.takeover {
        let (there, back) = (mode_word(takeover.alternate_from_primary), mode_word(takeover.primary_from_alternate));
        let _ = writeln!(text, "takeover   alternate-from-primary {there}, primary-from-alternate {back}");
    }
    match &status.mirror {
        Some(mirror) => {
            let age = span(chrono::Duration::seconds(mirror.age_seconds));
            let loaded = mirror.loaded_at.format("%Y-%m-%d %H:%M");
            let _ = writeln!(text, "data       mirror {} loaded {loaded}; what is in it is {age} old", mirror.name);
        }
        None => text.push_str("data       no mirror is loaded\n"),
    }
    if !status.alarms_raised.is_empty() {
        let names: Vec<String> = status.alarms_raised.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "alarms     {} raised: {}; see events", names.len(), names.join(", "));
    }
    if !status.monitor_running {
        let _ = writeln!(text, "monitor    NOT RUNNING on this server: {NO_MONITOR}; see monitor --install");
    }
    if let Some(auto_copy) = &status.auto_copy {
        let next =
            auto_copy.next.map_or_else(|| "never".to_owned(), |next| next.format("%Y-%m-%d %H:%M %:z").to_string());
        let last = auto_copy.last_result.as_deref().unwrap_or("none yet");
        let _ = writeln!(text, "daily copy {}; next {next}; last: {last}", auto_copy.schedule);
    }
    text
}

fn system_text(site: Site, system: &SystemStatus) -> String {
    let version = system.version.as_deref().unwrap_or("not told");
    let calls = system.calls.map_or_else(String::new, |calls| format!(", {calls} calls"));
    let mut text = format!("{:<10} {}, version {version}{calls}\n", site.to_string(), system.traffic);
    for alarm in &system.alarms {
        let lim = if alarm.lim.is_empty() { String::new() } else { format!(" (LIM {})", alarm.lim) };
        let _ = writeln!(text, "  alarm   {}{lim}: {}", printable(&alarm.text), alarm.reading.word());
    }
    for server in &system.servers {
        let _ = write!(text, "  LIM {:<3} {:<15} {}", server.lim, server.address.to_string(), server.traffic);
        if let Some(turned_away) = server.turned_away {
            let since = server
                .blocked_since
                .map_or_else(|| "it booted".to_owned(), |since| since.format("%Y-%m-%d %H:%M").to_string());
            let _ = write!(text, ", {turned_away} packets turned away since {since}");
        }
        text.push('\n');
        for remark in &server.remarks {
            let _ = writeln!(text, "      {remark}");
        }
    }
    text
}

fn reached(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "reached",
        Some(false) => "NOT reached",
        None => "unknown",
    }
}

/// `list` for a person.
#[must_use]
pub fn configuration(configuration: &Configuration) -> String {
    let membership = &configuration.membership;
    let mut text = format!("platform   {} ({})\n", membership.platform.name, membership.platform.title);
    for (server, card) in &membership.servers {
        let _ = writeln!(text, "server     {server}: {}", card.address);
    }
    for address in &configuration.network_control_address {
        let _ = writeln!(text, "control    {address}");
    }
    for address in &configuration.service_address {
        let _ = writeln!(text, "service    {address}");
    }
    let takeover = &configuration.takeover;
    let (there, back) = (mode_word(takeover.alternate_from_primary), mode_word(takeover.primary_from_alternate));
    let _ = writeln!(text, "takeover   alternate-from-primary {there}, primary-from-alternate {back}");
    let boot = serde_json::to_value(configuration.boot.without_peer).ok();
    let boot = boot.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
    let _ = writeln!(text, "boot       without peer: {boot}, grace {} s", configuration.boot.grace.as_secs());
    match &configuration.auto_copy {
        Some(auto_copy) => {
            let _ = writeln!(text, "daily copy {auto_copy}");
        }
        None => text.push_str("daily copy none\n"),
    }
    let _ = writeln!(text, "translation {} entries", configuration.translation.len());
    text
}

/// `data mirrors list` for a person.
#[must_use]
pub fn mirrors(mirrors: &[Listed]) -> String {
    if mirrors.is_empty() {
        return "no mirrors\n".to_owned();
    }
    let line = |listed: &Listed| {
        let generation = &listed.generation;
        let version = generation.backup.version.as_deref().unwrap_or("version not told");
        format!(
            "{:<28} copied {}  {} in {} files  {version}{}\n",
            generation.name.to_string(),
            generation.taken_at.format("%Y-%m-%d %H:%M"),
            size(generation.manifest.bytes()),
            generation.manifest.files.len(),
            if listed.using == Use::Loaded { "  LOADED" } else { "" }
        )
    };
    mirrors.iter().map(line).collect()
}

/// `settings translation preview` for a person.
#[must_use]
pub fn preview(mirror: &GenerationName, preview: &Preview) -> String {
    let mut text = String::new();
    for change in &preview.changes {
        let file = printable(&change.file);
        let _ = writeln!(text, "{file}:{}\n- {}\n+ {}", change.line, change.before, change.after);
    }
    let more = if preview.more { "; not all are listed" } else { "" };
    let _ = writeln!(text, "{} addresses in mirror {mirror} would become others{more}", preview.replaced);
    text
}

/// The lines of the last actions.
#[must_use]
pub fn last_actions(lines: &[Line], last: usize) -> Vec<&Line> {
    let mut ids: Vec<&str> = Vec::new();
    for line in lines {
        if !ids.contains(&line.id.as_str()) {
            ids.push(&line.id);
        }
    }
    let from = ids.len().saturating_sub(last);
    let shown = &ids[from..];
    lines.iter().filter(|line| shown.contains(&line.id.as_str())).collect()
}

/// `history` for a person: actions, each with its lines.
#[must_use]
pub fn history(lines: &[&Line]) -> String {
    let mut text = String::new();
    let mut before = "";
    for line in lines {
        if line.id != before {
            let reason = line.reason.as_ref().map_or_else(String::new, |reason| format!("; reason: {reason}"));
            let at = line.at.format("%Y-%m-%d %H:%M:%S");
            let _ = writeln!(text, "{at}  {}  by {}{reason}", line.action, line.person);
        }
        before = &line.id;
        if let Some(event) = event_text(&line.event) {
            let _ = writeln!(text, "  {}  {event}", line.at.format("%H:%M:%S%.3f"));
        }
    }
    if text.is_empty() { "no history yet\n".to_owned() } else { text }
}

fn event_text(event: &Event) -> Option<String> {
    match event {
        Event::Begun { .. } => None,
        Event::Before { number, change } => Some(format!("{number} {change}")),
        Event::After { number, milliseconds, outcome } => {
            Some(format!("{number} {} in {}", outcome_text(outcome), seconds(*milliseconds)))
        }
        Event::GoingBack { because } => Some(format!("going back: {because}")),
        Event::Ended { milliseconds, outcome } => {
            Some(format!("ended: {} after {}", outcome_text(outcome), seconds(*milliseconds)))
        }
        Event::Noted { note } => Some(note.clone()),
    }
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { found } if found.is_empty() => "done".to_owned(),
        Outcome::Done { found } => format!("done: {found}"),
        Outcome::Failed { because } => format!("FAILED: {because}"),
        Outcome::WentBack { because } => format!("put back: {because}"),
        Outcome::NotDone { because } => format!("not done: {because}"),
    }
}

/// What a decision hangs on, a line each.
#[must_use]
pub fn known(known: &[Known]) -> String {
    let lines: Vec<String> =
        known.iter().map(|known| format!("  {:<18} {}\n", known.what, printable(&known.is))).collect();
    lines.concat()
}
