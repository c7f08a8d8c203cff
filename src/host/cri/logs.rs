//! The output of containers, as runtimes write it below /var/log/pods, or Docker in its own directory.
//!
//! Reads: the last part of a log file, never all of it. Writes nothing.

use crate::host::command::Host;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// One line a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, as the runtime wrote it (RFC 3339); empty when the line is not in the runtime's form.
    pub time: String,
    /// What.
    pub text: String,
}

/// A log may be gigabytes; what went wrong is at its end.
const TAIL: u64 = 128 * 1024;

/// The last lines of a log, at most `most`, oldest first. A log that is not there has none.
pub fn tail(host: &Host, path: &Path, most: usize) -> Vec<LogLine> {
    let Some(text) = host.files.real(path).ok().and_then(|real| end_of(&real)) else { return Vec::new() };
    let lines = parse(&text);
    lines.get(lines.len().saturating_sub(most)..).unwrap_or_default().to_vec()
}

fn end_of(path: &Path) -> Option<String> {
    // Opening anything else may be waited for.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line of a part is most likely the end of one.
    Some(if start == 0 { text } else { text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default() })
}

/// A line of Docker's `json-file`.
#[derive(serde::Deserialize)]
struct JsonLine {
    log: String,
    time: String,
}

/// `TIME stdout|stderr F|P TEXT`; parts of one line (`P`) are put together. Docker writes an object for each line.
fn parse(text: &str) -> Vec<LogLine> {
    let mut lines: Vec<LogLine> = Vec::new();
    let mut is_open = false;
    for raw in text.lines() {
        if let Some(line) = raw.strip_prefix('{').and_then(|_| serde_json::from_str::<JsonLine>(raw).ok()) {
            let text = line.log.trim_end_matches('\n').to_owned();
            lines.push(LogLine { time: line.time, text });
            is_open = false;
            continue;
        }
        let fields: Vec<&str> = raw.splitn(4, ' ').collect();
        let (time, tag, text) = match fields[..] {
            [time, "stdout" | "stderr", tag @ ("F" | "P"), text] => (time, tag, text),
            [time, "stdout" | "stderr", tag @ ("F" | "P")] => (time, tag, ""),
            _ => ("", "F", raw),
        };
        match lines.last_mut() {
            Some(last) if is_open => last.text.push_str(text),
            _ => lines.push(LogLine { time: time.into(), text: text.into() }),
        }
        is_open = tag == "P";
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn parts_of_a_line_are_put_together_and_the_end_is_taken() {
        let log = "2026-01-01T00:00:00.1Z stderr F first\n2026-01-01T00:00:00.2Z stderr P one \n\
                   2026-01-01T00:00:00.3Z stderr F line\nnot in the form\n";
        let fake = FakeHost::new().file("/var/log/pods/x/0.log", log);
        let texts: Vec<String> =
            tail(&fake.live(), Path::new("/var/log/pods/x/0.log"), 2).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one line", "not in the form"]);
    }

    #[test]
    fn lines_of_docker_are_taken_out_of_their_objects() {
        let log = "{\"log\":\"one \\\"word\\\"\\n\",\"stream\":\"stderr\",\"time\":\"2021-01-01T00:00:00Z\"}\n{not an object\n";
        let lines = parse(log);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((texts, lines[0].time.as_str()), (vec!["one \"word\"", "{not an object"], "2021-01-01T00:00:00Z"));
    }

    #[test]
    fn of_a_large_log_only_whole_lines_of_its_end_are_read() {
        let line = "2026-01-01T00:00:00Z stderr F 0123456789\n";
        let fake = FakeHost::new().file("/x.log", &line.repeat(10_000));
        let host = fake.live();
        let lines = tail(&host, Path::new("/x.log"), 1_000_000);
        assert!(lines.len() > 1000 && lines.len() < 10_000);
        assert!(lines.iter().all(|line| line.text == "0123456789"));
        assert!(tail(&host, Path::new("/none.log"), 5).is_empty());
    }
}
