//! The SSH host against the real `sshd` on loopback, with keys and settings of its own in a scratch folder.
//!
//! Needs root and `openssh-server`; a test whose needs are missing fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mxone_system_redundancy::adapters::ssh::{Login, SshHost, SshServer, Timeouts, shown_host_key};
use mxone_system_redundancy::domain::address::HostKey;
use mxone_system_redundancy::domain::configuration::SshAccess;
use mxone_system_redundancy::ports::host::{Command, Host, HostError, Sink};

#[tokio::test]
async fn the_exit_status_comes_back_as_it_is() {
    let sshd = Sshd::start();
    let host = sshd.host();
    for status in [0, 1, 2, 77, 255] {
        let output = host.run(sh(&format!("echo out; echo err >&2; exit {status}"))).await.unwrap();
        assert_eq!((output.status, output.text().as_str(), output.complaint().as_str()), (status, "out\n", "err"));
    }
    assert_eq!(host.run(sh("kill -9 $$")).await.unwrap().status, 128 + 9);
}

#[tokio::test]
async fn arguments_arrive_as_they_were_given() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let trap = sshd.folder.path().join("touched");
    let nasty = [format!("$(touch {})", trap.display()), "`id`; it's \"x\" \\ *".to_owned(), String::new()];
    let words = ["printf".to_owned(), "%s|".to_owned()].into_iter().chain(nasty.clone());
    let output = host.run(Command::new(words)).await.unwrap();
    assert_eq!(output.text(), format!("{}|{}|{}|", nasty[0], nasty[1], nasty[2]));
    assert!(!trap.exists());
}

#[tokio::test]
async fn input_reaches_the_program_whole_and_ends() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let input: Vec<u8> = (0..5_000_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let command = Command::new(["sha256sum"]).with_input(input.clone());
    let expected = Process::new("sha256sum").arg("/dev/null").output().unwrap();
    assert_ne!(host.run(command).await.unwrap().stdout, expected.stdout);
    let echoed = Command { output_limit: 6_000_000, ..Command::new(["cat"]).with_input(input.clone()) };
    assert_eq!(host.run(echoed).await.unwrap().stdout, input);
    // A program that does not read its input is no failure, and does not hang.
    assert!(host.run(Command::new(["true"]).with_input(input)).await.unwrap().success());
}

#[tokio::test]
async fn a_conversation_goes_on_line_by_line_and_its_command_ends_with_it() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let script = "echo $$; while read -r line; do echo \"got $line\"; done; echo gone > \"$1\"";
    let ended = sshd.folder.path().join("ended");
    let command = Command::new(["sh", "-c", script, "sh", ended.to_str().unwrap()]);
    let mut conversation = host.converse(command).await.unwrap();
    assert!(conversation.hearing.hear().await.unwrap().is_some_and(|process| process.parse::<u32>().is_ok()));
    for round in 0..100 {
        conversation.saying.say(&format!("{round}")).await.unwrap();
        assert_eq!(conversation.hearing.hear().await.unwrap(), Some(format!("got {round}")));
    }
    // Other commands do not wait for it.
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
    drop(conversation);
    let begun = Instant::now();
    while !ended.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "its input does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut refused = host.converse(sh("echo no >&2; exit 1")).await.unwrap();
    assert_eq!(refused.hearing.hear().await.unwrap().as_deref(), Some("no"));
    assert_eq!(refused.hearing.hear().await.unwrap(), None);
}

#[tokio::test]
async fn a_conversation_ends_when_the_server_does() {
    let sshd = Sshd::start();
    let mut conversation = sshd.host().converse(sh("echo $PPID; exec cat")).await.unwrap();
    let session = conversation.hearing.hear().await.unwrap().unwrap();
    checked(Process::new("kill").args(["-9", &session]));
    assert!(matches!(conversation.hearing.hear().await, Ok(None) | Err(_)));
    assert!(sshd.host().converse(sh("true")).await.is_ok());
    sshd.stop();
    let error = sshd.host().converse(sh("true")).await.err().unwrap();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn many_commands_share_one_session() {
    let sshd = Sshd::start();
    let host = Arc::new(sshd.host());
    // Each of eight waits until it sees all eight. More than a session grants at once (MaxSessions 10) wait their turn.
    let meeting = sshd.folder.path().join("meeting");
    fs::create_dir(&meeting).unwrap();
    let script = "cd \"$1\"; : > $2; while [ $(ls | wc -l) -lt 8 ]; do sleep 0.05; done; echo $PPID; exit $2";
    let runs: Vec<_> = (0..24)
        .map(|i: i32| {
            let (host, meeting) = (Arc::clone(&host), meeting.display().to_string());
            let command = Command::new(["sh", "-c", script, "sh", &meeting, &i.to_string()]);
            tokio::spawn(async move { host.run(command).await.unwrap() })
        })
        .collect();
    let mut parents = BTreeSet::new();
    for (i, run) in (0..).zip(runs) {
        let output = run.await.unwrap();
        assert_eq!(output.status, i);
        parents.insert(output.text());
    }
    // A busy sshd that has not cleared ended sessions away refuses one more; then a new connection takes its place.
    assert!(parents.len() <= 3, "24 commands by one sshd process, or few: {parents:?}");
}

#[tokio::test]
async fn endless_output_stops_at_the_limit_in_flat_memory() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let before = resident();
    for script in ["yes | tr -d '\\n'", "cat /dev/urandom", "yes >&2"] {
        let error = host.run(sh(script)).await.unwrap_err();
        assert!(matches!(error, HostError::TooMuchOutput { .. }), "{error}");
        // The next command is not held up by what was left behind.
        assert!(host.run(Command::new(["true"])).await.unwrap().success());
    }
    assert!(resident() < before + (64 << 20), "{} bytes", resident() - before);
}

#[tokio::test]
async fn binary_output_comes_back_byte_for_byte() {
    let sshd = Sshd::start();
    let path = sshd.folder.path().join("binary");
    let bytes: Vec<u8> =
        (0..1_000_000_u32).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    fs::write(&path, &bytes).unwrap();
    let output = sshd.host().run(Command::new(["cat", "--", path.to_str().unwrap()])).await.unwrap();
    assert_eq!(output.stdout, bytes);
}

#[tokio::test]
async fn a_slow_receiver_holds_the_sender_back_in_flat_memory() {
    let sshd = Sshd::start();
    let before = resident();
    let mut sink = Counted { bytes: 0, pause: Duration::from_millis(1), highest: 0 };
    let output = sshd.host().stream(sh("head -c 200000000 /dev/zero; echo end >&2; exit 4"), &mut sink).await.unwrap();
    assert_eq!((output.status, output.complaint().as_str(), sink.bytes), (4, "end", 200_000_000));
    assert!(output.stdout.is_empty());
    assert!(sink.highest < before + (64 << 20), "{} bytes", sink.highest - before);
}

#[tokio::test]
async fn a_receiver_that_refuses_ends_the_stream() {
    let sshd = Sshd::start();
    let error = sshd.host().stream(Command::new(["yes"]), &mut Full).await.unwrap_err();
    assert!(matches!(error, HostError::Sink { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_dies_in_mid_stream_is_lost_not_finished() {
    let sshd = Sshd::start();
    let mut sink = KillsItsServer { text: String::new(), killed: false };
    let error = sshd.host().stream(sh("echo $PPID; exec cat /dev/zero"), &mut sink).await.unwrap_err();
    assert!(sink.killed);
    assert!(matches!(error, HostError::Lost { .. }), "{error}");
}

#[tokio::test]
async fn a_broken_session_is_remade() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let error = host.run(sh("kill -9 $PPID; sleep 5")).await.unwrap_err();
    assert!(matches!(error, HostError::Lost { .. }), "{error}");
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
}

/// OpenSSH passes no signals on to what root runs, so the command itself may go on there.
#[tokio::test]
async fn a_command_that_takes_too_long_is_given_up_and_holds_up_nobody() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let command = sh("sleep 5").within(Duration::from_millis(300));
    let error = host.run(command).await.unwrap_err();
    assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    let begun = Instant::now();
    assert!(host.run(Command::new(["true"])).await.unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_silent_stream_times_out_but_a_slow_one_does_not() {
    let sshd = Sshd::start();
    let mut sink = Counted::default();
    let patient = Duration::from_secs(3);
    let slow = sh("for i in 1 2 3 4 5 6 7; do echo x; sleep 0.5; done").within(patient);
    assert!(sshd.host().stream(slow, &mut sink).await.unwrap().success());
    let error = sshd.host().stream(sh("echo x; sleep 9").within(patient), &mut sink).await.unwrap_err();
    assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn another_host_key_is_refused() {
    let sshd = Sshd::start();
    for kind in ["ed25519", "rsa"] {
        let stranger = sshd.folder.path().join(format!("stranger_{kind}"));
        generate(kind, &stranger);
        let host = SshHost::new(SshServer { host_key: public(&stranger), ..sshd.server() }, sshd.login());
        let error = host.run(Command::new(["true"])).await.unwrap_err();
        assert!(matches!(error, HostError::HostKeyChanged { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_pinned_one_of_several_host_keys_is_asked_for() {
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let sshd = Sshd::start_with_host_keys(&["ed25519", "rsa", "ecdsa"]);
        let pinned = public(&sshd.folder.path().join(format!("host_{kind}")));
        let host = SshHost::new(SshServer { host_key: pinned, ..sshd.server() }, sshd.login());
        assert!(host.run(Command::new(["true"])).await.unwrap().success(), "{kind}");
    }
}

#[tokio::test]
async fn the_host_key_can_be_looked_at_without_logging_in() {
    let sshd = Sshd::start();
    let timeouts = Timeouts::from(&sshd.access());
    let shown = shown_host_key("sshd", sshd.address, timeouts).await.unwrap();
    assert_eq!(shown, sshd.server().host_key);
}

#[tokio::test]
async fn a_key_that_is_not_authorized_is_refused() {
    let sshd = Sshd::start();
    for kind in ["ed25519", "rsa"] {
        let stranger = sshd.folder.path().join(format!("other_{kind}"));
        generate(kind, &stranger);
        let access = SshAccess { identity: Some(stranger), ..sshd.access() };
        let host = SshHost::new(sshd.server(), Arc::new(Login::new(&access)));
        let error = host.run(Command::new(["true"])).await.unwrap_err();
        assert!(matches!(error, HostError::NotAuthenticated { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_key_file_that_cannot_be_used_is_named() {
    let sshd = Sshd::start();
    let locked = sshd.folder.path().join("locked");
    checked(Process::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "secret", "-f"]).arg(&locked));
    for path in [locked, sshd.folder.path().join("missing")] {
        let access = SshAccess { identity: Some(path.clone()), ..sshd.access() };
        let error = SshHost::new(sshd.server(), Arc::new(Login::new(&access))).run(sh("true")).await.unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn an_rsa_client_key_is_let_in() {
    let sshd = Sshd::start();
    let key = sshd.folder.path().join("client_rsa");
    generate("rsa", &key);
    sshd.authorize(&key);
    let access = SshAccess { identity: Some(key), ..sshd.access() };
    assert!(SshHost::new(sshd.server(), Arc::new(Login::new(&access))).run(sh("true")).await.unwrap().success());
}

#[tokio::test]
async fn a_peer_that_never_speaks_times_out_once_for_all_who_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sshd = Sshd::start();
    let access = SshAccess { connect_timeout: Duration::from_millis(500), ..sshd.access() };
    let server = SshServer { address: listener.local_addr().unwrap(), ..sshd.server() };
    let host = Arc::new(SshHost::new(server, Arc::new(Login::new(&access))));
    let begun = Instant::now();
    let runs: Vec<_> = (0..8)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move { host.run(Command::new(["true"])).await.unwrap_err() })
        })
        .collect();
    for run in runs {
        let error = run.await.unwrap();
        assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_closed_port_is_told_as_unreachable() {
    let sshd = Sshd::start();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let host = SshHost::new(SshServer { address, ..sshd.server() }, sshd.login());
    let error = host.run(Command::new(["true"])).await.unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn reconnecting_makes_a_connection_of_its_own() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let parent = host.run(sh("echo $PPID")).await.unwrap().text();
    let again = host.reconnected().await.unwrap();
    assert_ne!(again.run(sh("echo $PPID")).await.unwrap().text(), parent);
    assert_eq!(host.run(sh("echo $PPID")).await.unwrap().text(), parent);
    sshd.stop();
    assert!(host.reconnected().await.is_err());
}

/// The agent is found by an environment variable, so this test asks a process of its own: itself, with another one set.
#[test]
fn keys_come_from_the_agent_where_no_file_is_named() {
    let sshd = Sshd::start();
    let socket = sshd.folder.path().join("agent.sock");
    let agent = Process::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let _agent = EndsWithTest(agent);
    wait_for(|| socket.exists());
    let stranger = sshd.folder.path().join("stranger");
    generate("rsa", &stranger);
    for key in [&stranger, &sshd.client_key()] {
        checked(Process::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket));
    }
    checked(
        Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "agent_child", "--ignored"])
            .env("SSH_AUTH_SOCK", &socket)
            .env("SSH_TEST_ADDRESS", sshd.address.to_string())
            .env("SSH_TEST_HOST_KEY", sshd.server().host_key.to_string()),
    );
}

#[tokio::test]
#[ignore = "started by keys_come_from_the_agent_where_no_file_is_named"]
async fn agent_child() {
    let server = SshServer {
        name: "sshd".to_owned(),
        address: std::env::var("SSH_TEST_ADDRESS").unwrap().parse().unwrap(),
        host_key: std::env::var("SSH_TEST_HOST_KEY").unwrap().parse().unwrap(),
    };
    let access = SshAccess { user: "root".to_owned(), identity: None, ..SshAccess::default() };
    assert!(SshHost::new(server, Arc::new(Login::new(&access))).run(sh("true")).await.unwrap().success());
}

/// Needs what this machine need not have, and says so; `tests/lab_server.rs` logs in as such a user as well.
#[tokio::test]
async fn a_user_who_is_not_root_uses_sudo_where_root_is_needed() {
    let sshd = Sshd::start();
    let user = "rdtestuser";
    let present = Process::new("id").arg(user).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    if !Path::new("/usr/bin/sudo").exists() || !present.success() {
        println!("skipped: needs sudo and a user {user} who may use it without a password");
        return;
    }
    let access = SshAccess { user: user.to_owned(), ..sshd.access() };
    let host = SshHost::new(sshd.server(), Arc::new(Login::new(&access)));
    assert_eq!(host.run(Command::new(["id", "-u"])).await.unwrap().text(), "0\n");
    assert_ne!(host.run(Command::new(["id", "-u"]).as_user()).await.unwrap().text(), "0\n");
}

// The server of these tests, and small things around it.

struct Sshd {
    folder: tempfile::TempDir,
    address: SocketAddr,
    process: std::sync::Mutex<Child>,
}

impl Sshd {
    fn start() -> Self {
        Self::start_with_host_keys(&["ed25519"])
    }

    fn start_with_host_keys(kinds: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        // sshd changes its root folder to this one before anybody is logged in.
        fs::create_dir_all("/run/sshd").unwrap();
        let mut settings = String::new();
        for kind in kinds {
            let key = path(&format!("host_{kind}"));
            generate(kind, &key);
            settings.extend(["HostKey ", key.to_str().unwrap(), "\n"]);
        }
        generate("ed25519", &path("client"));
        fs::copy(path("client.pub"), path("authorized")).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let rest = format!(
            "ListenAddress {address}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nUseDNS no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            path("authorized").display()
        );
        fs::write(path("sshd_config"), settings + &rest).unwrap();
        let process = Process::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("sshd_config"))
            .stderr(fs::File::create(path("log")).unwrap())
            .spawn()
            .expect("openssh-server is installed");
        wait_for(|| TcpStream::connect(address).is_ok());
        Self { folder, address, process: std::sync::Mutex::new(process) }
    }

    fn client_key(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    fn authorize(&self, key: &Path) {
        let line = fs::read(key.with_extension("pub")).unwrap();
        let authorized = self.folder.path().join("authorized");
        fs::write(&authorized, [fs::read(&authorized).unwrap(), line].concat()).unwrap();
    }

    fn access(&self) -> SshAccess {
        SshAccess { user: "root".to_owned(), identity: Some(self.client_key()), ..SshAccess::default() }
    }

    fn login(&self) -> Arc<Login> {
        Arc::new(Login::new(&self.access()))
    }

    fn server(&self) -> SshServer {
        let host_key = public(&self.folder.path().join("host_ed25519"));
        SshServer { name: "sshd".to_owned(), address: self.address, host_key }
    }

    fn host(&self) -> SshHost {
        SshHost::new(self.server(), self.login())
    }

    fn stop(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

struct EndsWithTest(Child);

impl Drop for EndsWithTest {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[derive(Default)]
struct Counted {
    bytes: usize,
    pause: Duration,
    highest: usize,
}

impl Sink for Counted {
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
        self.bytes += piece.len();
        self.highest = self.highest.max(resident());
        // A pause now and then, so that the window fills meanwhile.
        Ok(if self.bytes / 1_000_000 == (self.bytes - piece.len()) / 1_000_000 { Duration::ZERO } else { self.pause })
    }
}

struct Full;

impl Sink for Full {
    fn take(&mut self, _: &[u8]) -> io::Result<Duration> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

struct KillsItsServer {
    text: String,
    killed: bool,
}

impl Sink for KillsItsServer {
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
        if !self.killed {
            self.text += &String::from_utf8_lossy(piece);
            if let Some((pid, _)) = self.text.split_once('\n') {
                checked(Process::new("kill").args(["-9", pid]));
                self.killed = true;
            }
        }
        Ok(Duration::ZERO)
    }
}

fn sh(script: &str) -> Command {
    Command::new(["sh", "-c", script])
}

fn generate(kind: &str, path: &Path) {
    checked(Process::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(path));
}

fn public(path: &Path) -> HostKey {
    fs::read_to_string(path.with_extension("pub")).unwrap().parse().unwrap()
}

fn checked(process: &mut Process) {
    let output = process.output().unwrap();
    assert!(output.status.success(), "{process:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Bytes of memory this process holds now.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn wait_for(ready: impl Fn() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not get ready");
        std::thread::yield_now();
    }
}
