//! Tables that fit 80 columns.
//!
//! The last column takes what is left and wraps; the others keep their width. Cells are measured
//! before they are painted, so colour never shifts a column.

use crate::printer::{Printer, Style};

/// Columns a table may use.
pub(crate) const WIDTH: usize = 80;

/// Fewest columns the last column gets, however wide the others are.
const MIN_LAST: usize = 24;

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    /// Text without colour.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: None }
    }

    /// Text in colour where colour is allowed.
    pub(crate) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Some(style) }
    }
}

/// Draws rows under each other; every line ends with a newline.
pub(crate) fn draw<const COLUMNS: usize>(rows: &[[Cell; COLUMNS]], printer: &Printer) -> String {
    let width_of = |column: usize| {
        let widths = rows.iter().filter_map(|row| row.get(column));
        widths.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let fixed: Vec<usize> = (0..COLUMNS.saturating_sub(1)).map(width_of).collect();
    let indent = fixed.iter().map(|width| width + 2).sum::<usize>();
    let last = WIDTH.saturating_sub(indent).max(MIN_LAST);
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&fixed) {
            let padding = (width + 2).saturating_sub(cell.text.chars().count());
            line.push_str(&painted(cell, &cell.text, printer));
            line.push_str(&" ".repeat(padding));
        }
        let Some(cell) = row.last() else { continue };
        for (index, part) in wrap(&cell.text, last).iter().enumerate() {
            if index > 0 {
                line = " ".repeat(indent);
            }
            line.push_str(&painted(cell, part, printer));
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

fn painted(cell: &Cell, text: &str, printer: &Printer) -> String {
    match cell.style {
        Some(style) => printer.paint(style, text),
        None => text.to_owned(),
    }
}

/// Breaks text at spaces into lines of at most `width` characters; a longer word stays whole.
/// Always returns at least one line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { continue };
        let used = line.chars().count();
        if used == 0 {
            line.push_str(word);
        } else if used + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stays_within_80_columns() {
        let long = "words ".repeat(60);
        let rows = [[Cell::plain("layer"), Cell::plain("answer"), Cell::plain(long)]];
        let drawn = draw(&rows, &Printer::new());
        assert!(drawn.lines().count() > 3);
        assert!(drawn.lines().all(|line| line.chars().count() <= WIDTH), "{drawn}");
    }

    #[test]
    fn a_word_longer_than_the_column_is_not_cut() {
        assert_eq!(wrap("a /very/long/path b", 6), ["a", "/very/long/path", "b"]);
    }
}
