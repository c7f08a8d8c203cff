//! Commands by the library: streams, input, exit codes, limits, hosts that misbehave.

use super::super::server::{Running, server, user};
use kubewright::base::exit_code::ExitCode;
use kubewright::base::fault::Fault;
use kubewright::ssh::{Exit, Host, Limits, RemoteCommand, Sink, SshError, Stream};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

fn sh(script: &str) -> RemoteCommand {
    RemoteCommand::new("sh").args(["-c", script])
}

fn connect(host: &Running) -> Host {
    host.connect(None).unwrap()
}

#[test]
#[ignore = "needs sshd"]
fn streams_are_apart_and_input_arrives_whole() {
    let server = server().start();
    let mut host = connect(&server);
    let out = host.capture(&sh("cat; echo err >&2; exit 7"), b"a\0b\xff\n", Limits::default()).unwrap();
    assert_eq!(
        (out.exit, out.stdout.as_slice(), out.stderr.as_slice()),
        (Exit::Code(7), &b"a\0b\xff\n"[..], &b"err\n"[..])
    );
    let nothing = host.capture(&RemoteCommand::new("cat"), b"", Limits::default()).unwrap();
    assert_eq!((nothing.exit, nothing.stdout.len()), (Exit::Code(0), 0));
}

/// Both streams are larger than any window and any pipe, and so is the input.
#[test]
#[ignore = "needs sshd"]
fn large_streams_in_all_directions_do_not_block_one_another() {
    let server = server().start();
    let mut host = connect(&server);
    let input: Vec<u8> = (0..6_000_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let script = "tee /dev/stderr";
    let out = host.capture(&sh(script), &input, Limits { output: 64 << 20, ..Limits::default() }).unwrap();
    assert!(out.stdout == input && out.stderr == input, "{} {}", out.stdout.len(), out.stderr.len());
}

#[test]
#[ignore = "needs sshd"]
fn a_signal_is_not_success() {
    let server = server().start();
    let out = connect(&server).capture(&sh("kill -TERM $$"), b"", Limits::default()).unwrap();
    assert_eq!(out.exit, Exit::Signal("TERM".into()));
    assert!(!out.exit.is_success());
}

#[test]
#[ignore = "needs sshd"]
fn arguments_arrive_as_they_are_or_are_refused() {
    let server = server().start();
    let mut host = connect(&server);
    let words = ["a  b", "$HOME `id` $(id)", "*", "\"q\"", "", "-n", "%s", "ü;&|<>"];
    let command = RemoteCommand::new("printf").arg("%s,").args(words);
    let out = host.capture(&command, b"", Limits::default()).unwrap();
    assert_eq!(out.text(), words.map(|word| format!("{word},")).concat());
    let error = host.capture(&RemoteCommand::new("echo").arg("it's"), b"", Limits::default()).unwrap_err();
    assert!(error.to_string().contains("cannot be given to every login shell"), "{error}");
}

#[test]
#[ignore = "needs sshd"]
fn endless_output_ends_at_the_limit() {
    let server = server().start();
    let mut host = connect(&server);
    let limits = Limits { output: 1 << 20, ..Limits::default() };
    let error = host.capture(&RemoteCommand::new("yes"), b"", limits).unwrap_err();
    assert_eq!(error.to_string(), format!("the command printed more than {} bytes", 1 << 20));
    // The connection serves the next command.
    assert_eq!(host.capture(&sh("echo on"), b"", Limits::default()).unwrap().text(), "on\n");
}

#[test]
#[ignore = "needs sshd"]
fn a_command_that_hangs_ends_at_the_limit() {
    let server = server().start();
    let mut host = connect(&server);
    let start = Instant::now();
    let limits = Limits { time: Some(Duration::from_secs(2)), ..Limits::default() };
    let error = host.capture(&sh("sleep 600"), b"", limits).unwrap_err();
    assert!(matches!(error, SshError::TimedOut { .. }) && error.retryable(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

struct StopAt(&'static [u8], Vec<u8>);

impl Sink for StopAt {
    fn output(&mut self, _stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        self.1.extend_from_slice(bytes);
        if self.1.windows(self.0.len()).any(|window| window == self.0) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[test]
#[ignore = "needs sshd"]
fn a_sink_stops_a_command() {
    let server = server().start();
    let mut sink = StopAt(b"two", Vec::new());
    let exit = connect(&server).run(&sh("echo one; echo two; sleep 600"), b"", &mut sink, Limits::default()).unwrap();
    assert_eq!(exit, Exit::Stopped);
}

#[test]
#[ignore = "needs sshd"]
fn a_forced_command_is_named() {
    let server = server().config("ForceCommand echo only for backups").start();
    let error = connect(&server).facts().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} cannot run commands: instead of the command, the host printed \"only for backups\"", user())
    );
    assert_eq!(error.exit_code(), ExitCode::Host);
    assert!(error.hint().unwrap().contains("ForceCommand"));
}

#[test]
#[ignore = "needs sshd"]
fn a_command_of_authorized_keys_is_named() {
    let server = server().start();
    let key = std::fs::read_to_string(server.path("authorized_keys")).unwrap();
    std::fs::write(server.path("authorized_keys"), format!("command=\"echo backups\" {key}")).unwrap();
    let mut host = connect(&server);
    let error = host.facts().unwrap_err().to_string();
    assert!(error.ends_with("instead of the command, the host printed \"backups\""), "{error}");
}

/// It prints what a shell with tracing prints: its own command line, which has the marker.
#[test]
#[ignore = "needs sshd"]
fn an_echo_of_the_command_line_is_not_taken_for_its_start() {
    let server = server().config("ForceCommand echo \"$SSH_ORIGINAL_COMMAND\"; exit 1").start();
    let error = connect(&server).facts().unwrap_err();
    assert!(error.to_string().contains("cannot run commands: instead of the command, the host printed"), "{error}");
}

#[test]
#[ignore = "needs sshd"]
fn terminal_escapes_of_a_host_are_not_repeated() {
    let server = server().config("ForceCommand printf '\\033[2J\\033]0;owned\\007%s' hello").start();
    let error = connect(&server).facts().unwrap_err().to_string();
    assert!(!error.contains('\u{1b}') && !error.contains('\u{7}') && error.contains("hello"), "{error:?}");
}

#[test]
#[ignore = "needs sshd"]
fn noise_before_the_command_is_dropped_up_to_a_limit() {
    let quiet = "ForceCommand sh -c 'head -c 40000 /dev/urandom; head -c 40000 /dev/urandom >&2; eval \"$SSH_ORIGINAL_COMMAND\"'";
    let server_ = server().config(quiet).config("Banner /etc/hostname").start();
    let out = connect(&server_).capture(&sh("echo out; echo err >&2"), b"", Limits::default()).unwrap();
    assert_eq!((out.text().as_str(), out.stderr.as_slice()), ("out\n", &b"err\n"[..]));

    let loud = "ForceCommand sh -c 'head -c 1048576 /dev/zero; eval \"$SSH_ORIGINAL_COMMAND\"'";
    let server = server().config(loud).start();
    let error = connect(&server).facts().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the login shell of {} printed more than 65536 bytes before the command ran", user())
    );
}

#[test]
#[ignore = "needs sshd"]
fn one_session_is_enough() {
    let server = server().config("MaxSessions 1").start();
    let mut host = connect(&server);
    for n in 0..3 {
        assert_eq!(host.capture(&sh(&format!("echo {n}")), b"", Limits::default()).unwrap().text(), format!("{n}\n"));
    }
}

#[test]
#[ignore = "needs sshd"]
fn a_connection_that_dies_is_reported_as_lost() {
    let server = server().start();
    let mut host = connect(&server);
    // The parent of the login shell is the sshd of this session.
    let error = host.capture(&sh("kill -9 $PPID; sleep 60"), b"", Limits::default()).unwrap_err();
    assert!(matches!(error, SshError::Lost { .. }) && error.retryable(), "{error}");
    assert_eq!(error.exit_code(), ExitCode::Unreachable);
}

#[test]
#[ignore = "needs sshd"]
fn a_host_that_is_silent_is_noticed() {
    let server = server().start();
    let overrides = kubewright::ssh::Overrides {
        keepalive: Some(kubewright::ssh::Keepalive { interval: Duration::from_secs(1), count: 2 }),
        ..Default::default()
    };
    let mut host = server.connector().connect(&server.target(None, &overrides).unwrap()).unwrap();
    // All that this connection has on the host stops, as it would behind a cable that was pulled.
    let script = "kill -STOP $PPID; sleep 8; kill -KILL $PPID";
    let start = Instant::now();
    let error = host.capture(&sh(script), b"", Limits { time: None, ..Limits::default() }).unwrap_err();
    assert!(error.to_string().contains("was lost: no sign of life for"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(40));
}
