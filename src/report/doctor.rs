//! What `doctor` found, as text.

use super::count;
use super::paint::{Paint, Tone};
use crate::base::wrap::wrap;
use crate::state::doctor::{Finding, Findings, Severity};

/// All findings, what was not checked, and the result.
pub fn text(findings: &Findings, width: usize, paint: Paint) -> String {
    let mut text: String = findings.findings.iter().map(|finding| one(finding, width, paint)).collect();
    if !findings.not_checked.is_empty() {
        text += "Not checked:\n";
        for one in &findings.not_checked {
            text += &wrap(&format!("{}: {}", one.check, one.why), width, "  ", "    ");
        }
        text += "\n";
    }
    text + &wrap(&result(findings), width, "", "")
}

fn one(finding: &Finding, width: usize, paint: Paint) -> String {
    let (word, tone) = match finding.severity {
        Severity::Error => ("ERROR", Tone::Removed),
        Severity::Warning => ("WARNING", Tone::Changed),
        Severity::Note => ("NOTE", Tone::Title),
    };
    let mut text =
        wrap(&format!("{} ({})", finding.id, finding.place), width, &format!("{} ", paint.text(tone, word)), "  ");
    text += &wrap(&finding.what, width, "  ", "  ");
    if !finding.why.is_empty() {
        text += &wrap(&format!("why: {}", finding.why), width, "  ", "    ");
    }
    for line in &finding.evidence {
        text += &wrap(line, width, "  | ", "  |   ");
    }
    text += &wrap(&format!("fix: {}", finding.fix), width, "  ", "    ");
    text + "\n"
}

fn result(findings: &Findings) -> String {
    let numbers = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let numbers = numbers.map(|(severity, noun)| (findings.count(severity), noun));
    let listed: Vec<String> =
        numbers.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(*number, noun)).collect();
    let found = if listed.is_empty() { "nothing found".to_owned() } else { listed.join(", ") };
    let skipped = findings.not_checked.len();
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} not made") };
    let fixable = findings.findings.iter().any(|finding| finding.fixable);
    let fix = if fixable {
        " To preview what can be fixed automatically, run 'kubewright doctor --fix --dry-run'."
    } else {
        ""
    };
    format!("{} beside the state of the cluster{skipped}: {found}.{fix}", count(findings.checks.len(), "check"))
}
