//! The pages themselves: all reachable, true to the command tables, whole.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};

use super::document::{Kind, Mark};
use super::*;
use crate::faces::cli::Cli;
use crate::faces::maintenance;

#[test]
fn every_command_of_both_programs_has_a_page() {
    for table in [Cli::command(), maintenance::table()] {
        for path in paths(&table) {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            for words in [&words[..], &words[1..]] {
                let page = page_of_command(words).and_then(page_named);
                assert!(page.is_some(), "{words:?} has no page");
            }
        }
    }
    assert_eq!(page_of_command(&["settings", "translation", "set", "192.0.2.1=198.51.100.1"]), Some("settings"));
    assert_eq!(page_of_command(&["mxone_maintenance", "uninstall"]), Some("maintenance"));
    assert_eq!(page_of_command(&["--resume"]), Some("resume"));
    assert_eq!(page_of_command(&["frobnicate"]), None);
}

#[test]
fn the_page_of_a_command_names_it() {
    for table in [Cli::command(), maintenance::table()] {
        for path in paths(&table) {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            let Some(page) = page_of_command(&words).and_then(page_named) else { continue };
            let [_, .., last] = words.as_slice() else { continue };
            assert!(page.markdown.contains(last), "the page {} says nothing of {words:?}", page.name);
        }
    }
}

#[test]
fn every_page_is_reached_from_the_first_one() {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![START];
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(page_named(name).unwrap().document.links());
        }
    }
    assert_eq!(reached, pages().iter().map(|page| page.name).collect());
}

#[test]
fn no_page_leads_nowhere() {
    for page in pages() {
        for target in page.document.links() {
            assert!(page_named(target).is_some(), "{} leads to {target}, which there is not", page.name);
            assert_ne!(target, page.name, "{target} leads to itself");
        }
    }
}

#[test]
fn every_file_of_the_folder_is_a_page_and_named_as_one_writes_it() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("help");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".md").to_owned())
        .collect();
    assert_eq!(files, pages().iter().map(|page| page.name.to_owned()).collect());
}

#[test]
fn every_page_has_one_heading_of_its_own_at_its_beginning() {
    let mut titles = BTreeSet::new();
    for page in pages() {
        let levels: Vec<usize> = page.document.blocks.iter().filter_map(level).collect();
        assert_eq!(levels.first(), Some(&1), "{}", page.name);
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{}", page.name);
        assert!(titles.insert(page.document.title()), "{} has the title of another page", page.name);
    }
}

#[test]
fn pages_hold_only_what_is_drawn() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    for page in pages() {
        for event in Parser::new_ext(page.markdown, Options::ENABLE_TABLES) {
            let is_lost = matches!(event, Event::Html(_) | Event::InlineHtml(_) | Event::Rule)
                || matches!(event, Event::Start(Tag::Table(_) | Tag::Image { .. } | Tag::BlockQuote(_)));
            assert!(!is_lost, "{}: {event:?}", page.name);
        }
        let numbers = page.document.blocks.iter().filter_map(|block| match block.kind {
            Kind::Item { mark: Mark::Number(number), .. } => Some(number),
            Kind::Item { .. } | Kind::Heading { .. } | Kind::Paragraph(_) | Kind::Code(_) => None,
        });
        assert!(numbers.max().unwrap_or(0) < 10, "{}: a list of ten is too long to follow", page.name);
    }
}

#[test]
fn no_printed_line_is_wider_than_eighty_columns_and_no_line_of_code_is_torn() {
    for page in pages() {
        let text = layout::printed(&page.document);
        assert!(text.lines().all(|line| line.chars().count() <= layout::PRINTED), "{}:\n{text}", page.name);
        for line in code(page).iter().flat_map(|lines| lines.iter()) {
            assert!(text.lines().any(|printed| printed.trim_start() == line.trim()), "{} tears {line}", page.name);
        }
    }
}

#[test]
fn every_command_in_a_page_is_one() {
    let mut tried = 0;
    for page in pages() {
        for line in code(page).iter().flat_map(|lines| commands(lines)) {
            let words = shell_words(&line);
            let table = if words[0] == "mxone_maintenance" { maintenance::table() } else { Cli::command() };
            let read = table.clone().try_get_matches_from(&words);
            if let Err(error) = read {
                let is_asked_help = error.kind() == clap::error::ErrorKind::DisplayHelp;
                assert!(is_asked_help, "{}: {line}\n{error}", page.name);
            }
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn every_command_within_a_text_is_in_the_table() {
    let table = Cli::command();
    let mut tried = 0;
    for page in pages() {
        for span in page.document.blocks.iter().flat_map(document::Block::spans) {
            let document::Span::Code(text) = span else { continue };
            let mut command = table.clone();
            for word in shell_words(text) {
                let Some(below) = command.find_subcommand(&word).cloned() else {
                    let is_a_word = command.get_name() == table.get_name() || !command.has_subcommands();
                    assert!(is_a_word, "{}: `{text}`: {} has no {word}", page.name, command.get_name());
                    break;
                };
                command = below;
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn runbooks_say_what_is_seen_what_to_press_and_type_and_what_happens_then() {
    let headings = ["What you see", "What to press", "What to type", "What happens then"];
    for name in ["lost-primary", "lost-alternate", "both-back", "planned-switch", "resume", "terminating"]
        .into_iter()
        .chain(["moving-a-site", "replacing-a-server"])
    {
        let page = page_named(name).unwrap();
        let found: Vec<String> =
            page.document.blocks.iter().filter(|block| level(block).is_some()).map(document::Block::text).collect();
        let found: Vec<&str> = found.iter().map(String::as_str).filter(|text| headings.contains(text)).collect();
        let times = if name == "terminating" { 3 } else { 1 };
        assert_eq!(found, headings.repeat(times), "{name}");
    }
}

#[test]
fn a_topic_is_a_page_a_command_or_words_to_look_for() {
    assert!(page(Some("lost-primary")).unwrap().starts_with("The primary site is lost\n===="));
    assert!(page(Some("data auto create")).unwrap().starts_with("data: copy exchange data"));
    assert!(page(Some("mxone_maintenance")).unwrap().starts_with("mxone_maintenance: block and allow"));
    let found = page(Some("BOOT  guard")).unwrap();
    assert!(found.starts_with("There is no page \"BOOT  guard\". It is told of in:\n"), "{found}");
    assert!(found.lines().all(|line| line.chars().count() <= layout::PRINTED), "{found}");
    let error = page(Some("frobnicate")).unwrap_err();
    assert!(error.contains("the pages are start, lost-primary, "), "{error}");
    assert_eq!(page(Some("  ")), page(None));
}

#[test]
fn without_a_topic_every_page_is_listed_with_its_heading() {
    insta::assert_snapshot!(page(None).unwrap());
}

#[test]
fn the_page_for_the_worst_hour_is_printed_as_a_person_reads_it() {
    insta::assert_snapshot!(page(Some("lost-primary")).unwrap());
}

#[test]
fn a_search_names_pages_first_then_headings_then_texts() {
    let found = search("Uninstall");
    assert!(found.len() > 5);
    assert!(found.iter().all(|place| place.line.to_lowercase().contains("uninstall")));
    let named = search("takeover");
    assert_eq!((named[0].page.name, named[0].block), ("manual-takeover", 0));
    assert_eq!((named[1].page.name, named[1].block), ("settings", 0));
    assert_eq!((named[2].told().as_str(), named[2].page.name), ("takeover", "settings"));
    assert_eq!((named[3].told().as_str(), named[3].page.name), ("takeover-limits", "settings"));
    assert!(named[4].told().contains(": "), "{:?}", named[4]);
    assert!(named.len() > 5);
    // Not in one place, but on one page.
    let scattered = search("SIP diversions exercise");
    assert!(scattered.iter().any(|place| place.page.name == "planned-switch"), "{scattered:?}");
    assert_eq!(search("frobnicate"), []);
    assert_eq!(search(" ").len(), pages().len());
}

fn level(block: &document::Block) -> Option<usize> {
    if let Kind::Heading { level, .. } = block.kind { Some(level) } else { None }
}

fn code(page: &Page) -> Vec<&Vec<String>> {
    let is_code = |block: &'_ document::Block| matches!(block.kind, Kind::Code(_));
    let blocks = page.document.blocks.iter().filter(|block| is_code(block));
    blocks.filter_map(|block| if let Kind::Code(lines) = &block.kind { Some(lines) } else { None }).collect()
}

/// The commands of a block of code; those over several lines in one.
fn commands(lines: &[String]) -> Vec<String> {
    let joined = lines.join("\n").replace("\\\n", " ");
    let of_ours = |line: &str| {
        let line = line.trim().trim_start_matches("sudo -H ").to_owned();
        PROGRAMS.iter().any(|program| line == *program || line.starts_with(&format!("{program} "))).then_some(line)
    };
    joined.lines().filter_map(of_ours).collect()
}

/// The words as a shell would part them, up to a redirection.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => break,
            blank if blank.is_whitespace() && !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    assert!(!quoted, "{line}");
    words.retain(|word| !word.is_empty());
    words
}

/// Every command that is not hidden, with the name of its program before it.
fn paths(command: &Command) -> Vec<Vec<String>> {
    let own = vec![command.get_name().to_owned()];
    let below = command.get_subcommands().filter(|below| !below.is_hide_set()).flat_map(paths);
    let below: Vec<Vec<String>> = below.map(|path| [own.clone(), path].concat()).collect();
    std::iter::once(own).chain(below).collect()
}

#[test]
fn every_question_has_its_place_on_a_page_of_help() {
    for (question, place) in crate::flows::configure::interview::HELP {
        let (page, text) = place.split_once('#').unwrap();
        let document = &page_named(page).unwrap().document;
        assert!(document.block_that_begins(text).is_some_and(|block| block > 0), "{question}: {place}");
    }
}
