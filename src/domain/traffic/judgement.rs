//! What the rules found on a server amount to.

use super::found::FoundRule;
use super::{Chain, Family, Found, Mark, RuleSet, Signed, Traffic};

/// So many rules are named in one difference; a person needs no more to see what is wrong.
const NAMED: usize = 3;

impl RuleSet {
    /// Compares what was found in both families with these rules.
    #[must_use]
    pub fn judge(&self, v4: &Found, v6: &Found) -> Traffic {
        if v4.is_empty() && v6.is_empty() {
            return Traffic::Allowed;
        }
        let mark = v4.signed().or_else(|| v6.signed()).map(|signed| signed.mark);
        let mut differences = self.differences(Family::V4, v4, mark);
        differences.extend(self.differences(Family::V6, v6, mark));
        match mark {
            Some(mark) if differences.is_empty() => {
                let turned_away = v4.turned_away().saturating_add(v6.turned_away());
                Traffic::Blocked { origin: mark.origin, since: mark.since, turned_away }
            }
            Some(_) | None => Traffic::Partial { differences },
        }
    }

    /// What differs in one family, a line each.
    fn differences(&self, family: Family, found: &Found, mark: Option<Mark>) -> Vec<String> {
        if found.is_empty() {
            return vec![format!("{family}: none of our rules are there")];
        }
        let mut differences = Vec::new();
        for chain in Chain::ALL {
            let mut differs = |what: String| differences.push(format!("{family} {what}"));
            match found.hook_place(chain) {
                Some(1) => {}
                Some(place) => differs(format!("{}: {place} is the place of our jump, not the first", chain.hook())),
                None => differs(format!("{}: no jump to {}", chain.hook(), chain.name())),
            }
            match found.rules(chain) {
                None => differs(format!("{}: no such chain", chain.name())),
                Some(rules) => {
                    self.differences_of_chain(family, chain, rules, mark)
                        .into_iter()
                        .for_each(|what| differs(format!("{}: {what}", chain.name())));
                }
            }
        }
        differences
    }

    fn differences_of_chain(
        &self,
        family: Family,
        chain: Chain,
        found: &[FoundRule],
        mark: Option<Mark>,
    ) -> Vec<String> {
        let wanted: Vec<&str> = self.rules(family, chain).iter().map(String::as_str).collect();
        let (marker, found): (Option<Signed>, Vec<&str>) = match found {
            [first, rest @ ..] => match Signed::of_rule(&first.text) {
                Some(signed) => (Some(signed), rest.iter().map(|rule| rule.text.as_str()).collect()),
                None => (None, found.iter().map(|rule| rule.text.as_str()).collect()),
            },
            [] => (None, Vec::new()),
        };
        let mut differences = Vec::new();
        match marker {
            None => differences.push("no marker rule at the beginning".to_owned()),
            Some(signed) if Some(signed.mark) != mark || signed.fingerprint != self.fingerprint() => {
                differences.push("marker rule of another block".to_owned());
            }
            Some(_) => {}
        }
        let missing = less(&wanted, &found);
        let extra = less(&found, &wanted);
        if !missing.is_empty() {
            differences.push(format!("missing rule: {}", named(&missing)));
        }
        if !extra.is_empty() {
            differences.push(format!("extra rule: {}", named(&extra)));
        }
        if missing.is_empty() && extra.is_empty() && wanted != found {
            differences.push("the rules stand in another order".to_owned());
        }
        differences
    }
}

/// What is in `rules` and not in `others`, as often as it is.
fn less<'a>(rules: &[&'a str], others: &[&str]) -> Vec<&'a str> {
    let mut unmet = others.to_vec();
    let mut rest = Vec::new();
    for rule in rules {
        match unmet.iter().position(|other| other == rule) {
            Some(place) => {
                unmet.swap_remove(place);
            }
            None => rest.push(*rule),
        }
    }
    rest
}

/// The first few rules, without anything in them that could act on a terminal.
fn named(rules: &[&str]) -> String {
    let shown = |rule: &&str| rule.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    let text = rules.iter().take(NAMED).map(shown).collect::<Vec<_>>().join(", ");
    match rules.len().checked_sub(NAMED) {
        None | Some(0) => text,
        Some(more) => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::traffic::{Origin, Protocol, Spared, TelephonyPort, TurnAway};

    #[test]
    fn nothing_of_ours_is_allowed() {
        assert_eq!(rules().judge(&Found::default(), &Found::default()), Traffic::Allowed);
    }

    #[test]
    fn all_of_ours_is_blocked_and_says_by_whom_since_when_and_how_many_were_turned_away() {
        let since = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:10:00+01:00").unwrap();
        let mark = Mark { origin: Origin::Order, since: Some(since) };
        let counted = |family| {
            let text = save(&rules().in_force(family, mark));
            Found::parse(&text.replace(
                "[0:0] -A MXONE_REDUNDANCY_IN -p udp -m udp --dport",
                "[602:9] -A MXONE_REDUNDANCY_IN -p udp -m udp --dport",
            ))
            .unwrap()
        };
        let traffic = rules().judge(&counted(Family::V4), &counted(Family::V6));
        assert_eq!(traffic, Traffic::Blocked { origin: Origin::Order, since: Some(since), turned_away: 1204 });
    }

    #[test]
    fn tampering_is_told_in_words() {
        let whole = save(&rules().in_force(Family::V4, Mark::BOOT));
        let v6 = rules().in_force(Family::V6, Mark::BOOT);
        let cases = [
            ("[0:0] -A MXONE_REDUNDANCY_IN -p udp -m udp --dport 5060 -j DROP\n", ""),
            (
                "[0:0] -A MXONE_REDUNDANCY_OUT -o lo -j RETURN\n",
                "[0:0] -A MXONE_REDUNDANCY_OUT -o lo -j RETURN\n[0:0] -A MXONE_REDUNDANCY_OUT -j ACCEPT\n",
            ),
            (
                "[0:0] -A INPUT -j MXONE_REDUNDANCY_IN\n",
                "[0:0] -A INPUT -j ACCEPT\n[0:0] -A INPUT -j MXONE_REDUNDANCY_IN\n",
            ),
            ("[0:0] -A OUTPUT -j MXONE_REDUNDANCY_OUT\n", ""),
            ("mxone_system_redundancy boot at-boot", "mxone_system_redundancy maintenance at-boot"),
        ];
        let told: Vec<String> = cases
            .iter()
            .map(|(from, to)| {
                assert!(whole.contains(from), "{from}");
                let found = Found::parse(&whole.replacen(from, to, 1)).unwrap();
                let Traffic::Partial { differences } = rules().judge(&found, &v6) else { panic!("{from}") };
                differences.join("\n")
            })
            .collect();
        insta::assert_snapshot!(told.join("\n---\n"));
    }

    #[test]
    fn one_family_only_is_partial() {
        let v4 = rules().in_force(Family::V4, Mark::BOOT);
        let told = Traffic::Partial { differences: vec!["IPv6: none of our rules are there".to_owned()] };
        assert_eq!(rules().judge(&v4, &Found::default()), told);
    }

    #[test]
    fn a_rule_set_is_known_again_from_what_is_found_unless_it_was_changed() {
        let [v4, v6] = Family::BOTH.map(|family| rules().in_force(family, Mark::BOOT));
        assert_eq!(RuleSet::of_found(&v4, &v6), Ok(rules()));
        assert!(RuleSet::of_found(&v6, &v4).is_err());
        assert!(RuleSet::of_found(&v4, &Found::default()).is_err());
        assert!(RuleSet::of_found(&Found::default(), &Found::default()).is_err());
    }

    fn rules() -> RuleSet {
        let sip = TelephonyPort { protocol: Protocol::Udp, ports: "5060".parse().unwrap(), what: "SIP".to_owned() };
        RuleSet::new(&[sip], &Spared::default(), TurnAway::Drop, None)
    }

    /// The text that `iptables-save -c` prints when `found` is in force and nothing else.
    fn save(found: &Found) -> String {
        let text = Found::default().becoming(found).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.strip_prefix("-I ") {
                Some(rest) => format!("[0:0] -A {}", rest.replacen(" 1 ", " ", 1)),
                None if line.starts_with("-A") => format!("[0:0] {line}"),
                None => line.to_owned(),
            })
            .collect();
        lines.join("\n") + "\n"
    }
}
