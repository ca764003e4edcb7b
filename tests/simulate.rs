//! `simulate` as it is typed: the training story, a file, histories by chance, and what is said about a wrong line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

use std::process::{Command, Output};

#[test]
fn without_a_file_the_training_story_is_told() {
    let ran = simulate(&[]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(told.contains("alternate  is live in epoch 2, by a lease"), "{told}");
    assert!(told.contains("auditor: never were two sites live by our doing"), "{told}");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let told = |seed: &str| simulate(&["--seed", seed]).stdout;
    assert_eq!(told("3"), told("3"));
    assert_ne!(told("3"), told("4"));
}

#[test]
fn a_document_has_the_story_and_the_findings() {
    let ran = simulate(&["--json"]);
    let document: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&document["schema"], &document["seed"]), (&1.into(), &1.into()));
    assert!(document["story"].as_array().unwrap().len() > 20 && document["findings"].as_array().unwrap().is_empty());
}

#[test]
fn histories_by_chance_say_how_many_were_played() {
    let ran = simulate(&["--random", "10", "--seed", "5"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(String::from_utf8(ran.stdout).unwrap().starts_with("10 histories with "));
}

#[test]
fn a_wrong_line_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fire.scenario");
    std::fs::write(&file, "timing fast\nt=5 cut everything\n").unwrap();
    let ran = simulate(&[file.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let error = String::from_utf8(ran.stderr).unwrap();
    assert!(
        error.contains("fire.scenario, line 2: \"everything\" is no line; write it like primary-witness"),
        "{error}"
    );
    let ran = simulate(&["no-such.scenario"]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(String::from_utf8(ran.stderr).unwrap().contains("no-such.scenario cannot be read"));
}

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mxone_system_redundancy")).arg("simulate").args(arguments).output().unwrap()
}
