//! The proof of a running service for people and as Markdown: what was seen, then the attacks.

use super::{AttachReport, Attached};
use crate::prove::Verdict;
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
            let seen = untrusted(&check.seen).to_string().replace('|', "\\|");
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
