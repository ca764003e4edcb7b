//! `notify.yaml`: how people are told, and where Prometheus finds numbers. It may hold passwords, so only root reads it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::Spanned;

use super::document::{self, Problem};
use crate::domain::alarm::{
    ChannelKind, ChannelSettings, Kind, MailSettings, Metrics, Notification, NotifySettings, SnmpSettings, SyslogPlace,
    Tls, TrapAuth, TrapHash,
};

/// The format of the file.
const SCHEMA: u32 = 1;

/// Where our traps are, unless the file says otherwise: below net-snmp's playground, which is nobody's for good.
const ARC: &str = "1.3.6.1.4.1.8072.9999.9999.9527";

/// The kinds that a channel may be about.
const KINDS: &str = "role-changed, alarm-raised, alarm-cleared, overlap";

/// RFC 3414 asks for passwords of this many characters.
const SNMP_PASSWORD: usize = 8;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    #[serde(default)]
    channels: Vec<Spanned<Channel>>,
    #[serde(default)]
    metrics: Numbers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Numbers {
    file: Option<Spanned<PathBuf>>,
    listen: Option<Spanned<SocketAddr>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    name: Spanned<String>,
    #[serde(default)]
    severity: Option<Spanned<String>>,
    #[serde(default)]
    on: Vec<Spanned<String>>,
    #[serde(default)]
    syslog: Option<Syslog>,
    #[serde(default)]
    mail: Option<Mail>,
    #[serde(default)]
    snmp: Option<Snmp>,
    #[serde(default)]
    webhook: Option<Webhook>,
    #[serde(default)]
    command: Option<Command>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Syslog {
    to: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    host: String,
    #[serde(default)]
    port: Option<u16>,
    tls: Spanned<String>,
    #[serde(default)]
    user: Option<Spanned<String>>,
    #[serde(default)]
    password: Option<Spanned<String>>,
    from: Spanned<String>,
    to: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    ca: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snmp {
    target: Spanned<String>,
    #[serde(default)]
    community: Option<String>,
    #[serde(default)]
    user: Option<Spanned<String>>,
    #[serde(default)]
    auth: Option<Spanned<String>>,
    #[serde(default)]
    auth_password: Option<Spanned<String>>,
    #[serde(default)]
    privacy_password: Option<Spanned<String>>,
    #[serde(default)]
    oid: Option<Spanned<String>>,
    #[serde(default)]
    engine_id: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    url: Spanned<String>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    ca: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    path: Spanned<PathBuf>,
}

/// Reads the file: what can be used of it, and every [`Problem`] with its place. A channel with a problem is left out,
/// and holds up no other.
#[must_use]
pub fn read(path: &Path, text: &str) -> (NotifySettings, Vec<Problem>) {
    let reading = document::read_on::<File>(path, text);
    let mut reader = Reader { path, problems: Vec::new() };
    let mut settings = NotifySettings::default();
    if let Some(file) = reading.value {
        if file.schema.value == SCHEMA {
            let starts = file.channels.iter().map(|channel| start(text, channel)).collect();
            let left_out = Troubled { starts, problems: &reading.problems };
            settings.channels = reader.channels(file.channels, &left_out);
            settings.metrics = reader.metrics(file.metrics);
        } else {
            let message = format!("this program reads schema {SCHEMA}");
            reader.complain(&file.schema, message, format!("schema: {SCHEMA}"));
        }
    }
    let mut problems = [reading.problems, reader.problems].concat();
    problems.sort();
    (settings, problems)
}

/// Which channels have an entry that was not understood: without it they would say something else than was meant.
struct Troubled<'a> {
    /// The line in which each begins.
    starts: Vec<u64>,
    problems: &'a [Problem],
}

impl Troubled<'_> {
    fn has(&self, channel: usize) -> bool {
        let from = self.starts.get(channel).copied().unwrap_or_default();
        let to = self.starts.get(channel + 1).copied().unwrap_or(u64::MAX);
        self.problems.iter().any(|problem| (from..to).contains(&problem.line))
    }
}

/// The line in which a channel begins: that of the dash before it, for its first entry may be what was not understood.
fn start(text: &str, channel: &Spanned<Channel>) -> u64 {
    let (line, column) = (channel.referenced.line(), channel.referenced.column());
    let is_dash = |text: &str| {
        let inner = text.trim_start_matches(' ');
        inner.starts_with('-') && ((text.len() - inner.len()) as u64) + 1 < column
    };
    let above = (1..).zip(text.lines()).take_while(|(number, _)| *number <= line);
    above.filter(|(_, text)| is_dash(text)).last().map_or(line, |(number, _)| number)
}

struct Reader<'a> {
    path: &'a Path,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn complain<T>(&mut self, value: &Spanned<T>, message: impl Into<String>, write: impl Into<String>) {
        self.problems.push(Problem::at(self.path, value, message).write(write));
    }

    /// The value of a text, or a complaint about it.
    fn word<T>(&mut self, text: &Spanned<String>, read: impl Fn(&str) -> Option<T>, words: &str) -> Option<T> {
        let found = read(&text.value);
        if found.is_none() {
            self.complain(text, format!("\"{}\" is none of {words}", text.value), "one of them");
        }
        found
    }

    /// The channels about which there is nothing to complain.
    fn channels(&mut self, channels: Vec<Spanned<Channel>>, troubled: &Troubled) -> Vec<ChannelSettings> {
        let (mut names, mut good) = (BTreeSet::new(), Vec::new());
        for (at, channel) in channels.into_iter().enumerate() {
            let before = self.problems.len();
            let name = channel.value.name.clone();
            if name.value.trim().is_empty() || !names.insert(name.value.clone()) {
                let message = format!("the name \"{}\" is empty or taken", name.value);
                self.complain(&name, message, "a name of its own");
            }
            let is_troubled = troubled.has(at);
            let read = self.channel(channel.value, is_troubled);
            good.extend(read.filter(|_| self.problems.len() == before && !is_troubled));
        }
        good
    }

    /// What a channel says, as far as it can be told; of one that is troubled already not what else it lacks.
    fn channel(&mut self, channel: Channel, is_troubled: bool) -> Option<ChannelSettings> {
        let words = "info, warning, major, critical";
        let severity = channel.severity.and_then(|text| self.word(&text, |word| word.parse().ok(), words));
        let mut on = BTreeSet::new();
        for kind in &channel.on {
            on.extend(self.word(kind, |word| word.parse::<Kind>().ok(), KINDS));
        }
        let Channel { name, syslog, mail, snmp, webhook, command, .. } = channel;
        let ways = [syslog.is_some(), mail.is_some(), snmp.is_some(), webhook.is_some(), command.is_some()];
        let said = ways.iter().filter(|way| **way).count();
        if said != 1 && !is_troubled {
            let message = format!("channel \"{}\" says {said} ways of telling people", name.value);
            self.complain(&name, message, "one of syslog, mail, snmp, webhook, command");
        }
        let mut kinds = Vec::new();
        kinds.extend(syslog.and_then(|syslog| self.syslog(&syslog)));
        kinds.extend(mail.and_then(|mail| self.mail(mail)));
        kinds.extend(snmp.and_then(|snmp| self.snmp(snmp)));
        kinds.extend(webhook.and_then(|webhook| self.webhook(webhook)));
        kinds.extend(command.and_then(|command| self.absolute(command.path)).map(|path| ChannelKind::Command { path }));
        let wants = Notification { severity: severity.unwrap_or_default(), on };
        Some(ChannelSettings { name: name.value, wants, kind: kinds.pop()? })
    }

    fn syslog(&mut self, syslog: &Syslog) -> Option<ChannelKind> {
        let to = &syslog.to;
        if to.value.starts_with('/') {
            return Some(ChannelKind::Syslog(SyslogPlace::Socket(PathBuf::from(&to.value))));
        }
        self.host_and_port(to, "/dev/log or HOST:514").map(|to| ChannelKind::Syslog(SyslogPlace::Address(to)))
    }

    fn mail(&mut self, mail: Mail) -> Option<ChannelKind> {
        let words = |word: &str| match word {
            "none" => Some((Tls::None, 25)),
            "starttls" => Some((Tls::Starttls, 587)),
            "tls" => Some((Tls::Tls, 465)),
            _ => None,
        };
        let protection = self.word(&mail.tls, words, "none, starttls, tls");
        if mail.to.value.is_empty() {
            self.complain(&mail.to, "nobody gets the mail", "to: [ADDRESS, ...]");
        }
        for address in mail.to.value.iter().chain([&mail.from]) {
            let is_plain = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
            if !address.value.split_once('@').is_some_and(|(user, host)| is_plain(user) && is_plain(host)) {
                self.complain(address, format!("\"{}\" is no mail address", address.value), "NAME@DOMAIN");
            }
        }
        let in_the_clear = protection.is_some_and(|(tls, _)| tls == Tls::None);
        match (&mail.user, &mail.password) {
            (Some(user), Some(_)) if in_the_clear => {
                self.complain(user, "a password would cross the network in the clear", "tls: starttls, or no user");
            }
            (Some(user), None) => self.complain(user, "a user without a password", "password: ..."),
            (None, Some(password)) => self.complain(password, "a password without a user", "user: ..."),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let login = mail.user.zip(mail.password).map(|(user, password)| (user.value, password.value));
        let ca = mail.ca.and_then(|ca| self.absolute(ca));
        let (tls, usual) = protection?;
        let (host, port) = (mail.host, mail.port.unwrap_or(usual));
        let to = mail.to.value.into_iter().map(|address| address.value).collect();
        Some(ChannelKind::Mail(MailSettings { host, port, tls, login, from: mail.from.value, to, ca }))
    }

    fn snmp(&mut self, snmp: Snmp) -> Option<ChannelKind> {
        let target = self.host_and_port(&snmp.target, "HOST:162");
        let oid = match &snmp.oid {
            Some(text) => self.word(text, arc, "the arcs with three numbers or more"),
            None => arc(ARC),
        };
        let engines = "the engines with 5 to 32 bytes in hexadecimal digits";
        let engine = snmp.engine_id.as_ref().and_then(|text| self.word(text, engine, engines));
        let auth = self.trap_auth(snmp);
        Some(ChannelKind::Snmp(SnmpSettings { target: target?, auth: auth?, engine, oid: oid? }))
    }

    fn trap_auth(&mut self, snmp: Snmp) -> Option<TrapAuth> {
        let passwords = [snmp.auth_password.as_ref(), snmp.privacy_password.as_ref()];
        for password in passwords.into_iter().flatten() {
            if password.value.chars().count() < SNMP_PASSWORD {
                let message = format!("a password of fewer than {SNMP_PASSWORD} characters");
                self.complain(password, message, "a longer password");
            }
        }
        let hash = snmp.auth.as_ref().and_then(|auth| {
            let words = |word: &str| match word {
                "sha" => Some(TrapHash::Sha),
                "sha256" => Some(TrapHash::Sha256),
                _ => None,
            };
            self.word(auth, words, "sha, sha256")
        });
        match (snmp.community, snmp.user, snmp.auth, snmp.auth_password, snmp.privacy_password) {
            (Some(community), None, None, None, None) => Some(TrapAuth::Community(community)),
            (None, Some(user), Some(_), Some(password), privacy) => {
                let privacy = privacy.map(|password| password.value);
                Some(TrapAuth::User { user: user.value, auth: (hash?, password.value), privacy })
            }
            _ => {
                let message = "a trap needs either a community and nothing of a user, or a user and what proves it";
                let write = "community: ... (v2c), or user, auth (sha, sha256) and auth_password (v3)";
                self.complain(&snmp.target, message, write);
                None
            }
        }
    }

    fn webhook(&mut self, webhook: Webhook) -> Option<ChannelKind> {
        let url = webhook.url;
        let is_url =
            ["http://", "https://"].iter().any(|start| url.value.len() > start.len() && url.value.starts_with(start));
        let ca = webhook.ca.and_then(|ca| self.absolute(ca));
        if !is_url {
            // It may be a secret, as those of most chats are.
            self.complain(&url, "this is no URL of a web hook", "https://...");
            return None;
        }
        Some(ChannelKind::Webhook { url: url.value, secret: webhook.secret, ca })
    }

    fn metrics(&mut self, numbers: Numbers) -> Metrics {
        let file = numbers.file.and_then(|file| self.absolute(file));
        let (own, open): (Vec<_>, Vec<_>) =
            numbers.listen.into_iter().partition(|listen| listen.value.ip().is_loopback());
        for listen in open {
            let message = format!("{} can be reached from elsewhere, and the numbers are not protected", listen.value);
            self.complain(&listen, message, "an address of the loopback, 127.0.0.1:PORT or \"[::1]:PORT\"");
        }
        Metrics { file, listen: own.first().map(|listen| listen.value) }
    }

    fn absolute(&mut self, path: Spanned<PathBuf>) -> Option<PathBuf> {
        if !path.value.is_absolute() {
            self.complain(&path, format!("{} is no absolute path", path.value.display()), "a path that begins with /");
            return None;
        }
        Some(path.value)
    }

    fn host_and_port(&mut self, text: &Spanned<String>, write: &str) -> Option<String> {
        let parts = text.value.rsplit_once(':');
        if parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Some(text.value.clone());
        }
        self.complain(text, format!("\"{}\" is no host with a port", text.value), write);
        None
    }
}

/// The bytes of an engine, `0x8000...` (RFC 3411, `SnmpEngineID`).
fn engine(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.filter(|bytes| (5..=32).contains(&bytes.len()))
}

/// The numbers of an object identifier.
fn arc(text: &str) -> Option<Vec<u32>> {
    let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() >= 3 && numbers[0] <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<NotifySettings, Vec<String>> {
        let (settings, problems) = read(Path::new("notify.yaml"), text);
        if problems.is_empty() { Ok(settings) } else { Err(problems.iter().map(ToString::to_string).collect()) }
    }

    #[test]
    fn the_example_of_the_help_page_is_right_and_has_every_way() {
        let page = include_str!("../../help/alarms.md");
        let example = page.split("```\n").find(|part| part.starts_with("schema: 1")).unwrap();
        let settings = parsed(example).unwrap();
        let ways: BTreeSet<&str> = settings
            .channels
            .iter()
            .map(|channel| match &channel.kind {
                ChannelKind::Syslog(SyslogPlace::Socket(_)) => "socket",
                ChannelKind::Syslog(SyslogPlace::Address(_)) => "address",
                ChannelKind::Mail(_) => "mail",
                ChannelKind::Snmp(SnmpSettings { auth: TrapAuth::Community(_), .. }) => "v2c",
                ChannelKind::Snmp(SnmpSettings { auth: TrapAuth::User { .. }, .. }) => "v3",
                ChannelKind::Webhook { .. } => "webhook",
                ChannelKind::Command { .. } => "command",
            })
            .collect();
        assert_eq!(ways.len(), 7, "{ways:?}");
        assert!(settings.metrics.file.is_some() && settings.metrics.listen.is_some());
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let text = "schema: 1\nchannels:\n  - name: a\n    severity: bad\n    syslog: {to: /dev/log}\n\
                    \x20 - name: a\n    webhook: {url: ftp://x}\n\
                    \x20 - name: b\n    mail: {host: x, tls: none, user: u, password: p, from: a@x, to: [nobody]}\n\
                    \x20 - name: c\n    snmp: {target: 'h:162', user: u, auth: sha, auth_password: short}\n\
                    \x20 - name: d\n    command: {path: run}\n    on: [alarm]\nmetrics: {listen: '0.0.0.0:9528'}\n";
        let problems = parsed(text).unwrap_err();
        let told = problems.join("\n");
        for part in [
            "notify.yaml:4:15: \"bad\" is none of info, warning, major, critical",
            "notify.yaml:6:11: the name \"a\" is empty or taken",
            "notify.yaml:7:20: this is no URL of a web hook",
            "a password would cross the network in the clear",
            "\"nobody\" is no mail address",
            "fewer than 8 characters",
            "run is no absolute path",
            "\"alarm\" is none of role-changed",
            "0.0.0.0:9528 can be reached from elsewhere",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        assert_eq!(problems.len(), 9, "{told}");
    }

    #[test]
    fn a_channel_says_exactly_one_way_and_unknown_keys_are_errors() {
        let none = parsed("schema: 1\nchannels: [{name: a}]\n").unwrap_err().join("\n");
        assert!(none.contains("says 0 ways"), "{none}");
        let two = "schema: 1\nchannels: [{name: a, syslog: {to: /dev/log}, command: {path: /bin/true}}]\n";
        assert!(parsed(two).unwrap_err().join("\n").contains("says 2 ways"));
        assert!(parsed("schema: 1\nchanels: []\n").unwrap_err().join("\n").contains("chanels"));
        assert_eq!(parsed("schema: 1\n").unwrap(), NotifySettings::default());
    }

    #[test]
    fn a_channel_that_is_wrong_holds_up_no_other_and_is_not_used_with_what_is_left_of_it() {
        let names = |text: &str| {
            let (settings, problems) = read(Path::new("notify.yaml"), text);
            let names: Vec<String> = settings.channels.into_iter().map(|channel| channel.name).collect();
            (names.join(" "), problems.len())
        };
        let good = "  - name: log\n    syslog: {to: /dev/log}\n";
        let hidden =
            "    snmp: {target: 'h:162', user: u, auth: sha, auth_password: 'long enough', privcy: 'long enough'}\n";
        for (wrong, count) in [
            (format!("  - name: traps\n{hidden}"), 1),
            (format!("  - severty: major\n    name: traps\n{}", hidden.replace(", privcy: 'long enough'", "")), 1),
            ("  - name: chat\n    webhook: {url: 'http://h/', secrt: x}\n".to_owned(), 1),
            ("  - name: mail\n    mail: {host: h, port: many, tls: tls, from: a@b, to: [a@b]}\n".to_owned(), 1),
            ("  - name: mail\n    mail: {host: h, tls: so, from: nobody, to: []}\n".to_owned(), 3),
            ("  - name: page\n    severity: bad\n    command: {path: page}\n".to_owned(), 2),
            ("  - name: log\n    syslog: {to: /dev/log}\n".to_owned(), 1),
        ] {
            let last = good.replace("log\n    s", "last\n    s");
            let text = format!("schema: 1\nchannels:\n{good}{wrong}{last}");
            assert_eq!(names(&text), ("log last".to_owned(), count), "{text}");
        }
        assert_eq!(names(&format!("schema: 2\nchannels:\n{good}")), (String::new(), 1));
    }

    #[test]
    fn what_would_be_left_out_in_silence_is_told_and_a_secret_is_not() {
        let one =
            |channel: &str| parsed(&format!("schema: 1\nchannels: [{{name: a, {channel}}}]\n")).unwrap_err().join("\n");
        let hidden = one("snmp: {target: 'h:162', community: lab, privacy_password: 'long enough'}");
        assert!(hidden.contains("either a community and nothing of a user"), "{hidden}");
        let nobody = one("mail: {host: h, tls: tls, password: hunter22, from: a@b, to: [a@b]}");
        assert!(nobody.contains("a password without a user") && !nobody.contains("hunter22"), "{nobody}");
        let hook = one("webhook: {url: 'htps://chat.example.com/hunter22'}");
        assert!(hook.contains("this is no URL") && !hook.contains("hunter22"), "{hook}");
        let password = one("mail: {host: h, tls: tls, user: u, password: [hunter22], from: a@b, to: [a@b]}");
        assert!(!password.contains("hunter22"), "{password}");
    }
}
