//! The pictures of the README: screens of the real program on the demo lab, drawn as SVG.
//!
//! `packaging/draw-pictures` makes them anew; they are not compared, because they show times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]
#![allow(dead_code, reason = "it uses its part of the folders `standing` and `terminal`")]

#[path = "terminal/seat.rs"]
mod seat;
#[path = "standing/standing.rs"]
mod standing;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use seat::Seat;
use standing::Standing;

/// Pixels of one column and one line.
const CELL: (u16, u16) = (9, 19);

#[test]
#[ignore = "it writes into packaging/pictures; run packaging/draw-pictures"]
fn the_pictures_of_the_readme() {
    let lab = Standing::configured(2);
    lab.run(&["lab", "backup"]).ended(0);
    lab.words("data copy --yes").ended(0);
    lab.words("data auto create").ended(0);
    let mut seat = Seat::take(&lab.command(&["--lab"]), (100, 30));
    seat.sees("LIVE ██");
    draw(&seat, "dashboard");

    seat.opens("settings translation");
    seat.sees("show: all");
    draw(&seat, "translation");
    seat.press("\x1b");
    seat.sees("Menu");

    seat.opens("manual-takeover traffic-in-alternate");
    seat.press_and_see("core switch upgrade", "core switch upgrade");
    seat.press_and_see("\r", "Do it");
    seat.press_and_see("\x1b[C", "[▸Do it◂]");
    draw(&seat, "takeover-plan");
    seat.press_and_see("\r", "│ ✓ done");
    draw(&seat, "takeover");
}

/// Draws what a person sees.
fn draw(seat: &Seat, name: &str) {
    let svg = seat.with_screen(picture);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/pictures");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
}

fn picture(screen: &vt100::Screen) -> String {
    let (lines, columns) = screen.size();
    let (lines, columns) = (lines.get(), columns.get());
    let (width, height) = (columns * CELL.0 + 20, lines * CELL.1 + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"monospace\" \
         font-size=\"15\"><rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for line in 0..lines {
        let mut column = 0;
        while column < columns {
            let style = style_at(screen, line, column);
            let begin = column;
            let mut text = String::new();
            while column < columns && style_at(screen, line, column) == style {
                let cell = screen.cell(line, column).unwrap();
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
            }
            run(&mut svg, (begin, line), &text, &style);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Colour of the text, colour behind it, whether it is bold.
type Style = (&'static str, Option<&'static str>, bool);

fn style_at(screen: &vt100::Screen, line: u16, column: u16) -> Style {
    let cell = screen.cell(line, column).unwrap();
    let colour = match cell.fgcolor() {
        vt100::Color::Idx(8) => "#7d8590",
        vt100::Color::Idx(3 | 11) => "#e3b341",
        vt100::Color::Idx(4) => "#58a6ff",
        vt100::Color::Idx(12) => "#79c0ff",
        vt100::Color::Idx(6 | 14) => "#56d4dd",
        vt100::Color::Idx(1 | 9) => "#ff7b72",
        vt100::Color::Default | vt100::Color::Idx(_) | vt100::Color::Rgb(..) => "#d6dae0",
    };
    if cell.inverse() { ("#16181d", Some(colour), cell.bold()) } else { (colour, None, cell.bold()) }
}

fn run(svg: &mut String, (column, line): (u16, u16), text: &str, (colour, behind, bold): &Style) {
    if text.trim().is_empty() && behind.is_none() {
        return;
    }
    let (x, y) = (column * CELL.0 + 10, line * CELL.1 + 10);
    let wide = u16::try_from(text.chars().count()).unwrap() * CELL.0;
    if let Some(behind) = behind {
        writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{}\" fill=\"{behind}\"/>", CELL.1).unwrap();
    }
    let weight = if *bold { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let base = y + 14;
    writeln!(
        svg,
        "<text x=\"{x}\" y=\"{base}\" fill=\"{colour}\"{weight} textLength=\"{wide}\" xml:space=\"preserve\">{text}</text>"
    )
    .unwrap();
}
