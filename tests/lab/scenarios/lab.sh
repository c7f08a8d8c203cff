#!/usr/bin/env bash
# Claim: the lab's hosts reach one another by name, and one that lost its power comes back with its files.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"

boot n41 n42
on n41 ping -q -c 1 -W 5 n42
on n41 systemctl is-active containerd ssh
on n41 test -x /usr/bin/kubewright

on n41 sh -c 'echo kept > /var/lib/kept; sync'
lab kill n41
! on n41 true || fail "n41 is still up"
lab up n41
[ "$(on n41 cat /var/lib/kept)" = kept ] || fail "n41 lost a file"
on n42 ping -q -c 1 -W 5 n41
