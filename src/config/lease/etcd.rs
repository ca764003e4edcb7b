//! The part of `lease.yaml` about an etcd cluster that is the witness.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::lease::ThirdVote;

/// How etcd is reached and where the pair's keys are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdCard {
    /// Its members, as `https://host:2379`.
    pub endpoints: Vec<String>,
    /// The name of this pair of sites in etcd.
    pub pair: String,
    /// The cluster that was set up, by its own number.
    pub cluster: u64,
    /// What etcd's certificates are proved by; a name without a folder is beside this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The own certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// The key of the own certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The user to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// A password, which is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl EtcdCard {
    /// What is wrong with it, if anything.
    pub(super) fn problem(&self, third: ThirdVote, has_witness: bool) -> Option<&'static str> {
        let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if self.endpoints.is_empty() || !self.endpoints.iter().all(is_url) {
            Some("endpoints are written as https://host:2379, at least one")
        } else if self.pair.is_empty() || self.pair.contains('/') {
            Some("pair is the name that the set-up gave, without a slash")
        } else if self.cert.is_some() != self.key.is_some() {
            Some("cert and key belong together")
        } else if self.user.is_some() != self.password.is_some() {
            Some("user and password belong together")
        } else if third != ThirdVote::Witness {
            Some("third_vote must be witness")
        } else if has_witness {
            Some("there is a witness among the voters too; only one of them can have the third vote")
        } else {
            None
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::config::lease) fn card() -> EtcdCard {
        EtcdCard {
            endpoints: vec!["https://203.0.113.9:2379".to_owned()],
            pair: "1f".to_owned(),
            cluster: u64::MAX,
            ca: Some(PathBuf::from("etcd-ca.pem")),
            cert: None,
            key: None,
            user: Some("pbx".to_owned()),
            password: Some(Secret("p4ss".to_owned())),
        }
    }

    #[test]
    fn what_belongs_together_is_missed() {
        let witness = ThirdVote::Witness;
        assert_eq!(card().problem(witness, false), None);
        for wrong in [
            EtcdCard { endpoints: Vec::new(), ..card() },
            EtcdCard { endpoints: vec!["h:2379".to_owned()], ..card() },
            EtcdCard { pair: "a/b".to_owned(), ..card() },
            EtcdCard { cert: Some(PathBuf::from("c")), ..card() },
            EtcdCard { password: None, ..card() },
        ] {
            assert!(wrong.problem(witness, false).is_some(), "{wrong:?}");
        }
        assert!(card().problem(ThirdVote::ControlAddress, false).is_some());
        assert!(card().problem(witness, true).is_some());
    }
}
