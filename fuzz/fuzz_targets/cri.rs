//! A container runtime, whatever it sends, is understood or refused, and nothing waits for it without end. The first byte
//! selects whether the rest is the whole connection or one message in otherwise correct frames.
#![no_main]

use kubewright::base::env::Clock;
use kubewright::base::files::HostFiles;
use kubewright::base::gate::Gate;
use kubewright::host::Host;
use kubewright::host::cri::{Cri, Endpoint};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::thread;

/// The frames of HTTP/2 (RFC 9113, section 6) of which an answer consists.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// ':status 200' of the static table, and 'grpc-status 0' as a literal (RFC 7541).
const STATUS_200: &[u8] = &[0x88];
const GRPC_OK: &[u8] = b"\0\x0bgrpc-status\x010";

/// What the runtime sends on each connection.
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SOCKET: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("kubewright-fuzz-cri-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    path
});

fn serve(mut stream: UnixStream) {
    let answer = ANSWER.lock().expect("no test has failed").clone();
    // The request is read first: an answer to a stream that is not open yet is an error of the protocol.
    let mut request = [0; 4096];
    let mut read = 0;
    while read < 150 {
        match stream.read(&mut request) {
            Ok(count) if count > 0 => read += count,
            _ => return,
        }
    }
    let _ = stream.write_all(&answer);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short input").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((form, rest)) = bytes.split_first() else { return };
    *ANSWER.lock().expect("no test has failed") = if form % 2 == 0 {
        rest.to_vec()
    } else {
        let length = u32::try_from(rest.len()).expect("a short input").to_be_bytes();
        let message = [&[0], &length[..], rest].concat();
        [
            frame(SETTINGS, 0, 0, &[]),
            frame(HEADERS, END_HEADERS, 1, STATUS_200),
            frame(DATA, 0, 1, &message),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, GRPC_OK),
        ]
        .concat()
    };
    let files = HostFiles::new("/", Gate::open());
    let host = Host::new(&BTreeMap::new(), Clock::system(), files, Gate::open());
    let endpoint = Endpoint::parse(&SOCKET.display().to_string()).expect("an absolute path");
    if let Ok(runtime) = Cri::connect(&host, &endpoint) {
        let _ = runtime.status();
        let _ = runtime.runtime_config();
        let _ = runtime.images();
        let _ = runtime.pods();
        let _ = runtime.containers();
    }
});
