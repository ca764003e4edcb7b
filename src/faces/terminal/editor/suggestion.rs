//! What an address could become, so that a person need not type it.

use ipnet::IpNet;

use super::knowledge::{Knowledge, is_host};
use super::row::{Kind, Row};
use crate::domain::translation::{TranslationEntry, TranslationTable};

/// What an address could become, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suggestion {
    pub(super) alternate: IpNet,
    pub(super) source: Source,
}

/// Who suggests it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A rule that would speak if the entry for just this address were taken out.
    Rule(TranslationEntry),
    /// The only alternate network as large as the primary network that the address stands in.
    Network(IpNet),
}

impl Suggestion {
    /// What a row could become instead of what it becomes now.
    pub(super) fn of(row: &Row, table: &TranslationTable, knowledge: &Knowledge) -> Option<Self> {
        if row.kind == Kind::Elsewhere {
            return None;
        }
        let by_rule = if row.has_entry { Self::by_rule(row.primary, table) } else { None };
        let found = by_rule.or_else(|| Self::by_networks(row, knowledge))?;
        let helps = row.becomes != Some(found.alternate) && !(row.kind == Kind::Own && found.alternate == row.primary);
        helps.then_some(found)
    }

    /// Who suggests it, in words.
    pub(super) fn because(&self) -> String {
        match self.source {
            Source::Rule(rule) => format!("as the rule {rule} would have it"),
            Source::Network(alternate) => format!("the same host in {alternate}"),
        }
    }

    fn by_rule(primary: IpNet, table: &TranslationTable) -> Option<Self> {
        let rule = table.rule_for(primary.supernet()?)?;
        let alternate = IpNet::new(rule.apply(primary.addr()), primary.prefix_len()).ok()?;
        Some(Self { alternate, source: Source::Rule(rule) })
    }

    /// Only for what must be mapped and is not: elsewhere it would be noise.
    fn by_networks(row: &Row, knowledge: &Knowledge) -> Option<Self> {
        if row.kind != Kind::Own || row.becomes.is_some_and(|becomes| becomes != row.primary) {
            return None;
        }
        let own = knowledge.scan.own.0.iter().filter(|own| !is_host(**own) && own.contains(&row.primary));
        let primary = own.max_by_key(|own| own.prefix_len())?.trunc();
        let same_size = |network: &&IpNet| {
            network.prefix_len() == primary.prefix_len() && network.addr().is_ipv4() == primary.addr().is_ipv4()
        };
        let mut fitting = knowledge.alternate.iter().filter(same_size).map(IpNet::trunc);
        let alternate = fitting.next()?;
        if fitting.any(|other| other != alternate) {
            return None;
        }
        let rule = TranslationEntry::network(primary, alternate).ok()?;
        let becomes = IpNet::new(rule.apply(row.primary.addr()), row.primary.prefix_len()).ok()?;
        Some(Self { alternate: becomes, source: Source::Network(alternate) })
    }
}
