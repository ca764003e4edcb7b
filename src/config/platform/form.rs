//! A platform profile as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::checked::{Argument, Expression, FieldPattern, FilePattern, ProfileName, TimeLimit};
use crate::domain::platform::Pick;
use crate::domain::traffic::{PortRange, Protocol};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) platform: ProfileName,
    pub(super) title: String,
    #[serde(default)]
    pub(super) facts: Facts,
    pub(super) backup_path: Spanned<String>,
    pub(super) addresses: Vec<AddressPlace>,
    pub(super) load: Load,
    pub(super) telephony: Spanned<Vec<Spanned<Ports>>>,
    #[serde(default)]
    pub(super) never_block: Vec<Spanned<Ports>>,
    #[serde(default)]
    pub(super) probe: Option<Spanned<Probe>>,
    #[serde(default)]
    pub(super) expected_alarms: Expected,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expected {
    pub(super) while_passive: Vec<String>,
    pub(super) after_load: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Facts {
    pub(super) master_address: Option<Query>,
    pub(super) version: Option<Query>,
    pub(super) servers: Option<Query>,
    pub(super) topology: BTreeMap<String, Query>,
    pub(super) current_backup: Option<Query>,
    pub(super) backups: Option<Query>,
    pub(super) backup_complete: Option<Check>,
    pub(super) regular_server: Option<Check>,
    pub(super) automatic_fallback: Option<Check>,
    pub(super) healthy: Option<Check>,
    pub(super) calls: Option<Query>,
    pub(super) registrations: Option<Query>,
    pub(super) alarms: Option<Query>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub(super) run: Spanned<Vec<Argument>>,
    #[serde(default)]
    pub(super) as_root: bool,
    #[serde(default = "TimeLimit::of_query")]
    pub(super) timeout: TimeLimit,
    pub(super) read: Spanned<Read>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) query: Query,
    #[serde(default)]
    pub(super) expect: BTreeMap<String, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Read {
    OnlyCidr,
    Lines(Lines),
    Table(Table),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    pub(super) pattern: Expression,
    #[serde(default)]
    pub(super) pick: PickForm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(default)]
    pub(super) after: String,
    pub(super) columns: Spanned<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) only: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) pick: PickForm,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PickForm {
    #[default]
    All,
    First,
    Last,
    Greatest,
}

impl From<PickForm> for Pick {
    fn from(pick: PickForm) -> Self {
        match pick {
            PickForm::All => Self::All,
            PickForm::First => Self::First,
            PickForm::Last => Self::Last,
            PickForm::Greatest => Self::Greatest,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressPlace {
    pub(super) files: FilePattern,
    pub(super) layout: Spanned<LayoutForm>,
    #[serde(default)]
    pub(super) own: Vec<FieldPattern>,
    #[serde(default)]
    pub(super) foreign: Vec<FieldPattern>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LayoutForm {
    KeyValue,
    Csv,
    Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    pub(super) place: Spanned<String>,
    pub(super) commands: Spanned<Vec<LoadCommand>>,
    pub(super) proof: Proof,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadCommand {
    pub(super) run: Spanned<Vec<Argument>>,
    #[serde(default)]
    pub(super) as_root: bool,
    #[serde(default = "TimeLimit::of_load")]
    pub(super) timeout: TimeLimit,
    #[serde(default)]
    pub(super) failure_texts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) input: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Proof {
    NewRow(Check),
    Row(Check),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ports {
    pub(super) protocol: Protocol,
    #[serde(rename = "ports")]
    pub(super) range: PortRange,
    pub(super) what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) protocol: ProbeProtocol,
    pub(super) port: u16,
}

/// A probe is one datagram and its answer.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProbeProtocol {
    Udp,
}
