//! What people are told of a takeover: asked of `events`, which the monitor alone writes.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use serde_json::Value;

use super::lab::LabOptions;
use super::lab::host::{Host, Running, wait_until};
use super::pair::{Pair, Wish};
use super::trio::Trio;

#[test]
fn after_a_pulled_cable_the_lost_primary_and_the_change_of_role_are_told_once_each_and_its_end_after_the_heal() {
    let trio = Trio::started();
    let count = |of: &Value, kind: &str, alarm: &str| {
        let events = of["events"].as_array().unwrap();
        events.iter().filter(|event| event["kind"] == kind && event["alarm"] == alarm).count()
    };
    assert!(!raised(&trio).contains(&"peer-lost".to_owned()), "{:?}", raised(&trio));
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Primary));
        trio.wait_live(Alternate);
        wait_until("the primary is told as lost", || raised(&trio).contains(&"peer-lost".to_owned()));
        trio.restart("alternate");
        wait_until("the monitor works again", || trio.is_live(Alternate));
        std::thread::sleep(std::time::Duration::from_secs(5));
        let told = events(&trio);
        assert_eq!(count(&told, "alarm-raised", "peer-lost"), 1, "a restart tells nothing again: {told}");
        assert_eq!(count(&told, "alarm-cleared", "peer-lost"), 0, "nor its end: {told}");
        let live = |event: &&Value| event["kind"] == "role-changed" && event["text"].to_string().contains("is live");
        assert!(told["events"].as_array().unwrap().iter().any(|event| live(&event)), "{told}");
        trio.pair.lab.heal(trio.first(Primary));
        wait_until("the primary is back", || !raised(&trio).contains(&"peer-lost".to_owned()));
    });
    story.live_in_turn(&[Primary, Alternate]);
    let told = events(&trio);
    assert_eq!(count(&told, "alarm-cleared", "peer-lost"), 1, "{told}");
    assert!(raised(&trio).contains(&"takeover-suspended".to_owned()), "nobody acknowledged it: {:?}", raised(&trio));
    trio.order(Alternate, &["acknowledge"]);
    wait_until("the guard is over", || !raised(&trio).contains(&"takeover-suspended".to_owned()));
}

#[test]
fn a_lost_witness_is_told_while_the_service_runs_on_and_so_is_its_return() {
    let trio = Trio::started();
    let _hook = told_by_hook_and_command(trio.first(Alternate));
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.witness_host());
        wait_until("the witness is told as lost", || raised(&trio).contains(&"witness-lost".to_owned()));
        assert!(trio.is_live(Primary) && !trio.is_live(Alternate));
        let status: Value = serde_json::from_str(&trio.pair.run(&["status", "--json"]).stdout).unwrap();
        assert!(status["alarms_raised"].as_array().unwrap().contains(&"witness-lost".into()), "{status}");
        trio.pair.lab.heal(trio.witness_host());
        wait_until("the witness is back", || !raised(&trio).contains(&"witness-lost".to_owned()));
    });
    story.live_in_turn(&[Primary]);
    for file in [PAGED, HOOKED] {
        let told = || notices(trio.first(Alternate), file, "witness-lost");
        wait_until("both were told by the monitor at work", || told().len() == 2);
        assert_eq!(told(), ["alarm-raised", "alarm-cleared"], "{file}");
    }
}

#[test]
fn what_the_systems_tell_of_themselves_is_raised_where_it_is_unexpected_and_stays_while_they_do_not_tell() {
    let pair = Pair::of(LabOptions { servers: 1, call_servers: 1, ..LabOptions::default() });
    let _configured = pair.configure(&Wish::default()).ok();
    let profile = include_str!("../../src/lab/platform.yaml").replacen("facts:\n", ALARMS, 1) + EXPECTED;
    pair.seat().write("/etc/mxone_system_redundancy/platforms/lab.yaml", &profile);
    let tell = |site, lines: &str| pair.lab.server(site, 1).write("/var/opt/lab/alarms", lines);
    let version = |from: &str, to: &str| {
        let line = format!("sed -i 's/^version = {from}/version = {to}/' /var/opt/lab/data/system.conf");
        pair.lab.server(Primary, 1).sh(&line);
    };
    let raised = || -> Vec<String> {
        let told: Value = serde_json::from_str(&pair.must(&["events", "--raised", "--json"]).stdout).unwrap();
        let text = |raised: &Value, key: &str| raised[key].as_str().unwrap().to_owned();
        told["raised"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {}", text(one, "alarm"), text(one, "about")))
            .collect()
    };
    // A monitor looks at its start, and once a minute.
    let wait = |what: &str, wanted: &[&str]| {
        let _monitor = pair.monitor();
        wait_until(what, || raised() == wanted);
    };
    tell(Primary, "");
    tell(Alternate, "2 1 Trunk heart beat failed\n4 1 Disk full\n");
    version("16", "17");
    wait("what is unexpected is raised", &["versions-differ ", "system-alarm alternate: Disk full"]);
    let status = pair.status();
    let readings: Vec<&str> = status["alternate"]["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alarm| alarm["reading"].as_str().unwrap())
        .collect();
    assert_eq!(readings, ["unexpected", "expected-while-passive"], "{status}");

    tell(Alternate, "2 1 Licence expiring\n4 1 Disk full\n");
    version("17", "16");
    let both = ["system-alarm alternate: Disk full", "system-alarm alternate: Licence expiring"];
    wait("each is an alarm of its own", &both);

    pair.lab.server(Alternate, 1).must(&["rm", "/var/opt/lab/alarms"]);
    version("16", "17");
    wait("a system that does not tell has not mended anything", &[&["versions-differ "], &both[..]].concat());

    tell(Alternate, "2 1 Licence expiring\n");
    version("17", "16");
    wait("what is gone is over", &both[1..]);
}

/// Asks a system for its alarms, which stand in a file.
const ALARMS: &str = r"facts:
  alarms:
    run: [cat, /var/opt/lab/alarms]
    read:
      lines: {pattern: '^(?P<severity>\d) (?P<lim>\d) (?P<text>.+)$'}
";
const EXPECTED: &str = "\nexpected_alarms:\n  while_passive: [Trunk heart beat failed]\n  after_load: []\n";

/// Where a command and a web hook write what they were told.
const PAGED: &str = "/var/log/paged";
const HOOKED: &str = "/var/log/hooked";

/// A web server that keeps what it is told.
const HOOK: &str = r#"
    my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 9600, Listen => 5, ReuseAddr => 1);
    while (my $client = $listener->accept) {
        my $length = 0;
        while (my $line = <$client>) {
            $length = $1 if $line =~ /^content-length:\s*(\d+)/i;
            last if $line eq "\r\n";
        }
        read($client, my $body, $length);
        open(my $kept, ">>", "/var/log/hooked");
        print $kept "$body\n";
        close $kept;
        print $client "HTTP/1.1 200 ok\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        close $client;
    }"#;

/// Sets a host's monitor up to tell a command and a web hook.
fn told_by_hook_and_command(host: &Host) -> Running {
    let hook = host.spawn(&["perl", "-MIO::Socket::INET", "-e", HOOK]);
    host.write_mode("/usr/local/sbin/page", &format!("#!/bin/sh\ncat >> {PAGED}\necho >> {PAGED}\n"), 0o700);
    let notify = "schema: 1\nchannels:\n  - name: pager\n    command: {path: /usr/local/sbin/page}\n\
                  \x20 - name: chat\n    webhook: {url: 'http://127.0.0.1:9600/hook'}\n";
    host.write_mode("/etc/mxone_system_redundancy/notify.yaml", notify, 0o600);
    hook
}

/// The kinds of what was told of an alarm, in their order.
fn notices(host: &Host, file: &str, alarm: &str) -> Vec<String> {
    let told = host.run(&["cat", file]).stdout;
    let told = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    told.filter(|notice| notice["alarm"] == alarm).map(|notice| notice["kind"].as_str().unwrap().to_owned()).collect()
}

/// What `events` tells at the alternate.
fn events(trio: &Trio) -> Value {
    serde_json::from_str(&trio.pair.must(&["events", "--last", "1000", "--json"]).stdout).unwrap()
}

/// The names of the alarms that are raised there.
fn raised(trio: &Trio) -> Vec<String> {
    let told = events(trio);
    told["raised"].as_array().unwrap().iter().map(|raised| raised["alarm"].as_str().unwrap().to_owned()).collect()
}
