//! The history as two runs of the same actions leave it alike.

use serde_json::Value;

/// What differs by nature: when, which action's lines, who, from where, how long.
const BY_NATURE: [&str; 5] = ["at", "id", "who", "from", "milliseconds"];

/// The lines of `history.jsonl` without what differs by nature, in its fields and in what a load tells of itself.
///
/// A mirror's name holds the second in which its backup was made; it becomes `MIRROR 1` for the first one named in this
/// history, `MIRROR 2` for the next, so that an action on another mirror still shows.
pub fn comparable(history: &str) -> Vec<Value> {
    let lines: Vec<String> = history.lines().map(without_nature).collect();
    let text = lines.join("\n");
    let mirror = regex::Regex::new(r"\d{14}").unwrap();
    let mut named: Vec<&str> = Vec::new();
    for found in mirror.find_iter(&text) {
        if !named.contains(&found.as_str()) {
            named.push(found.as_str());
        }
    }
    let numbered = mirror.replace_all(&text, |found: &regex::Captures<'_>| {
        let place = named.iter().position(|name| *name == &found[0]).unwrap();
        format!("MIRROR {}", place + 1)
    });
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(Z|[+-]\d\d:\d\d)").unwrap();
    time.replace_all(&numbered, "TIME").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn without_nature(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    for name in BY_NATURE {
        line.as_object_mut().unwrap().remove(name);
    }
    line.to_string()
}
