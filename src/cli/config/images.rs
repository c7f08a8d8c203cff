//! `config images list`: the images that the control planes of a version need.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::config::ImagesArgs;
use crate::cli::session::Session;
use crate::config::{Documents, Facts, InitFlags, documents, images};
use crate::versions::facts_of;
use serde_json::json;

/// Prints one image a line, or kubeadm's `Images` object.
pub fn list(args: ImagesArgs, session: &mut Session) -> Result<ExitCode> {
    let documents = match &args.config {
        Some(path) => {
            let (name, bytes) = session.read_input(path)?;
            documents::parse(&name, &bytes)?
        }
        None => Documents::none(),
    };
    let mut facts = Facts::placeholder(session.env.random.clone());
    if args.kubernetes_version.is_none() && !documents.names_version() {
        facts.kubelet_version = super::installed_kubelet(session);
    }
    let flags = InitFlags {
        feature_gates: (!args.feature_gates.is_empty()).then(|| args.feature_gates.join(",")),
        image_repository: args.image_repository,
        kubernetes_version: args.kubernetes_version,
        ..InitFlags::default()
    };
    let resolved = documents.init(&flags, &facts)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let cluster = &resolved.config.cluster;
    let minor = facts_of(&cluster.version)?;
    let images: Vec<String> = images::all(cluster, minor).iter().map(ToString::to_string).collect();
    let value = json!({ "kind": "Images", "apiVersion": output_api(minor.minor), "images": images });
    session.print(&value, &(images.join("\n") + "\n"))?;
    Ok(ExitCode::Ok)
}

/// The version of kubeadm's output API that a minor prints: v1alpha2 came with v1.23 (kubernetes/kubernetes#105295),
/// v1alpha3 was taken into use with v1.31 (#124464).
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
    fn each_minor_prints_its_own_output_api() {
        let versions = [20, 22, 23, 30, 31, 36].map(|minor| output_api(minor).rsplit_once('/').unwrap().1);
        assert_eq!(versions, ["v1alpha1", "v1alpha1", "v1alpha2", "v1alpha2", "v1alpha3", "v1alpha3"]);
    }
}
