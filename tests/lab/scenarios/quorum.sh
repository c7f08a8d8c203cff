#!/usr/bin/env bash
# Claim: a join, a renewal and a reset that lose etcd's majority are recovered by what is printed; five runs at once never take the API away.
# Long: three control planes are made, and each loss is recovered before the next one.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
# n41 keeps its data. The address of the cluster is that of n41; n44 joins, and n45 is a worker.
CONTROL_PLANE=n41
ADDRESS=10.99.0.69
# The only parts to try: together, renewal, reset, join; all without any.
ONLY=" $* "

wanted() { [[ $ONLY = '  ' || $ONLY = *" $1 "* ]] && echo "-- $1" && BEGUN=$SECONDS; } # PART
ended() { echo "== $1: $((SECONDS - BEGUN)) s"; }                                       # PART
hold_address() {
  local host
  on n41 ip address add $ADDRESS/24 dev host0 2> /dev/null || true
  for host in n42 n43 n44 n45; do on $host ip neighbour flush to $ADDRESS 2> /dev/null || true; done
}
objects() { kubectl get configmaps,serviceaccounts,deployments,daemonsets,clusterroles -A -o name | sort; }
same_objects() { # PART
  local now
  eventually kubectl get --raw /readyz > /dev/null 2>&1
  now=$(objects)
  [ "$now" = "$OBJECTS" ] || fail "$1: objects differ: $(diff <(echo "$OBJECTS") <(echo "$now"))"
}

# Starts a command on a host, with what it says in $SCRATCH/HOST, and waits until it has said these words.
begin() { # HOST WORDS COMMAND...
  local host=$1 words=$2
  shift 2
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 &
  BEGUN_RUN=$!
  for _ in $(seq 1200); do
    grep -q -- "$words" "$SCRATCH/$host" && return
    kill -0 $BEGUN_RUN 2> /dev/null || break
    sleep 0.1
  done
  cat "$SCRATCH/$host"
  fail "it did not come to '$words'"
}
# The command that was begun fails in time and names the lost majority.
names_the_loss() { # HOST SECONDS
  local start=$SECONDS
  for _ in $(seq $(($2 * 10))); do
    kill -0 $BEGUN_RUN 2> /dev/null || break
    sleep 0.1
  done
  ! kill -0 $BEGUN_RUN 2> /dev/null || { cat "$SCRATCH/$1"; fail "it still waits after $2 s"; }
  if wait $BEGUN_RUN; then cat "$SCRATCH/$1"; fail 'it did not notice the loss'; fi
  grep -q 'has lost its majority' "$SCRATCH/$1" || { cat "$SCRATCH/$1"; fail 'it does not name the lost majority'; }
  echo "   named after $((SECONDS - start)) s"
}
run_on() { # HOST COMMAND...
  local host=$1
  shift
  on "$host" "$@" > "$SCRATCH/ran" 2>&1 || { cat "$SCRATCH/ran"; fail "'$*' fails on $host"; }
}
enter() { # HOST
  local again
  read -ra again <<< "$(on n41 kubewright token create --control-plane)"
  run_on "$1" "${again[@]}"
}

boot n41 n42 n43 n44 n45
hold_address
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint $ADDRESS:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"
for host in n42 n43; do on $host "${ENTER[@]}" -q > /dev/null; done
one_member_each n41 n42 n43
kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null
kubectl create namespace kept > /dev/null
for number in 1 2 3 4 5 6 7 8; do kubectl -n kept create configmap "kept-$number" --from-literal=a=b > /dev/null; done
OBJECTS=$(objects)

# The first control plane is asked again and again through the shared address; the longest time without a ready answer, in ms.
sample() {
  cat > "$SCRATCH/sample.sh" << 'SAMPLE'
last=$(date +%s%N)
while [ -e /root/sampling ]; do
  if [ "$(curl -sk --max-time 1 -o /dev/null -w '%{http_code}' "https://$1:6443/readyz")" = 200 ]; then
    now=$(date +%s%N)
    echo $(((now - last) / 1000000))
    last=$now
  fi
  sleep 0.1
done
echo $((($(date +%s%N) - last) / 1000000))
SAMPLE
  lab push n45 "$SCRATCH/sample.sh" /root/sample.sh
  on n45 touch /root/sampling
  on n45 bash /root/sample.sh $ADDRESS > "$SCRATCH/samples" &
  SAMPLER=$!
}
longest() {
  on n45 rm /root/sampling
  wait $SAMPLER
  sort -n "$SCRATCH/samples" | tail -n 1
}

if wanted together; then
  run_on n45 "${WORKER[@]}"
  sample
  run_on n41 kubewright certs renew apiserver
  one=$(longest)
  sample
  runs=()
  for host in n41 n42 n43; do
    on $host kubewright certs renew all > "$SCRATCH/$host" 2>&1 &
    runs+=($!)
  done
  on n44 "${ENTER[@]}" > "$SCRATCH/n44" 2>&1 &
  runs+=($!)
  on n45 kubewright reset -y > "$SCRATCH/n45" 2>&1 &
  runs+=($!)
  for run in "${runs[@]}"; do wait "$run" || { tail -n 20 "$SCRATCH"/n4?; fail 'not all of them end well'; }; done
  all=$(longest)
  echo "   without an answer for $all ms, and for $one ms while one API server restarted"
  # A busy machine takes up to twice the time for the same restart.
  [ "$all" -le $((one * 2 + 2000)) ] || fail "the API was away for $all ms"
  one_member_each n41 n42 n43 n44
  kubectl delete node n45 > /dev/null # As it says, because a worker may not.
  has_nodes n41 n42 n43 n44
  same_objects together
  run_on n44 kubewright reset -y
  one_member_each n41 n42 n43
  grep -q "'kubectl delete node n45'" "$SCRATCH/n45" || { cat "$SCRATCH/n45"; fail 'it is not said that the node stays'; }
  ended together
fi

if wanted renewal; then
  begin n41 'certs/apiserver-kubelet-client. renewed' kubewright certs renew all
  lab kill n42
  lab kill n43
  names_the_loss n41 60
  lab up n42 n43 # It says to start the hosts of the missing members.
  grep -q 'start the hosts of the missing members' "$SCRATCH/n41" || { cat "$SCRATCH/n41"; fail 'it is not said to start them'; }
  same_objects renewal
  run_on n41 kubewright certs renew all
  one_member_each n41 n42 n43
  ended renewal
fi

if wanted reset; then
  begin n43 'delete-node' kubewright reset -y
  lab kill n41
  lab kill n42
  names_the_loss n43 60
  grep -q 'start the hosts of the missing members' "$SCRATCH/n43" || { cat "$SCRATCH/n43"; fail 'it is not said to start them'; }
  lab up n41 n42
  hold_address
  same_objects reset
  run_on n43 kubewright reset -y
  one_member_each n41 n42
  enter n43
  one_member_each n41 n42 n43
  same_objects reset
  ended reset
fi

if wanted join; then
  run_on n43 kubewright reset -y
  one_member_each n41 n42
  read -ra line <<< "$(on n41 kubewright token create --control-plane)"
  begin n43 'etcd-join. wrote /etc/kubernetes/manifests/etcd.yaml' "${line[@]}"
  lab kill n42
  names_the_loss n43 40
  grep -q "these do not: n42: .*\|; n42: " "$SCRATCH/n43" || { cat "$SCRATCH/n43"; fail 'it does not name the missing member'; }
  grep -q "'kubewright etcd recover' on the control plane" "$SCRATCH/n43" || { cat "$SCRATCH/n43"; fail 'it does not lead to etcd recover'; }
  grep -q "'kubewright reset' on this host" "$SCRATCH/n43" || { cat "$SCRATCH/n43"; fail 'it does not say what to do here then'; }
  lab down n42
  if on n41 kubewright etcd recover --yes > "$SCRATCH/refused" 2>&1; then fail 'it gives a member up that was not named'; fi
  read -ra line <<< "$(grep -o "kubewright etcd recover --members-lost [^']*" "$SCRATCH/refused")"
  [ "${line[*]}" = 'kubewright etcd recover --members-lost n42' ] || { cat "$SCRATCH/refused"; fail 'the command that names n42 is not printed'; }
  run_on n41 "${line[@]}" --yes
  read -ra line <<< "$(grep -o 'kubewright node remove n42 --dead' "$SCRATCH/ran")"
  [ ${#line[@]} -gt 0 ] || { cat "$SCRATCH/ran"; fail 'the node n42 is not to be removed'; }
  run_on n41 "${line[@]}" --wait --yes
  same_objects join
  run_on n43 kubewright reset -y
  enter n43
  one_member_each n41 n43
  same_objects join
  ended join
fi
