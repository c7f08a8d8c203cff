//! The known causes: a table, from the ground up.
//!
//! The words are those of the programs themselves; a row lists what several versions say. `{}` in a
//! sentence stands for what follows the matched words in the line, `{who}` for the component, `{flags}` for
//! where it gets its flags from.

use super::line::{Line, Source};

/// One row.
#[derive(Debug)]
pub struct Cause {
    /// Its stable name.
    pub id: &'static str,
    /// Where its words count.
    pub sources: &'static [Source],
    /// The component whose words count; empty for any.
    pub who: &'static str,
    /// The words; each entry is a list that must all be in one line, the last one before the detail.
    pub words: &'static [&'static [&'static str]],
    /// What is wrong.
    pub what: &'static str,
    /// What the user can do.
    pub fix: &'static str,
}

impl Cause {
    /// True when the line shows this cause.
    pub(super) fn matches(&self, line: &Line) -> bool {
        self.sources.contains(&line.source)
            && (self.who.is_empty() || self.who == line.who)
            && self.words.iter().any(|all| all.iter().all(|words| line.text.contains(words)))
    }

    /// Where in the text the words begin that follow one another; 0 when they are not there.
    pub(super) fn place(&self, text: &str) -> usize {
        let found = self.words.iter().find(|all| all.iter().all(|words| text.contains(words)));
        found.and_then(|all| all.iter().filter_map(|words| text.find(words)).min()).unwrap_or(0)
    }

    /// What follows the words: the flag that is unknown, the address that is taken.
    pub(super) fn detail(&self, text: &str) -> String {
        let found = self.words.iter().find(|all| all.iter().all(|words| text.contains(*words)));
        let rest = found.and_then(|all| text.split_once(*all.last()?)).map_or("", |(_, rest)| rest);
        let detail = rest
            .trim_start_matches([':', ' ', '"', '\\'])
            .split(['"', '\\', '\n'])
            .next()
            .unwrap_or_default()
            .trim_end_matches([' ', '.', ',', ':']);
        // Go's own flag package names a flag with one dash, however it was given.
        let dash = if text.contains("flag provided but not defined: -") { "-" } else { "" };
        format!("{dash}{detail}")
    }
}

const ANY: &[Source] = &[Source::Container, Source::Host, Source::Kubelet, Source::Running];
const LOGS: &[Source] = &[Source::Container, Source::Kubelet, Source::Running];
const KUBELET: &[Source] = &[Source::Kubelet];
const CONTAINER: &[Source] = &[Source::Container];

/// The name of the cause that an answering runtime refutes.
pub(super) const RUNTIME_DOWN: &str = "RuntimeDown";

/// The causes, most basic first.
pub const CAUSES: &[Cause] = &[
    Cause {
        id: "InotifyLimit",
        sources: ANY,
        who: "",
        words: &[
            &["inotify", "too many open files"],
            &["inotify", "no space left on device"],
            &["file watcher", "too many open files"],
            &["fsnotify", "too many open files"],
            &["fsnotify", "no space left on device"],
        ],
        what: "this host has used up its watches of files (inotify), which {who} needs",
        fix: "run 'sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=1048576', write the same to a \
              file in /etc/sysctl.d, then run the command again",
    },
    Cause {
        id: "CgroupLimit",
        sources: ANY,
        who: "",
        words: &[&["/sys/fs/cgroup", "no space left on device"]],
        what: "the kernel refuses {who} a control group: there are too many, or one has no CPUs",
        fix: "run 'cat /proc/cgroups' to count them (65535 are the most) and look for services that leave theirs behind; \
              a reboot frees them",
    },
    Cause {
        id: "DiskFull",
        sources: ANY,
        who: "",
        words: &[&["no space left on device"], &["database space exceeded"]],
        what: "the disk is full",
        fix: "make room: run 'df -h /var/lib/etcd /var/lib/kubelet /var/lib/containerd', then run the command again",
    },
    Cause {
        id: "UnknownFlag",
        sources: LOGS,
        who: "",
        words: &[
            &["unknown flag: "],
            &["failed to parse kubelet flag", "unknown flag: "],
            &["flag provided but not defined: "],
            &["unknown shorthand flag: "],
        ],
        what: "{who} does not know the flag {}",
        fix: "take {} out of {flags}, then run the command again",
    },
    Cause {
        id: "BadFlagValue",
        sources: LOGS,
        who: "",
        words: &[
            &["Error: invalid argument "],
            &["invalid value "],
            &["Error: unrecognized feature gate: "],
            &["unrecognized feature gate: "],
        ],
        what: "{who} refuses the value of a flag: {}",
        fix: "correct it in {flags}, then run the command again",
    },
    Cause {
        id: "KubeletCertificateExpired",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["part of the existing bootstrap client certificate", "is expired"]],
        what: "the client certificate of the kubelet has expired, and it cannot renew it any more",
        fix: "run 'kubewright certs renew all' on a control plane, which renews that of its own kubelet too; on a worker run the \
              'kubewright join' of this host again with a new token",
    },
    Cause {
        id: "KubeletCredentials",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["unable to load bootstrap kubeconfig"]],
        what: "the kubelet has no credentials of the cluster: /etc/kubernetes/kubelet.conf is missing or has none that are valid",
        fix: "put /etc/kubernetes/kubelet.conf back from a backup; without one, run 'kubewright init' again on the first control \
              plane, with the options of the cluster, or the 'kubewright join' of this host again with a new token",
    },
    Cause {
        id: "KubeletConfigMissing",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["kubelet config file", "/config.yaml: no such file or directory"]],
        what: "the kubelet has no configuration: /var/lib/kubelet/config.yaml does not exist",
        fix: "put /var/lib/kubelet back from a backup, or mount its disk; without one, run 'kubewright init' again on the first \
              control plane, with the options of the cluster, or the 'kubewright join' of this host again with a new token",
    },
    Cause {
        id: "KubeletConfig",
        sources: KUBELET,
        who: "kubelet",
        words: &[
            &["failed to load Kubelet config file"],
            &["failed to load kubelet config file"],
            &["strict decoding error: "],
            &["failed to validate kubelet configuration", "error: "],
        ],
        what: "the kubelet cannot use its configuration: {}",
        fix: "correct the KubeletConfiguration document, or a patch of it, then run the command again",
    },
    Cause {
        id: "SwapOn",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["running with swap on is not supported"], &["Running with swap on is not supported"]],
        what: "swap is on, and the kubelet refuses to start with it",
        fix: "run the same command with '--fix', or set failSwapOn: false in the KubeletConfiguration",
    },
    Cause {
        id: "CgroupV1",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["kubelet is configured to not run on a host using cgroup v1"]],
        what: "this host has control groups of version 1, which the kubelet refuses",
        fix: "boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false in the KubeletConfiguration",
    },
    Cause {
        id: "CgroupDriver",
        sources: KUBELET,
        who: "kubelet",
        words: &[
            &["misconfiguration: kubelet cgroup driver"],
            &["is different from docker cgroup driver"],
            &["expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups"],
            &["expected cgroupsPath to be of format"],
            &["invalid slice name"],
            &["Failed to start ContainerManager", "systemd"],
            &["Unit kubepods", ".slice"],
        ],
        what: "the kubelet and the container runtime use different cgroup drivers",
        fix: "run the same command with '--fix' to bring the runtime in step, or set cgroupDriver in the \
              KubeletConfiguration to what the runtime uses",
    },
    Cause {
        id: "SandboxImage",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["failed to get sandbox image "], &["failed pulling image", "pause"]],
        what: "the image that holds Pods, {}, is missing and cannot be pulled",
        fix: "run the same command with '--fix' to use the image that is there, or import {}",
    },
    Cause {
        id: "RuntimeApi",
        sources: KUBELET,
        who: "kubelet",
        words: &[
            &["unknown service runtime.v1alpha2.RuntimeService"],
            &["unknown service runtime.v1.RuntimeService"],
            &["CRI v1 runtime API is not implemented"],
        ],
        what: "the kubelet and the container runtime have no version of the CRI in common, or the runtime's is off",
        fix: "run 'kubewright preflight', which distinguishes these causes and shows the fix",
    },
    Cause {
        id: RUNTIME_DOWN,
        sources: &[Source::Host, Source::Kubelet],
        who: "",
        words: &[
            &["no container runtime answers"],
            &["container runtime is down"],
            &["failed to get runtime version", "rpc error: "],
            &["Get remote runtime version failed"],
            &["Version from runtime service failed"],
            &["validate service connection", "connection error"],
            &["containerd.sock: connect: "],
            &["crio.sock: connect: "],
        ],
        what: "the container runtime does not answer",
        fix: "run 'systemctl restart containerd' (or the runtime you use) and 'journalctl -u containerd -n 50'",
    },
    Cause {
        id: "NameReserved",
        sources: KUBELET,
        who: "kubelet",
        words: &[
            &["failed to reserve container name", "is reserved for"],
            &["failed to reserve sandbox name", "is reserved for"],
        ],
        what: "containerd keeps the name of a container that was never finished, as its kubelet stopped meanwhile, and makes \
               no other of that name",
        fix: "run 'systemctl restart containerd' (containers that run go on), then run the command again",
    },
    Cause {
        id: "PodRefused",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["Failed to admit pod", "to reclaim resources"]],
        what: "the kubelet refuses a Pod that asks for more than it sees on this host",
        fix: "make room: run 'df -h /var/lib/kubelet', 'free -m' and 'nproc'; then run 'systemctl restart kubelet', which does \
              not try again by itself, and the command again",
    },
    Cause {
        id: "PortTaken",
        sources: LOGS,
        who: "",
        words: &[&["address already in use"]],
        what: "{who} cannot listen: another program has its port",
        fix: "run 'ss -ltnp' to see who listens and stop it, then run the command again",
    },
    Cause {
        id: "EtcdDataLost",
        sources: CONTAINER,
        who: "etcd",
        words: &[&["tocommit(", "is out of range [lastIndex("]],
        what: "etcd of this host has lost data that the other members know it had, so it cannot go on as this member",
        fix: "put its data back if they were moved away. If they are lost, the other members have everything: run 'kubewright reset' \
              here, which takes this member out of the cluster, and then what 'kubewright token create --control-plane' \
              prints on another control plane",
    },
    Cause {
        id: "EtcdCorrupt",
        sources: CONTAINER,
        who: "etcd",
        words: &[
            &["failed to recover v3 backend from snapshot"],
            &["database file", "corrupt"],
            &["wal: crc mismatch"],
            &["wal: max entry size limit exceeded"],
            &["walpb: crc mismatch"],
            &["cannot open database at"],
            &["failed to read WAL"],
            &["snap: empty snapshot"],
            &["freepages: failed to get all reachable pages"],
            &["invalid database"],
            &["panic: page ", "already freed"],
            &["failed to find database snapshot file"],
            &["invalid freelist page"],
            &["unexpected fault address"],
        ],
        what: "etcd's data are damaged",
        fix: "keep the data while no other member is healthy: they may be the only copy; then run 'kubewright etcd snapshot restore \
              FILE' with a snapshot. Where a majority is healthy, the other members have everything: run 'kubewright reset' \
              here, which takes this member out of the cluster, and then what 'kubewright token create --control-plane' \
              prints on another control plane",
    },
    Cause {
        id: "EtcdForeignData",
        sources: CONTAINER,
        who: "etcd",
        words: &[
            &["member count is unequal"],
            &["has already been bootstrapped"],
            &["the member has been permanently removed from the cluster"],
            &["cluster ID mismatch"],
        ],
        what: "etcd's data directory holds another cluster or a member that was removed",
        fix: "keep the data: it may be the only copy of that cluster. Compare its ids, which etcd logs when it starts, with \
              'etcdctl member list' on a control plane; or use a host without data",
    },
    Cause {
        id: "AdvertiseAddress",
        sources: LOGS,
        who: "",
        words: &[&["cannot assign requested address"], &["unable to find suitable network address"]],
        what: "{who} is configured to use an address that this host does not have",
        fix: "run 'ip address' and give one of them with --apiserver-advertise-address or \
              localAPIEndpoint.advertiseAddress",
    },
    Cause {
        id: "CertificateExpired",
        sources: LOGS,
        who: "",
        words: &[&["certificate has expired or is not yet valid"], &["tls: expired certificate"]],
        what: "a certificate that {who} meets has expired, or the clock is wrong",
        fix: "run 'kubewright certs check-expiration' and 'date'; renew with 'kubewright certs renew all'",
    },
    Cause {
        id: "CertificateUntrusted",
        sources: LOGS,
        who: "",
        words: &[
            &["certificate signed by unknown authority"],
            &["tls: bad certificate"],
            &["tls: unknown certificate authority"],
            &["doesn't contain any IP SANs"],
            &["x509: certificate is valid for "],
            &["tls: private key does not match public key"],
        ],
        what: "{who} gets a certificate of another CA or for another name",
        fix: "run 'kubewright certs check-expiration' to see which CA signed what, and re-issue what another CA signed with \
              'kubewright certs renew all'; keep the files of every CA",
    },
    Cause {
        id: "ImageNeverPulled",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["ErrImageNeverPull"], &["is not present with pull policy of Never"]],
        what: "an image of the control plane is not on this host, and its policy is never to pull it",
        fix: "import the image into the runtime, or set imagePullPolicy: IfNotPresent, then run the command again",
    },
    Cause {
        id: "WrongArchitecture",
        sources: LOGS,
        who: "",
        words: &[&["exec format error"]],
        what: "the image of {who} is for another processor architecture",
        fix: "run 'uname -m', and use images of that architecture: check imageRepository and imageTag",
    },
    Cause {
        id: "ImageMissing",
        sources: KUBELET,
        who: "kubelet",
        words: &[&["ImagePullBackOff"], &["ErrImagePull"], &["Failed to pull image "]],
        what: "an image of the control plane cannot be pulled",
        fix: "run 'kubewright config images pull' to see each image's reason",
    },
    Cause {
        id: "EtcdUnreachable",
        sources: LOGS,
        who: "kube-apiserver",
        words: &[&[":2379", "connection refused"]],
        what: "the API server cannot reach etcd",
        fix: "run 'crictl ps -a --name etcd' and 'crictl logs' of the newest one to see why etcd is down",
    },
];
