//! Mail.

use std::fmt::Write as _;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as Layer, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use sha2::{Digest, Sha256};

use super::{host_name, not_taken};
use crate::domain::alarm::{MailSettings, Notice, Tls};
use crate::ports::host::printable;
use crate::ports::notifier::NotifyError;

/// A mail server that has not answered a command by then does not.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn send(settings: &MailSettings, notice: &Notice) -> Result<(), NotifyError> {
    let server = format!("the mail server {}:{}", settings.host, settings.port);
    let refused = |because: String| NotifyError::NotTaken { to: server.clone(), because };
    let message = message(settings, notice).map_err(refused)?;
    let transport = transport(settings).map_err(refused)?;
    let Err(error) = transport.send(message.clone()).await else { return Ok(()) };
    let is_an_answer = error.is_permanent() || error.is_transient();
    // A server that refuses a receiver has taken the mail for nobody; one that refuses us refuses every mail.
    if settings.to.len() > 1 && is_an_answer && transport.test_connection().await.unwrap_or(false) {
        return one_by_one(&transport, &message, &server).await;
    }
    Err(not_taken(server)(&error))
}

/// To each receiver for itself, so that one who is refused holds up no other.
async fn one_by_one(
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    message: &Message,
    server: &str,
) -> Result<(), NotifyError> {
    let (from, all) = (message.envelope().from().cloned(), message.envelope().to());
    let mut refused = Vec::new();
    for receiver in all {
        let sent = match Envelope::new(from.clone(), vec![receiver.clone()]) {
            Ok(envelope) => {
                transport.send_raw(&envelope, &message.formatted()).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        refused.extend(sent.err().map(|because| printable(&format!("{receiver}: {because}"))));
    }
    let (to, because) = (server.to_owned(), refused.join("; "));
    match refused.len() {
        0 => Ok(()),
        some if some < all.len() => Err(NotifyError::InPart { to, because }),
        _ => Err(NotifyError::NotTaken { to, because }),
    }
}

fn transport(settings: &MailSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let layer = match settings.tls {
        Tls::None => Layer::None,
        Tls::Starttls => Layer::Required(protection(settings)?),
        Tls::Tls => Layer::Wrapper(protection(settings)?),
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port)
        .timeout(Some(ANSWERS_WITHIN))
        .tls(layer);
    let builder = match &settings.login {
        Some((user, password)) => builder.credentials(Credentials::new(user.clone(), password.clone())),
        None => builder,
    };
    Ok(builder.build())
}

fn protection(settings: &MailSettings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca {
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| error.to_string())
}

fn message(settings: &MailSettings, notice: &Notice) -> Result<Message, String> {
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|error| format!("{address}: {error}"));
    // The same for every try, so that a mail that comes twice is known to be one.
    let id = format!("<{}@{}>", fingerprint(notice), host_name());
    let mut builder = Message::builder().from(mailbox(&settings.from)?).subject(subject(notice)).message_id(Some(id));
    for address in &settings.to {
        builder = builder.to(mailbox(address)?);
    }
    // RFC 3834: nobody who is out of office answers it.
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    builder.raw_header(automatic).header(ContentType::TEXT_PLAIN).body(body(notice)).map_err(|error| error.to_string())
}

/// 128 bits of its hash in hexadecimal digits.
fn fingerprint(notice: &Notice) -> String {
    let hash = Sha256::digest(serde_json::to_vec(notice).unwrap_or_default());
    hash.iter().take(16).fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// `[major] alternate: alarm-raised witness-lost`
fn subject(notice: &Notice) -> String {
    let alarm = notice.alarm.map_or_else(String::new, |alarm| format!(" {alarm}"));
    printable(&format!("[{}] {}: {}{alarm}", notice.severity, notice.from, notice.kind))
}

fn body(notice: &Notice) -> String {
    let mut text =
        format!("{}\n\n{}\ntold by {} on {}\n", notice.text, notice.at.to_rfc3339(), notice.from, host_name());
    if let Some(alarm) = notice.alarm {
        let advice = alarm.advice();
        // Writing to a String cannot fail.
        let _ = write!(text, "\nWhat to do: {advice}.\nMore: mxone_system_redundancy help alarms\n");
    }
    text
}
