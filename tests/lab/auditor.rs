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
//! Where it is known which sites were live one after the other there is a sharper question, [`Story::live_in_turn`]: an
//! answer of the old site to a probe that was sent after the new site had answered is one too many.
//!
//! # Two ways
//! Each server is asked from the users' network, as a telephone does: that is how long users wait. And it is asked by a
//! line of the auditor's own, which stays when the cable of the server is pulled: a kernel that goes on letting
//! telephony in behind a pulled cable is seen there, and nowhere else.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::site::Site;
use rustix::thread::gettid;

use super::host::wait_until;
use super::machine::remark;
use super::namespace::Namespace;
use super::sip::{SIP, options};
use super::{AUDITOR, Lab, LabServer};

/// Each server is asked this often.
pub const EVERY: Duration = Duration::from_millis(10);
/// Faster than this nobody switches there and back: each way takes at least two rounds of commands on every server, and
/// no test orders the way back sooner. The longer it is, the slower the auditor may be and still find two live sites.
pub const TOO_SOON: Duration = Duration::from_millis(200);
/// A line that waits for longer than this was held up: by a busy machine, or with the whole of it by the one it runs on.
pub const BLIND_AT_MOST: Duration = Duration::from_millis(250);
/// That an auditor was held up for more of the time than one part in so many is told.
const BLIND_SHARE: u32 = 5;
/// What a test says that saw it; `packaging/test` knows these words, and nothing excuses them.
const TWO_LIVE: &str = "TWO SITES WERE LIVE";
/// Probes that a line has room for at once: five minutes of them.
const ROOM: usize = 30_000;
/// An answer that takes longer is not waited for when the auditor stops.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Asks until it is stopped.
#[derive(Debug)]
pub struct Auditor {
    begun: Instant,
    stop: Arc<AtomicBool>,
    heard: Arc<Heard>,
    threads: Vec<JoinHandle<Vec<Probe>>>,
    own: Vec<JoinHandle<Vec<Probe>>>,
}

/// Which site has answered by the users' network and by a line of the auditor's own since somebody last asked.
#[derive(Debug, Default)]
struct Heard([[AtomicBool; 2]; 2]);

impl Heard {
    fn by(&self, site: Site, is_own: bool) -> &AtomicBool {
        &self.0[usize::from(site == Site::Alternate)][usize::from(is_own)]
    }

    fn forget(&self) {
        self.0.iter().flatten().for_each(|heard| heard.store(false, Ordering::Relaxed));
    }

    /// Whether some site has answered by both ways.
    fn is_whole(&self) -> bool {
        self.0.iter().any(|ways| ways.iter().all(|heard| heard.load(Ordering::Relaxed)))
    }
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
    /// Starts asking LIM 1, and LIM 2 where there is one, of both sites, from the client host and by its own lines.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        Self::start_asking(lab, EVERY)
    }

    /// The same with another time between two requests to a server.
    #[must_use]
    pub fn start_asking(lab: &Lab, every: Duration) -> Self {
        let (begun, stop, heard) = (Instant::now(), Arc::new(AtomicBool::new(false)), Arc::new(Heard::default()));
        // Each line has begun to ask when this returns; on a busy machine that takes a while.
        let ready = Arc::new(Barrier::new(2 * lab.audited().count() + 1));
        let ask_from = |namespace: &Namespace, address: Ipv4Addr, every: Duration| -> Vec<_> {
            let is_own = address == AUDITOR;
            let turns = u32::try_from(lab.audited().count()).unwrap();
            let lines = lab.audited().zip(0..).map(|(host, turn)| {
                let socket = namespace.enter(|| {
                    let socket = UdpSocket::bind((address, 0)).unwrap();
                    socket.connect((host.v4, SIP)).unwrap();
                    socket
                });
                let LabServer { site, lim } = host.server.unwrap();
                // Spread over the interval, so that sites are seen in turn and not at the same moment.
                let heard = Arc::clone(&heard);
                Line { site, lim, is_own, socket, begun, every, first: every / turns * turn, heard }
            });
            let start = |line: Line| {
                let (told, ready) = (Arc::clone(&stop), Arc::clone(&ready));
                thread::spawn(move || {
                    go_first();
                    ready.wait();
                    line.ask_on(&told)
                })
            };
            lines.map(start).collect()
        };
        let threads = ask_from(&lab.client().namespace, lab.client().v4, every);
        // It is there for two live sites, and not for how long none was.
        let own = ask_from(&lab.auditor, AUDITOR, every * 2);
        ready.wait();
        Self { begun, stop, heard, threads, own }
    }

    /// Looks for 200 ms, and until a site has answered by both ways, which takes a busy machine longer; where none is
    /// live it is not waited for longer than two seconds.
    pub fn look_a_while(&self) {
        self.heard.forget();
        let begun = Instant::now();
        let is_over = |length| begun.elapsed() > Duration::from_millis(length);
        wait_until("the auditor has looked for a while", || is_over(200) && (self.heard.is_whole() || is_over(2000)));
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
        let sorted = |threads: &mut Vec<JoinHandle<Vec<Probe>>>| {
            let mut probes: Vec<Probe> = threads.drain(..).flat_map(|thread| thread.join().unwrap()).collect();
            probes.sort_by_key(|probe| probe.sent);
            probes
        };
        Story { probes: sorted(&mut self.threads), own: sorted(&mut self.own) }
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
    is_own: bool,
    socket: UdpSocket,
    begun: Instant,
    every: Duration,
    first: Duration,
    heard: Arc<Heard>,
}

impl Line {
    /// Asks whenever it is time, and listens beside that.
    ///
    /// A wait for an answer with a time-out would be ended by the kernel's timers, which a busy machine puts off; a sleep
    /// is not.
    fn ask_on(&self, stop: &AtomicBool) -> Vec<Probe> {
        let asked_all = AtomicBool::new(false);
        thread::scope(|scope| {
            let listening = scope.spawn(|| self.listen(&asked_all));
            let sent = self.ask(stop);
            asked_all.store(true, Ordering::Relaxed);
            let probe = |sent| Probe { site: self.site, lim: self.lim, sent, answered: None };
            let mut probes: Vec<Probe> = sent.into_iter().map(probe).collect();
            for (number, at) in listening.join().unwrap() {
                probes[number].answered.get_or_insert(at);
            }
            probes
        })
    }

    /// When each request was sent.
    fn ask(&self, stop: &AtomicBool) -> Vec<Duration> {
        let (from, to) = (self.socket.local_addr().unwrap(), self.socket.peer_addr().unwrap());
        let mut times = room_for(Duration::ZERO);
        let mut due = self.begun + self.first;
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let name = format!("{}-{}-{}", self.site, self.lim, times.len());
            let sent = self.begun.elapsed();
            // Refused or unreachable is an unanswered probe like any other.
            let _unsent = self.socket.send(options("UDP", from, to, &name).as_bytes());
            times.push(sent);
            // When this machine held us up, missed turns are not made up in a burst.
            due = (due + self.every).max(Instant::now());
        }
        times
    }

    /// Which requests were answered, and when.
    fn listen(&self, asked_all: &AtomicBool) -> Vec<(usize, Duration)> {
        let mut answers = room_for((0, Duration::ZERO));
        let mut packet = [0; 2048];
        self.socket.set_read_timeout(Some(LAST_WORD)).unwrap();
        loop {
            match self.socket.recv(&mut packet) {
                Ok(length) => {
                    if let Some(number) = answer(&packet[..length]) {
                        answers.push((number, self.begun.elapsed()));
                        self.heard.by(self.site, self.is_own).store(true, Ordering::Relaxed);
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if asked_all.load(Ordering::Relaxed) {
                        return answers;
                    }
                }
                // Port unreachable: turned away. The socket is as good as before.
                Err(_) => {}
            }
        }
    }
}

/// The number of the request that this answers, if it says that all is well.
fn answer(packet: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(packet).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("Call-ID: "))?;
    text.starts_with("SIP/2.0 200").then(|| name.trim().rsplit('-').next()?.parse().ok())?
}

/// Room that is taken and touched now: whoever asks for memory later waits for every thread of this program that does so
/// as well, and for all that goes before it on a busy machine.
fn room_for<T: Clone>(one: T) -> Vec<T> {
    let mut room = vec![one; ROOM];
    room.clear();
    room
}

/// What the auditor saw.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Every probe from the users' network, in the order in which they were sent.
    pub probes: Vec<Probe>,
    /// Every probe by the auditor's own lines, which see a site whose cable is pulled as well.
    pub own: Vec<Probe>,
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
    /// Ends the test unless these sites were live, one after the other and never two at once, and each answered by both
    /// ways. What is shorter than a hold-up may have been missed in it: that a line was held up for much of the time is
    /// told at the end of the run.
    #[track_caller]
    pub fn live_in_turn(&self, sites: &[Site]) {
        self.never_two_live();
        let seen = self.sites();
        // Two live sites of which one is seen now and the other then, by an auditor that was held up.
        let words = if seen.len() > sites.len() + 1 { TWO_LIVE } else { "these sites were live in turn" };
        assert_eq!(seen, sites, "{words}: {:?}", self.reigns());
        if let [old, new] = sites {
            assert_eq!(self.late_answers(*old, *new), [], "{TWO_LIVE}");
        }
        for site in sites {
            let heard = [&self.probes, &self.own].map(|probes| first_answer(probes, *site).is_some());
            assert_eq!(heard, [true; 2], "the {site} did not answer by both ways, so this proves nothing");
        }
        let (blind, length) = (self.blind_in_all(), self.length());
        if blind > length / BLIND_SHARE {
            remark(&format!("the auditor looked for {length:.1?} and was held up for {blind:.1?} of it"));
        }
    }

    /// Ends the test if two sites were live at any time.
    #[track_caller]
    pub fn never_two_live(&self) {
        assert_eq!(self.dual_live(), [], "{TWO_LIVE}");
    }

    /// From the first probe to the last.
    fn length(&self) -> Duration {
        let of = |probe: Option<&Probe>| probe.map_or(Duration::ZERO, |probe| probe.sent);
        of(self.probes.last()).saturating_sub(of(self.probes.first()))
    }

    /// How long the line was held up that was held up most, taken together.
    fn blind_in_all(&self) -> Duration {
        let of = |pauses: Vec<Duration>| pauses.into_iter().filter(|pause| *pause > BLIND_AT_MOST).sum();
        self.pauses().into_values().map(of).max().unwrap_or_default()
    }

    /// The times between two requests, by server and way.
    fn pauses(&self) -> BTreeMap<(Site, u8, bool), Vec<Duration>> {
        let mut last = BTreeMap::new();
        let mut pauses: BTreeMap<_, Vec<Duration>> = BTreeMap::new();
        for (probes, is_own) in [(&self.probes, false), (&self.own, true)] {
            for probe in probes {
                let line = (probe.site, probe.lim, is_own);
                if let Some(before) = last.insert(line, probe.sent) {
                    pauses.entry(line).or_default().push(probe.sent.saturating_sub(before));
                }
            }
        }
        pauses
    }

    /// The sites in the order in which they answered, by either way. What was under way when the other site answered
    /// counts for nothing; two live sites answer in turn again and again.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        let mut answers: Vec<_> = answered(&self.probes).chain(answered(&self.own)).collect();
        answers.sort_by_key(|(_, came)| *came);
        let mut order: Vec<(Site, Duration)> = Vec::new();
        for (probe, came) in answers {
            match order.last_mut() {
                Some((site, last)) if *site == probe.site => *last = came,
                Some((_, last)) if probe.sent <= *last => {}
                Some(_) | None => order.push((probe.site, came)),
            }
        }
        order.into_iter().map(|(site, _)| site).collect()
    }

    /// Proofs of two live sites; empty when there never were.
    #[must_use]
    pub fn dual_live(&self) -> Vec<DualLive> {
        let mut answered: Vec<_> = answered(&self.probes).chain(answered(&self.own)).collect();
        answered.sort_by_key(|(probe, _)| probe.sent);
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

    /// Answers of `old`, by either way, to probes that were sent after `new` had answered for the first time.
    #[must_use]
    pub fn late_answers(&self, old: Site, new: Site) -> Vec<Probe> {
        let ways = [&self.probes, &self.own];
        let Some(handed_over) = ways.iter().filter_map(|probes| first_answer(probes, new)).min() else {
            return Vec::new();
        };
        let all = ways.iter().flat_map(|probes| answered(probes)).map(|(probe, _)| probe);
        all.filter(|probe| probe.site == old && probe.sent > handed_over).collect()
    }

    /// The longest time in which no site answered users. With a site live all the time it is about [`EVERY`].
    #[must_use]
    pub fn gap(&self) -> Gap {
        let mut came: Vec<Duration> = answered(&self.probes).map(|(_, came)| came).collect();
        came.sort_unstable();
        // A gap that was not over when the auditor stopped.
        came.extend(
            self.probes.iter().map(|probe| probe.sent).max().filter(|last| came.last().is_none_or(|c| last > c)),
        );
        let pairs = std::iter::once(Duration::ZERO).chain(came.iter().copied()).zip(came.iter().copied());
        pairs.map(|(from, to)| Gap { length: to.saturating_sub(from), from }).max().unwrap_or_default()
    }

    /// Who answered users over time.
    #[must_use]
    pub fn reigns(&self) -> Vec<Reign> {
        let mut answered: Vec<_> = answered(&self.probes).collect();
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
        let within = |probes: &[Probe]| probes.iter().copied().filter(|p| (from..until).contains(&p.sent)).collect();
        Self { probes: within(&self.probes), own: within(&self.own) }
    }

    /// Whether a site answered anything, by either way.
    #[must_use]
    pub fn has_answer_of(&self, site: Site) -> bool {
        [&self.probes, &self.own].iter().any(|probes| first_answer(probes, site).is_some())
    }

    /// The time from the first to the last answer of a site, by either way.
    #[must_use]
    pub fn answered_for(&self, site: Site) -> Duration {
        let all = || [&self.probes, &self.own].into_iter().flat_map(|probes| answered(probes));
        let came = || all().filter(|(probe, _)| probe.site == site).map(|(_, came)| came);
        came().max().unwrap_or_default().saturating_sub(came().min().unwrap_or_default())
    }

    /// The longest time in which the auditor itself did not ask a server, because this machine was busy: what is
    /// shorter than this may have been missed.
    #[must_use]
    pub fn blind_for(&self) -> Duration {
        self.pauses().into_values().flatten().max().unwrap_or_default()
    }
}

/// Has this thread go before whatever else runs here: the auditor's word counts on a busy machine as well. Where that may
/// not be, [`Story::blind_for`] tells what came of it.
fn go_first() {
    let thread = gettid().as_raw_nonzero().to_string();
    let _may_not_be = Command::new("chrt").args(["--fifo", "--pid", "1", &thread]).stderr(Stdio::null()).status();
}

fn answered(probes: &[Probe]) -> impl Iterator<Item = (Probe, Duration)> + '_ {
    probes.iter().filter_map(|probe| Some((*probe, probe.answered?)))
}

fn first_answer(probes: &[Probe], site: Site) -> Option<Duration> {
    answered(probes).filter(|(probe, _)| probe.site == site).map(|(_, came)| came).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(site: Site, sent: u64, answered: u64) -> Probe {
        Probe { site, lim: 1, sent: Duration::from_millis(sent), answered: Some(Duration::from_millis(answered)) }
    }

    fn story(probes: Vec<Probe>, own: Vec<Probe>) -> Story {
        Story { probes, own }
    }

    #[test]
    fn a_site_behind_a_pulled_cable_is_seen_by_the_auditors_own_line() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let own = vec![probe(a, 0, 1), probe(a, 90, 91), probe(a, 180, 181)];
        let story = story(vec![probe(b, 100, 101)], own);
        assert_eq!(story.dual_live().len(), 1);
        assert_eq!(story.late_answers(a, b), [probe(a, 180, 181)]);
        assert_eq!(story.sites(), [a, b, a]);
    }

    #[test]
    #[should_panic(expected = "did not answer by both ways")]
    fn an_auditor_that_was_not_answered_by_its_own_line_proves_nothing() {
        story(vec![probe(Site::Primary, 0, 1)], Vec::new()).live_in_turn(&[Site::Primary]);
    }

    #[test]
    fn only_long_pauses_of_the_line_with_most_of_them_count_as_held_up() {
        let users = [0, 350, 400, 600, 900].map(|sent| probe(Site::Primary, sent, sent + 1));
        let own = [0, 260, 500].map(|sent| probe(Site::Primary, sent, sent + 1));
        assert_eq!(story(users.to_vec(), own.to_vec()).blind_in_all(), Duration::from_millis(650));
    }

    #[test]
    #[should_panic(expected = "TWO SITES WERE LIVE")]
    fn two_live_sites_are_called_so() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let probes = vec![probe(a, 0, 1), probe(b, 5, 6), probe(a, 10, 11)];
        story(probes.clone(), probes).live_in_turn(&[a, b]);
    }

    #[test]
    fn a_switch_with_answers_under_way_is_not_dual_live() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let story = story(vec![probe(a, 0, 1), probe(a, 10, 29), probe(b, 15, 28), probe(b, 25, 26)], Vec::new());
        assert_eq!(story.dual_live(), []);
        assert_eq!(story.late_answers(a, b), []);
        assert_eq!(story.sites(), [a, b]);
        assert_eq!(story.gap(), Gap { length: Duration::from_millis(25), from: Duration::from_millis(1) });
    }

    #[test]
    fn answers_in_turn_are_dual_live() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let story = story(vec![probe(a, 0, 1), probe(b, 5, 6), probe(a, 10, 11)], Vec::new());
        assert_eq!(story.dual_live().len(), 1);
        assert_eq!(story.late_answers(a, b), [probe(a, 10, 11)]);
    }

    #[test]
    fn a_switch_there_and_back_in_its_time_is_not_dual_live() {
        let (a, b) = (Site::Primary, Site::Alternate);
        let story = story(vec![probe(a, 0, 1), probe(b, 200, 201), probe(a, 400, 401)], Vec::new());
        assert_eq!(story.dual_live(), []);
        assert_eq!(story.reigns().len(), 3);
    }
}
