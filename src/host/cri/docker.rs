//! Docker with the kubelet's own adapter (dockershim, before v1.24), answered for as if it had the CRI.
//!
//! dockershim serves the CRI to the kubelet alone, and only while that runs. This does what it does, with `docker`: Pods
//! and containers are recognised by the labels that the kubelet gives them.
//! Reads: Docker's containers and images. Writes: images and containers; the caller has passed the gate.

use super::grpc::{CallError, NOT_FOUND, UNAVAILABLE, UNIMPLEMENTED};
use super::messages as wire;
use crate::host::command::{Command, Host};
use crate::host::docker;
use crate::host::error::HostError;
use prost::Message;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What Docker answers to in place of a version of the CRI.
pub(super) const API: &str = "docker";

/// What every container that the kubelet started has: `podsandbox` or `container`.
const TYPE: &str = "io.kubernetes.docker.type";
const SANDBOX: &str = "podsandbox";
/// The id of its sandbox.
const SANDBOX_ID: &str = "io.kubernetes.sandbox.id";
/// Docker has no annotations.
const ANNOTATION: &str = "annotation.";
/// Any gRPC code that says no more than the message.
const UNKNOWN: u32 = 2;

/// Answers one call of the CRI. `method` is its last part.
pub(super) fn answer(host: &Host, method: &str, request: &[u8], limit: Duration) -> Result<Vec<u8>, CallError> {
    let docker = Docker { host, limit };
    match method {
        "Version" => docker.version().map(|answer| answer.encode_to_vec()),
        "Status" => docker.status().map(|answer| answer.encode_to_vec()),
        "ListImages" => docker.images().map(|answer| answer.encode_to_vec()),
        "ImageStatus" => docker.image(&image(request)?).map(|answer| answer.encode_to_vec()),
        "ImageFsInfo" => docker.image_directory().map(|answer| answer.encode_to_vec()),
        "PullImage" => docker.run(&["pull", &image(request)?]).map(|_| Vec::new()),
        "ListPodSandbox" => docker.pods().map(|answer| answer.encode_to_vec()),
        "ListContainers" => docker.containers().map(|answer| answer.encode_to_vec()),
        "ContainerStatus" => docker.end_of(&id(request)?).map(|answer| answer.encode_to_vec()),
        "StopPodSandbox" => docker.stop_pod(&id(request)?).map(|()| Vec::new()),
        "RemovePodSandbox" => docker.remove_pod(&id(request)?).map(|()| Vec::new()),
        "StopContainer" => {
            let stop = wire::StopContainerRequest::decode(request).map_err(|error| undecoded(&error))?;
            docker.run(&["stop", "-t", &stop.timeout.to_string(), &stop.container_id]).map(|_| Vec::new())
        }
        "RemoveContainer" => docker.run(&["rm", "-f", &id(request)?]).map(|_| Vec::new()),
        other => Err(CallError::Status { code: UNIMPLEMENTED, message: format!("Docker has no {other}") }),
    }
}

fn undecoded(error: &prost::DecodeError) -> CallError {
    CallError::Protocol(format!("cannot decode the request: {error}"))
}

fn image(request: &[u8]) -> Result<String, CallError> {
    let request = wire::ImageRequest::decode(request).map_err(|error| undecoded(&error))?;
    Ok(request.image.unwrap_or_default().image)
}

fn id(request: &[u8]) -> Result<String, CallError> {
    Ok(wire::IdRequest::decode(request).map_err(|error| undecoded(&error))?.id)
}

struct Docker<'a> {
    host: &'a Host,
    limit: Duration,
}

/// A container or sandbox of the kubelet's.
struct Item(Value);

impl Docker<'_> {
    fn run(&self, words: &[&str]) -> Result<String, CallError> {
        let command: Command = docker::command(words.iter().copied()).within(self.limit);
        let output = self.host.read(&command).map_err(|error| self.unanswered(&error))?;
        if output.is_success() {
            return Ok(output.stdout);
        }
        let message = output.stderr.trim().trim_start_matches("Error response from daemon: ").to_owned();
        let is_missing = ["No such container", "No such object", "No such image"].iter().any(|m| message.contains(m));
        let is_down = message.contains("Cannot connect to the Docker daemon");
        let code = if is_missing {
            NOT_FOUND
        } else if is_down {
            UNAVAILABLE
        } else {
            UNKNOWN
        };
        Err(CallError::Status { code, message })
    }

    fn unanswered(&self, error: &HostError) -> CallError {
        match error {
            HostError::TimedOut { .. } => CallError::TimedOut(self.limit),
            HostError::NoProgram { .. } => {
                let what = "the program docker is not installed";
                CallError::Connect(std::io::Error::new(std::io::ErrorKind::NotFound, what))
            }
            other => CallError::Status { code: UNAVAILABLE, message: other.to_string() },
        }
    }

    fn info(&self) -> Result<docker::Info, CallError> {
        docker::info(self.host).map_err(|error| self.unanswered(&error))
    }

    fn version(&self) -> Result<wire::VersionResponse, CallError> {
        let info = self.info()?;
        Ok(wire::VersionResponse { runtime_name: "docker".into(), runtime_version: info.server_version })
    }

    /// Docker is ready when it answers. The kubelet calls the network plugin itself.
    fn status(&self) -> Result<wire::StatusResponse, CallError> {
        let info = self.info()?;
        let ready = |kind: &str| wire::RuntimeCondition { kind: kind.into(), status: true, ..Default::default() };
        let options = json!({"SystemdCgroup": info.cgroup_driver == "systemd"});
        let config = json!({"containerd": {"defaultRuntimeName": "runc", "runtimes": {"runc": {"options": options}}}});
        Ok(wire::StatusResponse {
            status: Some(wire::RuntimeStatus { conditions: vec![ready("RuntimeReady"), ready("NetworkReady")] }),
            info: [("config".to_owned(), config.to_string())].into(),
        })
    }

    fn images(&self) -> Result<wire::ListImagesResponse, CallError> {
        let listed = self.run(&["images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"])?;
        let images = listed.lines().filter_map(|line| {
            let (id, tag) = line.split_once(' ')?;
            let repo_tags = if tag.contains("<none>") { Vec::new() } else { vec![tag.to_owned()] };
            Some(wire::Image { id: id.into(), repo_tags, ..Default::default() })
        });
        Ok(wire::ListImagesResponse { images: images.collect() })
    }

    fn image(&self, name: &str) -> Result<wire::ImageStatusResponse, CallError> {
        match self.run(&["image", "inspect", "--format", "{{.Id}}", name]) {
            Ok(id) => {
                let image = wire::Image { id: id.trim().into(), repo_tags: vec![name.into()], ..Default::default() };
                Ok(wire::ImageStatusResponse { image: Some(image) })
            }
            Err(CallError::Status { code: NOT_FOUND, .. }) => Ok(wire::ImageStatusResponse { image: None }),
            Err(error) => Err(error),
        }
    }

    fn image_directory(&self) -> Result<wire::ImageFsInfoResponse, CallError> {
        let fs_id = Some(wire::FilesystemIdentifier { mountpoint: self.info()?.docker_root_dir });
        Ok(wire::ImageFsInfoResponse { image_filesystems: vec![wire::FilesystemUsage { fs_id }] })
    }

    /// What Docker knows of the containers with a label.
    fn items(&self, label: &str) -> Result<Vec<Item>, CallError> {
        let filter = format!("label={label}");
        let listed = self.run(&["ps", "-a", "-q", "--no-trunc", "--filter", &filter])?;
        let ids: Vec<&str> = listed.split_whitespace().collect();
        if ids.is_empty() { Ok(Vec::new()) } else { self.inspect(&ids) }
    }

    fn inspect(&self, ids: &[&str]) -> Result<Vec<Item>, CallError> {
        let words: Vec<&str> = ["container", "inspect"].iter().chain(ids).copied().collect();
        let text = match self.run(&words) {
            // One of several may have ended and gone since they were listed: the others are printed all the same, but
            // 'docker' then fails, so each is asked for alone.
            Err(CallError::Status { code: NOT_FOUND, .. }) if ids.len() > 1 => {
                let each = ids.iter().map(|id| self.inspect(&[id]));
                let found = each.filter(|one| !matches!(one, Err(CallError::Status { code: NOT_FOUND, .. })));
                return Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
            }
            other => other?,
        };
        let values: Vec<Value> = serde_json::from_str(&text)
            .map_err(|error| CallError::Protocol(format!("cannot read Docker's list of containers: {error}")))?;
        Ok(values.into_iter().map(Item).collect())
    }

    fn pods(&self) -> Result<wire::ListPodSandboxResponse, CallError> {
        let items = self.items(&format!("{TYPE}={SANDBOX}"))?;
        Ok(wire::ListPodSandboxResponse { items: items.iter().map(Item::pod).collect() })
    }

    fn containers(&self) -> Result<wire::ListContainersResponse, CallError> {
        let items = self.items(&format!("{TYPE}=container"))?;
        Ok(wire::ListContainersResponse { containers: items.iter().map(Item::container).collect() })
    }

    fn end_of(&self, id: &str) -> Result<wire::ContainerStatusResponse, CallError> {
        Ok(wire::ContainerStatusResponse { status: self.inspect(&[id])?.first().map(Item::end) })
    }

    fn members(&self, pod: &str) -> Result<Vec<String>, CallError> {
        let items = self.items(&format!("{SANDBOX_ID}={pod}"))?;
        Ok(items.iter().map(|item| item.text("/Id")).collect())
    }

    fn stop_pod(&self, pod: &str) -> Result<(), CallError> {
        let members = self.members(pod)?;
        let words: Vec<&str> = ["stop", "-t", "30"].into_iter().chain(members.iter().map(String::as_str)).collect();
        if !members.is_empty() {
            self.run(&words)?;
        }
        self.run(&["stop", "-t", "10", pod]).map(|_| ())
    }

    fn remove_pod(&self, pod: &str) -> Result<(), CallError> {
        let members = self.members(pod)?;
        let words: Vec<&str> = ["rm", "-f"].into_iter().chain(members.iter().map(String::as_str)).collect();
        if !members.is_empty() {
            self.run(&words)?;
        }
        self.run(&["rm", "-f", pod]).map(|_| ())
    }
}

impl Item {
    fn text(&self, pointer: &str) -> String {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn label(&self, name: &str) -> String {
        let labels = self.0.pointer("/Config/Labels").and_then(|labels| labels.get(name));
        labels.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The labels, or with `of_annotations` the annotations, which the kubelet writes among them.
    fn map(&self, of_annotations: bool) -> HashMap<String, String> {
        let labels = self.0.pointer("/Config/Labels").and_then(Value::as_object).into_iter().flatten();
        labels
            .filter_map(|(name, value)| {
                let annotation = name.strip_prefix(ANNOTATION);
                let name =
                    if of_annotations { annotation? } else { Some(name.as_str()).filter(|_| annotation.is_none())? };
                Some((name.to_owned(), value.as_str()?.to_owned()))
            })
            .collect()
    }

    /// The state as the CRI numbers it.
    fn state(&self) -> i32 {
        match self.text("/State/Status").as_str() {
            "created" => 0,
            "running" | "paused" => 1,
            "exited" | "dead" | "removing" => 2,
            _ => 3,
        }
    }

    fn created(&self) -> i64 {
        let created = OffsetDateTime::parse(&self.text("/Created"), &Rfc3339).ok();
        created.and_then(|moment| i64::try_from(moment.unix_timestamp_nanos()).ok()).unwrap_or_default()
    }

    fn pod(&self) -> wire::PodSandbox {
        let (name, namespace) = (self.label("io.kubernetes.pod.name"), self.label("io.kubernetes.pod.namespace"));
        wire::PodSandbox {
            id: self.text("/Id"),
            metadata: Some(wire::PodSandboxMetadata { name, namespace }),
            state: i32::from(self.state() != 1),
            created_at: self.created(),
            labels: self.map(false),
            annotations: self.map(true),
        }
    }

    fn container(&self) -> wire::Container {
        // The kubelet names it `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`.
        let attempt = self.text("/Name").rsplit('_').next().and_then(|part| part.parse().ok()).unwrap_or_default();
        wire::Container {
            id: self.text("/Id"),
            pod_sandbox_id: self.label(SANDBOX_ID),
            metadata: Some(wire::ContainerMetadata { name: self.label("io.kubernetes.container.name"), attempt }),
            image: Some(wire::ImageSpec { image: self.text("/Config/Image") }),
            state: self.state(),
            created_at: self.created(),
            labels: self.map(false),
            annotations: self.map(true),
        }
    }

    fn end(&self) -> wire::ContainerStatus {
        let code = self.0.pointer("/State/ExitCode").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
        let is_oom = self.0.pointer("/State/OOMKilled").and_then(Value::as_bool) == Some(true);
        let code = code.unwrap_or_default();
        let reason = match code {
            _ if is_oom => "OOMKilled",
            0 => "Completed",
            _ => "Error",
        };
        wire::ContainerStatus {
            exit_code: code,
            reason: reason.into(),
            message: self.text("/State/Error"),
            image: Some(wire::ImageSpec { image: self.text("/Config/Image") }),
            image_ref: self.text("/Image"),
            // Below it, in /var/log/pods, the kubelet only keeps a link.
            log_path: self.text("/LogPath"),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests;
