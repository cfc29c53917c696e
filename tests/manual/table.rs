//! `docs/manual.md` tells the truth: no line is forgotten, no name in it leads nowhere.

use ringfence_tests::workspace;
use std::collections::BTreeSet;
use std::path::Path;

/// Lines of the manual that make a promise, one entry for each promise, in order.
const LINES: &str = "
    9 13 17 18 19 20 21 22 23 24 17-24 25 25 29 30 31 32 33 34 38 38 39 40 40 40 41 41 42 42 43
    43 44 45 45 46 46 48 52 53 54 55 56 57 57 58 62 63 63 64 65 66 67 68 69 70 71-77 78-91 92-97
    98 102 103 104 105 106 107 108 109 111 114 114 115 116 117 118 119-121 123-126 127-133 137
    138 139 140 141 142 137-142 145-155 145-155 159 160 161 162 163 166-168 170-177 181 182 183
    184 185 186 188 191 192 193 194 195 196 197 198-211 212-224 228 229 230 231 232 233-258
    243-247 262 263 264 265 266 267 269 272 273 274 275 276-288 290 293 294 295 296 297 298 300
    300 303 304 305 306 307 308 312 313 314 315 316 317 322 322 322 323 324 325 326 327 329 330
    331 333-335 336 340 341 342 343 344 345 346 348 352 353 354 355 356 357 360-367 371 371 372
    373 374 375 376 378-385 389 390 391 392 393 395 396-404 406 407 408-409 414 415 416 417 418
    419 423 424 425 426 427 428 429 433 434 435 436 437 438 442 443 444 445 446 447 448 449 450
    451 451 452 456 457 458 459 460 461 462 463
";

/// One row of the table.
struct Row {
    line: String,
    command: String,
    test: String,
    page: String,
}

impl Row {
    fn is_kept(&self) -> bool {
        self.command != "not yet"
    }

    fn is_partly_kept(&self) -> bool {
        self.command.starts_with("in part: ")
    }

    /// What the test column names, by kind: `probe`, `node`, `npm` or `test`.
    fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        // A name may hold a comma.
        let parts = self.test.split("`, ").filter(|part| *part != "-");
        parts.map(|part| {
            let (kind, name) = part.split_once(" `").unwrap();
            (kind, name.trim_end_matches('`'))
        })
    }
}

fn document() -> String {
    workspace::text(Path::new("docs/manual.md")).unwrap()
}

fn rows() -> Vec<Row> {
    let document = document();
    let lines =
        document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| line "));
    let row = |line: &str| {
        let cells: Vec<String> =
            line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let [line, _, command, test, page] = cells.as_slice() else {
            unreachable!("not five cells: {line}")
        };
        let [line, command, test, page] = [line, command, test, page].map(Clone::clone);
        Row { line, command, test, page }
    };
    lines.map(row).collect()
}

#[test]
fn every_line_of_the_manual_has_its_row() {
    let rows = rows();
    let found: Vec<&str> = rows.iter().map(|row| row.line.as_str()).collect();
    let wanted: Vec<&str> = LINES.split_whitespace().collect();
    assert_eq!(wanted.len(), 234);
    assert_eq!(found, wanted);
}

#[test]
fn what_is_kept_is_counted_and_what_is_not_says_so() {
    let rows = rows();
    for row in &rows {
        let nothing = row.test == "-" && row.page == "-";
        assert_eq!(nothing, !row.is_kept(), "line {}", row.line);
        assert!(row.test != "-" || !row.is_kept() || row.is_partly_kept(), "line {}", row.line);
    }
    let part = rows.iter().filter(|row| row.is_partly_kept()).count();
    let kept = rows.iter().filter(|row| row.is_kept()).count() - part;
    let open = rows.len() - kept - part;
    let said = document().split_whitespace().collect::<Vec<_>>().join(" ");
    let counted =
        format!("**{kept}** of {} rows are kept, **{part}** in part, {open} not yet.", rows.len());
    assert!(said.contains(&counted), "docs/manual.md should say: {counted}");
}

#[test]
fn every_probe_program_test_and_page_in_the_table_exists() {
    let (probes, tests, packaged) = (probes(), tests(), tests_of_the_package());
    for row in rows() {
        for (kind, name) in row.names() {
            let exists = match kind {
                "probe" => probes.contains(name),
                "node" => workspace::root().join(format!("tests/node/cases/{name}.mjs")).is_file(),
                "npm" => packaged.contains(name),
                "test" => tests.contains(name),
                _ => false,
            };
            assert!(exists, "line {}: there is no {kind} {name}", row.line);
        }
        let page = row.page.split_once("](").map(|(_, page)| page.trim_end_matches(')'));
        let page = page.map(|page| workspace::root().join("docs").join(page));
        assert!(page.is_none_or(|page| page.is_file()), "line {}: no {}", row.line, row.page);
    }
}

/// The ids of the battery's attacks.
fn probes() -> BTreeSet<String> {
    let sources = workspace::sources("crates/boundary/src/prove/probes").into_iter();
    let ids = sources.filter_map(|path| workspace::text(&path)).filter_map(|text| {
        let (_, rest) = text.split_once("id: \"")?;
        rest.split('"').next().map(str::to_owned)
    });
    ids.collect()
}

/// The names of all tests.
pub(crate) fn tests() -> BTreeSet<String> {
    let sources = ["crates", "xtask", "tests"].into_iter().flat_map(workspace::sources);
    let texts: Vec<String> = sources.filter_map(|path| workspace::text(&path)).collect();
    let marked = texts.iter().flat_map(|text| text.split("#[test]").skip(1));
    let names = marked.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next());
    names.map(str::to_owned).collect()
}

/// The names of the npm package's tests that are one text.
pub(crate) fn tests_of_the_package() -> BTreeSet<String> {
    let folder = workspace::root().join("crates/node/npm/test");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<String> = paths
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let names = lines.filter_map(|line| {
        let call = line.strip_prefix("test(")?.replace("\\'", "\u{2019}");
        let quote = call.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
        let name = call.get(1..)?.split(quote).next()?;
        Some(name.replace('\u{2019}', "'"))
    });
    names.collect()
}
