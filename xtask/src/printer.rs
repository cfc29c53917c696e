//! The one door to standard output.

use std::io::Write as _;

/// Prints one line. A closed pipe is not this program's concern.
pub(crate) fn say(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref());
    let _ = out.flush();
}

/// Prints a heading with an empty line before it.
pub(crate) fn step(title: impl AsRef<str>) {
    say(format!("\n== {}", title.as_ref()));
}

/// Prints an error and its chain to standard error.
pub(crate) fn complain(error: &dyn std::error::Error) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = writeln!(err, "  caused by: {inner}");
        cause = inner.source();
    }
}

/// Prints rows as columns, the first left-aligned, the others as they come.
pub(crate) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        })
        .map(|width| width.unwrap_or(0))
        .collect();
    for row in rows {
        let cells: Vec<String> =
            row.iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| {
                    if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                })
                .collect();
        say(cells.join("  ").trim_end());
    }
}
