//! All advice that removes, moves or replaces something on a host or in a cluster, and what makes it safe. Advice that is in
//! no row here is not given; whether a guard holds is shown by the tests that the rows name.

use crate::support::tree;

/// What a row needs to be safe.
enum Needs {
    /// `checks::Holding` gives it, and only where this host has no data, no control plane and no key of a cluster.
    NothingToLose,
    /// It names what is kept: the old thing gets another name that is free, and nothing else uses it.
    ACopyThatStays,
    /// The members of etcd agree, so that a majority of those that stay is there; etcd and we refuse it otherwise.
    AMajority,
    /// The cluster answers, and this host or node is out of it already, or not its last member.
    OthersThatStay,
    /// It says in the same sentence what is lost, and that it may be the only copy.
    TheWarningBesideIt,
    /// What goes is made again by a program or command that is named, and nothing rests on it.
    NothingRestsOnIt,
}

use Needs::{ACopyThatStays, AMajority, NothingRestsOnIt, NothingToLose, OthersThatStay, TheWarningBesideIt};

/// The commands and flags that destroy something.
const DESTRUCTIVE: [&str; 14] = [
    "kubewright reset",
    "'mv ",
    "mv {",
    " mv ",
    "'rm ",
    " rm ",
    "etcdctl del",
    "node remove",
    "delete node",
    "token delete",
    "link delete",
    "umount ",
    "--accept-quorum-loss",
    "--force",
];

/// Where it stands, a part of its line, and what it needs.
const ADVICE: &[(&str, &str, Needs)] = &[
    ("src/checks/", "no cluster on this host uses it: run 'mv {} {}'", ACopyThatStays),
    ("src/checks/diagnosis/causes.rs", "the other members have everything: run 'kubewright reset'", OthersThatStay),
    ("src/checks/holding.rs", "run 'kubewright reset' to leave that cluster", NothingToLose),
    ("src/checks/holding.rs", "; {otherwise}, run 'kubewright reset'", NothingToLose),
    ("src/checks/lost.rs", "the other members have everything: run 'kubewright reset' here", OthersThatStay),
    (
        "src/checks/lost.rs",
        "to go on without them on purpose, copy {pki} to /root, run 'kubewright reset",
        TheWarningBesideIt,
    ),
    ("src/context/access.rs", "run 'mv --backup=numbered {shown} /root/' and then", ACopyThatStays),
    ("src/checks/pod_network.rs", "run 'mv --backup=numbered {shown} /root/' if", ACopyThatStays),
    ("src/cli/certs/check.rs", "rm /var/lib/kubelet/pki/kubelet.crt", NothingRestsOnIt),
    ("src/cli/etcd/recover.rs", "kubewright node remove {name} --dead", AMajority),
    ("src/cli/etcd/recover.rs", "To clean up a host of a former member", OthersThatStay),
    ("src/cli/etcd/restore.rs", "kubewright node remove {name} --dead", AMajority),
    ("src/cli/etcd/restore.rs", "To clean up the hosts of the former members", OthersThatStay),
    ("src/cli/node.rs", "To clean up its host, run there", OthersThatStay),
    ("src/etcd/error.rs", "'kubewright node remove", AMajority),
    ("src/fleet/review.rs", "run 'rm /etc/machine-id'", NothingRestsOnIt),
    ("src/host/mounts.rs", "run 'umount {original}', then the same command again", NothingRestsOnIt),
    ("src/host/mounts.rs", "run 'umount {path}', then the same command again", NothingRestsOnIt),
    ("src/base/move_away.rs", "mv {path} {path}.$(date +%s)", ACopyThatStays),
    ("src/state/expiry/signing.rs", "run 'mv --backup=numbered {shown} /root/' and then", ACopyThatStays),
    ("src/state/etcd_restore.rs", "run 'mv --backup=numbered /etc/kubernetes/manifests", ACopyThatStays),
    ("src/kube/token.rs", "kubewright token delete {id}", NothingRestsOnIt),
    ("src/ops/network.rs", "'ip link delete'", NothingRestsOnIt),
    ("src/phases/delete_node.rs", "run 'kubectl delete node {name}' on a control plane", OthersThatStay),
    ("src/phases/join/error.rs", "'kubewright node remove {name} --dead'", AMajority),
    ("src/phases/join/error.rs", "run 'kubewright reset' on this host, whose etcd has no vote yet", OthersThatStay),
    ("src/phases/join/wait_bootstrap.rs", "'kubewright reset' removes them", NothingRestsOnIt),
    ("src/phases/reset/cleanup_node.rs", "'etcdctl del --prefix /registry/'", TheWarningBesideIt),
    ("src/phases/reset/cleanup_node.rs", "'kubewright node remove {name} --dead' on another control plane", AMajority),
    (
        "src/phases/reset/remove_etcd_member.rs",
        "'kubewright node remove {name} --dead' on one of their hosts",
        AMajority,
    ),
    ("src/pki/error.rs", "run 'mv --backup=numbered {0} {0}.old'", ACopyThatStays),
    ("src/pki/problem.rs", "run 'mv --backup=numbered {shown} {shown}.old'", ACopyThatStays),
    ("src/render/patches/error.rs", "run 'mv {} {}', or move the file out of the directory", ACopyThatStays),
    // What a run over SSH does with its own uploads: it can be uploaded again.
    ("src/ssh/upload.rs", "rm -f $t", NothingRestsOnIt),
    ("src/ssh/upload.rs", "mv -f $t $1/$2", NothingRestsOnIt),
    ("src/ssh/upload.rs", "rm -f $1/$o", NothingRestsOnIt),
    ("src/state/api_health.rs", "'kubewright node remove {} --dead'", AMajority),
    ("src/state/api_health.rs", "run 'kubectl delete node {}' on a control plane", OthersThatStay),
    ("src/state/not_yaml.rs", "'mv --backup=numbered {shown} /root/'", ACopyThatStays),
    ("src/state/reset_progress.rs", "'mv --backup=numbered {PROGRESS_FILE} /root/'", ACopyThatStays),
    ("src/state/leave_error.rs", "--force continues without removing the node", TheWarningBesideIt),
    ("src/state/leave_error.rs", "--force deletes the data of this host", TheWarningBesideIt),
    ("src/state/leave_error.rs", "--accept-quorum-loss", TheWarningBesideIt),
    ("src/state/leave_error.rs", "'kubewright node remove", AMajority),
    ("src/state/leave_error.rs", "'kubewright reset --dry-run' here", OthersThatStay),
    ("src/state/leave_error.rs", "run 'kubewright reset' on {name}", OthersThatStay),
    ("src/state/upgrade/progress.rs", "'mv --backup=numbered {PROGRESS_FILE} /root/'", ACopyThatStays),
    ("src/state/status/assess/etcd.rs", "otherwise run 'kubewright node remove {} --dead'", AMajority),
    ("src/state/status/causes.rs", "run 'kubewright node remove {} --dead'", AMajority),
    ("src/state/status/under_way.rs", "kubewright reset --dry-run", NothingRestsOnIt),
    ("src/state/upgrade/checks/etcd.rs", "'kubewright node remove {} --dead'", AMajority),
];

/// Lines that name a command without advising it: what a program runs, the names of flags, events.
const NO_ADVICE: &[(&str, &str)] = &[
    ("src/cli/", "hold_host("),
    ("src/cli/", "turn::hold("),
    ("src/cli/args/", ""),
    ("src/config/flags.rs", ""),
    ("src/config/resolve/", ""),
    ("src/host/packages/apt.rs", "--force-conf"),
    ("src/ops/etcd_recovery.rs", "const FORCE: &str"),
    ("src/ops/node_status.rs", "kubewright reset removed this host from the cluster"),
    ("src/state/status/under_way.rs", "'kubewright reset' was interrupted on this host"),
];

#[test]
fn destructive_advice_is_given_only_where_its_guard_holds() {
    let mut unlisted = Vec::new();
    let mut used = vec![false; ADVICE.len()];
    for (path, text) in tree::files("src", ".rs") {
        if path.contains("/tests") || path.contains("test_") || path.contains("fixture") || path.ends_with("fake.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if is_comment || !DESTRUCTIVE.iter().any(|word| line.contains(word)) {
                continue;
            }
            if NO_ADVICE.iter().any(|(at, part)| path.starts_with(at) && line.contains(part)) {
                continue;
            }
            let rows: Vec<usize> = (0..ADVICE.len())
                .filter(|row| path.starts_with(ADVICE[*row].0) && line.contains(ADVICE[*row].1))
                .collect();
            if rows.is_empty() {
                unlisted.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
            for row in rows {
                used[row] = true;
            }
        }
    }
    assert!(unlisted.is_empty(), "say in the table of advice what makes this safe:\n{}", unlisted.join("\n"));
    let stale: Vec<&str> = ADVICE.iter().zip(used).filter(|(_, used)| !used).map(|((_, part, _), _)| *part).collect();
    assert!(stale.is_empty(), "no line has this any more: {stale:?}");
}

/// Each guard is more than a word: where it is in the code.
#[test]
fn every_guard_is_held_by_something() {
    let files = tree::files("src", ".rs");
    for (path, part, needs) in ADVICE {
        let found = files.iter().find(|(known, text)| known.starts_with(path) && text.contains(part));
        let line = &found.unwrap_or_else(|| panic!("{path} has no {part:?}")).1;
        let at = line.find(part).unwrap_or_default();
        let around: String = line[at.saturating_sub(700)..(at + 500).min(line.len())].into();
        match needs {
            NothingToLose => assert!(line.contains("last_copy()"), "{path}: {part}"),
            ACopyThatStays => {
                let keeps = ["free_name", "--backup=numbered", "$(date +%s)", "right.display()"];
                assert!(keeps.iter().any(|way| around.contains(way)), "{path}: {part}");
            }
            TheWarningBesideIt => {
                let warns = ["only copy", "last intact copy", "snapshot save", "still exist there, and another 'init'"];
                assert!(warns.iter().any(|warning| around.contains(warning)), "{path}: {part}");
            }
            AMajority => assert!(around.contains("--dead") || around.contains("node remove"), "{path}: {part}"),
            OthersThatStay | NothingRestsOnIt => {}
        }
    }
}
