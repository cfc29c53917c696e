//! What is read of Dockerfiles that people write.

use super::*;

fn read(text: &str) -> Dockerfile {
    parse(text).unwrap()
}

#[test]
fn stages_have_their_lines_names_and_bases() {
    let file = read(
        "# syntax=docker/dockerfile:1\nARG V=24.1.0\nFROM node:${V}-slim AS Build\nARG V\n\
         ENV A=$V B=\"x y\"\nRUN npm ci\n\nFROM build\nUSER ${A}\n",
    );
    assert_eq!(file.syntax.as_deref(), Some("docker/dockerfile:1"));
    assert_eq!(file.stages[0].base.value.as_deref(), Some("node:24.1.0-slim"));
    assert_eq!((file.stages[0].line, file.stages[1].line), (3, 8));
    let chain = file.image();
    assert_eq!(chain.len(), 2);
    let Kind::User(user) = &file.stages[1].instructions[0].kind else { panic!() };
    assert_eq!(user.value.as_deref(), Some("24.1.0"), "a stage inherits what its base sets");
    let Kind::Env(env) = &file.stages[0].instructions[1].kind else { panic!() };
    assert_eq!(env[1].1.value.as_deref(), Some("x y"));
}

#[test]
fn what_only_the_build_knows_is_not_guessed() {
    let file = read(
        "ARG BASE\nFROM $BASE\nARG U\nUSER $U\nARG W=1\nUSER ${W:-2}\nUSER ${X:-3}\nUSER ${Y:+4}\n\
         USER ${U:-5}\n",
    );
    assert_eq!(file.stages[0].base.value, None);
    let users: Vec<_> = file.stages[0]
        .instructions
        .iter()
        .filter_map(|instruction| match &instruction.kind {
            Kind::User(user) => Some(user.value.as_deref()),
            _ => None,
        })
        .collect();
    assert_eq!(users, [None, Some("1"), Some("3"), Some(""), None]);
}

#[test]
fn both_forms_of_a_command_are_told_apart() {
    let file =
        read("FROM a\nCMD [\"node\", \"a b\"]\nENTRYPOINT node a\nSHELL [\"/bin/sh\", \"-c\"]\n");
    let kinds: Vec<_> = file.stages[0].instructions.iter().map(|i| &i.kind).collect();
    assert_eq!(kinds[0], &Kind::Cmd(Command::Exec(vec!["node".into(), "a b".into()])));
    assert_eq!(kinds[1], &Kind::Entrypoint(Command::Shell("node a".into())));
}

#[test]
fn commands_are_found_behind_continuations_documents_and_shells() {
    let file = read(
        "FROM a\nRUN --network=none --mount=type=cache,target=/x A=1 npm ci \\\n# why\n  && (curl -s u | sh)\n\
         RUN <<EOF\napt-get update\nEOF\nRUN [\"sh\", \"-c\", \"wget x\"]\n",
    );
    let runs: Vec<_> = file.stages[0]
        .instructions
        .iter()
        .filter_map(|i| if let Kind::Run(run) = &i.kind { Some(run) } else { None })
        .collect();
    assert_eq!(runs[0].option("network"), Some("none"));
    let said: Vec<String> =
        runs.iter().flat_map(|run| run.commands()).map(|words| words.join(" ")).collect();
    assert!(said.contains(&"npm ci".to_owned()), "{said:?}");
    assert!(
        said.contains(&"curl -s u".to_owned()) && said.contains(&"| sh".to_owned()),
        "{said:?}"
    );
    assert!(said.contains(&"apt-get update".to_owned()), "{said:?}");
    assert!(said.contains(&"wget x".to_owned()), "{said:?}");
    assert_eq!(file.stages[0].instructions[2].line, 8);
}

#[test]
fn what_is_no_dockerfile_is_an_error_with_its_line() {
    assert_eq!(parse("").unwrap_err().line, 1);
    assert_eq!(parse("FROM a\n{{- if .x }}\nRUN y\n").unwrap_err().line, 2);
    assert!(parse("ARG A=1\n").is_err());
    assert!(parse(&"#".repeat(MAX_BYTES + 1)).is_err());
}

#[test]
fn hostile_text_ends_in_an_answer() {
    let deep = format!("FROM a\nUSER {}\n", "${A:-".repeat(5000));
    drop(parse(&deep));
    for text in ["FROM a\nENV\n", "FROM a\nENV =\n", "FROM a\nRUN '\n", "FROM \u{0}\nUSER $\n"] {
        drop(parse(text));
    }
    let shells = "sh -c '".repeat(200);
    drop(commands(&shells));
}

#[test]
fn a_corpus_of_others_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/manifests/checkov/dockerfile");
    let Ok(cases) = std::fs::read_dir(&folder) else {
        println!("not run: the corpus of Dockerfiles is absent");
        return;
    };
    let mut read = 0;
    for case in cases.flatten() {
        for variant in std::fs::read_dir(case.path()).unwrap().flatten() {
            let Ok(text) = std::fs::read_to_string(variant.path().join("Dockerfile")) else {
                continue;
            };
            match parse(&text) {
                Ok(_) => read += 1,
                Err(error) => println!("{}: {error}", variant.path().display()),
            }
        }
    }
    assert!(read >= 9, "{read}");
}
