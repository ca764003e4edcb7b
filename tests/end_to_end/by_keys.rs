//! A takeover and its return done wholly by keys in the terminal UI, watched from outside.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::keys::{ENTER, because};
use super::pair::Pair;
use super::seat::Seat;

#[test]
fn a_takeover_and_its_return_by_keys_alone_are_never_dual_live() {
    let pair = Pair::configured();
    let program = pair.seat().command(&["mxone_system_redundancy"]);
    let mut seat = Seat::take(&program, (80, 24));
    seat.sees("LIVE ██");
    let story = pair.audited(|| {
        for (word, wanted) in [("failover", ["blocked", "allowed"]), ("failback", ["allowed", "blocked"])] {
            seat.press_and_see("/", "find an action");
            seat.press_and_see(word, "▸ manual-takeover › traffic-in-");
            seat.press(ENTER);
            because(&mut seat, "by keys");
            assert_eq!(pair.traffic(), wanted);
        }
    });
    story.never_two_live();
    assert!(story.has_answer_of(Primary) && story.has_answer_of(Alternate));
    assert_eq!(pair.must(&["history"]).stdout.matches("; reason: by keys").count(), 2);
    seat.press_and_see("q", "");
    assert_eq!(seat.ends(), 0);
}
