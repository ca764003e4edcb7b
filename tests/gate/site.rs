//! A server with a call server behind a gate, a phone on the same cable, and who of them was answered when.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mxone_system_redundancy::adapters::gate::{GateForm, ServerGate};
use mxone_system_redundancy::adapters::raw_clock;
use mxone_system_redundancy::domain::lease::Moment;
use mxone_system_redundancy::domain::traffic::{Facts, GateRules, Protocol, Spared, TelephonyPort, TurnAway};

use crate::namespace::{Namespace, NamespaceHost};

pub const SERVER: &str = "192.0.2.1";
pub const SERVER_V6: &str = "2001:db8::1";
const PHONE: [&str; 2] = ["192.0.2.9/24", "2001:db8::9/64"];

/// How often a probe is sent.
pub const EVERY: Duration = Duration::from_millis(10);
/// What is not answered for so long is turned away.
const ANSWERED_WITHIN: Duration = Duration::from_millis(200);

/// A server and a phone.
pub struct Site {
    pub server: Namespace,
    pub phone: Namespace,
    /// How its gate is kept.
    pub form: GateForm,
    answering: Arc<AtomicBool>,
}

impl Site {
    /// One with nft.
    pub fn new() -> Self {
        Self::of(GateForm::Nft)
    }

    /// One where this form of the gate is the one that works.
    pub fn of(form: GateForm) -> Self {
        let (server, phone) = (Namespace::new(), Namespace::new());
        server.join(&[&format!("{SERVER}/24"), &format!("{SERVER_V6}/64")], &phone, &PHONE);
        let site = Self { server, phone, form, answering: Arc::new(AtomicBool::new(true)) };
        for port in [5060, 9527] {
            site.answer_on(port);
        }
        site
    }

    /// A server that sends every datagram back, as a call server or a monitor.
    fn answer_on(&self, port: u16) {
        let socket = self.server.within(|| UdpSocket::bind(("::", port)).unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let answering = Arc::clone(&self.answering);
        std::thread::spawn(move || {
            let mut packet = [0; 64];
            while answering.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut packet) {
                    // A gate that turns the answer away is what is tested.
                    let _ = socket.send_to(&packet[..length], from);
                }
            }
        });
    }

    pub fn gate(&self) -> ServerGate {
        ServerGate::new(self.host(), table())
    }

    /// The server, with the programs that it has.
    pub fn host(&self) -> Arc<NamespaceHost> {
        let host = NamespaceHost::new(&self.server);
        if self.form == GateForm::Ipset {
            host.uninstall(&["nft"]);
        }
        host
    }

    /// How long a right lasts that is told for so many milliseconds.
    pub fn lasts(&self, ms: u64) -> Duration {
        match self.form {
            GateForm::Nft => Duration::from_millis(ms),
            GateForm::Ipset => Duration::from_secs(ms / 1000),
        }
    }

    /// The shortest right that this form tells from another one, and a bit.
    pub fn short(&self) -> u64 {
        match self.form {
            GateForm::Nft => 600,
            GateForm::Ipset => 1600,
        }
    }

    /// Sends a probe to a port every 10 ms, always from the same one, until it is told to stop.
    pub fn probe(&self, to: &str, port: u16) -> Prober {
        let to: IpAddr = to.parse().unwrap();
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = self.phone.within(|| UdpSocket::bind(any).unwrap());
        socket.set_nonblocking(true).unwrap();
        let going = Arc::new(AtomicBool::new(true));
        let answered = Arc::new(AtomicBool::new(false));
        let (still, was_answered) = (Arc::clone(&going), Arc::clone(&answered));
        let thread = std::thread::spawn(move || {
            let mut probes = Probes::default();
            while still.load(Ordering::Relaxed) {
                let number = u32::try_from(probes.sent.len()).unwrap();
                probes.sent.push((Instant::now(), None));
                // Where nothing answers, the socket is told so: that is no answer.
                let _ = socket.send_to(&number.to_be_bytes(), (to, port));
                std::thread::sleep(EVERY);
                let mut packet = [0; 64];
                while let Some(answer) = received(&socket, &mut packet) {
                    let number = u32::from_be_bytes(packet[..answer].try_into().unwrap());
                    probes.sent[number as usize].1 = Some(Instant::now());
                    was_answered.store(true, Ordering::Relaxed);
                }
            }
            probes
        });
        Prober { going, answered, thread: Some(thread) }
    }

    /// Whether probes are answered within the time that a busy machine may take for it.
    pub fn answers(&self, to: &str, port: u16) -> bool {
        let asking = self.probe(to, port);
        let begun = Instant::now();
        while begun.elapsed() < ANSWERED_WITHIN && !asking.is_answered() {
            std::thread::sleep(EVERY);
        }
        asking.end().sent.iter().any(|(_, answered)| answered.is_some())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.answering.store(false, Ordering::Relaxed);
    }
}

/// The next datagram's length; errors that the packet filter caused are passed over.
fn received(socket: &UdpSocket, packet: &mut [u8]) -> Option<usize> {
    loop {
        match socket.recv(packet) {
            Ok(length) => return Some(length),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
}

pub struct Prober {
    going: Arc<AtomicBool>,
    answered: Arc<AtomicBool>,
    thread: Option<JoinHandle<Probes>>,
}

impl Prober {
    /// Whether any probe was answered until now.
    pub fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub fn end(mut self) -> Probes {
        self.going.store(false, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.going.store(false, Ordering::Relaxed);
    }
}

/// When each probe was sent, and when it was answered.
#[derive(Default)]
pub struct Probes {
    pub sent: Vec<(Instant, Option<Instant>)>,
}

impl Probes {
    /// When the last probe was sent that was answered.
    pub fn last_answered(&self) -> Instant {
        self.sent.iter().rev().find(|(_, answer)| answer.is_some()).expect("one was answered").0
    }

    /// How many of those sent between these moments were not answered.
    pub fn lost_between(&self, from: Instant, to: Instant) -> usize {
        self.sent.iter().filter(|(sent, answer)| *sent >= from && *sent < to && answer.is_none()).count()
    }

    /// How many of those sent between these moments were answered.
    pub fn answered_between(&self, from: Instant, to: Instant) -> usize {
        self.sent.iter().filter(|(sent, answer)| *sent >= from && *sent < to && answer.is_some()).count()
    }
}

/// The moment so many milliseconds from now.
pub fn in_ms(ms: u64) -> Moment {
    raw_clock::now() + Duration::from_millis(ms)
}

pub fn table() -> GateRules {
    sparing(&[])
}

/// The gate of a site with these servers.
pub fn sparing(addresses: &[IpAddr]) -> GateRules {
    let port =
        |protocol, ports: &str| TelephonyPort { protocol, ports: ports.parse().unwrap(), what: "SIP".to_owned() };
    // The heartbeat's own port stands among the telephony ports: it is spared all the same.
    let telephony =
        [port(Protocol::Udp, "5060-5061"), port(Protocol::Tcp, "5060-5061"), port(Protocol::Udp, "9000-9999")];
    let spared = Spared { addresses: addresses.iter().copied().collect(), ..Spared::default() };
    let turn_away = TurnAway::Reject;
    GateRules::new(&Facts { telephony: &telephony, spared: &spared, turn_away, probe: None, heartbeat: Some(9527) })
}

pub async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
