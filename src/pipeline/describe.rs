//! The list of phases as help text and as Markdown.

use super::action::Registry;
use super::spec::{PhaseSpec, Workflow};
use std::fmt::Write;

impl Workflow {
    /// The list as `--help` shows it: one line a phase, sub-phases indented.
    pub fn help(&self, registry: &Registry) -> String {
        let rows = self.rows(registry);
        let width = rows.iter().map(|(depth, name, _)| depth * 2 + name.len()).max().unwrap_or(0);
        let mut text = format!("The phases of '{}', in order:\n", self.workflow);
        for (depth, name, short) in rows {
            let label = format!("{}{name}", "  ".repeat(depth));
            let _ = writeln!(text, "  {label:width$}  {short}");
        }
        text
    }

    /// The list as a table for `docs/phases.md`.
    pub fn markdown(&self, registry: &Registry) -> String {
        let mut text = format!("## {}\n\n| phase | what it does |\n|---|---|\n", self.workflow);
        for (depth, name, short) in self.rows(registry) {
            let name = name.trim_start_matches('/');
            let label = if depth == 0 { format!("**{name}**") } else { format!("{}{name}", "&emsp;".repeat(depth)) };
            let _ = writeln!(text, "| {label} | {short} |");
        }
        text
    }

    /// Depth, name and line of each phase that can be called by itself.
    fn rows(&self, registry: &Registry) -> Vec<(usize, String, String)> {
        fn add(phases: &[PhaseSpec], depth: usize, registry: &Registry, rows: &mut Vec<(usize, String, String)>) {
            for phase in phases.iter().filter(|phase| !phase.hidden) {
                let slash = if depth > 0 { "/" } else { "" };
                rows.push((depth, format!("{slash}{}", phase.name), phase.short.clone()));
                for item in phase.each.map(registry.items).unwrap_or_default() {
                    rows.push((depth + 1, format!("/{}", item.name), item.short.into()));
                }
                add(&phase.phases, depth + 1, registry, rows);
            }
        }
        let mut rows = Vec::new();
        add(&self.phases, 0, registry, &mut rows);
        rows
    }
}
