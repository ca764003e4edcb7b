//! The call server of the live site that is not well, by SIP OPTIONS or by a command of the site's own.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::trio::Trio;

/// Where the command of this test finds whether the call server is well.
const STATE: &str = "/run/lab-health";

/// Asks that command; it stands among the facts.
const HEALTHY: &str = "facts:
  healthy:
    query:
      run: [cat, /run/lab-health]
      read:
        lines: {pattern: '^(?P<state>\\w+)$', pick: first}
    expect: {state: well}
";

#[test]
fn a_call_server_that_is_gone_answers_no_sip_options_and_its_site_hands_over() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.first(Primary).sh("kill $(cat /run/kamailio/lab.pid)");
        trio.wait_live(Alternate);
        // The auditor hears nobody there any more, so the kernel is asked.
        assert!(!trio.is_open(Primary), "it is blocked, and does not only say nothing");
        trio.keeps_live(Alternate, Duration::from_secs(1), "nothing moves");
    });
    story.live_in_turn(&[Primary, Alternate]);
    assert!(trio.history(Primary).contains("gave epoch"), "it was handed over, not taken: {}", trio.history(Primary));
}

#[test]
fn a_command_of_the_sites_own_that_says_no_three_times_has_its_site_hand_over() {
    let trio = Trio::started();
    let profile = include_str!("../../src/lab/platform.yaml").replacen("facts:\n", HEALTHY, 1);
    trio.first(Primary).write("/etc/mxone_system_redundancy/platforms/lab.yaml", &profile);
    trio.first(Primary).write(STATE, "well\n");
    trio.restart("primary");
    trio.settled();
    let story = trio.pair.audited(|| {
        trio.keeps(Duration::from_secs(4), "as long as it is well nothing moves", || trio.is_live(Primary));
        trio.first(Primary).write(STATE, "ill\n");
        trio.wait_live(Alternate);
    });
    story.live_in_turn(&[Primary, Alternate]);
    assert!(story.gap().length < Duration::from_secs(1), "it was handed over, not taken: {:?}", story.gap());
}
