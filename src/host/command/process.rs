//! Real programs: started without a shell, in their own process group, with a timeout.

use super::{Command, Output, Runner};
use crate::host::error::HostError;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long to wait for output after the program exited: a daemon that it started may
/// keep the pipe open.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// Environment variables that started programs do not inherit: our own secrets, and variables that would make the
/// Docker client use another host.
const WITHHELD: [&str; 2] = ["DOCKER_", "KUBEWRIGHT_"];

/// Starts programs of this machine.
#[derive(Default)]
pub struct Processes {
    withheld: Vec<String>,
}

impl Processes {
    /// For a process with these environment variables.
    pub fn new(vars: &BTreeMap<String, String>) -> Self {
        let is_withheld = |name: &&String| WITHHELD.iter().any(|start| name.starts_with(start));
        Self { withheld: vars.keys().filter(is_withheld).cloned().collect() }
    }
}

impl Runner for Processes {
    fn run(&self, program: &Path, command: &Command, limit: Duration) -> Result<Output, HostError> {
        let mut started = std::process::Command::new(program);
        for name in &self.withheld {
            started.env_remove(name);
        }
        let mut child = started
            .args(command.args())
            // The output is parsed, so it must not depend on the user's locale.
            .env("LC_ALL", "C")
            .stdin(if command.stdin().is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| HostError::NotStarted { command: command.shown(), source })?;
        feed(child.stdin.take(), command.stdin());
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (ended, end) = channel();
        let stdout = collect(child.stdout.take(), ended.clone());
        let stderr = collect(child.stderr.take(), ended);

        let start = std::time::Instant::now();
        let has_ended = || matches!(child.try_wait(), Ok(Some(_)));
        if await_output(&end, has_ended, || limit.saturating_sub(start.elapsed())) == Outcome::OutOfTime {
            stop(&mut child, group);
            return Err(HostError::TimedOut { command: command.shown(), limit, stderr: take(&stderr) });
        }
        // A program may close its output and continue; the timeout applies nevertheless.
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(1)),
                Ok(None) => {
                    stop(&mut child, group);
                    return Err(HostError::TimedOut { command: command.shown(), limit, stderr: take(&stderr) });
                }
                Err(source) => return Err(HostError::NotStarted { command: command.shown(), source }),
            }
        };
        let mut error = take(&stderr);
        if let Some(signal) = status.signal() {
            error = format!("{error}killed by signal {signal}");
        }
        Ok(Output { code: status.code(), stdout: take(&stdout), stderr: error })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Ended,
    OutOfTime,
}

/// Waits until both pipes are read to their end. They close when the program exits, unless its daemon inherited them;
/// so after it exited, the remaining output gets [`LAST_OUTPUT`] to arrive.
fn await_output(closed: &Receiver<()>, mut has_ended: impl FnMut() -> bool, left: impl Fn() -> Duration) -> Outcome {
    let (mut open, mut ended) = (2, false);
    while open > 0 {
        let left = left();
        match closed.recv_timeout(if ended { LAST_OUTPUT } else { left.min(LAST_OUTPUT) }) {
            Ok(()) => open -= 1,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if ended => break,
            Err(RecvTimeoutError::Timeout) => {
                ended = has_ended();
                if !ended && left.is_zero() {
                    return Outcome::OutOfTime;
                }
            }
        }
    }
    Outcome::Ended
}

/// Writes a text to a pipe, in its own thread: a program that prints before it has read everything would block both.
fn feed(pipe: Option<impl Write + Send + 'static>, text: &str) {
    if let Some(mut pipe) = pipe {
        let text = text.to_owned();
        // A program that exits without reading everything reports that with its exit code.
        std::thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
    }
}

/// Reads a pipe to its end in its own thread, so that neither pipe can fill up and block the
/// program while the other one is read.
fn collect(pipe: Option<impl Read + Send + 'static>, ended: std::sync::mpsc::Sender<()>) -> Arc<Mutex<Vec<u8>>> {
    let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
    let sink = Arc::clone(&bytes);
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        if let Some(mut pipe) = pipe {
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                sink.extend_from_slice(buffer.get(..read).unwrap_or_default());
            }
        }
        // The receiver is dropped when the command timed out.
        let _ = ended.send(());
    });
    bytes
}

/// Kills the program and its process group.
fn stop(child: &mut Child, group: Option<Pid>) {
    if let Some(group) = group {
        // It may have just exited.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    // One that the kernel does not let go, as with a disk that is gone, is not waited for.
    for _ in 0..LAST_OUTPUT.as_millis() {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn take(bytes: &Mutex<Vec<u8>>) -> String {
    let bytes = std::mem::take(&mut *bytes.lock().unwrap_or_else(PoisonError::into_inner));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Output, HostError> {
        Processes::default().run(Path::new("/bin/sh"), &Command::new(["sh", "-c", script]), limit)
    }

    #[test]
    fn output_and_code_come_back() {
        let output = shell("echo out; echo err >&2; exit 3", Duration::from_secs(20)).unwrap();
        assert_eq!(output, Output { code: Some(3), stdout: "out\n".into(), stderr: "err\n".into() });
    }

    #[test]
    fn withheld_variables_are_not_inherited_by_programs() {
        let names = ["DOCKER_HOST", "KUBEWRIGHT_TOKEN", "KUBEWRIGHT_CERTIFICATE_KEY", "PATH"];
        let vars = names.map(|name| (name.to_owned(), "x".to_owned())).into();
        assert_eq!(Processes::new(&vars).withheld.len(), 3);
        let script = Command::new(["sh", "-c", "echo ${CARGO_MANIFEST_DIR:-none}"]);
        let run = |processes: Processes| processes.run(Path::new("/bin/sh"), &script, Duration::from_secs(20)).unwrap();
        assert_ne!(run(Processes::default()).stdout, "none\n");
        assert_eq!(run(Processes { withheld: vec!["CARGO_MANIFEST_DIR".into()] }).stdout, "none\n");
    }

    #[test]
    fn large_output_on_both_streams_does_not_block() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789; echo 0123456789 >&2; i=$((i+1)); done";
        let output = shell(script, Duration::from_mins(1)).unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (220_000, 220_000));
    }

    #[test]
    fn a_program_reads_the_given_input_and_otherwise_nothing() {
        let text = "0123456789\n".repeat(20_000);
        let cat = Command::new(["cat"]).reading(text.clone());
        let processes = Processes::default();
        assert_eq!(processes.run(Path::new("/bin/cat"), &cat, Duration::from_mins(1)).unwrap().stdout, text);
        assert_eq!(shell("cat", Duration::from_mins(1)).unwrap().stdout, "");
    }

    #[test]
    fn a_program_that_hangs_is_stopped_with_its_children() {
        let error = shell("echo why >&2; sleep 1000 & wait", Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.to_string(), "'sh -c echo why >&2; sleep 1000 & wait' timed out after 200ms: why");
    }

    /// 'kubelet --version' took half a second on a busy host, exited at that moment, and its output was lost.
    #[test]
    fn output_just_before_the_exit_is_read() {
        let (ended, closed) = channel();
        let has_ended = || {
            // Its output arrives only after its exit was seen.
            ended.send(()).unwrap();
            ended.send(()).unwrap();
            true
        };
        assert_eq!(await_output(&closed, has_ended, || Duration::from_millis(1)), Outcome::Ended);
        assert_eq!(closed.try_recv().ok(), None, "the output was not waited for");
    }

    #[test]
    fn a_daemon_that_keeps_the_pipe_open_does_not_block() {
        let output = shell("sleep 5 & echo done", Duration::from_mins(1)).unwrap();
        assert_eq!(output.stdout, "done\n");
    }
}
