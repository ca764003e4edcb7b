//! The simulated packet filter against the real one: the same texts are taken and refused, the same text comes out,
//! and the same packets get through.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "namespace/namespace.rs"]
mod namespace;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use mxone_system_redundancy::domain::platform::SipProbe;
use mxone_system_redundancy::domain::traffic::{
    Family, Found, Mark, Protocol, RuleSet, Spared, TelephonyPort, TurnAway,
};
use mxone_system_redundancy::lab::packet_filter::{Packet, PacketFilter, Payload, Verdict};
use namespace::Namespace;

/// Emptied before each text, for the table `filter` is all that the simulated one knows.
const EMPTY: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";

/// Lines for the table `filter`, and whole texts that begin with `*` or `-`.
const CORPUS_V4: &[&str] = &[
    "",
    "-A INPUT -p udp --dport 5060 -j DROP",
    "-A INPUT -p udp -m udp --dport 99999 -j DROP",
    "-A INPUT -p udp -m udp --dport 50:40 -j DROP",
    "-A INPUT -p udp -m udp --dport 0:65535 -j DROP",
    "-A INPUT -p udp -m udp --dport 1:65535 -j DROP",
    "-A INPUT -p udp -m udp ! --dport 5060 -j DROP",
    "-A INPUT -m udp --dport 5060 -j DROP",
    "-A INPUT --dport 5060 -j DROP",
    "-A INPUT -p icmp --dport 5060 -j DROP",
    "-A NOWHERE -j DROP",
    "-A INPUT -j NOWHERE",
    "-D INPUT -j DROP",
    "-X NOWHERE",
    "-F NOWHERE",
    "-F",
    "-N OWN\n-A OWN -j DROP",
    "-N OWN\n-N OWN",
    ":OWN - [0:0]\n-A INPUT -j OWN\n-X OWN",
    ":OWN - [0:0]\n-A INPUT -j OWN\n-F OWN\n-D INPUT -j OWN\n-X OWN",
    ":OWN - [0:0]\n-A OWN -j DROP\n-X OWN",
    ":OWN - [0:0]\n:OWN - [0:0]\n-A OWN -j DROP\n:OWN - [0:0]",
    "-I INPUT 3 -j DROP",
    "-I INPUT 1 -j DROP\n-I INPUT 2 -j ACCEPT\n-I INPUT -j RETURN\n-D INPUT 1",
    "-R INPUT 1 -j DROP",
    "-A INPUT -j ACCEPT\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\n-D INPUT -j ACCEPT",
    "-A INPUT -o lo -j DROP",
    "-A OUTPUT -i lo -j DROP",
    "-A FORWARD -i eth0 -o eth+ -j DROP",
    "-A INPUT -p tcp -j REJECT --reject-with icmp-port-unreachable",
    "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
    "-A INPUT -p udp -j REJECT --reject-with tcp-reset",
    "-A INPUT -p udp -j REJECT --reject-with icmp6-port-unreachable",
    "-A INPUT -j REJECT",
    "-A INPUT -j DROP --reject-with tcp-reset",
    "-A INPUT -s 10.1.2.3/8 -j ACCEPT",
    "-A INPUT -s 10.1.2.3 ! -d 10.0.0.0/24 -j ACCEPT",
    "-A INPUT -s 0.0.0.0/0 -j ACCEPT",
    "-A INPUT -s 2001:db8::1 -j ACCEPT",
    "-A INPUT -s 10.1.2.3/33 -j ACCEPT",
    "-A FORWARD -i a -o b -s 1.2.3.4 -d 4.3.2.1 -p udp -m udp --dport 5 --sport 6 -j DROP",
    "*filter\n-A INPUT -j ACCEPT\n",
    "-A INPUT -j ACCEPT\nCOMMIT\n",
    "*nowhere\nCOMMIT\n",
    "*filter\n*filter\nCOMMIT\n",
    "\n# comment\n*filter\n\n# comment\nCOMMIT\n\n*filter\n-A INPUT\nCOMMIT\n",
    "rubbish",
    ":INPUT DROP [0:0]",
    ":INPUT ACCEPT",
    ":INPUT - [0:0]",
    ":OWN ACCEPT [0:0]",
    ":OWN -",
    ":OWN",
    "-P INPUT DROP",
    "-P OWN DROP",
    ":CCCCCCCCCCCCCCCCCCCCCCCCCCCCC - [0:0]",
    ":CCCCCCCCCCCCCCCCCCCCCCCCCCCC - [0:0]",
    "-A INPUT -m state --state ESTABLISHED -j ACCEPT",
    "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A INPUT -m conntrack --ctstate ESTABLISHED,NEW -j ACCEPT",
    "-A INPUT -m comment --comment hello -j ACCEPT\n-A INPUT -m comment --comment \"a b\"",
    "-A INPUT -m comment --comment \"say \\\"hello\\\" to o'brien: a+b=c\" -j ACCEPT",
    "-A INPUT -p udp -m comment --comment first -m udp --sport 53 -j ACCEPT",
    "[3:300] -A INPUT -j ACCEPT",
    ":ONE - [0:0]\n:TWO - [0:0]\n-A ONE -j TWO\n-A TWO -j ONE",
    ":ONE - [0:0]\n:TWO - [0:0]\n-A ONE -j TWO\n-A TWO -j ONE\n-A INPUT -j ONE",
    "-A INPUT -p 1 -j ACCEPT\n-A INPUT -p 132 -j ACCEPT",
    "-A INPUT -p tcp -m tcp --tcp-flags RST,FIN RST -j RETURN",
    "-A INPUT -p tcp -m tcp --tcp-flags NOT RST -j RETURN",
    "-A INPUT -p sctp -m sctp --sport 67:68 --dport 67:68",
    "-A INPUT -p nowhere -j DROP",
    "-A INPUT -j DROP --nowhere",
    "-A INPUT -m nowhere -j DROP",
    "! -A INPUT -j DROP",
];

const CORPUS_V6: &[&str] = &[
    "-A INPUT -s 2001:db8::1 -j ACCEPT",
    "-A INPUT -s 2001:DB8:0:0::1/64 -j ACCEPT",
    "-A INPUT -s 192.0.2.1 -j ACCEPT",
    "-A INPUT -p ipv6-icmp -j ACCEPT\n-A INPUT -p 58 -j ACCEPT",
    "-A INPUT -j REJECT",
    "-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable",
];

#[test]
fn texts_are_taken_and_refused_and_printed_as_by_the_real_one() {
    let namespace = Namespace::new();
    let mut differing = Vec::new();
    for (family, program, corpus) in [(Family::V4, "iptables", CORPUS_V4), (Family::V6, "ip6tables", CORPUS_V6)] {
        for entry in corpus {
            let whole = entry.starts_with(['*', '\n']) || entry.ends_with("COMMIT\n");
            let text = if whole { (*entry).to_owned() } else { format!("*filter\n{entry}\nCOMMIT\n") };
            let real = real_outcome(&namespace, program, &text);
            let simulated = simulated_outcome(family, &text);
            if real != simulated {
                differing.push(format!("{entry}\nreal: {real:?}\nsimulated: {simulated:?}\n"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn our_rules_come_back_from_the_real_one_as_they_were_written() {
    let namespace = Namespace::new();
    for turn_away in [TurnAway::Reject, TurnAway::Drop] {
        for (family, program) in [(Family::V4, "iptables"), (Family::V6, "ip6tables")] {
            let wanted = rules(turn_away).in_force(family, Mark::BOOT);
            let text = Found::default().becoming(&wanted).unwrap();
            assert_eq!(real_outcome(&namespace, program, &text), simulated_outcome(family, &text));
            let saved = namespace.checked(&[&format!("{program}-save"), "-c", "-t", "filter"]);
            assert_eq!(Found::parse(&saved).unwrap(), wanted, "{family} {turn_away:?}");
        }
    }
}

#[test]
fn packets_meet_what_the_simulated_filter_says() {
    for turn_away in [TurnAway::Reject, TurnAway::Drop] {
        let site = TwoHosts::new();
        let mut filter = PacketFilter::new(Family::V4);
        let text = Found::default().becoming(&rules(turn_away).in_force(Family::V4, Mark::BOOT)).unwrap();
        filter.restore(&text, true).unwrap();
        site.server.run(&["iptables-restore", "--noflush"], &text);
        // A phone, a phone that comes from the port of DNS, NTP, SSH or the probe, and a server of ours.
        for source in [PHONE, SERVER_2] {
            for (from, to) in [
                (5060, 5060),
                (40001, 5060),
                (53, 5060),
                (123, 5061),
                (9528, 5060),
                (5060, 7000),
                (53, 40000),
                (40002, 7000),
            ] {
                let request = Packet::inbound(source, SERVER, Payload::Udp { source: from, destination: to });
                let answer = Packet::outbound(SERVER, source, Payload::Udp { source: to, destination: from });
                let verdicts = (filter.accepts("INPUT", &request), filter.accepts("OUTPUT", &answer));
                let real = site.udp(source, from, to);
                assert_eq!(real, expected(&verdicts), "{turn_away:?}: UDP {source}:{from} to {to}: {verdicts:?}");
            }
            for to in [5060, 5061, 7000, 22] {
                let verdict = filter.accepts("INPUT", &Packet::inbound(source, SERVER, Payload::tcp(40003, to)));
                let real = site.tcp(source, to);
                assert_eq!(
                    real,
                    expected(&(verdict.clone(), Verdict::Accepted)),
                    "{turn_away:?}: TCP {source} to {to}"
                );
            }
        }
    }
}

#[test]
fn packets_of_ipv6_are_turned_away_as_well() {
    let site = TwoHosts::new();
    let text = Found::default().becoming(&rules(TurnAway::Reject).in_force(Family::V6, Mark::BOOT)).unwrap();
    assert_eq!(site.udp(PHONE_V6, 5060, 5060), Met::Answered);
    assert!(site.server.run(&["ip6tables-restore", "--noflush"], &text).status.success());
    assert_eq!(site.udp(PHONE_V6, 5060, 5060), Met::TurnedAway);
    assert_eq!(site.udp(PHONE_V6, 53, 5060), Met::TurnedAway);
    assert_eq!(site.tcp(PHONE_V6, 5060), Met::TurnedAway);
    assert_eq!(site.tcp(PHONE_V6, 22), Met::Answered);
}

#[test]
fn a_session_that_was_up_before_ends_at_once_on_both_sides_though_others_accept_it() {
    let site = TwoHosts::joined();
    let others = "*filter\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n\
                  -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n";
    assert!(site.server.run(&["iptables-restore"], others).status.success());
    let listener = site.server.within(|| TcpListener::bind((SERVER, 5060))).unwrap();
    let mut phone = site.outside.within(|| TcpStream::connect((SERVER, 5060))).unwrap();
    let (mut call_server, _) = listener.accept().unwrap();
    for stream in [&phone, &call_server] {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }
    phone.write_all(b"REGISTER").unwrap();
    call_server.read_exact(&mut [0; 8]).unwrap();

    let text = Found::default().becoming(&rules(TurnAway::Reject).in_force(Family::V4, Mark::BOOT)).unwrap();
    assert!(site.server.run(&["iptables-restore", "--noflush"], &text).status.success());
    phone.write_all(b"INVITE").unwrap();
    assert_eq!(phone.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    // The server's side ends when it speaks.
    call_server.write_all(b"NOTIFY").unwrap();
    assert_eq!(call_server.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

const SERVER: &str = "192.0.2.11";
const SERVER_2: &str = "192.0.2.12";
const PHONE: &str = "192.0.2.200";
const SERVER_V6: &str = "2001:db8::11";
const PHONE_V6: &str = "2001:db8::200";

/// A server, and a host that is both a phone and another server.
struct TwoHosts {
    server: Namespace,
    outside: Namespace,
    /// The threads that answer; they end with the test program.
    answering: Vec<std::thread::JoinHandle<()>>,
}

/// What a request met.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    Answered,
    TurnedAway,
    Silence,
}

impl TwoHosts {
    fn joined() -> Self {
        let (server, outside) = (Namespace::new(), Namespace::new());
        server.join(
            &["192.0.2.11/24", "2001:db8::11/64"],
            &outside,
            &["192.0.2.200/24", "192.0.2.12/24", "2001:db8::200/64"],
        );
        Self { server, outside, answering: Vec::new() }
    }

    /// Two hosts, the server answering on some ports.
    fn new() -> Self {
        let mut site = Self::joined();
        for address in [SERVER, SERVER_V6] {
            for port in [5060, 5061, 7000, 40000] {
                let socket = site.server.within(|| UdpSocket::bind((address, port))).unwrap();
                site.answering.push(std::thread::spawn(move || {
                    let mut buffer = [0; 64];
                    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                        // A blocked server's answer is refused to itself.
                        let _ = socket.send_to(&buffer[..length], from);
                    }
                }));
            }
            for port in [5060, 5061, 7000, 22] {
                let listener = site.server.within(|| TcpListener::bind((address, port))).unwrap();
                site.answering.push(std::thread::spawn(move || for _connection in listener.incoming() {}));
            }
        }
        site
    }

    fn udp(&self, source: &str, from: u16, to: u16) -> Met {
        let socket = self.outside.within(|| UdpSocket::bind((source, from))).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        socket.connect((server_of(source), to)).unwrap();
        socket.send(b"OPTIONS").unwrap();
        met(socket.recv(&mut [0; 64]).map(drop))
    }

    fn tcp(&self, source: &str, to: u16) -> Met {
        let target = (server_of(source).parse::<IpAddr>().unwrap(), to).into();
        // A stream cannot be bound before it connects; the route says which address it comes from.
        if !source.contains(':') {
            self.outside.checked(&["ip", "route", "replace", "192.0.2.0/24", "dev", "eth0", "src", source]);
        }
        self.outside.within(|| met(TcpStream::connect_timeout(&target, Duration::from_millis(500)).map(drop)))
    }
}

fn server_of(source: &str) -> &'static str {
    if source.contains(':') { SERVER_V6 } else { SERVER }
}

fn met(outcome: std::io::Result<()>) -> Met {
    match outcome.map_err(|error| error.kind()) {
        Ok(()) => Met::Answered,
        Err(ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => Met::TurnedAway,
        Err(ErrorKind::TimedOut | ErrorKind::WouldBlock) => Met::Silence,
        Err(other) => panic!("{other}"),
    }
}

/// What a request meets when its own way and its answer's way are judged so.
fn expected(verdicts: &(Verdict, Verdict)) -> Met {
    match verdicts {
        (Verdict::Accepted, Verdict::Accepted) => Met::Answered,
        (Verdict::Rejected(_), _) => Met::TurnedAway,
        (Verdict::Dropped, _) | (Verdict::Accepted, Verdict::Dropped | Verdict::Rejected(_)) => Met::Silence,
    }
}

type Outcome = Result<Vec<String>, ()>;

fn real_outcome(namespace: &Namespace, program: &str, text: &str) -> Outcome {
    let restore = format!("{program}-restore");
    assert!(namespace.run(&[&restore], EMPTY).status.success());
    let output = namespace.run(&[&restore, "--noflush", "-w", "5"], text);
    let saved = namespace.checked(&[&format!("{program}-save"), "-c", "-t", "filter"]);
    outcome(output.status.success(), &saved)
}

fn simulated_outcome(family: Family, text: &str) -> Outcome {
    let mut filter = PacketFilter::new(family);
    let taken = filter.restore(text, true);
    outcome(taken.is_ok(), &filter.save(true))
}

fn outcome(taken: bool, saved: &str) -> Outcome {
    let lines: Vec<String> = saved.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let empty: Vec<&str> = EMPTY.lines().collect();
    assert!(taken || lines == empty || lines.is_empty(), "refused, but changed: {lines:?}");
    if taken { Ok(lines) } else { Err(()) }
}

fn rules(turn_away: TurnAway) -> RuleSet {
    let port = |protocol, ports: &str| TelephonyPort { protocol, ports: ports.parse().unwrap(), what: String::new() };
    let telephony = [port(Protocol::Udp, "5060-5061"), port(Protocol::Tcp, "5060-5061"), port(Protocol::Sctp, "5060")];
    let addresses = [SERVER_2, "2001:db8::12"].map(|text| text.parse().unwrap());
    let spared = Spared { addresses: BTreeSet::from(addresses), ssh_port: 2222 };
    RuleSet::new(&telephony, &spared, turn_away, Some(SipProbe { protocol: Protocol::Udp, port: 5060 }))
}
