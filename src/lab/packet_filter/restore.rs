//! Carries out a text for `iptables-restore`, line by line, on a copy.

use super::rule::{Rule, Target};
use super::{BUILT_IN, Chain, PacketFilter, Policy, words};
use crate::domain::traffic::Family;

/// Names of chains are shorter than this.
const LONGEST_NAME: usize = 29;

/// The packet filter after the text.
pub(super) fn restored(filter: &PacketFilter, text: &str, noflush: bool) -> Result<PacketFilter, String> {
    let program = match filter.family {
        Family::V4 => "iptables-restore",
        Family::V6 => "ip6tables-restore",
    };
    let mut work = filter.clone();
    let mut in_table = false;
    let mut last = 0;
    for (number, line) in text.lines().enumerate() {
        last = number + 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let outcome = match (in_table, line) {
            (false, "*filter") => {
                if !noflush {
                    work = PacketFilter::new(work.family);
                }
                in_table = true;
                Ok(())
            }
            (true, "COMMIT") => {
                in_table = false;
                work.without_loops()
            }
            (false, _) => Err("no table filter is open".to_owned()),
            (true, line) => work.line(line),
        };
        outcome.map_err(|because| format!("{program}: line {last} failed: {because}"))?;
    }
    if in_table { Err(format!("{program}: COMMIT expected at line {}", last + 1)) } else { Ok(work) }
}

impl PacketFilter {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(declaration) = line.strip_prefix(':') {
            return self.declare(declaration);
        }
        let line = match line.strip_prefix('[') {
            Some(rest) => rest.split_once("] ").ok_or("counters are not closed")?.1,
            None => line,
        };
        let words = words::of(line)?;
        let (command, arguments) = words.split_first().ok_or("an empty line")?;
        let (name, rest) = arguments.split_first().map_or(("", arguments), |(name, rest)| (name.as_str(), rest));
        match command.as_str() {
            "-A" => {
                let rule = self.rule(name, rest)?;
                self.chain(name)?.rules.push(rule);
            }
            "-I" => self.insert(name, rest)?,
            "-R" => self.replace(name, rest)?,
            "-D" => self.delete(name, rest)?,
            "-N" => self.create(name)?,
            "-P" => self.policy(name, rest.first().map(String::as_str).unwrap_or_default())?,
            "-F" if arguments.is_empty() => self.chains.values_mut().for_each(|chain| chain.rules.clear()),
            "-F" => self.chain(name)?.rules.clear(),
            "-X" => self.take_out(name)?,
            _ => return Err(format!("Bad argument `{command}'")),
        }
        Ok(())
    }

    /// `:NAME POLICY [packets:bytes]`: an own chain is made or emptied, a built-in one gets its policy.
    fn declare(&mut self, declaration: &str) -> Result<(), String> {
        let mut words = declaration.split_whitespace();
        let (name, policy) = (words.next().unwrap_or_default(), words.next().ok_or("policy invalid")?);
        if BUILT_IN.contains(&name) {
            return if policy == "-" { Ok(()) } else { self.policy(name, policy) };
        }
        named(name)?;
        self.chains.insert(name.to_owned(), Chain::default());
        Ok(())
    }

    fn create(&mut self, name: &str) -> Result<(), String> {
        named(name)?;
        if self.chains.contains_key(name) {
            return Err("Chain already exists.".to_owned());
        }
        self.chains.insert(name.to_owned(), Chain::default());
        Ok(())
    }

    fn policy(&mut self, name: &str, policy: &str) -> Result<(), String> {
        let policy = match policy {
            "ACCEPT" => Policy::Accept,
            "DROP" => Policy::Drop,
            _ => return Err(format!("Bad policy name \"{policy}\"")),
        };
        let chain = self.chain(name)?;
        if chain.policy.is_none() {
            return Err("Bad built-in chain name.".to_owned());
        }
        chain.policy = Some(policy);
        Ok(())
    }

    fn insert(&mut self, name: &str, words: &[String]) -> Result<(), String> {
        let (place, words) = match words.split_first() {
            Some((place, rest)) if is_number(place) => (self::place(place)?, rest),
            _ => (1, words),
        };
        let rule = self.rule(name, words)?;
        let rules = &mut self.chain(name)?.rules;
        if place == 0 || place > rules.len() + 1 {
            return Err("Index of insertion too big.".to_owned());
        }
        rules.insert(place - 1, rule);
        Ok(())
    }

    fn replace(&mut self, name: &str, words: &[String]) -> Result<(), String> {
        let (place, words) = words.split_first().ok_or("-R requires a rule number")?;
        let place = self::place(place)?;
        let rule = self.rule(name, words)?;
        let there = place.checked_sub(1).and_then(|place| self.chain(name).ok()?.rules.get_mut(place));
        *there.ok_or("Index of replacement too big.")? = rule;
        Ok(())
    }

    fn delete(&mut self, name: &str, words: &[String]) -> Result<(), String> {
        let place = match words {
            [place] if is_number(place) => self::place(place)?.checked_sub(1),
            words => {
                let rule = self.rule(name, words)?;
                self.chain(name)?.rules.iter().position(|there| there.is_like(&rule))
            }
        };
        let rules = &mut self.chain(name)?.rules;
        match place.filter(|place| *place < rules.len()) {
            Some(place) => {
                rules.remove(place);
                Ok(())
            }
            None => Err("Bad rule (does a matching rule exist in that chain?).".to_owned()),
        }
    }

    fn take_out(&mut self, name: &str) -> Result<(), String> {
        let chain = self.chain(name)?;
        if chain.policy.is_some() || !chain.rules.is_empty() || self.calls(name) {
            return Err("Device or resource busy".to_owned());
        }
        self.chains.remove(name);
        Ok(())
    }

    fn calls(&self, name: &str) -> bool {
        let calls = |rule: &Rule| matches!(&rule.target, Some(Target::Jump(chain)) if chain == name);
        self.chains.values().flat_map(|chain| &chain.rules).any(calls)
    }

    fn chain(&mut self, name: &str) -> Result<&mut Chain, String> {
        self.chains.get_mut(name).ok_or_else(|| "No chain/target/match by that name.".to_owned())
    }

    fn rule(&mut self, chain: &str, words: &[String]) -> Result<Rule, String> {
        let rule = Rule::parse(words, self.family)?;
        self.chain(chain)?;
        if chain == "INPUT" && rule.output.is_some() || chain == "OUTPUT" && rule.input.is_some() {
            return Err(format!("Can't use this interface with {chain}"));
        }
        match &rule.target {
            Some(Target::Jump(target)) if !self.chains.contains_key(target) || BUILT_IN.contains(&target.as_str()) => {
                Err(format!("Chain '{target}' does not exist"))
            }
            _ => Ok(rule),
        }
    }

    /// Refuses chains that call each other in a circle, if packets can get there.
    fn without_loops(&self) -> Result<(), String> {
        let circles = BUILT_IN.iter().any(|name| self.circles(name, &mut Vec::new()));
        if circles { Err("Too many levels of symbolic links".to_owned()) } else { Ok(()) }
    }

    fn circles(&self, name: &str, above: &mut Vec<String>) -> bool {
        if above.iter().any(|chain| chain == name) {
            return true;
        }
        above.push(name.to_owned());
        let rules = self.chains.get(name).map_or(&[][..], |chain| &chain.rules);
        let circles = rules.iter().any(|rule| match &rule.target {
            Some(Target::Jump(chain)) => self.circles(chain, above),
            Some(Target::Accept | Target::Drop | Target::Return | Target::Reject(_)) | None => false,
        });
        above.pop();
        circles
    }
}

fn named(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() >= LONGEST_NAME || name.starts_with(['-', '!']) {
        return Err(format!("chain name `{name}' is not allowed"));
    }
    Ok(())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

fn place(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("Invalid rule number `{word}'"))
}
