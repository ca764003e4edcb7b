//! Fills lines with words.

use unicode_width::UnicodeWidthStr;

use super::{Piece, Weight};

/// Fills lines of at most `width` columns with words. The first line begins with `front`, those below stand in by
/// `indent` columns. A word that is wider than a line is parted.
pub(super) fn fill(words: Vec<Vec<Piece>>, front: &str, indent: usize, width: usize) -> Vec<Vec<Piece>> {
    let room = width.saturating_sub(indent.max(front.width())).max(1);
    let mut lines = Vec::new();
    let mut line = Filling::new(front.to_owned());
    for word in words.into_iter().flat_map(|word| parted(word, room)) {
        let wider = line.columns + usize::from(line.words > 0) + width_of(&word);
        if line.words > 0 && wider > width {
            lines.push(line.pieces);
            line = Filling::new(" ".repeat(indent));
        }
        line.add(word);
    }
    lines.push(line.pieces);
    lines
}

/// A line that fills up.
struct Filling {
    pieces: Vec<Piece>,
    columns: usize,
    words: usize,
}

impl Filling {
    fn new(front: String) -> Self {
        let columns = front.width();
        let front = Piece { text: front, weight: Weight::Plain };
        Self { pieces: Some(front).filter(|_| columns > 0).into_iter().collect(), columns, words: 0 }
    }

    fn add(&mut self, word: Vec<Piece>) {
        if self.words > 0 {
            // A blank within a link is part of it; between two looks it is plain.
            let next = word.first().map(|piece| piece.weight);
            let weight = self.pieces.last().map(|piece| piece.weight).filter(|last| Some(*last) == next);
            self.push(Piece { text: " ".to_owned(), weight: weight.unwrap_or(Weight::Plain) });
        }
        self.words += 1;
        for piece in word {
            self.push(piece);
        }
    }

    fn push(&mut self, piece: Piece) {
        self.columns += piece.text.width();
        match self.pieces.last_mut() {
            Some(last) if last.weight == piece.weight => last.text.push_str(&piece.text),
            Some(_) | None => self.pieces.push(piece),
        }
    }
}

fn width_of(word: &[Piece]) -> usize {
    word.iter().map(|piece| piece.text.width()).sum()
}

/// A word in parts that are no wider than `room`.
fn parted(word: Vec<Piece>, room: usize) -> Vec<Vec<Piece>> {
    if width_of(&word) <= room {
        return vec![word];
    }
    let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut filled = 0;
    for piece in word {
        for letter in piece.text.chars() {
            let text = letter.to_string();
            let wide = text.width();
            if filled + wide > room && filled > 0 {
                parts.push(Vec::new());
                filled = 0;
            }
            filled += wide;
            let Some(part) = parts.last_mut() else { continue };
            match part.last_mut() {
                Some(last) if last.weight == piece.weight => last.text.push(letter),
                Some(_) | None => part.push(Piece { text, weight: piece.weight }),
            }
        }
    }
    parts
}
