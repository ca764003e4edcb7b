//! A wall clock that is stepped by an hour.
//!
//! No namespace gives a process a wall clock of its own (time namespaces move the monotonic ones only), and this
//! machine's is not ours to set. So the voters are started with a library between them and the clock.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::TAKEN_OVER_WITHIN;
use super::lab::host::Host;
use super::lab::tool::must;
use super::trio::{LIBRARY, Trio};

/// While it is there, the wall clock is an hour ahead.
const STEPPED: &str = "/opt/lab/stepped";

#[test]
fn a_wall_clock_that_is_stepped_by_an_hour_moves_nothing_and_delays_no_takeover() {
    let trio = Trio::started();
    let hosts = ["primary", "alternate", "witness"].map(|voter| (voter, trio.host_of(voter)));
    for (voter, host) in hosts {
        install(host);
        trio.restart(voter);
    }
    trio.settled();
    let story = trio.pair.audited(|| {
        for step in 0..4 {
            for (_, host) in hosts {
                host.must(&[if step % 2 == 0 { "touch" } else { "rm" }, STEPPED]);
                trio.keeps_live(Primary, Duration::from_millis(600), &format!("stepped {} at {}", step + 1, host.name));
            }
        }
        for (_, host) in hosts {
            host.write(STEPPED, "");
        }
        trio.pair.lab.cut(trio.first(Primary));
        let taken = trio.wait_live(Alternate);
        assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
        assert!(!trio.is_open(Primary));
    });
    story.live_in_turn(&[Primary, Alternate]);
    let now = trio.host_of("witness").must(&["date", "+%FT%T%:z"]);
    let (ahead, now) = (last_told(&trio), now.trim().parse::<DateTime<FixedOffset>>().unwrap());
    assert!((ahead - now).num_minutes() > 50, "the monitor did see another time: {ahead}, and it is {now}");
}

/// Puts the library on a host.
fn install(host: &Host) {
    let (source, library) = (host.path("/opt/lab/wall_clock.c"), host.path(LIBRARY));
    std::fs::write(&source, include_str!("wall_clock.c")).unwrap();
    must("cc", &["-shared", "-fPIC", "-o", &library.display().to_string(), &source.display().to_string()]);
}

/// The time of the last line in the alternate's history.
fn last_told(trio: &Trio) -> DateTime<FixedOffset> {
    let history = trio.history(Alternate);
    let line: serde_json::Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    line["at"].as_str().unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}
