//! Recognises one address in a text, by what stands around a dot or a colon.
//!
//! An IPv4 address is a whole run of digits and dots: four numbers from 0 to 255 without leading zeros; dots at the
//! run's end belong to the sentence, not to it. An IPv6 address is a whole run of hexadecimal digits, colons and dots
//! that the standard library reads. Neither stands directly after or before a letter, a digit or an underscore, so
//! that version numbers, object identifiers and names are no addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::IpNet;

use crate::domain::translation::is_translatable;

/// A longer run of address characters is no address; the longest one, an IPv6 address with its end written in
/// dotted form, has 45. The limit makes what is found independent of how a text is cut into blocks.
pub(super) const RUN_LIMIT: usize = 64;

/// How far around a dot or colon the text is looked at: the longest run, `/`, and a dotted mask.
pub(super) const CONTEXT: usize = 128;

/// An address that stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Where the address itself stands, without brackets, length or port.
    pub range: Range<usize>,
    /// What it means.
    pub meaning: Meaning,
    /// Whether it is an IPv4 address written as `::ffff:192.0.2.1`.
    pub mapped: bool,
}

/// What an address in a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A host; also one written with a prefix length, `192.0.2.10/24`.
    Host(IpAddr),
    /// A network: an address with a length, whose host part is zero.
    Network(IpNet),
}

impl Meaning {
    /// The address as it is written.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Host(address) => *address,
            Self::Network(network) => network.addr(),
        }
    }
}

/// What is at a dot or colon.
pub(super) enum Judgement {
    /// An address.
    Address(Token),
    /// No address; nothing before this place needs to be looked at again.
    SkipTo(usize),
}

/// Judges what stands around the dot or colon at `hit`.
#[inline]
pub(super) fn judge(text: &[u8], hit: usize) -> Judgement {
    if text[hit] == b'.' { judge_dot(text, hit) } else { judge_colon(text, hit) }
}

#[inline]
fn judge_dot(text: &[u8], hit: usize) -> Judgement {
    let between_digits = hit > 0 && text[hit - 1].is_ascii_digit() && text.get(hit + 1).is_some_and(u8::is_ascii_digit);
    if between_digits { judge_v4(text, hit) } else { Judgement::SkipTo(hit + 1) }
}

fn judge_v4(text: &[u8], hit: usize) -> Judgement {
    let Some(run) = run_around(text, hit, |b| b.is_ascii_digit() || b == b'.') else {
        return Judgement::SkipTo(hit + 1);
    };
    if is_word_before(text, run.start) || is_word_at(text, run.end) {
        return Judgement::SkipTo(run.end);
    }
    let end = run.start + trim_end(&text[run.clone()], b'.');
    match parse_v4(&text[run.start..end]) {
        Some(address) => address_or_skip(text, run.start..end, IpAddr::V4(address)),
        None => Judgement::SkipTo(run.end),
    }
}

#[inline]
fn judge_colon(text: &[u8], hit: usize) -> Judgement {
    // Of an IPv6 address every colon but the last has another one at most four hexadecimal digits behind it.
    let digits = text[hit + 1..].iter().take(5).take_while(|b| b.is_ascii_hexdigit()).count();
    if digits < 5 && text.get(hit + 1 + digits) == Some(&b':') {
        judge_v6(text, hit)
    } else {
        Judgement::SkipTo(hit + 1)
    }
}

fn judge_v6(text: &[u8], hit: usize) -> Judgement {
    let Some(mut run) = run_around(text, hit, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.') else {
        return Judgement::SkipTo(hit + 1);
    };
    // `sip:2001:db8::1` and `2001:db8::1: text`: a single colon at an end belongs to what stands around it.
    let led = text[run.start] == b':' && text.get(run.start + 1) != Some(&b':');
    if led {
        run.start += 1;
    } else if is_word_before(text, run.start) {
        return Judgement::SkipTo(hit + 1);
    }
    if is_word_at(text, run.end) {
        return Judgement::SkipTo(hit + 1);
    }
    run.end = run.start + trim_end(&text[run.clone()], b'.');
    if text[..run.end].ends_with(b":") && !text[..run.end].ends_with(b"::") {
        run.end -= 1;
    }
    match parse_v6(&text[run.start.min(run.end)..run.end]) {
        Some(address) => address_or_skip(text, run, IpAddr::V6(address)),
        None => Judgement::SkipTo(hit + 1),
    }
}

/// Makes a token of an address, unless it is one that is never translated.
fn address_or_skip(text: &[u8], range: Range<usize>, address: IpAddr) -> Judgement {
    let canonical = address.to_canonical();
    if !is_translatable(canonical) {
        return Judgement::SkipTo(range.end);
    }
    let mapped = canonical != address;
    let network = if mapped { None } else { network_of(text, range.end, address) };
    let meaning = network.map_or(Meaning::Host(canonical), Meaning::Network);
    Judgement::Address(Token { range, meaning, mapped })
}

/// The network that an address and what follows it make: a length or a mask behind it, and no host part.
///
/// Lengths that leave no host part, or one bit (point-to-point links, RFC 3021 and 6164), are those of hosts.
fn network_of(text: &[u8], end: usize, address: IpAddr) -> Option<IpNet> {
    if text.get(end) != Some(&b'/') {
        return None;
    }
    let rest = &text[end + 1..];
    let digits = rest.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let len = match (address, rest.get(digits)) {
        (IpAddr::V4(_), Some(b'.')) => mask_length(rest)?,
        (_, Some(b)) if b.is_ascii_alphanumeric() || *b == b'_' => return None,
        (_, Some(_) | None) => decimal(&rest[..digits])?,
    };
    let network = IpNet::new(address, u8::try_from(len).ok()?).ok()?;
    let is_network = network.trunc() == network && network.prefix_len() + 1 < network.max_prefix_len();
    is_network.then_some(network)
}

/// The length that a dotted mask such as `255.255.255.0` stands for; of `24.` at the end of a sentence it is 24.
fn mask_length(rest: &[u8]) -> Option<u32> {
    let run = rest.iter().take(RUN_LIMIT).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    if is_word_at(rest, run) {
        return None;
    }
    let run = &rest[..trim_end(&rest[..run], b'.')];
    match parse_v4(run) {
        Some(mask) => {
            let mask = u32::from(mask);
            (mask.leading_ones() + mask.trailing_zeros() == u32::BITS).then(|| mask.leading_ones())
        }
        None => decimal(run),
    }
}

/// Reads one to three digits without leading zeros.
fn decimal(digits: &[u8]) -> Option<u32> {
    let leading_zero = digits.len() > 1 && digits.first() == Some(&b'0');
    if digits.is_empty() || digits.len() > 3 || leading_zero || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// Reads four numbers from 0 to 255 without leading zeros.
fn parse_v4(run: &[u8]) -> Option<Ipv4Addr> {
    if run.len() > 15 {
        return None;
    }
    let mut octets = [0_u8; 4];
    let mut parts = run.split(|b| *b == b'.');
    for octet in &mut octets {
        *octet = u8::try_from(decimal(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

fn parse_v6(run: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(run).ok()?.parse().ok()
}

/// The whole run of bytes around `at` that are `part` of it; `None` when it is longer than [`RUN_LIMIT`].
#[inline]
fn run_around(text: &[u8], at: usize, part: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    let before = text[..at].iter().rev().take(RUN_LIMIT + 1).take_while(|b| part(**b)).count();
    let after = text[at..].iter().take(RUN_LIMIT + 1).take_while(|b| part(**b)).count();
    (before + after <= RUN_LIMIT).then(|| at - before..at + after)
}

/// How long a run is without the bytes `b` at its end.
fn trim_end(run: &[u8], b: u8) -> usize {
    run.iter().rposition(|byte| *byte != b).map_or(0, |last| last + 1)
}

fn is_word_before(text: &[u8], start: usize) -> bool {
    start > 0 && is_word_at(text, start - 1)
}

fn is_word_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}
