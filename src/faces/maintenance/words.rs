//! How the state of the machine is told, to people and to programs.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::domain::traffic::{Origin, Traffic};
use crate::flows::maintenance::{Change, Done, Reading};

/// The form of the JSON document.
const SCHEMA: u32 = 1;

/// The state, and what would be changed.
pub(super) fn report(reading: &Reading, changes: &[Change], as_json: bool) -> String {
    if as_json {
        return document(reading, changes).to_string();
    }
    let mut lines = vec![state(&reading.traffic)];
    if let Traffic::Partial { differences } = &reading.traffic {
        lines.extend(differences.iter().map(|what| format!("  {what}")));
    }
    if reading.configured {
        lines.push("system redundancy is configured on this server".to_owned());
    }
    lines.extend(reading.running.iter().map(|running| format!("running now: {running}")));
    lines.extend(changes.iter().map(|change| format!("would {change}")));
    lines.join("\n")
}

/// What is to be known beside the state after something was done.
pub(super) fn remarks(done: &Done) -> Vec<String> {
    let unwritten = done.unwritten.iter().map(|what| format!("warning: the history was not written: {what}"));
    unwritten.chain(done.left.iter().map(|left| format!("left behind: {left}"))).collect()
}

/// A gate counts nothing and does not know since when.
const BY_GATE: &str = "blocked by the gate of automatic takeover, which no right holds open; `remove` does not open it";

/// The state in a sentence.
pub(super) fn state(traffic: &Traffic) -> String {
    match traffic {
        Traffic::Allowed => "allowed: telephony traffic reaches this server".to_owned(),
        Traffic::Blocked { origin, since, turned_away } => {
            let by = match origin {
                Origin::Order => "by order, as the other site is active",
                Origin::Boot => "by the boot guard",
                Origin::Maintenance => "by hand",
                Origin::Gate => return BY_GATE.to_owned(),
            };
            let since = since.map_or_else(|| "it booted".to_owned(), |since| since.format("%F %T %:z").to_string());
            format!("blocked {by}: {} packets turned away since {since}", grouped(*turned_away))
        }
        Traffic::Partial { .. } => "partial: some of the rules are not as they ought to be".to_owned(),
        Traffic::Unknown { because } => format!("unknown: {because}"),
    }
}

fn document(reading: &Reading, changes: &[Change]) -> Value {
    let traffic = &reading.traffic;
    let mut document = json!({
        "schema": SCHEMA,
        "traffic": traffic.word(),
        "redundancy_configured": reading.configured,
        "running": reading.running,
    });
    match traffic {
        Traffic::Allowed => {}
        Traffic::Blocked { origin, since, turned_away } => {
            document["origin"] = json!(origin);
            document["since"] = json!(since.map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, false)));
            document["turned_away"] = json!(turned_away);
        }
        Traffic::Partial { differences } => document["differences"] = json!(differences),
        Traffic::Unknown { because } => document["because"] = json!(because),
    }
    if !changes.is_empty() {
        document["would"] = json!(changes);
    }
    document
}

/// A number with a comma after every three digits: `1,204`.
pub(in crate::faces) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_server_tells_by_whom_since_when_and_how_many_were_turned_away() {
        let since = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:10:00+01:00").ok();
        let traffic = Traffic::Blocked { origin: Origin::Maintenance, since, turned_away: 1_204 };
        let told = "blocked by hand: 1,204 packets turned away since 2026-11-21 02:10:00 +01:00";
        let running = Some("mxone_admin on pts/3, remove since 2026-11-21 02:14:00".to_owned());
        let reading = Reading { traffic, configured: false, running: None, monitored: false };
        assert_eq!(report(&reading, &[], false), told);
        let reading = Reading { running, ..reading };
        assert!(
            report(&reading, &[], false)
                .ends_with("\nrunning now: mxone_admin on pts/3, remove since 2026-11-21 02:14:00")
        );
        let json: Value = serde_json::from_str(&report(&reading, &[Change::Allow], true)).unwrap();
        assert_eq!(json["traffic"], "blocked");
        assert_eq!(json["since"], "2026-11-21T02:10:00+01:00");
        assert_eq!(json["would"][0]["change"], "allow");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let told = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(told, ["0", "999", "1,000", "1,234,567"]);
    }
}
