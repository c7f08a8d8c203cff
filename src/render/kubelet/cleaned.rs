//! `kubeadm-flags.env` after an upgrade: without flags that the kubelet of the target version, or of one in between, does
//! not know any more. A host may have skipped minor versions, so all of them count.

use crate::versions::Minor;
use crate::versions::fact::Cri;
use crate::versions::removed_flags::{KUBELET, flag_gone_since};

const VARIABLE: &str = "KUBELET_KUBEADM_ARGS=";
const ENDPOINT: &str = "container-runtime-endpoint";
const RUNTIME: &str = "container-runtime";

/// The content of the file for the target version. `instance_config`: the socket is in `instance-config.yaml`. Other lines
/// and the order of the flags stay.
pub fn cleaned_flags(text: &str, facts: &Minor, instance_config: bool) -> String {
    let line = |line: &str| match line.strip_prefix(VARIABLE) {
        Some(value) => format!("{VARIABLE}{}", cleaned(value, facts, instance_config)),
        None => line.to_owned(),
    };
    let mut lines = text.lines().map(line).collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') {
        lines.push('\n');
    }
    lines
}

fn cleaned(value: &str, facts: &Minor, instance_config: bool) -> String {
    let bare = value.trim();
    let quote = if bare.starts_with('\'') { '\'' } else { '"' };
    let bare = bare.trim_matches(quote);
    let words: Vec<String> = joined(bare);
    let kept: Vec<String> = words.into_iter().filter_map(|word| kept(&word, facts, instance_config)).collect();
    format!("{quote}{}{quote}", kept.join(" "))
}

/// The words, with a flag and its value in the next word as one.
fn joined(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(flag) if !word.starts_with("--") && flag.starts_with("--") && !flag.contains(['=', ' ']) => {
                *flag = format!("{flag} {word}");
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// The word as it stays; None if it goes.
fn kept(word: &str, facts: &Minor, instance_config: bool) -> Option<String> {
    let Some(flag) = word.strip_prefix("--") else { return Some(word.to_owned()) };
    let (name, value) = flag.split_once(['=', ' ']).unwrap_or((flag, ""));
    let is_gone = flag_gone_since(KUBELET, name, facts.minor).is_some()
        || (name == RUNTIME && facts.cri == Cri::EndpointOnly)
        || (name == ENDPOINT && instance_config);
    if is_gone {
        return None;
    }
    if name == ENDPOINT && facts.cri_socket_scheme && value.starts_with('/') {
        return Some(format!("--{ENDPOINT}=unix://{value}"));
    }
    Some(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::facts;

    fn at(minor: u16, text: &str) -> String {
        cleaned_flags(text, facts(minor).unwrap(), minor >= 34)
    }

    const OLD: &str = "KUBELET_KUBEADM_ARGS=\"--container-runtime=remote --container-runtime-endpoint=/run/containerd/containerd.sock --pod-infra-container-image=r.io/pause:3.2 --node-ip=10.0.0.1\"\n";

    #[test]
    fn a_patch_release_changes_nothing() {
        assert_eq!(at(20, OLD), OLD);
    }

    /// The kubelet of a worker that skipped v1.35 did not start, because only kubeadm v1.35 removes the flag.
    #[test]
    fn flags_that_were_removed_in_between_go_too() {
        assert_eq!(at(36, OLD), "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1\"\n");
        let at_27 = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock \
                     --pod-infra-container-image=r.io/pause:3.2 --node-ip=10.0.0.1\"\n";
        assert_eq!(at(27, OLD), at_27);
        assert_eq!(at(27, at_27), at_27, "the scheme is not added twice");
    }

    #[test]
    fn an_empty_variable_and_other_lines_stay() {
        assert_eq!(at(35, "A=1\nKUBELET_KUBEADM_ARGS=\"\"\n"), "A=1\nKUBELET_KUBEADM_ARGS=\"\"\n");
        assert_eq!(
            at(24, "KUBELET_KUBEADM_ARGS='--network-plugin cni -v 2 --a=b'"),
            "KUBELET_KUBEADM_ARGS='-v 2 --a=b'"
        );
        assert_eq!(at(36, ""), "");
    }
}
