//! The built-in profiles, and what is said of profiles that are wrong.

use std::fs;
use std::path::PathBuf;

use super::*;

#[test]
fn every_built_in_profile_is_right_and_called_by_its_name() {
    for name in builtin_names() {
        let text = builtin_text(name).unwrap();
        let platform = parse(Path::new(name), text).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert_eq!(platform.name, name);
        assert_eq!(builtin(name), Some(platform));
    }
    assert!(builtin("pbx").is_none() && builtin_text("pbx").is_none());
}

#[test]
fn every_wrong_profile_is_told_what_to_write_instead() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/platforms/invalid");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap();
        let problems = parse(Path::new(name), &fs::read_to_string(&path).unwrap()).unwrap_err();
        let told: String = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n";
        let expected = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&expected).unwrap_or_default(), "{}", name.display());
        seen += 1;
    }
    assert!(seen >= 6, "only {seen} wrong profiles were found");
}

#[test]
fn the_example_of_the_help_page_is_a_right_profile() {
    let page = include_str!("../../../help/platforms.md");
    let (_, example) = page.split_once("    platform: box\n").unwrap();
    let lines = example.lines().take_while(|line| line.starts_with("    "));
    let text = lines.fold("platform: box\n".to_owned(), |text, line| text + &line[4..] + "\n");
    let platform = parse(Path::new("box.yaml"), &text).unwrap();
    assert_eq!((platform.name.as_str(), platform.telephony.len()), ("box", 2));
}

#[test]
fn mxone_blocks_signalling_and_leaves_the_passive_system_ready() {
    let mxone = builtin("mxone").unwrap();
    let blocked: Vec<String> =
        mxone.telephony.iter().map(|entry| format!("{} {} {}", entry.protocol, entry.ports, entry.what)).collect();
    insta::assert_snapshot!(blocked.join("\n"));
    assert!(mxone.needs_version());
    assert!(!builtin("kamailio").unwrap().needs_version());
}

proptest::proptest! {
    #[test]
    fn no_change_of_a_profile_makes_reading_it_panic(at in 0_usize..4000, junk in "[-a-z:{}\\[\\]'\"\n |>&*0-9]{0,12}") {
        let text = builtin_text("kamailio").unwrap();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let _ = parse(Path::new("f.yaml"), &format!("{}{junk}{}", &text[..at], &text[at..]));
    }
}
