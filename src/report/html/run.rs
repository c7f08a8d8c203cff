//! A run as the values that its page is made of.

use crate::base::record::Record;
use crate::report::change_list::ChangeList;
use crate::report::error_text::ErrorText;
use crate::state::status::Status;
use serde::Serialize;

/// What a run was.
#[derive(Default)]
pub struct Run {
    /// As it was typed, masked.
    pub command: String,
    /// The kind of command, for the title: `init`.
    pub name: &'static str,
    pub ending: Ending,
    /// A dry run, which may have failed.
    pub is_planned: bool,
    pub exit_code: u8,
    /// When it began, in seconds since the epoch.
    pub began: i64,
    /// Names and versions, with their labels.
    pub facts: Vec<Fact>,
    pub error: Option<ErrorText>,
    pub record: Record,
    pub hosts: Vec<HostLine>,
    /// What was found beside what is done on each host, masked.
    pub remarks: String,
    pub changed: Option<ChangeList>,
    pub status: Option<Status>,
    /// The last text of the command, masked.
    pub closing: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    #[default]
    Succeeded,
    Failed,
    /// A dry run: nothing was changed.
    Planned,
}

/// A name or version in the head of the page.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    pub label: &'static str,
    pub value: String,
}

impl Fact {
    pub fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into() }
    }
}

/// One of many hosts: what was to be done, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostLine {
    pub host: String,
    pub role: String,
    pub plan: String,
    /// `changed`, `failed`; None while it is only planned.
    pub state: Option<&'static str>,
    pub is_bad: bool,
    pub why: String,
    pub help: Option<String>,
    pub changes: Option<u64>,
    pub millis: u64,
}
