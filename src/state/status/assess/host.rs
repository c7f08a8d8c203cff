//! What is wrong on this host: disks, container runtime, kubelet, manifests.

use super::wording::{advice, one_of};
use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{
    Component, ComponentState, Disk, HostView, Manifest, ManifestState, MissingFile, View,
};

const MIB: u64 = 1024 * 1024;
/// A kubelet that was started again so often within so many seconds fails.
const RESTARTS: u32 = 3;
const YOUNG: u64 = 60;

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let Some(host) = &view.host else { return };
    causes.extend(host.disks.iter().filter_map(disk));
    if let Some(problem) = &host.runtime_problem {
        let service = if host.runtime_service.is_empty() { "containerd" } else { &host.runtime_service };
        let what = format!("the container runtime of {} does not respond: {problem}", host.name);
        causes.push(Cause::new("RuntimeDown", Severity::Critical, &host.name, what, service));
    }
    causes.extend(kubelet(host));
    causes.extend(host.missing.iter().map(|file| missing(view, host, file)));
    causes.extend(host.manifests.iter().filter_map(|manifest| of_manifest(view, host, manifest)));
}

fn disk(disk: &Disk) -> Option<Cause> {
    let place = disk.directory.display().to_string();
    let free = disk.free / MIB;
    if disk.read_only {
        let what = format!("{place} is on a file system that is mounted read-only");
        return Some(Cause::new("DiskReadOnly", Severity::Critical, &place, what, &place));
    }
    if disk.full {
        let what = format!("the disk of {place} is full: {free} MiB are free");
        return Some(Cause::new("DiskFull", Severity::Critical, &place, what, &place));
    }
    let what = format!("the disk of {place} is almost full: {free} of {} MiB are free", disk.total / MIB);
    disk.low.then(|| Cause::new("DiskLow", Severity::Warning, &place, what, &place))
}

fn kubelet(host: &HostView) -> Option<Cause> {
    let kubelet = host.kubelet.as_ref()?;
    let is_young = kubelet.age.is_none_or(|age| age < YOUNG);
    let repeats = kubelet.restarts.is_some_and(|restarts| restarts >= RESTARTS) && is_young;
    let (id, what) = if !kubelet.active {
        ("KubeletStopped", format!("the kubelet of {} is not running ({})", host.name, kubelet.word))
    } else if kubelet.word == "activating" || repeats {
        ("KubeletFailing", format!("the kubelet of {} ends and is started again", host.name))
    } else {
        return None;
    };
    let mut cause = Cause::new(id, Severity::Critical, &host.name, what, &host.name);
    // A kubelet that was stopped says nothing of why.
    let failed = id == "KubeletFailing" || kubelet.word == "failed";
    if let Some(found) = host.diagnosis.as_ref().filter(|found| failed && found.who == "kubelet") {
        cause.what = format!("{}: {}", cause.what, found.cause);
        cause.next = advice(&found.fix);
    }
    Some(cause)
}

/// Components that were started before it was removed keep running.
fn missing(view: &View, host: &HostView, file: &MissingFile) -> Cause {
    let place = file.path.display().to_string();
    if let Some(rewrite) = &file.rewrite {
        let what = format!("{place} does not exist on {}, and commands that ask the cluster need it here", host.name);
        return Cause::new("FileMissing", Severity::Note, &place, what, &place)
            .with_next(format!("run '{rewrite}' to write it again"));
    }
    let runs = |components: &[Component], name: &str| {
        components.iter().any(|one| one.name == name && one.state == ComponentState::Ready)
    };
    let all_run = file.components.iter().all(|name| runs(&host.components, name));
    let others = view.control_planes.iter().flatten().filter(|plane| plane.name != host.name);
    let elsewhere = others.clone().any(|plane| file.components.iter().all(|name| runs(&plane.components, name)));
    let severity = if all_run { Severity::Warning } else { one_of(elsewhere) };
    let need = if file.components.len() == 1 { "needs" } else { "need" };
    let what = format!("{place} does not exist on {}, and {} {need} it", host.name, file.components.join(", "));
    Cause::new("FileMissing", severity, &place, what, &place)
}

fn of_manifest(view: &View, host: &HostView, manifest: &Manifest) -> Option<Cause> {
    let place = manifest.path.display().to_string();
    let others = view.control_planes.iter().flatten().filter(|plane| plane.name != host.name);
    let works = |name: &str| {
        let mut all = others.clone().flat_map(|plane| &plane.components);
        all.any(|component| component.name == name && component.state == ComponentState::Ready)
    };
    let name = &manifest.name;
    let severity = one_of(works(name));
    let problem = manifest.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
    Some(match manifest.state {
        ManifestState::Unchanged => return None,
        ManifestState::Missing => {
            let what = format!("the manifest of {name} is missing on {}", host.name);
            Cause::new("ManifestMissing", severity, &place, what, &place)
        }
        ManifestState::Broken => {
            let what = format!("the manifest of {name} on {} cannot be used{problem}", host.name);
            Cause::new("ManifestBroken", severity, &place, what, &place)
        }
        ManifestState::Edited => {
            let runs = |one: &ComponentState| *one == ComponentState::Ready;
            let own = host.components.iter().find(|component| component.name == *name);
            let stops = own.is_some_and(|own| !runs(&own.state));
            let severity = if stops { severity } else { Severity::Warning };
            let effect = if stops { ", and it does not run" } else { "" };
            let what = format!("the manifest of {name} on {} was changed by hand{effect}{problem}", host.name);
            let cause = Cause::new("ManifestEdited", severity, &place, what, &place);
            match host.diagnosis.as_ref().filter(|found| stops && found.who == *name) {
                Some(found) => {
                    Cause { what: format!("{}: {}", cause.what, found.cause), ..cause }.with_next(advice(&found.fix))
                }
                None => cause,
            }
        }
        ManifestState::Extra => {
            let what = format!("{place} is not a manifest of the cluster{problem}");
            Cause::new("ManifestExtra", Severity::Warning, &place, what, &place)
        }
    })
}
