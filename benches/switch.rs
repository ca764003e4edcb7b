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
#![allow(
    clippy::print_stdout,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a table is what it is for, and scripts are put together beforehand"
)]

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
use script::{Hurry, Rules, Script};

/// How often the SIP client asks each site: the gap is known to twice this.
const ASKED_EVERY: Duration = Duration::from_millis(2);

fn main() {
    let word = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let rounds: usize = word("SWITCH_ROUNDS", "5").parse().unwrap();
    let user = word("SWITCH_USER", "mxone_admin");
    println!("A planned takeover, there and back {rounds} times: how long no site answers a SIP client that asks both");
    println!("every {} ms; medians. Everybody logs in as {user}.\n", ASKED_EVERY.as_millis());
    for servers in word("SWITCH_SERVERS", "1,2,16").split(',') {
        contest(servers.parse().unwrap(), rounds, &user);
    }
}

fn contest(servers: u8, rounds: usize, user: &str) {
    let lab = Lab::start(LabOptions { servers, call_servers: 1, gateways: false, ..LabOptions::default() });
    configure(&lab, user);
    // The first block of a remote server is confirmed by a new connection, which later ones need not be.
    let first = measured(&lab, Site::Alternate, || product(&lab, Site::Alternate));
    let primary = Rules::of(lab.server(Site::Primary, 1));
    product(&lab, Site::Primary);
    let alternate = Rules::of(lab.server(Site::Alternate, 1));
    let script = Script::install(&lab, user, [&primary, &alternate]);
    let mut ways = [Way::Product, Way::OneByOne, Way::AllAtOnce].map(|way| (way, Vec::new(), Vec::new()));
    let mut alone = Vec::new();
    for _ in 0..rounds {
        for (way, there, back) in &mut ways {
            for (site, times) in [(Site::Alternate, there), (Site::Primary, back)] {
                times.push(measured(&lab, site, || match way {
                    Way::Product => product(&lab, site),
                    Way::OneByOne => script.switch_to(site, Hurry::OneByOne),
                    Way::AllAtOnce => script.switch_to(site, Hurry::AllAtOnce),
                }));
            }
        }
        alone.push(script.alone(&lab));
    }
    println!("{servers} + {servers} servers");
    println!("  {:<36} {:>16} {:>16} {:>14}", "no site answers for", "to alternate", "to primary", "both/ours");
    let ours = median(&ways[0].1) + median(&ways[0].2);
    for (way, there, back) in &ways {
        let ratio = (median(there) + median(back)).as_secs_f64() / ours.as_secs_f64();
        println!("  {:<36} {:>16} {:>16} {ratio:>13.2}x", way.name(), shown(median(there)), shown(median(back)));
    }
    println!("  {:<36} {:>16}", "the product's first, with its proof", shown(first));
    println!("  {:<36} {:>16}\n", "the iptables calls alone", shown(median(&alone)));
    if std::env::var_os("SWITCH_TRACE").is_some() {
        trace(&lab);
    }
}

/// Who switches.
#[derive(Debug, Clone, Copy)]
enum Way {
    Product,
    OneByOne,
    AllAtOnce,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Product => "the product",
            Self::OneByOne => "ssh in a loop",
            Self::AllAtOnce => "xargs -P, one ssh a server",
        }
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

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
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
