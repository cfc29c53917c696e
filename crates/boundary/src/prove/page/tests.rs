//! Promises of the page, over reports made up for them: every probe of the battery with whatever
//! came back from it.

use super::*;
use crate::prove::arena::LayerAnswer;
use crate::prove::attach::{AttachReport, Attached, Check};
use crate::prove::report::{ClaimReport, ClaimState, Evidence, ProbeReport};
use crate::prove::{Attempt, Outcome, PROBES, Setting, Verdict};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::{Claim, statement};

const MADE: &str = "2026-11-22T19:00:00.000Z";

const ORDERS: &str = r#"schema = 1

[service]
name = "orders"
start = ["/usr/bin/node", "server.mjs"]

[fs]
read = ["./src", "./node_modules"]
write = ["/var/lib/orders"]

[net]
connect = ["api.internal:443"]
listen = ["127.0.0.1:8080"]

[env]
pass = ["LOG_LEVEL"]

[secrets.jwt-key]
from = "file:./jwt.pem"
as = "file"
to = "/run/secrets/jwt.pem"
"#;

fn boundary(text: &str) -> Boundary {
    ringfence_policy::parse("ringfence.toml", text).unwrap()
}

fn attempt(outcome: Outcome, code: &str, detail: &str) -> Attempt {
    Attempt { outcome, code: code.into(), errno: None, detail: detail.into() }
}

/// A report in which the probes named so went through.
fn report(boundary: &Boundary, open: &[&str]) -> Report {
    let probes: Vec<ProbeReport> = PROBES
        .iter()
        .map(|probe| {
            let through = open.contains(&probe.id);
            ProbeReport {
                claim: probe.claim,
                probe: probe.id,
                class: probe.class.id(),
                attack: probe.attack,
                verdict: if through { Verdict::Open } else { Verdict::Blocked },
                why: String::new(),
                inside: if through {
                    attempt(Outcome::Succeeded, "", "read the canary")
                } else {
                    attempt(Outcome::Failed, "EACCES", "open: permission denied")
                },
                inside_with_node_flags: None,
                outside: attempt(Outcome::Succeeded, "", "read the canary"),
                layers: probe.layers,
                canary_grants: probe.setting == Setting::Granted,
            }
        })
        .collect();
    let mut claims: Vec<ClaimReport> = Vec::new();
    for sentence in statement(boundary) {
        match claims.last_mut() {
            Some(last) if last.claim == sentence.claim => last.sentences.push(sentence),
            _ => claims.push(claim(sentence.claim, sentence, &probes)),
        }
    }
    Report { schema: 1, evidence: evidence(), claims, only: Vec::new(), probes }
}

fn claim(
    claim: Claim,
    sentence: ringfence_policy::statement::Sentence,
    probes: &[ProbeReport],
) -> ClaimReport {
    let count = |verdict| {
        probes.iter().filter(|probe| probe.claim == claim && probe.verdict == verdict).count()
    };
    let counts = [count(Verdict::Blocked), count(Verdict::Inconclusive), count(Verdict::Open)];
    let state = if counts[2] > 0 { ClaimState::Broken } else { ClaimState::Proven };
    ClaimReport { claim, sentences: vec![sentence], state, counts, not_run: 0, seen: None }
}

fn evidence() -> Evidence {
    let answer = |layer: Layer| LayerAnswer {
        layer: layer.id().to_owned(),
        state: "enforced".to_owned(),
        why: None,
    };
    Evidence {
        service: "orders".into(),
        boundary: "ab".repeat(32),
        ringfence: "0.1.0",
        time: MADE.into(),
        host: "host".into(),
        kernel: "Linux 6.18.0 x86_64".into(),
        node: Some("26.10.0".into()),
        users: [0, 65534, 65534],
        layers: Layer::ALL.into_iter().map(answer).collect(),
    }
}

fn render(report: &Report, boundary: &Boundary) -> String {
    Page { report, boundary, runtime: &[], attached: None }.render()
}

/// Twenty grants of each of four kinds.
fn many() -> String {
    let list = |of: &dyn Fn(usize) -> String| {
        let entries: Vec<String> = (1..=20).map(|index| format!("\"{}\"", of(index))).collect();
        format!("[{}]", entries.join(", "))
    };
    let read = list(&|index| format!("/srv/a-rather-long-folder-name/and-another/part-{index}"));
    let write = list(&|index| format!("/var/lib/orders/{index}"));
    let connect = list(&|index| format!("a-very-long-name-{index}.some.example.internal:{index}"));
    let listen = list(&|index| format!("127.0.0.1:80{index:02}"));
    ORDERS
        .replace("[\"./src\", \"./node_modules\"]", &read)
        .replace("[\"/var/lib/orders\"]", &write)
        .replace("[\"api.internal:443\"]", &connect)
        .replace("[\"127.0.0.1:8080\"]", &listen)
}

/// The names of the tags, in order: what is left of a page without its words.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|tag| tag.split([' ', '>', '\n']).next().unwrap()).collect()
}

/// Where the first of these is.
fn position(page: &str, of: &str) -> usize {
    page.find(of).unwrap_or_else(|| panic!("{of} is not on the page"))
}

#[test]
fn every_claim_and_every_attack_is_on_the_page_with_what_was_seen_on_both_sides() {
    let boundary = boundary(ORDERS);
    let report = report(&boundary, &[]);
    let page = render(&report, &boundary);
    for claim in &report.claims {
        position(&page, &format!("id=\"{}\"", claim.claim));
    }
    for probe in &report.probes {
        position(&page, &format!("<code>{}</code>", probe.probe));
    }
    assert_eq!(page.matches("EACCES, open: permission denied").count(), report.probes.len());
    assert_eq!(page.matches("<td>read the canary<td>").count(), report.probes.len());
}

/// The same proof, attached to a service with this check and so many drops.
fn attached(boundary: &Boundary, verdict: Verdict, generation: u64) -> AttachReport {
    let check = Check {
        check: "live-filter",
        expects: "a filter is on every process",
        verdict,
        seen: "3 processes: <mode 2>".into(),
    };
    AttachReport {
        attached: Attached {
            supervisor: 4711,
            program: 4712,
            generation,
            beside: vec!["read-outside"],
            anew: vec!["exfiltrate"],
        },
        checks: vec![check],
        report: report(boundary, &[]),
    }
}

#[test]
fn a_page_of_a_running_service_says_which_and_what_was_seen_of_it() {
    let boundary = boundary(ORDERS);
    let render = |proof: &AttachReport| {
        let (report, attached) = (&proof.report, Some(proof));
        Page { report, boundary: &boundary, runtime: &[], attached }.render()
    };
    let held = render(&attached(&boundary, Verdict::Blocked, 0));
    let block = &held[position(&held, "id=\"attached\"")..position(&held, "id=\"ring\"")];
    position(block, "Attached to process 4712");
    position(block, "supervisor is process 4711");
    position(block, "<code>live-filter</code><td>as planned<td>3 processes: &lt;mode 2&gt;");
    position(block, "1 attack in the live service's own namespaces");
    position(block, "<p>exfiltrate</details>");
    assert!(!held.contains("Grants were dropped") && held.contains("stayed inside its boundary"));
    let dropped = render(&attached(&boundary, Verdict::Blocked, 2));
    let said = dropped.match_indices("Grants were dropped since the service started");
    let said: Vec<usize> = said.map(|(at, _)| at).collect();
    let (ring, sentences) = (position(&dropped, "id=\"ring\""), position(&dropped, "<h2 id=\"sta"));
    assert!(said[0] < position(&dropped, "</header>"), "before every grant");
    assert!(said[1] < ring && said[2] > sentences && said.len() == 3, "with both lists of grants");
    let otherwise = render(&attached(&boundary, Verdict::Open, 0));
    assert!(otherwise.contains("got out of its boundary"));
    position(&otherwise, "id=\"alarm-live\"");
}

#[test]
fn what_could_not_be_decided_is_counted_with_its_reasons() {
    let boundary = boundary(ORDERS);
    let mut report = report(&boundary, &[]);
    report.probes[0].verdict = Verdict::Inconclusive;
    report.probes[0].outside.outcome = Outcome::Failed;
    let page = render(&report, &boundary);
    position(&page, "1 could not be decided here: 1 fail outside too.");
    position(&page, "<dt>Attacks outside ran as<dd>root");
}

#[test]
fn what_is_broken_comes_before_everything_else() {
    let boundary = boundary(ORDERS);
    let page = render(&report(&boundary, &["read-outside"]), &boundary);
    assert!(page.contains("got out of its boundary"));
    let alarm = position(&page, "class=\"alarm\"");
    assert!(alarm < position(&page, "class=\"numbers\""));
    assert!(position(&page[alarm..], "read-outside") < position(&page[alarm..], "</section>"));
    let first = &page[position(&page, "<article")..];
    assert!(first.starts_with("<article class=\"claim broken\" id=\"files-read\">"));
    assert!(first.split("</article>").next().unwrap().contains("<details open>"));
    assert!(page.contains("<title>files: 1 WENT THROUGH</title>"));
    let held = render(&report(&boundary, &[]), &boundary);
    assert!(!held.contains("class=\"alarm\"") && held.contains("stayed inside its boundary"));
}

#[test]
fn nothing_that_the_service_or_the_host_says_becomes_markup() {
    let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>--></style>&lt;\
                   \u{202e}\u{200b}\u{0}\u{1b}[2J\u{e9}\r\n\u{feff}";
    let plain = boundary(ORDERS);
    let benign = report(&plain, &["read-outside"]);
    let mut attacked = report(&plain, &["read-outside"]);
    let evidence = &mut attacked.evidence;
    for text in [&mut evidence.service, &mut evidence.host, &mut evidence.kernel] {
        hostile.clone_into(text);
    }
    evidence.boundary = hostile.to_owned();
    evidence.node = Some(hostile.to_owned());
    for layer in &mut evidence.layers {
        layer.state = hostile.to_owned();
    }
    for probe in &mut attacked.probes {
        probe.inside.code = hostile.to_owned();
        probe.inside.detail = hostile.to_owned();
        probe.outside.detail = hostile.to_owned();
    }
    for sentence in attacked.claims.iter_mut().flat_map(|claim| &mut claim.sentences) {
        hostile.clone_into(&mut sentence.text);
    }
    let mut granted = boundary(ORDERS);
    hostile.clone_into(&mut granted.fs.read[0].value);
    hostile.clone_into(&mut granted.secrets[0].name.value);
    hostile.clone_into(&mut granted.env.pass[0].value);
    let runtime = RuntimeGrant { path: hostile.into(), access: "read", why: hostile.into() };
    let runtime = [runtime];
    let page =
        |report, boundary| Page { report, boundary, runtime: &runtime, attached: None }.render();
    let hostile_page = page(&attacked, &granted);
    assert!(hostile_page.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    // A layer whose answer is unknown is marked where a claim names it.
    let own = |page: &str| {
        let tags = tags(page).into_iter().filter(|tag| !["b", "/b", "text", "/text"].contains(tag));
        tags.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(own(&hostile_page), own(&page(&benign, &plain)));
    assert!(hostile_page.contains(r"&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(hostile_page.contains(r"\u{202e}\u{200b}\u{0}\u{1b}[2J"));
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let boundary = boundary(ORDERS);
    let page = render(&report(&boundary, &["read-outside"]), &boundary);
    for way in
        ["http:", "https:", "//", "url(", "@import", "src=", "<script", "<link", "javascript:"]
    {
        assert!(!page.contains(way), "{way}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
    assert!(!page.contains(" style="), "the policy would refuse it");
}

#[test]
fn long_lists_are_told_in_the_picture_and_are_whole_in_the_table() {
    let boundary = boundary(&many());
    let page = render(&report(&boundary, &[]), &boundary);
    let wide =
        &page[position(&page, "<svg class=\"wide\"")..position(&page, "<svg class=\"narrow\"")];
    assert_eq!(wide.matches(">+15 more</text>").count(), 4);
    let table = &page[position(&page, "<table class=\"gates\"")..position(&page, "id=\"claims\"")];
    for index in 1..=20 {
        position(table, &format!(">/var/lib/orders/{index}<"));
        position(table, &format!(">a-very-long-name-{index}.some.example.internal:{index}<"));
    }
}

#[test]
fn the_lists_beside_the_ring_do_not_overlap_and_stay_in_the_picture() {
    for text in [ORDERS, &many()] {
        let boundary = boundary(text);
        let page = render(&report(&boundary, &[]), &boundary);
        let wide =
            &page[position(&page, "<svg class=\"wide\"")..position(&page, "<svg class=\"narrow\"")];
        for column in ["\" x=\"0\" y=\"", "\" x=\"872\" y=\""] {
            let lines: Vec<f64> = wide
                .split(column)
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
                .collect();
            assert!(lines.len() >= 4, "{lines:?}");
            assert!(lines.windows(2).all(|pair| pair[1] - pair[0] >= 15.9), "{lines:?}");
            assert!(lines.iter().all(|y| (12.0..=632.0).contains(y)), "{lines:?}");
        }
    }
}

#[test]
fn every_state_can_be_filtered() {
    for state in claims::STATES {
        let key = claims::told(state).key;
        let rule = format!("#claims:has([value={key}]:checked) .claim:not(.{key})");
        assert!(STYLE.contains(&rule), "{rule}");
    }
}

#[test]
fn a_part_of_a_proof_says_so_in_its_first_lines() {
    let boundary = boundary(ORDERS);
    let mut report = report(&boundary, &[]);
    report.only = vec!["files"];
    let page = render(&report, &boundary);
    assert!(page.contains("as far as it was attacked"));
    assert!(page.contains("This proof is a part: it attacked only files."));
}

#[test]
fn a_layer_that_is_not_in_force_is_named_with_its_reason_where_it_matters() {
    let boundary = boundary(ORDERS);
    let mut report = report(&boundary, &[]);
    for layer in report.evidence.layers.iter_mut().filter(|layer| layer.layer == "landlock") {
        layer.state = "absent".into();
        layer.why = Some("this kernel has no Landlock".into());
    }
    let page = render(&report, &boundary);
    assert!(page.contains("<b>Missing:</b> this kernel has no Landlock"));
    assert!(page.contains("held by namespaces, landlock <b>(absent)</b>"));
    assert!(page.contains("<circle class=\"ring absent\""));
}

#[test]
fn what_a_proof_leaves_open_is_in_one_place() {
    let boundary = boundary(&ORDERS.replace("api.internal:443", "*.example.com:443"));
    let mut report = report(&boundary, &[]);
    let nothing = render(&report, &boundary);
    assert!(nothing.contains("<dt>Claims<dd>none") && nothing.contains("<dt>Layers<dd>none"));
    assert!(nothing.contains("<dt>Ways out that are granted<dd>"));
    for (probe, outcome) in report.probes.iter_mut().zip([Outcome::NotApplicable, Outcome::Failed])
    {
        probe.verdict = Verdict::Inconclusive;
        probe.outside = attempt(outcome, "EPERM", "refused outside too");
    }
    report.claims[0].state = ClaimState::Unproven;
    let page = render(&report, &boundary);
    let remains = &page[position(&page, "id=\"remains\"")..position(&page, "id=\"layers\"")];
    let (first, second) = (report.probes[0].probe, report.probes[1].probe);
    position(remains, &format!("<dt>Attacks that do not apply here<dd>{first}"));
    position(remains, &format!("<dt>Attacks whose control fails here too<dd>{second}"));
    position(remains, &format!("<dt>Not proven<dd><a href=\"#{0}\">{0}", report.claims[0].claim));
}

#[test]
fn base64_is_that_of_its_standard() {
    // RFC 4648, section 10.
    for (text, encoded) in
        [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
    {
        assert_eq!(base64(text.as_bytes()), encoded);
    }
}

#[test]
fn words_can_be_read_on_their_ground_in_both_modes() {
    // WCAG 2.2, success criterion 1.4.3: 4.5 to 1.
    let dark = include_str!("style.css").split("prefers-color-scheme:dark").nth(1).unwrap();
    for palette in [include_str!("style.css"), dark] {
        let luminance = |name: &str| {
            let hex = palette.split(&format!("--{name}:#")).nth(1).unwrap().get(..6).unwrap();
            let part = |at: usize| {
                let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
        };
        let pairs = [
            ("ink", "paper"),
            ("soft", "paper"),
            ("held", "paper"),
            ("warn", "paper"),
            ("bad", "paper"),
            ("link", "paper"),
            ("ink", "sheet"),
            ("soft", "sheet"),
            ("held", "sheet"),
            ("bad", "sheet"),
            ("ink", "bad-sheet"),
            ("bad", "bad-sheet"),
            ("soft", "bad-sheet"),
            ("link", "bad-sheet"),
            ("warn", "bad-sheet"),
        ];
        for (words, ground) in pairs {
            let (one, other) = (luminance(words), luminance(ground));
            let ratio = (one.max(other) + 0.05) / (one.min(other) + 0.05);
            assert!(ratio >= 4.5, "{words} on {ground}: {ratio:.2}");
        }
    }
}
