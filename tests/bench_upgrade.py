"""How long `upgrade apply` takes on a lab host, and how long the API is away meanwhile, beside kubeadm's on an equal host."""
import subprocess
import sys
import time

HOST = "n61"
FROM, TO = "v1.20.2", "v1.20.9"
# A client that reads ten times a second and prints when it could. It does not wait for what is away.
POLL = ("while sleep 0.1; do curl -sk -m 2 -o /dev/null -w '%{http_code}\\n' https://127.0.0.1:6443/livez 2>/dev/null "
        "| grep -qx 200 && date +%s.%N; done")


def measure(lab, kubeadm, binary, runs):
    """Pairs of seconds for kubewright and for kubeadm: what the whole upgrade took, and the longest time without the API."""
    ours, theirs = [], []
    for _ in range(runs):
        for samples, program in ((theirs, "kubeadm"), (ours, "kubewright")):
            samples.append(once(lab, kubeadm, binary, program))
    return ours, theirs


def once(lab, kubeadm, binary, program):
    """One upgrade of a cluster that kubeadm made on a host that is booted for it."""
    def on(*words, **options):
        return subprocess.run([lab, "exec", HOST, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **options)

    def must(*words):
        result = on(*words)
        if result.returncode != 0:
            sys.exit(f"'{' '.join(words)}' failed on {HOST}:\n{result.stdout}")
        return result.stdout

    def do(*words):
        subprocess.run([lab, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    do("down", HOST)
    do("up", HOST)
    try:
        do("traffic", HOST)  # kubeadm waits for a DNS server that answers
        do("push", HOST, kubeadm, "/usr/bin/kubeadm")
        do("push", HOST, binary, "/usr/bin/kubewright")
        must("kubeadm", "init", "--kubernetes-version", FROM, "--pod-network-cidr", "10.244.0.0/16")
        do("later", HOST)
        do("peer", HOST, TO)
        admin = ("--kubeconfig", "/etc/kubernetes/admin.conf")
        must("kubectl", *admin, "wait", "--for=condition=Ready", f"node/{HOST}", "--timeout=180s")
        poll = subprocess.Popen([lab, "exec", HOST, "sh", "-c", POLL], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        start = time.perf_counter()
        must(program, "upgrade", "apply", TO, "--yes")
        wall = time.perf_counter() - start
        time.sleep(3)  # kubeadm may end before the API server is back
        on("pkill", "-f", "livez")
        poll.kill()
        times = [float(line) for line in poll.communicate()[0].split()]
        return wall, max((after - before for before, after in zip(times, times[1:])), default=float("inf"))
    finally:
        do("down", HOST)
