//! What `settings witness` and `configure` ask about the voters, as far as it was not given.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::domain::given::Given;
use crate::domain::lease::{Endpoint, Timing};
use crate::flows::Stopped;
use crate::ports::dialog::{Dialog, DialogError, Question};
use crate::ports::voter_setup::{EtcdWish, Third, Wish};

/// Nobody has the third vote yet.
const LATER: &str = "later";

/// Who may have the third vote.
const THIRDS: &[(&str, &str)] = &[
    (LATER, "nobody yet: a person switches (see `settings witness`)"),
    ("witness", "a third Linux machine, at neither site, with this program"),
    ("etcd", "an etcd cluster at a third place"),
    ("control-address", "weaker: both may be live when their line is cut"),
];

/// The same where somebody has to have it.
const NOW: &[(&str, &str)] = THIRDS.split_at(1).1;

/// The UDP port of the two monitors where none is given (DESIGN §9).
const PORT: u16 = 9527;

/// The profiles of times.
const TIMINGS: &[(&str, &str)] = &[
    ("standard", "renewed every second; takes over within 8 s"),
    ("fast", "renewed every 0.25 s; within 2.5 s; sites in one city"),
    ("wan", "renewed every 3 s; within 20 s; long lines, virtual machines"),
];

/// Where the witness's file is written if nobody says otherwise.
const FILE: &str = "witness-lease.yaml";

/// Asks who has the third vote, and how fast it is to be.
///
/// # Errors
/// When an answer is missing or wrong.
pub(super) async fn ask(given: &Given, dialog: &mut dyn Dialog) -> Result<Wish, Stopped> {
    let asked = question(("third_vote", "ADDRESS"), "Who has the third vote?", None);
    let third = dialog.ask(&Question { choices: NOW, ..asked }, &|text| among(NOW, text)).await?;
    ask_about(&third, given, "ADDRESS", dialog).await
}

/// The same where it may be left for later, as `configure` asks it; nothing then.
///
/// # Errors
/// When an answer is missing or wrong, or was given to a question that is not asked then.
pub(in crate::flows) async fn ask_now_or_later(
    given: &Given,
    dialog: &mut dyn Dialog,
) -> Result<Option<Wish>, Stopped> {
    let prompt = "Who has the third vote, so that a takeover needs nobody?";
    let asked = question(("third_vote", "--witness, --etcd or --no-witness"), prompt, Some(LATER));
    let asked = Question { choices: THIRDS, help: "configure#Third vote", ..asked };
    let third = dialog.ask(&asked, &|text| among(THIRDS, text)).await?;
    if third != LATER {
        return ask_about(&third, given, "--witness", dialog).await.map(Some);
    }
    if given.lease_port.is_some() || given.words.contains_key("timing") {
        let told =
            "the timing and the port of voters were given, and nobody has the third vote; say who, or leave them out";
        return Err(Stopped::BadInput(told.to_owned()));
    }
    Ok(None)
}

fn among(choices: &[(&str, &str)], text: &str) -> Result<(), String> {
    let is_one = choices.iter().any(|(word, _)| *word == text);
    if is_one { Ok(()) } else { Err(format!("\"{text}\" is none of the choices")) }
}

/// Asks for what is to be known of the one who has the third vote; a witness's address is given by `flag`.
async fn ask_about(third: &str, given: &Given, flag: &'static str, dialog: &mut dyn Dialog) -> Result<Wish, Stopped> {
    let port = given.lease_port.unwrap_or(PORT);
    let third = match third {
        "witness" => ask_witness(port, flag, dialog).await?,
        "etcd" => ask_etcd(dialog).await?,
        "control-address" => Third::ControlAddress,
        other => return Err(Stopped::BadInput(format!("\"{other}\" has no third vote"))),
    };
    let prompt = "How fast is the takeover to be?";
    let asked = Question { choices: TIMINGS, ..question(("timing", "--timing"), prompt, Some("standard")) };
    let timing = dialog.ask(&asked, &|text| text.parse::<Timing>().map(drop)).await?;
    let timing = timing.parse().map_err(Stopped::BadInput)?;
    Ok(Wish { third, port, timing })
}

async fn ask_witness(port: u16, flag: &'static str, dialog: &mut dyn Dialog) -> Result<Third, Stopped> {
    let prompt = "Where does the witness listen? (its address, or ADDRESS:PORT)";
    let asked = question(("witness_address", flag), prompt, None);
    let address = dialog.ask(&asked, &|text| place(text, port).map(drop)).await?;
    let address = place(&address, port).map_err(Stopped::BadInput)?;
    let prompt = "Where is the witness's file written, to be carried there?";
    let asked = question(("witness_file", "--witness-file"), prompt, Some(FILE));
    let file = PathBuf::from(dialog.ask(&asked, &|text| named(text)).await?);
    Ok(Third::Witness { address, file })
}

async fn ask_etcd(dialog: &mut dyn Dialog) -> Result<Third, Stopped> {
    let prompt = "Which members has the etcd cluster? (https://HOST:PORT, with commas between)";
    let asked = question(("etcd", "--etcd"), prompt, None);
    let endpoints = dialog.ask(&asked, &|text| members(text).map(drop)).await?;
    let endpoints = members(&endpoints).map_err(Stopped::BadInput)?;
    let mut named = async |name, prompt| {
        let answer = dialog.ask(&question(name, prompt, Some("")), &|_| Ok(())).await?;
        Ok::<_, DialogError>(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
    };
    let (mut ca, mut identity) = (None, None);
    if endpoints.iter().any(|endpoint| endpoint.is_secure) {
        ca = named(("etcd_ca", "--etcd-ca"), "File that proves its certificates (empty: what both machines trust)")
            .await?;
        let cert = named(("etcd_cert", "--etcd-cert"), "File of the certificate to show it (empty: none)").await?;
        if let Some(cert) = cert {
            let key = named(("etcd_key", "--etcd-key"), "File of that certificate's key").await?;
            let key = key.ok_or_else(|| Stopped::BadInput("a certificate needs its key".to_owned()))?;
            identity = Some((PathBuf::from(cert), PathBuf::from(key)));
        }
    }
    let user = named(("etcd_user", "--etcd-user"), "User of etcd (empty: none)").await?;
    let mut password_file = None;
    if user.is_some() {
        let prompt = "File whose first line is the user's password (empty: the environment has it)";
        password_file = named(("etcd_password_file", "--etcd-password-file"), prompt).await?;
    }
    Ok(Third::Etcd(EtcdWish {
        endpoints,
        ca: ca.map(PathBuf::from),
        identity,
        user,
        password_file: password_file.map(PathBuf::from),
    }))
}

fn members(text: &str) -> Result<Vec<Endpoint>, String> {
    text.split(',').map(|member| member.trim().parse()).collect()
}

fn question((key, flag): (&'static str, &'static str), prompt: &str, default: Option<&str>) -> Question {
    let (prompt, default) = (prompt.to_owned(), default.map(str::to_owned));
    Question { key, flag, prompt, default, choices: &[], refused: None, help: "automatic" }
}

fn place(text: &str, port: u16) -> Result<SocketAddr, String> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, port));
    text.parse().or(bare).map_err(|_| format!("\"{text}\" is neither an address nor ADDRESS:PORT"))
}

fn named(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("a file has a name".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_named_by_an_address_with_or_without_its_port() {
        assert_eq!(place(" 203.0.113.9 ", 9527).unwrap().to_string(), "203.0.113.9:9527");
        assert_eq!(place("203.0.113.9:7000", 9527).unwrap().to_string(), "203.0.113.9:7000");
        assert_eq!(place("2001:db8::9", 9527).unwrap().to_string(), "[2001:db8::9]:9527");
        assert_eq!(place("witness", 9527).unwrap_err(), "\"witness\" is neither an address nor ADDRESS:PORT");
    }
}
