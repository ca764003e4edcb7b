//! What a telephony platform is like: a checked platform profile.

use std::time::Duration;

use globset::GlobMatcher;
use regex::Regex;

use super::alarm::ExpectedAlarms;
use super::traffic::{Protocol, TelephonyPort};

pub mod fields;
pub mod placeholders;
pub mod reader;

/// A checked platform profile: for each fact the command and how to read it, the places of addresses in exchange
/// data, the backup, the load, the ports of telephony.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The name it is called by, `mxone`.
    pub name: String,
    /// The product's name, for people.
    pub title: String,
    /// Commands that tell facts.
    pub facts: Facts,
    /// Where the primary keeps its backups: a path with `{id}` and `{version}`.
    pub backup_path: String,
    /// Where addresses live in exchange data; a file is read by the first place whose pattern matches it.
    pub addresses: Vec<AddressPlace>,
    /// How translated exchange data gets into the alternate.
    pub load: Load,
    /// What is blocked.
    pub telephony: Vec<TelephonyPort>,
    /// How the call server is asked whether it answers.
    pub probe: Option<SipProbe>,
    /// Alarms a passive or freshly loaded system is expected to raise.
    pub expected_alarms: ExpectedAlarms,
}

impl PartialEq for Platform {
    /// Profiles are the same when they are called the same and say the same.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && format!("{self:?}") == format!("{other:?}")
    }
}

/// The facts a platform can be asked for.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// A row with `address`: the master IP address. Without it the address is asked of the person only.
    pub master_address: Option<Query>,
    /// A row with `version`.
    pub version: Option<Query>,
    /// Rows with `lim` and `address`. Without it a system is LIM 1 alone, unless the person lists more.
    pub servers: Option<Query>,
    /// Named queries whose rows, as text, make the topology (gateways, media servers, clusters).
    pub topology: Vec<(String, Query)>,
    /// A row with `id`, and where known `date`, `zone` and `version`: the current backup.
    pub current_backup: Option<Query>,
    /// Rows with `id` and `version`: all backups, where the command for the current one leaves its version out.
    pub backups: Option<Query>,
    /// Holds only when the newest backup is complete.
    pub backup_complete: Option<Check>,
    /// Holds only when LIM 1 runs on its regular server.
    pub regular_server: Option<Check>,
    /// Holds only when every cluster falls back automatically.
    pub automatic_fallback: Option<Check>,
    /// Holds only while the telephony software is well; asked on LIM 1 of the live site.
    pub healthy: Option<Check>,
    /// Rows with `calls`: calls that are up.
    pub calls: Option<Query>,
    /// Rows with `text`, and where told `lim` and `severity`: the alarms of the system.
    pub alarms: Option<Query>,
    /// One row a registered terminal.
    pub registrations: Option<Query>,
}

/// A read-only command, run on LIM 1 of a site, and how its output is read.
#[derive(Debug, Clone)]
pub struct Query {
    /// Program and arguments.
    pub run: Vec<String>,
    /// Whether it needs root.
    pub as_root: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// How its output is read.
    pub read: Reader,
}

/// A condition: the rows that a query picks are not none, and all hold these values.
///
/// The values are looked at after the query has picked: "the newest dump is successful" is another thing than "the
/// newest successful dump".
#[derive(Debug, Clone)]
pub struct Check {
    /// The query.
    pub query: Query,
    /// Field and value.
    pub expect: Vec<(String, String)>,
}

/// How the output of a command becomes rows of named fields.
#[derive(Debug, Clone)]
pub enum Reader {
    /// The one address in CIDR notation, as the field `address`; more than one distinct is an error.
    OnlyCidr,
    /// A regular expression with named groups, matched on every line; `pick` says which matches count.
    Pattern {
        /// The expression.
        pattern: Regex,
        /// Which matches.
        pick: Pick,
    },
    /// A table whose columns begin where their headings begin.
    Table {
        /// A line that contains this starts the table; its headings follow. Empty: the headings are looked for at once.
        after: String,
        /// Field name and heading.
        columns: Vec<(String, String)>,
        /// Only rows whose field has this value.
        only: Vec<(String, String)>,
        /// Which rows.
        pick: Pick,
    },
}

/// Which of several matches count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// All.
    All,
    /// The first.
    First,
    /// The last.
    Last,
    /// The one that sorts last as text (the newest of names that hold a date).
    Greatest,
}

/// Where addresses live in one kind of file.
#[derive(Debug, Clone)]
pub struct AddressPlace {
    /// The files, matched against the path below the backup's folder.
    pub files: GlobMatcher,
    /// The layout of the file.
    pub layout: Layout,
}

/// The layout of a file of exchange data, and which of its fields hold addresses.
#[derive(Debug, Clone)]
pub enum Layout {
    /// Lines `key = value` or `key: value` or `key value`; keys named here hold addresses.
    KeyValue(Fields),
    /// Comma-separated values with a heading line; columns named here hold addresses.
    Csv(Fields),
    /// Any text: every address in it, own when it is an address of the primary or lies in one of its networks.
    Text,
}

/// Names of fields that hold addresses; `*` at an end of a name stands for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Fields whose addresses belong to the primary: they must be translated.
    pub own: Vec<String>,
    /// Fields whose addresses belong to others: they may be.
    pub foreign: Vec<String>,
}

/// How translated exchange data gets into the alternate.
#[derive(Debug, Clone)]
pub struct Load {
    /// The folder on the alternate's LIM 1 that receives the translated files: a path with `{id}` and `{version}`.
    pub place: String,
    /// Commands run one after another, each an argument list with `{place}`, `{id}` and `{version}`.
    pub commands: Vec<LoadCommand>,
    /// What must be different, or there, afterwards.
    pub proof: Proof,
}

/// One command of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadCommand {
    /// Program and arguments, with placeholders.
    pub run: Vec<String>,
    /// Whether it needs root.
    pub as_root: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// Texts that mean failure even when the exit status is 0.
    pub failure_texts: Vec<String>,
    /// What it prompts for and what is answered on its input.
    pub input: String,
}

/// What proves a load.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A query whose first row must be another one than before the load, and hold these values.
    NewRow {
        /// The query.
        query: Box<Query>,
        /// Field and value.
        expect: Vec<(String, String)>,
    },
    /// A query that must give a row with these values (`{id}` and `{version}` are filled in).
    Row {
        /// The query.
        query: Box<Query>,
        /// Field and value.
        expect: Vec<(String, String)>,
    },
}

/// A SIP OPTIONS request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipProbe {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}
