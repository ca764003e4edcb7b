//! Cuts a printed table into fields where its headings begin, so that a blank cell stays a blank cell.

use std::ops::Range;

use super::{ReadError, Row};

/// What ends a printout of MX-ONE's command shell.
const END: &str = "END";

/// A word of a line, by character positions.
struct Word {
    at: Range<usize>,
    text: String,
}

/// Reads the rows below the headings, up to a blank line, a line `END` or the end.
pub(super) fn read(lines: &[String], after: &str, columns: &[(String, String)]) -> Result<Vec<Row>, ReadError> {
    let start = match lines.iter().position(|line| line.contains(after)) {
        Some(at) if !after.is_empty() => at + 1,
        Some(_) => 0,
        None if after.is_empty() => 0,
        None => return Err(ReadError::NoStart(after.to_owned())),
    };
    let rest = lines.get(start..).unwrap_or_default();
    let heading = rest.iter().enumerate().find_map(|(at, line)| Some((at, layout(line, columns)?)));
    let Some((at, layout)) = heading else {
        return Err(ReadError::NoHeadings(columns.iter().map(|(_, heading)| heading.clone()).collect()));
    };
    let rows = rest.get(at + 1..).unwrap_or_default().iter();
    Ok(rows
        .filter(|line| !is_ruler(line))
        .skip_while(|line| line.trim().is_empty())
        .take_while(|line| !line.trim().is_empty() && line.trim() != END)
        .map(|line| layout.row(line))
        .collect())
}

/// Where the columns of a table begin.
struct Layout {
    /// Every column's beginning, in order, also of columns that nobody asked for.
    starts: Vec<usize>,
    /// Asked fields and the number of their column in `starts`.
    fields: Vec<(String, usize)>,
}

impl Layout {
    /// Cuts a line. A word belongs to the column in which it begins; one that runs over into the next column belongs
    /// to that one when its own already has a word (numbers set to the right begin before their heading).
    fn row(&self, line: &str) -> Row {
        let mut cells = vec![String::new(); self.starts.len()];
        for word in words(line) {
            let own = self.starts.partition_point(|start| *start <= word.at.start).saturating_sub(1);
            let runs_over = self.starts.get(own + 1).is_some_and(|next| word.at.end > *next);
            let taken = cells.get(own).is_some_and(|cell| !cell.is_empty());
            let column = if runs_over && taken { own + 1 } else { own };
            if let Some(cell) = cells.get_mut(column) {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(&word.text);
            }
        }
        let cell = |column: usize| cells.get(column).cloned().unwrap_or_default();
        self.fields.iter().map(|(field, column)| (field.clone(), cell(*column))).collect()
    }
}

/// The layout a line of headings gives; `None` when one of the asked headings is not in it.
///
/// Longer headings are looked for first, so that `Address` is not found inside `Server address`; and one that stands
/// by itself between wide gaps is preferred to one that is only part of such a heading.
fn layout(line: &str, columns: &[(String, String)]) -> Option<Layout> {
    let printed = headings(line);
    let mut asked: Vec<&(String, String)> = columns.iter().collect();
    asked.sort_by_key(|(_, heading)| std::cmp::Reverse(heading.chars().count()));
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut places: Vec<(String, usize)> = Vec::new();
    for (field, heading) in asked {
        let free =
            |place: &Range<usize>| taken.iter().all(|other| place.end <= other.start || other.end <= place.start);
        let alone = printed.iter().find(|word| word.text == *heading && free(&word.at)).map(|word| word.at.clone());
        let place = alone.or_else(|| occurrences(line, heading).into_iter().find(free))?;
        places.push((field.clone(), place.start));
        taken.push(place);
    }
    let mut starts: Vec<usize> =
        printed.iter().map(|word| word.at.start).chain(places.iter().map(|(_, start)| *start)).collect();
    starts.sort_unstable();
    starts.dedup();
    let fields = places.into_iter().map(|(field, start)| (field, starts.partition_point(|other| *other < start)));
    Some(Layout { fields: fields.collect(), starts })
}

/// The headings of a line that wide gaps (two blanks or more) set apart.
fn headings(line: &str) -> Vec<Word> {
    let mut joined: Vec<Word> = Vec::new();
    for word in words(line) {
        match joined.last_mut() {
            Some(last) if last.at.end + 1 == word.at.start => {
                last.at.end = word.at.end;
                last.text.push(' ');
                last.text.push_str(&word.text);
            }
            Some(_) | None => joined.push(word),
        }
    }
    joined
}

/// Where a heading stands in a line as whole words.
fn occurrences(line: &str, heading: &str) -> Vec<Range<usize>> {
    let printed = words(line);
    let wanted: Vec<&str> = heading.split_whitespace().collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let same = |found: &&[Word]| found.iter().map(|word| word.text.as_str()).eq(wanted.iter().copied());
    let place = |found: &[Word]| Some(found.first()?.at.start..found.last()?.at.end);
    printed.windows(wanted.len()).filter(same).filter_map(place).collect()
}

/// The words of a line with the characters they stand at.
fn words(line: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    for (at, c) in line.chars().enumerate() {
        if c.is_whitespace() {
            continue;
        }
        match found.last_mut() {
            Some(word) if word.at.end == at => {
                word.at.end += 1;
                word.text.push(c);
            }
            Some(_) | None => found.push(Word { at: at..at + 1, text: c.to_string() }),
        }
    }
    found
}

/// Whether a line only draws a line.
fn is_ruler(line: &str) -> bool {
    let drawn = line.trim();
    !drawn.is_empty() && drawn.chars().all(|c| matches!(c, '-' | '=' | '+' | '_' | '|' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_cell_does_not_shift_the_others() {
        let text = "\
            Mgw Id  Type  Bpos  Address         Port Range\n\
            1A      MGU2  0-0   192.0.2.31/24   17000 - 31999\n\
            1B      MS          192.0.2.10/24   40000 - 59999\n\
            END\n\
            2A      MGU2  0-0   192.0.2.41/24   17000 - 31999\n";
        let columns = [("id", "Mgw Id"), ("bpos", "Bpos"), ("address", "Address"), ("range", "Port Range")];
        let rows = read_lines(text, "", &columns).unwrap();
        let shown: Vec<Vec<&str>> = rows.iter().map(|row| row.values().map(String::as_str).collect()).collect();
        assert_eq!(
            shown,
            [["192.0.2.31/24", "0-0", "1A", "17000 - 31999"], ["192.0.2.10/24", "", "1B", "40000 - 59999"]]
        );
    }

    #[test]
    fn a_heading_inside_another_is_told_apart_in_any_order() {
        let text = "Lim  Server  IP address  Lim DNS name  Lim IP address\n1    1       192.0.2.1   one           192.0.2.10\n";
        for columns in [
            [("a", "Lim IP address"), ("b", "IP address"), ("c", "Lim")],
            [("c", "Lim"), ("b", "IP address"), ("a", "Lim IP address")],
        ] {
            let rows = read_lines(text, "", &columns).unwrap();
            assert_eq!(
                (rows[0]["a"].as_str(), rows[0]["b"].as_str(), rows[0]["c"].as_str()),
                ("192.0.2.10", "192.0.2.1", "1")
            );
        }
    }

    #[test]
    fn headings_with_single_blanks_between_them_are_found() {
        let text = "S N    Handle  Dom.  Code LIM Where        Explanation\n======\n3 1    17      0     45   1                LIM reloaded\n1 1    18      0     40   1   SIPLP        Exchange data reloaded\n";
        let rows =
            read_lines(text, "", &[("code", "Code"), ("where", "Where"), ("lim", "LIM"), ("why", "Explanation")])
                .unwrap();
        assert_eq!((rows[0]["where"].as_str(), rows[0]["why"].as_str()), ("", "LIM reloaded"));
        assert_eq!(
            (rows[1]["where"].as_str(), rows[1]["code"].as_str(), rows[1]["lim"].as_str()),
            ("SIPLP", "40", "1")
        );
    }

    #[test]
    fn a_long_value_and_a_number_set_to_the_right_stay_whole() {
        let text = "Name      Busy  Max\n\"long name of it\"  3   120\nshort        7    60\n";
        let rows = read_lines(text, "", &[("name", "Name"), ("max", "Max")]).unwrap();
        assert_eq!(rows[1]["max"], "60");
        assert_eq!(rows[1]["name"], "short");
    }

    #[test]
    fn a_table_is_looked_for_after_its_title() {
        let text =
            "Lim servers\n\nLim  Address\n---  -------\n1    192.0.2.10\n\nOther\n\nLim  Address\n9    192.0.2.99\n";
        let rows = read_lines(text, "Lim servers", &[("lim", "Lim"), ("address", "Address")]).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(read_lines(text, "Other", &[("lim", "Lim")]).unwrap()[0]["lim"], "9");
    }

    #[test]
    fn a_table_that_is_not_there_is_an_error() {
        assert_eq!(
            read_lines("x\n", "Lim servers", &[("lim", "Lim")]),
            Err(ReadError::NoStart("Lim servers".to_owned()))
        );
        let missing = read_lines("Lim  Address\n", "", &[("lim", "Lim"), ("server", "Server")]).unwrap_err();
        assert_eq!(missing.to_string(), "there is no line with the headings Lim, Server");
    }

    fn read_lines(text: &str, after: &str, columns: &[(&str, &str)]) -> Result<Vec<Row>, ReadError> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let columns: Vec<(String, String)> = columns.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        read(&lines, after, &columns)
    }
}
