//! The outside auditor: a client that asks every server of both sites all the time, and says whether two sites were
//! ever live. The program's own word does not count.
//!
//! # Two ways
//! Each server is asked from the users' network, as a telephone does: that is how long users wait. And it is asked by a
//! line of the auditor's own, which stays when the cable of the server is pulled: a kernel that goes on letting
//! telephony in behind a pulled cable is seen there, and nowhere else.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::site::Site;
use rustix::thread::gettid;

use super::host::wait_until;
use super::namespace::Namespace;
use super::sip::{SIP, options};
use super::story::{Probe, Story};
use super::{AUDITOR, Lab, LabServer};

/// Each server is asked this often.
pub const EVERY: Duration = Duration::from_millis(10);
/// Probes that a line has room for at once: five minutes of them.
const ROOM: usize = 30_000;
/// An answer that takes longer is not waited for when the auditor stops.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Asks until it is stopped.
#[derive(Debug)]
pub struct Auditor {
    begun: Instant,
    stop: Arc<AtomicBool>,
    heard: Arc<Heard>,
    threads: Vec<JoinHandle<Vec<Probe>>>,
    own: Vec<JoinHandle<Vec<Probe>>>,
}

/// Which site has answered by the users' network and by a line of the auditor's own since somebody last asked.
#[derive(Debug, Default)]
struct Heard([[AtomicBool; 2]; 2]);

impl Heard {
    fn by(&self, site: Site, is_own: bool) -> &AtomicBool {
        &self.0[usize::from(site == Site::Alternate)][usize::from(is_own)]
    }

    fn forget(&self) {
        self.0.iter().flatten().for_each(|heard| heard.store(false, Ordering::Relaxed));
    }

    /// Whether some site has answered by both ways.
    fn is_whole(&self) -> bool {
        self.0.iter().any(|ways| ways.iter().all(|heard| heard.load(Ordering::Relaxed)))
    }
}

impl Auditor {
    /// Starts asking LIM 1, and LIM 2 where there is one, of both sites, from the client host and by its own lines.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        Self::start_asking(lab, EVERY)
    }

    /// The same with another time between two requests to a server.
    #[must_use]
    pub fn start_asking(lab: &Lab, every: Duration) -> Self {
        let (begun, stop, heard) = (Instant::now(), Arc::new(AtomicBool::new(false)), Arc::new(Heard::default()));
        // Each line has begun to ask when this returns; on a busy machine that takes a while.
        let ready = Arc::new(Barrier::new(2 * lab.audited().count() + 1));
        let ask_from = |namespace: &Namespace, address: Ipv4Addr, every: Duration| -> Vec<_> {
            let is_own = address == AUDITOR;
            let turns = u32::try_from(lab.audited().count()).unwrap();
            let lines = lab.audited().zip(0..).map(|(host, turn)| {
                let socket = namespace.enter(|| {
                    let socket = UdpSocket::bind((address, 0)).unwrap();
                    socket.connect((host.v4, SIP)).unwrap();
                    socket
                });
                let LabServer { site, lim } = host.server.unwrap();
                // Spread over the interval, so that sites are seen in turn and not at the same moment.
                let heard = Arc::clone(&heard);
                Line { site, lim, is_own, socket, begun, every, first: every / turns * turn, heard }
            });
            let start = |line: Line| {
                let (told, ready) = (Arc::clone(&stop), Arc::clone(&ready));
                thread::spawn(move || {
                    go_first();
                    ready.wait();
                    line.ask_on(&told)
                })
            };
            lines.map(start).collect()
        };
        let threads = ask_from(&lab.client().namespace, lab.client().v4, every);
        // It is there for two live sites, and not for how long none was.
        let own = ask_from(&lab.auditor, AUDITOR, every * 2);
        ready.wait();
        Self { begun, stop, heard, threads, own }
    }

    /// Looks for 200 ms, and until a site has answered by both ways, which takes a busy machine longer; where none is
    /// live it is not waited for longer than two seconds.
    pub fn look_a_while(&self) {
        self.heard.forget();
        let begun = Instant::now();
        let is_over = |length| begun.elapsed() > Duration::from_millis(length);
        wait_until("the auditor has looked for a while", || is_over(200) && (self.heard.is_whole() || is_over(2000)));
    }

    /// The auditor's time now; compare it with the times of probes.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Stops asking and tells what was seen.
    #[must_use]
    pub fn stop(mut self) -> Story {
        self.stop.store(true, Ordering::Relaxed);
        let sorted = |threads: &mut Vec<JoinHandle<Vec<Probe>>>| {
            let mut probes: Vec<Probe> = threads.drain(..).flat_map(|thread| thread.join().unwrap()).collect();
            probes.sort_by_key(|probe| probe.sent);
            probes
        };
        Story { probes: sorted(&mut self.threads), own: sorted(&mut self.own) }
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One server and the socket it is asked through.
struct Line {
    site: Site,
    lim: u8,
    is_own: bool,
    socket: UdpSocket,
    begun: Instant,
    every: Duration,
    first: Duration,
    heard: Arc<Heard>,
}

impl Line {
    /// Asks whenever it is time, and listens beside that.
    ///
    /// A wait for an answer with a time-out would be ended by the kernel's timers, which a busy machine puts off; a sleep
    /// is not.
    fn ask_on(&self, stop: &AtomicBool) -> Vec<Probe> {
        let asked_all = AtomicBool::new(false);
        thread::scope(|scope| {
            let listening = scope.spawn(|| self.listen(&asked_all));
            let sent = self.ask(stop);
            asked_all.store(true, Ordering::Relaxed);
            let probe = |sent| Probe { site: self.site, lim: self.lim, sent, answered: None };
            let mut probes: Vec<Probe> = sent.into_iter().map(probe).collect();
            for (number, at) in listening.join().unwrap() {
                probes[number].answered.get_or_insert(at);
            }
            probes
        })
    }

    /// When each request was sent.
    fn ask(&self, stop: &AtomicBool) -> Vec<Duration> {
        let (from, to) = (self.socket.local_addr().unwrap(), self.socket.peer_addr().unwrap());
        let mut times = room_for(Duration::ZERO);
        let mut due = self.begun + self.first;
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let name = format!("{}-{}-{}", self.site, self.lim, times.len());
            let sent = self.begun.elapsed();
            // Refused or unreachable is an unanswered probe like any other.
            let _unsent = self.socket.send(options("UDP", from, to, &name).as_bytes());
            times.push(sent);
            // When this machine held us up, missed turns are not made up in a burst.
            due = (due + self.every).max(Instant::now());
        }
        times
    }

    /// Which requests were answered, and when.
    fn listen(&self, asked_all: &AtomicBool) -> Vec<(usize, Duration)> {
        let mut answers = room_for((0, Duration::ZERO));
        let mut packet = [0; 2048];
        self.socket.set_read_timeout(Some(LAST_WORD)).unwrap();
        loop {
            match self.socket.recv(&mut packet) {
                Ok(length) => {
                    if let Some(number) = answer(&packet[..length]) {
                        answers.push((number, self.begun.elapsed()));
                        self.heard.by(self.site, self.is_own).store(true, Ordering::Relaxed);
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if asked_all.load(Ordering::Relaxed) {
                        return answers;
                    }
                }
                // Port unreachable: turned away. The socket is as good as before.
                Err(_) => {}
            }
        }
    }
}

/// The number of the request that this answers, if it says that all is well.
fn answer(packet: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(packet).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("Call-ID: "))?;
    text.starts_with("SIP/2.0 200").then(|| name.trim().rsplit('-').next()?.parse().ok())?
}

/// Room that is taken and touched now: whoever asks for memory later waits for every thread of this program that does so
/// as well, and for all that goes before it on a busy machine.
fn room_for<T: Clone>(one: T) -> Vec<T> {
    let mut room = vec![one; ROOM];
    room.clear();
    room
}

/// Has this thread go before whatever else runs here: the auditor's word counts on a busy machine as well. Where that may
/// not be, [`Story::blind_for`] tells what came of it.
fn go_first() {
    let thread = gettid().as_raw_nonzero().to_string();
    let _may_not_be = Command::new("chrt").args(["--fifo", "--pid", "1", &thread]).stderr(Stdio::null()).status();
}
