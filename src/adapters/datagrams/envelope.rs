//! A datagram: who writes to whom, in which sessions, with which number, what, and the signature over all of it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::lease::{Message, Voter};
use crate::domain::site::Site;

/// What a datagram of ours begins with; the digit is the version of this form.
const MAGIC: &[u8; 4] = b"MXR1";

const SIGNATURE: usize = 32;

/// Magic, from, to, two sessions, number, kind.
const HEAD: usize = 4 + 1 + 1 + 16 + 16 + 8 + 1;

/// A key that two voters share.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A key that nobody can guess.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn draw() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    fn signer(&self) -> Hmac<Sha256> {
        // A key of any length is taken.
        Hmac::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
    }
}

/// A key is never printed by accident.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// As it is written into a file that only root reads.
    #[must_use]
    pub fn written(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| "a key is 44 letters of base64".to_owned())?;
        Ok(Self(bytes.try_into().map_err(|_| "a key is 32 bytes in base64".to_owned())?))
    }
}

/// A start of the program. All zeros: unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Session([u8; 16]);

impl Session {
    /// One that was never there.
    pub(super) fn draw() -> std::io::Result<Self> {
        let mut session = [0; 16];
        getrandom::fill(&mut session)?;
        Ok(Self(session))
    }
}

/// What is in a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing but the sessions.
    Greeting,
    /// A message.
    Message(Box<Message>),
}

/// A datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) from: Voter,
    pub(super) to: Voter,
    /// Of the sender.
    pub(super) session: Session,
    /// Of the receiver, as the sender knows it.
    pub(super) knows: Session,
    /// Counts up within the sender's session.
    pub(super) number: u64,
    pub(super) content: Content,
}

/// Why a datagram is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    Malformed,
    Forged,
}

impl Envelope {
    /// As bytes, signed.
    pub(super) fn sealed(&self, key: &Key) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend(MAGIC);
        bytes.extend([byte_of(self.from), byte_of(self.to)]);
        bytes.extend(self.session.0);
        bytes.extend(self.knows.0);
        bytes.extend(self.number.to_be_bytes());
        match &self.content {
            Content::Greeting => bytes.push(0),
            Content::Message(message) => {
                bytes.push(1);
                // Plain values always become JSON.
                bytes.extend(serde_json::to_vec(message).unwrap_or_default());
            }
        }
        let mut signer = key.signer();
        signer.update(&bytes);
        bytes.extend(signer.finalize().into_bytes());
        bytes
    }

    /// From bytes, if they were signed with the sender's key for `me`.
    pub(super) fn opened<'k>(
        bytes: &[u8],
        me: Voter,
        key_of: impl Fn(Voter) -> Option<&'k Key>,
    ) -> Result<Self, Unfit> {
        let end = bytes.len().checked_sub(SIGNATURE).ok_or(Unfit::Malformed)?;
        let (told, signature) = bytes.split_at(end);
        let mut rest = told;
        if told.len() < HEAD || take::<4>(&mut rest)? != *MAGIC {
            return Err(Unfit::Malformed);
        }
        let [from, to] = take::<2>(&mut rest)?;
        let (from, to) = (voter_of(from).ok_or(Unfit::Malformed)?, voter_of(to).ok_or(Unfit::Malformed)?);
        let key = key_of(from).filter(|_| to == me).ok_or(Unfit::Malformed)?;
        let mut signer = key.signer();
        signer.update(told);
        signer.verify_slice(signature).map_err(|_| Unfit::Forged)?;
        let (session, knows) = (Session(take(&mut rest)?), Session(take(&mut rest)?));
        let number = u64::from_be_bytes(take(&mut rest)?);
        let content = match take::<1>(&mut rest)? {
            [0] if rest.is_empty() => Content::Greeting,
            [1] => Content::Message(Box::new(serde_json::from_slice(rest).map_err(|_| Unfit::Malformed)?)),
            _ => return Err(Unfit::Malformed),
        };
        Ok(Self { from, to, session, knows, number, content })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unfit> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(Unfit::Malformed)?;
    *bytes = rest;
    Ok(*taken)
}

const fn byte_of(voter: Voter) -> u8 {
    match voter {
        Voter::Monitor(Site::Primary) => b'P',
        Voter::Monitor(Site::Alternate) => b'A',
        Voter::Witness => b'W',
    }
}

fn voter_of(byte: u8) -> Option<Voter> {
    Voter::ALL.into_iter().find(|voter| byte_of(*voter) == byte)
}
