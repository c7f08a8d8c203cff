//! A container runtime for tests: a real gRPC server on a socket, with listed responses.
//!
//! An unexpected call gets an error that names it.

use super::grpc::{UNIMPLEMENTED, frame};
use super::messages as wire;
use h2::server;
use http::{HeaderMap, Response};
use prost::Message;
use prost::bytes::Bytes;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[derive(Clone)]
enum Answer {
    Bytes(Bytes),
    Failure(u32, String),
    Never,
}

/// The responses of the runtime.
pub struct FakeCri {
    apis: &'static [&'static str],
    answers: BTreeMap<String, Answer>,
    /// Calls that fail the first time only.
    stumbles: Mutex<BTreeMap<String, Answer>>,
    images: Vec<String>,
    pods: Vec<wire::PodSandbox>,
    containers: Vec<wire::Container>,
}

/// A runtime that serves until it is dropped.
pub struct Serving {
    calls: Arc<Mutex<Vec<String>>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeCri {
    /// A ready runtime that supports v1 and v1alpha2, as containerd 1.6 and 1.7 do.
    pub fn new() -> Self {
        let version = wire::VersionResponse { runtime_name: "containerd".into(), runtime_version: "1.6.20".into() };
        Self::empty().with("Version", &version).status("registry.k8s.io/pause:3.10", "cgroupfs")
    }

    /// A runtime that supports v1alpha2 only.
    pub fn v1alpha2() -> Self {
        Self { apis: &["v1alpha2"], ..Self::new() }
    }

    /// A runtime that supports v1 only.
    pub fn v1() -> Self {
        Self { apis: &["v1"], ..Self::new() }
    }

    /// A gRPC server without the CRI.
    pub fn empty() -> Self {
        let apis = &["v1", "v1alpha2"];
        let (answers, stumbles) = (BTreeMap::new(), Mutex::default());
        Self { apis, answers, stumbles, images: Vec::new(), pods: Vec::new(), containers: Vec::new() }
    }

    /// The status of a ready runtime with this sandbox image and cgroup driver.
    pub fn status(self, sandbox: &str, driver: &str) -> Self {
        let condition = |kind: &str| wire::RuntimeCondition { kind: kind.into(), status: true, ..Default::default() };
        let config = serde_json::json!({
            "sandboxImage": sandbox,
            "containerd": {"defaultRuntimeName": "runc", "runtimes": {"runc": {"options": {"SystemdCgroup": driver == "systemd"}}}},
        });
        let status = wire::StatusResponse {
            status: Some(wire::RuntimeStatus {
                conditions: vec![condition("RuntimeReady"), condition("NetworkReady")],
            }),
            info: [("config".to_owned(), config.to_string())].into(),
        };
        self.with("Status", &status)
    }

    /// It also reports its cgroup driver with `RuntimeConfig`, as containerd 2.0 does.
    pub fn reports_cgroupfs(self) -> Self {
        let linux = wire::LinuxRuntimeConfiguration { cgroup_driver: 1 };
        self.with("RuntimeConfig", &wire::RuntimeConfigResponse { linux: Some(linux) })
    }

    /// The same, with systemd.
    pub fn reports_systemd(self) -> Self {
        let linux = wire::LinuxRuntimeConfiguration { cgroup_driver: 0 };
        self.with("RuntimeConfig", &wire::RuntimeConfigResponse { linux: Some(linux) })
    }

    /// The image exists.
    pub fn image(mut self, name: &str) -> Self {
        self.images.push(name.into());
        self
    }

    /// A Pod (`NAME` or `NAMESPACE/NAME`) with these labels and one running container of the same name, which has these
    /// annotations. It can be stopped, but stays in the list.
    pub fn pod(mut self, name: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Self {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        self.pods.push(wire::PodSandbox {
            id: format!("pod-{name}"),
            metadata: Some(wire::PodSandboxMetadata { name: name.into(), namespace: namespace.into() }),
            labels: map(labels),
            ..Default::default()
        });
        self.containers.push(wire::Container {
            id: name.into(),
            pod_sandbox_id: format!("pod-{name}"),
            metadata: Some(wire::ContainerMetadata { name: name.into(), attempt: 0 }),
            state: 1,
            annotations: map(annotations),
            ..Default::default()
        });
        let pods = wire::ListPodSandboxResponse { items: self.pods.clone() };
        let containers = wire::ListContainersResponse { containers: self.containers.clone() };
        let done = wire::Empty {};
        let this = self.with("ListPodSandbox", &pods).with("ListContainers", &containers);
        ["StopContainer", "StopPodSandbox", "RemovePodSandbox"].iter().fold(this, |this, m| this.with(m, &done))
    }

    /// The containers were created at this time, in nanoseconds since the epoch.
    pub fn created(mut self, nanos: i64) -> Self {
        self.containers.iter_mut().for_each(|container| container.created_at = nanos);
        let containers = wire::ListContainersResponse { containers: self.containers.clone() };
        self.with("ListContainers", &containers)
    }

    /// The method responds with a message.
    pub fn with(mut self, method: &str, message: &impl Message) -> Self {
        self.answers.insert(method.into(), Answer::Bytes(frame(message)));
        self
    }

    /// The method fails.
    pub fn fails(mut self, method: &str, code: u32, message: &str) -> Self {
        self.answers.insert(method.into(), Answer::Failure(code, message.into()));
        self
    }

    /// The method fails once, before its other responses.
    pub fn fails_once(self, method: &str, code: u32, message: &str) -> Self {
        self.stumbles.lock().unwrap().insert(method.into(), Answer::Failure(code, message.into()));
        self
    }

    /// The method never responds.
    pub fn hangs(mut self, method: &str) -> Self {
        self.answers.insert(method.into(), Answer::Never);
        self
    }

    /// Serves on a socket below `root`.
    pub fn serve(self, root: &Path, path: &str) -> Serving {
        let socket = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let noted = Arc::clone(&calls);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let this = Arc::new(self);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let serve = async {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(Arc::clone(&this).serve_one(stream, Arc::clone(&noted)));
                }
            };
            runtime.block_on(async {
                let serve = std::pin::pin!(serve);
                let stopped = std::pin::pin!(stopped);
                either(serve, stopped).await;
            });
        });
        Serving { calls, stop: Some(stop), thread: Some(thread) }
    }

    async fn serve_one(self: Arc<Self>, stream: tokio::net::UnixStream, calls: Arc<Mutex<Vec<String>>>) {
        let Ok(mut connection) = server::handshake(stream).await else { return };
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let path = request.uri().path().to_owned();
            let mut body = request.into_body();
            let this = Arc::clone(&self);
            let calls = Arc::clone(&calls);
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                while let Some(Ok(chunk)) = body.data().await {
                    bytes.extend_from_slice(&chunk);
                }
                let mut call = path.clone();
                if path.ends_with("/StopContainer") {
                    let stop = wire::StopContainerRequest::decode(bytes.get(5..).unwrap_or_default()).unwrap();
                    call = format!("{path} {} {}", stop.container_id, stop.timeout);
                }
                calls.lock().unwrap().push(call);
                let answer = this.answer(&path, bytes.get(5..).unwrap_or_default());
                let response = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut stream = respond.send_response(response, false).unwrap();
                let mut trailers = HeaderMap::new();
                let (code, message) = match answer {
                    Answer::Bytes(bytes) => {
                        stream.send_data(bytes, false).unwrap();
                        (0, String::new())
                    }
                    Answer::Failure(code, message) => (code, message),
                    Answer::Never => std::future::pending().await,
                };
                trailers.insert("grpc-status", code.to_string().parse().unwrap());
                trailers.insert("grpc-message", message.parse().unwrap());
                stream.send_trailers(trailers).unwrap();
            });
        }
    }

    fn answer(&self, path: &str, body: &[u8]) -> Answer {
        let unimplemented = |what: &str| Answer::Failure(UNIMPLEMENTED, format!("unknown {what} {path}"));
        let method = path.rsplit('/').next().unwrap_or_default();
        if !self.apis.iter().any(|api| path.starts_with(&format!("/runtime.{api}."))) {
            return unimplemented("service");
        }
        if let Some(failure) = self.stumbles.lock().unwrap().remove(method) {
            return failure;
        }
        if let Some(answer) = self.answers.get(method) {
            return answer.clone();
        }
        if method == "ImageStatus" && self.answers.contains_key("Version") {
            let name = wire::ImageRequest::decode(body).unwrap().image.unwrap_or_default().image;
            let image = self.images.contains(&name).then(|| wire::Image { id: name, ..wire::Image::default() });
            return Answer::Bytes(frame(&wire::ImageStatusResponse { image }));
        }
        unimplemented("method")
    }
}

/// Waits for the first of two futures.
async fn either<A: Future, B: Future>(mut a: std::pin::Pin<&mut A>, mut b: std::pin::Pin<&mut B>) {
    std::future::poll_fn(|cx| {
        let done = a.as_mut().poll(cx).is_ready() || b.as_mut().poll(cx).is_ready();
        if done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

impl Serving {
    /// Every call so far: `/runtime.v1.RuntimeService/Version`; a container that is stopped with its id and grace.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
