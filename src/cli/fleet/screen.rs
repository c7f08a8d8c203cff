//! The work on many hosts on a terminal: counts, and below them a line for each host that is worked on, as far as there is
//! room.

use crate::base::sanitize;
use crate::fleet::outcome::State;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most lines for single hosts.
const ROWS: usize = 12;

pub(super) struct Board {
    all: MultiProgress,
    head: ProgressBar,
    state: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    hosts: usize,
    done: usize,
    failed: usize,
    /// Hosts that are worked on; those without a line are only counted.
    rows: BTreeMap<String, Option<ProgressBar>>,
}

impl Board {
    pub fn new(hosts: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let head = all.add(ProgressBar::no_length());
        style(&head, "{msg}  {elapsed}");
        head.enable_steady_tick(Duration::from_millis(250));
        let board = Self { all, head, state: Mutex::new(Running { hosts, ..Running::default() }) };
        board.count(&board.state());
        board
    }

    pub fn started(&self, host: &str, what: &str) {
        let mut state = self.state();
        let shown = state.rows.values().flatten().count();
        let row = (shown < ROWS).then(|| {
            let row = self.all.add(ProgressBar::new_spinner());
            style(&row, "  {spinner} {prefix}  {elapsed:>4}  {wide_msg}");
            row.set_prefix(sanitize::line(host));
            row.set_message(what.to_owned());
            row.enable_steady_tick(Duration::from_millis(250));
            row
        });
        state.rows.insert(host.to_owned(), row);
        self.count(&state);
    }

    /// An event of a host, with a line to print above all others.
    pub fn event(&self, host: &str, event: &Value, line: Option<String>) {
        let text = |field: &str| event[field].as_str().map(sanitize::line).unwrap_or_default();
        let now = match event["event"].as_str() {
            Some("phaseStarted") => text("phase"),
            Some("waiting") => format!("{}: {}: {}", text("phase"), text("what"), text("last")),
            Some("progress") => format!("{}: {} ({}/{})", text("phase"), text("what"), event["done"], event["total"]),
            _ => String::new(),
        };
        if let Some(Some(row)) = self.state().rows.get(host).filter(|_| !now.is_empty()) {
            row.set_message(now);
        }
        if let Some(line) = line {
            self.print(&format!("{host}: {line}"));
        }
    }

    pub fn ended(&self, host: &str, state: State, text: Option<&str>) {
        {
            let mut running = self.state();
            running.done += 1;
            running.failed += usize::from(matches!(state, State::Failed | State::Unreachable));
            if let Some(Some(row)) = running.rows.remove(host) {
                row.finish_and_clear();
                self.all.remove(&row);
            }
            self.count(&running);
        }
        if let Some(text) = text {
            self.print(&format!("{host}: {text}"));
        }
    }

    pub fn print(&self, text: &str) {
        // A closed terminal must not stop the work.
        let _ = self.all.println(sanitize::line(text));
    }

    pub fn end(&self) {
        self.head.finish_and_clear();
        let _ = self.all.clear();
    }

    fn count(&self, state: &Running) {
        let running = state.rows.len();
        let left = state.hosts.saturating_sub(state.done + running);
        let mut text = format!("done {}  running {running}  left {left}", state.done);
        if state.failed > 0 {
            text += &format!("  failed {}", state.failed);
        }
        self.head.set_message(text);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Running> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn style(bar: &ProgressBar, template: &str) {
    // The templates are constants; if one were wrong, the default would do.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}
