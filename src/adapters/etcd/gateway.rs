//! Requests to etcd's HTTP gateway, one endpoint after the other.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, StatusCode, redirect};
use serde_json::{Value, json};
use thiserror::Error;

use crate::ports::host::printable;

/// etcd hashes a password slowly on purpose; a login is rare.
const LOGIN_WITHIN: Duration = Duration::from_secs(3);

/// As much of an answer that is none as fits into a line.
const WORDS: usize = 200;

/// How etcd is reached.
#[derive(Clone)]
pub struct Access {
    /// Its members, as `https://host:2379`; one that answered last is asked first.
    pub endpoints: Vec<String>,
    /// What its certificates are proved by, in PEM; `None`: what this machine trusts.
    pub authority: Option<Vec<u8>>,
    /// The own certificate and its key, in PEM.
    pub identity: Option<Vec<u8>>,
    /// The user to log in as.
    pub login: Option<Login>,
    /// How long one answer is waited for.
    pub patience: Duration,
}

/// A user of etcd.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password; it is in no message.
    pub password: String,
}

/// Why etcd gave no usable answer.
#[derive(Debug, Error)]
pub enum EtcdError {
    /// No answer.
    #[error("etcd at {endpoint} does not answer")]
    Silent {
        /// Which member.
        endpoint: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It refused.
    #[error("etcd at {endpoint} says: {complaint}")]
    Refused {
        /// Which member.
        endpoint: String,
        /// Its own words.
        complaint: String,
    },
    /// Its answer is not one of etcd 3.4 or later.
    #[error("{endpoint} does not answer as etcd 3.4 does")]
    Foreign {
        /// Which member.
        endpoint: String,
    },
    /// The certificates given cannot be used.
    #[error("the certificates for etcd cannot be used")]
    Certificates(#[source] reqwest::Error),
    /// Others wrote all the time.
    #[error("others change the promise in etcd all the time")]
    Raced,
    /// It does not remember.
    #[error("etcd {0}")]
    Lost(Lost),
}

/// In which way etcd lost what it remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The keys are not there.
    Missing,
    /// What is there cannot be read.
    Unreadable,
    /// It is not the cluster that was set up.
    OtherCluster,
    /// It went back to an older state.
    Older,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "has lost the keys of this pair",
            Self::Unreadable => "holds something else under the keys of this pair",
            Self::OtherCluster => "is another cluster than the one that was set up",
            Self::Older => "went back to an older state",
        })
    }
}

/// The gateway.
pub(super) struct Gateway {
    client: Client,
    access: Access,
    /// The endpoint that answered last.
    good: AtomicUsize,
    token: RwLock<Option<String>>,
}

impl Gateway {
    /// Nothing is sent yet.
    pub(super) fn new(access: Access) -> Result<Self, EtcdError> {
        let client = client(&access).map_err(EtcdError::Certificates)?;
        Ok(Self { client, access, good: AtomicUsize::new(0), token: RwLock::new(None) })
    }

    /// How many members are known.
    pub(super) fn members(&self) -> usize {
        self.access.endpoints.len()
    }

    /// Asks one member once; if it does not answer, the next request goes to the next one.
    pub(super) async fn call(&self, path: &str, body: &Value) -> Result<Value, EtcdError> {
        let at = self.good.load(Ordering::Relaxed);
        let endpoint = self.access.endpoints.get(at % self.members().max(1)).map_or("", String::as_str);
        let answer = self.call_at(endpoint, path, body).await;
        let usable = match &answer {
            Ok(_) => true,
            // Another member says the same about a request; about itself it may say something else.
            Err(EtcdError::Refused { complaint, .. }) => is_about_request(complaint),
            Err(_) => false,
        };
        if !usable {
            // Somebody else may have gone on meanwhile.
            let _ = self.good.compare_exchange(at, at.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
        }
        answer
    }

    async fn call_at(&self, endpoint: &str, path: &str, body: &Value) -> Result<Value, EtcdError> {
        let Some(login) = &self.access.login else { return self.post(endpoint, path, body, None).await };
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = token {
            match self.post(endpoint, path, body, Some(&token)).await {
                // A token ends by itself, and with the settings of users; the request was not carried out.
                Err(EtcdError::Refused { complaint, .. }) if is_about_token(&complaint) => {}
                answer => return answer,
            }
        }
        let name_and_password = json!({"name": login.user, "password": login.password});
        let answer = self.post_within(endpoint, "auth/authenticate", &name_and_password, None, LOGIN_WITHIN).await?;
        let token = answer["token"].as_str().ok_or_else(|| foreign(endpoint))?.to_owned();
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        self.post(endpoint, path, body, Some(&token)).await
    }

    async fn post(&self, endpoint: &str, path: &str, body: &Value, token: Option<&str>) -> Result<Value, EtcdError> {
        self.post_within(endpoint, path, body, token, self.access.patience).await
    }

    async fn post_within(
        &self,
        endpoint: &str,
        path: &str,
        body: &Value,
        token: Option<&str>,
        within: Duration,
    ) -> Result<Value, EtcdError> {
        let silent = |source: reqwest::Error| EtcdError::Silent { endpoint: endpoint.to_owned(), source };
        let mut request = self.client.post(format!("{endpoint}/v3/{path}")).timeout(within).json(body);
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status();
        let text = answer.bytes().await.map_err(silent)?;
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        let places = [&value["error"], &value["error"]["message"], &value["message"]];
        if let Some(complaint) = places.into_iter().find_map(Value::as_str) {
            return Err(EtcdError::Refused { endpoint: endpoint.to_owned(), complaint: printable(complaint) });
        }
        if status == StatusCode::OK {
            return if value.is_object() { Ok(value) } else { Err(foreign(endpoint)) };
        }
        // The gateway itself answers in plain words.
        let words: String =
            String::from_utf8_lossy(&text).lines().next().unwrap_or_default().chars().take(WORDS).collect();
        Err(EtcdError::Refused { endpoint: endpoint.to_owned(), complaint: format!("{status} {}", printable(&words)) })
    }
}

fn client(access: &Access) -> reqwest::Result<Client> {
    let mut builder = Client::builder().no_proxy().redirect(redirect::Policy::none());
    if let Some(authority) = &access.authority {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(authority)?);
    } else if access.endpoints.iter().all(|endpoint| endpoint.starts_with("http:")) {
        // A machine that trusts nobody can speak in the clear all the same.
        builder = builder.tls_certs_only([]);
    }
    if let Some(identity) = &access.identity {
        builder = builder.identity(Identity::from_pem(identity)?);
    }
    builder.build()
}

/// What etcd says of users, leases and room, in the words of its `rpctypes`.
fn is_about_request(complaint: &str) -> bool {
    let known = [
        "permission denied",
        "authentication failed",
        "authentication is not enabled",
        "requested lease not found",
        "database space exceeded",
        "duplicate key",
        "too many operations",
        "request is too large",
    ];
    is_about_token(complaint) || known.iter().any(|known| complaint.contains(known))
}

fn is_about_token(complaint: &str) -> bool {
    ["invalid auth token", "revision of auth store is old", "user name is empty"]
        .iter()
        .any(|known| complaint.contains(known))
}

pub(super) fn foreign(endpoint: &str) -> EtcdError {
    EtcdError::Foreign { endpoint: endpoint.to_owned() }
}
