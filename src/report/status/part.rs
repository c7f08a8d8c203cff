//! A part of the screen.

use crate::state::status::Severity;

/// A part: its label, its lines, and whether it needs attention.
pub struct Part {
    pub label: &'static str,
    pub lines: Vec<String>,
    pub severity: Severity,
}
