//! How we log in: the user, and a key from a file or from the agent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, load_secret_key};
use tokio::sync::OnceCell;

use super::connection::{Timeouts, as_io};
use super::host_key::KeyCheck;
use crate::domain::configuration::SshAccess;
use crate::ports::host::{HostError, printable};

/// What is needed to log in to any of the servers; made once and shared, so that a key file is read once.
#[derive(Debug)]
pub struct Login {
    pub(super) user: String,
    pub(super) timeouts: Timeouts,
    identity: Identity,
}

#[derive(Debug)]
enum Identity {
    File { path: PathBuf, key: OnceCell<Arc<PrivateKey>> },
    Agent,
}

impl Login {
    /// Takes over the settings. The key file is read at the first log-in.
    #[must_use]
    pub fn new(access: &SshAccess) -> Self {
        let identity = match &access.identity {
            Some(path) => Identity::File { path: path.clone(), key: OnceCell::new() },
            None => Identity::Agent,
        };
        Self { user: access.user.clone(), timeouts: Timeouts::from(access), identity }
    }

    pub(super) async fn authenticate(&self, host: &str, handle: &mut Handle<KeyCheck>) -> Result<(), HostError> {
        let outcome = match &self.identity {
            Identity::File { path, key } => {
                let key = key.get_or_try_init(async || load(path)).await?;
                let hash = self.rsa_hash(host, handle, key.algorithm().is_rsa()).await?;
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
                let answer = handle.authenticate_publickey(&self.user, key).await;
                judged(answer.map_err(|error| unreachable(host, error))?)
            }
            Identity::Agent => self.authenticate_by_agent(host, handle).await?,
        };
        match outcome {
            Attempt::LetIn => Ok(()),
            Attempt::Refused => Err(HostError::NotAuthenticated { host: host.to_owned(), user: self.user.clone() }),
            Attempt::Broken => Err(HostError::Lost { host: host.to_owned(), command: "logging in".to_owned() }),
        }
    }

    /// Offers the agent's keys one after another, as long as the server listens.
    async fn authenticate_by_agent(&self, host: &str, handle: &mut Handle<KeyCheck>) -> Result<Attempt, HostError> {
        let mut agent = AgentClient::connect_env().await.map_err(agent_error)?;
        let mut last = Attempt::Refused;
        for identity in agent.request_identities().await.map_err(agent_error)? {
            let answer = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    let hash = self.rsa_hash(host, handle, key.algorithm().is_rsa()).await?;
                    handle.authenticate_publickey_with(&self.user, key, hash, &mut agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    handle.authenticate_certificate_with(&self.user, certificate, None, &mut agent).await
                }
            };
            match judged(answer.map_err(agent_error)?) {
                Attempt::LetIn => return Ok(Attempt::LetIn),
                Attempt::Refused => last = Attempt::Refused,
                // OpenSSH hangs up after its sixth refusal, which is then the answer.
                Attempt::Broken => return Ok(last),
            }
        }
        Ok(last)
    }

    /// RSA keys sign with the best hash the server knows, never with SHA-1.
    async fn rsa_hash(
        &self,
        host: &str,
        handle: &Handle<KeyCheck>,
        is_rsa: bool,
    ) -> Result<Option<HashAlg>, HostError> {
        if !is_rsa {
            return Ok(None);
        }
        let best = handle.best_supported_rsa_hash().await.map_err(|error| unreachable(host, error))?;
        Ok(Some(best.flatten().unwrap_or(HashAlg::Sha256)))
    }
}

/// What became of one key that was offered.
enum Attempt {
    LetIn,
    Refused,
    Broken,
}

/// The library also answers "failure" when the connection broke; then it names no method to go on with.
fn judged(answer: AuthResult) -> Attempt {
    match answer {
        AuthResult::Success => Attempt::LetIn,
        AuthResult::Failure { remaining_methods, .. } if remaining_methods.is_empty() => Attempt::Broken,
        AuthResult::Failure { .. } => Attempt::Refused,
    }
}

fn load(path: &Path) -> Result<Arc<PrivateKey>, HostError> {
    let key = load_secret_key(path, None).map_err(|error| HostError::Identity {
        path: path.display().to_string(),
        because: printable(&error.to_string()),
    })?;
    Ok(Arc::new(key))
}

fn agent_error(error: impl std::fmt::Display) -> HostError {
    HostError::Identity { path: "agent".to_owned(), because: printable(&error.to_string()) }
}

fn unreachable(host: &str, error: russh::Error) -> HostError {
    HostError::Unreachable { host: host.to_owned(), source: as_io(error) }
}
