//! The embedded lab, asked by the product's own SSH host and packet filter adapter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use mxone_system_redundancy::adapters::clock::SystemClock;
use mxone_system_redundancy::adapters::netfilter::Netfilter;
use mxone_system_redundancy::adapters::ssh::{Login, SshHost, SshServer, Timeouts, shown_host_key};
use mxone_system_redundancy::adapters::systems::{Reach, RealSystems};
use mxone_system_redundancy::config::platform::builtin;
use mxone_system_redundancy::domain::configuration::{BootPolicy, Membership, ServerCard, SshAccess};
use mxone_system_redundancy::domain::platform::SipProbe;
use mxone_system_redundancy::domain::site::{ServerId, Site};
use mxone_system_redundancy::domain::traffic::{Origin, Protocol, RuleSet, Spared, TelephonyPort, Traffic, TurnAway};
use mxone_system_redundancy::lab::machine::{Machine, SimCommand};
use mxone_system_redundancy::lab::pair::{TwoSiteLab, address};
use mxone_system_redundancy::lab::streams::Streams;
use mxone_system_redundancy::ports::host::{Command, Host, HostError, Sink, run_checked};
use mxone_system_redundancy::ports::systems::{Hosts, Systems};
use mxone_system_redundancy::ports::traffic_control::TrafficControl;

const PRIMARY: ServerId = ServerId::first_of(Site::Primary);
const ALTERNATE: ServerId = ServerId::first_of(Site::Alternate);

#[tokio::test]
async fn a_file_is_written_summed_found_and_sent_as_the_copy_does_it() {
    let lab = Lab::start().await;
    let host = lab.host(PRIMARY);
    let text = |command: Command| async { run_checked(host.as_ref(), command).await.unwrap().text() };
    text(Command::new(["mkdir", "-p", "/var/opt/backup/a b"])).await;
    let odd = "/var/opt/backup/a b/$(reboot) it's\nodd";
    for (path, bytes) in [(odd, "hello world"), ("/var/opt/backup/plain", "x")] {
        text(Command::new(["dd", &format!("of={path}"), "conv=fsync", "status=none"]).with_input(bytes)).await;
    }
    let listed = text(Command::new(["find", "/var/opt/backup", "-type", "f", "-printf", "%s %P\\0"])).await;
    assert_eq!(listed, "11 a b/$(reboot) it's\nodd\x001 plain\0");
    let names = format!("{odd}\0/var/opt/backup/plain\0");
    let sums = text(Command::new(["xargs", "-0", "sha256sum", "-z", "--"]).with_input(names.clone())).await;
    assert!(sums.starts_with("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9  /var/opt/backup/a b/"));
    assert_eq!(text(Command::new(["xargs", "-0", "cat", "--"]).with_input(names)).await, "hello worldx");
    assert_eq!(text(Command::new(["tail", "-c", "+7", "--", odd])).await, "world");
    text(Command::new(["cp", "-a", "/var/opt/backup", "/tmp/copy"])).await;
    text(Command::new(["mv", "-T", "/tmp/copy/plain", "/tmp/copy/moved"])).await;
    assert_eq!(text(Command::new(["ls", "/tmp/copy"])).await, "a b\nmoved\n");
    text(Command::new(["rm", "-rf", "/tmp/copy"])).await;
    assert_eq!(host.run(Command::new(["test", "-e", "/tmp/copy"])).await.unwrap().status, 1);
    let missing = host.run(Command::new(["cat", "--", "/no/such/file"])).await.unwrap();
    assert_eq!((missing.status, missing.complaint().contains("/no/such/file")), (1, true));
}

#[tokio::test]
async fn no_command_leaves_the_root_folder() {
    let lab = Lab::start().await;
    let host = lab.host(PRIMARY);
    let outside = lab.folder.path().join("outside");
    fs::write(&outside, "secret").unwrap();
    let up = "/../../outside";
    assert_ne!(host.run(Command::new(["cat", up])).await.unwrap().text(), "secret");
    run_checked(host.as_ref(), Command::new(["ln", "-sfn", outside.to_str().unwrap(), "/tmp/link"])).await.unwrap();
    assert!(!host.run(Command::new(["cat", "/tmp/link"])).await.unwrap().success());
    host.run(Command::new(["rm", "-rf", up])).await.unwrap();
    assert!(outside.exists());
}

#[tokio::test]
async fn facts_about_the_server_are_told() {
    let lab = Lab::start().await;
    let host = lab.host(PRIMARY);
    let text = |words: Vec<&'static str>| {
        let command = Command::new(words);
        async { run_checked(host.as_ref(), command).await.unwrap().text() }
    };
    assert_eq!(text(vec!["nproc"]).await, "4\n");
    assert!(text(vec!["cat", "/proc/meminfo"]).await.starts_with("MemTotal:"));
    assert_eq!(text(vec!["df", "-B1", "--output=size,avail", "/var"]).await.lines().count(), 2);
    lab.pair.machine(PRIMARY).unwrap().set_clock_ahead(chrono::Duration::days(1000));
    let clock: f64 = text(vec!["date", "+%s.%N"]).await.trim().parse().unwrap();
    let other = run_checked(lab.host(ALTERNATE).as_ref(), Command::new(["date", "+%s.%N"])).await.unwrap().text();
    assert!(clock > other.trim().parse::<f64>().unwrap() + 86_000_000.0);
    let ping = |to: String| Command::new(["ping".to_owned(), "-c".into(), "1".into(), "-W".into(), "1".into(), to]);
    assert!(host.run(ping(address(ALTERNATE).to_string())).await.unwrap().success());
    lab.pair.cut(Site::Alternate);
    assert!(!host.run(ping(address(ALTERNATE).to_string())).await.unwrap().success());
    assert!(host.run(ping("203.0.113.1".to_owned())).await.unwrap().success());
    assert!(!host.run(ping("203.0.113.99".to_owned())).await.unwrap().success());
    assert_eq!(host.run(Command::new(["no-such-program"])).await.unwrap().status, 127);
}

#[tokio::test]
async fn a_platform_command_can_be_taught() {
    let lab = Lab::start().await;
    lab.pair.teach("ts_about", &(Arc::new(About) as Arc<dyn SimCommand>));
    let output = lab.host(ALTERNATE).run(Command::new(["ts_about", "it's"])).await.unwrap();
    assert_eq!((output.status, output.text().as_str()), (0, "ts_about it's on LIM 1 of the alternate system\n"));
}

#[tokio::test]
async fn many_commands_run_at_once_and_a_slow_reader_holds_only_its_own_back() {
    let lab = Lab::start().await;
    let host = lab.host(PRIMARY);
    let big = lab.pair.machine(PRIMARY).unwrap().root().folder().join("var/big");
    fs::File::create(&big).unwrap().set_len(100_000_000).unwrap();
    let mut slow = Counted { bytes: 0, pause: Duration::from_millis(2) };
    let stream = host.stream(Command::new(["cat", "--", "/var/big"]), &mut slow);
    let others = async {
        let runs: Vec<_> = (0..16)
            .map(|i| {
                let host = Arc::clone(&host);
                tokio::spawn(async move { host.run(Command::new(["echo", &i.to_string()])).await.unwrap().text() })
            })
            .collect();
        for (i, run) in runs.into_iter().enumerate() {
            assert_eq!(run.await.unwrap(), format!("{i}\n"));
        }
    };
    let (streamed, ()) = tokio::join!(stream, others);
    assert!(streamed.unwrap().success());
    assert_eq!(slow.bytes, 100_000_000);
}

#[tokio::test]
async fn endless_output_and_abandoned_commands_end() {
    let lab = Lab::start().await;
    let host = lab.host(PRIMARY);
    let error = host.run(Command::new(["yes"])).await.unwrap_err();
    assert!(matches!(error, HostError::TooMuchOutput { .. }), "{error}");
    let error = host.run(Command::new(["sleep", "600"]).within(Duration::from_millis(200))).await.unwrap_err();
    assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
}

#[tokio::test]
async fn a_server_without_power_is_lost_and_comes_back() {
    let lab = Lab::start().await;
    let host = lab.host(PRIMARY);
    let running = tokio::spawn({
        let host = Arc::clone(&host);
        async move { host.run(Command::new(["sleep", "600"])).await }
    });
    while host.run(Command::new(["true"])).await.is_err() {}
    lab.pair.power_off(PRIMARY).unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, HostError::Lost { .. } | HostError::Unreachable { .. }), "{error}");
    assert!(host.run(Command::new(["true"])).await.is_err());
    lab.pair.boot(PRIMARY).unwrap();
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
    lab.pair.cut(Site::Primary);
    assert!(host.run(Command::new(["true"])).await.is_err());
    assert!(lab.host(ALTERNATE).run(Command::new(["true"])).await.unwrap().success());
    lab.pair.heal(Site::Primary);
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
}

#[tokio::test]
async fn every_server_shows_its_own_host_key() {
    let lab = Lab::start().await;
    for (server, key) in lab.pair.host_keys() {
        let timeouts = Timeouts::from(&lab.access());
        assert_eq!(shown_host_key("lab", lab.pair.routes()[&address(server)], timeouts).await.unwrap(), key);
    }
    let keys = lab.pair.host_keys();
    let server = SshServer { host_key: keys[&ALTERNATE].clone(), ..lab.server(PRIMARY) };
    let error = SshHost::new(server, lab.login()).run(Command::new(["true"])).await.unwrap_err();
    assert!(matches!(error, HostError::HostKeyChanged { .. }), "{error}");
}

#[tokio::test]
async fn a_block_silences_the_call_server_and_survives_a_boot_by_the_guard() {
    let lab = Lab::start().await;
    let traffic = lab.traffic();
    assert_eq!(traffic.read(PRIMARY).await, Traffic::Allowed);
    assert!(lab.answers(PRIMARY).await);
    traffic.block(PRIMARY, Origin::Order).await.unwrap();
    assert!(matches!(traffic.read(PRIMARY).await, Traffic::Blocked { origin: Origin::Order, .. }));
    assert!(!lab.answers(PRIMARY).await && lab.answers(ALTERNATE).await);
    assert_eq!(traffic.cut_established(PRIMARY).await.unwrap(), Some(0));
    traffic.allow(PRIMARY).await.unwrap();
    assert!(lab.answers(PRIMARY).await);
    // Without the guard a boot opens; with it, it blocks.
    traffic.block(PRIMARY, Origin::Order).await.unwrap();
    lab.pair.boot(PRIMARY).unwrap();
    assert_eq!(traffic.read(PRIMARY).await, Traffic::Allowed);
    traffic.install_guard(PRIMARY, BootPolicy::default()).await.unwrap();
    assert!(traffic.guard_installed(PRIMARY).await.unwrap());
    lab.pair.boot(PRIMARY).unwrap();
    assert!(matches!(traffic.read(PRIMARY).await, Traffic::Blocked { origin: Origin::Boot, .. }));
    assert!(!lab.answers(PRIMARY).await);
    traffic.remove_guard(PRIMARY).await.unwrap();
    lab.pair.boot(PRIMARY).unwrap();
    assert_eq!(traffic.read(PRIMARY).await, Traffic::Allowed);
}

#[tokio::test]
async fn a_first_block_that_nobody_confirms_is_taken_back_by_the_server() {
    let lab = Lab::start().await;
    let hosts = LabHosts { hosts: lab.hosts(), confirming: false };
    let traffic = netfilter(hosts).confirmed_within(Duration::from_millis(300));
    assert!(traffic.block(PRIMARY, Origin::Order).await.is_err());
    let begun = Instant::now();
    while traffic.read(PRIMARY).await != Traffic::Allowed {
        assert!(begun.elapsed() < Duration::from_secs(20), "it stays blocked");
    }
    assert!(lab.answers(PRIMARY).await);
}

#[tokio::test]
async fn connections_outlive_a_change_of_settings_and_unknown_servers_answer_with_an_error() {
    let lab = Lab::start().await;
    let here = lab.hosts().remove(&ALTERNATE);
    let reach = Reach { routes: lab.pair.routes(), probe_routes: lab.pair.probe_routes(), here, site: None };
    let systems = RealSystems::new(reach, PathBuf::from("/"), Arc::new(SystemClock));
    let cards = lab.pair.host_keys().into_iter();
    let card = |(server, key)| (server, ServerCard { address: address(server), host_key: Some(key) });
    let mut membership = Membership {
        platform: builtin("kamailio").unwrap(),
        ssh: lab.access(),
        servers: cards.map(card).collect(),
        never_block: BTreeSet::new(),
        turn_away: TurnAway::Reject,
    };
    let before = systems.open(&membership);
    assert_eq!(before.traffic.read(PRIMARY).await, Traffic::Allowed);
    // In the lab LIM 1 of the alternate is no process of this machine either.
    let name = before.hosts.host(ALTERNATE).run(Command::new(["hostname"])).await.unwrap().text();
    assert_eq!(name, "alternate-lim1\n");
    membership.never_block.insert("203.0.113.9".parse().unwrap());
    let after = systems.open(&membership);
    assert!(Arc::ptr_eq(&before.hosts.host(PRIMARY), &after.hosts.host(PRIMARY)));
    let shown = systems.host_key(address(PRIMARY), &membership.ssh).await.unwrap();
    assert_eq!(Some(&shown), membership.servers[&PRIMARY].host_key.as_ref());
    let absent = after.hosts.host("primary/9".parse().unwrap());
    let error = absent.run(Command::new(["true"])).await.unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
}

// The lab of these tests, and small things around it.

struct Lab {
    folder: tempfile::TempDir,
    pair: TwoSiteLab,
}

impl Lab {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = TwoSiteLab::start(folder.path(), 1, Arc::new(SystemClock)).await.unwrap();
        Self { folder, pair }
    }

    /// A user who is not root, so that `sudo -n --` stands before every command.
    fn access(&self) -> SshAccess {
        SshAccess { identity: Some(self.pair.identity().to_owned()), ..SshAccess::default() }
    }

    fn login(&self) -> Arc<Login> {
        Arc::new(Login::new(&self.access()))
    }

    fn server(&self, server: ServerId) -> SshServer {
        let route = self.pair.routes()[&address(server)];
        SshServer {
            name: address(server).to_string(),
            address: route,
            host_key: self.pair.host_keys()[&server].clone(),
        }
    }

    fn host(&self, server: ServerId) -> Arc<dyn Host> {
        Arc::new(SshHost::new(self.server(server), self.login()))
    }

    fn hosts(&self) -> BTreeMap<ServerId, Arc<dyn Host>> {
        [PRIMARY, ALTERNATE].map(|server| (server, self.host(server))).into()
    }

    fn traffic(&self) -> Netfilter {
        netfilter(LabHosts { hosts: self.hosts(), confirming: true })
    }

    /// Whether a server's call server answers a SIP OPTIONS request soon.
    async fn answers(&self, server: ServerId) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let request = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9528;branch=z9hG4bK1\r\nFrom: <sip:p@x>;tag=1\r\n\
                       To: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
        socket.send_to(request.as_bytes(), self.pair.probe_routes()[&address(server)]).await.unwrap();
        let mut answer = [0; 2000];
        let received = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut answer)).await;
        received.is_ok_and(|length| answer[..length.unwrap()].starts_with(b"SIP/2.0 200 OK\r\n"))
    }
}

fn netfilter(hosts: LabHosts) -> Netfilter {
    let sip = vec![TelephonyPort { protocol: Protocol::Udp, ports: "5060-5061".parse().unwrap(), what: "SIP".into() }];
    let spared = Spared { addresses: [PRIMARY, ALTERNATE].map(address).into(), ..Spared::default() };
    let probe = Some(SipProbe { protocol: Protocol::Udp, port: 5060 });
    let rules = RuleSet::new(&sip, &spared, TurnAway::Reject, probe);
    Netfilter::with_rules(Arc::new(hosts), rules, sip, Arc::new(SystemClock))
}

struct LabHosts {
    hosts: BTreeMap<ServerId, Arc<dyn Host>>,
    /// Whether a new connection can be made.
    confirming: bool,
}

impl Hosts for LabHosts {
    fn host(&self, server: ServerId) -> Arc<dyn Host> {
        let host = Arc::clone(&self.hosts[&server]);
        if self.confirming { host } else { Arc::new(NoWayBackIn(host)) }
    }
}

/// A host whose server nobody new gets into.
struct NoWayBackIn(Arc<dyn Host>);

#[async_trait::async_trait]
impl Host for NoWayBackIn {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn run(&self, command: Command) -> Result<mxone_system_redundancy::ports::host::Output, HostError> {
        self.0.run(command).await
    }

    async fn stream(
        &self,
        command: Command,
        sink: &mut dyn Sink,
    ) -> Result<mxone_system_redundancy::ports::host::Output, HostError> {
        self.0.stream(command, sink).await
    }

    async fn reconnected(&self) -> Result<Arc<dyn Host>, HostError> {
        Err(HostError::Unreachable { host: self.name(), source: io::ErrorKind::TimedOut.into() })
    }
}

struct About;

impl SimCommand for About {
    fn run(&self, machine: &Machine, words: &[String], streams: &mut Streams) -> io::Result<i32> {
        use std::io::Write as _;
        writeln!(streams.output, "{} on {}", words.join(" "), machine.id())?;
        Ok(0)
    }
}

struct Counted {
    bytes: usize,
    pause: Duration,
}

impl Sink for Counted {
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
        let before = self.bytes / 1_000_000;
        self.bytes += piece.len();
        Ok(if self.bytes / 1_000_000 == before { Duration::ZERO } else { self.pause })
    }
}
