//! Settings, platforms, mirrors and the daily copy: how each command behaves on a standing lab.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]
#![allow(dead_code, reason = "each test uses its part of the folder `standing`")]

#[path = "standing/standing.rs"]
mod standing;

use std::fs;

use serde_json::{Value, json};
use standing::Standing;

#[test]
fn a_translation_is_set_explained_previewed_and_taken_out() {
    let lab = Standing::configured(2);
    lab.words("settings translation list").ended(0).says("192.0.2.0/24 -> 198.51.100.0/24\n");
    let scan = lab.words("settings translation scan --json").ended(0).document();
    assert_eq!(scan["scan"]["addresses"]["192.0.2.11"]["class"], "own");
    assert_eq!(scan["scan"]["addresses"]["203.0.113.60"]["class"], "foreign");
    assert_eq!(scan["problems"], json!([]));
    lab.words("settings translation scan").ended(0).says("system.conf:3 (server_1)").says(" once\n").says("2 times");

    let set = lab.words("settings translation set 203.0.113.60=203.0.113.61 192.0.2.200=198.51.100.77").ended(0);
    assert!(set.err.contains("note: it takes effect at the next load"), "{set:?}");
    lab.words("settings translation explain 192.0.2.200")
        .ended(0)
        .says("192.0.2.200 becomes 198.51.100.77 by the rule 192.0.2.200 -> 198.51.100.77\n")
        .says("own, 2 times in the newest mirror\n")
        .says("  extensions.csv:2 (gateway)\n");
    lab.words("settings translation explain 9.9.9.9").ended(0).says("it does not occur in the newest mirror");
    lab.words("settings translation preview")
        .ended(0)
        .says("- route_90 = sip:?@203.0.113.60:5060\n+ route_90 = sip:?@203.0.113.61:5060");
    assert!(!loaded(&lab, "routes.conf").contains("203.0.113.61"), "a change acts before the next load");
    let changed = |lab: &Standing| lab.words("status --json").ended(0).document()["mirror"]["table_changed"].clone();
    assert_eq!(changed(&lab), true, "the alternate has data that was loaded with another table");
    lab.words("data copy --yes").ended(0);
    assert_eq!(changed(&lab), false);
    assert!(loaded(&lab, "routes.conf").contains("203.0.113.61"));
    assert!(loaded(&lab, "extensions.csv").contains("198.51.100.77"));

    lab.words("settings translation set 203.0.113.60=203.0.113.61")
        .ended(0)
        .says("not done: the settings are so already");
    lab.words("settings translation remove 203.0.113.60 192.0.2.200").ended(0);
    lab.words("settings translation remove 203.0.113.60").ended(2).complains("203.0.113.60 has no entry of its own");
    lab.words("history").says("translation set 203.0.113.60 -> 203.0.113.61, 192.0.2.200 -> 198.51.100.77");
}

#[test]
fn wrong_translations_change_nothing_and_say_what_is_wrong() {
    let lab = Standing::configured(2);
    let before = lab.state();
    for (entry, told) in [
        ("192.0.2.1", "it needs an = between its two parts"),
        ("192.0.2.1=x", "\"x\" is neither an IP address nor a network"),
        ("192.0.2.1=2001:db8::1", "not both IPv4 or both IPv6"),
        ("192.0.2.0/24=198.51.100.0/25", "do not have the same prefix length"),
        ("192.0.2.1/24=198.51.100.0/24", "has a host part; the network is 192.0.2.0/24"),
        ("0.0.0.0=198.51.100.1", "is never translated"),
        ("192.0.2.11=192.0.2.12", "192.0.2.11 would become 192.0.2.12, a server of the primary"),
        ("203.0.113.60=192.0.2.11", "203.0.113.60 would become 192.0.2.11, a server of the primary"),
    ] {
        lab.lab(&["settings", "translation", "set", entry]).ended(2).complains(told);
    }
    lab.words("settings translation confirm 192.0.2.11").ended(2).complains("192.0.2.11 is no foreign address");
    lab.words("settings translation explain nonsense").ended(2);
    assert!(lab.state() == before);
    let removed = lab.words("settings translation remove 192.0.2.0/24").ended(0);
    let warned = "note: the next load will be refused: 192.0.2.11 belongs to the primary and has no translation";
    assert!(removed.err.contains(warned), "{removed:?}");
    let refused = lab.words("data mirrors load --yes").ended(3);
    assert!(refused.err.contains("192.0.2.11 belongs to the primary and has no translation"), "{refused:?}");
    lab.words("status").ended(0);
}

#[test]
fn foreign_addresses_are_confirmed_to_stay() {
    let lab = Standing::configured(1);
    lab.words("settings translation confirm").ended(0);
    lab.words("settings translation list").says("203.0.113.60 -> 203.0.113.60");
    lab.words("settings translation explain 203.0.113.60").ended(0).says("203.0.113.60");
    lab.words("settings translation confirm").ended(0).says("not done: the settings are so already");
}

#[test]
fn a_table_goes_out_and_in_as_yaml_and_as_csv() {
    let lab = Standing::configured(1);
    lab.words("settings translation set 203.0.113.60=203.0.113.61").ended(0);
    let table = lab.words("settings translation list").out;
    for (flag, name) in [("", "table.yaml"), (" --csv", "table.csv")] {
        let text = lab.words(&format!("settings translation export{flag}")).ended(0).out;
        let file = lab.file(name, &text);
        lab.words("settings translation remove 203.0.113.60").ended(0);
        lab.lab(&["settings", "translation", "import", &file]).ended(0);
        assert_eq!(lab.words("settings translation list").out, table);
        let document = lab.words(&format!("settings translation export{flag} --json")).document();
        assert_eq!(document["text"], text);
    }
    let before = lab.state();
    let csv = lab.file(
        "bad.csv",
        "primary,alternate\n192.0.2.0/24,198.51.100.0/24\n192.0.2.300,1.2.3.4\n1,2,3\n192.0.2.9, pbx\n",
    );
    let bad = lab.lab(&["settings", "translation", "import", &csv]).ended(2);
    for told in ["bad.csv:3:1: \"192.0.2.300\"", "bad.csv:4:1: here are 3 values, not two", "bad.csv:5:12: \"pbx\""] {
        assert!(bad.err.contains(told), "{bad:?}");
    }
    let yaml = lab.file("bad.yaml", "schema: 1\nhosts: {192.0.2.1: 2001:db8::1}\nnets: {}\n");
    let bad = lab.lab(&["settings", "translation", "import", &yaml]).ended(2);
    assert!(
        bad.err.contains("bad.yaml:2:20: ") && bad.err.contains("bad.yaml:3:1: \"nets\" is not known here"),
        "{bad:?}"
    );
    let latin = lab.file("latin.csv", b"# \xe4\n192.0.2.0/24,198.51.100.0/24\n");
    lab.lab(&["settings", "translation", "import", &latin])
        .ended(2)
        .complains("latin.csv:1:3: this byte is no text in UTF-8");
    lab.words("settings translation import /nonexistent").ended(2).complains("/nonexistent cannot be read");
    assert!(lab.state() == before);
}

#[test]
fn new_network_control_addresses_are_in_the_rules_and_the_guards_at_once() {
    let lab = Standing::configured(2);
    lab.words("settings network-control-address").ended(0).says("203.0.113.1\n");
    let ran = lab.words("settings network-control-address 203.0.113.7 203.0.113.1 --yes").ended(0);
    assert!(ran.err.contains("note: 203.0.113.7 does not answer the primary system"), "{ran:?}");
    let status = lab.words("status --json").ended(0).document();
    assert_eq!(
        (&status["primary"]["traffic"], &status["alternate"]["traffic"]),
        (&json!("allowed"), &json!("blocked"))
    );
    assert_eq!(status["network_control_address"][0]["from_primary"], false);
    for server in ["primary-1", "primary-2", "alternate-1", "alternate-2"] {
        let folder = lab.root(server).join("etc");
        let mut files = std::collections::BTreeMap::new();
        standing::files_below(&folder, &mut files);
        let guarded = files.values().any(|text| String::from_utf8_lossy(text).contains("203.0.113.7/32"));
        assert!(guarded, "the guard of {server} does not spare the new address");
    }
    lab.words("settings network-control-address 203.0.113.1 203.0.113.7 --yes").ended(0);
    lab.words("settings network-control-address 203.0.113.1 203.0.113.7 --yes").ended(0).says("so already");
    let before = lab.state();
    lab.words("settings network-control-address 0.0.0.0 --yes")
        .ended(2)
        .complains("0.0.0.0 is not the address of one host");
    lab.words("settings network-control-address 203.0.113.1 203.0.113.1 --yes").ended(2).complains("is there twice");
    lab.words("settings network-control-address router").ended(2);
    assert!(lab.state() == before);
    lab.words("data copy --yes").ended(0);
    lab.words("manual-takeover traffic-in-alternate --yes").ended(0);
}

#[test]
fn new_network_control_addresses_reach_a_site_that_was_away_when_they_are_given_again() {
    let lab = Standing::configured(1);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let away = lab.words("settings network-control-address 203.0.113.9 --yes").ended(0);
    assert_eq!(away.out, "done\n");
    lab.run(&["lab", "heal", "primary"]).ended(0);
    lab.words("settings network-control-address 203.0.113.9 --yes").ended(0).says("done");
    lab.words("settings network-control-address 203.0.113.9 --yes").ended(0).says("so already");
}

#[test]
fn takeover_modes_are_recorded_with_the_other_site_away() {
    let lab = Standing::configured(1);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let ran = lab.words("settings takeover alternate-from-primary automatic").ended(0);
    assert!(ran.err.contains("recorded and not in force: it needs a witness"), "{ran:?}");
    lab.words("settings takeover primary-from-alternate automatic").ended(0);
    lab.words("list").says("takeover   alternate-from-primary automatic, primary-from-alternate automatic");
    lab.words("settings takeover primary-from-alternate manual").ended(0);
    lab.words("settings takeover primary-from-alternate manual").ended(0).says("not done: the settings are so already");
    lab.words("settings takeover alternate-from-primary sometimes").ended(2);
    lab.words("settings takeover sideways manual").ended(2);
}

#[test]
fn the_daily_copy_is_created_listed_changed_and_removed() {
    let lab = Standing::configured(1);
    lab.words("data auto list").ended(0).says("no daily copy is set up");
    lab.words("data auto change --schedule @daily").ended(3).complains("no daily copy is set up");
    lab.words("data auto remove").ended(3);
    lab.words("data auto create --zone Europe/Stockholm").ended(0).says("every day at 02:00 (Europe/Stockholm)");
    lab.words("data auto create").ended(3).complains("use data auto change");
    let listed = lab.words("data auto list --json").ended(0).document();
    assert_eq!(listed["auto_copy"]["schedule"], "0 2 * * *");
    assert_eq!(listed["auto_copy"]["next"].as_array().unwrap().len(), 5);
    lab.lab(&["data", "auto", "change", "--schedule", "30 3 * * 7", "--random-delay", "600"])
        .ended(0)
        .says("Sunday at 03:30");
    let before = lab.state();
    for (flags, told) in [
        (["--schedule", "30 25 * * *"], "the hour field \"25\" is wrong"),
        (["--schedule", "30"], "the schedule has 1 field(s)"),
        (["--schedule", "0 2 30 2 *"], "this time never comes"),
        (["--zone", "Mars/Olympus"], "write a name such as Europe/Stockholm"),
        (["--random-delay", "86401"], "at most 86400 seconds"),
    ] {
        lab.lab(&[&["data", "auto", "change"], &flags[..]].concat()).ended(2).complains(told);
    }
    assert!(lab.state() == before);
    // A change that changes nothing does not make a missed run forgotten either.
    lab.lab(&["data", "auto", "change", "--schedule", "30 3 * * 7"]).ended(0).says("the settings are so already");
    assert!(lab.state() == before);
    lab.words("data auto remove").ended(0);
    lab.words("data auto list").says("no daily copy is set up");
    lab.words("history").says("data auto create 0 2 * * *").says("data auto remove");
}

#[test]
fn three_mirrors_are_kept_and_the_former_one_can_be_loaded_again() {
    let lab = Standing::configured(1);
    for _ in 0..4 {
        lab.run(&["lab", "backup"]).ended(0);
        lab.words("data copy --yes").ended(0);
    }
    let names = |lab: &Standing| -> Vec<(String, bool)> {
        let mirrors = lab.words("data mirrors list --json").ended(0).document();
        let pair = |mirror: &Value| (mirror["name"].as_str().unwrap().to_owned(), mirror["loaded"].as_bool().unwrap());
        mirrors["mirrors"].as_array().unwrap().iter().map(pair).collect()
    };
    let before = names(&lab);
    assert_eq!(before.iter().map(|(_, loaded)| *loaded).collect::<Vec<_>>(), [true, false, false]);
    let told = format!("the alternate has mirror {} (data of ", before[0].0);
    let plan = lab.words("data mirrors roll-back --dry-run").ended(0).says(&told);
    assert!(plan.out.contains(&format!("; it gets mirror {} (data of ", before[1].0)), "{plan:?}");
    lab.words("data mirrors roll-back --yes").ended(0);
    assert_eq!(names(&lab).iter().map(|(_, loaded)| *loaded).collect::<Vec<_>>(), [false, true, false]);
    lab.words(&format!("data mirrors load {} --yes", before[2].0)).ended(0);
    assert_eq!(names(&lab).iter().map(|(_, loaded)| *loaded).collect::<Vec<_>>(), [false, false, true]);
    for (name, _) in &before {
        lab.words(&format!("data mirrors verify {name}")).ended(0).says("every checksum is right");
    }
    lab.words("data mirrors load nowhere --yes").ended(2).complains("there is no mirror nowhere");
    lab.words("data mirrors load ../../etc --yes").ended(2);
    lab.words("data mirrors list").says("LOADED");
}

#[test]
fn nothing_is_copied_or_loaded_while_the_alternate_is_active() {
    let lab = Standing::configured(1);
    lab.words("manual-takeover traffic-in-alternate --yes").ended(0);
    lab.words("data copy --yes").ended(0).says("not done: the alternate is active");
    lab.words("data mirrors load --yes").ended(3).complains("a load never touches an active system");
    lab.words("data mirrors roll-back --yes").ended(3);
    lab.words("history").says("not done: the alternate is active");
}

#[test]
fn platforms_are_listed_shown_and_checked() {
    let lab = Standing::configured(1);
    let listed = lab.words("platform list --json").ended(0).document();
    let names: Vec<&str> =
        listed["platforms"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["asterisk", "freeswitch", "kamailio", "lab", "mxone"]);
    for name in names {
        let text = lab.words(&format!("platform show {name}")).ended(0).out;
        let file = lab.file(&format!("{name}.yaml"), &text);
        lab.lab(&["platform", "check", &file]).ended(0).says(&format!("{name} is right: "));
    }
    lab.words("platform show pbx").ended(2).complains("error: there is no platform \"pbx\"; write one of asterisk, ");
    lab.words("platform show ../config").ended(2);
    let profile = lab.here().join("etc/mxone_system_redundancy/platforms/lab.yaml");
    let profile = profile.to_str().unwrap();
    for site in ["primary", "alternate"] {
        let ran = lab.lab(&["platform", "check", profile, "--site", site]).ended(0);
        assert!(ran.out.contains("version          16.3.1.4.5\n") && ran.out.contains("LIM 1 "), "{ran:?}");
    }
    let text = fs::read_to_string(profile).unwrap().replace("title:", "tittle:").replace("only_cidr", "only_cdir");
    let wrong = lab.file("wrong.yaml", text);
    let ran = lab.lab(&["platform", "check", &wrong]).ended(2).complains("\"tittle\" is not known here; write title");
    assert!(ran.err.contains("write only_cidr"), "{ran:?}");
    let document = lab.lab(&["platform", "check", &wrong, "--json"]).ended(2).document();
    assert!(document["problems"].as_array().unwrap().len() >= 2);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    lab.lab(&["platform", "check", profile, "--site", "primary"]);
    lab.words("status").ended(4);
}

#[test]
fn the_history_tells_who_what_why_and_how_it_ended() {
    let lab = Standing::configured(1);
    lab.lab(&["manual-takeover", "traffic-in-alternate", "--yes", "--reason", "power\u{1b}[2J works"]).ended(0);
    lab.lab(&["manual-takeover", "traffic-in-primary", "--yes"]).ended(0);
    let all = lab.words("history").ended(0).says("configure  by ").says("reason: power[2J works").says("ended: done");
    let last = lab.words("history --last 1").ended(0);
    assert!(last.out.contains("traffic-in-primary") && !last.out.contains("traffic-in-alternate"), "{last:?}");
    assert!(all.out.len() > last.out.len());
    let document = lab.words("history --last 1 --json").document();
    let lines = document["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["action"] == "manual-takeover traffic-in-primary"), "{document}");
    assert_eq!((&lines[0]["event"], &lines[lines.len() - 1]["event"]), (&json!("begun"), &json!("ended")));
    let log = lab.here().join("var/log/mxone_system_redundancy/history.jsonl");
    let mut text = fs::read_to_string(&log).unwrap();
    text.push_str("{\"cut off");
    fs::write(&log, text).unwrap();
    assert_eq!(lab.words("history").ended(0).out, all.out);
}

#[test]
fn list_shows_the_configuration() {
    let lab = Standing::configured(2);
    let listed = lab.words("list --json").ended(0).document();
    assert_eq!(listed["servers"].as_array().unwrap().len(), 4);
    assert_eq!((&listed["platform"], &listed["boot_without_peer"]), (&json!("lab"), &json!("stay-blocked")));
    lab.words("list").says("server     LIM 2 of the alternate system: 198.51.100.12\n").says("translation 1 entries");
}

/// A file of the alternate's exchange data.
fn loaded(lab: &Standing, name: &str) -> String {
    fs::read_to_string(lab.here().join("var/opt/lab/data").join(name)).unwrap()
}

#[test]
fn a_takeover_that_is_refused_is_in_the_history_and_a_dry_run_is_not() {
    let lab = Standing::configured(1);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let refusals = || lab.words("history").out.matches("refused: LIM 1 of the primary system").count();
    lab.words("manual-takeover traffic-in-alternate --dry-run").ended(3);
    assert_eq!(refusals(), 0);
    lab.words("manual-takeover traffic-in-alternate --yes").ended(3);
    assert_eq!(refusals(), 1);
}

#[test]
fn a_forced_takeover_says_that_no_monitor_will_block_what_comes_back() {
    let lab = Standing::configured(1);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let forced = ["manual-takeover", "traffic-in-alternate", "--force", "--reason", "fire", "--dry-run"];
    let told = "no monitor runs here, so what does not answer is not blocked when it is back either";
    lab.lab(&forced).ended(0).says(told);
    let mut monitor = lab.command(&["--lab", "monitor"]).spawn().unwrap();
    let begun = std::time::Instant::now();
    while lab.words("status --json").document()["monitor_running"] != true {
        assert!(begun.elapsed() < std::time::Duration::from_secs(30));
    }
    let told_so = lab.lab(&forced).ended(0).out.contains(told);
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    assert!(!told_so, "a monitor runs");
}
