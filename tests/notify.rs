//! People are told: real receivers on the loopback get what the program sends, and each failure is its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "etcd/certificates.rs"]
mod certificates;
#[path = "notify/receivers.rs"]
mod receivers;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use receivers::{Hook, MailServer, Protection, SystemLog, TrapReceiver};
use serde_json::Value;

/// A machine with nothing but what a test writes.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new(notify: &str) -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap() };
        machine.write("etc/mxone_system_redundancy/notify.yaml", notify, 0o600);
        machine
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxone_system_redundancy"));
        command.args(words).env("MXONE_REDUNDANCY_ROOT", self.path()).env("NO_PROXY", "*").output().unwrap()
    }

    /// A monitor at work, until it is dropped.
    fn monitor(&self) -> Monitor {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxone_system_redundancy"));
        let command = command.arg("monitor").env("MXONE_REDUNDANCY_ROOT", self.path());
        Monitor(command.stdout(Stdio::null()).spawn().unwrap())
    }

    /// Tests every channel; the exit code, and how each ended.
    fn test(&self) -> (i32, Value) {
        let ran = self.run(&["notify", "test", "--json"]);
        let document = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        (ran.status.code().unwrap(), document)
    }
}

/// A monitor at work.
struct Monitor(Child);

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_mail_reaches_a_real_mail_server_with_its_sender_receivers_and_text() {
    let server = MailServer::start();
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: operators\n    mail: {{host: 127.0.0.1, port: {}, tls: none, \
         from: redundancy@example.com, to: [one@example.com, two@example.com]}}\n",
        server.port()
    ));
    let (code, told) = machine.test();
    assert_eq!(
        (code, &told["outcome"], &told["channels"][0]["outcome"]),
        (0, &"done".into(), &"sent".into()),
        "{told}"
    );
    let mail = server.mail();
    for part in [
        "MAIL FROM:<redundancy@example.com>",
        "RCPT TO:<one@example.com>",
        "RCPT TO:<two@example.com>",
        "Subject: [info] ",
        "this is a test of mxone_system_redundancy; nothing happened",
    ] {
        assert!(mail.contains(part), "{part} is not in\n{mail}");
    }
}

#[test]
fn a_mail_server_that_cannot_protect_the_connection_gets_no_mail_where_it_must() {
    let server = MailServer::start();
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: operators\n    mail: {{host: 127.0.0.1, port: {}, tls: starttls, \
         user: a, password: secret-word, from: a@example.com, to: [b@example.com]}}\n",
        server.port()
    ));
    let (code, told) = machine.test();
    assert_eq!((code, &told["channels"][0]["outcome"]), (1, &"refused".into()), "{told}");
    let said = told["channels"][0]["because"].as_str().unwrap();
    assert!(said.contains("the mail server 127.0.0.1") && !said.contains("secret-word"), "{said}");
    let mail = server.mail();
    assert!(!mail.contains("AUTH") && !mail.contains("MAIL FROM"), "{mail}");
}

#[test]
fn a_mail_goes_over_tls_to_a_server_that_the_named_authority_proves_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    certificates::draw_certificates(folder.path());
    let proof = receivers::proof(folder.path());
    for (word, protection) in
        [("starttls", Protection::Starttls(proof.clone())), ("tls", Protection::Tls(proof.clone()))]
    {
        let server = MailServer::with(protection);
        let channel = |ca: &str| {
            format!(
                "schema: 1\nchannels:\n  - name: operators\n    mail: {{host: 127.0.0.1, port: {}, tls: {word}, \
                 user: a, password: secret-word, from: a@example.com, to: [b@example.com]{ca}}}\n",
                server.port()
            )
        };
        let (code, told) = Machine::new(&channel("")).test();
        assert_eq!((code, &told["channels"][0]["outcome"]), (1, &"refused".into()), "{word}: {told}");
        assert!(told["channels"][0]["because"].as_str().unwrap().contains("ertificate"), "{word}: {told}");
        let heard = server.mail();
        assert!(!heard.contains("AUTH") && !heard.contains("MAIL FROM"), "{word}: {heard}");
        let ca = format!(", ca: {}", folder.path().join("ca.pem").display());
        let (code, told) = Machine::new(&channel(&ca)).test();
        assert_eq!(code, 0, "{word}: {told}");
        let heard = server.mail();
        assert_eq!(heard.contains("STARTTLS"), word == "starttls", "{heard}");
        for part in ["AUTH PLAIN", "RCPT TO:<b@example.com>", "nothing happened", "Auto-Submitted: auto-generated"] {
            assert!(heard.contains(part), "{word}: {part} is not in\n{heard}");
        }
        assert_eq!(heard.matches("Message-ID: <").count(), 1, "{heard}");
    }
}

#[test]
fn a_receiver_whom_the_mail_server_refuses_holds_up_no_other_and_is_named() {
    let server = MailServer::start();
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: operators\n    mail: {{host: 127.0.0.1, port: {}, tls: none, \
         from: a@example.com, to: [one@example.com, nobody@example.com, two@example.com]}}\n",
        server.port()
    ));
    let (_, told) = machine.test();
    let because = told["channels"][0]["because"].as_str().unwrap();
    assert!(because.contains("nobody@example.com") && !because.contains("one@"), "{told}");
    let heard = server.mail();
    let taken: Vec<&str> = heard.split("MAIL FROM").filter(|mail| mail.contains("nothing happened")).collect();
    assert_eq!(taken.len(), 2, "{heard}");
    assert!(taken[0].contains("RCPT TO:<one@") && taken[1].contains("RCPT TO:<two@"), "{heard}");
}

#[test]
fn a_web_hook_over_tls_goes_to_a_server_that_the_named_authority_proves_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    certificates::draw_certificates(folder.path());
    let hook = Hook::with(200, Protection::Tls(receivers::proof(folder.path())));
    let channel = |ca: &str| {
        let url = format!("https://127.0.0.1:{}/hook", hook.port());
        format!("schema: 1\nchannels:\n  - name: chat\n    webhook: {{url: '{url}'{ca}}}\n")
    };
    let (code, told) = Machine::new(&channel("")).test();
    assert_eq!((code, &told["channels"][0]["outcome"]), (1, &"refused".into()), "{told}");
    assert!(!hook.was_asked());
    let ca = format!(", ca: {}", folder.path().join("ca.pem").display());
    let (code, told) = Machine::new(&channel(&ca)).test();
    assert_eq!(code, 0, "{told}");
    assert!(hook.request().1.contains("\"kind\":\"test\""));
}

#[test]
fn what_follows_the_host_in_the_url_of_a_web_hook_is_told_to_nobody() {
    let hook = Hook::start(404);
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: chat\n    webhook: {{url: 'http://127.0.0.1:{}/hook/secret-word?t=secret-word'}}\n\
         \x20 - name: closed\n    webhook: {{url: 'http://secret-word@127.0.0.1:9/secret-word'}}\n",
        hook.port()
    ));
    let (code, told) = machine.test();
    assert_eq!(code, 1, "{told}");
    for (channel, host) in [(0, format!("http://127.0.0.1:{}", hook.port())), (1, "http://127.0.0.1:9".to_owned())] {
        let because = told["channels"][channel]["because"].as_str().unwrap();
        assert!(because.contains(&host), "{because}");
    }
    assert!(!told.to_string().contains("secret-word"), "{told}");
}

#[test]
fn net_snmps_receiver_takes_traps_of_v2c_and_v3_also_of_the_second_run() {
    let receiver = TrapReceiver::start();
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: plain\n    snmp: {{target: '127.0.0.1:{port}', community: lab}}\n\
         \x20 - name: secret\n    snmp: {{target: '127.0.0.1:{port}', user: redundancy, auth: sha256, \
         auth_password: the auth password, privacy_password: the privacy password, engine_id: '0x80001f88046c6162'}}\n\
         \x20 - name: older\n    snmp: {{target: '127.0.0.1:{port}', user: older, auth: sha, \
         auth_password: the auth password, engine_id: '0x80001f88046c6162'}}\n\
         \x20 - name: other\n    snmp: {{target: '127.0.0.1:{port}', user: elsewhere, auth: sha256, \
         auth_password: the auth password, engine_id: '0x80001f88046c6163'}}\n",
        port = receiver.port()
    ));
    for run in 1..=3 {
        let (code, told) = machine.test();
        assert_eq!(code, 0, "{told}");
        let traps = receiver.wait_for(4 * run);
        assert_eq!(traps.matches("8072.9999.9999.9527.0.4").count(), 4 * run, "{traps}");
        let text = "STRING: \"this is a test of mxone_system_redundancy; nothing happened\"";
        assert_eq!(traps.matches(text).count(), 4 * run, "{traps}");
    }
    let engine = fs::read(machine.path().join("var/lib/mxone_system_redundancy/snmp-engine.json")).unwrap();
    let engine: Value = serde_json::from_slice(&engine).unwrap();
    for id in ["80001f88046c6162", "80001f88046c6163"] {
        assert_eq!(engine["engines"][id], 3, "each run has a number of its own, or its traps are old ones: {engine}");
    }
    assert_eq!(receiver.traps().matches("9527.1.2.0 = INTEGER: 1").count(), 12, "{}", receiver.traps());
}

#[test]
fn a_web_hook_gets_the_notice_with_a_signature_that_its_secret_makes() {
    let hook = Hook::start(200);
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: chat\n    webhook: {{url: 'http://127.0.0.1:{}/hook', secret: Jefe}}\n",
        hook.port()
    ));
    let (code, told) = machine.test();
    assert_eq!(code, 0, "{told}");
    let (head, body) = hook.request();
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    let notice: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&notice["schema"], &notice["kind"]), (&1.into(), &"test".into()), "{body}");
    let signature = format!("sha256={}", receivers::hmac("Jefe", &body));
    let sent = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("X-Mxone-Redundancy-Signature").then(|| value.to_owned())
    });
    assert_eq!(sent.as_deref(), Some(signature.as_str()), "{head}");
}

#[test]
fn the_system_log_gets_a_line_on_its_socket_and_one_by_udp() {
    let log = SystemLog::start();
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: local\n    syslog: {{to: {}}}\n  - name: far\n    syslog: {{to: '{}'}}\n",
        log.socket().display(),
        log.address()
    ));
    let (code, told) = machine.test();
    assert_eq!(code, 0, "{told}");
    let local = log.local();
    assert!(local.starts_with("<30>") && local.contains("mxone_system_redundancy["), "{local}");
    assert!(local.ends_with("test: this is a test of mxone_system_redundancy; nothing happened"), "{local}");
    assert!(log.far().starts_with("<30>1 2"), "{}", log.far());
}

#[test]
fn a_channel_that_fails_stops_no_other_and_is_named_with_its_reason() {
    let (broken, whole) = (Hook::start(500), Hook::start(200));
    let machine = Machine::new(&format!(
        "schema: 1\nchannels:\n  - name: broken\n    webhook: {{url: 'http://127.0.0.1:{}/'}}\n\
         \x20 - name: closed\n    webhook: {{url: 'http://127.0.0.1:9/'}}\n\
         \x20 - name: whole\n    webhook: {{url: 'http://127.0.0.1:{}/'}}\n\
         \x20 - name: open\n    command: {{path: {}}}\n",
        broken.port(),
        whole.port(),
        Path::new("/nowhere/page").display()
    ));
    let (code, told) = machine.test();
    assert_eq!((code, &told["outcome"]), (4, &"done-in-part".into()), "{told}");
    let outcomes: Vec<&str> =
        told["channels"].as_array().unwrap().iter().map(|channel| channel["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "refused", "sent", "refused"], "{told}");
    assert!(told["channels"][0]["because"].as_str().unwrap().contains("500"), "{told}");
    assert!(whole.request().1.contains("\"kind\":\"test\""));
    let one = machine.run(&["notify", "test", "--channel", "whole"]);
    assert_eq!(
        (one.status.code(), String::from_utf8_lossy(&one.stdout).trim_end()),
        (Some(0), "whole                sent")
    );
    let none = machine.run(&["notify", "test", "--channel", "hole"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("broken, closed, whole, open"), "{none:?}");
}

#[test]
fn the_program_and_a_command_are_run_and_a_file_that_others_may_read_is_refused() {
    let machine = Machine::new("schema: 1\n");
    let nobody = machine.run(&["notify", "test"]);
    assert_eq!(nobody.status.code(), Some(5), "{nobody:?}");
    let told = machine.path().join("told");
    let script = format!("#!/bin/sh\necho \"$1 $2\" >> {}\n", told.display());
    machine.write("etc/mxone_system_redundancy/notify", &script, 0o700);
    machine.write("page", &script, 0o700);
    let page = machine.path().join("page");
    let notify = format!("schema: 1\nchannels: [{{name: pager, command: {{path: {}}}}}]\n", page.display());
    machine.write("etc/mxone_system_redundancy/notify.yaml", &notify, 0o600);
    let (code, document) = machine.test();
    assert_eq!((code, &document["channels"][0]["name"]), (0, &"program".into()), "{document}");
    let line = "test this is a test of mxone_system_redundancy; nothing happened\n";
    assert_eq!(fs::read_to_string(&told).unwrap(), line.repeat(2));
    machine.write("etc/mxone_system_redundancy/notify.yaml", &notify, 0o644);
    let open = machine.run(&["notify", "test"]);
    assert_eq!(open.status.code(), Some(2), "{open:?}");
    assert!(String::from_utf8_lossy(&open.stderr).contains("chmod 600"), "{open:?}");
}

#[test]
fn a_file_of_somebody_else_names_no_program_that_is_run() {
    let machine = Machine::new("schema: 1\n");
    let ran = machine.path().join("ran");
    machine.write("page", &format!("#!/bin/sh\ntouch {}\n", ran.display()), 0o700);
    let page = machine.path().join("page");
    let notify = format!("schema: 1\nchannels: [{{name: pager, command: {{path: {}}}}}]\n", page.display());
    machine.write("etc/mxone_system_redundancy/notify.yaml", &notify, 0o600);
    let file = machine.path().join("etc/mxone_system_redundancy/notify.yaml");
    std::os::unix::fs::chown(&file, Some(12345), None).expect("only root gives a file away");
    let refused = machine.run(&["notify", "test"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("somebody else than root"), "{refused:?}");
    assert!(!ran.exists());
}

#[test]
fn the_monitor_tells_at_its_start_what_is_wrong_with_the_file_and_the_channels_that_are_right_work_on() {
    let machine = Machine::new("");
    let told = machine.path().join("told");
    machine.write("page", &format!("#!/bin/sh\necho \"$1 $2\" >> {}\n", told.display()), 0o700);
    let page = machine.path().join("page");
    let notify = format!(
        "schema: 1\nchannels:\n  - name: wrong\n    webhok: {{url: 'https://chat.example.com/'}}\n\
         \x20 - name: pager\n    command: {{path: {}}}\n",
        page.display()
    );
    machine.write("etc/mxone_system_redundancy/notify.yaml", &notify, 0o600);
    let checked = machine.run(&["config", "check"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    assert!(
        String::from_utf8_lossy(&checked.stderr).contains("notify.yaml:4:5: \"webhok\" is not known"),
        "{checked:?}"
    );
    let _monitor = machine.monitor();
    let raised = receivers::soon("it is told", || fs::read_to_string(&told).ok().filter(|text| text.ends_with('\n')));
    assert!(raised.starts_with("alarm-raised ") && raised.contains("notify.yaml:4:5"), "{raised}");
    machine.write("etc/mxone_system_redundancy/notify.yaml", &notify.replace("webhok", "webhook"), 0o600);
    receivers::soon("its end is told", || fs::read_to_string(&told).ok().filter(|text| text.contains("alarm-cleared")));
    assert_eq!(machine.run(&["config", "check"]).status.code(), Some(5), "all is right that is there");
}

#[test]
fn a_wrong_file_of_the_voter_is_told_by_config_check() {
    let machine = Machine::new("schema: 1\n");
    machine.write("etc/mxone_system_redundancy/lease/lease.yaml", "schema: 1\nme: nobody\n", 0o600);
    let checked = machine.run(&["config", "check", "--json"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    let document: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert!(document["problems"].to_string().contains("lease.yaml:"), "{document}");
}

#[test]
fn numbers_are_served_again_after_the_monitor_had_no_file_left_to_open() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let machine = Machine::new(&format!("schema: 1\nmetrics: {{listen: '127.0.0.1:{port}'}}\n"));
    let monitor = machine.monitor();
    let served = || receivers::get(port, "/metrics").filter(|answer| answer.starts_with("HTTP/1.1 200 OK"));
    receivers::soon("it is served", served);
    let process = rustix::process::Pid::from_raw(i32::try_from(monitor.0.id()).unwrap());
    let limited = |current| {
        let limit = rustix::process::Rlimit { current, maximum: Some(1024) };
        rustix::process::prlimit(process, rustix::process::Resource::Nofile, limit).unwrap()
    };
    let before = limited(Some(3));
    let waiting = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    limited(before.current.map(|current| current.min(1024)));
    drop(waiting);
    receivers::soon("it is served again", served);
}

#[test]
fn nothing_is_sent_by_a_dry_run_or_while_the_file_is_not_right() {
    let hook = Hook::start(200);
    let good =
        format!("schema: 1\nchannels: [{{name: chat, webhook: {{url: 'http://127.0.0.1:{}/'}}}}]\n", hook.port());
    let machine = Machine::new(&good);
    let dry = machine.run(&["notify", "test", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&dry.stdout).ends_with("chat\nnothing was changed\n"), "{dry:?}");
    machine.write(
        "etc/mxone_system_redundancy/notify.yaml",
        &good.replace("schema: 1", "schema: 1\nmetrcs: {}"),
        0o600,
    );
    let wrong = machine.run(&["notify", "test"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("notify.yaml:2:1"), "{wrong:?}");
    assert!(!hook.was_asked());
}

#[test]
fn the_monitor_tells_numbers_in_a_file_and_on_the_loopback_only() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let machine = Machine::new("");
    let file = machine.path().join("mxone.prom");
    let notify = format!("schema: 1\nmetrics: {{file: {}, listen: '127.0.0.1:{port}'}}\n", file.display());
    machine.write("etc/mxone_system_redundancy/notify.yaml", &notify, 0o600);
    let _monitor = machine.monitor();
    let from_file = receivers::soon("the file is there", || fs::read_to_string(&file).ok());
    assert!(from_file.contains("mxone_redundancy_alarm_raised{site=\"alternate\",alarm=\"dual-live\""), "{from_file}");
    let served = receivers::soon("it is served", || receivers::get(port, "/metrics"));
    assert!(served.starts_with("HTTP/1.1 200 OK") && served.contains("# TYPE mxone_redundancy_alarm_raised gauge"));
    let open = notify.replace("127.0.0.1", "0.0.0.0");
    machine.write("etc/mxone_system_redundancy/notify.yaml", &open, 0o600);
    let refused = machine.run(&["notify", "test"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("can be reached from elsewhere"), "{refused:?}");
}
