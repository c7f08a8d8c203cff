#!/usr/bin/env bash
# Claim: preflight --fix edits containerd's configuration however it is written, never leaves containerd down, and changes nothing under Pods.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONFIG=/etc/containerd/config.toml
CRI='plugins."io.containerd.grpc.v1.cri"'

# Writes a file of containerd's configuration and has containerd read it.
write() { # PATH, and the text on standard input
  on n41 sh -c "mkdir -p \$(dirname $1) && cat > $1 && systemctl reset-failed containerd && systemctl restart containerd"
}
driver_is() { # VALUE of SystemdCgroup, in force
  on n41 sh -c "systemctl -q is-active containerd && containerd config dump | grep -q 'SystemdCgroup = $1'" ||
    fail "containerd does not run with SystemdCgroup = $1"
}
sums() { on n41 sh -c 'find /etc/containerd -type f -exec sha256sum {} + | sort'; }

boot n41
on n41 cp $CONFIG /root/config.toml

# One configuration, written in three ways. The kubelet of v1.20 uses cgroupfs.
for form in dotted inline import; do
  on n41 rm -rf /etc/containerd/conf.d
  case $form in
    dotted) write $CONFIG ;;
    inline) write $CONFIG ;;
    import) write /etc/containerd/conf.d/my.toml ;;
  esac <<EOT
version = 2 # $form
[$CRI]
  sandbox_image = "k8s.gcr.io/pause:3.2" # kept
$(if [ $form = dotted ]; then
    printf '  containerd.runtimes.runc.runtime_type = "io.containerd.runc.v2"\n  containerd.runtimes.runc.options.SystemdCgroup = true\n'
  else
    printf '[%s.containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\noptions = { SystemdCgroup = true }\n' "$CRI"
  fi)
EOT
  [ $form != import ] || write $CONFIG <<< $'version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]'
  driver_is true
  sums > "$SCRATCH/before"
  on n41 kubewright preflight --fix > "$SCRATCH/fixed" || { cat "$SCRATCH/fixed" && fail "$form: it was not fixed"; }
  driver_is false
  on n41 grep -rq 'pause:3.2" # kept' /etc/containerd || fail "$form: a comment is gone"
  on n41 kubewright preflight --undo-fix
  diff "$SCRATCH/before" <(sums) || fail "$form: it was not undone"
done

# A containerd that does not start with the new file gets the old one back.
on n41 rm -rf /etc/containerd/conf.d
on n41 sh -c "sed 's/pause:3.2/pause:3.1/' /root/config.toml > $CONFIG"
on n41 sh -c "mkdir -p /etc/systemd/system/containerd.service.d && printf '[Service]\nExecStartPre=/bin/sh -c \"! grep -q pause:3.2 $CONFIG\"\n' > /etc/systemd/system/containerd.service.d/fail.conf && systemctl daemon-reload && systemctl restart containerd"
sums > "$SCRATCH/before"
on n41 kubewright preflight --fix > "$SCRATCH/fixed" 2>&1 || true
diff "$SCRATCH/before" <(sums) || fail "the old configuration is not back"
on n41 systemctl -q is-active containerd || fail "containerd was left down"
grep -q 'did not start with the changed' "$SCRATCH/fixed" || { cat "$SCRATCH/fixed" && fail "the failed restart is not reported"; }
on n41 rm -r /etc/systemd/system/containerd.service.d
on n41 sh -c "systemctl daemon-reload && cp /root/config.toml $CONFIG && systemctl restart containerd"

# Under running Pods nothing changes, and the way by hand is named.
on n41 kubewright init --pod-network-cidr 10.244.0.0/16 > "$SCRATCH/init" 2>&1 || { cat "$SCRATCH/init" && fail "init failed"; }
on n41 sh -c "printf '[$CRI.containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[$CRI.containerd.runtimes.runc.options]\nSystemdCgroup = true\n' >> $CONFIG && systemctl restart containerd"
sums > "$SCRATCH/before"
on n41 kubewright preflight --fix > "$SCRATCH/fixed" 2>&1 && fail "a node with two cgroup drivers was called ready"
diff "$SCRATCH/before" <(sums) || fail "the configuration was changed under running Pods"
grep -q 'kubectl drain n41' "$SCRATCH/fixed" || { cat "$SCRATCH/fixed" && fail "the way by hand is not named"; }
