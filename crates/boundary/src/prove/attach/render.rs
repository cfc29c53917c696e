//! The proof of a running service for people and as Markdown: what was seen, then the attacks.

use super::{AttachReport, Attached};
use crate::prove::Verdict;
use crate::prove::markdown::cell;
use ringfence_policy::display::untrusted;
use std::fmt::Write as _;

impl AttachReport {
    /// 1 when an attack went through or something live is not as planned; 3 when something could not
    /// be seen or a claim has no conclusive attack; else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let any = |verdict| self.checks.iter().any(|check| check.verdict == verdict);
        match self.report.exit_code() {
            1 => 1,
            _ if any(Verdict::Open) => 1,
            0 if any(Verdict::Inconclusive) => 3,
            code => code,
        }
    }

    /// For people.
    #[must_use]
    pub fn render_human(&self) -> String {
        let mut text = self.attached.sentence();
        text.push_str("\n\nthe live service, seen from outside:\n");
        for check in &self.checks {
            let seen = untrusted(&check.seen);
            let _ = match check.verdict {
                Verdict::Blocked => writeln!(text, "  {:<18} {seen}", check.check),
                Verdict::Open => {
                    writeln!(text, "  {:<18} OPEN: {seen} ({})", check.check, check.expects)
                }
                Verdict::Inconclusive => {
                    writeln!(text, "  {:<18} inconclusive: {seen}", check.check)
                }
            };
        }
        text.push('\n');
        text.push_str(&self.report.render_human());
        text
    }

    /// For a ticket.
    #[must_use]
    pub fn render_markdown(&self) -> String {
        let mut text = self.attached.sentence();
        text.push_str("\n\n| live service | verdict | seen |\n| --- | --- | --- |\n");
        for check in &self.checks {
            let seen = cell(&check.seen);
            let _ = writeln!(text, "| {} | {} | {seen} |", check.expects, check.verdict);
        }
        text.push('\n');
        text.push_str(&self.report.render_markdown());
        text
    }
}

impl Attached {
    /// What was live and what was not.
    fn sentence(&self) -> String {
        let mut text = format!(
            "attached to process {} (supervisor {}): {} attacks in its own namespaces and root,\n\
             with identity, Landlock, filter, broker and limits built anew from the same plan;\n\
             {} attacks in a boundary built anew as a whole",
            self.program,
            self.supervisor,
            self.beside.len(),
            self.anew.len(),
        );
        if self.generation > 0 {
            text.push_str(
                "\ngrants were dropped since it started: the attacks have those of the file",
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AttachReport, Attached, Check};
    use crate::prove::Verdict;
    use crate::prove::report::{Evidence, Report};

    #[test]
    fn what_a_live_service_shows_stays_in_its_cell() {
        let evidence = Evidence {
            service: "s".into(),
            boundary: "0".repeat(64),
            ringfence: "0.0.0",
            time: "2026-11-22T19:00:00.000Z".into(),
            host: "h".into(),
            kernel: "k".into(),
            node: None,
            users: [0, 1, 1],
            layers: Vec::new(),
        };
        let check = Check {
            check: "live-program",
            expects: "the program is the planned one",
            verdict: Verdict::Open,
            seen: "it runs /a|b<img src=x>".into(),
        };
        let attached = Attached {
            supervisor: 1,
            program: 2,
            generation: 1,
            beside: Vec::new(),
            anew: Vec::new(),
        };
        let (claims, only, probes) = (Vec::new(), Vec::new(), Vec::new());
        let report = Report { schema: 1, evidence, claims, only, probes };
        let proof = AttachReport { attached, checks: vec![check], report };
        let markdown = proof.render_markdown();
        assert!(markdown.contains(r"| open | it runs /a\|b&lt;img src=x&gt; |"), "{markdown}");
        assert!(markdown.contains("grants were dropped since it started"), "{markdown}");
        assert!(proof.render_human().contains("OPEN: it runs"), "{markdown}");
        assert_eq!(proof.exit_code(), 1);
    }
}
