//! The hosts of the benchmark of many hosts: answers what `kubewright apply` asks a host, and takes five seconds for a run.
//!
//! Stands in for the program that `apply` copies to each host. Reads the host's name from `/var/lib/name`.
#![allow(clippy::print_stdout)] // Its output is its answer.

use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{Error, Write, stdin, stdout};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a run takes, and how many events it has.
const RUN: Duration = Duration::from_secs(5);
const EVENTS: u32 = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["host", "facts", ..] => facts()?,
        ["host", "run", ..] => run()?,
        ["token", "create", ..] => print(&json!({
            "tokens": ["abcdef.0123456789abcdef"],
            "joinCommand": format!("kubewright join 10.1.0.1:6443 --discovery-token-ca-cert-hash sha256:{}", "0".repeat(64)),
        })),
        ["token", "delete", ..] => {}
        _ => return Err(format!("a stand-in does not know {words:?}").into()),
    }
    Ok(())
}

fn print(line: &impl Display) {
    println!("{line}");
}

fn facts() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::fs::read_to_string("/var/lib/name")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    print(&json!({
        "hostname": name, "machineId": name, "arch": std::env::consts::ARCH, "kubelet": "v1.30.1",
        "clock": u64::try_from(now)?, "kubewright": env!("CARGO_PKG_VERSION"),
    }));
    Ok(())
}

fn run() -> Result<(), Error> {
    std::io::copy(&mut stdin(), &mut std::io::sink())?;
    let event = |seq: u32, event: &Value| -> Result<(), Error> {
        let mut event = event.clone();
        event["seq"] = seq.into();
        writeln!(stdout(), "{event}")?;
        stdout().flush()
    };
    event(1, &json!({"event": "runStarted"}))?;
    for seq in 2..EVENTS {
        sleep(RUN / EVENTS);
        event(seq, &json!({"event": "message", "phase": "kubelet-start", "message": "waiting for a healthy kubelet"}))?;
    }
    event(EVENTS, &json!({"event": "runDone", "exitCode": 0, "changes": 7}))
}
