//! A real etcd as the third voter: what it promises to the monitors of two sites, and when it does not.
#![allow(
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

#[path = "etcd/certificates.rs"]
mod certificates;
#[path = "etcd/cluster.rs"]
mod cluster;

use std::cell::Cell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use certificates::draw_certificates;
use cluster::Etcd;
use mxone_system_redundancy::adapters::etcd::{Access, ETCD, EtcdError, Login, Store, Told, WithEtcd};
use mxone_system_redundancy::domain::alarm::{Alarm, Finding};
use mxone_system_redundancy::domain::configuration::TakeoverSettings;
use mxone_system_redundancy::domain::lease::memory::Stamp;
use mxone_system_redundancy::domain::lease::message::{Ask, Beat, Force, Refused, Release, Standing};
use mxone_system_redundancy::domain::lease::{Agreed, Kind, Memory, Message, Voter};
use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use mxone_system_redundancy::domain::site::{Epoch, Order};
use mxone_system_redundancy::ports::messages::{Dropped, Messages};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// An election takes a second or two, and on a busy machine a few more.
const ELECTED_WITHIN: Duration = Duration::from_secs(40);

const PROMISE: Duration = Duration::from_secs(2);
const PAIR: &str = "one-pair";
/// A busy machine's etcd answers within this, or not at all.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_is_kept_from_the_other_site_until_its_etcd_lease_is_over_and_renewing_it_writes_nothing() {
    let etcd = Etcd::start();
    let (primary, alternate) = sites(&etcd).await;
    assert_eq!(primary.ask(2, Kind::Lease).await, Said::Granted);
    let written = etcd.revision();
    let begun = Instant::now();
    let mut last = begun;
    while begun.elapsed() < PROMISE * 2 {
        last = Instant::now();
        assert_eq!(primary.ask(2, Kind::Lease).await, Said::Granted);
        assert_eq!(alternate.ask(3, Kind::Lease).await, promised(Primary, 2), "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(etcd.revision(), written, "a renewal leaves nothing behind in etcd");
    let waited = alternate.wait_granted(3, last).await;
    assert!(waited >= PROMISE, "{waited:?}");
    assert!(waited < PROMISE + Duration::from_secs(3), "{waited:?}");
    assert_eq!(primary.ask(2, Kind::Lease).await, promised(Alternate, 3));
    assert_eq!(primary.ask(4, Kind::Lease).await, promised(Alternate, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sites_that_ask_at_once_one_at_most_is_promised() {
    let etcd = Etcd::start();
    let (primary, alternate) = sites(&etcd).await;
    primary.release(1).await;
    for round in 1..30 {
        let epoch = round * 2;
        let (one, other) = tokio::join!(primary.ask(epoch, Kind::Lease), alternate.ask(epoch + 1, Kind::Lease));
        let won = [&one, &other].into_iter().filter(|said| **said == Said::Granted).count();
        assert_eq!(won, 1, "round {round}: {one:?} {other:?}");
        let winner = if one == Said::Granted { &primary } else { &alternate };
        winner.release(epoch + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_promise_ends_by_release_and_a_persons_word_overrides_one_that_lasts() {
    let etcd = Etcd::start();
    let (primary, alternate) = sites(&etcd).await;
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    assert_eq!(alternate.ask(2, Kind::Lease).await, stands(Primary, 1));
    primary.release(1).await;
    assert_eq!(alternate.ask(2, Kind::Lease).await, Said::Granted);
    assert_eq!(alternate.ask(2, Kind::Standing).await, Said::Granted);
    assert_eq!(etcd.keys(), ["/mxone_system_redundancy/one-pair/memory"], "nothing of it ends by time now");
    tokio::time::sleep(PROMISE * 2).await;
    assert_eq!(primary.ask(3, Kind::Lease).await, stands(Alternate, 2));

    primary.send(Message::Force(Force { epoch: Epoch(1002), stamp: primary.stamp() })).await;
    assert_eq!(primary.ask(1002, Kind::Standing).await, Said::Granted);
    assert_eq!(alternate.ask(2, Kind::Lease).await, stands(Primary, 1002));
    assert_eq!(primary.ask(1001, Kind::Standing).await, Said::LowEpoch(1002));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_of_a_start_is_written_so_that_an_older_one_under_way_fails() {
    let etcd = Etcd::start();
    let (primary, _) = sites(&etcd).await;
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    let written = etcd.revision();
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    assert_eq!(etcd.revision(), written);
    let again = primary.started_again();
    assert_eq!(again.ask(1, Kind::Standing).await, Said::Granted);
    assert_eq!(etcd.revision(), written + 1);
    assert_eq!(primary.ask(1, Kind::Lease).await, Said::Late, "the earlier start of the monitor is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_was_restarted_keeps_its_promises_and_one_that_nobody_renews_lasts_longer() {
    let mut etcd = Etcd::start();
    let (primary, alternate) = sites(&etcd).await;
    assert_eq!(primary.ask(2, Kind::Lease).await, Said::Granted);
    etcd.kill();
    assert_eq!(primary.ask(2, Kind::Lease).await, Said::Nothing);
    etcd.run();
    let before = Instant::now();
    assert_eq!(primary.ask(2, Kind::Lease).await, Said::Granted, "in the new leader's term");
    assert_eq!(alternate.ask(3, Kind::Lease).await, promised(Primary, 2));
    etcd.kill();
    etcd.run();
    let restarted = Instant::now();
    while etcd.keys().len() > 1 {
        assert_eq!(alternate.ask(3, Kind::Lease).await, promised(Primary, 2));
    }
    // Who ended it is not known, so it is counted once more.
    let gone = Instant::now();
    assert!(gone - restarted >= PROMISE - Duration::from_millis(500), "{:?}", gone - restarted);
    let waited = alternate.wait_granted(3, gone).await;
    assert!(waited >= PROMISE - Duration::from_millis(500), "{waited:?} {:?}", before.elapsed());
    assert_eq!(primary.ask(2, Kind::Lease).await, promised(Alternate, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_lost_its_data_promises_nothing_and_says_what_to_do() {
    let mut etcd = Etcd::start();
    let (mut primary, alternate) = sites(&etcd).await;
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    etcd.kill();
    fs::remove_dir_all(etcd.file("data")).unwrap();
    etcd.run();
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Blank);
    assert_eq!(alternate.ask(2, Kind::Lease).await, Said::Blank);
    let elsewhere = Voting::start(Alternate, alternate.access.clone(), alternate.cluster + 1);
    assert_eq!(elsewhere.ask(2, Kind::Lease).await, Said::Blank, "it is not the cluster that was set up");
    for _ in 0..4 {
        assert_eq!(primary.beat().await, None, "it tells nobody who is live");
    }
    let told = primary.told.recv().await.unwrap();
    assert!(told.contains("has lost the keys of this pair") && told.contains("settings witness --remove"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_went_back_to_an_older_state_promises_nothing() {
    let mut etcd = Etcd::start();
    let (primary, alternate) = sites(&etcd).await;
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    etcd.kill();
    etcd.copy_data("data", "older");
    etcd.run();
    primary.release(1).await;
    assert_eq!(alternate.ask(2, Kind::Standing).await, Said::Granted);
    assert_eq!(primary.ask(3, Kind::Lease).await, stands(Alternate, 2));
    etcd.kill();
    etcd.copy_data("older", "data");
    etcd.run();
    assert_eq!(primary.ask(3, Kind::Standing).await, Said::Blank, "it would promise against what it promised");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_etcd_holds_nobody_up_and_answers_the_newest_request_when_it_is_back() {
    let etcd = Etcd::start();
    let (primary, _) = sites(&etcd).await;
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    etcd.signal("STOP");
    let begun = Instant::now();
    let mut newest = Stamp::default();
    for _ in 0..200 {
        newest = primary.stamp();
        primary.send(asked(1, Kind::Standing, newest)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    etcd.signal("CONT");
    let mut answers = 0;
    loop {
        let (_, message) = primary.receive().await.expect("the newest request is answered");
        answers += 1;
        if matches!(&message, Message::Grant(grant) if grant.stamp == newest) {
            break;
        }
    }
    assert!(answers <= 3, "{answers} requests had queued up");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_gone_or_hang_are_passed_over() {
    let etcd = Etcd::start();
    let (primary, _) = sites(&etcd).await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hanging = silent.local_addr().unwrap();
    let endpoints = vec![format!("http://{gone}"), format!("http://{hanging}"), etcd.url()];
    let access = Access { endpoints, ..primary.access.clone() };
    let primary = Voting::start(Primary, access, primary.cluster);
    let begun = Instant::now();
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    let first = begun.elapsed();
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    assert!(begun.elapsed() - first < Duration::from_millis(400), "the one that answered is asked first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_was_laid_down_by_a_try_without_an_answer_is_found_by_the_next_try() {
    let etcd = Etcd::start();
    let patience = Duration::from_millis(800);
    let access = Access { endpoints: vec![etcd.url()], authority: None, identity: None, login: None, patience };
    let store = Store::new(access, PAIR, None).unwrap();
    let cluster = store.create(&memory()).await.unwrap();
    assert_eq!(store.create(&memory()).await.unwrap(), cluster);
    let other = Memory { starts: 7, ..memory() };
    let told = store.create(&other).await.unwrap_err().to_string();
    assert!(told.contains("holds something else"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_answers_but_cannot_serve_is_passed_over() {
    let etcd = Etcd::start();
    let (primary, _) = sites(&etcd).await;
    for (start, answer) in (1..).zip([
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 14\r\n\r\nno server here".to_owned(),
        complaint("etcdserver: rpc not supported for learner"),
        complaint("etcdserver: corrupt cluster"),
    ]) {
        let endpoints = vec![always(answer.clone()), etcd.url()];
        let access = Access { endpoints, ..primary.access.clone() };
        let primary = Voting { start, ..Voting::start(Primary, access, primary.cluster) };
        assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_answers_but_would_take_no_vote_is_an_alarm_before_one_is_needed_and_so_is_its_end() {
    let etcd = Etcd::start();
    let (primary, _) = sites(&etcd).await;
    for line in [
        "user add root:r00t",
        "user grant-role root root",
        "user add pbx:p4ss",
        "role add pbx",
        "role grant-permission pbx read /mxone_system_redundancy/ --prefix=true",
        "user grant-role pbx pbx",
        "auth enable",
    ] {
        etcd.control(&line.split(' ').collect::<Vec<_>>());
    }
    let login = Some(Login { user: "pbx".to_owned(), password: "p4ss".to_owned() });
    let mut primary = Voting::start(Primary, Access { login, ..primary.access.clone() }, primary.cluster);
    assert_eq!(primary.beat().await, Some(Epoch(1)), "it answers");
    let (alarm, wrong) = primary.finding().await;
    assert_eq!(alarm, Alarm::WitnessLost);
    assert!(wrong.as_ref().is_some_and(|wrong| wrong.contains("permission denied")), "{wrong:?}");
    let may_write = "role grant-permission pbx readwrite /mxone_system_redundancy/ --prefix=true --user root:r00t";
    etcd.control(&may_write.split(' ').collect::<Vec<_>>());
    let over = async { while primary.finding().await.1.is_some() {} };
    tokio::time::timeout(ANSWERED_WITHIN, over).await.expect("it is told to be over");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_try_whether_etcd_would_take_a_vote_writes_nothing() {
    let etcd = Etcd::start();
    let (mut primary, _) = sites(&etcd).await;
    let written = etcd.revision();
    assert_eq!(primary.finding().await, (Alarm::WitnessLost, None));
    assert_eq!(etcd.revision(), written);
    assert_eq!(etcd.keys(), ["/mxone_system_redundancy/one-pair/memory"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_read_is_told_and_looked_at_again() {
    let etcd = Etcd::start();
    let (primary, _) = sites(&etcd).await;
    let (access, cluster) = (primary.access.clone(), primary.cluster);
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let of = access.clone();
    let store = move || match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => Err("ca.pem cannot be read".to_owned()),
        _ => Store::new(of.clone(), PAIR, Some(cluster)).map_err(|error| error.to_string()),
    };
    let mut primary = Voting::start_with(Primary, (access, cluster), store);
    let wrong = primary.finding().await.1.unwrap();
    assert!(wrong.contains("ca.pem cannot be read"), "{wrong}");
    primary.send(asked(1, Kind::Standing, primary.stamp())).await;
    let granted = tokio::time::timeout(Duration::from_secs(20), primary.way.receive()).await;
    assert!(matches!(granted, Ok((_, Message::Grant(_)))), "{granted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_outlives_the_leader_of_three_members_and_is_renewed_under_the_next_one() {
    let mut etcds = Etcd::three();
    let endpoints: Vec<String> = etcds.iter().map(Etcd::url).collect();
    let patience = Duration::from_millis(800);
    let access = Access { endpoints, authority: None, identity: None, login: None, patience };
    let cluster = Store::new(access.clone(), PAIR, None).unwrap().create(&memory()).await.unwrap();
    let primary = Voting::start(Primary, access.clone(), cluster);
    let alternate = Voting::start(Alternate, access, cluster);
    assert_eq!(primary.ask(2, Kind::Lease).await, Said::Granted);
    let leader = etcds.iter().position(Etcd::is_leader).unwrap();
    etcds[leader].kill();
    let killed = Instant::now();
    // Members without a leader answer nobody; how long they elect one is theirs.
    let mut granted = 0;
    while granted < 5 {
        assert!(killed.elapsed() < ELECTED_WITHIN, "{granted} granted");
        let said = primary.ask(2, Kind::Lease).await;
        assert!([Said::Granted, Said::Nothing].contains(&said), "{said:?} {:?}", killed.elapsed());
        if said == Said::Granted {
            granted += 1;
            let other = alternate.ask(3, Kind::Lease).await;
            assert!(other == promised(Primary, 2) || other == Said::Nothing, "{other:?} {:?}", killed.elapsed());
        }
    }
    let waited = alternate.wait_granted(3, Instant::now()).await;
    assert!(waited >= PROMISE / 2, "the next leader counts anew: {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_a_password_are_used_and_renewed_and_wrong_ones_are_told_without_the_password() {
    let etcd = Etcd::with(|folder| {
        draw_certificates(folder);
        let file = |name: &str| folder.join(name).display().to_string();
        let flag = |name: &str, file: String| [name.to_owned(), file];
        let files = [("--cert-file", "server.pem"), ("--key-file", "server.key"), ("--trusted-ca-file", "ca.pem")];
        let mut flags: Vec<String> = files.into_iter().flat_map(|(name, of)| flag(name, file(of))).collect();
        flags.extend(["--client-cert-auth".to_owned(), "--auth-token-ttl=1".to_owned()]);
        flags
    });
    for line in [
        "user add root:r00t",
        "user add pbx:p4ss",
        "role add pbx",
        "role grant-permission pbx readwrite /mxone_system_redundancy/ --prefix=true",
        "user grant-role pbx pbx",
        "user grant-role root root",
        "auth enable",
    ] {
        etcd.control(&line.split(' ').collect::<Vec<_>>());
    }
    let read = |name: &str| fs::read(etcd.file(name)).unwrap();
    let login = |password: &str| Some(Login { user: "pbx".to_owned(), password: password.to_owned() });
    let access = Access {
        endpoints: vec![etcd.url()],
        authority: Some(read("ca.pem")),
        identity: Some([read("client.pem"), read("client.key")].concat()),
        login: login("p4ss"),
        patience: Duration::from_secs(1),
    };
    let complaint = async |access: Access| {
        let failed: EtcdError = Store::new(access, "wrong", None).unwrap().create(&memory()).await.unwrap_err();
        format!("{failed} {failed:?}")
    };
    let wrong = complaint(Access { login: login("wr0ng"), ..access.clone() }).await;
    assert!(wrong.contains("authentication failed") && !wrong.contains("wr0ng"), "{wrong}");
    let nobody = complaint(Access { login: None, ..access.clone() }).await;
    assert!(nobody.contains("user name is empty"), "{nobody}");
    for of_tls in [Access { identity: None, ..access.clone() }, Access { authority: None, ..access.clone() }] {
        let told = complaint(of_tls).await;
        assert!(told.contains("does not answer"), "{told}");
    }
    let cluster = Store::new(access.clone(), PAIR, None).unwrap().create(&memory()).await.unwrap();
    let primary = Voting::start(Primary, access, cluster);
    assert_eq!(primary.ask(1, Kind::Standing).await, Said::Granted);
    assert_eq!(primary.ask(1, Kind::Lease).await, Said::Granted);
    // A token that nobody uses ends after a second here.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(primary.ask(1, Kind::Lease).await, Said::Granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_tells_who_is_live_and_the_keys_go_when_they_are_taken_out() {
    let etcd = Etcd::start();
    let (primary, alternate) = sites(&etcd).await;
    assert_eq!(primary.beat().await, Some(Epoch(1)));
    alternate.epoch.set(7);
    assert_eq!(alternate.beat().await, Some(Epoch(7)));
    assert_eq!(primary.beat().await, Some(Epoch(7)), "etcd learned it from the other site");
    let store = Store::new(primary.access.clone(), PAIR, Some(primary.cluster)).unwrap();
    store.erase().await.unwrap();
    assert_eq!(etcd.keys(), Vec::<String>::new());
}

/// What etcd said to a request.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Granted,
    Promised { to: Site, epoch: u64, ends: bool },
    LowEpoch(u64),
    Late,
    Blank,
    Nothing,
}

fn promised(to: Site, epoch: u64) -> Said {
    Said::Promised { to, epoch, ends: true }
}

fn stands(to: Site, epoch: u64) -> Said {
    Said::Promised { to, epoch, ends: false }
}

/// The monitor of a site, as far as etcd sees it.
struct Voting {
    site: Site,
    access: Access,
    cluster: u64,
    start: u64,
    sent: Cell<u64>,
    /// The epoch that it believes to be in force.
    epoch: Cell<u64>,
    told: UnboundedReceiver<String>,
    found: UnboundedReceiver<Finding>,
    way: WithEtcd,
}

/// A new pair in an etcd, and the monitors of both its sites.
async fn sites(etcd: &Etcd) -> (Voting, Voting) {
    let endpoints = vec![etcd.url()];
    let access =
        Access { endpoints, authority: None, identity: None, login: None, patience: Duration::from_millis(800) };
    let cluster = Store::new(access.clone(), PAIR, None).unwrap().create(&memory()).await.unwrap();
    (Voting::start(Primary, access.clone(), cluster), Voting::start(Alternate, access, cluster))
}

impl Voting {
    fn start(site: Site, access: Access, cluster: u64) -> Self {
        let of = access.clone();
        let store = move || Store::new(of.clone(), PAIR, Some(cluster)).map_err(|error| error.to_string());
        Self::start_with(site, (access, cluster), store)
    }

    fn start_with(
        site: Site,
        (access, cluster): (Access, u64),
        store: impl Fn() -> Result<Store, String> + Send + 'static,
    ) -> Self {
        let (say, told) = unbounded_channel();
        let (find, found) = unbounded_channel();
        let tell = Told { say, found: Box::new(move |finding| drop(find.send(finding))) };
        let way = WithEtcd::start(Arc::new(Nobody), store, site, tell);
        Self { site, access, cluster, start: 1, sent: Cell::new(0), epoch: Cell::new(1), told, found, way }
    }

    fn started_again(&self) -> Self {
        Self { start: self.start + 1, ..Self::start(self.site, self.access.clone(), self.cluster) }
    }

    fn stamp(&self) -> Stamp {
        self.sent.set(self.sent.get() + 1);
        Stamp { start: self.start, sent: self.sent.get() }
    }

    async fn send(&self, message: Message) {
        self.way.send(Voter::Witness, &message).await;
    }

    /// What is found next of the alarm about etcd.
    async fn finding(&mut self) -> (Alarm, Option<String>) {
        let found = tokio::time::timeout(ANSWERED_WITHIN * 2, self.found.recv()).await.unwrap().unwrap();
        assert_eq!(found.about, ETCD);
        (found.alarm, found.wrong)
    }

    async fn receive(&self) -> Option<(Voter, Message)> {
        tokio::time::timeout(ANSWERED_WITHIN, self.way.receive()).await.ok()
    }

    async fn ask(&self, epoch: u64, kind: Kind) -> Said {
        let stamp = self.stamp();
        self.send(asked(epoch, kind, stamp)).await;
        loop {
            match self.receive().await {
                Some((Voter::Witness, Message::Grant(grant))) if grant.stamp == stamp => {
                    assert_eq!((grant.epoch, grant.kind), (Epoch(epoch), kind));
                    return Said::Granted;
                }
                Some((Voter::Witness, Message::Refuse(refuse))) if refuse.stamp == stamp => {
                    return match refuse.because {
                        Refused::Promised { to, epoch, left } => {
                            Said::Promised { to, epoch: epoch.0, ends: left.is_some() }
                        }
                        Refused::LowEpoch { highest } => Said::LowEpoch(highest.0),
                        Refused::Late => Said::Late,
                        Refused::Blank => Said::Blank,
                    };
                }
                Some(_) => {}
                None => return Said::Nothing,
            }
        }
    }

    /// Asks until it is granted; how long after `since` the winning request was sent.
    async fn wait_granted(&self, epoch: u64, since: Instant) -> Duration {
        loop {
            let said = self.ask(epoch, Kind::Lease).await;
            if said == Said::Granted {
                return since.elapsed();
            }
            assert!(matches!(said, Said::Promised { ends: true, .. }), "{said:?}");
            assert!(since.elapsed() < ANSWERED_WITHIN, "it is never granted");
        }
    }

    /// Gives an epoch back, and waits until etcd has heard it.
    async fn release(&self, epoch: u64) {
        self.send(Message::Release(Release { epoch: Epoch(epoch), by_person: false })).await;
        assert_eq!(self.ask(epoch, Kind::Lease).await, Said::LowEpoch(epoch));
    }

    /// The epoch in force, as etcd's answer to a beat tells it.
    async fn beat(&self) -> Option<Epoch> {
        let order = Order { active: self.site, epoch: Epoch(self.epoch.get()) };
        let standing = Standing { live: None, asks: false, control: true, healthy: true, data: true, doubted: false };
        let (stamp, agreed) = (self.stamp(), Agreed::first(TakeoverSettings::default()));
        self.send(Message::Beat(Box::new(Beat { stamp, order, standing, agreed }))).await;
        match tokio::time::timeout(Duration::from_secs(1), self.way.receive()).await {
            Ok((Voter::Witness, Message::Echo(echo))) if echo.stamp == stamp => Some(echo.order.epoch),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }
}

fn asked(epoch: u64, kind: Kind, stamp: Stamp) -> Message {
    let order = Order { active: Primary, epoch: Epoch(1) };
    Message::Ask(Ask { epoch: Epoch(epoch), kind, length: PROMISE, stamp, order })
}

/// What etcd's gateway answers where a member complains.
fn complaint(words: &str) -> String {
    let body = format!(r#"{{"error":"{words}","code":14,"message":"{words}"}}"#);
    format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A server that answers every request with the same.
fn always(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request);
            // Whoever asked may have gone.
            let _ = read.and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    url
}

fn memory() -> Memory {
    Memory::first(Primary, Agreed::first(TakeoverSettings::default()))
}

/// A line between the sites that is cut.
struct Nobody;

#[async_trait]
impl Messages for Nobody {
    async fn send(&self, _: Voter, _: &Message) {}

    async fn receive(&self) -> (Voter, Message) {
        std::future::pending().await
    }

    fn dropped(&self) -> Dropped {
        Dropped::default()
    }
}
