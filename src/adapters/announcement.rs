//! Tells a network where an address is: a gratuitous ARP, or an unsolicited neighbour advertisement, as one raw frame.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike as _, sendto, socket};

use crate::domain::service_address::Interface;

/// The hardware address of an Ethernet interface.
type Mac = [u8; 6];

/// To everybody on the network.
const EVERYBODY: Mac = [0xff; 6];

/// To everybody who speaks IPv6 (RFC 2464 §7): the group of all nodes.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// See [`ALL_NODES`].
const ALL_NODES_MAC: Mac = [0x33, 0x33, 0, 0, 0, 1];

/// Announces on this machine that an address is at this interface of its.
///
/// # Errors
/// When there is no such interface, it is no Ethernet, or the frame cannot be sent.
pub fn send(address: IpAddr, interface: &Interface) -> io::Result<()> {
    let (to, mac) = link(interface)?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    for frame in frames(address, mac) {
        sendto(socket.as_raw_fd(), &frame, &to, MsgFlags::empty())?;
    }
    Ok(())
}

fn link(interface: &Interface) -> io::Result<(LinkAddr, Mac)> {
    let of_interface = getifaddrs()?.filter(|found| found.interface_name == interface.name());
    let links = of_interface.filter_map(|found| found.address);
    let mut links = links.filter(|address| address.family() == Some(AddressFamily::Packet));
    let link = links.next().and_then(|address| address.as_link_addr().copied());
    let found = link.and_then(|link| Some((link, link.addr()?)));
    found.ok_or_else(|| io::Error::other(format!("{interface} is no Ethernet interface of this machine")))
}

/// What is sent: for IPv4 both forms of a gratuitous ARP, as some systems heed only the one or the other.
fn frames(address: IpAddr, mac: Mac) -> Vec<Vec<u8>> {
    match address {
        IpAddr::V4(address) => [1, 2].map(|operation| arp(operation, address, mac)).into(),
        IpAddr::V6(address) => vec![advertisement(address, mac)],
    }
}

/// RFC 5227 §3: sender and target are the address itself.
fn arp(operation: u8, address: Ipv4Addr, mac: Mac) -> Vec<u8> {
    let (ip, target) = (address.octets(), if operation == 1 { [0; 6] } else { EVERYBODY });
    [
        &ethernet(EVERYBODY, mac, 0x0806)[..],
        // Ethernet, IPv4, and the lengths of their addresses.
        &[0, 1, 8, 0, 6, 4, 0, operation],
        &mac,
        &ip,
        &target,
        &ip,
    ]
    .concat()
}

/// RFC 4861 §4.4 and §7.2.6: unsolicited, overriding what was known, with our link-layer address.
fn advertisement(address: Ipv6Addr, mac: Mac) -> Vec<u8> {
    let (from, to) = (address.octets(), ALL_NODES.octets());
    let body = |checksum: [u8; 2]| {
        // Type, code; the flag "override"; the option "target link-layer address", in units of 8 octets.
        [&[136, 0][..], &checksum, &[0x20, 0, 0, 0], &from, &[2, 1], &mac].concat()
    };
    let unsigned = body([0, 0]);
    let length = u16::try_from(unsigned.len()).unwrap_or_default().to_be_bytes();
    // RFC 8200 §8.1: what the checksum is of beside the message.
    let pseudo = [&from[..], &to, &[0, 0], &length, &[0, 0, 0, 58], &unsigned].concat();
    let header = [&[0x60, 0, 0, 0][..], &length, &[58, 255], &from, &to].concat();
    [&ethernet(ALL_NODES_MAC, mac, 0x86dd)[..], &header, &body(checksum(&pseudo))].concat()
}

fn ethernet(to: Mac, from: Mac, kind: u16) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes()].concat()
}

/// RFC 1071, of an even number of octets.
fn checksum(octets: &[u8]) -> [u8; 2] {
    let words = octets.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
    let sum = words.sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    (!u16::try_from(folded).unwrap_or_default()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 0x11];

    #[test]
    fn an_arp_frame_is_42_octets_and_names_the_address_twice() {
        let frame = arp(1, Ipv4Addr::new(192, 0, 2, 50), MAC);
        assert_eq!(frame.len(), 42);
        assert_eq!(&frame[..14], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x11, 8, 6]);
        assert_eq!((&frame[28..32], &frame[38..]), (&[192, 0, 2, 50][..], &[192, 0, 2, 50][..]));
    }

    #[test]
    fn an_advertisement_has_a_checksum_that_comes_out_even() {
        let frame = advertisement("2001:db8::50".parse().unwrap(), MAC);
        assert_eq!(frame.len(), 14 + 40 + 32);
        let (message, length) = (&frame[54..], [0, 32]);
        let pseudo = [&frame[22..54], &[0, 0], &length, &[0, 0, 0, 58], message].concat();
        assert_eq!(checksum(&pseudo), [0, 0]);
        assert_eq!(frame[21], 255, "what comes from farther is not heeded");
    }
}
