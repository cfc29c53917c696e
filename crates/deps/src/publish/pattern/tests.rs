//! What patterns match, checked against what minimatch says of the same pairs.

use super::{Budget, Case, Pattern, braces};

fn fits(pattern: &str, path: &str) -> bool {
    let pattern = Pattern::read(pattern, Case::Any).unwrap();
    let path: Vec<&str> = path.split('/').collect();
    pattern.matches(&path, false, &Budget::default())
}

#[test]
fn patterns_match_what_minimatch_matches() {
    for (pattern, path) in [
        ("*.js", "lib/.a.js"),
        ("*.js", "A.JS"),
        ("a", "x/y/A"),
        ("/a", "/a"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/a/**", "x/a/"),
        ("a/*", "a/b/"),
        ("a/", "a/"),
        ("{a,b}/c", "b/c"),
        ("x{1..3}", "x2"),
        ("[a-c]?", "b!"),
        ("[!a]", "b"),
        ("[]]", "]"),
        ("@(a|b)c", "bc"),
        ("x!(a|b)", "xc"),
        ("x!(a)b", "xxb"),
        ("*(ab)", "abab"),
        ("+(a)", "aa"),
        ("?(a)b", "b"),
        ("readme{,.*[^~$]}", "README.md"),
        ("\\#a", "#a"),
        ("\\*", "*"),
        ("/!(x)", "/.hidden"),
        ("lib/../src", "src"),
        ("!!a", "a"),
    ] {
        assert!(fits(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("*.js", "a.jsx"),
        ("/a", "b/a"),
        ("a/**", "a"),
        ("**/a", "ab"),
        ("*", ""),
        ("a", "a/b"),
        ("[a-c", "a"),
        ("x!(a|b)", "xa"),
        ("@(a|b)", "ab"),
        ("+(a)", ""),
        ("readme{,.*[^~$]}", "readme.md~"),
        ("# a", "# a"),
        ("[z-a]", "m"),
        ("./a", "a"),
    ] {
        assert!(!fits(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn braces_stand_for_what_bash_says() {
    for (pattern, all) in [
        ("a{b,c}d", "abd acd"),
        ("{1..3}", "1 2 3"),
        ("{01..10..4}", "01 05 09"),
        ("{c..a}", "c b a"),
        ("{a,{b,c}}", "a b c"),
        ("a{b}c", "a{b}c"),
        ("{{a,b}}", "{a} {b}"),
        ("${a,b}", "${a,b}"),
        ("a{,b}", "a ab"),
        ("\\{a,b}", "{a,b}"),
        ("{a", "{a"),
        ("{a,b}{c,d}", "ac ad bc bd"),
    ] {
        let found = braces::expand(pattern).unwrap().join(" ");
        assert_eq!(found, all, "{pattern}");
    }
}

#[test]
fn what_takes_too_long_is_an_error_and_not_a_wait() {
    assert!(Pattern::read(&"{a,b}".repeat(40), Case::Any).is_err());
    assert!(Pattern::read(&"{".repeat(3000), Case::Any).is_ok());
    assert!(Pattern::read(&"a".repeat(5000), Case::Any).is_err());
    assert!(Pattern::read("{1..99999999}", Case::Any).is_err());
    let budget = Budget::default();
    let slow = Pattern::read("*(*(a|aa)|*(a))*(*(a|aa)|*(a))b", Case::Any).unwrap();
    slow.matches(&[&"a".repeat(200)], false, &budget);
    assert!(budget.is_spent());
}

#[test]
fn what_matches_is_never_ruled_out_before() {
    let patterns = [
        "a",
        "A",
        "/a",
        "a/",
        "/a/",
        "a/**",
        "**/a",
        "**/a/**",
        "a/**/b",
        "**/a/**/b/**",
        "/a/b",
        "{a,b}/c",
        "{a,/b/**}",
        "*",
        "**",
        "*.js",
        "/*",
        "a*",
        "[ab]",
        "/[ab]/c",
        "",
        "!a",
        "!/a/b",
        "**/*.js",
        "./a",
        "a/..",
        "\u{e4}",
        "\u{c4}/a",
        "\u{17f}",
        "s",
    ];
    let names = ["a", "b", "c", "A", "x.js", "\u{e4}", "\u{c4}", "\u{17f}", "s"];
    let mut paths: Vec<Vec<&str>> = names.iter().map(|name| vec![*name]).collect();
    for depth in 0..2 {
        let longer: Vec<Vec<&str>> =
            paths.iter().filter(|path| path.len() == depth + 1).cloned().collect();
        paths
            .extend(longer.iter().flat_map(|path| names.map(|name| [&path[..], &[name]].concat())));
    }
    for text in patterns {
        let pattern = Pattern::read(text, Case::Any).unwrap();
        for path in &paths {
            let budget = Budget::default();
            let shapes = [
                path.clone(),
                [&[""], &path[..]].concat(),
                [&path[..], &[""]].concat(),
                [&[""], &path[..], &[""]].concat(),
            ];
            let whole = shapes.iter().any(|path| pattern.matches(path, false, &budget));
            let may = pattern.may_match(path, &budget);
            assert!(may || !whole, "{text} {path:?}");
            if pattern.is_of_name {
                let partly = shapes.iter().any(|path| pattern.matches(path, true, &budget));
                assert_eq!(whole, partly, "{text} {path:?}");
                assert!(may || !partly, "{text} {path:?}");
            }
        }
    }
}
