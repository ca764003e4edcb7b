//! One rule: read from words, written in the form of `iptables-save`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::Counter;
use super::words::Quoted;
use crate::domain::traffic::{Family, Protocol};

/// The flags of TCP in the order in which they are printed.
const FLAGS: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
/// What REJECT can answer in IPv4.
const REJECT_V4: [&str; 7] = [
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-proto-unreachable",
    "icmp-port-unreachable",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "icmp-admin-prohibited",
];
/// What REJECT can answer in IPv6.
const REJECT_V6: [&str; 4] =
    ["icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-port-unreachable"];

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rule {
    pub(super) source: Option<Not<IpNet>>,
    pub(super) destination: Option<Not<IpNet>>,
    pub(super) input: Option<Not<String>>,
    pub(super) output: Option<Not<String>>,
    pub(super) protocol: Option<Not<String>>,
    pub(super) matches: Vec<Match>,
    pub(super) target: Option<Target>,
    pub(super) counter: Counter,
}

/// A value that may stand behind `!`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Not<T> {
    pub(super) not: bool,
    pub(super) value: T,
}

/// What a match module looks at; they are printed in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    Ports(Ports),
    Comment(String),
    State { module: &'static str, states: Vec<State> },
}

/// Ports and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) protocol: Protocol,
    pub(super) source: Option<Not<RangeInclusive<u16>>>,
    pub(super) destination: Option<Not<RangeInclusive<u16>>>,
    pub(super) flags: Option<Not<Flags>>,
}

/// Which flags are looked at, and which of them must be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) looked_at: Vec<&'static str>,
    pub(super) set: Vec<&'static str>,
}

/// Connection states, in the order in which they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Invalid,
    New,
    Related,
    Established,
}

/// What is done with a packet that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Accept,
    Drop,
    Return,
    Reject(String),
    Jump(String),
}

impl Rule {
    /// Reads the words after the chain's name.
    pub(super) fn parse(words: &[String], family: Family) -> Result<Self, String> {
        let mut rule = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(mut word) = words.next() {
            let not = word == "!";
            if not {
                word = words.next().ok_or("nothing after !")?;
            }
            let mut value = || words.next().ok_or_else(|| format!("option \"{word}\" requires an argument"));
            match word {
                "-s" => rule.source = network(value()?, family)?.map(|value| Not { not, value }),
                "-d" => rule.destination = network(value()?, family)?.map(|value| Not { not, value }),
                "-i" => rule.input = Some(Not { not, value: value()?.to_owned() }),
                "-o" => rule.output = Some(Not { not, value: value()?.to_owned() }),
                "-p" => rule.protocol = Some(Not { not, value: protocol(value()?)?.to_owned() }),
                "-m" => rule.load(value()?)?,
                "-j" => rule.target = Some(target(value()?, family)),
                "--reject-with" => rule.reject_with(value()?, family)?,
                "--comment" => rule.comment(value()?)?,
                "--state" | "--ctstate" => rule.states(word, value()?)?,
                "--sport" => rule.ports()?.source = range(value()?)?.map(|value| Not { not, value }),
                "--dport" => rule.ports()?.destination = range(value()?)?.map(|value| Not { not, value }),
                "--tcp-flags" => {
                    let (looked_at, set) = (flags(value()?)?, flags(words.next().unwrap_or_default())?);
                    rule.ports()?.flags = Some(Not { not, value: Flags { looked_at, set } });
                }
                _ => return Err(format!("unknown option \"{word}\"")),
            }
        }
        rule.checked()
    }

    fn checked(self) -> Result<Self, String> {
        let protocol = self.protocol.as_ref().filter(|protocol| !protocol.not).map(|protocol| protocol.value.as_str());
        let resets = matches!(&self.target, Some(Target::Reject(with)) if with == "tcp-reset");
        if resets && protocol != Some("tcp") {
            return Err("tcp-reset needs -p tcp".to_owned());
        }
        for matched in &self.matches {
            match matched {
                Match::Ports(ports) if protocol != Some(&ports.protocol.to_string()) => {
                    return Err(format!("the match {0} requires -p {0}", ports.protocol));
                }
                Match::Comment(text) if text.is_empty() => return Err("--comment must be specified".to_owned()),
                Match::State { states, .. } if states.is_empty() => return Err("a state must be specified".to_owned()),
                Match::Ports(_) | Match::Comment(_) | Match::State { .. } => {}
            }
        }
        Ok(self)
    }

    fn load(&mut self, module: &str) -> Result<(), String> {
        self.matches.push(match module {
            "tcp" => Match::Ports(Ports::of(Protocol::Tcp)),
            "udp" => Match::Ports(Ports::of(Protocol::Udp)),
            "sctp" => Match::Ports(Ports::of(Protocol::Sctp)),
            "comment" => Match::Comment(String::new()),
            "state" => Match::State { module: "state", states: Vec::new() },
            "conntrack" => Match::State { module: "conntrack", states: Vec::new() },
            _ => return Err(format!("Couldn't load match `{module}'")),
        });
        Ok(())
    }

    /// The ports match; `-p udp` alone loads it as well.
    fn ports(&mut self) -> Result<&mut Ports, String> {
        if !self.matches.iter().any(|matched| matches!(matched, Match::Ports(_))) {
            let protocol = self.protocol.as_ref().filter(|protocol| !protocol.not);
            let module = protocol.map(|protocol| protocol.value.clone()).ok_or("unknown option for ports")?;
            if !["tcp", "udp", "sctp"].contains(&module.as_str()) {
                return Err("unknown option for ports".to_owned());
            }
            self.load(&module)?;
        }
        let ports = self.matches.iter_mut().find_map(|matched| match matched {
            Match::Ports(ports) => Some(ports),
            Match::Comment(_) | Match::State { .. } => None,
        });
        ports.ok_or_else(|| "unknown option for ports".to_owned())
    }

    fn comment(&mut self, text: &str) -> Result<(), String> {
        match self.matches.last_mut() {
            Some(Match::Comment(comment)) if comment.is_empty() => {
                text.clone_into(comment);
                Ok(())
            }
            _ => Err("unknown option \"--comment\"".to_owned()),
        }
    }

    fn states(&mut self, option: &str, text: &str) -> Result<(), String> {
        let wanted = if option == "--state" { "state" } else { "conntrack" };
        match self.matches.last_mut() {
            Some(Match::State { module, states }) if *module == wanted => {
                *states = text.split(',').map(state).collect::<Result<_, _>>()?;
                states.sort_unstable();
                states.dedup();
                Ok(())
            }
            _ => Err(format!("unknown option \"{option}\"")),
        }
    }

    fn reject_with(&mut self, with: &str, family: Family) -> Result<(), String> {
        let known: &[&str] = match family {
            Family::V4 => &REJECT_V4,
            Family::V6 => &REJECT_V6,
        };
        match &mut self.target {
            Some(Target::Reject(kind)) if with == "tcp-reset" || known.contains(&with) => {
                with.clone_into(kind);
                Ok(())
            }
            Some(Target::Reject(_)) => Err(format!("unknown reject type \"{with}\"")),
            _ => Err("unknown option \"--reject-with\"".to_owned()),
        }
    }

    /// The rule after its chain's name, as `iptables-save` writes it, with a blank before it.
    pub(super) fn written(&self) -> String {
        let mut text = String::new();
        write_not(&mut text, "-s", self.source.as_ref(), ToString::to_string);
        write_not(&mut text, "-d", self.destination.as_ref(), ToString::to_string);
        write_not(&mut text, "-i", self.input.as_ref(), Clone::clone);
        write_not(&mut text, "-o", self.output.as_ref(), Clone::clone);
        write_not(&mut text, "-p", self.protocol.as_ref(), Clone::clone);
        for matched in &self.matches {
            matched.write(&mut text);
        }
        // Writing to a String cannot fail.
        let _ = match &self.target {
            None => Ok(()),
            Some(Target::Accept) => write!(text, " -j ACCEPT"),
            Some(Target::Drop) => write!(text, " -j DROP"),
            Some(Target::Return) => write!(text, " -j RETURN"),
            Some(Target::Reject(with)) => write!(text, " -j REJECT --reject-with {with}"),
            Some(Target::Jump(chain)) => write!(text, " -j {chain}"),
        };
        text
    }

    /// Whether it is the same rule, whatever its counters say.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Self { counter: Counter::default(), ..self.clone() } == Self { counter: Counter::default(), ..other.clone() }
    }
}

impl Ports {
    const fn of(protocol: Protocol) -> Self {
        Self { protocol, source: None, destination: None, flags: None }
    }
}

impl Match {
    fn write(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Comment(comment) => write!(text, " -m comment --comment {}", Quoted(comment)),
            Self::State { module, states } => {
                let option = if *module == "state" { "--state" } else { "--ctstate" };
                write!(text, " -m {module} {option} {}", states.iter().map(|s| s.name()).collect::<Vec<_>>().join(","))
            }
            Self::Ports(ports) => {
                let _ = write!(text, " -m {}", ports.protocol);
                write_not(text, "--sport", ports.source.as_ref(), written_range);
                write_not(text, "--dport", ports.destination.as_ref(), written_range);
                write_not(text, "--tcp-flags", ports.flags.as_ref(), |flags| {
                    let list = |flags: &[&str]| if flags.is_empty() { "NONE".to_owned() } else { flags.join(",") };
                    format!("{} {}", list(&flags.looked_at), list(&flags.set))
                });
                Ok(())
            }
        };
    }
}

impl State {
    const ALL: [Self; 4] = [Self::Invalid, Self::New, Self::Related, Self::Established];

    const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::New => "NEW",
            Self::Related => "RELATED",
            Self::Established => "ESTABLISHED",
        }
    }
}

fn write_not<T>(text: &mut String, option: &str, value: Option<&Not<T>>, written: impl Fn(&T) -> String) {
    if let Some(Not { not, value }) = value {
        // Writing to a String cannot fail.
        let _ = write!(text, "{} {option} {}", if *not { " !" } else { "" }, written(value));
    }
}

fn written_range(range: &RangeInclusive<u16>) -> String {
    if range.start() == range.end() { range.start().to_string() } else { format!("{}:{}", range.start(), range.end()) }
}

/// A host or a network, masked; everything is no condition at all.
fn network(text: &str, family: Family) -> Result<Option<IpNet>, String> {
    let wrong = || format!("host/network `{text}' not found");
    let (address, len) = text.split_once('/').map_or((text, None), |(address, len)| (address, Some(len)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let longest = match (family, address) {
        (Family::V4, IpAddr::V4(_)) => 32,
        (Family::V6, IpAddr::V6(_)) => 128,
        (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => return Err(wrong()),
    };
    let len = len.map_or(Ok(longest), |len| len.parse().map_err(|_| format!("invalid mask `{len}' specified")))?;
    let net = IpNet::new(address, len).map_err(|_| format!("invalid mask `{len}' specified"))?;
    Ok((len > 0).then(|| net.trunc()))
}

fn protocol(text: &str) -> Result<&'static str, String> {
    Ok(match text {
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "sctp" | "132" => "sctp",
        "icmp" | "1" => "icmp",
        "ipv6-icmp" | "icmpv6" | "58" => "ipv6-icmp",
        _ => return Err(format!("unknown protocol \"{text}\" specified")),
    })
}

/// A port or `first:last`. Like the real one it takes ports beyond 65535 for what is left of them in 16 bits, and
/// reversed ranges for what they are: empty. All ports are no condition at all.
fn range(text: &str) -> Result<Option<RangeInclusive<u16>>, String> {
    let port = |text: &str| {
        let number: u32 = text.parse().map_err(|_| format!("invalid port/service `{text}' specified"))?;
        u16::try_from(number % (u32::from(u16::MAX) + 1)).map_err(|error| error.to_string())
    };
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let range = port(first)?..=port(last)?;
    Ok((range != (0..=u16::MAX)).then_some(range))
}

fn flags(text: &str) -> Result<Vec<&'static str>, String> {
    match text {
        "ALL" => return Ok(FLAGS.to_vec()),
        "NONE" => return Ok(Vec::new()),
        _ => {}
    }
    let unknown = text.split(',').find(|name| !FLAGS.contains(name));
    match unknown {
        Some(name) => Err(format!("Unknown TCP flag `{name}'")),
        None => Ok(FLAGS.into_iter().filter(|flag| text.split(',').any(|name| name == *flag)).collect()),
    }
}

fn state(name: &str) -> Result<State, String> {
    State::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| format!("Bad state \"{name}\""))
}

fn target(name: &str, family: Family) -> Target {
    match name {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "RETURN" => Target::Return,
        "REJECT" => Target::Reject(
            match family {
                Family::V4 => "icmp-port-unreachable",
                Family::V6 => "icmp6-port-unreachable",
            }
            .to_owned(),
        ),
        chain => Target::Jump(chain.to_owned()),
    }
}
