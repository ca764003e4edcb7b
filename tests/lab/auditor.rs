//! The outside auditor: a client that asks every server of both sites all the time, and says whether two sites were
//! ever live. The program's own word does not count.
//!
//! # What counts as dual-live
//! A probe sent at `t` and answered at `r` proves that its server let it in and out at some moment between `t` and
//! `r`, and no more. So an answer that was under way while the sites changed over proves nothing against them.
//! Three answers do, when none of them overlaps the next: one of site A, then one of site B that was *sent after the
//! first had come back*, then one of A again that was sent after B's had come back. In that order A was live before
//! and after a moment at which B was live. A person can switch there and back, but not within [`TOO_SOON`]; so three
//! such answers within that time are a dual-live site, and there is no other explanation.
//!
//! For one planned switch there is a sharper question: [`Story::late_answers`], answers of the old site to probes sent
//! after the new site had answered. There must be none at all.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::site::Site;

use super::Lab;
use super::sip::{SIP, options};

/// Each server is asked this often.
pub const EVERY: Duration = Duration::from_millis(10);
/// Faster than this nobody switches there and back: each way takes at least two rounds of commands on every server.
pub const TOO_SOON: Duration = Duration::from_millis(60);
/// An answer that takes longer is not waited for when the auditor stops.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Asks until it is stopped.
#[derive(Debug)]
pub struct Auditor {
    begun: Instant,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Probe>>>,
}

/// One request; times count from the auditor's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The site asked.
    pub site: Site,
    /// The server asked.
    pub lim: u8,
    /// When it was sent.
    pub sent: Duration,
    /// When it was answered, if it was.
    pub answered: Option<Duration>,
}

impl Auditor {
    /// Starts asking LIM 1, and LIM 2 where there is one, of both sites, from the client host.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        Self::start_asking(lab, EVERY)
    }

    /// The same with another time between two requests to a server.
    #[must_use]
    pub fn start_asking(lab: &Lab, every: Duration) -> Self {
        let lims: Vec<u8> = (1..=lab.options.call_servers.min(lab.options.servers).min(2)).collect();
        let asked: Vec<_> = Site::BOTH.into_iter().flat_map(|site| lims.iter().map(move |lim| (site, *lim))).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let begun = Instant::now();
        let shift = every / u32::try_from(asked.len()).unwrap();
        let threads = asked.into_iter().zip(0..).map(|((site, lim), turn)| {
            let server = SocketAddr::new(lab.server(site, lim).v4.into(), SIP);
            let socket = lab.client().namespace.enter(|| {
                let socket = UdpSocket::bind((lab.client().v4, 0)).unwrap();
                socket.connect(server).unwrap();
                socket
            });
            // Spread over the interval, so that sites are seen in turn and not at the same moment.
            let line = Line { site, lim, socket, begun, every, first: shift * turn };
            let told = Arc::clone(&stop);
            thread::spawn(move || line.ask_on(&told))
        });
        Self { threads: threads.collect(), begun, stop }
    }

    /// The auditor's time now; compare it with the times of probes.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Stops asking and tells what was seen.
    #[must_use]
    pub fn stop(mut self) -> Story {
        self.stop.store(true, Ordering::Relaxed);
        let mut probes: Vec<Probe> = self.threads.drain(..).flat_map(|thread| thread.join().unwrap()).collect();
        probes.sort_by_key(|probe| probe.sent);
        Story { probes }
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One server and the socket it is asked through.
struct Line {
    site: Site,
    lim: u8,
    socket: UdpSocket,
    begun: Instant,
    every: Duration,
    first: Duration,
}

impl Line {
    fn ask_on(&self, stop: &AtomicBool) -> Vec<Probe> {
        let (from, to) = (self.socket.local_addr().unwrap(), self.socket.peer_addr().unwrap());
        let mut probes: Vec<Probe> = Vec::new();
        let mut due = self.begun + self.first;
        while !stop.load(Ordering::Relaxed) {
            self.listen_until(due, &mut probes);
            let name = format!("{}-{}-{}", self.site, self.lim, probes.len());
            let sent = self.begun.elapsed();
            // Refused or unreachable is an unanswered probe like any other.
            let _unsent = self.socket.send(options("UDP", from, to, &name).as_bytes());
            probes.push(Probe { site: self.site, lim: self.lim, sent, answered: None });
            // When this machine held us up, missed turns are not made up in a burst.
            due = (due + self.every).max(Instant::now());
        }
        self.listen_until(Instant::now() + LAST_WORD, &mut probes);
        probes
    }

    fn listen_until(&self, due: Instant, probes: &mut [Probe]) {
        let mut packet = [0; 2048];
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            match self.socket.recv(&mut packet) {
                Ok(length) => self.note(&packet[..length], probes),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return;
                }
                // Port unreachable: turned away. The socket is as good as before.
                Err(_) => {}
            }
        }
    }

    fn note(&self, packet: &[u8], probes: &mut [Probe]) {
        let at = self.begun.elapsed();
        let text = String::from_utf8_lossy(packet);
        let name = text.lines().find_map(|line| line.strip_prefix("Call-ID: "));
        let number: Option<usize> = name.and_then(|name| name.trim().rsplit('-').next()?.parse().ok());
        if let (true, Some(number)) = (text.starts_with("SIP/2.0 200"), number) {
            probes[number].answered.get_or_insert(at);
        }
    }
}

/// What the auditor saw.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Every probe, in the order in which they were sent.
    pub probes: Vec<Probe>,
}

/// Three answers that prove two live sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DualLive {
    /// One site was live,
    pub before: Probe,
    /// then the other,
    pub between: Probe,
    /// then the one again, too soon for a switch there and back.
    pub after: Probe,
}

/// A time in which no site answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Gap {
    /// How long it was.
    pub length: Duration,
    /// When it began: when the last answer before it came.
    pub from: Duration,
}

/// A time in which answers came from one site only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reign {
    /// The site.
    pub site: Site,
    /// Its first answer's time.
    pub from: Duration,
    /// Its last answer's time.
    pub until: Duration,
    /// How many answers.
    pub answers: usize,
}

impl Story {
    /// Proofs of two live sites; empty when there never were.
    #[must_use]
    pub fn dual_live(&self) -> Vec<DualLive> {
        let answered: Vec<_> = self.answered().collect();
        let near = |from: Duration| answered.partition_point(|(probe, _)| probe.sent < from);
        let mut proofs = Vec::new();
        for &(between, came) in &answered {
            let earliest = between.sent.saturating_sub(TOO_SOON);
            let around = &answered[near(earliest)..near(between.sent + TOO_SOON)];
            let others = || around.iter().filter(|(probe, _)| probe.site != between.site);
            let before = others().rfind(|(_, back)| *back < between.sent);
            let after = others().find(|(probe, _)| probe.sent > came);
            if let (Some(&(before, _)), Some(&(after, end))) = (before, after)
                && end.saturating_sub(before.sent) < TOO_SOON
            {
                proofs.push(DualLive { before, between, after });
            }
        }
        proofs
    }

    /// Answers of `old` to probes that were sent after `new` had answered for the first time.
    #[must_use]
    pub fn late_answers(&self, old: Site, new: Site) -> Vec<Probe> {
        let Some(handed_over) = self.of_site(new).map(|(_, came)| came).min() else {
            return Vec::new();
        };
        self.of_site(old).filter(|(probe, _)| probe.sent > handed_over).map(|(probe, _)| probe).collect()
    }

    /// The longest time in which no site answered. With a site live all the time it is about [`EVERY`].
    #[must_use]
    pub fn gap(&self) -> Gap {
        let mut came: Vec<Duration> = self.answered().map(|(_, came)| came).collect();
        came.sort_unstable();
        // A gap that was not over when the auditor stopped.
        came.extend(
            self.probes.iter().map(|probe| probe.sent).max().filter(|last| came.last().is_none_or(|c| last > c)),
        );
        let pairs = std::iter::once(Duration::ZERO).chain(came.iter().copied()).zip(came.iter().copied());
        pairs.map(|(from, to)| Gap { length: to.saturating_sub(from), from }).max().unwrap_or_default()
    }

    /// Who answered over time.
    #[must_use]
    pub fn reigns(&self) -> Vec<Reign> {
        let mut answered: Vec<_> = self.answered().collect();
        answered.sort_by_key(|(_, came)| *came);
        let mut reigns: Vec<Reign> = Vec::new();
        for (probe, came) in answered {
            match reigns.last_mut() {
                Some(reign) if reign.site == probe.site => {
                    reign.until = came;
                    reign.answers += 1;
                }
                Some(_) | None => reigns.push(Reign { site: probe.site, from: came, until: came, answers: 1 }),
            }
        }
        reigns
    }

    /// The part of the story whose probes were sent in this time.
    #[must_use]
    pub fn between(&self, from: Duration, until: Duration) -> Self {
        Self { probes: self.probes.iter().copied().filter(|p| (from..until).contains(&p.sent)).collect() }
    }

    /// Whether a site answered anything.
    #[must_use]
    pub fn has_answer_of(&self, site: Site) -> bool {
        self.of_site(site).next().is_some()
    }

    /// The longest time in which the auditor itself did not ask a server, because this machine was busy: what is
    /// shorter than this may have been missed.
    #[must_use]
    pub fn blind_for(&self) -> Duration {
        let mut last: BTreeMap<(Site, u8), Duration> = BTreeMap::new();
        let pauses = self.probes.iter().filter_map(|probe| {
            let before = last.insert((probe.site, probe.lim), probe.sent)?;
            Some(probe.sent.saturating_sub(before))
        });
        pauses.max().unwrap_or_default()
    }

    fn answered(&self) -> impl Iterator<Item = (Probe, Duration)> + '_ {
        self.probes.iter().filter_map(|probe| Some((*probe, probe.answered?)))
    }

    fn of_site(&self, site: Site) -> impl Iterator<Item = (Probe, Duration)> + '_ {
        self.answered().filter(move |(probe, _)| probe.site == site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(site: Site, sent: u64, answered: u64) -> Probe {
        Probe { site, lim: 1, sent: Duration::from_millis(sent), answered: Some(Duration::from_millis(answered)) }
    }

    #[test]
    fn a_switch_with_answers_under_way_is_not_dual_live() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let story = Story { probes: vec![probe(a, 0, 1), probe(a, 10, 29), probe(b, 15, 28), probe(b, 25, 26)] };
        assert_eq!(story.dual_live(), []);
        assert_eq!(story.late_answers(a, b), []);
        assert_eq!(story.gap(), Gap { length: Duration::from_millis(25), from: Duration::from_millis(1) });
    }

    #[test]
    fn answers_in_turn_are_dual_live() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let story = Story { probes: vec![probe(a, 0, 1), probe(b, 5, 6), probe(a, 10, 11)] };
        assert_eq!(story.dual_live().len(), 1);
        assert_eq!(story.late_answers(a, b), [probe(a, 10, 11)]);
    }

    #[test]
    fn a_switch_there_and_back_in_its_time_is_not_dual_live() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let story = Story { probes: vec![probe(a, 0, 1), probe(b, 200, 201), probe(a, 400, 401)] };
        assert_eq!(story.dual_live(), []);
        assert_eq!(story.reigns().len(), 3);
    }
}
