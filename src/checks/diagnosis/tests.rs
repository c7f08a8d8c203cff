//! The table against lines of real runs (v1.20.2 with containerd 1.6, etcd 3.4, and newer kubelets).

use super::*;

fn diagnosed(source: Source, who: &str, text: &str) -> Diagnosis {
    diagnose(&Evidence { lines: text.lines().map(|line| Line::new(source, who, line)).collect() })
}

/// What the kubelet, or a container of this name, said; and the cause that must be found in it.
const CASES: [(&str, &str, &str); 33] = [
    ("UnknownFlag", "kubelet", "F1121 06:09:59.356570   11652 server.go:156] unknown flag: --cgroup-drivr"),
    ("UnknownFlag", "kube-apiserver", "Error: unknown flag: --allow-privilegedd"),
    (
        "UnknownFlag",
        "kubelet",
        r#"E0101 10:00:00.000000       1 run.go:74] "command failed" err="failed to parse kubelet flag: unknown flag: --network-plugin""#,
    ),
    (
        "KubeletConfig",
        "kubelet",
        "F1121 06:26:50.101010    3500 server.go:198] failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file",
    ),
    (
        "SwapOn",
        "kubelet",
        r#"E0101 10:00:00.000000    1 run.go:74] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false. /proc/swaps contained: [Filename Type]""#,
    ),
    (
        "CgroupDriver",
        "kubelet",
        r#"E0101 10:00:00.000000 1 remote_runtime.go:116] RunPodSandbox from runtime service failed: rpc error: code = Unknown desc = failed to create containerd task: runc create failed: expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/kubepods/burstable/pod1/abc" instead: unknown"#,
    ),
    (
        "CgroupDriver",
        "kubelet",
        r#"F0101 10:00:00.000000 1 server.go:269] failed to run Kubelet: misconfiguration: kubelet cgroup driver: "cgroupfs" is different from docker cgroup driver: "systemd""#,
    ),
    (
        "SandboxImage",
        "kubelet",
        r#"E1121 06:06:09.651686   11371 remote_runtime.go:116] RunPodSandbox from runtime service failed: rpc error: code = Unknown desc = failed to get sandbox image "registry.example.invalid/pause:9": failed to pull image "registry.example.invalid/pause:9": failed to pull and unpack image"#,
    ),
    (
        "RuntimeDown",
        "kubelet",
        r#"F1121 06:26:06.867951    3227 server.go:269] failed to run Kubelet: failed to create kubelet: get remote runtime typed version failed: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial unix /run/containerd/containerd.sock: connect: no such file or directory""#,
    ),
    (
        "PortTaken",
        "etcd",
        "2026-11-21 06:23:33.030525 C | etcdmain: listen tcp 10.99.0.11:2380: bind: address already in use",
    ),
    (
        "PortTaken",
        "kubelet",
        "F1121 06:27:20.000000    4000 server.go:157] listen tcp 0.0.0.0:10250: bind: address already in use",
    ),
    (
        "AdvertiseAddress",
        "etcd",
        "2026-11-21 06:22:47.849203 C | etcdmain: listen tcp 10.99.0.99:2380: bind: cannot assign requested address",
    ),
    ("DiskFull", "etcd", "2026-11-21 06:26:20.556914 C | etcdserver: create wal error: no space left on device"),
    (
        "EtcdDataLost",
        "etcd",
        "panic: tocommit(5481) is out of range [lastIndex(0)]. Was the raft log corrupted, truncated, or lost?",
    ),
    (
        "KubeletCertificateExpired",
        "kubelet",
        "E1203 12:14:39.000000    1227 bootstrap.go:265] part of the existing bootstrap client certificate is expired: 2026-12-02 12:14:19 \
         +0000 UTC",
    ),
    (
        "KubeletCertificateExpired",
        "kubelet",
        "E0101 10:00:00.000000 1 bootstrap.go:267] \"Unhandled Error\" err=\"part of the existing bootstrap client certificate in \
         /etc/kubernetes/kubelet.conf is expired: 2026-12-02 12:14:19 +0000 UTC\"",
    ),
    (
        "KubeletCredentials",
        "kubelet",
        "F1202 09:42:31.000000    3227 server.go:269] failed to run Kubelet: unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory",
    ),
    (
        "KubeletConfigMissing",
        "kubelet",
        "F1202 20:55:20.1 1 server.go:198] failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read \
         kubelet config file \"/var/lib/kubelet/config.yaml\", error: open /var/lib/kubelet/config.yaml: no such file or directory",
    ),
    ("EtcdCorrupt", "etcd", "panic: cannot open database at /var/lib/etcd/member/snap/db (invalid database)"),
    ("EtcdCorrupt", "etcd", "2026-11-21 06:24:28.483791 C | etcdmain: wal: max entry size limit exceeded"),
    (
        "CertificateExpired",
        "etcd",
        r#"2026-11-21 06:25:43.877844 I | embed: rejected connection from "127.0.0.1:37594" (error "tls: failed to verify client certificate: x509: certificate has expired or is not yet valid: current time 2026-11-21T06:25:43Z is after 2026-11-20T06:24:40Z", ServerName "")"#,
    ),
    (
        "CertificateUntrusted",
        "kube-apiserver",
        r#"W1121 06:11:48.501419       1 clientconn.go:1223] grpc: addrConn.createTransport failed to connect to {https://127.0.0.1:2379  <nil> 0 <nil>}. Err :connection error: desc = "transport: authentication handshake failed: x509: certificate signed by unknown authority". Reconnecting..."#,
    ),
    (
        "EtcdUnreachable",
        "kube-apiserver",
        r#"W1121 06:25:26.408252       1 clientconn.go:1223] grpc: addrConn.createTransport failed to connect to {https://127.0.0.1:2379  <nil> 0 <nil>}. Err :connection error: desc = "transport: Error while dialing dial tcp 127.0.0.1:2379: connect: connection refused". Reconnecting..."#,
    ),
    (
        "CgroupV1",
        "kubelet",
        r#"E0101 10:00:00.000000 1 run.go:72] "command failed" err="failed to run Kubelet: kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported""#,
    ),
    (
        "RuntimeApi",
        "kubelet",
        "E0101 10:00:00.000000 1 remote_runtime.go:86] Version from runtime service failed: rpc error: code = Unimplemented desc = unknown service runtime.v1alpha2.RuntimeService",
    ),
    (
        "RuntimeApi",
        "kubelet",
        r#"E0101 10:00:00.000000 1 run.go:74] "command failed" err="failed to run Kubelet: validate service connection: CRI v1 runtime API is not implemented for endpoint \"unix:///run/containerd/containerd.sock\": rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService""#,
    ),
    (
        "InotifyLimit",
        "kubelet",
        "E0101 10:00:00.000000 1 manager.go:1123] Failed to create existing container: inotify_add_watch /sys/fs/cgroup/memory/kubepods/burstable/pod1: no space left on device",
    ),
    (
        "InotifyLimit",
        "kube-apiserver",
        "E0101 10:00:00.000000 1 dynamic_cafile_content.go:166] fsnotify: unable to add watch: no space left on device",
    ),
    (
        "CgroupLimit",
        "kubelet",
        "E0101 10:00:00.000000 1 pod_workers.go:191] Error syncing pod: failed to ensure that the pod cgroup exists: mkdir /sys/fs/cgroup/memory/kubepods/burstable/pod1: no space left on device",
    ),
    (
        "NameReserved",
        "kubelet",
        r#"E1121 09:12:31.101010    3500 pod_workers.go:191] Error syncing pod 5c1e, skipping: failed to "StartContainer" for "etcd" with CreateContainerError: "failed to reserve container name \"etcd_etcd-n1_kube-system_5c1e_1\": name \"etcd_etcd-n1_kube-system_5c1e_1\" is reserved for \"0a9b8c7d\"""#,
    ),
    (
        "NameReserved",
        "kubelet",
        r#"E0101 10:00:00.000000 1 kuberuntime_sandbox.go:72] "Failed to create sandbox for pod" err="rpc error: code = Unknown desc = failed to reserve sandbox name \"web_default_5c1e_0\": name \"web_default_5c1e_0\" is reserved for \"0a9b8c7d\"""#,
    ),
    (
        "PodRefused",
        "kubelet",
        "W1124 19:04:31.518742     174 predicate.go:113] Failed to admit pod etcd-n2_kube-system(80ef6b28) - Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: ephemeral-storage, q: 104857600), ]",
    ),
    (
        "InotifyLimit",
        "kubelet",
        "F1121 09:12:31.101010    3500 kubelet.go:1343] Failed to start cAdvisor inotify_init: too many open files",
    ),
];

#[test]
fn a_flag_that_is_only_in_the_manifest_is_not_looked_for_in_the_configuration_alone() {
    let advice = |who: &str| {
        let mut evidence = Evidence::default();
        evidence.lines.push(Line::new(Source::Container, who, "Error: unknown flag: --wrong"));
        diagnose(&evidence).fix
    };
    let of_pod =
        "take --wrong out of /etc/kubernetes/manifests/etcd.yaml (and extraArgs of the configuration), then run";
    assert!(advice("etcd").starts_with(of_pod), "{}", advice("etcd"));
    assert!(
        advice("kubelet").starts_with("take --wrong out of /var/lib/kubelet/kubeadm-flags.env,"),
        "{}",
        advice("kubelet")
    );
}

/// An upgrade that has gone back sent its user to a manifest that no longer had the flag.
#[test]
fn a_flag_of_a_manifest_that_was_replaced_is_in_the_configuration() {
    let mut evidence = Evidence::default();
    evidence.lines.push(Line::new(Source::Container, "kube-apiserver", "Error: unknown flag: --wrong"));
    let fix = diagnose(&evidence).without_manifest().fix;
    assert!(fix.starts_with("take --wrong out of extraArgs of the configuration (ConfigMap"), "{fix}");
    assert!(!fix.contains("manifests"), "{fix}");
}

#[test]
fn real_lines_lead_to_their_cause() {
    for (id, who, text) in CASES {
        let source = if who == "kubelet" { Source::Kubelet } else { Source::Container };
        let found = diagnosed(source, who, text);
        assert_eq!(found.id, id, "{text}\n{found:?}");
        assert_eq!(found.evidence.len(), 1);
        assert!(!found.cause.contains('{') && !found.fix.contains('{'), "{found:?}");
    }
}

#[test]
fn every_cause_is_tried_and_has_a_fix() {
    for cause in CAUSES {
        assert!(!cause.words.is_empty() && cause.words.iter().all(|all| !all.is_empty()), "{}", cause.id);
        for sentence in [cause.what, cause.fix] {
            assert!(!sentence.is_empty() && !sentence.ends_with('.') && !sentence.contains("  "), "{}", cause.id);
        }
    }
    let mut ids: Vec<&str> = CAUSES.iter().map(|cause| cause.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "a cause is listed twice: {ids:?}");
}

#[test]
fn the_flag_and_the_image_are_named() {
    let found = diagnosed(Source::Container, "kube-apiserver", "Error: unknown flag: --allow-privilegedd");
    assert_eq!(found.cause, "kube-apiserver does not know the flag --allow-privilegedd");
    assert!(found.fix.starts_with("take --allow-privilegedd out"));
    let (_, _, line) = CASES[7];
    let found = diagnosed(Source::Kubelet, "kubelet", line);
    assert!(found.cause.contains("registry.example.invalid/pause:9, is missing"), "{}", found.cause);
}

#[test]
fn the_cause_beneath_wins_over_what_follows_from_it() {
    let lines = [
        (Source::Container, "kube-apiserver", "dial tcp 127.0.0.1:2379: connect: connection refused"),
        (Source::Kubelet, "kubelet", "E1121 06:05:15.606108   10918 kubelet.go:2243] node \"n1\" not found"),
        (Source::Container, "etcd", "panic: create wal error: no space left on device"),
    ];
    let lines = lines.map(|(source, who, text)| Line::new(source, who, text)).to_vec();
    assert_eq!(diagnose(&Evidence { lines }).id, "DiskFull");
}

#[test]
fn nothing_known_shows_the_last_words_and_where_to_look() {
    let found = diagnosed(Source::Container, "kube-scheduler", "strange\nstranger\nended with code 1 (Error)");
    assert_eq!(found.id, "Unknown");
    assert_eq!(found.evidence.last().unwrap(), "kube-scheduler: ended with code 1 (Error)");
    assert!(found.fix.contains("crictl logs"));
    let text = "I1121 06:05:15.606108 1 a.go:1] fine\nE1121 06:05:15.606108 1 a.go:1] broken\nE1121 06:05:16.7 1 a.go:1] broken";
    let found = diagnosed(Source::Kubelet, "kubelet", text);
    assert_eq!(found.evidence.len(), 1, "a line is repeated: {found:?}");
    assert!(found.fix.contains("journalctl"));
}

#[test]
fn a_running_component_is_not_accused_for_want_of_a_better_one() {
    let found = diagnosed(Source::Running, "kube-apiserver", "I1121 06:05:15.606108 1 a.go:1] fine");
    assert!(found.evidence.is_empty());
    assert_eq!(found.id, "Unknown");
}

#[test]
fn of_a_long_line_the_relevant_words_are_shown_and_one_line_stands_for_its_repetitions() {
    let noise = "failed to create shim task: OCI runtime create failed: ".repeat(8);
    let line = |start: &str, quote: &str| {
        let words = format!("expected cgroupsPath to be of format {quote}slice:prefix:name{quote} for systemd cgroups");
        format!("E1121 09:44:18.848908     407 {start}: {noise}{words}, got /kubepods/{start}/1")
    };
    let text = [line("remote_runtime.go:116] RunPodSandbox", "\""), line("pod_workers.go:191] Error syncing", "\\\"")];
    let found = diagnosed(Source::Kubelet, "kubelet", &text.join("\n"));
    assert_eq!((found.id, found.evidence.len()), ("CgroupDriver", 1), "{found:?}");
    assert!(found.evidence[0].starts_with("kubelet: …"), "{found:?}");
    assert!(found.evidence[0].contains("for systemd cgroups, got"), "{found:?}");
}

#[test]
fn where_no_cause_is_known_the_last_look_is_reported_instead() {
    let unknown = diagnosed(Source::Running, "kube-apiserver", "fine").and_last("status 403");
    assert!(unknown.cause.starts_with("status 403; the cause is not one"), "{}", unknown.cause);
    let known = diagnosed(Source::Container, "kube-apiserver", "Error: unknown flag: --x").and_last("status 403");
    assert_eq!(known.evidence.last().unwrap(), "last look: status 403");
}

/// A kubelet that did not know a field was blamed on a kube-scheduler that had ended by itself.
#[test]
fn a_component_is_not_blamed_for_the_end_of_another() {
    let line = |source, who: &str, text: &str| Line::new(source, who, text);
    let evidence = Evidence {
        lines: vec![
            line(Source::Kubelet, "kubelet", "E1121 06:26:50.101010 3500 server.go:198] it does not like this"),
            line(Source::Container, "etcd", "etcd went away"),
            line(Source::Container, "kube-apiserver", "the API server went away"),
            line(Source::Container, "kube-scheduler", "leaderelection lost"),
        ],
    };
    assert!(diagnose(&evidence).cause.contains("kube-scheduler ended"));
    let found = diagnose(&evidence.clone().about("kubelet"));
    assert_eq!(found.evidence.len(), 1, "{found:?}");
    assert!(found.evidence[0].contains("it does not like this"), "{found:?}");
    let found = diagnose(&evidence.clone().about("kube-apiserver"));
    assert!(found.cause.contains("kube-apiserver ended"), "{found:?}");
    assert_eq!(evidence.about("kube-scheduler").lines.len(), 4, "it needs the API server, which needs etcd");
}
