//! Whether a server is the one we know: its key is exactly the pinned one. There are no `known_hosts` files.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use russh::Preferred;
use russh::client::Handler;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::connection::{self, Timeouts, Window};
use crate::domain::address::HostKey;
use crate::ports::host::HostError;

/// The host key that a server shows now; `name` is for messages. Only keys are exchanged; nobody logs in.
///
/// # Errors
/// [`HostError`] when nothing answers at `address`, or not as an SSH server.
pub async fn shown_host_key(name: &str, address: SocketAddr, timeouts: Timeouts) -> Result<HostKey, HostError> {
    let shown = Arc::new(Mutex::new(None));
    let check = KeyCheck::Look(Arc::clone(&shown));
    let outcome = connection::handshake(name, address, timeouts, check, Window::Commands).await;
    let key = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (key, outcome) {
        (Some(key), _) => Ok(key),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(HostError::Lost { host: name.to_owned(), command: "the key exchange".to_owned() }),
    }
}

/// What is done with the key a server shows.
pub(super) enum KeyCheck {
    /// Only this very key is accepted.
    Pinned(HostKey),
    /// It is noted down, and the connection is ended.
    Look(Arc<Mutex<Option<HostKey>>>),
}

impl KeyCheck {
    /// The key algorithms that the server is asked for: those of the pinned key, so that a server with several keys
    /// shows the one we know.
    pub(super) fn algorithms(&self) -> Cow<'static, [Algorithm]> {
        let Self::Pinned(key) = self else { return Preferred::DEFAULT.key };
        if key.algorithm() == "ssh-rsa" {
            // The same key signs with any of these; SHA-1 is not accepted.
            return [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }).to_vec().into();
        }
        // What is unknown here is refused by the comparison of the keys.
        Algorithm::new(key.algorithm()).map_or(Preferred::DEFAULT.key, |algorithm| vec![algorithm].into())
    }
}

impl Handler for KeyCheck {
    type Error = HandshakeError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, HandshakeError> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            return Err(HandshakeError::OtherKey("a certificate".to_owned()));
        };
        let found = written(key);
        match self {
            Self::Pinned(pinned) if found.as_ref() == Some(&*pinned) => Ok(true),
            Self::Pinned(_) => Err(HandshakeError::OtherKey(key.fingerprint(HashAlg::Sha256).to_string())),
            Self::Look(place) => {
                *place.lock().unwrap_or_else(PoisonError::into_inner) = found;
                Ok(false)
            }
        }
    }
}

/// Why a handshake failed.
#[derive(Debug)]
pub(super) enum HandshakeError {
    /// The server has another key; its fingerprint.
    OtherKey(String),
    /// Everything else.
    Protocol(russh::Error),
}

impl From<russh::Error> for HandshakeError {
    fn from(error: russh::Error) -> Self {
        Self::Protocol(error)
    }
}

/// The key as `ssh-keyscan` prints it; `None` for one of a kind that we do not know.
fn written(key: &PublicKey) -> Option<HostKey> {
    key.to_openssh().ok()?.parse().ok()
}
