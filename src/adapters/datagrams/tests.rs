//! Two voters over the loopback interface, and somebody who writes down and repeats what they say.

use std::time::Duration;

use super::*;
use crate::domain::site::Site;

const PRIMARY: Voter = Voter::Monitor(Site::Primary);
const ALTERNATE: Voter = Voter::Monitor(Site::Alternate);

fn message(nonce: u64) -> Message {
    Message::Recall { nonce }
}

async fn voter(me: Voter, of: &[(Voter, Option<SocketAddr>, &Key)]) -> Datagrams {
    let peers = of.iter().map(|(voter, address, key)| (*voter, Peer { address: *address, key: (*key).clone() }));
    Datagrams::listen(me, "127.0.0.1:0".parse().unwrap(), peers.collect()).await.unwrap()
}

/// The next message, if one comes soon.
async fn soon(voter: &Datagrams) -> Option<(Voter, Message)> {
    tokio::time::timeout(Duration::from_millis(200), voter.receive()).await.ok()
}

/// A primary and an alternate that have heard each other; the alternate learned where the primary is.
async fn pair() -> (Datagrams, Datagrams, Key) {
    let key = Key::draw().unwrap();
    let alternate = voter(ALTERNATE, &[(PRIMARY, None, &key)]).await;
    let primary = voter(PRIMARY, &[(ALTERNATE, Some(alternate.address().unwrap()), &key)]).await;
    greet(&primary, &alternate).await;
    (primary, alternate, key)
}

async fn greet(primary: &Datagrams, alternate: &Datagrams) {
    for _ in 0..2 {
        primary.send(ALTERNATE, &message(0)).await;
        soon(alternate).await;
        soon(primary).await;
    }
}

#[tokio::test]
async fn two_voters_hear_each_other_after_a_greeting() {
    let (primary, alternate, _) = pair().await;
    primary.send(ALTERNATE, &message(7)).await;
    assert_eq!(soon(&alternate).await, Some((PRIMARY, message(7))));
    alternate.send(PRIMARY, &message(8)).await;
    assert_eq!(soon(&primary).await, Some((ALTERNATE, message(8))));
    assert_eq!((primary.dropped(), alternate.dropped()), (Dropped::default(), Dropped::default()));
}

#[tokio::test]
async fn what_is_repeated_is_dropped_and_counted_also_by_a_later_start() {
    let (primary, alternate, key) = pair().await;
    let known = &primary.peers[&ALTERNATE];
    let session = known.state().session.unwrap();
    let envelope = |number| Envelope {
        from: PRIMARY,
        to: ALTERNATE,
        session: primary.session,
        knows: session,
        number,
        content: Content::Message(Box::new(message(number))),
    };
    let recorded = envelope(50).sealed(&key);
    let somebody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = alternate.address().unwrap();
    somebody.send_to(&recorded, address).await.unwrap();
    assert_eq!(soon(&alternate).await, Some((PRIMARY, message(50))));
    somebody.send_to(&recorded, address).await.unwrap();
    assert_eq!(soon(&alternate).await, None);
    assert_eq!(alternate.dropped().repeated, 1);

    let restarted = voter(ALTERNATE, &[(PRIMARY, Some(primary.address().unwrap()), &key)]).await;
    somebody.send_to(&recorded, restarted.address().unwrap()).await.unwrap();
    assert_eq!(soon(&restarted).await, None, "it was written for an earlier start");
    somebody.send_to(&envelope(51).sealed(&key), restarted.address().unwrap()).await.unwrap();
    assert_eq!(soon(&restarted).await, None);
}

#[tokio::test]
async fn a_voter_that_starts_anew_is_heard_again() {
    let (primary, alternate, key) = pair().await;
    drop(primary);
    let primary = voter(PRIMARY, &[(ALTERNATE, Some(alternate.address().unwrap()), &key)]).await;
    greet(&primary, &alternate).await;
    primary.send(ALTERNATE, &message(9)).await;
    assert_eq!(soon(&alternate).await, Some((PRIMARY, message(9))));
    alternate.send(PRIMARY, &message(10)).await;
    assert_eq!(soon(&primary).await, Some((ALTERNATE, message(10))));
}

#[tokio::test]
async fn what_is_forged_malformed_or_too_long_is_dropped_and_counted() {
    let (primary, alternate, key) = pair().await;
    let somebody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = alternate.address().unwrap();
    let session = primary.peers[&ALTERNATE].state().session.unwrap();
    let content = Content::Message(Box::new(message(1)));
    let right =
        Envelope { from: PRIMARY, to: ALTERNATE, session: primary.session, knows: session, number: 90, content };
    let forged = right.sealed(&Key::draw().unwrap());
    let mut changed = right.sealed(&key);
    changed[20] ^= 1;
    let to_another = Envelope { to: Voter::Witness, ..right.clone() }.sealed(&key);
    for datagram in [&forged[..], &changed, &to_another, b"", b"MXR1", &[0; 200], &[1; 4000]] {
        somebody.send_to(datagram, address).await.unwrap();
    }
    assert_eq!(soon(&alternate).await, None);
    assert_eq!(alternate.dropped(), Dropped { oversized: 1, malformed: 4, forged: 2, repeated: 0 });
    somebody.send_to(&right.sealed(&key), address).await.unwrap();
    assert!(soon(&alternate).await.is_some(), "the right one is taken all the same");
}

proptest::proptest! {
    #[test]
    fn no_datagram_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let key = Key::draw().unwrap();
        let headed = [b"MXR1PA".as_slice(), &bytes].concat();
        for datagram in [&bytes, &headed] {
            proptest::prop_assert!(Envelope::opened(datagram, ALTERNATE, |_| Some(&key)).is_err());
        }
    }
}
