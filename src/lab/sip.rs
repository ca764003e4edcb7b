//! A call server that answers SIP OPTIONS, as far as its machine lets it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::machine::Machine;

/// The largest datagram there is.
const DATAGRAM: usize = 65_535;

/// Header fields that an answer repeats (RFC 3261 §8.2.6.2); `v`, `f`, `t` and `i` are their short forms.
const REPEATED: [&str; 9] = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"];

/// Answers until dropped.
pub struct SipResponder {
    address: SocketAddr,
    answering: JoinHandle<()>,
}

impl SipResponder {
    /// Answers for a machine on a free port of 127.0.0.1. `prober` is the simulated address that probes come from.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(machine: Arc<Machine>, prober: IpAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        let address = socket.local_addr()?;
        let answering = tokio::spawn(async move {
            let mut datagram = vec![0; DATAGRAM];
            loop {
                // An error tells of an earlier answer that met a closed port; it concerns no request.
                let Ok((length, from)) = socket.recv_from(&mut datagram).await else { continue };
                let request = String::from_utf8_lossy(datagram.get(..length).unwrap_or_default());
                let heard = machine.is_up() && machine.lets_probe_in(prober);
                if let Some(answer) = heard.then(|| answer(&request)).flatten() {
                    // A prober that has gone needs no answer.
                    let _ = socket.send_to(answer.as_bytes(), from).await;
                }
            }
        });
        Ok(Self { address, answering })
    }

    /// Where probes are sent.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SipResponder {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

/// The answer to a request; `None` to what is no OPTIONS request.
fn answer(request: &str) -> Option<String> {
    let mut lines = request.split("\r\n");
    let start = lines.next()?;
    if !start.starts_with("OPTIONS ") || !start.ends_with(" SIP/2.0") {
        return None;
    }
    let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, _) = line.split_once(':')?;
        if REPEATED.contains(&name.trim().to_ascii_lowercase().as_str()) {
            answer += line;
            answer += "\r\n";
        }
    }
    answer += "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\nContent-Length: 0\r\n\r\n";
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_options_request_is_answered_with_its_own_headers() {
        let request = "OPTIONS sip:192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.11:9528;branch=z9hG4bK1\r\n\
                       Max-Forwards: 70\r\nFrom: <sip:probe@x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1@x\r\nCSeq: 1 OPTIONS\r\n\r\n";
        let answer = answer(request).unwrap();
        assert!(answer.starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.11:9528;branch=z9hG4bK1\r\nFrom:"));
        assert!(answer.contains("CSeq: 1 OPTIONS\r\n") && !answer.contains("Max-Forwards"));
        assert!(super::answer("INVITE sip:x SIP/2.0\r\n\r\n").is_none());
        assert!(super::answer("\0\0").is_none());
    }
}
