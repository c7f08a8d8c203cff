//! `host work`: the process of a run. It runs a command in itself, and writes its events to the file of the run.

use super::run::order;
use crate::base::env::Env;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::cli::args::host::RunArgs;
use crate::cli::session::Session;
use crate::host::detached;
use crate::host::runs::{WorkingDirectory, Writer};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{self, Cursor, Read as _, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The most of a result that is kept to find the number of changes in it.
const LONGEST_RESULT: usize = 64 << 20;

pub fn run(args: &RunArgs, session: &mut Session) -> Result<ExitCode> {
    detached::leave_session();
    let (_, bytes) = session.read_input(Path::new("-"))?;
    let order = order(&bytes)?;
    let files = HostFiles::new(session.root(), Gate::open());
    let command = order.command();
    let clock = session.env.clock.clone();
    let Some(writer) = Writer::begin(&files, &args.id, &command, clock)? else { return Ok(ExitCode::Refused) };
    let writer = Arc::new(Mutex::new(Some(writer)));
    let result = Arc::new(Mutex::new(Vec::new()));
    let directory =
        if order.files.is_empty() { None } else { Some(WorkingDirectory::create(&files, &args.id, &order.files)?) };
    let mut words: Vec<OsString> = vec!["kubewright".into()];
    words.extend(order.arguments.into_iter().map(OsString::from));
    words.extend(["--events", "json", "-o", "json"].map(OsString::from));
    if !files.is_live() {
        words.extend(["--rootfs".into(), session.root().into_os_string()]);
    }
    let env = Env {
        args: words,
        program: session.env.program.clone(),
        vars: session.env.vars.clone(),
        cwd: directory.as_ref().map_or_else(|| "/".into(), |directory| directory.path.clone()),
        stdin: Box::new(Cursor::new(order.input.into_bytes())),
        stdout: Box::new(Kept(Arc::clone(&result))),
        stderr: Box::new(Lines { writer: Arc::clone(&writer), line: Vec::new() }),
        stdin_is_terminal: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        clock: session.env.clock.clone(),
        random: session.env.random.clone(),
        uid: session.env.uid,
    };
    let code = crate::cli::run(env);
    drop(directory);
    let result = result.lock().unwrap_or_else(PoisonError::into_inner);
    let changes = serde_json::from_slice::<Value>(&result).ok().and_then(|value| value["changes"].as_u64());
    if let Some(writer) = writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
        writer.done(code as i32, changes);
    }
    Ok(code)
}

/// Keeps the result, which may have secrets and goes nowhere.
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LONGEST_RESULT.saturating_sub(kept.len());
        bytes.take(room as u64).read_to_end(&mut kept)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes each line of the command's standard error as an event.
struct Lines {
    writer: Arc<Mutex<Option<Writer>>>,
    line: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line);
            let event = match serde_json::from_str::<Value>(text.trim()) {
                Ok(event) if event.is_object() => event,
                // A command line that cannot be parsed is answered in plain text.
                _ => json!({ "event": "error", "error": text.trim() }),
            };
            if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                writer.event(&event);
            }
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
