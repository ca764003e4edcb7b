//! Phones, trunks and gateways: SIPp for calls and registrations, a plain socket for what SIPp hides.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::host::{Host, Running, wait_until};

/// The port of SIP.
pub const SIP: u16 = 5060;
/// A call through a system that works is answered within milliseconds; after this it counts as failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A session that says nothing for this long has ended, though nobody told it so.
const SILENCE: Duration = Duration::from_secs(1);

const CALL: &str = include_str!("../../fixtures/lab/sipp/call.xml");
const REGISTER: &str = include_str!("../../fixtures/lab/sipp/register.xml");
const ANSWER: &str = include_str!("../../fixtures/lab/sipp/answer.xml");

/// Calls a number through a server and hangs up; what SIPp said if that failed.
///
/// # Errors
/// When the call is not answered, or not ended properly.
pub fn call(from: &Host, server: IpAddr, number: &str) -> Result<(), String> {
    run(from, "call", CALL, server, &["-s", number, "-d", "10"])
}

/// Registers a number whose phone is at a port of this host.
///
/// # Errors
/// When the server does not accept it.
pub fn register(from: &Host, server: IpAddr, number: &str, phone_port: u16) -> Result<(), String> {
    run(from, "register", REGISTER, server, &["-s", number, "-key", "phone_port", &phone_port.to_string()])
}

/// A phone: registered with a server, and answering until it is dropped.
#[derive(Debug)]
pub struct Phone {
    /// Its port.
    pub port: u16,
    process: Running,
}

/// Plugs in a phone.
///
/// # Errors
/// When the server does not accept its registration.
pub fn phone(at: &Host, server: IpAddr, number: &str) -> Result<Phone, String> {
    let port = next_port();
    at.write("/var/opt/lab/sipp/answer.xml", ANSWER);
    let process = at.spawn_quiet(&answering(at, port));
    wait_until("the phone listens", || listens(at, port));
    register(at, server, number, port)?;
    Ok(Phone { port, process })
}

/// Starts what answers every call at a gateway or trunk.
pub fn start_gateway(host: &Host) {
    host.write("/var/opt/lab/sipp/answer.xml", ANSWER);
    let words = answering(host, SIP);
    let mut line = vec!["sh", "-c", "setsid \"$@\" >/dev/null 2>&1 </dev/null &", "gateway"];
    line.extend(words.iter().map(String::as_str));
    host.must(&line);
    wait_until("the gateway listens", || listens(host, SIP));
}

fn answering(host: &Host, port: u16) -> Vec<String> {
    let (address, port) = (host.v4.to_string(), port.to_string());
    ["sipp", "-sf", "/var/opt/lab/sipp/answer.xml", "-i", &address, "-p", &port, "-nostdin"].map(str::to_owned).to_vec()
}

fn run(from: &Host, name: &str, scenario: &str, server: IpAddr, more: &[&str]) -> Result<(), String> {
    let file = format!("/var/opt/lab/sipp/{name}.xml");
    if !from.has(&file) {
        from.write(&file, scenario);
    }
    let (to, own, port) = (SocketAddr::new(server, SIP).to_string(), from.v4.to_string(), next_port().to_string());
    let patience = ANSWER_WITHIN.as_millis().to_string();
    let fixed = [
        "sipp",
        &to,
        "-sf",
        &file,
        "-i",
        &own,
        "-p",
        &port,
        "-m",
        "1",
        "-nostdin",
        "-recv_timeout",
        &patience,
        "-timeout",
        "5",
        "-timeout_error",
    ];
    let done = from.run(&[&fixed, more].concat());
    if done.code() == 0 {
        Ok(())
    } else {
        Err(format!("sipp ended with {}: {}", done.code(), last_lines(&done.stderr)))
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" / ")
}

/// Ports for SIPp, each used once: what an earlier one still gets must not confuse a later one.
fn next_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether a UDP port is bound in the host.
fn listens(host: &Host, port: u16) -> bool {
    let wanted = format!(":{port:04X} ");
    let table = host.namespace.enter(|| std::fs::read_to_string("/proc/thread-self/net/udp").unwrap());
    table.lines().any(|line| line.contains(&wanted))
}

/// A SIP OPTIONS request, as a client asks whether a server answers.
#[must_use]
pub fn options(transport: &str, from: SocketAddr, to: SocketAddr, name: &str) -> String {
    format!(
        "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bK-{name}\r\nMax-Forwards: 10\r\n\
         From: <sip:auditor@{from}>;tag={name}\r\nTo: <sip:{to}>\r\nCall-ID: {name}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// A TCP session with a server that asks for OPTIONS again and again.
#[derive(Debug)]
pub struct TcpSession {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Ended>>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// In which way.
    pub how: End,
    /// When it was noticed.
    pub at: Instant,
    /// When the last answer came.
    pub last_answer: Instant,
}

/// In which way a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The connection was reset.
    Reset,
    /// The server closed it.
    Closed,
    /// Nothing came any more for a second.
    Silent,
    /// We closed it ourselves.
    Stopped,
}

impl TcpSession {
    /// Connects and waits for the first answer.
    ///
    /// # Errors
    /// When the connection is refused or not answered.
    pub fn open(from: &Host, server: IpAddr) -> Result<Self, String> {
        let to = SocketAddr::new(server, SIP);
        let mut stream = from
            .namespace
            .enter(|| TcpStream::connect_timeout(&to, ANSWER_WITHIN))
            .map_err(|error| format!("no session with {to}: {error}"))?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        if let Some(end) = ask(&mut stream, 0) {
            return Err(format!("the session with {to} ended at once: {end:?}"));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || converse(stream, &told));
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Whether it goes on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits until it ends; ends the test when it goes on for too long.
    #[must_use]
    pub fn wait_for_end(mut self) -> Ended {
        wait_until("the session ends", || !self.goes_on());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for TcpSession {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Asks every 20 ms until nobody answers.
fn converse(mut stream: TcpStream, stop: &AtomicBool) -> Ended {
    let mut last_answer = Instant::now();
    for number in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if let Some(how) = ask(&mut stream, number) {
            return Ended { how, at: Instant::now(), last_answer };
        }
        last_answer = Instant::now();
        thread::park_timeout(Duration::from_millis(20));
    }
    Ended { how: End::Stopped, at: Instant::now(), last_answer }
}

/// Asks once; says how the session ended if it did.
fn ask(stream: &mut TcpStream, number: u32) -> Option<End> {
    let (Ok(from), Ok(to)) = (stream.local_addr(), stream.peer_addr()) else { return Some(End::Reset) };
    if let Err(error) = stream.write_all(options("TCP", from, to, &format!("session-{number}")).as_bytes()) {
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "cannot ask: {error}");
        return Some(End::Reset);
    }
    let mut answer = Vec::new();
    let mut part = [0; 2048];
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) => return Some(End::Closed),
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Some(End::Silent);
            }
            // A machine that is halted and goes on interrupts a read that has a time-out: signal(7).
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Some(End::Reset),
            Err(error) => panic!("a session cannot be read: {error}"),
        }
    }
    None
}
