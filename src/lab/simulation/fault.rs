//! What can happen in a scenario, as it is written and read: `cut primary-alternate`, `pause-vm primary 20s`.

use std::fmt;
use std::time::Duration;

use crate::domain::configuration::{Mode, TakeoverSettings};
use crate::domain::lease::Voter;
use crate::domain::length;
use crate::domain::site::Site;

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// A line is cut.
    Cut(Line),
    /// A line works again.
    Heal(Line),
    /// Every line works again, without delay, loss and repetition.
    HealAll,
    /// Messages take up to this long more.
    Delay(Line, Duration),
    /// Messages are lost, in percent.
    Loss(Line, u8),
    /// Messages come twice, in percent.
    Duplicate(Line, u8),
    /// The process stands still; its kernel goes on.
    Freeze(Voter),
    /// It goes on.
    Thaw(Voter),
    /// The process ends.
    Kill(Voter),
    /// It is started again.
    Start(Voter),
    /// The virtual machine stands still, its clock too.
    Pause(Voter, Duration),
    /// The machine is switched off.
    PowerOff(Voter),
    /// It is switched on again.
    PowerOn(Voter),
    /// The machine boots; whether its disk is lost.
    Reboot(Voter, Disk),
    /// Its clock runs at another rate: 0.001 is a thousandth too fast.
    ClockRate(Voter, f64),
    /// Another program throws the rules of LIM 1 away.
    FlushRules(Site),
    /// What was on its disk is gone; a running process does not notice.
    LoseDisk(Voter),
    /// Nothing can be written any more.
    DiskFull(Voter),
    /// It can again.
    DiskFree(Voter),
    /// So many of two control addresses answer.
    ControlAddress(Site, u8),
    /// The call server is well or ill.
    CallServer(Site, Health),
    /// How old the data loaded into the alternate is.
    DataAge(Option<Duration>),
    /// LIM 2 of a site goes off, or on.
    SecondServer(Site, Power),
    /// A person orders something at a site.
    Order(Site, Order),
}

/// A line between two machines, in both directions or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// From here.
    pub from: Voter,
    /// To there.
    pub to: Voter,
    /// Whether it means the way back too.
    pub both_ways: bool,
}

/// Whether a disk survives a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// It does.
    Kept,
    /// It does not.
    Lost,
}

/// How a call server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Well,
    /// Ill.
    Ill,
}

/// Whether a machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What a person orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Give the traffic to the other site.
    HandOver,
    /// Take it, whatever the promises say.
    Force,
    /// Let nothing move by itself.
    Hold(Duration),
    /// End that.
    EndHold,
    /// The last automatic takeover was seen.
    Acknowledge,
    /// Set both directions.
    Takeover(TakeoverSettings),
}

/// What the words of a fault are, for the error that lists them.
pub const WORDS: &str = "cut, heal, heal-all, delay, loss, duplicate, freeze, thaw, kill, start, pause-vm, power-off, \
    power-on, reboot, clock-rate, flush-rules, lose-disk, disk-full, disk-free, control-address, call-server, data-age, \
    second-server, order";

impl Fault {
    /// Reads a fault.
    ///
    /// # Errors
    /// A sentence that says what to write instead.
    pub fn read(text: &str) -> Result<Self, String> {
        // `freeze monitor primary` reads as one says it; the word adds nothing.
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "monitor").collect();
        let Some((first, rest)) = words.split_first() else {
            return Err(format!("write what happens: one of {WORDS}"));
        };
        match (*first, rest) {
            ("cut", [line]) => Ok(Self::Cut(read_line(line)?)),
            ("heal", [line]) => Ok(Self::Heal(read_line(line)?)),
            ("heal-all", []) => Ok(Self::HealAll),
            ("delay", [line, length]) => Ok(Self::Delay(read_line(line)?, length::read(length)?)),
            ("loss", [line, percent]) => Ok(Self::Loss(read_line(line)?, percent_of(percent)?)),
            ("duplicate", [line, percent]) => Ok(Self::Duplicate(read_line(line)?, percent_of(percent)?)),
            ("freeze", [who]) => Ok(Self::Freeze(who.parse()?)),
            ("thaw", [who]) => Ok(Self::Thaw(who.parse()?)),
            ("kill", [who]) => Ok(Self::Kill(who.parse()?)),
            ("start", [who]) => Ok(Self::Start(who.parse()?)),
            ("pause-vm", [who, length]) => Ok(Self::Pause(who.parse()?, length::read(length)?)),
            ("power-off", [who]) => Ok(Self::PowerOff(who.parse()?)),
            ("power-on", [who]) => Ok(Self::PowerOn(who.parse()?)),
            ("reboot", [who]) => Ok(Self::Reboot(who.parse()?, Disk::Kept)),
            ("reboot", [who, "lose-disk"]) => Ok(Self::Reboot(who.parse()?, Disk::Lost)),
            ("clock-rate", [who, rate]) => Ok(Self::ClockRate(who.parse()?, rate_of(rate)?)),
            ("flush-rules", [site]) => Ok(Self::FlushRules(site_of(site)?)),
            ("lose-disk", [who]) => Ok(Self::LoseDisk(who.parse()?)),
            ("disk-full", [who]) => Ok(Self::DiskFull(who.parse()?)),
            ("disk-free", [who]) => Ok(Self::DiskFree(who.parse()?)),
            ("control-address", [site, state]) => Ok(Self::ControlAddress(site_of(site)?, answering(state)?)),
            ("call-server", [site, "well"]) => Ok(Self::CallServer(site_of(site)?, Health::Well)),
            ("call-server", [site, "ill"]) => Ok(Self::CallServer(site_of(site)?, Health::Ill)),
            ("data-age", ["none"]) => Ok(Self::DataAge(None)),
            ("data-age", [length]) => Ok(Self::DataAge(Some(length::read(length)?))),
            ("second-server", [site, "off"]) => Ok(Self::SecondServer(site_of(site)?, Power::Off)),
            ("second-server", [site, "on"]) => Ok(Self::SecondServer(site_of(site)?, Power::On)),
            ("order", [site, order @ ..]) => Ok(Self::Order(site_of(site)?, order_of(order)?)),
            (word, _) => Err(how_to_write(word)),
        }
    }
}

/// How a fault is written whose words are not understood.
fn how_to_write(word: &str) -> String {
    let shape = match word {
        "cut" | "heal" => "primary-alternate (both ways) or primary>alternate (one way)",
        "delay" => "primary-alternate 200ms",
        "loss" | "duplicate" => "primary-alternate 30%",
        "freeze" | "thaw" | "kill" | "start" | "power-off" | "power-on" | "lose-disk" | "disk-full" | "disk-free" => {
            "primary, alternate or witness"
        }
        "pause-vm" => "primary 20s",
        "reboot" => "witness, or witness lose-disk",
        "clock-rate" => "alternate -0.08",
        "flush-rules" => "primary or alternate",
        "control-address" => "primary up, down, or how many of two answer",
        "call-server" => "primary well or ill",
        "data-age" => "50h, or none",
        "second-server" => "primary on or off",
        "order" => "primary hand-over, force, hold 2h, end-hold, acknowledge, or takeover automatic manual",
        "heal-all" => "nothing",
        _ => return format!("\"{word}\" is nothing that happens; write one of {WORDS}"),
    };
    format!("after {word} write {shape}")
}

fn read_line(text: &str) -> Result<Line, String> {
    let (from, to, both_ways) = match (text.split_once('-'), text.split_once('>')) {
        (_, Some((from, to))) => (from, to, false),
        (Some((from, to)), None) => (from, to, true),
        (None, None) => return Err(format!("\"{text}\" is no line; write it like primary-witness or primary>witness")),
    };
    let (from, to): (Voter, Voter) = (from.parse()?, to.parse()?);
    if from == to {
        return Err(format!("a line leads from one machine to another, not from {from} to itself"));
    }
    Ok(Line { from, to, both_ways })
}

fn percent_of(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let number: Option<u8> = number.parse().ok().filter(|percent| *percent <= 100);
    number.ok_or_else(|| format!("\"{text}\" is no percentage; write it like 30%"))
}

/// No clock is so wrong that it runs at half or double speed; beyond that nothing here means anything.
pub(super) const WORST_CLOCK: f64 = 0.5;

fn rate_of(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok().filter(|rate: &f64| rate.abs() <= WORST_CLOCK);
    rate.ok_or_else(|| format!("\"{text}\" is no rate; write how much too fast between -0.5 and 0.5, like -0.08"))
}

fn site_of(text: &str) -> Result<Site, String> {
    text.parse().map_err(|error: crate::domain::site::SiteError| error.to_string())
}

fn answering(text: &str) -> Result<u8, String> {
    match text {
        "up" | "2" => Ok(2),
        "1" => Ok(1),
        "down" | "0" => Ok(0),
        _ => Err(format!("\"{text}\" is no state of two control addresses; write up, down, or 0, 1 or 2")),
    }
}

fn order_of(words: &[&str]) -> Result<Order, String> {
    match words {
        ["hand-over"] => Ok(Order::HandOver),
        ["force"] => Ok(Order::Force),
        ["hold", length] => Ok(Order::Hold(length::read(length)?)),
        ["end-hold"] => Ok(Order::EndHold),
        ["acknowledge"] => Ok(Order::Acknowledge),
        ["takeover", there, back] => Ok(Order::Takeover(TakeoverSettings {
            alternate_from_primary: mode_of(there)?,
            primary_from_alternate: mode_of(back)?,
            ..TakeoverSettings::default()
        })),
        _ => Err(how_to_write("order")),
    }
}

/// Whether a person decides.
///
/// # Errors
/// A sentence that says what to write instead.
pub fn mode_of(text: &str) -> Result<Mode, String> {
    match text {
        "manual" => Ok(Mode::Manual),
        "automatic" => Ok(Mode::Automatic),
        _ => Err(format!("\"{text}\" is neither manual nor automatic")),
    }
}

/// The word of [`mode_of`].
#[must_use]
pub const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Manual => "manual",
        Mode::Automatic => "automatic",
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.from, if self.both_ways { '-' } else { '>' }, self.to)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(line) => write!(f, "cut {line}"),
            Self::Heal(line) => write!(f, "heal {line}"),
            Self::HealAll => f.write_str("heal-all"),
            Self::Delay(line, length) => write!(f, "delay {line} {}", length::written(*length)),
            Self::Loss(line, percent) => write!(f, "loss {line} {percent}%"),
            Self::Duplicate(line, percent) => write!(f, "duplicate {line} {percent}%"),
            Self::Freeze(who) => write!(f, "freeze {who}"),
            Self::Thaw(who) => write!(f, "thaw {who}"),
            Self::Kill(who) => write!(f, "kill {who}"),
            Self::Start(who) => write!(f, "start {who}"),
            Self::Pause(who, length) => write!(f, "pause-vm {who} {}", length::written(*length)),
            Self::PowerOff(who) => write!(f, "power-off {who}"),
            Self::PowerOn(who) => write!(f, "power-on {who}"),
            Self::Reboot(who, Disk::Kept) => write!(f, "reboot {who}"),
            Self::Reboot(who, Disk::Lost) => write!(f, "reboot {who} lose-disk"),
            Self::ClockRate(who, rate) => write!(f, "clock-rate {who} {rate}"),
            Self::FlushRules(site) => write!(f, "flush-rules {site}"),
            Self::LoseDisk(who) => write!(f, "lose-disk {who}"),
            Self::DiskFull(who) => write!(f, "disk-full {who}"),
            Self::DiskFree(who) => write!(f, "disk-free {who}"),
            Self::ControlAddress(site, answering) => write!(f, "control-address {site} {answering}"),
            Self::CallServer(site, Health::Well) => write!(f, "call-server {site} well"),
            Self::CallServer(site, Health::Ill) => write!(f, "call-server {site} ill"),
            Self::DataAge(None) => f.write_str("data-age none"),
            Self::DataAge(Some(age)) => write!(f, "data-age {}", length::written(*age)),
            Self::SecondServer(site, Power::On) => write!(f, "second-server {site} on"),
            Self::SecondServer(site, Power::Off) => write!(f, "second-server {site} off"),
            Self::Order(site, order) => write!(f, "order {site} {order}"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandOver => f.write_str("hand-over"),
            Self::Force => f.write_str("force"),
            Self::Hold(length) => write!(f, "hold {}", length::written(*length)),
            Self::EndHold => f.write_str("end-hold"),
            Self::Acknowledge => f.write_str("acknowledge"),
            Self::Takeover(both) => {
                let (there, back) = (mode_word(both.alternate_from_primary), mode_word(both.primary_from_alternate));
                write!(f, "takeover {there} {back}")
            }
        }
    }
}
