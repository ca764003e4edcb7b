//! How long no site answers during a planned takeover, as a SIP client sees it: the product against what a careful
//! engineer would write as a shell script, and against the same `iptables` calls without any SSH.
//!
//! `cargo bench --bench switch`, as root. `SWITCH_SERVERS` sets the numbers of servers a site (`1,2,16` by default; up
//! to 124), `SWITCH_ROUNDS` the rounds (5), `SWITCH_USER` who logs in (`mxone_admin`, who needs `sudo`, or `root`),
//! `SWITCH_TRACE` prints the product's own history of its last takeover.
//! To reach: 0.15 s with one server a site, and ten times as fast as `ssh` in a loop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run says why and ends"
)]
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "../tests/lab/lab.rs"]
mod lab;
#[path = "switch/script.rs"]
mod script;

use std::fmt::Write as _;
use std::time::Duration;

use lab::auditor::Auditor;
use lab::host::wait_until;
use lab::{Lab, LabOptions, NETWORK_CONTROL_ADDRESS};
use mxone_system_redundancy::domain::site::Site;
use script::{Hurry, Rules};

/// How often the SIP client asks each site: the gap is known to twice this.
const ASKED_EVERY: Duration = Duration::from_millis(2);

fn main() {
    let word = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let rounds: usize = word("SWITCH_ROUNDS", "5").parse().unwrap();
    let user = word("SWITCH_USER", "mxone_admin");
    println!("A planned takeover, there and back {rounds} times: how long no site answers a SIP client that asks both");
    println!("every {} ms. Everybody logs in as {user}.\n", ASKED_EVERY.as_millis());
    for servers in word("SWITCH_SERVERS", "1,2,16").split(',') {
        contest(servers.parse().unwrap(), rounds, &user);
    }
}

fn contest(servers: u8, rounds: usize, user: &str) {
    let lab = Lab::start(LabOptions { servers, call_servers: 1, gateways: false, ..LabOptions::default() });
    configure(&lab, user);
    // The first block of a server is confirmed by a new connection, which later ones need not be.
    let first = measured(&lab, Site::Alternate, || product(&lab, Site::Alternate));
    let primary = Rules::of(lab.server(Site::Primary, 1));
    let mut times = vec![vec![measured(&lab, Site::Primary, || product(&lab, Site::Primary))], vec![], vec![]];
    let alternate = Rules::of(lab.server(Site::Alternate, 1));
    let script = script::Script::install(&lab, user, [&primary, &alternate]);
    for _ in 0..rounds {
        for (times, way) in times.iter_mut().zip([None, Some(Hurry::OneByOne), Some(Hurry::AllAtOnce)]) {
            for site in [Site::Alternate, Site::Primary] {
                times.push(measured(&lab, site, || match way {
                    None => product(&lab, site),
                    Some(hurry) => script.switch_to(site, hurry),
                }));
            }
        }
    }
    let alone = (0..rounds).map(|_| script.alone(&lab)).collect();
    times.push(alone);
    table(servers, first, times);
    if std::env::var_os("SWITCH_TRACE").is_some() {
        trace(&lab);
    }
}

fn configure(lab: &Lab, user: &str) {
    lab.server(Site::Primary, 1).must(&["lab-backup"]);
    let seat = lab.server(Site::Alternate, 1);
    seat.write("/etc/mxone_system_redundancy/platforms/lab.yaml", include_str!("../src/lab/platform.yaml"));
    let mut answers = format!(
        "platform: lab\nprimary_master_address: {}\nnetwork_control_address: {NETWORK_CONTROL_ADDRESS}\n\
         translation: {{192.0.2.0/24: 198.51.100.0/24, '2001:db8:1::/64': '2001:db8:2::/64'}}\n\
         takeover: {{alternate-from-primary: manual, primary-from-alternate: manual}}\nboot_without_peer: stay-blocked\n\
         ssh: {{user: {user}, identity: /root/.ssh/id_ed25519}}\nhost_keys:\n",
        lab.server(Site::Primary, 1).v4
    );
    for host in lab.servers() {
        writeln!(answers, "  {}: {}", host.v4, host.host_key()).unwrap();
    }
    seat.write("/root/answers.yaml", &answers);
    seat.must(&["mxone_system_redundancy", "configure", "--answers", "/root/answers.yaml", "--yes"]);
}

fn product(lab: &Lab, site: Site) {
    let word = format!("traffic-in-{site}");
    lab.server(Site::Alternate, 1).must(&["mxone_system_redundancy", "manual-takeover", &word, "--yes"]);
}

/// How long no site answered while `switching` made `site` the live one.
fn measured(lab: &Lab, site: Site, switching: impl FnOnce()) -> Duration {
    let auditor = Auditor::start_asking(lab, ASKED_EVERY);
    let settled = |for_how_long| {
        let from = auditor.now();
        wait_until("the client has asked for a while", || auditor.now() > from + for_how_long);
    };
    settled(Duration::from_millis(100));
    switching();
    settled(Duration::from_millis(100));
    let story = auditor.stop();
    assert!(story.dual_live().is_empty(), "two sites were live: {:?}", story.dual_live());
    assert!(story.late_answers(site.other(), site).is_empty(), "the old site answered after the new one");
    story.gap().length
}

fn table(servers: u8, first: Duration, times: Vec<Vec<Duration>>) {
    println!("{servers} + {servers} servers");
    println!("  {:<40} {:>10} {:>10} {:>12}", "no site answers for", "best", "median", "median/ours");
    let medians: Vec<(Duration, Duration)> = times.into_iter().map(best_and_median).collect();
    let ours = medians[0].1.as_secs_f64();
    let names = ["the product", "ssh in a loop", "xargs -P, all servers at once", "(the same iptables calls, no ssh)"];
    for (name, (best, median)) in names.iter().zip(&medians) {
        let ratio = median.as_secs_f64() / ours;
        println!("  {name:<40} {:>10} {:>10} {ratio:>11.2}x", shown(*best), shown(*median));
    }
    println!("  {:<40} {:>10}\n", "the product's first one, with its proof", shown(first));
}

fn best_and_median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}

fn shown(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// The steps of the last takeover as the product wrote them down.
fn trace(lab: &Lab) {
    let seat = lab.server(Site::Alternate, 1);
    let history = seat.read("/var/log/mxone_system_redundancy/history.jsonl");
    let lines: Vec<&str> = history.lines().collect();
    for line in &lines[lines.len().saturating_sub(16)..] {
        println!("{line}");
    }
}
