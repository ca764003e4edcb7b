//! The gates of a site of two servers: LIM 1, and another one on which LIM 1 keeps a holder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "gate/line.rs"]
mod line;
#[path = "machine/machine.rs"]
mod machine;
#[path = "namespace/namespace.rs"]
mod namespace;
#[path = "gate/site.rs"]
#[allow(dead_code, reason = "it uses its part of it")]
mod site;

use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use line::{FarHost, Line};
use machine::{measured, undisturbed};
use mxone_system_redundancy::adapters::gate::SiteGates;
use mxone_system_redundancy::domain::lease::GateSeen;
use mxone_system_redundancy::ports::gate::{Gates, Until, Whole};
use mxone_system_redundancy::ports::host::Command;
use namespace::{NamespaceHost, checked};
use site::{SERVER, SERVER_V6, Site, in_ms, pause, table};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mxone_maintenance");
/// Names the namespace to the process that keeps a gate open there.
const NAMESPACE: &str = "GATE_NAMESPACE";
const RENEWED: Duration = Duration::from_millis(250);
const RIGHT: Duration = Duration::from_millis(1500);
/// A right may end so much later than told: the time a write takes to the kernel, a tick of it, and a probe.
const LATEST: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_or_killed_process_leaves_its_gate_to_the_kernel() {
    measured(LATEST / 2, async || {
        for signal in ["-STOP", "-KILL"] {
            let site = Site::new();
            let keeper = Keeper::start(&site);
            wait_until(async || site.answers(SERVER, 5060) && site.gate().seen().await.unwrap() == GateSeen::Timed)
                .await;
            let all_asking = [site.probe(SERVER, 5060), site.probe(SERVER_V6, 5060)];
            pause(700).await;
            keeper.signal(signal);
            let stopped = Instant::now();
            pause(2000).await;
            for probes in all_asking.map(site::Prober::end) {
                let passed = probes.last_answered() - stopped;
                println!("{signal}: the last probe that passed was sent {passed:?} after it");
                assert!(passed <= RIGHT + LATEST, "{signal}: {passed:?}");
                assert!(passed + RENEWED + LATEST >= RIGHT, "{signal}: {passed:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "started by the test of frozen and killed processes"]
async fn keeps_a_gate_open() {
    let namespace = namespace::Namespace { name: std::env::var(NAMESPACE).unwrap() };
    let host = NamespaceHost::new(&namespace);
    // The namespace belongs to the test that started this process.
    std::mem::forget(namespace);
    let gates = SiteGates::new(host, Vec::new(), &table(), (hold(), RENEWED));
    loop {
        gates.open(Until::Moment(in_ms(1500))).await.unwrap();
        tokio::time::sleep(RENEWED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_frozen_killed_or_cut_off_leaves_its_gate_to_the_kernel() {
    measured(LATEST / 2, async || {
        for how in ["-STOP", "-KILL", "cut"] {
            let pair = Pair::new(RENEWED);
            let renewing = pair.renewing();
            wait_until(async || pair.other.answers(SERVER, 5060) && pair.other_is(GateSeen::Timed).await).await;
            let asking = pair.other.probe(SERVER, 5060);
            pause(700).await;
            match how {
                "cut" => pair.far.set(Line::Cut),
                signal => {
                    // A killed holder would be replaced at once, which is not what is asked here.
                    pair.far.set(Line::Full);
                    checked(&["kill", signal, &pair.holder().expect("it runs")], "");
                }
            }
            let stopped = Instant::now();
            pause(2000).await;
            let probes = asking.end();
            let passed = probes.last_answered() - stopped;
            println!("{how}: the last probe that passed was sent {passed:?} after it");
            assert!(passed <= RIGHT + LATEST, "{how}: {passed:?}");
            assert!(passed + RENEWED * 2 + LATEST >= RIGHT, "{how}: {passed:?}");
            assert_eq!(pair.gates.whole().await, Whole::Unknown, "{how}");
            renewing.abort();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_made_anew_and_the_server_is_open_again() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        let renewing = pair.renewing();
        wait_until(async || pair.other.answers(SERVER, 5060) && pair.other_is(GateSeen::Timed).await).await;
        pair.far.set(Line::Cut);
        wait_until(async || pair.other_is(GateSeen::Closed).await).await;
        assert!(!pair.other.answers(SERVER, 5060));
        pair.far.set(Line::Whole);
        wait_until(async || pair.other.answers(SERVER, 5060)).await;
        wait_until(async || pair.gates.whole().await == Whole::Yes).await;
        renewing.abort();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_held_back_for_three_seconds_prolongs_nothing() {
    measured(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        let renewing = pair.renewing();
        wait_until(async || pair.other.answers(SERVER, 5060) && pair.other_is(GateSeen::Timed).await).await;
        let asking = pair.other.probe(SERVER, 5060);
        pause(500).await;
        pair.far.set(Line::HeldBack);
        pause(600).await;
        renewing.abort();
        let right_ended = Instant::now() + RIGHT;
        pause(2400).await;
        pair.far.set(Line::Whole);
        pause(2000).await;
        let probes = asking.end();
        assert!(probes.last_answered() <= right_ended + LATEST, "{:?} too late", probes.last_answered() - right_ended);
        assert_eq!(probes.answered_between(right_ended + LATEST, Instant::now()), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_every_250_ms_leaves_no_gap_on_the_other_server() {
    measured(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        let renewing = pair.renewing();
        wait_until(async || pair.other.answers(SERVER, 5060) && pair.other_is(GateSeen::Timed).await).await;
        let all_asking = [pair.other.probe(SERVER, 5060), pair.other.probe(SERVER_V6, 5060)];
        let begun = Instant::now();
        pause(5000).await;
        for probes in all_asking.map(site::Prober::end) {
            assert!(probes.sent.len() > 250);
            assert_eq!(probes.lost_between(begun, begun + Duration::from_secs(5)), 0);
        }
        assert_eq!(pair.gates.whole().await, Whole::Yes);
        renewing.abort();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_and_closing_do_not_wait_for_the_next_question() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::new(Duration::from_secs(30));
        assert!(pair.closes().await, "once its holder is there");
        for _ in 0..3 {
            assert!(!pair.other.answers(SERVER, 5060) && !pair.own.answers(SERVER, 5060));
            pair.gates.open(Until::Moment(in_ms(60_000))).await.unwrap();
            pause(300).await;
            assert!(pair.other.answers(SERVER, 5060) && pair.own.answers(SERVER, 5060));
            let begun = Instant::now();
            assert!(pair.closes().await);
            println!("closing both took {:?}", begun.elapsed());
            assert!(begun.elapsed() < Duration::from_millis(500));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_not_read_back_everywhere_is_told_within_its_time() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        wait_until(async || pair.closes().await).await;
        pair.gates.open(Until::Moment(in_ms(60_000))).await.unwrap();
        wait_until(async || pair.other.answers(SERVER, 5060)).await;
        pair.far.set(Line::HeldBack);
        let begun = Instant::now();
        assert!(!pair.closes().await);
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
        assert!(pair.other.answers(SERVER, 5060) && !pair.own.answers(SERVER, 5060));
        pair.far.set(Line::Whole);
        wait_until(async || pair.closes().await).await;
        assert!(!pair.other.answers(SERVER, 5060));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_has_the_last_word_over_what_was_opened_before_and_is_still_waited_for() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        wait_until(async || pair.closes().await).await;
        pair.far.set(Line::HeldBack);
        let opened = pair.gates.open(Until::Moment(in_ms(60_000))).await.unwrap();
        let (held, closed) = tokio::join!(pair.gates.carried_out(opened, Duration::from_secs(2)), async {
            pause(100).await;
            pair.closes().await
        });
        assert!(!held && !closed, "the line is held back");
        pair.far.set(Line::Whole);
        wait_until(async || pair.closes().await).await;
        pause(700).await;
        for site in [&pair.own, &pair.other] {
            assert!(!site.answers(SERVER, 5060) && site.gate().seen().await.unwrap() == GateSeen::Closed);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_are_armed_only_when_every_server_is() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        pair.gates.open(Until::Standing).await.unwrap();
        wait_until(async || pair.gates.whole().await == Whole::Yes).await;
        assert_eq!(pair.gates.seen().await.unwrap(), GateSeen::Unarmed);
        let all_asking = [pair.own.probe(SERVER, 5060), pair.other.probe(SERVER, 5060)];
        let begun = Instant::now();
        assert!(pair.arms().await);
        let armed = Instant::now();
        for site in [&pair.own, &pair.other] {
            assert_eq!(site.gate().seen().await.unwrap(), GateSeen::Timed);
        }
        for probes in all_asking.map(site::Prober::end) {
            assert_eq!(probes.lost_between(begun, armed), 0, "arming cuts nobody off");
        }
        pair.gates.open(Until::Standing).await.unwrap();
        wait_until(async || pair.other_is(GateSeen::Unarmed).await).await;
        pair.far.set(Line::HeldBack);
        assert!(!pair.arms().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_on_another_server_is_mended_by_its_holder_and_told_once() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::new(RENEWED);
        wait_until(async || pair.closes().await).await;
        wait_until(async || pair.gates.whole().await == Whole::Yes).await;
        // The holder does not wait to be told.
        pair.far.set(Line::HeldBack);
        pair.other.server.checked(&["nft", "flush", "ruleset"]);
        wait_until(async || pair.other_is(GateSeen::Closed).await).await;
        assert!(!pair.other.answers(SERVER, 5060), "closed, for there is no right");
        pair.far.set(Line::Whole);
        wait_until(async || pair.gates.whole().await == Whole::No).await;
        wait_until(async || pair.gates.whole().await == Whole::Yes).await;

        let renewing = pair.renewing();
        wait_until(async || pair.other_is(GateSeen::Timed).await).await;
        pair.other.server.checked(&["nft", "flush", "ruleset"]);
        wait_until(async || pair.other_is(GateSeen::Timed).await).await;
        wait_until(async || pair.gates.whole().await == Whole::No).await;
        assert!(pair.other.answers(SERVER, 5060), "open, for there is a right");
        renewing.abort();
        wait_until(async || pair.other_is(GateSeen::Closed).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_anything_is_decided_gates_stay_as_they_are() {
    undisturbed(LATEST / 2, async || {
        let pair = Pair::with(RENEWED, async |own, other| {
            own.gate().open(in_ms(60_000)).await.unwrap();
            other.gate().open(in_ms(60_000)).await.unwrap();
        })
        .await;
        assert_eq!(pair.gates.seen().await.unwrap(), GateSeen::Timed);
        pause(1000).await;
        assert!(pair.other.answers(SERVER, 5060) && pair.own.answers(SERVER, 5060));
        pair.other.gate().close().await.unwrap();
        wait_until(async || pair.gates.seen().await.unwrap() == GateSeen::Closed).await;
    })
    .await;
}

#[test]
fn a_holder_refuses_what_lim_1_does_not_say() {
    let begin = serde_json::json!({"say": "begin", "rules": table(), "every_ms": 250}).to_string();
    let evil = begin.replace("tcp dport 22 accept", "tcp dport 22 accept; drop; accept");
    assert_ne!(begin, evil);
    let fast = begin.replace("250", "0");
    let nasty = [
        "rubbish\n".to_owned(),
        "{}\n".to_owned(),
        "{\"say\":\"close\",\"ticket\":1}\n".to_owned(),
        format!("{evil}\n"),
        format!("{fast}\n"),
        format!("{begin}\n{begin}\n"),
        format!("{begin}\nrubbish\n"),
        format!("{begin}\n{{\"say\":\"answer\",\"number\":1,\"right\":{{\"ms\":-1}}}}\n"),
        format!("{begin}\n{{\"say\":\"ask\",\"more\":1}}\n"),
    ];
    for input in nasty {
        let site = namespace::Namespace::new();
        let output = site.run(&[PROGRAM, "hold"], &input);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{input}: {complaint}");
        assert!(complaint.starts_with("error: "), "{complaint}");
        assert_eq!(site.checked(&["nft", "list", "ruleset"]), "", "{input}");
    }
    // An answer to what was not asked opens nothing, and an input that ends is no failure.
    let site = namespace::Namespace::new();
    let unasked = "{\"say\":\"answer\",\"number\":99,\"right\":{\"ms\":60000}}";
    let output = site.run(&[PROGRAM, "hold"], &format!("{begin}\n{unasked}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.checked(&["nft", "list", "ruleset"]), "");
    assert!(namespace::run(&[PROGRAM, "hold"], "").status.success());
    let endless = "x".repeat(3 << 20);
    assert_eq!(namespace::run(&[PROGRAM, "hold"], &endless).status.code(), Some(1));
}

/// A site of two servers, each with a phone of its own.
struct Pair {
    gates: Arc<SiteGates>,
    far: Arc<FarHost>,
    own: Site,
    other: Site,
}

impl Pair {
    fn new(every: Duration) -> Self {
        Self::of(every, Site::new(), Site::new())
    }

    async fn with(every: Duration, before: impl AsyncFn(&Site, &Site)) -> Self {
        let (own, other) = (Site::new(), Site::new());
        before(&own, &other).await;
        Self::of(every, own, other)
    }

    fn of(every: Duration, own: Site, other: Site) -> Self {
        let far = FarHost::new(&other.server);
        let host = NamespaceHost::new(&own.server);
        let gates = SiteGates::new(host, vec![Arc::<FarHost>::clone(&far)], &table(), (hold(), every));
        Self { gates: Arc::new(gates), far, own, other }
    }

    /// Blocks both servers; whether both were read back so within a second.
    async fn closes(&self) -> bool {
        let closed = self.gates.close().await;
        self.gates.carried_out(closed, Duration::from_secs(1)).await
    }

    /// Makes both gates end by themselves; whether both do within five seconds.
    async fn arms(&self) -> bool {
        let opened = self.gates.open(Until::Moment(in_ms(20_000))).await.unwrap();
        self.gates.carried_out(opened, Duration::from_secs(5)).await
    }

    /// Opens the gates every 250 ms for 1.5 s, as a live monitor does.
    fn renewing(&self) -> tokio::task::JoinHandle<()> {
        let gates = Arc::clone(&self.gates);
        tokio::spawn(async move {
            loop {
                gates.open(Until::Moment(in_ms(1500))).await.unwrap();
                tokio::time::sleep(RENEWED).await;
            }
        })
    }

    async fn other_is(&self, gate: GateSeen) -> bool {
        self.other.gate().seen().await.unwrap() == gate
    }

    /// The process number of the holder on the other server.
    fn holder(&self) -> Option<String> {
        let pids = checked(&["ip", "netns", "pids", &self.other.server.name], "");
        let named = |pid: &&str| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("mxone_mainten"))
        };
        pids.split_whitespace().find(named).map(str::to_owned)
    }
}

/// A process of its own that keeps the gate of a site open.
struct Keeper(Child);

impl Keeper {
    fn start(site: &Site) -> Self {
        let child = Process::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "keeps_a_gate_open"])
            .env(NAMESPACE, &site.server.name)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, signal: &str) {
        checked(&["kill", signal, &self.0.id().to_string()], "");
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn hold() -> Command {
    Command::new([PROGRAM, "hold"])
}

async fn wait_until(so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not come to that");
        pause(20).await;
    }
}
