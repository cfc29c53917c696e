//! What the reader and the writer promise.

use super::{Kind, MOST_DEPTH, Mistake, documents, each, emit};
use serde_json::json;

fn only(text: &str) -> super::Document {
    let mut all = documents(text).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn every_key_and_value_knows_its_line_and_column() {
    let document =
        only("# head\na: 1\nb:\n  - x: yes\n    y: |\n      one\n      two\nc: {d: e}\n");
    let root = &document.root;
    let b = root.entry("b").unwrap();
    assert_eq!((b.line, b.column), (3, 1));
    assert_eq!((b.value.line(), b.value.end_line()), (4, 7));
    let x = root.path(["b", "0", "x"]).unwrap();
    assert_eq!((x.line(), x.column(), x.as_bool()), (4, 8, Some(true)));
    let d = root.path(["c", "d"]).unwrap();
    assert_eq!((d.line(), d.column(), d.as_str()), (8, 8, Some("e")));
}

#[test]
fn lines_of_later_documents_are_those_of_the_file() {
    let all = documents("a: 1\n---\n# only a comment\n---\nb: 2\n...\n---\nc: 3\n").unwrap();
    let lines: Vec<usize> = all.iter().map(|document| document.root.line()).collect();
    assert_eq!(lines, [1, 5, 8]);
}

#[test]
fn a_document_that_cannot_be_read_does_not_hide_the_others() {
    let all = each("a: 1\n---\nb: [\n---\nc: 3\n");
    assert!(all[0].is_ok() && all[2].is_ok());
    assert_eq!(all[1].as_ref().unwrap_err().mistake, Mistake::Syntax);
}

#[test]
fn a_key_that_stands_twice_is_an_error_that_names_both_lines() {
    let error = documents("a: 1\nb: 2\na: 3\n").unwrap_err();
    assert_eq!((error.mistake, error.line), (Mistake::DuplicateKey, 3));
    assert!(error.what.contains("line 1"));
}

#[test]
fn a_tab_that_indents_is_told_by_its_line() {
    let error = documents("a:\n  b: 1\n\tc: 2\n").unwrap_err();
    assert_eq!((error.mistake, error.line, error.column), (Mistake::Tab, 3, 1));
}

#[test]
fn merge_keys_bring_what_is_not_there() {
    let document = only("base: &b\n  x: 1\n  y: 2\nuse:\n  <<: *b\n  y: 3\n");
    let used = document.root.get("use").unwrap();
    assert_eq!(used.get("x").unwrap().as_int(), Some(1));
    assert_eq!(used.get("x").unwrap().line(), 2);
    assert_eq!(used.get("y").unwrap().as_int(), Some(3));
}

#[test]
fn aliases_cannot_blow_up_memory() {
    let mut lines = vec!["a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()];
    for (name, of) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let list = vec![format!("*{of}"); 9].join(", ");
        lines.push(format!("{name}: &{name} [{list}]\n"));
    }
    let text = lines.concat();
    assert_eq!(documents(&text).unwrap_err().mistake, Mistake::TooLarge);
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(documents(&deep).unwrap_err().mistake, Mistake::TooLarge);
    let block: Vec<String> = (0..MOST_DEPTH + 5).map(|n| " ".repeat(n) + "a:\n").collect();
    let block = block.concat();
    assert_eq!(documents(&block).unwrap_err().mistake, Mistake::TooLarge);
}

#[test]
fn a_chart_is_read_as_far_as_it_says_something() {
    let text = "metadata:\n  name: {{ .Values.name }}\n  labels:\n    {{- include \"x\" . | nindent 4 }}\nspec:\n  {{- if .Values.a }}\n  image: \"{{ .Values.image }}:1\"\n  {{- end }}\n  hostNetwork: true\n";
    let document = only(text);
    assert_eq!(document.templates, [2, 4, 6, 7, 8]);
    let name = document.root.path(["metadata", "name"]).unwrap();
    assert!(name.is_template());
    let image = document.root.path(["spec", "image"]).unwrap();
    assert_eq!(image.kind(), &Kind::Template("{{}}:1".to_owned()));
    let host = document.root.path(["spec", "hostNetwork"]).unwrap();
    assert_eq!((host.as_bool(), host.line()), (Some(true), 9));
}

#[test]
fn a_document_that_makes_no_sense_without_its_values_is_told_as_a_template() {
    let text = "a: 1\n{{- if .x }}\nreplicas: 1\n{{- else }}\nreplicas: 2\n{{- end }}\n";
    let error = documents(text).unwrap_err();
    assert_eq!((error.mistake, error.line), (Mistake::Template, 4));
}

#[test]
fn variables_are_recognised_and_doubled_dollars_are_not() {
    let document = only("a: ${TAG}\nb: $TAG\nc: $$TAG\nd: costs 5$\n");
    let is = |key| document.root.get(key).unwrap().is_template();
    assert_eq!([is("a"), is("b"), is("c"), is("d")], [true, true, false, false]);
}

#[test]
fn numbers_are_read_as_kubernetes_reads_them() {
    let document = only("[0400, 0o400, 256, 1.5, '256', 08, -3, 1e3]\n");
    let items = document.root.as_seq().unwrap();
    let ints: Vec<_> = items.iter().map(super::Node::as_int).collect();
    assert_eq!(ints, [Some(256), Some(256), Some(256), None, None, Some(8), Some(-3), None]);
}

#[test]
fn what_is_written_is_read_back_as_it_was() {
    let value = json!({
        "apiVersion": "v1", "kind": "X",
        "texts": ["", "yes", "0400", "a: b", "a #b", "- x", "tab\there", "two\nlines\n", "two\nlines",
            " lead\n", "trail \nx", "{a}", "::1", "10.0.0.0/8", "\u{202e}x", "é", "1.0", "null", "*", "a:"],
        "nested": [[1, 2], [], {}, {"a": {"b": []}}],
        "1": null, "on": true, "n": 1.5
    });
    let text = emit::document(&value, &["apiVersion", "kind"]);
    assert!(text.starts_with("apiVersion: v1\nkind: X\n"), "{text}");
    assert_eq!(back(&only(&text).root), value, "{text}");
}

fn back(node: &super::Node) -> serde_json::Value {
    match node.kind() {
        Kind::Null => json!(null),
        Kind::Bool(value) => json!(value),
        Kind::Int(value) => json!(value),
        Kind::Float(value) => json!(value),
        Kind::Str(text) | Kind::Template(text) => json!(text),
        Kind::Seq(items) => items.iter().map(back).collect(),
        Kind::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), back(&entry.value))).collect()
        }
    }
}

#[test]
fn whatever_the_text_is_it_ends_in_an_answer() {
    let sample = "# c\na: &x {b: [1, 'two', \"t\\u0041\"], <<: *y}\nc: |+\n  l\n\n  m\nd: >-\n  f\n? k\n: v\n\
                  e: {{ .V }}\n---\n- - a\n  - !!int 3\n- {{- if x }}\n...\n%YAML 1.2\n---\nz: ${A}\n";
    for (at, _) in sample.char_indices() {
        drop(each(&sample[..at]));
        for other in "{}[]&*!|>'\"%@\t:#-?,\u{feff}\u{e07b}\0\r\n\u{1f600}".chars() {
            let text = format!("{}{other}{}", &sample[..at], &sample[at + 1..]);
            for document in each(&text).into_iter().flatten() {
                assert!(document.root.line() <= document.root.end_line());
            }
        }
    }
}

#[test]
fn a_character_that_only_some_readers_take_for_the_end_of_a_line_is_an_error_with_its_line() {
    for character in ['\u{85}', '\u{2028}', '\u{2029}', '\r'] {
        let text = format!("a: 1\nb: 2 # note{character}b: 3\n");
        let error = documents(&text).unwrap_err();
        assert_eq!((error.line, error.mistake), (2, Mistake::Syntax), "{character:?}");
    }
    assert!(documents("a: 1\r\nb: 2\r\n").is_ok());
    let written = emit::document(&json!({ "a": "x\u{85}y\u{2028}z\rw" }), &[]);
    assert_eq!(only(&written).root.path(["a"]).unwrap().as_str(), Some("x\u{85}y\u{2028}z\rw"));
}
