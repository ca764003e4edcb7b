//! Mail.

use std::fmt::Write as _;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as Layer, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

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
    transport.send(message).await.map(drop).map_err(|error| not_taken(server.clone())(&error))
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
    let mut builder = Message::builder().from(mailbox(&settings.from)?).subject(subject(notice));
    for address in &settings.to {
        builder = builder.to(mailbox(address)?);
    }
    builder.header(ContentType::TEXT_PLAIN).body(body(notice)).map_err(|error| error.to_string())
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
