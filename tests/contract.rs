//! The contract of the command line, met by the real binary on standing labs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]
#![allow(dead_code, reason = "each test uses its part of the folder `standing`")]

#[path = "standing/standing.rs"]
mod standing;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory;
use mxone_system_redundancy::faces::cli::Cli;
use serde_json::{Value, json};
use standing::{PROGRAM, Ran, Standing};

#[test]
fn every_command_prints_one_document_with_json_and_nothing_else() {
    let lab = Standing::start(2);
    let table = lab.file("table.csv", "primary,alternate\n192.0.2.0/24,198.51.100.0/24\n");
    let profile = lab.here().join("etc/mxone_system_redundancy/platforms/lab.yaml");
    let lines = format!(
        "configure --dry-run\nconfigure --yes\nlist\nstatus\nconfig check\nhelp\nhelp configure\n\
         generate man data auto create\ngenerate completions bash\nplatform list\nsimulate\n\
         platform show mxone\nplatform check {profile}\nplatform check {profile} --site primary\n\
         data mirrors list\ndata mirrors verify\ndata copy --dry-run\ndata copy --yes\ndata mirrors roll-back --yes\n\
         data mirrors load --yes\ndata auto create\ndata auto list\ndata auto change --schedule @weekly\n\
         data auto remove\nsettings translation list\nsettings translation scan\nsettings translation confirm\n\
         settings translation remove 203.0.113.60\nsettings translation set 203.0.113.60=203.0.113.61\n\
         settings translation explain 192.0.2.11\nsettings translation preview\nsettings translation export\n\
         settings translation export --csv\nsettings translation import {table}\n\
         settings takeover alternate-from-primary automatic\nsettings network-control-address\n\
         settings service-address\nsettings takeover-limits\nsettings takeover-limits data-age 24h\n\
         settings network-control-address 203.0.113.2 --yes\nmanual-takeover traffic-in-alternate --yes\ndata copy --yes\n\
         manual-takeover traffic-in-primary --yes\nmonitor --install\nhistory\nevents\nevents --raised\nremove --yes",
        profile = profile.display(),
    );
    let mut seen = BTreeSet::new();
    for line in lines.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        lab.lab(&[&words[..], &["--json"]].concat()).ended(0).document();
        seen.insert(leaf_of(&words));
    }
    for line in ["lab backup", "lab cut primary", "lab heal primary"] {
        let words: Vec<&str> = line.split(' ').collect();
        lab.run(&[&words[..], &["--json"]].concat()).ended(0).document();
        seen.insert(leaf_of(&words));
    }
    let apart = ["demo", "monitor", "lab start", "lab stop"];
    // Voters work only where there is a kernel gate; `tests/automatic` asks these.
    let of_voters = [
        "settings witness",
        "witness",
        "lease hold",
        "lease acknowledge",
        "lease hand-over",
        "lease force",
        "notify test",
    ];
    seen.extend(apart.into_iter().chain(of_voters).map(|line| leaf_of(&line.split(' ').collect::<Vec<_>>())));
    assert_eq!(seen, leaves(), "a command of the tree was not asked");
    lab.run(&["lab", "stop", "--json"]).ended(0).document();
    lab.run(&["lab", "start", "--servers", "1", "--json"]).ended(0).document();
}

#[test]
fn the_demo_prints_its_story_as_one_document_with_json() {
    let lab = Standing::start(1);
    let story = lab.run(&["demo", "--json"]).ended(0).document();
    assert!(story["told"].as_array().unwrap().len() > 20, "{story}");
}

#[test]
fn the_monitor_prints_a_document_a_line_with_json() {
    let lab = Standing::configured(1);
    let mut monitor = lab.command(&["--lab", "monitor", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(monitor.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let document: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&document["schema"], &document["told"]), (&json!(1), &json!("watching")));
    let pid = rustix::process::Pid::from_child(&monitor);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(monitor.wait().unwrap().code(), Some(0));
}

#[test]
fn results_are_on_standard_output_and_news_on_standard_error() {
    let lab = Standing::start(1);
    let ran = lab.words("configure --yes").ended(0);
    assert_eq!(ran.out, "done\n");
    assert!(ran.err.contains("check ok") && ran.err.contains("7/7 done"), "{ran:?}");
    for line in ["status", "list", "history", "data mirrors list", "settings translation scan", "platform show lab"] {
        let ran = lab.words(line).ended(0);
        assert!(ran.err.is_empty() && !ran.out.is_empty(), "{line}: {ran:?}");
    }
}

#[test]
fn a_dry_run_changes_nothing_at_all() {
    let lab = Standing::start(2);
    let table = lab.file("table.csv", "192.0.2.0/24,198.51.100.0/24\n203.0.113.60,203.0.113.61\n");
    dry(&lab, "configure", "plan for configure:");
    dry(&lab, "configure --skip-check clock --reason test", "plan for configure:");
    lab.words("configure --yes").ended(0);
    let import = format!("settings translation import {table}");
    for (line, told) in [
        ("manual-takeover traffic-in-alternate", "plan for manual-takeover traffic-in-alternate:"),
        ("manual-takeover traffic-in-alternate --force --reason test", "plan for manual-takeover"),
        ("remove", "plan for remove:"),
        ("data copy", "plan for data copy:"),
        ("data copy --skip-check clock --reason test", "plan for data copy:"),
        ("data mirrors load", "plan for data mirrors load:"),
        ("data auto create", "would be done: data auto create 0 2 * * *"),
        (
            "settings takeover alternate-from-primary automatic",
            "would be done: takeover alternate-from-primary automatic",
        ),
        ("settings network-control-address 203.0.113.2", "write the configuration"),
        (
            "settings translation set 203.0.113.60=203.0.113.61",
            "would be done: translation set 203.0.113.60 -> 203.0.113.61",
        ),
        ("settings translation confirm", "would be done: translation confirm 203.0.113.60"),
        ("settings translation remove 192.0.2.0/24", "would be done: translation remove 192.0.2.0/24"),
        (import.as_str(), "would be done: translation import"),
        ("monitor --install", "would be written:"),
    ] {
        dry(&lab, line, told);
    }
    lab.words("data copy --yes").ended(0);
    lab.words("data auto create").ended(0);
    dry(&lab, "data mirrors roll-back", "plan for data mirrors roll-back:");
    dry(&lab, "data auto change --schedule @weekly", "would be done: data auto change");
    dry(&lab, "data auto remove", "would be done: data auto remove");
    leave_unfinished(&lab);
    dry(&lab, "--resume", "plan for data copy:");
    dry(&lab, "--abandon", "plan for data copy:");
}

#[test]
fn each_exit_code_means_what_the_contract_says() {
    let lab = Standing::start(2);
    lab.words("list").ended(5).complains("error: system redundancy is not configured\nhint: ");
    lab.words("status --json").ended(5);
    lab.words("data mirrors load --yes").ended(5);
    lab.words("configure --yes").ended(0);
    lab.words("configure --yes").ended(3).complains("already configured");
    lab.words("manual-takeover traffic-in-primary --yes").ended(3).complains("already active");
    lab.words("frobnicate").ended(2);
    lab.words("data mirrors verify no-such-mirror").ended(2).complains("there is no mirror no-such-mirror");
    let mirrors = lab.words("data mirrors list --json").document();
    let name = mirrors["mirrors"][0]["name"].as_str().unwrap().to_owned();
    spoil(&lab, "system.conf");
    lab.words("data mirrors verify").ended(1).complains(&format!("mirror {name} is damaged: system.conf"));
    lab.run(&["lab", "cut", "primary"]).ended(0);
    lab.words("status").ended(4).complains("LIM 1 of the primary system, LIM 2 of the primary system");
    lab.words("data copy --yes").ended(4).complains("192.0.2.11 does not answer");
    lab.run(&["lab", "heal", "primary"]).ended(0);
    // Whoever holds the lock writes their name into it, and takes it out again at the end.
    let place = lab.here().join("run/mxone_system_redundancy/lock");
    let lock = fs::File::open(&place).unwrap();
    lock.lock().unwrap();
    fs::write(&place, "mxone_admin on pts/3, remove since 2026-11-21 02:14:00").unwrap();
    lab.words("data copy --yes")
        .ended(6)
        .complains("another action is running: mxone_admin on pts/3, remove since 2026");
    lab.words("manual-takeover traffic-in-alternate --yes").ended(6);
    lab.words("settings takeover alternate-from-primary automatic").ended(6);
    lab.words("status").ended(0);
    drop(lock);
    at_a_terminal(&lab, "remove", "n\r").ended(130);
    lab.words("status").ended(0);
}

#[test]
fn a_script_is_told_which_flag_and_which_key_give_a_missing_answer() {
    let lab = Standing::start(1);
    let answers = fs::read_to_string(lab.place().join("answers.yaml")).unwrap();
    for (key, flag) in [
        ("primary_master_address", "--primary-master-address"),
        ("network_control_address", "--network-control-address"),
    ] {
        let without: String = answers.split_inclusive('\n').filter(|line| !line.starts_with(key)).collect();
        let file = lab.file("without.yaml", without);
        let ran = lab.lab(&["configure", "--yes", "--answers", &file]).ended(2);
        assert!(ran.err.contains(&format!("give {flag}, or {key} in the answers file")), "{ran:?}");
    }
    lab.words("configure").ended(2).complains("add --yes");
}

#[test]
fn yes_answers_neither_host_keys_nor_choices() {
    let lab = Standing::start(2);
    let answers = fs::read_to_string(lab.place().join("answers.yaml")).unwrap();
    let without: String = answers
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("  ") && !line.starts_with("host_keys"))
        .collect();
    let file = lab.file("without.yaml", &without);
    let before = lab.state();
    let first = lab.lab(&["configure", "--yes", "--answers", &file]).ended(2);
    assert!(first.err.contains("shows the host key") && first.err.contains("--primary-host-key"), "{first:?}");
    let shown = first.err.lines().find_map(|line| line.strip_prefix("  ssh-ed25519 ")).unwrap();
    let key = format!("ssh-ed25519 {shown}");
    let second = lab.lab(&["configure", "--yes", "--answers", &file, "--primary-host-key", &key]).ended(2);
    assert!(second.err.contains("LIM 2 of the primary system") && second.err.contains("--host-key ADDRESS=KEY"));
    let wrong = key.replace(&shown[20..30], "AAAAAAAAAA");
    lab.lab(&["configure", "--yes", "--answers", &file, "--primary-host-key", &wrong])
        .ended(4)
        .complains("not the pinned one");
    assert_eq!(lab.state(), before);
}

#[test]
fn a_forced_takeover_needs_a_reason_and_a_person_types_the_name_of_the_site() {
    let lab = Standing::configured(1);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let planned = lab.words("manual-takeover traffic-in-alternate --yes").ended(3);
    assert!(planned.err.contains("note: LIM 1 of the primary system: 192.0.2.11 does not answer"), "{planned:?}");
    assert!(planned.err.contains("hint: if that site is lost, use --force"), "{planned:?}");
    lab.words("manual-takeover traffic-in-alternate --yes --force").ended(2).complains("needs a reason");
    lab.lab(&["manual-takeover", "traffic-in-alternate", "--yes", "--force", "--reason", " "]).ended(2);
    lab.words("manual-takeover traffic-in-alternate --force --reason fire").ended(2).complains("--force --yes");
    let forced = "manual-takeover traffic-in-alternate --force --reason fire";
    at_a_terminal(&lab, forced, "primary\r").ended(130);
    at_a_terminal(&lab, forced, "alternate\r").ended(0);
    let status = lab.words("status --json").ended(4).document();
    assert_eq!((&status["active"], &status["alternate"]["traffic"]), (&json!("alternate"), &json!("allowed")));
    lab.words("history").says("reason: fire");
}

#[test]
fn a_check_is_skipped_only_for_a_reason_that_is_kept() {
    let lab = Standing::start(1);
    lab.words("configure --yes --skip-check clock").ended(2).complains("--skip-check clock needs a reason");
    lab.words("configure --yes --skip-check no-such-check --reason x").ended(2);
    lab.words("configure --yes --skip-check clock --reason summer").ended(0);
    lab.words("data copy --yes --skip-check disk --reason winter").ended(0);
    let history = lab.words("history").ended(0);
    for kept in ["check clock was skipped", "reason: summer", "check disk was skipped", "reason: winter"] {
        assert!(history.out.contains(kept), "{history:?}");
    }
}

#[test]
fn status_has_every_field_of_the_contract_with_its_words() {
    let lab = Standing::configured(2);
    lab.words("data auto create --zone Europe/Stockholm").ended(0);
    let status = lab.words("status --json").ended(0).document();
    assert_eq!(
        (&status["configured"], &status["active"], &status["epoch"]),
        (&json!(true), &json!("primary"), &json!(1))
    );
    assert!(["at-most-one-live", "conditional", "manual", "lost"].contains(&status["guarantee"].as_str().unwrap()));
    assert_eq!((&status["guarantee"], &status["voters"]), (&json!("manual"), &json!("not-set-up")));
    assert!(status["guarantee_told"].as_str().unwrap().starts_with("MANUAL (no voters are set up"), "{status}");
    assert_eq!(status.get("why"), None, "it is told when it is asked for");
    let why = lab.words("status --why --json").ended(0).document()["why"].clone();
    for field in ["decides", "because", "would_change"] {
        assert!(why[field].is_string(), "{why}");
    }
    lab.words("status --why").ended(0).says("what would change it: `settings witness`");
    for (site, word) in [("primary", "allowed"), ("alternate", "blocked")] {
        let system = &status[site];
        assert_eq!((&system["traffic"], &system["reachable"]), (&json!(word), &json!(true)));
        assert_eq!(system["version"], "16.3.1.4.5");
        let servers = system["servers"].as_array().unwrap();
        assert_eq!(servers.len(), 2);
        for (server, lim) in servers.iter().zip(1..) {
            assert_eq!((&server["lim"], &server["traffic"]), (&json!(lim), &json!(word)));
            assert!(server["address"].is_string() && server["reachable"] == true && server["age_seconds"].is_u64());
        }
    }
    let control = &status["network_control_address"][0];
    assert_eq!(control, &json!({"address": "203.0.113.1", "from_primary": true, "from_alternate": true}));
    assert_eq!(status["takeover"], json!({"alternate-from-primary": "manual", "primary-from-alternate": "manual"}));
    for time in ["taken_at", "backup_at", "loaded_at"] {
        let text = status["mirror"][time].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(text).is_ok(), "{text}");
    }
    assert!(status["mirror"]["age_seconds"].is_u64());
    assert_eq!(status["auto_copy"]["last_result"], Value::Null);
    assert!(status["auto_copy"]["schedule"].is_string() && status["auto_copy"]["next"].is_string());
    assert_eq!(status["verdict"], "normal: the primary serves the users, the alternate stands ready");
    lab.words("manual-takeover traffic-in-alternate --yes").ended(0);
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let status = lab.words("status --json").ended(4).document();
    assert_eq!((&status["primary"]["traffic"], &status["primary"]["reachable"]), (&json!("unknown"), &json!(false)));
    assert_eq!(
        (&status["primary"]["version"], &status["network_control_address"][0]["from_primary"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn status_is_there_within_a_second_and_does_not_wait_for_a_site_that_is_cut_off() {
    let lab = Standing::configured(4);
    let quickest = (0..3).map(|_| timed(|| drop(lab.words("status --json").ended(0)))).min().unwrap();
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
    lab.run(&["lab", "cut", "primary"]).ended(0);
    let cut = timed(|| drop(lab.words("status --json").ended(4)));
    assert!(cut < Duration::from_secs(15), "{cut:?}");
}

#[test]
fn the_root_folder_may_come_from_the_environment() {
    let lab = Standing::configured(1);
    let run = |arguments: &[&str]| {
        let mut command = lab.command(arguments);
        Ran::of(command.env("MXONE_REDUNDANCY_ROOT", lab.here()).output().unwrap())
    };
    assert_eq!(run(&["list"]).ended(0).out, lab.words("list").out);
    let nowhere = lab.file("nowhere", "");
    run(&["--root", &format!("{nowhere}.d"), "list"]).ended(5);
}

#[test]
fn every_command_and_every_page_has_help() {
    let lab = Standing::start(1);
    let mut asked = 0;
    for path in every_path(&Cli::command(), &[]) {
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let ran = lab.run(&words).ended(0);
        assert!(ran.out.contains("Usage: mxone_system_redundancy") && ran.err.is_empty(), "{words:?}");
        asked += 1;
    }
    assert!(asked > 40, "{asked}");
    let listed = lab.run(&["help"]).ended(0);
    let pages: Vec<&str> = listed.out.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(pages.len() > 20 && pages.contains(&"lost-primary"), "{listed:?}");
    for page in pages {
        assert!(lab.run(&["help", page]).ended(0).out.len() > 200, "{page}");
    }
    lab.run(&["help", "data", "auto", "create"]).ended(0).says("data auto create --schedule");
    lab.run(&["help", "boot", "guard"]).ended(0).says("There is no page \"boot guard\". It is told of in:");
    lab.run(&["help", "frobnicate"]).ended(2).complains("the pages are start, ");
    lab.run(&["--version"]).ended(0);
    lab.run(&[]).ended(2).complains("error: say what to do");
}

#[test]
fn a_reader_who_has_read_enough_is_no_error() {
    let lab = Standing::configured(2);
    for line in [
        "--lab status",
        "--lab history",
        "--lab platform show mxone",
        "help platforms",
        "--lab list --json",
        "lab backup",
        "demo",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut child = lab.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{line}");
    }
}

/// Runs a line with `--dry-run`, as text and as a document, and compares everything that could have changed.
fn dry(lab: &Standing, line: &str, told: &str) {
    let before = lab.state();
    let words: Vec<&str> = line.split(' ').collect();
    let ran = lab.lab(&[&words[..], &["--dry-run"]].concat()).ended(0).says(told);
    assert!(ran.out.ends_with("nothing was changed\n"), "{ran:?}");
    let document = lab.lab(&[&words[..], &["--dry-run", "--json"]].concat()).ended(0).document();
    assert_eq!(document["outcome"], "planned", "{line}");
    let after = lab.state();
    let changed: Vec<_> =
        after.iter().filter(|(path, text)| before.get(*path) != Some(*text)).map(|(path, _)| path).collect();
    assert!(before == after, "{line} changed {changed:?}");
}

/// Leaves a copy unfinished, as a crash at its beginning does.
fn leave_unfinished(lab: &Standing) {
    let place = lab.here().join("var/lib/mxone_system_redundancy/unfinished.json");
    let plan = lab.words("data copy --dry-run --json").document()["plan"].clone();
    let begun = json!({
        "schema": 1, "id": "20261121T020000.000000", "who": "root", "from": "pts/1", "reason": null,
        "at": "2026-11-21T02:00:00+01:00", "plan": plan, "material": null, "going_back": false,
    });
    fs::write(place, begun.to_string()).unwrap();
    lab.words("data copy --yes").ended(3).complains("was begun and not finished");
}

/// Runs a line with a terminal on which this is typed.
fn at_a_terminal(lab: &Standing, line: &str, typed: &str) -> Ran {
    let temp = lab.place().parent().unwrap().display().to_string();
    let mut child = Command::new("script")
        .args(["-qec", &format!("{PROGRAM} --lab {line}"), "/dev/null"])
        .env("TMPDIR", temp)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script (of bsdutils) gives a terminal");
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(typed.as_bytes()).unwrap();
    let mut seen = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut seen).unwrap();
    drop(keys);
    let code = child.wait().unwrap().code();
    Ran { code, out: String::from_utf8_lossy(&seen).into_owned(), err: String::new() }
}

/// Changes one byte of a file of the newest mirror.
fn spoil(lab: &Standing, name: &str) {
    let state = lab.state();
    let is_in_a_mirror = |path: &&std::path::PathBuf| {
        path.starts_with(lab.here().join("var/lib/mxone_system_redundancy")) && path.ends_with(name)
    };
    let path = state.keys().find(is_in_a_mirror).unwrap();
    let mut content = fs::read(path).unwrap();
    content[0] ^= 1;
    fs::write(path, content).unwrap();
}

fn timed(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

/// The command of a line: its words as far as they are commands.
fn leaf_of(words: &[&str]) -> Vec<String> {
    let mut command = Cli::command();
    let mut leaf = Vec::new();
    for word in words {
        let Some(next) = command.find_subcommand(word).cloned() else { break };
        leaf.push((*word).to_owned());
        command = next;
    }
    leaf
}

/// Every command of the tree that has none below it.
fn leaves() -> BTreeSet<Vec<String>> {
    let is_leaf = |path: &Vec<String>| {
        let mut command = Cli::command();
        for word in path {
            command = command.find_subcommand(word).unwrap().clone();
        }
        command.get_subcommands().next().is_none() && !command.is_hide_set()
    };
    every_path(&Cli::command(), &[]).into_iter().filter(is_leaf).collect()
}

fn every_path(command: &clap::Command, above: &[String]) -> Vec<Vec<String>> {
    let mut paths = vec![above.to_vec()];
    for below in command.get_subcommands() {
        let path = [above, &[below.get_name().to_owned()]].concat();
        paths.extend(every_path(below, &path));
    }
    paths
}
