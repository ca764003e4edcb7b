//! What people are told of a voter at work.

use super::*;

/// A clock that shows so many seconds.
struct At(u64);

impl RawClock for At {
    fn now(&self) -> Moment {
        Moment::from_nanos(self.0 * 1_000_000_000)
    }
}

#[tokio::test]
async fn a_machine_that_stood_still_has_a_doubtful_clock_until_ten_minutes_went_by_without_it() {
    let slow = Arc::new(Slow::default());
    let (mut work, _said) = site(&slow);
    let third = crate::domain::lease::ThirdVote::Witness;
    let setup = Setup { site: Site::Primary, timing: Timing::FAST, third };
    let agreed = crate::domain::lease::Agreed::first(crate::domain::configuration::TakeoverSettings::default());
    let nothing = Memory::first(Site::Primary, agreed);
    let (node, _) = Node::start(setup, Stored::Lost, nothing, GateSeen::Closed, Moment::from_nanos(1));
    work.machine = Machine::Site(Box::new(node));
    let because = Reason::StoodStill { at_least: Duration::from_secs(3) };
    work.carry_out(vec![Effect::Close { ticket: 2, because }], Moment::from_nanos(1)).await;
    for (seconds, is_doubtful) in [(2, true), (599, true), (601, false)] {
        work.tools.clock = Arc::new(At(seconds));
        work.look_for_alarms();
        soon().await;
        let told = work.tools.herald.register();
        let is_told = told.borrow().raised.iter().any(|raised| raised.alarm == Alarm::ClockDoubtful);
        assert_eq!(is_told, is_doubtful, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_cannot_be_opened_is_told_once_and_the_state_machine_each_time() {
    let slow = Arc::new(Slow::default());
    slow.refuses.store(true, Ordering::Release);
    let (mut work, mut said) = site(&slow);
    for _ in 0..3 {
        work.carry_out(vec![open(Right::For(Duration::from_secs(60)))], Moment::from_nanos(1)).await;
    }
    slow.refuses.store(false, Ordering::Release);
    for _ in 0..2 {
        work.carry_out(vec![open(Right::For(Duration::from_secs(60)))], Moment::from_nanos(1)).await;
    }
    let events = std::iter::from_fn(|| work.events.1.try_recv().ok()).collect::<Vec<_>>();
    assert_eq!(events, [Event::NotOpened, Event::NotOpened, Event::NotOpened, Event::Opened]);
    let lines = std::iter::from_fn(|| said.try_recv().ok()).filter(|line| line.contains("gate")).collect::<Vec<_>>();
    assert_eq!(
        lines,
        ["the gate cannot be opened: the packet filter refuses: no such table", "the gate is opened again"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_block_that_is_made_anew_is_no_change_of_role() {
    for (because, lines) in [(Reason::RulesChanged, 0), (Reason::RightEnded, 1)] {
        let slow = Arc::new(Slow { held: true, ..Slow::default() });
        let (mut work, mut said) = site(&slow);
        work.carry_out(vec![Effect::Close { ticket: 2, because }], Moment::from_nanos(1)).await;
        soon().await;
        assert!(slow.done().contains(&"closed".to_owned()));
        let told = std::iter::from_fn(|| said.try_recv().ok()).filter(|line| line.contains("blocks")).count();
        assert_eq!(told, lines, "{because:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_was_told_between_two_looks_is_cleared_by_the_next_look_that_finds_it_right() {
    let (mut work, _said) = site(&Arc::new(Slow::default()));
    let right = || vec![Finding::of(Alarm::PromisesNotKept, None::<String>)];
    work.news.found(right());
    work.news.told(&Told::Worry { worry: Worry::NotKept });
    soon().await;
    assert_eq!(work.tools.herald.register().borrow().raised.len(), 1);
    work.news.found(right());
    soon().await;
    assert_eq!(work.tools.herald.register().borrow().raised, []);
}
