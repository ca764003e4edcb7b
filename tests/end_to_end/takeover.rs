//! Planned takeover and back, as phones and an outside auditor see it.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::exchange::{GATEWAY_NUMBER, PHONE_NUMBER, TRUNK_NUMBER};
use super::lab::sip::{self, TcpSession};
use super::pair::Filter::{Blocked, Open};
use super::pair::{Pair, lim1};

#[test]
fn a_planned_takeover_and_its_return_are_never_dual_live_and_end_sessions_of_the_blocked_side() {
    let pair = Pair::configured();
    for (to, from) in [(Alternate, Primary), (Primary, Alternate)] {
        let session = TcpSession::open(pair.client(), lim1(from)).unwrap();
        assert!(session.goes_on());
        let word = format!("traffic-in-{to}");
        let story = pair.audited(|| {
            pair.must(&["manual-takeover", &word, "--reason", "a drill"]);
        });
        story.live_in_turn(&[from, to]);
        let ended = session.wait_for_end();
        eprintln!("to the {to}: {:?} without a live site, the TCP session ended: {:?}", story.gap().length, ended.how);
        assert_eq!((pair.filters(from), pair.filters(to)), ([Blocked; 2], [Open; 2]));
        assert_eq!(pair.status()["active"], to.to_string());

        let _phone = sip::phone(pair.client(), lim1(to), PHONE_NUMBER).unwrap();
        for number in [PHONE_NUMBER, GATEWAY_NUMBER, TRUNK_NUMBER] {
            sip::call(pair.client(), lim1(to), number).unwrap();
        }
        sip::call(pair.client(), lim1(from), GATEWAY_NUMBER).expect_err("it is blocked");
        TcpSession::open(pair.client(), lim1(from)).expect_err("it is blocked");
    }
    assert!(pair.status()["verdict"].as_str().unwrap().starts_with("normal"));
    let history = pair.must(&["history"]).stdout;
    assert!(history.contains("reason: a drill") && history.contains("can be reached"), "{history}");
}

#[test]
fn a_takeover_that_need_not_be_made_is_refused_and_a_dry_run_changes_nothing() {
    let pair = Pair::configured();
    let refused = pair.run(&["manual-takeover", "traffic-in-primary", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("already active"), "{refused:?}");
    let planned = pair.run(&["manual-takeover", "traffic-in-alternate", "--dry-run"]).ok();
    assert!(planned.stdout.contains("block primary LIM 1-2"), "{planned:?}");
    let unconfirmed = pair.run(&["manual-takeover", "traffic-in-alternate"]).ended_with(2);
    assert!(unconfirmed.stderr.contains("--yes"), "{unconfirmed:?}");
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
}
