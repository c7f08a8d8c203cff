//! `config images`: list or pull the images that the control plane of a version needs.
//!
//! Reads: the configuration; for `pull` the container runtime. Writes: for `pull`, images, through the gate.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::config::{ImagesArgs, PullArgs};
use crate::cli::manifest;
use crate::cli::session::Session;
use crate::config::{Facts, InitConfig, InitFlags, images};
use crate::host::cri::{self, Policy, Pulls};
use crate::versions::facts_of;
use serde_json::json;

/// Prints one image per line, or kubeadm's `Images` object.
pub fn list(args: ImagesArgs, session: &mut Session) -> Result<ExitCode> {
    let config = config(args, None, session)?;
    let images = names(&config)?;
    let minor = facts_of(&config.cluster.version)?.minor;
    let value = json!({ "kind": "Images", "apiVersion": output_api(minor), "images": images });
    session.print(&value, &(images.join("\n") + "\n"))?;
    Ok(ExitCode::Ok)
}

/// Pulls the missing images (all with the policy `Always`) and prints one image per line.
pub fn pull(args: PullArgs, session: &mut Session) -> Result<ExitCode> {
    let config = config(args.images, args.cri_socket, session)?;
    let images = names(&config)?;
    let node = config.node.clone();
    let cx = session.context(false);
    // An explicit pull also works where 'init' is configured never to pull.
    let policy = match Policy::find(&node.image_pull_policy) {
        Some(Policy::Always) => Policy::Always,
        _ => Policy::IfNotPresent,
    };
    let pulls = Pulls { policy, serial: node.image_pull_serial, limit: Pulls::LIMIT };
    let runtime = cri::find(&cx.host, node.cri_socket.as_deref())?;
    let wanted: Vec<String> = pulls.missing(&runtime, &images)?.into_iter().cloned().collect();
    pulls.run(&runtime, &images, &cx.events)?;
    let pulled = |image: &String| wanted.contains(image);
    let text: String = images
        .iter()
        .map(|image| format!("{image}{}\n", if pulled(image) { "" } else { " (already present)" }))
        .collect();
    let rows: Vec<_> = images.iter().map(|image| json!({ "image": image, "pulled": pulled(image) })).collect();
    session.print(&json!({ "runtime": runtime.version().to_string(), "images": rows }), &text)?;
    Ok(ExitCode::Ok)
}

fn names(config: &InitConfig) -> Result<Vec<String>> {
    let facts = facts_of(&config.cluster.version)?;
    let mut names: Vec<String> = images::all(&config.cluster, facts).iter().map(ToString::to_string).collect();
    names.extend(config.pod_network.iter().flat_map(|network| images::of_network(network, &config.cluster)));
    Ok(names)
}

fn config(args: ImagesArgs, cri_socket: Option<String>, session: &mut Session) -> Result<InitConfig> {
    let documents = session.documents(args.config.as_deref())?;
    let mut facts = Facts::placeholder(session.env.random.clone());
    if args.kubernetes_version.is_none() && !documents.names_version() {
        facts.kubelet_version = super::host::installed_kubelet(session);
    }
    let flags = InitFlags {
        feature_gates: args.feature_gates,
        cri_socket,
        image_repository: args.image_repository,
        kubernetes_version: args.kubernetes_version,
        chosen_network: manifest::pod_network(args.pod_network.as_deref(), session)?,
        pod_network: args.pod_network,
        ..InitFlags::default()
    };
    let resolved = documents.init(&flags, &facts)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    Ok(resolved.config)
}

/// The version of kubeadm's output API that a minor version prints: v1alpha2 since v1.23
/// (kubernetes/kubernetes#105295), v1alpha3 since v1.31 (#124464).
fn output_api(minor: u16) -> &'static str {
    match minor {
        ..23 => "output.kubeadm.k8s.io/v1alpha1",
        23..31 => "output.kubeadm.k8s.io/v1alpha2",
        31.. => "output.kubeadm.k8s.io/v1alpha3",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minor_version_prints_its_own_output_api() {
        let versions = [20, 22, 23, 30, 31, 36].map(|minor| output_api(minor).rsplit_once('/').unwrap().1);
        assert_eq!(versions, ["v1alpha1", "v1alpha1", "v1alpha2", "v1alpha2", "v1alpha3", "v1alpha3"]);
    }
}
