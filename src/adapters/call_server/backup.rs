//! Finds the current backup of a site and reads when it was made.

use chrono::{DateTime, FixedOffset, NaiveDateTime};

use super::{ProfiledCallServer, machine, not_understood};
use crate::domain::backup::Backup;
use crate::domain::platform::placeholders::Placeholders;
use crate::domain::platform::reader::Row;
use crate::domain::site::{ServerId, Site};
use crate::ports::call_server::{CallServer, CallServerError};
use crate::ports::host::{Command, Output};

const WHAT: &str = "the current backup";

/// Zone names that mean one offset everywhere. Others (IST, CST, BST) are left to the server itself.
const ZONES: [(&str, i32); 10] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("MSK", 3),
];

impl ProfiledCallServer {
    pub(super) async fn newest_backup(&self, site: Site) -> Result<Option<Backup>, CallServerError> {
        let facts = &self.platform.facts;
        let Some(rows) = self.ask_if(site, WHAT, facts.current_backup.as_ref()).await? else { return Ok(None) };
        let Some(row) = rows.first() else { return Ok(None) };
        let server = ServerId::first_of(site);
        let id = name_of(row, "id").map_err(|because| not_understood(server, WHAT, because))?;
        let version = self.version_of(site, row, &id).await?;
        let values = Placeholders { id: &id, version: version.as_deref().unwrap_or_default(), place: "" };
        let path = values.fill(&self.platform.backup_path);
        let taken_at = self.taken_at(site, row).await;
        Ok(Some(Backup { id, taken_at, version, path }))
    }

    /// The version a backup was made with: as its row says, else as the list of backups says, else the system's own.
    async fn version_of(&self, site: Site, row: &Row, id: &str) -> Result<Option<String>, CallServerError> {
        let server = ServerId::first_of(site);
        let checked = |row: &Row| name_of(row, "version").map_err(|because| not_understood(server, WHAT, because));
        if row.contains_key("version") {
            return checked(row).map(Some);
        }
        let listed = self.ask_if(site, "the list of backups", self.platform.facts.backups.as_ref()).await?;
        if let Some(row) = listed.iter().flatten().find(|row| row.get("id").is_some_and(|known| known == id)) {
            return checked(row).map(Some);
        }
        if !self.platform.needs_version() {
            return Ok(None);
        }
        match self.version(site).await? {
            Some(version) => checked(&Row::from([("version".to_owned(), version)])).map(Some),
            None => Err(not_understood(server, WHAT, "the version it was made with is not told")),
        }
    }

    /// When a backup was made, where that can be told: with an offset, as seconds since 1970, or in the server's local
    /// time, of which the server itself knows best what it was.
    async fn taken_at(&self, site: Site, row: &Row) -> Option<DateTime<FixedOffset>> {
        let date = row.get("date").filter(|date| !date.is_empty())?;
        if let Some(exact) = exact_time(date) {
            return Some(exact);
        }
        let local = local_time(date)?;
        if let Some(offset) = row.get("zone").and_then(|zone| offset_of(zone)) {
            return local.and_local_timezone(offset).single();
        }
        let asked = local.format("%Y-%m-%d %H:%M:%S").to_string();
        let command = Command::new(["date", "-d", &asked, "+%Y-%m-%dT%H:%M:%S%:z"]).as_user();
        // The age is then not told; that the backup is there is what counts.
        let output = self.host(ServerId::first_of(site)).run(command).await.ok().filter(Output::success)?;
        DateTime::parse_from_rfc3339(output.text().trim()).ok()
    }
}

/// A name that is going to be a step of a path: plain characters only, so that no server leads us elsewhere.
fn name_of(row: &Row, field: &str) -> Result<String, String> {
    let name = row.get(field).map_or("", String::as_str);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+:@,=~ ".contains(c);
    let safe = !name.is_empty() && name.len() <= 120 && name.chars().all(plain) && !name.starts_with(['.', '-', ' ']);
    if safe {
        return Ok(name.to_owned());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(format!("its {field} \"{shown}\" is not fit for a path"))
}

fn exact_time(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z"))
        .ok()
        .or_else(|| machine::epoch_time(text).map(|time| time.fixed_offset()))
}

fn local_time(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%d%H%M%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

fn offset_of(zone: &str) -> Option<FixedOffset> {
    let (_, hours) = ZONES.iter().find(|(name, _)| *name == zone)?;
    FixedOffset::east_opt(hours * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for bad in ["", "..", "../x", "a/b", "-rf", "$(reboot)", "a'b", "a\u{202e}b", "x;y", " x", "`id`"] {
            assert!(name_of(&Row::from([("id".to_owned(), bad.to_owned())]), "id").is_err(), "{bad}");
        }
        let odd = name_of(&Row::from([("id".to_owned(), "$(reboot)".to_owned())]), "id");
        assert_eq!(odd, Err("its id \"$(reboot)\" is not fit for a path".to_owned()));
        for good in ["20180209165502", "16.3.1.4.5", "5.0 SP6 build17"] {
            assert_eq!(name_of(&Row::from([("id".to_owned(), good.to_owned())]), "id").as_deref(), Ok(good));
        }
    }

    #[test]
    fn dates_are_read_in_the_forms_that_commands_print() {
        assert_eq!(exact_time("2026-11-21T02:00:00+01:00").unwrap().to_rfc3339(), "2026-11-21T02:00:00+01:00");
        assert_eq!(exact_time("2026-11-21 02:00:00 +0100").unwrap().to_rfc3339(), "2026-11-21T02:00:00+01:00");
        assert_eq!(exact_time("1763739224").unwrap().to_rfc3339(), "2025-11-21T15:33:44+00:00");
        assert!(exact_time("2018-02-09 16:55:02").is_none());
        assert_eq!(local_time("2018-02-09 16:55:02"), local_time("20180209165502"));
        assert_eq!(offset_of("CET"), FixedOffset::east_opt(3600));
        assert_eq!(offset_of("IST"), None);
    }
}
