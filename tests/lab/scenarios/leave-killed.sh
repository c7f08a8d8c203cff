#!/usr/bin/env bash
# Claim: a reset that is killed after etcd let the member go is completed by the same command; after a killed join, reset and join work.
# Long: control planes join and leave again and again.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

three_control_planes
# Killed as soon as it says that the member is out: its data is there still.
# shellcheck disable=SC2016 # the host's own shell expands it
on n43 sh -c '
  kubewright reset -y > /tmp/output 2>&1 & reset=$!
  until grep "member from etcd" /tmp/output > /dev/null || ! kill -0 $reset 2> /dev/null; do :; done
  kill -9 $reset; wait $reset || true'
one_member_each n41 n42
on n43 test -d /var/lib/etcd/member || fail "the kill came too late to show anything"
on n43 test -e /var/lib/kubewright/leaving.json || fail "nothing names the other members"
on n43 kubewright reset -y > /dev/null
on n43 kubewright reset | grep 'Nothing to do' > /dev/null || fail "n43 is not clean"
! on n43 test -e /var/lib/etcd/member || fail "the data is left"
one_member_each n41 n42
has_nodes n41 n42

# A join that is killed in the middle of everything, and a host that leaves and comes again after it.
on n43 timeout -s KILL 6 "${ENTER[@]}" -q > /dev/null 2>&1 || true
on n43 kubewright reset --force > /dev/null
on n43 kubewright reset | grep 'Nothing to do' > /dev/null || fail "n43 is not clean after a killed join"
one_member_each n41 n42
on n43 "${ENTER[@]}" -q > /dev/null
one_member_each n41 n42 n43
ready n43
! on n43 test -e /var/lib/kubewright/leaving.json || fail "a note of an earlier life is left"
