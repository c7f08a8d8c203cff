//! `KubeletEnvironment`: variables that the kubelet's unit does not get, because their names are misspelt or systemd
//! cannot parse the line.
//!
//! The kubelet starts without the flags in them, and nothing reports it.

use super::finding::Finding;
use super::inputs::{Check, Scene};
use crate::base::suggest::similar;
use crate::host::kubelet_flags::FILES;
use std::path::Path;

const ID: &str = "KubeletEnvironment";
/// The variables in kubeadm's drop-in for the kubelet's unit.
const KNOWN: [&str; 4] =
    ["KUBELET_EXTRA_ARGS", "KUBELET_KUBEADM_ARGS", "KUBELET_CONFIG_ARGS", "KUBELET_KUBECONFIG_ARGS"];

pub(super) fn checks<'a>() -> Vec<Check<'a>> {
    vec![Check::offline(ID, |scene| FILES.into_iter().flat_map(|file| check_file(scene, file)).collect())]
}

fn check_file(scene: &Scene<'_>, file: &str) -> Vec<Finding> {
    match scene.files().read_text(Path::new(file)) {
        Ok(Some(text)) => defects(&text)
            .into_iter()
            .map(|(line, what, fix)| Finding::warning(ID, format!("{file}:{line}"), what, fix))
            .collect(),
        Ok(None) => Vec::new(),
        Err(error) => vec![Finding::unknown(ID, &error)],
    }
}

/// The line numbers, what is wrong, and the fix. Values are not quoted: they may be secret.
fn defects(text: &str) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    let mut continues = false;
    for (at, line) in text.lines().enumerate() {
        let is_continuation = std::mem::replace(&mut continues, line.ends_with('\\'));
        let line = line.trim();
        if is_continuation || line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let exported = line.strip_prefix("export ").map(str::trim_start);
        let rest = exported.unwrap_or(line);
        let word = rest.split(['=', ' ', '\t']).next().unwrap_or_default();
        let assigned = rest[word.len()..].trim_start().starts_with('=');
        let Some(meant) = KNOWN.into_iter().find(|known| *known == word).or_else(|| similar(word, KNOWN)) else {
            continue;
        };
        let what = match (exported, assigned) {
            (Some(_), _) => format!("systemd ignores the line of {meant}, because it starts with 'export'"),
            (None, false) => format!("systemd ignores the line of {meant}, because it has no '='"),
            (None, true) if word != meant => format!("the kubelet's unit does not use the variable {word}"),
            (None, true) => continue,
        };
        found.push((at + 1, what, format!("write '{meant}=…', then run 'systemctl restart kubelet'")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        defects(text).into_iter().map(|(line, what, _)| format!("{line}: {what}")).collect()
    }

    #[test]
    fn a_misspelt_variable_is_named_with_its_line() {
        let found = lines("# flags\nKUBELET_EXTAR_ARGS=--fail-swap-on=false\n");
        assert_eq!(found, ["2: the kubelet's unit does not use the variable KUBELET_EXTAR_ARGS"]);
        assert_eq!(lines("kubelet_extra_args=--v=2\n").len(), 1, "names are case-sensitive");
        let fix = defects("KUBELET_EXTRA_ARG=--v=2\n").remove(0).2;
        assert!(fix.contains("'KUBELET_EXTRA_ARGS=…'"), "{fix}");
    }

    #[test]
    fn lines_that_systemd_ignores_are_named() {
        assert!(lines("export KUBELET_EXTRA_ARGS=--v=2\n")[0].contains("'export'"));
        assert!(lines("KUBELET_EXTRA_ARGS --v=2\n")[0].contains("no '='"));
    }

    #[test]
    fn right_names_other_variables_and_continued_lines_are_left_alone() {
        let text = "; note\nKUBELET_EXTRA_ARGS=\"--v=2 \\\n  KUBELET_EXTAR_ARGS=x\"\nHTTP_PROXY=http://u:secret@proxy\nKUBELET_KUBEADM_ARGS=\n";
        assert_eq!(lines(text), [""; 0]);
    }
}
