//! What each key does to a command under way.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::domain::plan::Action;
use crate::domain::plan::Step;
use crate::domain::site::{Epoch, Order, Site};
use crate::faces::failure::Exit;
use crate::faces::terminal::dashboard::tests::now;
use crate::faces::terminal::look::Look;
use crate::ports::dialog::Refused;

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::from(code)
}

fn question(key: &'static str, default: Option<&str>) -> Said {
    let question = Question {
        key,
        flag: "--flag",
        prompt: format!("What is {key}?"),
        default: default.map(str::to_owned),
        choices: &[],
        refused: None,
        help: "configure",
    };
    Said::Asked(Asked::Question { question, proposed: default.map(str::to_owned), from: "the usual answer" })
}

fn plan(action: Action) -> Plan {
    let servers = ["primary/1", "primary/2"].iter().map(|id| id.parse().unwrap()).collect();
    let order = Order { active: Site::Alternate, epoch: Epoch(2) };
    let steps = vec![Step::Block { servers }, Step::Order { servers: std::collections::BTreeSet::new(), order }];
    Plan { action, steps, way_back: Vec::new(), warnings: vec!["2 calls are up".to_owned()] }
}

fn asked_plan(action: Action, word: Option<&str>) -> Said {
    Said::Asked(Asked::Plan { plan: Box::new(plan(action)), word: word.map(str::to_owned) })
}

fn job(words: &[&str]) -> Job {
    Job::new(Invocation::of(words))
}

fn drawn(job: &Job) -> String {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| job.view(frame, frame.area(), now(), Look::new(false))).unwrap();
    terminal.backend().to_string()
}

fn type_in(job: &mut Job, text: &str) -> Vec<Wish> {
    text.chars().filter_map(|c| job.on_key(key(KeyCode::Char(c)))).collect()
}

#[test]
fn what_is_typed_is_judged_at_once_and_entered_only_when_it_is_right() {
    let mut job = job(&["configure"]);
    job.heard(question("platform", None), now());
    assert_eq!(
        type_in(&mut job, "ab"),
        [Wish::Reply(Reply::Typed("a".to_owned())), Wish::Reply(Reply::Typed("ab".to_owned()))]
    );
    job.heard(Said::Judged { text: "ab".to_owned(), verdict: Err("no such platform".to_owned()) }, now());
    assert_eq!(job.on_key(key(KeyCode::Enter)), None);
    type_in(&mut job, "c");
    // A verdict about what stands there no longer is none about what stands there now.
    job.heard(Said::Judged { text: "ab".to_owned(), verdict: Ok(()) }, now());
    assert_eq!(job.on_key(key(KeyCode::Enter)), None);
    job.heard(Said::Judged { text: "abc".to_owned(), verdict: Ok(()) }, now());
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::Entered("abc".to_owned()))));
}

#[test]
fn escape_goes_one_question_back_with_the_other_answers_given_again() {
    let mut job = job(&["configure"]);
    for (name, answer) in [("platform", "lab"), ("primary_master_address", "192.0.2.10")] {
        job.heard(question(name, Some(answer)), now());
        job.on_key(key(KeyCode::Enter));
    }
    job.heard(question("network_control_address", None), now());
    let Some(Wish::Again(again)) = job.on_key(key(KeyCode::Esc)) else { panic!("it goes back") };
    assert_eq!(again.answers, [("platform".to_owned(), "lab".to_owned())]);
    assert!(again.remembered.contains(&("primary_master_address".to_owned(), "192.0.2.10".to_owned())));
    let mut first = Job::new(Invocation { answers: Vec::new(), ..again });
    first.heard(question("platform", Some("lab")), now());
    assert_eq!(first.on_key(key(KeyCode::Esc)), Some(Wish::Leave));
}

#[test]
fn a_plan_is_carried_out_only_when_the_button_was_chosen() {
    let mut job = job(&["manual-takeover", "traffic-in-alternate"]);
    job.heard(asked_plan(Action::TrafficInAlternate, None), now());
    assert!(!job.is_changing());
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::No)), "cancel is chosen at first");

    job.heard(asked_plan(Action::TrafficInAlternate, None), now());
    job.on_key(key(KeyCode::Right));
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::Yes)));
    assert!(job.is_changing());
}

#[test]
fn a_plan_that_comes_after_another_was_done_is_confirmed_anew_and_shows_what_to_know_first() {
    let mut job = job(&["configure"]);
    job.heard(asked_plan(Action::Configure, None), now());
    job.on_key(key(KeyCode::Right));
    job.on_key(key(KeyCode::Enter));
    assert!(job.is_changing());
    job.heard(asked_plan(Action::Settings, None), now());
    assert!(!job.is_changing(), "nothing of it is done yet");
    let shown = drawn(&job);
    for words in ["configure is done; this comes next", "Plan: what will be done", "! 2 calls are up", "--answers FILE"]
    {
        assert!(shown.contains(words), "{words:?} is not in\n{shown}");
    }
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::No)), "cancel is chosen at first");
}

#[test]
fn a_forced_takeover_needs_the_name_of_the_site() {
    let mut job = job(&["manual-takeover", "traffic-in-alternate"]);
    job.heard(asked_plan(Action::TrafficInAlternate, Some("alternate")), now());
    for wrong in ["", "yes", "Alternate"] {
        type_in(&mut job, wrong);
        assert_eq!(job.on_key(key(KeyCode::Enter)), None, "{wrong}");
        assert!(job.advice.is_some() && !job.is_changing());
        for _ in 0..wrong.len() {
            job.on_key(key(KeyCode::Backspace));
        }
    }
    type_in(&mut job, "alternate");
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::Entered("alternate".to_owned()))));
    assert!(job.is_changing());
}

#[test]
fn escape_never_leaves_a_change_under_way() {
    let mut job = job(&["manual-takeover", "traffic-in-alternate"]);
    job.heard(asked_plan(Action::TrafficInAlternate, None), now());
    job.on_key(key(KeyCode::Tab));
    job.on_key(key(KeyCode::Enter));
    for code in [KeyCode::Esc, KeyCode::Char('q'), KeyCode::Enter] {
        assert_eq!(job.on_key(key(code)), None);
    }
    assert_eq!(job.on_key(key(KeyCode::Esc)), None);
    assert!(job.advice.is_some());
    job.heard(Said::Over { printed: "done\n".to_owned(), result: Ok(()) }, now());
    assert_eq!(job.on_key(key(KeyCode::Esc)), Some(Wish::Leave));
}

#[test]
fn a_running_copy_is_broken_off_only_after_a_second_question() {
    let mut job = job(&["data", "copy"]);
    job.heard(asked_plan(Action::DataCopy, None), now());
    job.on_key(key(KeyCode::Right));
    job.on_key(key(KeyCode::Enter));
    job.heard(Said::Told(Told::Copying { bytes: 10, of: 100, rate: 5 }), now());
    assert_eq!(job.on_key(key(KeyCode::Esc)), None);
    assert_eq!(job.on_key(key(KeyCode::Enter)), None, "going on is chosen at first");
    job.on_key(key(KeyCode::Esc));
    job.on_key(key(KeyCode::Left));
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::BreakOff));
}

#[test]
fn a_step_shows_how_it_stands() {
    let mut job = job(&["manual-takeover", "traffic-in-alternate"]);
    job.heard(asked_plan(Action::TrafficInAlternate, None), now());
    assert!(matches!(job.steps[0].state, StepState::Waits(_)));
    let begins = Told::StepBegins { number: 1, step: "x".to_owned(), expected: std::time::Duration::ZERO };
    job.heard(Said::Told(begins), now());
    assert!(matches!(job.steps[0].state, StepState::Runs(_)));
    let ended = Told::StepEnded { number: 1, milliseconds: 12, outcome: Err("no route".to_owned()) };
    job.heard(Said::Told(ended), now());
    assert_eq!(job.steps[0].state, StepState::Failed(12, "no route".to_owned()));
    job.heard(Said::Told(Told::GoingBack("no route".to_owned())), now());
    assert_eq!(job.steps.len(), 1, "what was not begun is not done any more");
}

#[test]
fn a_step_that_began_unasked_is_a_change_under_way_as_well() {
    let mut job = job(&["settings", "network-control-address"]);
    let begins = Told::StepBegins { number: 1, step: "x".to_owned(), expected: std::time::Duration::ZERO };
    job.heard(Said::Told(begins), now());
    assert_eq!(job.on_key(key(KeyCode::Esc)), None);
    assert!(job.is_changing() && job.advice.is_some());
}

#[test]
fn a_refused_takeover_can_be_forced_and_nothing_else_can() {
    let refusal = |hint: &str| Failure::new(Exit::Refused, "the primary does not answer").hint(hint);
    let mut job = job(&["manual-takeover", "traffic-in-alternate"]);
    job.heard(Said::Over { printed: String::new(), result: Err(refusal("use --force with --reason")) }, now());
    let Some(Wish::Again(again)) = job.on_key(key(KeyCode::Char('f'))) else { panic!("it is begun again") };
    assert!(again.force && again.reason.is_none());

    let mut other = Job::new(Invocation::of(&["remove"]));
    other.heard(Said::Over { printed: String::new(), result: Err(refusal("use --force")) }, now());
    assert_eq!(other.on_key(key(KeyCode::Char('f'))), None);
}

#[test]
fn checks_that_stood_in_the_way_can_be_skipped_with_a_reason() {
    let mut job = job(&["data", "copy"]);
    let because = vec!["version: 7.4.1 and 7.5 differ".to_owned(), "disk: too small".to_owned()];
    let hint = Some("or go on with --skip-check NAME and --reason".to_owned());
    let failure = Failure { error: "not done".to_owned(), because, hint, exit: Exit::Refused };
    job.heard(Said::Over { printed: String::new(), result: Err(failure) }, now());
    let Some(Wish::Again(again)) = job.on_key(key(KeyCode::Char('s'))) else { panic!("it is begun again") };
    assert_eq!(again.skip, ["version", "disk"]);
    assert!(again.needs_reason());
    assert!(again.in_a_script().contains("--skip-check version --skip-check disk"));
}

#[test]
fn the_command_of_a_script_is_quoted_as_a_shell_wants_it() {
    let invocation = Invocation {
        reason: Some("core switch's upgrade".to_owned()),
        force: true,
        ..Invocation::of(&["manual-takeover", "traffic-in-alternate"])
    };
    assert_eq!(
        invocation.in_a_script(),
        r"mxone_system_redundancy manual-takeover traffic-in-alternate --force --reason 'core switch'\''s upgrade'"
    );
    assert_eq!(
        Invocation::of(&["data", "auto", "create", "--schedule", "0 2 * * *"]).in_a_script(),
        "mxone_system_redundancy data auto create --schedule '0 2 * * *'"
    );
}

#[test]
fn an_address_where_nobody_answers_is_asked_again_with_what_is_wrong_and_may_be_entered_as_it_is() {
    let mut job = job(&["configure"]);
    job.heard(question("primary_master_address", None), now());
    type_in(&mut job, "10.0.0.1");
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::Entered("10.0.0.1".to_owned()))));
    let prompt = "What is primary_master_address?".to_owned();
    job.heard(Said::Told(Told::Answered { prompt, answer: "10.0.0.1".to_owned() }), now());
    let Said::Asked(Asked::Question { mut question, .. }) = question("primary_master_address", None) else { panic!() };
    question.refused = Some(Refused { answer: "10.0.0.1".to_owned(), because: "no server answers".to_owned() });
    let again = Asked::Question { question, proposed: Some("10.0.0.1".to_owned()), from: "what you entered before" };
    job.heard(Said::Asked(again), now());
    assert!(job.answered.is_empty(), "it was no answer");
    assert!(matches!(&job.pending, Pending::Question { wrong: Some(wrong), .. } if wrong == "no server answers"));
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::Entered("10.0.0.1".to_owned()))));
    assert_eq!(job.answers.len(), 1);
}

#[test]
fn one_of_a_few_answers_is_chosen_not_typed() {
    const MODES: &[(&str, &str)] = &[("manual", "a person"), ("automatic", "by itself")];
    let mut job = job(&["configure"]);
    let Said::Asked(Asked::Question { mut question, .. }) = question("mode", Some("manual")) else { panic!() };
    question.choices = MODES;
    job.heard(
        Said::Asked(Asked::Question { question, proposed: Some("manual".to_owned()), from: "the usual answer" }),
        now(),
    );
    assert_eq!(job.on_key(key(KeyCode::Down)), None);
    assert_eq!(job.on_key(key(KeyCode::Enter)), Some(Wish::Reply(Reply::Entered("automatic".to_owned()))));
}
