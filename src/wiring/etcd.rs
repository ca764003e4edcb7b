//! etcd as the witness, from what `lease.yaml` says about it.

use std::path::Path;
use std::time::Duration;

use crate::adapters::etcd::{Access, EtcdError, Login, Store};
use crate::config::lease::EtcdCard;
use crate::domain::lease::Timing;

/// An answer that comes later than the next round is of no use, and several members may have to be asked.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(200);

/// Why what the file says cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// A certificate cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unread {
        /// Its file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate is none.
    #[error("{0}: {source}", source = std::error::Error::source(.0).map(ToString::to_string).unwrap_or_default())]
    Etcd(EtcdError),
}

/// The keys of the pair; nothing is asked yet. Certificates are looked for beside `lease.yaml`, in `folder`.
pub(super) fn store(card: &EtcdCard, folder: &Path, timing: Timing) -> Result<Store, Unusable> {
    let patience = (timing.renewal() * 4 / 5).max(SHORTEST_PATIENCE);
    let cluster = (card.cluster != 0).then_some(card.cluster);
    Store::new(access(card, folder, patience)?, &card.pair, cluster).map_err(Unusable::Etcd)
}

fn access(card: &EtcdCard, folder: &Path, patience: Duration) -> Result<Access, Unusable> {
    let read = |name: &Path| {
        let file = folder.join(name);
        std::fs::read(&file).map_err(|source| Unusable::Unread { file: file.display().to_string(), source })
    };
    let identity = match (&card.cert, &card.key) {
        (Some(cert), Some(key)) => Some([read(cert)?, b"\n".to_vec(), read(key)?].concat()),
        _ => None,
    };
    let login = card.user.clone().zip(card.password.clone());
    Ok(Access {
        endpoints: card.endpoints.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(),
        authority: card.ca.as_deref().map(read).transpose()?,
        identity,
        login: login.map(|(user, password)| Login { user, password: password.0 }),
        patience,
    })
}
