//! Files in which an administrator gives the kubelet arguments, such as `/etc/default/kubelet` and units of systemd, without
//! flags and feature gates that the kubelet of a minor version, or of an earlier one, does not know any more. A host may have
//! skipped minor versions, so all of them count. All else stays as it was written.

use crate::versions::removed_flags::{KUBELET, flag_gone_since};
use crate::versions::removed_gates::gate_gone_since;

const GATES: &str = "feature-gates";

/// A file without what the kubelet does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    pub text: String,
    /// What was left out, as it was written.
    pub removed: Vec<String>,
}

/// The text without what the kubelet of v1.`minor` does not know.
pub fn without_removed(text: &str, minor: u16) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let mut is_kubelet = true;
    let mut continues = false;
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        if !continues {
            // Other programs that a unit runs have flags of their own.
            is_kubelet = !start.starts_with("Exec") || start.starts_with("ExecStart=");
        }
        let is_comment = start.starts_with(['#', ';']);
        if is_comment || !is_kubelet {
            cleaned.text.push_str(line);
        } else {
            clean_line(line, minor, &mut cleaned);
        }
        continues = if is_comment { continues } else { line.trim_end().ends_with('\\') };
    }
    cleaned
}

fn clean_line(line: &str, minor: u16, cleaned: &mut Cleaned) {
    let mut rest = line;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let begins = before.is_none_or(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '='));
        let length = if begins { length_of_flag(rest) } else { 0 };
        let (flag, behind) = rest.split_at(length);
        if flag.is_empty() {
            cleaned.text.push(first);
            before = Some(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        match kept(flag, minor, &mut cleaned.removed) {
            Some(flag) => {
                cleaned.text.push_str(&flag);
                rest = behind;
            }
            None if before.is_some_and(char::is_whitespace) => {
                let end = cleaned.text.trim_end_matches([' ', '\t']).len();
                cleaned.text.truncate(end);
                rest = behind;
            }
            // The next flag follows the quote or the name of the variable.
            None => {
                rest = behind.trim_start_matches([' ', '\t']);
                continue;
            }
        }
        before = flag.chars().next_back();
    }
}

/// The bytes of the flag at the beginning of the text, with its value; 0 if there is none.
fn length_of_flag(text: &str) -> usize {
    let Some(bare) = text.strip_prefix("--") else { return 0 };
    let name = bare.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(bare.len());
    if name == 0 {
        return 0;
    }
    let (length, rest) = (2 + name, bare.get(name..).unwrap_or_default());
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    if let Some(value) = rest.strip_prefix('=') {
        let quoted = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let inner = quoted.and_then(|quote| Some(value.get(1..)?.find(quote)? + 2));
        return length + 1 + inner.unwrap_or_else(|| value.find(is_end).unwrap_or(value.len()));
    }
    // A value in the next word.
    let word = rest.trim_start_matches([' ', '\t']);
    let is_value =
        word.len() < rest.len() && word.starts_with(|c: char| !is_end(c) && !matches!(c, '-' | '$' | '\\' | '#'));
    if is_value { length + (rest.len() - word.len()) + word.find(is_end).unwrap_or(word.len()) } else { length }
}

/// The flag as it stays; None if it goes.
fn kept(flag: &str, minor: u16, removed: &mut Vec<String>) -> Option<String> {
    let bare = flag.trim_start_matches("--");
    let (name, value) = match bare.find(['=', ' ', '\t']) {
        Some(at) => bare.split_at(at),
        None => (bare, ""),
    };
    if flag_gone_since(KUBELET, name, minor).is_some() {
        removed.push(flag.to_owned());
        return None;
    }
    if name != GATES {
        return Some(flag.to_owned());
    }
    let quotes = ['"', '\''];
    let open = value.trim_start_matches(['=', ' ', '\t']);
    let pairs = open.trim_matches(quotes);
    let is_known = |pair: &&str| gate_gone_since(pair.split('=').next().unwrap_or_default().trim(), minor).is_none();
    let (known, gone): (Vec<&str>, Vec<&str>) = pairs.split(',').partition(is_known);
    if gone.is_empty() {
        return Some(flag.to_owned());
    }
    removed.extend(gone.iter().map(|pair| format!("--{GATES}={pair}")));
    (!known.is_empty()).then(|| flag.replacen(pairs, &known.join(","), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(minor: u16, text: &str) -> String {
        without_removed(text, minor).text
    }

    #[test]
    fn flags_that_any_minor_version_in_between_removed_go_however_they_are_written() {
        for (text, expected) in [
            ("KUBELET_EXTRA_ARGS=--network-plugin=cni --v=2\n", "KUBELET_EXTRA_ARGS=--v=2\n"),
            ("KUBELET_EXTRA_ARGS=\"--v=2 --network-plugin cni --runonce\"\n", "KUBELET_EXTRA_ARGS=\"--v=2\"\n"),
            ("KUBELET_EXTRA_ARGS='--container-runtime=remote'\n", "KUBELET_EXTRA_ARGS=''\n"),
            ("KUBELET_EXTRA_ARGS=\n", "KUBELET_EXTRA_ARGS=\n"),
            ("# --network-plugin=cni\n", "# --network-plugin=cni\n"),
            ("KUBELET_EXTRA_ARGS=--cni-bin-dir=\"/opt/a b\" --node-labels=a=b", "KUBELET_EXTRA_ARGS=--node-labels=a=b"),
            (
                "A=--runonce-like=1 --node-ip 10.0.0.1 --pod_infra_container_image=x:1\n",
                "A=--runonce-like=1 --node-ip 10.0.0.1\n",
            ),
        ] {
            assert_eq!(clean(36, text), expected);
        }
        let kept = "KUBELET_EXTRA_ARGS=--network-plugin=cni --pod-infra-container-image=x\n";
        assert_eq!(clean(23, kept), kept);
        assert_eq!(clean(24, kept), "KUBELET_EXTRA_ARGS=--pod-infra-container-image=x\n");
    }

    #[test]
    fn units_keep_their_lines_and_other_programs_their_flags() {
        let unit = "[Service]\n\
                    Environment=\"KUBELET_NETWORK_ARGS=--network-plugin=cni --cni-conf-dir=/etc/cni/net.d\"\n\
                    ExecStartPre=/usr/bin/other --network-plugin=x \\\n  --docker-endpoint=y\n\
                    ExecStart=\n\
                    ExecStart=/usr/bin/kubelet $KUBELET_NETWORK_ARGS \\\n  --runonce \\\n  --v=2 \\\n  --docker-endpoint=unix:///x\n";
        let cleaned = without_removed(unit, 36);
        assert_eq!(
            cleaned.text,
            "[Service]\n\
             Environment=\"KUBELET_NETWORK_ARGS=\"\n\
             ExecStartPre=/usr/bin/other --network-plugin=x \\\n  --docker-endpoint=y\n\
             ExecStart=\n\
             ExecStart=/usr/bin/kubelet $KUBELET_NETWORK_ARGS \\\n \\\n  --v=2 \\\n\n"
        );
        assert_eq!(
            cleaned.removed,
            ["--network-plugin=cni", "--cni-conf-dir=/etc/cni/net.d", "--runonce", "--docker-endpoint=unix:///x"]
        );
    }

    #[test]
    fn only_removed_feature_gates_go() {
        let text = "KUBELET_EXTRA_ARGS=--feature-gates=PodSecurity=true,MemoryQoS=true --v=2\n";
        let cleaned = without_removed(text, 36);
        assert_eq!(cleaned.text, "KUBELET_EXTRA_ARGS=--feature-gates=MemoryQoS=true --v=2\n");
        assert_eq!(cleaned.removed, ["--feature-gates=PodSecurity=true"]);
        assert_eq!(clean(36, "A=\"--feature-gates PodSecurity=true --v=2\"\n"), "A=\"--v=2\"\n");
        assert_eq!(
            clean(36, "A=--feature-gates=\"PodSecurity=true,MemoryQoS=true\"\n"),
            "A=--feature-gates=\"MemoryQoS=true\"\n"
        );
        assert_eq!(clean(20, text), text);
    }

    /// A second run changes nothing, whatever the file has.
    #[test]
    fn a_cleaned_file_stays_as_it_is() {
        for text in [
            "--runonce --runonce",
            "A=\"--v=2 --cni-bin-dir=\"\nB='",
            "--",
            "-- --x",
            "é --runonce é",
            "A=--docker-endpoint",
        ] {
            let once = clean(36, text);
            assert_eq!(clean(36, &once), once, "{text}");
        }
    }
}
