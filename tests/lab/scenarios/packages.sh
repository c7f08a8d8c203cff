#!/usr/bin/env bash
# Claim: the .deb makes a cluster on a host without kubeadm's package, and once it is removed the cluster goes on as it was.
# Long: the packages are built here.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
DROPINS=/etc/systemd/system/kubelet.service.d
TIMER=kubewright-certs-renew.timer

arguments() { on n41 systemctl show -p ExecStart kubelet | sed 's/.*argv\[\]=\(.*\) ; ignore_errors.*/\1/'; }
install_package() { on n41 dpkg -i /root/kubewright.deb > "$SCRATCH/dpkg" 2>&1 || { cat "$SCRATCH/dpkg"; fail "the package cannot be installed"; }; }

"$HERE/../../release" --binary "$BINARY" --out "$SCRATCH/dist" > "$SCRATCH/release" 2>&1 || { cat "$SCRATCH/release"; fail "./release failed"; }
boot n41
# The lab's hosts have kubeadm's drop-in; kubewright comes from the package here.
on n41 sh -c "systemctl stop kubelet && rm /usr/bin/kubewright $DROPINS/10-kubeadm.conf && systemctl daemon-reload"
lab push n41 "$(echo "$SCRATCH"/dist/*.deb)" /root/kubewright.deb
install_package
# shellcheck disable=SC2016 # systemd expands it
[[ "$(arguments)" == *'$KUBELET_KUBEADM_ARGS'* ]] || fail "the kubelet does not get its arguments: $(arguments)"
[ "$(on n41 systemctl is-enabled $TIMER || true)" = disabled ] || fail "the timer is enabled"
on n41 kubewright certs timer status | grep -q 'not installed' || fail "a timer that is not enabled is shown as installed"
on n41 systemd-analyze verify /usr/lib/systemd/system/kubewright-certs-renew.service /usr/lib/systemd/system/$TIMER
on n41 kubewright version

new_cluster n41
ready n41
on n41 systemctl -q enable --now $TIMER
on n41 kubewright certs timer status | tee "$SCRATCH/timer"
grep -q 'Next run' "$SCRATCH/timer" || fail "the enabled timer of the package is not found"
before=$(fingerprint n41) start=$(kubelet_start n41) args=$(arguments)

# As an upgrade does it.
install_package
[ "$(on n41 systemctl is-enabled $TIMER)" = enabled ] || fail "an upgrade disabled the timer"
[ "$(arguments)" = "$args" ] || fail "an upgrade changed the kubelet's arguments"

on n41 dpkg -r kubewright
on n41 test ! -e /usr/bin/kubewright
if on n41 systemctl -q is-enabled $TIMER; then fail "the timer of a program that is gone is enabled"; fi
[ "$(fingerprint n41)" = "$before" ] || fail "the removal changed files of the cluster"
[ "$(kubelet_start n41)" = "$start" ] || fail "the removal restarted the kubelet"
on n41 dpkg -P kubewright
[ "$(fingerprint n41)" = "$before" ] || fail "the purge changed files of the cluster"
# What a reboot does.
[ "$(arguments)" = "$args" ] || fail "the kubelet would start with other arguments: $(arguments)"
on n41 systemctl restart kubelet
eventually kubectl get --raw /readyz > /dev/null
ready n41

# Installed again, the package's drop-in is the only one.
install_package
on n41 test ! -e $DROPINS/05-kubewright.conf
[ "$(arguments)" = "$args" ] || fail "the second installation changed the kubelet's arguments"

# kubeadm's drop-in wins where it is.
on n41 sh -c "printf '[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --of-kubeadm\n' > $DROPINS/10-kubeadm.conf && systemctl daemon-reload"
[ "$(arguments)" = '/usr/bin/kubelet --of-kubeadm' ] || fail "kubeadm's drop-in has no effect: $(arguments)"
on n41 sh -c "rm $DROPINS/10-kubeadm.conf && systemctl daemon-reload"

# A kubelet that something else set up is started as before, whatever its drop-in is called.
on n41 dpkg -r kubewright
on n41 sh -c "mv $DROPINS/05-kubewright.conf $DROPINS/00-own.conf && sed -i 's/KUBELET_EXTRA_ARGS\$/& --v=3/' $DROPINS/00-own.conf &&
  systemctl daemon-reload && systemctl restart kubelet"
own=$(arguments)
install_package
grep -q 'which are kept' "$SCRATCH/dpkg" || { cat "$SCRATCH/dpkg"; fail "nothing is said about the kubelet's arguments"; }
[ "$(arguments)" = "$own" ] || fail "the kubelet's own arguments are gone: $(arguments)"
