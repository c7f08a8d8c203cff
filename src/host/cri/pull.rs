//! Pulling images: which, how many at once, how often, and why a pull failed.
//!
//! Reads: which images are there. Writes: images, through the gate, reporting each result.

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
/// The number of attempts per image, as in kubeadm.
const ATTEMPTS: usize = 5;
/// The pause before the second attempt; each further one is twice as long. One that asks for fewer requests is not
/// helped by five at once.
const PAUSE: Duration = Duration::from_secs(1);

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

/// Images that could not be pulled; at least one.
#[derive(Debug, thiserror::Error)]
#[error("{}", listed(&self.0))]
pub struct PullErrors(pub Vec<CriError>);

/// The only one as it stands; of several each in a line, below their number.
fn listed(errors: &[CriError]) -> String {
    if let [only] = errors {
        return only.to_string();
    }
    let lines: String = errors.iter().map(|error| format!("\n  {error}")).collect();
    format!("{} images cannot be pulled{lines}", errors.len())
}

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
    /// How long one image may take by default: the largest has some 100 MB, and lines of 2 Mbit/s exist.
    pub const LIMIT: Duration = Duration::from_mins(10);

    /// The images of the list that would be pulled.
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
    pub fn run(&self, cri: &Cri, images: &[String], events: &Events) -> Result<usize, PullErrors> {
        let missing = self.missing(cri, images).map_err(|error| PullErrors(vec![error]))?;
        let total = missing.len();
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let failures: Mutex<Vec<(usize, CriError)>> = Mutex::new(Vec::new());
        // A registry that gave no answer to all attempts for one image gets one more for each of the others.
        let is_gone = |image: &str| {
            let failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.iter().any(|(_, error)| {
                matches!(error, CriError::Pull { registry, reason, .. }
                if registry == registry_of(image) && matches!(reason, PullReason::Dns | PullReason::Unreachable))
            })
        };
        let work = || {
            while let Some((place, image)) = {
                let place = next.fetch_add(1, Ordering::SeqCst);
                missing.get(place).map(|image| (place, *image))
            } {
                events.message(format!("pulling {image}"));
                match self.pull(cri, image, if is_gone(image) { 1 } else { ATTEMPTS }) {
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

    fn pull(&self, cri: &Cri, image: &str, attempts: usize) -> Result<(), CriError> {
        let change = Change::request("cri", "pull", &format!("image {image}"), None);
        cri.gate.pass(change, || self.attempts(cri, image, attempts)).map(|_| ())
    }

    fn attempts(&self, cri: &Cri, image: &str, most: usize) -> Result<(), CriError> {
        let (start, paused) = (std::time::Instant::now(), cri.clock.monotonic());
        // Of a clock that stands, only the pauses are seen.
        let left = || {
            let paused = cri.clock.monotonic().saturating_sub(paused);
            self.limit.saturating_sub(start.elapsed().max(paused))
        };
        let mut attempt = 1;
        let mut pause = PAUSE;
        loop {
            let Err(error) = cri.pull_once(image, left()) else { return Ok(()) };
            let error = explain(image, &error);
            if !error.retryable() || attempt == most || left() <= pause {
                return Err(error);
            }
            cri.clock.sleep(pause);
            attempt += 1;
            pause *= 2;
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

/// The meaning of runtimes' messages, most specific first. The messages are those of the Go standard library,
/// the registries and containerd.
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
    use crate::base::events::{Event, Lines, Sink};
    use crate::host::command::fake::FakeHost;
    use crate::host::cri::Endpoint;
    use crate::host::cri::fake::FakeCri;
    use crate::host::cri::messages::PullImageResponse;

    const SOCKET: &str = "/run/containerd/containerd.sock";
    const PULLS: Pulls = Pulls { policy: Policy::IfNotPresent, serial: false, limit: Duration::from_mins(1) };

    fn connect(host: &FakeHost) -> Cri {
        Cri::connect(&host.live(), &Endpoint::parse(SOCKET).unwrap()).unwrap()
    }

    #[test]
    fn only_missing_images_are_pulled_and_every_failure_is_reported() {
        let host = FakeHost::new();
        let refused = "failed to pull and unpack image \"r.example/b:1\": failed to resolve reference \"r.example/b:1\": \
                       failed to do request: Head \"https://r.example/v2/b/manifests/1\": dial tcp: lookup r.example: no such host";
        let server = FakeCri::new().image("r.example/a:1").fails("PullImage", 2, refused).serve(host.root(), SOCKET);
        // Of two registries: one that gives no answer is not asked as often for its next image.
        let images = ["r.example/a:1", "r.example/b:1", "s.example/c:1"].map(str::to_owned);
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
    fn a_registry_that_is_gone_is_not_asked_five_times_for_every_image() {
        let host = FakeHost::new();
        let server =
            FakeCri::new().fails("PullImage", 2, "dial tcp 1.2.3.4:443: i/o timeout").serve(host.root(), SOCKET);
        let images = ["r.example/a:1", "r.example/b:1", "r.example/c:1"].map(str::to_owned);
        let pulls = Pulls { serial: true, ..PULLS };
        let errors = pulls.run(&connect(&host), &images, &Events::silent()).unwrap_err();
        assert_eq!(errors.to_string().lines().count(), 4, "{errors}");
        assert_eq!(server.calls().iter().filter(|call| call.ends_with("PullImage")).count(), ATTEMPTS + 2);
    }

    #[test]
    fn a_registry_that_asks_for_fewer_requests_gets_longer_and_longer_pauses_within_the_limit() {
        let paused = |limit: Duration| {
            let host = FakeHost::new();
            let server = FakeCri::new().fails("PullImage", 2, "429 Too Many Requests").serve(host.root(), SOCKET);
            let host = host.live();
            let cri = Cri::connect(&host, &Endpoint::parse(SOCKET).unwrap()).unwrap();
            let start = host.clock.monotonic();
            Pulls { limit, ..PULLS }.run(&cri, &["r.example/a:1".into()], &Events::silent()).unwrap_err();
            let pulls = server.calls().iter().filter(|call| call.ends_with("PullImage")).count();
            (pulls, host.clock.monotonic().saturating_sub(start).as_secs())
        };
        assert_eq!(paused(Duration::from_mins(1)), (ATTEMPTS, 1 + 2 + 4 + 8));
        assert_eq!(paused(Duration::from_secs(6)), (3, 1 + 2));
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
    fn an_old_runtime_pulls_too_and_each_image_is_reported() {
        let host = FakeHost::new();
        let pulled = PullImageResponse { image_ref: "x".into() };
        let server = FakeCri::v1alpha2().image("r/a:1").with("PullImage", &pulled).serve(host.root(), SOCKET);
        let output = Output::default();
        let events = Events::new(Box::new(output.clone()));
        let images = ["r/a:1", "r/b:1", "r/c:1"].map(str::to_owned);
        let pulls = Pulls { serial: true, ..PULLS };
        assert_eq!(pulls.run(&connect(&host), &images, &events).unwrap(), 2);
        let lines = output.0.lock().unwrap().clone();
        assert_eq!(lines, ["pulling r/b:1", "pulled r/b:1 (1/2)", "pulling r/c:1", "pulled r/c:1 (2/2)"]);
        assert!(server.calls().iter().any(|call| call == "/runtime.v1alpha2.ImageService/PullImage"));
    }

    #[test]
    fn a_registry_that_never_answers_is_given_up_in_time() {
        let host = FakeHost::new();
        let _server = FakeCri::new().hangs("PullImage").serve(host.root(), SOCKET);
        let pulls = Pulls { limit: Duration::from_millis(50), ..PULLS };
        let errors = pulls.run(&connect(&host), &["r.example/a:1".into()], &Events::silent()).unwrap_err();
        assert!(matches!(&errors.0[0], CriError::Pull { reason: PullReason::Unreachable, .. }), "{errors:?}");
        assert!(errors.hint().unwrap().contains("https://r.example/v2/"));
    }

    #[derive(Clone, Default)]
    struct Output(std::sync::Arc<Mutex<Vec<String>>>);

    impl Sink for Output {
        fn event(&mut self, event: &Event) {
            self.0.lock().unwrap().extend(Lines::default().of(event));
        }
        fn error(&mut self, _: &str) {}
    }

    #[test]
    fn registries_are_parsed_from_names() {
        assert_eq!(registry_of("registry.k8s.io/etcd:3.5.24-0"), "registry.k8s.io");
        assert_eq!(registry_of("localhost:5000/etcd"), "localhost:5000");
        assert_eq!(registry_of("library/busybox"), "docker.io");
        assert_eq!(registry_of("busybox"), "docker.io");
    }
}
