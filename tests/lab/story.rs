//! What the auditor saw, and what that proves.
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

use std::collections::BTreeMap;
use std::time::Duration;

use mxone_system_redundancy::domain::site::Site;

use super::machine::remark;

/// Faster than this nobody switches there and back: each way takes at least two rounds of commands on every server, and
/// no test orders the way back sooner. The longer it is, the slower the auditor may be and still find two live sites.
pub const TOO_SOON: Duration = Duration::from_millis(200);
/// A line that waits for longer than this was held up: by a busy machine, or with the whole of it by the one it runs on.
pub const BLIND_AT_MOST: Duration = Duration::from_millis(250);
/// That an auditor was held up for more of the time than one part in so many is told.
const BLIND_SHARE: u32 = 5;
/// What a test says that saw it; `packaging/test` knows these words, and nothing excuses them.
const TWO_LIVE: &str = "TWO SITES WERE LIVE";

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
        // One more may be a takeover for a machine that stood still. More are two live sites of which one is seen now and
        // the other then, by an auditor that was held up.
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
