//! Generates `docs/versions.md` from the table of minor versions.

use super::fact::{PerPatch, PodProbes, Stage};
use super::minor::Minor;
use super::minors;
use super::table::window;
use std::fmt::Write;

/// How a row displays a fact.
type Cell = fn(&Minor) -> String;

const ROWS: &[(&str, &[(&str, Cell)])] = &[
    (
        "Images",
        &[
            ("default registry", |m| per_patch(m.image_repository)),
            ("etcd", |m| per_patch(m.etcd_tag)),
            ("coredns", |m| per_patch(m.coredns_tag)),
            ("path of coredns", |m| if m.coredns_subpath { "coredns/coredns" } else { "coredns" }.into()),
            ("pause", |m| m.pause_tag.into()),
            ("place of coredns in lists", |m| if m.images_dns_before_pause { "before pause" } else { "last" }.into()),
        ],
    ),
    (
        "Configuration API",
        &[
            ("written", |m| m.api_version.name().into()),
            ("read", |m| m.api_versions_read.iter().map(|v| v.name()).collect::<Vec<_>>().join(" ")),
            ("ClusterStatus in the ConfigMap", |m| yes(m.cluster_status)),
            ("authorization-mode uploaded", |m| yes(m.uploads_authorization_mode)),
            ("httpEndpoints of external etcd", |m| yes(m.etcd_http_endpoints)),
            ("etcdUpgrade of the upgrade plan", |m| yes(m.plan_etcd_upgrade)),
            ("feature gates", feature_gates),
        ],
    ),
    (
        "Certificates",
        &[
            ("super-admin.conf", |m| yes(m.super_admin_conf)),
            ("clients in system:masters", |m| yes(m.clients_in_system_masters)),
            ("kubelet client bound by name", |m| yes(m.kubelet_api_binding)),
            ("DNS name in CA certificates", |m| yes(m.ca_dns_name)),
            ("CA:FALSE in leaf certificates", |m| yes(m.leaf_basic_constraints)),
            ("valid from, minutes ago", |m| m.certificate_backdate_minutes.to_string()),
            ("leaf valid from when its CA is", |m| yes(m.leaf_starts_with_ca)),
            ("ECDSA-P384", |m| yes(m.ecdsa_p384)),
        ],
    ),
    (
        "Nodes and kubelet",
        &[
            ("control-plane labels", |m| m.control_plane_labels.join(" ")),
            ("control-plane taints", |m| m.control_plane_taints.join(" ")),
            ("kubelet ConfigMap", Minor::kubelet_config_map),
            ("runtimes", |m| format!("{:?}", m.cri)),
            ("default socket", |m| m.default_cri_socket.into()),
            ("unix:// in sockets", |m| yes(m.cri_socket_scheme)),
            ("--pod-infra-container-image", |m| format!("{:?}", m.pause_image_flag)),
            ("default cgroupDriver", |m| m.default_cgroup_driver.unwrap_or("none").into()),
            ("resolvConf uploaded", |m| yes(m.uploads_resolv_conf)),
            ("instance-config.yaml", |m| yes(m.kubelet_instance_config)),
            ("kubelet uses local API server", |m| yes(m.kubelet_local_api_server)),
            ("supported kubelet version skew (minor versions)", |m| m.kubelet_skew.to_string()),
        ],
    ),
    (
        "Static Pods",
        &[
            ("priority", |m| m.pod_priority.map_or_else(|| "none".into(), |p| p.to_string())),
            ("RuntimeDefault seccomp", |m| yes(m.seccomp_runtime_default)),
            ("user's flags sorted in", |m| yes(m.sorts_extra_args)),
            ("named probe port", |m| yes(m.named_probe_port)),
            ("API server probes", |m| probes(m.api_server_probes)),
            ("controller manager probes", |m| probes(m.controller_manager_probes)),
            ("scheduler probes", |m| probes(m.scheduler_probes)),
            ("etcd probes", |m| probes(m.etcd_probes)),
            ("--insecure-port=0", |m| yes(m.api_server_insecure_port_flag)),
            ("--port=0", |m| yes(m.component_port_flag)),
            ("etcd flags", |m| pairs(m.etcd_args)),
            ("etcd requests", |m| pairs(m.etcd_requests)),
            ("etcd takes data over from", |m| m.etcd_upgrades_from.unwrap_or("any").into()),
            ("etcd members join as learners", |m| yes(m.etcd_learner)),
            ("flexvolume directory mounted", |m| yes(m.flexvolume_mount)),
            ("CA directories mounted", |m| m.ca_certificate_dirs.join(" ")),
        ],
    ),
    ("Addons", &[("default kube-proxy mode", |m| if m.proxy_mode.is_empty() { "empty" } else { m.proxy_mode }.into())]),
];

/// Runs on real hosts: the version, the host, the day, and what was run.
const TRIED: [[&str; 4]; 2] = [
    [
        "v1.20.2",
        "Debian 12, control groups v1, containerd 1.6",
        "each commit",
        "the scenarios of `tests/lab`, and upgrades to its programs with the stamps of v1.20.5, v1.20.9, v1.21.9 and v1.22.9",
    ],
    [
        "v1.36.2",
        "Debian 13, control groups v2, containerd 2.1",
        "2026-12-03",
        "`init --fix --pod-network flannel` on a bare host, `join --fix` of a worker, `network test`, `certs renew all`, `reset`",
    ],
];

/// The whole document: a line per fact and span of minor versions with the same value, then what is unconfirmed.
pub fn document() -> String {
    let mut text = format!(
        "# What differs between minors\n\n<!-- Generated from src/versions/minors.rs; UPDATE_GOLDEN=1 cargo test \
         versions::document writes it. -->\n\nkubewright installs {}. It writes what the kubeadm of the same minor version \
          writes, so that both can\nmanage each other's clusters. The source of each fact is given next to \
          it in `src/versions/minors*`. A value with a\npatch release in parentheses applies from that release on.\n",
        window()
    );
    for (title, rows) in ROWS {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {title}\n\n| fact | minors | value |\n|---|---|---|\n");
        for (fact, cell) in *rows {
            for (index, (span, value)) in spans(*cell).into_iter().enumerate() {
                let name = if index == 0 { fact } else { "" };
                let _ = writeln!(text, "| {name} | {span} | {value} |");
            }
        }
    }
    text.push_str("\n## Run on real hosts\n\n| version | host | when | what |\n|---|---|---|---|\n");
    for row in TRIED {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text.push_str("\n## Unconfirmed\n\nThese facts could not be confirmed with a source of that minor version:\n\n");
    for (fact, minor, known) in minors::UNCONFIRMED {
        let _ = writeln!(text, "- `{fact}` from v1.{minor} on: {known}.");
    }
    text
}

/// The value of a cell for each run of minor versions that share it: `1.20–1.23` and the value.
fn spans(cell: Cell) -> Vec<(String, String)> {
    let mut runs: Vec<(u16, u16, String)> = Vec::new();
    for minor in minors::ALL {
        let value = cell(minor);
        match runs.last_mut() {
            Some((_, last, same)) if *same == value => *last = minor.minor,
            _ => runs.push((minor.minor, minor.minor, value)),
        }
    }
    runs.into_iter()
        .map(|(first, last, value)| {
            let span = if first == last { format!("1.{first}") } else { format!("1.{first}–1.{last}") };
            (span, value)
        })
        .collect()
}

fn yes(fact: bool) -> String {
    if fact { "yes" } else { "no" }.into()
}

fn per_patch(values: PerPatch) -> String {
    let shown = values.0.iter().map(|(since, v)| if *since == 0 { (*v).into() } else { format!("{v} (.{since})") });
    shown.collect::<Vec<_>>().join(", ")
}

fn probes(probes: PodProbes) -> String {
    let ready = probes.ready.map_or_else(String::new, |path| format!(" ready `{path}`"));
    format!("live `{}`{ready} startup `{}`", probes.live, probes.startup)
}

fn pairs(pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return "none".into();
    }
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn feature_gates(minor: &Minor) -> String {
    let show = |stage| match stage {
        Stage::Alpha => "alpha",
        Stage::Beta => "beta",
        Stage::Ga => "GA",
        Stage::Deprecated => "deprecated",
    };
    let gates = minor.feature_gates.iter().map(|g| format!("{}={} ({})", g.name, g.default, show(g.stage)));
    gates.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, path::Path};

    #[test]
    fn the_document_in_the_repository_matches_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/versions.md");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, document()).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept == document(), "docs/versions.md is stale: run UPDATE_GOLDEN=1 cargo test versions::document");
    }

    #[test]
    fn a_span_ends_where_the_value_changes() {
        let spans = spans(|m| (m.minor < 24).to_string());
        assert_eq!(spans[0], ("1.20–1.23".into(), "true".into()));
        assert_eq!(spans.len(), 2);
    }
}
