//! Web hooks: an HTTP POST with the notice as its body, signed where there is a secret.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Certificate, Client, Url};
use sha2::Sha256;

use super::not_taken;
use crate::ports::notifier::{Notice, NotifyError};

/// A server that has not answered by then does not.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Holds `sha256=` and the HMAC-SHA256 of the body, in hexadecimal digits.
const SIGNATURE: &str = "X-Mxone-Redundancy-Signature";

/// One web hook.
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) ca: Option<PathBuf>,
}

impl Webhook {
    pub(super) async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        let refused = |because: String| NotifyError::NotTaken { to: self.name(), because };
        let client = self.client().map_err(refused)?;
        let body = serde_json::to_vec(notice).unwrap_or_default();
        let mut post = client.post(&self.url).header("content-type", "application/json");
        if let Some(secret) = &self.secret {
            post = post.header(SIGNATURE, format!("sha256={}", signature(secret, &body).map_err(refused)?));
        }
        let answer = post.body(body).send().await.map_err(|error| not_taken(self.name())(&error.without_url()))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(refused(format!("it answered {status}"))) }
    }

    /// Without what follows the host: most chats know a sender by it, so it is a secret.
    fn name(&self) -> String {
        let origin = Url::parse(&self.url).map(|url| url.origin().ascii_serialization());
        origin.map_or_else(|_| "the web hook".to_owned(), |origin| format!("the web hook at {origin}"))
    }

    fn client(&self) -> Result<Client, String> {
        // A redirection would take the news to somebody nobody named.
        let builder = Client::builder().timeout(ANSWERS_WITHIN).redirect(reqwest::redirect::Policy::none());
        let builder = match &self.ca {
            Some(path) => {
                let unusable = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
                builder.tls_certs_merge(Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?)
            }
            None => builder,
        };
        builder.build().map_err(|error| error.to_string())
    }
}

/// The HMAC-SHA256 of a body (RFC 2104), in hexadecimal digits.
fn signature(secret: &str, body: &[u8]) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|error| error.to_string())?;
    mac.update(body);
    let mut text = String::new();
    for byte in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_the_standard_says() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?").unwrap(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
