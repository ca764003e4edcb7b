//! Echo requests from a socket of our own. A monitor asks every second, and to start `ping` each time was a third of what
//! it costs at rest.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};
use tokio::sync::OnceCell;

use crate::ports::echo::Echo;

/// More than any round trip between two sites.
const WAIT: Duration = Duration::from_secs(2);

/// What an echo reply is: RFC 792 and RFC 4443.
const REPLY_V4: u8 = 0;
const REPLY_V6: u8 = 129;

/// See the module.
#[derive(Default)]
pub struct EchoSocket {
    v4: OnceCell<Client>,
    v6: OnceCell<Client>,
    sent: AtomicU16,
}

impl EchoSocket {
    /// The socket of a family, opened when it is first asked for.
    async fn client(&self, address: IpAddr) -> io::Result<&Client> {
        let (cell, kind) = match address {
            IpAddr::V4(_) => (&self.v4, ICMP::V4),
            IpAddr::V6(_) => (&self.v6, ICMP::V6),
        };
        cell.get_or_try_init(async || Client::new(&Config::builder().kind(kind).build())).await
    }
}

#[async_trait]
impl Echo for EchoSocket {
    async fn answers(&self, address: IpAddr) -> io::Result<bool> {
        let number = PingSequence(self.sent.fetch_add(1, Ordering::Relaxed));
        let [.., high, low] = std::process::id().to_be_bytes();
        let mut pinger =
            self.client(address).await?.pinger(address, PingIdentifier(u16::from_be_bytes([high, low]))).await;
        match pinger.timeout(WAIT).ping(number, &[]).await {
            Ok((packet, _)) => Ok(is_reply(&packet)),
            Err(SurgeError::Timeout { .. }) => Ok(false),
            Err(SurgeError::IOError(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// A router on the way may say that there is no way: that is told like an answer.
fn is_reply(packet: &IcmpPacket) -> bool {
    match packet {
        IcmpPacket::V4(packet) => packet.get_icmp_type().0 == REPLY_V4,
        IcmpPacket::V6(packet) => packet.get_icmpv6_type().0 == REPLY_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_there_answers_in_both_families_again_and_again() {
        let echo = EchoSocket::default();
        for address in ["127.0.0.1", "::1", "127.0.0.1"] {
            assert!(echo.answers(address.parse().unwrap()).await.unwrap(), "{address}");
        }
    }
}
