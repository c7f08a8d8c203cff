//! `reset` on a live host with mounts and links in the way, in a mount namespace of its own: the machine that runs the
//! tests is mounted read-only, and everything that is written lies in memory.

use kubewright::base::exit_code::ExitCode;
use std::process::{Command, Output};

/// Makes a small host in memory and runs `$script` on it; `kubewright` is the built binary. Program
/// directories of the machine are mounted read-only. Its mounts are shared among each other, as with systemd, but not with
/// those of the machine.
const HOST: &str = r#"
set -eu
host=$(mktemp -d)
mount -t tmpfs host "$host"
mount --make-shared "$host"
for directory in bin lib lib64 sbin usr; do
  if [ -L "/$directory" ]; then cp -P "/$directory" "$host/$directory"
  elif [ -d "/$directory" ]; then mkdir "$host/$directory"; mount --bind "/$directory" "$host/$directory"; mount -o remount,bind,ro "$host/$directory"; fi
done
mkdir -p "$host/proc" "$host/dev" "$host/run" "$host/tmp" "$host/etc/kubernetes/pki" "$host/var/lib/kubelet/pods/a/volumes" \
  "$host/home/user/data"
mount -t proc proc "$host/proc"
touch "$host/dev/null"; mount --bind /dev/null "$host/dev/null"
touch "$host/kubewright"; mount --bind "$BINARY" "$host/kubewright"
echo mine > "$host/home/user/data/file"
echo x > "$host/etc/kubernetes/kubelet.conf"
echo x > "$host/var/lib/kubelet/config.yaml"
echo x > "$host/var/lib/kubelet/pods/a/volumes/file"
chroot "$host" /bin/sh -euc "$SCRIPT"
"#;

/// Runs a script on a host in memory.
fn on_host(script: &str) -> Output {
    Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--propagation", "private", "sh", "-c", HOST])
        .env("BINARY", env!("CARGO_BIN_EXE_kubewright"))
        .env("SCRIPT", script)
        .output()
        .unwrap()
}

#[track_caller]
fn said(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("THE END"), "the script stopped early:\n{text}");
    text
}

#[test]
#[ignore = "needs root"]
fn bind_mounts_and_links_in_the_kubelets_directory_survive() {
    let script = r"
        cd /var/lib/kubelet
        mkdir backup mine && mount --bind /home/user/data backup
        mount -t tmpfs volume mine && echo mine > mine/file
        mkdir pods/a/volumes/bound && mount --bind /home/user/data pods/a/volumes/bound
        ln -s /home/user/data pods/a/volumes/link && ln -s /home/user/data plugins
        mount --bind /home/user/data /etc/kubernetes/pki
        echo mine > /home/user/data/ca.key
        /kubewright reset --force
        cat /home/user/data/file /home/user/data/ca.key backup/file mine/file plugins/file
        test ! -e pods && test ! -e config.yaml && test ! -e /etc/kubernetes/kubelet.conf
        /kubewright reset --force | head -1
        echo THE END";
    let output = on_host(script);
    let text = said(&output);
    assert_eq!(text.matches("mine\n").count(), 5, "{text}");
    assert!(text.contains("unmounted /var/lib/kubelet/pods/a/volumes/bound"), "{text}");
    for left in ["/etc/kubernetes/pki", "/var/lib/kubelet/backup", "/var/lib/kubelet/mine"] {
        assert!(text.contains(&format!("  - {left}")) && text.contains("something is mounted there"), "{left}: {text}");
    }
    assert!(text.contains("  - /var/lib/kubelet/plugins: it is a link to /home/user/data"), "{text}");
    assert!(text.contains("nothing to do"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_was_mounted_in_a_volume_of_the_host_survives_where_it_belongs() {
    let script = r"
        mkdir -p /disks/one && echo mine > /disks/one/file
        cd /var/lib/kubelet/pods/a/volumes
        mkdir local nested && touch single && mount --bind /disks/one local && mount --bind /disks/one/file single
        mkdir /disks/one/inner && mount -t tmpfs inner /disks/one/inner && echo mine > /disks/one/inner/file
        cat local/inner/file
        mount -t tmpfs nested nested && mkdir nested/deeper && mount --bind /disks/one nested/deeper
        /kubewright reset --force
        cat /disks/one/file /disks/one/inner/file
        grep -c ' /disks/one/inner ' /proc/self/mountinfo
        grep ' /var/lib/kubelet/' /proc/self/mountinfo || echo no mounts
        test ! -e /var/lib/kubelet
        echo THE END";
    let output = on_host(script);
    let text = said(&output);
    assert_eq!(text.matches("mine\n").count(), 3, "{text}");
    assert!(text.contains("mine\n1\nno mounts\n"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_covers_a_volume_is_reported_and_stays_until_it_is_unmounted() {
    let script = r#"
        mkdir -p /disks/one /var/lib/kubelet/pods/a/volumes/local
        mount --bind /disks/one /var/lib/kubelet/pods/a/volumes/local
        mount -t tmpfs disk /disks/one && echo mine > /disks/one/file
        code=0; /kubewright reset --force || code=$?
        echo "code $code"
        cat /disks/one/file /var/lib/kubelet/config.yaml
        umount /disks/one
        /kubewright reset --force
        test ! -e /var/lib/kubelet
        echo THE END"#;
    let output = on_host(script);
    let text = said(&output);
    assert!(text.contains("run 'umount /disks/one'"), "{text}");
    assert!(text.contains(&format!("code {}\nmine\nx\n", ExitCode::Host as u8)), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_is_mounted_in_the_kubelets_directory_stays_with_its_content() {
    let script = r"
        rm -r /var/lib/kubelet/pods/a
        mount -t tmpfs disk /var/lib/kubelet/pods && echo mine > /var/lib/kubelet/pods/file
        mkdir -p /var/lib/kubelet/pods/a/volumes && mount -t tmpfs volume /var/lib/kubelet/pods/a/volumes
        /kubewright reset --force
        cat /var/lib/kubelet/pods/file
        grep -c ' /var/lib/kubelet/pods' /proc/self/mountinfo
        echo THE END";
    let output = on_host(script);
    let text = said(&output);
    assert!(text.contains("mine\n1\n"), "{text}");
    assert!(text.contains("  - /var/lib/kubelet/pods: something is mounted there"), "{text}");
    assert!(text.contains("unmounted /var/lib/kubelet/pods/a/volumes\n"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn an_etcd_that_works_on_its_data_keeps_it_whatever_is_forced() {
    let script = r#"
        mkdir -p /var/lib/etcd/member/snap /etc/kubernetes/manifests && echo mine > /var/lib/etcd/member/snap/db
        (exec 9< /var/lib/etcd/member/snap/db; flock 9; touch /tmp/held; exec sleep 1000) &
        while [ ! -e /tmp/held ]; do sleep 0.01; done
        # The manifest of a cluster that is over: another etcd has the directory now.
        echo 'spec: {containers: [{command: [etcd, --data-dir=/var/lib/etcd]}]}' > /etc/kubernetes/manifests/etcd.yaml
        code=0; /kubewright reset --force || code=$?
        echo "code $code"
        cat /var/lib/etcd/member/snap/db
        rm /etc/kubernetes/manifests/etcd.yaml
        echo x > /etc/kubernetes/pki/apiserver-etcd-client.key
        /kubewright reset --force
        cat /var/lib/etcd/member/snap/db /etc/kubernetes/pki/apiserver-etcd-client.key
        kill $!; wait || true
        echo THE END"#;
    let output = on_host(script);
    let text = said(&output);
    assert!(text.contains(&format!("code {}\nmine\n", ExitCode::Refused as u8)), "{text}");
    assert!(text.contains("  - /var/lib/etcd/member: data of an etcd"), "{text}");
    assert!(text.contains("mine\nx\n"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_busy_mount_stops_the_reset_before_any_file_is_removed() {
    let script = r#"
        mkdir /var/lib/kubelet/pods/a/volumes/busy
        mount -t tmpfs volume /var/lib/kubelet/pods/a/volumes/busy
        echo mine > /var/lib/kubelet/pods/a/volumes/busy/file
        (cd /var/lib/kubelet/pods/a/volumes/busy && exec sleep 1000) &
        while [ "$(readlink /proc/$!/cwd)" != /var/lib/kubelet/pods/a/volumes/busy ]; do sleep 0.01; done
        code=0; /kubewright reset --force || code=$?
        echo "code $code"
        cat /var/lib/kubelet/pods/a/volumes/busy/file /var/lib/kubelet/config.yaml /etc/kubernetes/kubelet.conf
        kill $!; wait || true
        /kubewright reset --force
        test ! -e /var/lib/kubelet/pods
        echo THE END"#;
    let output = on_host(script);
    let text = said(&output);
    assert!(text.contains("cannot unmount /var/lib/kubelet/pods/a/volumes/busy"), "{text}");
    assert!(text.contains(&format!("code {}", ExitCode::Host as u8)), "{text}");
    assert!(text.contains("mine\nx\nx\n"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_kubelet_directory_that_is_a_link_or_a_disk_is_recognized() {
    let script = r"
        mkdir -p /data/kubelet/pods/b && echo mine > /data/kubelet/pods/b/file
        mv /var/lib/kubelet /kept && ln -s /data/kubelet /var/lib/kubelet
        /kubewright reset --force
        cat /data/kubelet/pods/b/file
        rm /var/lib/kubelet && mkdir /var/lib/kubelet && mount -t tmpfs disk /var/lib/kubelet
        mkdir /var/lib/kubelet/pods /var/lib/kubelet/lost+found && echo x > /var/lib/kubelet/config.yaml
        /kubewright reset --force
        ls /var/lib/kubelet
        echo THE END";
    let output = on_host(script);
    let text = said(&output);
    assert!(text.contains("/var/lib/kubelet: it is a link, and nothing behind it is touched"), "{text}");
    assert!(text.contains("mine\n") && text.contains("lost+found\nTHE END"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_reset_that_is_killed_is_completed_by_the_next() {
    let script = r#"
        for pod in $(seq 300); do mkdir -p /var/lib/kubelet/pods/$pod/volumes/v && echo x > /var/lib/kubelet/pods/$pod/volumes/v/f; done
        killed=0
        for wait in 0 1 2 3 4 5 6 7 8 9; do
          /kubewright reset --force > /dev/null 2>&1 & sleep "0.0$wait"; kill -9 $! 2> /dev/null && killed=$((killed + 1)); wait $! || true
        done
        /kubewright reset --force > /dev/null
        /kubewright reset | head -1
        test ! -e /var/lib/kubelet && test ! -e /var/lib/kubewright && test ! -e /etc/kubernetes/kubelet.conf
        test $killed -gt 0
        echo THE END"#;
    let output = on_host(script);
    assert!(said(&output).contains("nothing to do"), "{}", said(&output));
}
