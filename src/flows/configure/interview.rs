//! What `configure` asks, in the order of the vendor's procedure (171/15431-ANF 901 14 §6.3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::domain::address::{HostKey, names_one_host, parse_bare};
use crate::domain::configuration::{
    BootPolicy, Configuration, LONGEST_GRACE, Membership, Mode, ServerCard, SshAccess, TakeoverSettings, WithoutPeer,
};
use crate::domain::given::Given;
use crate::domain::platform::Platform;
use crate::domain::site::{LimNumber, ServerId, Site};
use crate::flows::carry_out::describe;
use crate::flows::{Ports, Stopped, witness};
use crate::ports::dialog::{Confirmation, Dialog, News, Question, Refused};
use crate::ports::voter_setup::Wish;

/// The place in the help about each question.
pub const HELP: &[(&str, &str)] = &[
    ("platform", "configure#Platform"),
    ("primary_master_address", "configure#Master IP address"),
    ("alternate_master_address", "configure#Master IP address"),
    ("network_control_address", "configure#Network control address"),
    ("third_vote", "configure#Third vote"),
    ("takeover.alternate-from-primary", "configure#Takeover"),
    ("takeover.primary-from-alternate", "configure#Takeover"),
    ("boot_without_peer", "configure#Boot without peer"),
    ("boot_grace", "configure#Boot without peer"),
];

/// Asks for the two systems and finds out their servers; nothing is changed.
///
/// # Errors
/// When an answer is missing or wrong, a server does not answer, or its host key is not confirmed.
pub(super) async fn members(ports: &Ports, given: &Given, dialog: &mut dyn Dialog) -> Result<Configuration, Stopped> {
    let platform = ask_platform(ports, dialog).await?;
    let first = ServerId::first_of(Site::Primary);
    let (master, key) = master(ports, given, dialog).await?;
    let mut membership = Membership {
        platform,
        ssh: access(given),
        servers: BTreeMap::from([(first, ServerCard { address: master, host_key: Some(key) })]),
        never_block: given.never_block.clone(),
        turn_away: given.turn_away,
    };
    let here = alternate_address(ports, &membership, given, dialog).await?;
    membership.servers.insert(ServerId::first_of(Site::Alternate), ServerCard { address: here, host_key: None });
    add_servers(ports, given, &mut membership, Site::Primary, dialog).await?;
    add_servers(ports, given, &mut membership, Site::Alternate, dialog).await?;
    let control = ask_control_addresses(dialog).await?;
    membership.never_block.extend(control.iter().copied());
    Ok(Configuration {
        membership,
        network_control_address: control,
        service_address: Vec::new(),
        takeover: TakeoverSettings::default(),
        boot: BootPolicy::default(),
        auto_copy: None,
        copy: given.copy,
        topology: BTreeSet::new(),
        translation: given.translation.clone(),
    })
}

/// The primary's master address and its host key. An address where no server answers is asked for once more.
async fn master(ports: &Ports, given: &Given, dialog: &mut dyn Dialog) -> Result<(IpAddr, HostKey), Stopped> {
    let mut refused = None;
    loop {
        let address = ask_address(&MASTER, refused, dialog).await?;
        match trusted_key(ports, given, ServerId::first_of(Site::Primary), address, dialog).await {
            Ok(key) => return Ok((address, key)),
            Err(error @ Stopped::Host(_)) if dialog.may_ask_again(MASTER.0) => {
                refused = Some(Refused { answer: address.to_string(), because: describe(&error) });
            }
            Err(error) => return Err(error),
        }
    }
}

/// Asks for what is decided last: who has the third vote, takeover in both directions, and what a server does at boot
/// alone. What voters are wished, if any.
///
/// # Errors
/// When an answer is missing or wrong.
pub(super) async fn settings(
    configuration: &mut Configuration,
    given: &Given,
    dialog: &mut dyn Dialog,
) -> Result<Option<Wish>, Stopped> {
    let wish = witness::interview::ask_now_or_later(given, dialog).await?;
    // The vendor recommends to take over by itself, and to go back by hand.
    let usual = if wish.is_some() { "automatic" } else { "manual" };
    configuration.takeover.alternate_from_primary = ask_mode(TO_ALTERNATE, usual, dialog).await?;
    configuration.takeover.primary_from_alternate = ask_mode(TO_PRIMARY, "manual", dialog).await?;
    let question = Question {
        choices: WITHOUT_PEER,
        ..ask(
            "boot_without_peer",
            "--boot-without-peer",
            "After a reboot, when the other site cannot be asked, a server of the active site",
            Some("stay-blocked"),
        )
    };
    let is_right = |text: &str| {
        match without_peer(text)? {
        WithoutPeer::Open if wish.is_some() => Err(
            "with a third vote it is stay-blocked: of servers that open by themselves nobody can promise that one site \
             is live at most"
                .to_owned(),
        ),
        WithoutPeer::Open | WithoutPeer::StayBlocked => Ok(()),
    }
    };
    let answer = dialog.ask(&question, &is_right).await?;
    configuration.boot.without_peer = without_peer(&answer).map_err(Stopped::BadInput)?;
    if configuration.boot.without_peer == WithoutPeer::Open {
        let question =
            ask("boot_grace", "--boot-grace", "Seconds to wait for the other site before opening", Some("120"));
        let answer = dialog.ask(&question, &|text| seconds(text).map(drop)).await?;
        configuration.boot.grace = seconds(&answer).map_err(Stopped::BadInput)?;
    }
    Ok(wish)
}

const MASTER: (&str, &str, &str) = (
    "primary_master_address",
    "--primary-master-address",
    "Master IP address of the primary (serverConfigTool getMasterAddress tells it)",
);

const TO_ALTERNATE: (&str, &str, &str) = (
    "takeover.alternate-from-primary",
    "--takeover-alternate-from-primary",
    "At a failure of the primary the alternate takes over",
);

const TO_PRIMARY: (&str, &str, &str) = (
    "takeover.primary-from-alternate",
    "--takeover-primary-from-alternate",
    "At its recovery the primary takes over again",
);

const MODES: &[(&str, &str)] =
    &[("manual", "when a person says so"), ("automatic", "by itself, once a witness is set up (settings witness)")];

const WITHOUT_PEER: &[(&str, &str)] = &[
    ("stay-blocked", "waits for a person: never two sites live, perhaps none"),
    ("open", "opens after a while: never none live, perhaps two"),
];

fn ask(key: &'static str, flag: &'static str, prompt: &str, default: Option<&str>) -> Question {
    let help = HELP.iter().find(|(about, _)| *about == key).map_or("configure", |(_, place)| place);
    let default = default.map(str::to_owned);
    Question { key, flag, prompt: prompt.to_owned(), default, choices: &[], refused: None, help }
}

async fn ask_platform(ports: &Ports, dialog: &mut dyn Dialog) -> Result<Platform, Stopped> {
    let question = ask("platform", "--platform", "Platform of both systems", Some("mxone"));
    let check = |text: &str| ports.documents.platform(text).map(drop).map_err(|problems| problems.join("; "));
    let answer = dialog.ask(&question, &check).await?;
    ports.documents.platform(&answer).map_err(|problems| Stopped::BadInput(problems.join("; ")))
}

async fn ask_address(
    (key, flag, prompt): &(&'static str, &'static str, &str),
    refused: Option<Refused>,
    dialog: &mut dyn Dialog,
) -> Result<IpAddr, Stopped> {
    let question = Question { refused, ..ask(key, flag, prompt, None) };
    let answer = dialog.ask(&question, &|text| parse_bare(text).map(drop).map_err(|e| e.to_string())).await?;
    let (address, stripped) = parse_bare(&answer).map_err(|error| Stopped::BadInput(error.to_string()))?;
    if stripped {
        dialog.tell(News::Note(format!("{answer} is taken as {address}: the prefix length is not part of it")));
    }
    Ok(address)
}

/// This machine's own address: from the platform, else asked.
async fn alternate_address(
    ports: &Ports,
    membership: &Membership,
    given: &Given,
    dialog: &mut dyn Dialog,
) -> Result<IpAddr, Stopped> {
    if let Some(address) = given.alternate_servers.get(&LimNumber::FIRST) {
        return Ok(*address);
    }
    let question =
        ("alternate_master_address", "--alternate-master-address", "Address of this server, LIM 1 of the alternate");
    if given.words.contains_key(question.0) {
        return ask_address(&question, None, dialog).await;
    }
    // LIM 1 of the alternate is this machine, so its address is not needed to ask it.
    let mut membership = membership.clone();
    let card = ServerCard { address: IpAddr::from([127, 0, 0, 1]), host_key: None };
    membership.servers.insert(ServerId::first_of(Site::Alternate), card);
    let told = ports.systems.open(&membership).call_server.master_address(Site::Alternate).await;
    if let Ok(Some(address)) = told { Ok(address) } else { ask_address(&question, None, dialog).await }
}

/// Adds the other servers of a site, each with its host key.
async fn add_servers(
    ports: &Ports,
    given: &Given,
    membership: &mut Membership,
    site: Site,
    dialog: &mut dyn Dialog,
) -> Result<(), Stopped> {
    let listed = match site {
        Site::Primary => &given.primary_servers,
        Site::Alternate => &given.alternate_servers,
    };
    let listed = if listed.is_empty() {
        ports.systems.open(membership).call_server.servers(site).await?.unwrap_or_default()
    } else {
        listed.clone()
    };
    for (lim, address) in listed {
        let server = ServerId { site, lim };
        if lim == LimNumber::FIRST {
            continue;
        }
        let key = trusted_key(ports, given, server, address, dialog).await?;
        membership.servers.insert(server, ServerCard { address, host_key: Some(key) });
    }
    Ok(())
}

/// The host key of a server: the given one, or the one it shows once a person has confirmed it.
async fn trusted_key(
    ports: &Ports,
    given: &Given,
    server: ServerId,
    address: IpAddr,
    dialog: &mut dyn Dialog,
) -> Result<HostKey, Stopped> {
    let is_master = server == ServerId::first_of(Site::Primary);
    let given_for_master = given.primary_host_key.as_ref().filter(|_| is_master);
    if let Some(key) = given_for_master.or_else(|| given.host_keys.get(&address)) {
        return Ok(key.clone());
    }
    let key = ports.systems.host_key(address, &access(given)).await?;
    let statement = format!("{server} ({address}) shows the host key {}\n  {key}", key.fingerprint());
    let flag = if is_master { "--primary-host-key" } else { "--host-key ADDRESS=KEY" };
    dialog.confirm(&Confirmation::Trust { statement, flag }).await?;
    Ok(key)
}

/// How to log in: the usual way, but for what was given.
fn access(given: &Given) -> SshAccess {
    let usual = SshAccess::default();
    SshAccess {
        user: given.ssh_user.clone().unwrap_or(usual.user),
        port: given.ssh_port.unwrap_or(usual.port),
        identity: given.ssh_identity.clone().or(usual.identity),
        ..usual
    }
}

async fn ask_control_addresses(dialog: &mut dyn Dialog) -> Result<Vec<IpAddr>, Stopped> {
    let question = ask(
        "network_control_address",
        "--network-control-address",
        "Network control address: an address in the users' network, such as their default gateway (several with commas or blanks)",
        None,
    );
    let answer = dialog.ask(&question, &|text| addresses(text).map(drop)).await?;
    addresses(&answer).map_err(Stopped::BadInput)
}

/// Reads addresses with commas or blanks between them; at least one, none twice.
///
/// # Errors
/// What is wrong with the first that is not right.
pub fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let mut found: Vec<IpAddr> = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let (address, _) = parse_bare(word).map_err(|error| error.to_string())?;
        if !names_one_host(address) {
            return Err(format!("{address} is not the address of one host"));
        }
        if found.contains(&address) {
            return Err(format!("{address} is there twice"));
        }
        found.push(address);
    }
    if found.is_empty() { Err("at least one address is needed".to_owned()) } else { Ok(found) }
}

async fn ask_mode(
    (key, flag, prompt): (&'static str, &'static str, &str),
    usual: &str,
    dialog: &mut dyn Dialog,
) -> Result<Mode, Stopped> {
    let question = Question { choices: MODES, ..ask(key, flag, prompt, Some(usual)) };
    let answer = dialog.ask(&question, &|text| mode(text).map(drop)).await?;
    mode(&answer).map_err(Stopped::BadInput)
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "manual" => Ok(Mode::Manual),
        "automatic" => Ok(Mode::Automatic),
        _ => Err(format!("\"{text}\" is neither manual nor automatic")),
    }
}

fn without_peer(text: &str) -> Result<WithoutPeer, String> {
    match text {
        "stay-blocked" => Ok(WithoutPeer::StayBlocked),
        "open" => Ok(WithoutPeer::Open),
        _ => Err(format!("\"{text}\" is neither stay-blocked nor open")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let most = LONGEST_GRACE.as_secs();
    let seconds = text.parse().ok().filter(|seconds| *seconds <= most);
    seconds.map(Duration::from_secs).ok_or_else(|| format!("\"{text}\" is not a number of seconds up to {most}"))
}
