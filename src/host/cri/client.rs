//! A client of a running container runtime.
//!
//! Reads: the runtime's answers. Writes: pulls images, stops and removes containers and pods, each
//! through the gate.

use super::docker;
use super::endpoint::Endpoint;
use super::error::CriError;
use super::grpc::{self, CallError, NOT_FOUND};
use super::messages as wire;
use super::pods::{self, Container, ContainerState, ExitedContainer, Pod};
use super::status::{CgroupDriver, Status, configured_driver};
use super::version::{self, APIS, RuntimeVersion};
use crate::base::env::Clock;
use crate::base::gate::{Change, Gate};
use crate::host::command::Host;
use crate::host::docker::{Info, info};
use crate::host::error::HostError;
use prost::Message;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A healthy runtime answers in milliseconds; one that is busy on a slow disk in seconds.
const LIMIT: Duration = Duration::from_secs(10);
/// How often a runtime is asked that is still starting.
const WHILE_STARTING: Duration = Duration::from_millis(300);
/// The grace period of a container that is stopped, as the kubelet uses for static Pods.
const GRACE: Duration = Duration::from_secs(10);
/// Stopping a container at the moment when it exits by itself may fail, as in containerd 1.6
/// ("ttrpc: closed"), and so may removing one that the kubelet starts or removes. A later attempt succeeds.
const AFTER_A_REFUSAL: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// Stopping a pod waits for the grace period of its containers and for the network plugin.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// A connection to a runtime. Clones are cheap and can be used by several threads at once.
#[derive(Clone)]
pub struct Cri {
    endpoint: Endpoint,
    socket: PathBuf,
    version: RuntimeVersion,
    /// Set for Docker, which has no CRI.
    docker: Option<Host>,
    pub(super) gate: Gate,
    pub(super) clock: Clock,
}

impl fmt::Debug for Cri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cri({} at {})", self.version, self.endpoint)
    }
}

impl Cri {
    /// Requests the version of the runtime on a socket, with v1 and then v1alpha2.
    pub fn connect(host: &Host, endpoint: &Endpoint) -> Result<Self, CriError> {
        if !host.is_live() {
            return Err(CriError::NotLive);
        }
        let (gate, clock) = (host.gate.clone(), host.clock.clone());
        if endpoint.is_dockershim() {
            let silent = |source| CriError::Silent { endpoint: endpoint.clone(), source };
            let answer = docker::answer(host, "Version", &[], LIMIT).map_err(silent)?;
            let answer = wire::VersionResponse::decode(answer.as_slice())
                .map_err(|error| silent(CallError::Protocol(error.to_string())))?;
            let (name, version) = (answer.runtime_name, answer.runtime_version);
            let version = RuntimeVersion { name, version, api: docker::API };
            let (endpoint, docker) = (endpoint.clone(), Some(host.clone()));
            return Ok(Self { endpoint, socket: PathBuf::new(), version, docker, gate, clock });
        }
        let socket = host
            .files
            .real(endpoint.path())
            .map_err(|e| CriError::Silent { endpoint: endpoint.clone(), source: CallError::Connect(e.source) })?;
        for api in APIS {
            let mut answer = version::ask(&socket, api, LIMIT);
            let start = clock.monotonic();
            while matches!(&answer, Err(error) if error.is_of_a_start())
                && clock.monotonic().saturating_sub(start) < LIMIT
            {
                clock.sleep(WHILE_STARTING);
                answer = version::ask(&socket, api, LIMIT);
            }
            match answer {
                Ok(Some(answer)) => {
                    let version = RuntimeVersion { name: answer.runtime_name, version: answer.runtime_version, api };
                    return Ok(Self { endpoint: endpoint.clone(), socket, version, docker: None, gate, clock });
                }
                Ok(None) => {}
                Err(source) => return Err(CriError::Silent { endpoint: endpoint.clone(), source }),
            }
        }
        Err(CriError::Disabled { endpoint: endpoint.clone() })
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The runtime and its version.
    pub fn version(&self) -> &RuntimeVersion {
        &self.version
    }

    /// What Docker says of itself; None for a runtime with the CRI.
    pub fn docker_info(&self) -> Option<Result<Info, HostError>> {
        self.docker.as_ref().map(info)
    }

    /// True when it supports v1alpha2. The adapter to Docker is in the kubelets that need that.
    pub fn speaks_v1alpha2(&self) -> Result<bool, CriError> {
        if self.docker.is_some() {
            return Ok(true);
        }
        let answer = version::ask(&self.socket, "v1alpha2", LIMIT);
        answer
            .map(|answer| answer.is_some())
            .map_err(|source| CriError::Silent { endpoint: self.endpoint.clone(), source })
    }

    /// Its readiness and configuration.
    pub fn status(&self) -> Result<Status, CriError> {
        let answer: wire::StatusResponse =
            self.runtime("Status", "report its status", &wire::StatusRequest { verbose: true }, LIMIT)?;
        Ok(Status::new(&answer))
    }

    /// The cgroup driver from the `RuntimeConfig` method; None when the runtime is too old to have it
    /// (containerd before 2.0, CRI-O before 1.28).
    pub fn runtime_config(&self) -> Result<Option<CgroupDriver>, CriError> {
        let answer: Result<wire::RuntimeConfigResponse, CriError> =
            self.runtime("RuntimeConfig", "report its configuration", &wire::Empty {}, LIMIT);
        match answer {
            Ok(answer) => Ok(configured_driver(&answer)),
            Err(error) if error.is_unimplemented() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The cgroup driver, from `RuntimeConfig` or else from the status; None when neither contains it.
    pub fn cgroup_driver(&self) -> Result<Option<CgroupDriver>, CriError> {
        match self.runtime_config()? {
            Some(driver) => Ok(Some(driver)),
            None => Ok(self.status()?.cgroup_driver),
        }
    }

    /// The names and tags of all images.
    pub fn images(&self) -> Result<Vec<String>, CriError> {
        let answer: wire::ListImagesResponse =
            self.image("ListImages", "list its images", &wire::ImageRequest { image: None }, LIMIT)?;
        Ok(answer.images.into_iter().flat_map(|image| image.repo_tags).collect())
    }

    /// True when the image exists.
    pub fn has_image(&self, name: &str) -> Result<bool, CriError> {
        let what = format!("look up {name}");
        let answer: wire::ImageStatusResponse = self.image("ImageStatus", &what, &image_request(name), LIMIT)?;
        Ok(answer.image.is_some())
    }

    /// The directory of the images.
    pub fn image_directory(&self) -> Result<Option<PathBuf>, CriError> {
        let answer: wire::ImageFsInfoResponse =
            self.image("ImageFsInfo", "report where its images are", &wire::Empty {}, LIMIT)?;
        let directory = answer.image_filesystems.into_iter().find_map(|fs| Some(fs.fs_id?.mountpoint));
        Ok(directory.filter(|path| !path.is_empty()).map(PathBuf::from))
    }

    /// One attempt to pull an image; [`super::Pulls`] decides whether and how often.
    pub(super) fn pull_once(&self, name: &str, limit: Duration) -> Result<(), CallError> {
        self.send::<wire::PullImageResponse>("ImageService", "PullImage", &image_request(name), limit).map(|_| ())
    }

    /// Every pod, also exited ones.
    pub fn pods(&self) -> Result<Vec<Pod>, CriError> {
        let answer: wire::ListPodSandboxResponse =
            self.runtime("ListPodSandbox", "list its pods", &wire::Empty {}, LIMIT)?;
        Ok(answer
            .items
            .into_iter()
            .map(|pod| {
                let metadata = pod.metadata.unwrap_or_default();
                Pod {
                    id: pod.id,
                    name: metadata.name,
                    namespace: metadata.namespace,
                    ready: pod.state == 0,
                    serves_node: pods::serves_node(&pod.labels, &pod.annotations),
                }
            })
            .collect())
    }

    /// Every container, also exited ones.
    pub fn containers(&self) -> Result<Vec<Container>, CriError> {
        let answer: wire::ListContainersResponse =
            self.runtime("ListContainers", "list its containers", &wire::Empty {}, LIMIT)?;
        Ok(answer
            .containers
            .into_iter()
            .map(|container| {
                let metadata = container.metadata.unwrap_or_default();
                Container {
                    id: container.id,
                    pod: container.pod_sandbox_id,
                    name: metadata.name,
                    attempt: metadata.attempt,
                    state: match container.state {
                        0 => ContainerState::Created,
                        1 => ContainerState::Running,
                        2 => ContainerState::Exited,
                        _ => ContainerState::Unknown,
                    },
                    created: container.created_at,
                    labels: container.labels.into_iter().collect(),
                    grace: pods::grace(&container.annotations),
                }
            })
            .collect())
    }

    /// The exit of a container and the path of its log. For a running one the exit code is 0.
    pub fn container_end(&self, id: &str) -> Result<ExitedContainer, CriError> {
        let what = format!("describe container {id}");
        let answer: wire::ContainerStatusResponse =
            self.runtime("ContainerStatus", &what, &wire::IdRequest { id: id.into() }, LIMIT)?;
        let status = answer.status.unwrap_or_default();
        Ok(ExitedContainer {
            code: status.exit_code,
            reason: status.reason,
            message: status.message,
            log: status.log_path.into(),
        })
    }

    /// True if the container was made from the image with this name, which this host has.
    pub fn runs_image(&self, container: &Container, name: &str) -> Result<bool, CriError> {
        let what = format!("describe container {}", container.id);
        let request = wire::IdRequest { id: container.id.clone() };
        let answer: wire::ContainerStatusResponse = self.runtime("ContainerStatus", &what, &request, LIMIT)?;
        let status = answer.status.unwrap_or_default();
        let of = [status.image.unwrap_or_default().image, status.image_ref];
        if of.iter().any(|one| one == name) {
            return Ok(true);
        }
        let what = format!("look up {name}");
        let answer: wire::ImageStatusResponse = self.image("ImageStatus", &what, &image_request(name), LIMIT)?;
        let Some(image) = answer.image else { return Ok(false) };
        let is_it =
            |one: &String| *one == image.id || image.repo_tags.contains(one) || image.repo_digests.contains(one);
        Ok(of.iter().filter(|one| !one.is_empty()).any(is_it))
    }

    /// Stops a pod and its containers. If it no longer exists, this succeeds.
    pub fn stop_pod(&self, pod: &Pod) -> Result<(), CriError> {
        self.end("StopPodSandbox", "stop", &format!("pod {}/{}", pod.namespace, pod.name), &id(&pod.id), STOP_LIMIT)
    }

    /// Removes a pod and its containers.
    pub fn remove_pod(&self, pod: &Pod) -> Result<(), CriError> {
        self.end("RemovePodSandbox", "remove", &format!("pod {}/{}", pod.namespace, pod.name), &id(&pod.id), STOP_LIMIT)
    }

    /// Stops a container; the kubelet starts it again when it belongs to a static Pod.
    pub fn stop_container(&self, container: &Container) -> Result<(), CriError> {
        self.stop_container_within(container, GRACE)
    }

    /// As [`Cri::stop_container`]; `grace` is its grace period.
    pub fn stop_container_within(&self, container: &Container, grace: Duration) -> Result<(), CriError> {
        let timeout = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        let request = wire::StopContainerRequest { container_id: container.id.clone(), timeout };
        let stop = || {
            self.end("StopContainer", "stop", &format!("container {}", container.name), &request, grace + STOP_LIMIT)
        };
        self.again(&stop)
    }

    /// Removes an exited container.
    pub fn remove_container(&self, container: &Container) -> Result<(), CriError> {
        let name = format!("container {}", container.name);
        self.again(&|| self.end("RemoveContainer", "remove", &name, &id(&container.id), STOP_LIMIT))
    }

    /// Tries again what the runtime refused: the container may just start, exit or be removed by the kubelet.
    fn again(&self, act: &dyn Fn() -> Result<(), CriError>) -> Result<(), CriError> {
        let mut outcome = act();
        for pause in AFTER_A_REFUSAL {
            match outcome {
                Err(CriError::Call { source: CallError::Status { .. }, .. }) => self.clock.sleep(pause),
                _ => break,
            }
            outcome = act();
        }
        outcome
    }

    fn end(
        &self,
        method: &str,
        verb: &str,
        object: &str,
        request: &impl Message,
        limit: Duration,
    ) -> Result<(), CriError> {
        let change = Change::request("cri", verb, object, None);
        let what = format!("{verb} {object}");
        let done = self.gate.pass(change, || self.runtime::<wire::Empty>(method, &what, request, limit));
        match done {
            // Another client, such as the kubelet, was faster.
            Err(CriError::Call { source: CallError::Status { code: NOT_FOUND, .. }, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    fn runtime<A: Message + Default>(
        &self,
        method: &str,
        what: &str,
        request: &impl Message,
        limit: Duration,
    ) -> Result<A, CriError> {
        self.call("RuntimeService", method, what, request, limit)
    }

    fn image<A: Message + Default>(
        &self,
        method: &str,
        what: &str,
        request: &impl Message,
        limit: Duration,
    ) -> Result<A, CriError> {
        self.call("ImageService", method, what, request, limit)
    }

    fn call<A: Message + Default>(
        &self,
        service: &str,
        method: &str,
        what: &str,
        request: &impl Message,
        limit: Duration,
    ) -> Result<A, CriError> {
        self.send(service, method, request, limit).map_err(|source| CriError::Call {
            endpoint: self.endpoint.clone(),
            what: what.into(),
            source,
        })
    }

    fn send<A: Message + Default>(
        &self,
        service: &str,
        method: &str,
        request: &impl Message,
        limit: Duration,
    ) -> Result<A, CallError> {
        if let Some(host) = &self.docker {
            let answer = docker::answer(host, method, &request.encode_to_vec(), limit)?;
            return A::decode(answer.as_slice()).map_err(|error| CallError::Protocol(error.to_string()));
        }
        grpc::call(&self.socket, &format!("/runtime.{}.{service}/{method}", self.version.api), request, limit)
    }
}

fn image_request(name: &str) -> wire::ImageRequest {
    wire::ImageRequest { image: Some(wire::ImageSpec { image: name.into() }) }
}

fn id(id: &str) -> wire::IdRequest {
    wire::IdRequest { id: id.into() }
}

#[cfg(test)]
mod tests;
