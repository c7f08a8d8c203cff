//! Pulling images: which, how many at once, how often, and why it did not work.
//!
//! Reads: which images are there. Writes: images, through the gate, telling each one's end.

use super::client::Cri;
use super::error::{CriError, PullReason};
use super::grpc::CallError;
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::gate::Change;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many images at once: more only makes each slower, and registries count connections.
const AT_ONCE: usize = 4;
/// A registry that stumbles gets so many chances, as with kubeadm.
const ATTEMPTS: usize = 5;

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Also when it is there.
    Always,
    /// When it is missing.
    IfNotPresent,
    /// Never.
    Never,
}

impl Policy {
    /// The policy of this name (`Always`, `IfNotPresent`, `Never`); `IfNotPresent` for an empty one.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "Always" => Some(Self::Always),
            "" | "IfNotPresent" => Some(Self::IfNotPresent),
            "Never" => Some(Self::Never),
            _ => None,
        }
    }
}

/// How images are pulled.
#[derive(Clone, Copy, Debug)]
pub struct Pulls {
    /// When an image is pulled.
    pub policy: Policy,
    /// One after the other.
    pub serial: bool,
    /// How long one image may take, all attempts together.
    pub limit: Duration,
}

/// Images that could not be pulled; never empty.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct PullErrors(pub Vec<CriError>);

impl Fault for PullErrors {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        self.0.iter().find_map(Fault::hint)
    }
    fn retryable(&self) -> bool {
        self.0.iter().all(Fault::retryable)
    }
}

impl Pulls {
    /// The images of the list that would be pulled.
    ///
    /// # Errors
    /// When the runtime does not answer.
    pub fn missing<'a>(&self, cri: &Cri, images: &'a [String]) -> Result<Vec<&'a String>, CriError> {
        match self.policy {
            Policy::Never => Ok(Vec::new()),
            Policy::Always => Ok(images.iter().collect()),
            Policy::IfNotPresent => {
                let mut missing = Vec::new();
                for image in images {
                    if !cri.has_image(image)? {
                        missing.push(image);
                    }
                }
                Ok(missing)
            }
        }
    }

    /// Pulls what is to be pulled and returns how many images that were. All are tried, whatever
    /// happens to one.
    ///
    /// # Errors
    /// Every image that could not be pulled, with its registry's reason.
    pub fn run(&self, cri: &Cri, images: &[String], events: &Events) -> Result<usize, PullErrors> {
        let missing = self.missing(cri, images).map_err(|error| PullErrors(vec![error]))?;
        let total = missing.len();
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let failures: Mutex<Vec<(usize, CriError)>> = Mutex::new(Vec::new());
        let work = || {
            while let Some((place, image)) = {
                let place = next.fetch_add(1, Ordering::SeqCst);
                missing.get(place).map(|image| (place, *image))
            } {
                match self.pull(cri, image) {
                    Ok(()) => {
                        let done = done.fetch_add(1, Ordering::SeqCst) + 1;
                        events.progress(&format!("pulled {image}"), done as u64, total as u64);
                    }
                    Err(error) => {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push((place, error));
                    }
                }
            }
        };
        let workers = if self.serial { 1 } else { AT_ONCE.min(total) };
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
        let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        failures.sort_by_key(|(place, _)| *place);
        if failures.is_empty() {
            Ok(total)
        } else {
            Err(PullErrors(failures.into_iter().map(|(_, error)| error).collect()))
        }
    }

    fn pull(&self, cri: &Cri, image: &str) -> Result<(), CriError> {
        let change =
            Change::Request { api: "cri".into(), verb: "pull".into(), object: format!("image {image}"), body: None };
        cri.gate.pass(change, || self.attempts(cri, image)).map(|_| ())
    }

    fn attempts(&self, cri: &Cri, image: &str) -> Result<(), CriError> {
        let start = std::time::Instant::now();
        let mut attempt = 1;
        loop {
            let left = self.limit.saturating_sub(start.elapsed());
            let Err(error) = cri.pull_once(image, left) else { return Ok(()) };
            let error = explain(image, &error);
            if !error.retryable() || attempt == ATTEMPTS || start.elapsed() >= self.limit {
                return Err(error);
            }
            attempt += 1;
        }
    }
}

/// The registry in an image's name; `docker.io` when it names none, as runtimes have it.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

fn explain(image: &str, error: &CallError) -> CriError {
    let message = match error {
        CallError::Status { message, .. } => innermost(message).to_owned(),
        other => other.to_string(),
    };
    let reason =
        if matches!(error, CallError::TimedOut(_)) { PullReason::Unreachable } else { reason(&error.to_string()) };
    CriError::Pull { image: image.into(), registry: registry_of(image).into(), message, reason }
}

/// What runtimes' words mean, most telling first. The words are those of the Go standard library,
/// the registries' own and containerd's.
fn reason(message: &str) -> PullReason {
    const WORDS: [(&str, PullReason); 22] = [
        ("no space left on device", PullReason::DiskFull),
        ("no such host", PullReason::Dns),
        // Go says so also when the name server itself cannot be reached.
        ("dial tcp: lookup ", PullReason::Dns),
        ("server misbehaving", PullReason::Dns),
        ("Temporary failure in name resolution", PullReason::Dns),
        ("toomanyrequests", PullReason::RateLimited),
        ("429 Too Many Requests", PullReason::RateLimited),
        ("x509:", PullReason::Tls),
        ("tls:", PullReason::Tls),
        ("server gave HTTP response to HTTPS client", PullReason::Tls),
        ("insufficient_scope", PullReason::Denied),
        ("unauthorized", PullReason::Denied),
        ("401 Unauthorized", PullReason::Denied),
        ("403 Forbidden", PullReason::Denied),
        ("pull access denied", PullReason::Denied),
        ("not found", PullReason::NotFound),
        ("manifest unknown", PullReason::NotFound),
        ("connection refused", PullReason::Unreachable),
        ("i/o timeout", PullReason::Unreachable),
        ("network is unreachable", PullReason::Unreachable),
        ("no route to host", PullReason::Unreachable),
        ("deadline exceeded", PullReason::Unreachable),
    ];
    WORDS.iter().find(|(words, _)| message.contains(words)).map_or(PullReason::Other, |(_, reason)| *reason)
}

/// The last part of a chain `failed to pull …: failed to resolve …: dial tcp …: connection refused`
/// that still says what was done: everything after the image's name was repeated last.
fn innermost(message: &str) -> &str {
    ["failed to do request: ", "failed to resolve reference ", "failed to copy: "]
        .iter()
        .find_map(|start| message.rsplit_once(start).map(|(_, rest)| rest))
        .unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;
    use crate::host::cri::fake::FakeCri;
    use crate::host::cri::socket::Endpoint;

    const SOCKET: &str = "/run/containerd/containerd.sock";
    const PULLS: Pulls = Pulls { policy: Policy::IfNotPresent, serial: false, limit: Duration::from_mins(1) };

    fn connect(host: &FakeHost) -> Cri {
        Cri::connect(&host.live(), &Endpoint::parse(SOCKET).unwrap()).unwrap()
    }

    #[test]
    fn only_missing_images_are_pulled_and_every_failure_is_told() {
        let host = FakeHost::new();
        let refused = "failed to pull and unpack image \"r.example/b:1\": failed to resolve reference \"r.example/b:1\": \
                       failed to do request: Head \"https://r.example/v2/b/manifests/1\": dial tcp: lookup r.example: no such host";
        let server = FakeCri::new().image("r.example/a:1").fails("PullImage", 2, refused).serve(host.root(), SOCKET);
        let images = ["r.example/a:1", "r.example/b:1", "r.example/c:1"].map(str::to_owned);
        let errors = PULLS.run(&connect(&host), &images, &Events::silent()).unwrap_err();
        assert_eq!(errors.0.len(), 2);
        assert!(
            matches!(&errors.0[0], CriError::Pull { registry, reason: PullReason::Dns, .. } if registry == "r.example")
        );
        assert!(errors.hint().unwrap().contains("getent hosts r.example"));
        let pulls = server.calls().iter().filter(|call| call.ends_with("PullImage")).count();
        assert_eq!(pulls, 2 * ATTEMPTS);
    }

    #[test]
    fn what_cannot_get_better_is_tried_once() {
        let host = FakeHost::new();
        let server = FakeCri::new()
            .fails("PullImage", 5, "failed to resolve reference \"k/x:9\": k/x:9: not found")
            .serve(host.root(), SOCKET);
        let errors = PULLS.run(&connect(&host), &["k/x:9".into()], &Events::silent()).unwrap_err();
        assert!(!errors.retryable());
        assert_eq!(server.calls().iter().filter(|call| call.ends_with("PullImage")).count(), 1);
        let never = Pulls { policy: Policy::Never, ..PULLS };
        assert_eq!(never.run(&connect(&host), &["k/x:9".into()], &Events::silent()).unwrap(), 0);
    }

    #[test]
    fn registries_are_told_from_names() {
        assert_eq!(registry_of("registry.k8s.io/etcd:3.5.24-0"), "registry.k8s.io");
        assert_eq!(registry_of("localhost:5000/etcd"), "localhost:5000");
        assert_eq!(registry_of("library/busybox"), "docker.io");
        assert_eq!(registry_of("busybox"), "docker.io");
    }
}
