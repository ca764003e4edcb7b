//! Asks a call server by SIP OPTIONS whether it answers, along the way that a block treats as a terminal's.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use crate::domain::traffic::PROBE_SOURCE_PORT;
use crate::ports::call_server::Answer;

/// How often a request is sent within the time allowed. A datagram may be lost, and where two of our processes ask
/// the same server at the same moment, the answer to one may come to the other.
const SENDINGS: u32 = 3;

/// No SIP response over UDP is longer than a datagram can be.
const DATAGRAM: usize = 65_535;

/// Asks the server called `named` at `route`; `None` when we cannot ask, for instance because another program has
/// [`PROBE_SOURCE_PORT`].
///
/// Several probes may be under way at once: each has a connected socket, by which the kernel tells their answers apart,
/// and a port-unreachable that comes back ends the wait at once.
pub(super) async fn ask(named: SocketAddr, route: SocketAddr, within: Duration) -> Option<Answer> {
    ask_from(PROBE_SOURCE_PORT, named, route, within).await
}

async fn ask_from(port: u16, named: SocketAddr, route: SocketAddr, within: Duration) -> Option<Answer> {
    let socket = probe_socket(port, route.is_ipv6()).ok()?;
    let deadline = Instant::now() + within;
    match exchange(&socket, named, route, deadline).await {
        Ok(answer) => Some(answer),
        // Whatever turned the request away, nobody answered it.
        Err(_) => Some(Answer::Silent),
    }
}

async fn exchange(socket: &UdpSocket, named: SocketAddr, route: SocketAddr, deadline: Instant) -> io::Result<Answer> {
    socket.connect(route).await?;
    let request = Request::new(named, socket.local_addr()?);
    let started = Instant::now();
    let every = deadline.saturating_duration_since(started) / SENDINGS;
    for sending in 1..=SENDINGS {
        socket.send(request.text.as_bytes()).await?;
        let until = if sending == SENDINGS { deadline } else { started + every * sending };
        if let Some(status) = response(socket, &request.call_id, until).await? {
            return Ok(Answer::Answered(status));
        }
    }
    Ok(Answer::Silent)
}

/// Waits for the response to this request; others that come meanwhile are not for us.
async fn response(socket: &UdpSocket, call_id: &str, until: Instant) -> io::Result<Option<u16>> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok(received) = timeout_at(until, socket.recv(&mut buffer)).await else { return Ok(None) };
        let datagram = buffer.get(..received?).unwrap_or_default();
        if let Some(status) = status_of(datagram, call_id) {
            return Ok(Some(status));
        }
    }
}

/// A socket at our port that lets others of ours be there as well.
fn probe_socket(port: u16, six: bool) -> io::Result<UdpSocket> {
    let (family, any): (_, IpAddr) = if six {
        (AddressFamily::INET6, Ipv6Addr::UNSPECIFIED.into())
    } else {
        (AddressFamily::INET, Ipv4Addr::UNSPECIFIED.into())
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, Some(ipproto::UDP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if six {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &SocketAddr::new(any, port))?;
    UdpSocket::from_std(socket.into())
}

/// An OPTIONS request (RFC 3261 §11).
struct Request {
    text: String,
    call_id: String,
}

impl Request {
    fn new(named: SocketAddr, local: SocketAddr) -> Self {
        let call_id = format!("{:016x}{:016x}", unique(), unique());
        let text = format!(
            "OPTIONS sip:{named} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{branch:016x};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:probe@{local}>;tag={tag:016x}\r\n\
             To: <sip:{named}>\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: 1 OPTIONS\r\n\
             Contact: <sip:probe@{local}>\r\n\
             Accept: application/sdp\r\n\
             User-Agent: mxone_system_redundancy\r\n\
             Content-Length: 0\r\n\r\n",
            branch = unique(),
            tag = unique(),
        );
        Self { text, call_id }
    }
}

/// A number nobody can guess: the keys of the language's hash maps are random.
fn unique() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// The status of a SIP response that belongs to `call_id`; `None` for anything else.
fn status_of(datagram: &[u8], call_id: &str) -> Option<u16> {
    let text = String::from_utf8_lossy(datagram);
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("SIP/2.0 ")?.get(..3)?;
    let status: u16 = status.parse().ok().filter(|status| (100..700).contains(status))?;
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    let ours = |(name, value): (&str, &str)| {
        let name = name.trim();
        (name.eq_ignore_ascii_case("Call-ID") || name.eq_ignore_ascii_case("i")) && value.trim() == call_id
    };
    headers.into_iter().any(ours).then_some(status)
}

#[cfg(test)]
mod tests;
