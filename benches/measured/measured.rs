//! Runs rivals in turn, so that a busy moment of the machine meets all of them, and prints how they compare.
#![allow(dead_code, reason = "every benchmark uses a part of it")]

use std::time::{Duration, Instant};

/// A way of doing a thing, and of undoing it.
pub struct Runner<'a> {
    name: &'a str,
    doing: Box<dyn Fn() + 'a>,
    undoing: Box<dyn Fn() + 'a>,
}

impl<'a> Runner<'a> {
    /// Names a way.
    pub fn new(name: &'a str, doing: impl Fn() + 'a, undoing: impl Fn() + 'a) -> Self {
        Self { name, doing: Box::new(doing), undoing: Box::new(undoing) }
    }
}

/// Rivals; the first is ours.
pub struct Contest<'a> {
    /// How often each has its turn.
    pub rounds: usize,
    /// The rivals.
    pub runners: Vec<Runner<'a>>,
    /// What they do.
    pub doing: &'a str,
    /// What they do to undo it.
    pub undoing: &'a str,
}

impl Contest<'_> {
    /// Runs it and prints a table.
    pub fn run(&self) {
        let mut times: Vec<(Vec<Duration>, Vec<Duration>)> = vec![Default::default(); self.runners.len()];
        for _ in 0..self.rounds {
            for (runner, (done, undone)) in self.runners.iter().zip(&mut times) {
                done.push(timed(&runner.doing));
                undone.push(timed(&runner.undoing));
            }
        }
        let (done, undone): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        self.table(self.doing, done);
        if !self.undoing.is_empty() {
            self.table(self.undoing, undone);
        }
    }

    fn table(&self, what: &str, times: Vec<Vec<Duration>>) {
        println!("{what:<28} {:>10} {:>10} {:>12}", "best", "median", "median/ours");
        let medians: Vec<(Duration, Duration)> = times.into_iter().map(best_and_median).collect();
        for (runner, (best, median)) in self.runners.iter().zip(&medians) {
            let ratio = median.as_secs_f64() / medians[0].1.as_secs_f64();
            println!("  {:<26} {:>10} {:>10} {ratio:>11.2}x", runner.name, shown(*best), shown(*median));
        }
        println!();
    }
}

fn timed(doing: &dyn Fn()) -> Duration {
    let begun = Instant::now();
    doing();
    begun.elapsed()
}

fn best_and_median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
