//! What an application checks at its own edges: paths, JSON, URLs, webhooks.

use ringfence_guard::path::{PathError, RelativePath, Root};
use ringfence_guard::url::{Allowed, UrlError};
use ringfence_guard::webhook::{Headers, Memory, Scheme, Verifier, WebhookError, WebhookSecret};
use ringfence_guard::{json, url};
use ringfence_tests::command::Playground;
use std::io::Read as _;

/// A folder of uploads, and beside it what must stay out of reach.
fn uploads() -> (Playground, Root) {
    let playground = Playground::new()
        .with("uploads/a/kept.txt", "kept")
        .with("uploads2/other.txt", "other")
        .with("secrets.env", "hunter2");
    let root = Root::new(playground.path().join("uploads")).unwrap();
    (playground, root)
}

fn read(root: &Root, path: &str) -> Result<String, PathError> {
    let mut text = String::new();
    root.open(path)?.read_to_string(&mut text).unwrap();
    Ok(text)
}

#[test]
fn line_145_to_155_and_396_to_404_upload_paths_cannot_escape_the_root() {
    let (playground, root) = uploads();
    assert_eq!(read(&root, "a/kept.txt").unwrap(), "kept");
    for path in ["../secrets.env", "a/../../secrets.env", "/etc/passwd", "a/./kept.txt", ""] {
        assert!(matches!(read(&root, path), Err(PathError::Refused(_))), "{path}");
    }
    // A link that leads out looks harmless as text.
    std::os::unix::fs::symlink(playground.path(), playground.path().join("uploads/out")).unwrap();
    assert!(read(&root, "out/secrets.env").is_err());
    // The control: the file is there, for everybody else.
    assert!(playground.path().join("uploads/out/secrets.env").is_file());
}

#[test]
fn line_159_and_160_a_sibling_with_the_same_beginning_is_not_the_root() {
    let (playground, root) = uploads();
    let sibling = playground.path().join("uploads2/other.txt");
    assert!(read(&root, sibling.to_str().unwrap()).is_err());
    assert!(read(&root, "../uploads2/other.txt").is_err());
    // The working directory counts for nothing: only the root does, and it is absolute.
    assert!(matches!(Root::new("src"), Err(PathError::Refused(_))));
    assert!(std::path::Path::new("src").is_dir());
    assert!(matches!(read(&root, "Cargo.toml"), Err(PathError::NotFound)));
    assert!(std::path::Path::new("Cargo.toml").is_file());
}

#[test]
fn line_161_names_of_an_archive_are_paths_like_all_others() {
    let names = ["../../etc/cron.d/x", "/root/.ssh/authorized_keys", "a\\..\\x", "con.txt", "a//b"];
    for name in names {
        assert!(RelativePath::parse(name).is_err(), "{name}");
    }
    assert!(RelativePath::parse("dist/server.mjs").is_ok());
}

#[test]
fn line_162_and_163_files_are_made_new_and_errors_are_those_of_the_use() {
    let (_playground, root) = uploads();
    root.create("a/new.txt").unwrap();
    assert!(matches!(root.create("a/new.txt"), Err(PathError::Exists)), "never an existing one");
    assert!(matches!(read(&root, "a/missing.txt"), Err(PathError::NotFound)));
    root.remove("a/new.txt").unwrap();
    assert!(matches!(read(&root, "a/new.txt"), Err(PathError::NotFound)));
}

#[test]
fn line_40_and_371_a_json_body_is_bounded_and_reaches_no_prototype() {
    let limits = json::Limits { bytes: 4096, depth: 4, values: 16, ..json::Limits::default() };
    json::check_content_type("application/json").unwrap();
    assert!(json::check_content_type("text/html").is_err());
    assert!(json::parse(br#"{"name": "ann", "roles": ["user"]}"#, &limits).is_ok());
    let (long, deep, many) = (" ".repeat(4097), "[".repeat(9), format!("[{}0]", "0,".repeat(99)));
    for text in [&long, &deep, &many, r#"{"__proto__": {"admin": true}}"#, r#"{"a": 1, "a": 2}"#] {
        assert!(json::parse(text.as_bytes(), &limits).is_err(), "{text}");
    }
}

#[test]
fn line_375_and_378_to_385_only_allowed_hosts_over_https_are_reached() {
    let allowed = Allowed::nothing().host("api.stripe.com", 443).unwrap();
    let allowed = allowed.host("api.github.com", 443).unwrap();
    assert_eq!(allowed.parse("https://API.github.com/repos").unwrap().host(), "api.github.com");
    for (text, refused) in [
        ("http://api.github.com/", "https"),
        ("https://api.github.com.evil.example/", "host"),
        ("https://user:pw@api.github.com/", "credentials"),
        ("https://evil.example#@api.github.com/", "host"),
        ("https://169.254.169.254/", "host"),
        ("https://api.github.com:8443/", "host"),
    ] {
        let error = allowed.parse(text).unwrap_err();
        let as_named = match refused {
            "https" => matches!(error, UrlError::Scheme { .. }),
            "host" => matches!(error, UrlError::Host),
            _ => matches!(error, UrlError::Credentials),
        };
        assert!(as_named, "{text}: {error}");
    }
}

#[test]
fn line_375_and_389_a_name_that_resolves_elsewhere_by_now_is_refused_at_use() {
    let allowed = Allowed::nothing().host("api.github.com", 443).unwrap();
    let outbound: url::Outbound = allowed.parse("https://api.github.com/").unwrap();
    assert!(outbound.admit([140, 82, 121, 6].into()).is_ok());
    for address in [[127, 0, 0, 1], [169, 254, 169, 254], [10, 0, 0, 1]] {
        assert!(matches!(outbound.admit(address.into()), Err(UrlError::Address(_))), "{address:?}");
    }
    assert!(outbound.redirect(&allowed, "/elsewhere").is_ok());
    assert!(outbound.redirect(&allowed, "https://evil.example/").is_err());
}

#[test]
fn line_376_and_463_a_webhook_is_verified_over_its_raw_bytes_in_time_and_once() {
    let secret = WebhookSecret::new(b"0123456789abcdef0123456789abcdef").unwrap();
    let (body, now) = (br#"{"amount": 10}"#, 1_800_000_000);
    let headers = Scheme::Standard.sign(&secret, "msg_1", now, body).unwrap();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let headers = Headers::new(&headers);
    let (verifier, seen) = (Verifier::new(Scheme::Standard, vec![secret]).unwrap(), Memory::new(8));
    // The same data, written anew by a parser, is another body.
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap();
    let again = verifier.verify(&headers, parsed.to_string().as_bytes(), &seen, now);
    assert_eq!(again, Err(WebhookError::Signature));
    let late = verifier.verify(&headers, body, &seen, now + 3600);
    assert_eq!(late, Err(WebhookError::Time(3600)));
    assert_eq!(verifier.verify(&headers, body, &seen, now).unwrap().id, "msg_1");
    assert_eq!(verifier.verify(&headers, body, &seen, now), Err(WebhookError::Replayed));
}
