"""How `kubewright apply` does with hundreds of hosts: an sshd for each on this machine, and a stand-in for what runs there.

Each sshd has an address and a /var/lib of its own, in a mount namespace. The stand-in (examples/host_stand_in.rs) takes 5 s and
prints 300 events for each run. Needs root.
"""
import os
import resource
import subprocess
import time

HOSTS = 200
PARALLEL = 30  # the default of `limits.parallel`
RUN = 5.0  # seconds, as in the stand-in
PORT = 2222
JUMP = "127.2.0.1"


def measure(binary, stand_in, directory):
    """Prints what a plan and an apply take, and an apply through one jump host."""
    servers = Servers(directory)
    try:
        addresses = [f"127.1.{at // 200}.{at % 200 + 1}" for at in range(HOSTS)]
        for at, address in enumerate(addresses):
            servers.start(address, f"h{at + 1}")
        servers.start(JUMP, "jump", "MaxStartups 10:30:60")
        servers.wait(HOSTS + 1)
        pin = subprocess.run(["ssh-keygen", "-lf", f"{directory}/host.pub"], capture_output=True, text=True, check=True)
        pin = pin.stdout.split()[1]
        lines = [f"- {{ssh: 'root@{address}:{PORT}', name: h{at + 1}, address: 10.1.{at // 200}.{at % 200 + 1}, "
                 f"hostKey: '{pin}'{', role: control-plane' if at == 0 else ''}}}"
                 for at, address in enumerate(addresses)]
        with open(f"{directory}/cluster.yaml", "w") as file:
            file.write("apiVersion: kubewright.io/v1alpha1\nkind: Cluster\n"
                       f"ssh: {{key: {directory}/key}}\nhosts:\n" + "\n".join(lines) + "\n---\n"
                       "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.1\n"
                       "controlPlaneEndpoint: 10.1.0.1:6443\n")
        with open(f"{directory}/known_hosts", "w") as file:
            with open(f"{directory}/host.pub") as key:
                file.write(f"[{JUMP}]:{PORT} {' '.join(key.read().split()[:2])}\n")
        direct = f"{directory}/direct"
        open(direct, "w").close()
        through = f"{directory}/through"
        with open(through, "w") as file:
            file.write(f"Host 127.1.*\n  ProxyJump root@{JUMP}:{PORT}\n"
                       f"Host *\n  IdentityFile {directory}/key\n  UserKnownHostsFile {directory}/known_hosts\n")

        def run(what, config, words, ideal=None):
            command = [binary, *words, "-f", "cluster.yaml", "-F", config, "--program", f"{os.uname().machine}={stand_in}"]
            before = time.monotonic()
            with open(f"{directory}/log", "w") as log:
                process = subprocess.Popen(command, cwd=directory, env={**os.environ, "HOME": directory}, stdout=log,
                                           stderr=subprocess.STDOUT)
                _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - before
            cpu = usage.ru_utime + usage.ru_stime
            ratio = f", {wall / ideal:.2f} of the least that {PARALLEL} at once can take" if ideal else ""
            print(f"  {what:<44}{wall:7.1f} s{ratio}; {cpu:.1f} CPU seconds, {usage.ru_maxrss / 1024:.0f} MiB")
            code = os.waitstatus_to_exitcode(status)
            if code != 0:
                with open(f"{directory}/log") as log:
                    print(f"  it ended with {code}: {log.read()[-2000:]}")

        ideal = RUN * HOSTS / PARALLEL
        run(f"plan, which copies the program to {HOSTS} hosts", direct, ["plan"])
        run(f"apply on {HOSTS} hosts", direct, ["apply", "--yes"], ideal)
        run(f"apply on {HOSTS} hosts behind one jump host", through, ["apply", "--yes"], ideal)
    finally:
        servers.stop()


class Servers:
    def __init__(self, directory):
        self.directory = directory
        self.started = []
        for key in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{directory}/{key}"], check=True)
        os.makedirs("/run/sshd", exist_ok=True)
        # Each server and its log are open files here.
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, max(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))

    def start(self, address, name, *lines):
        config = f"{self.directory}/{name}.sshd"
        with open(config, "w") as file:
            file.write("\n".join([*lines, f"ListenAddress {address}:{PORT}", f"HostKey {self.directory}/host",
                                  f"AuthorizedKeysFile {self.directory}/key.pub", "StrictModes no", "UsePAM no",
                                  "PidFile none", "PasswordAuthentication no", "PermitRootLogin prohibit-password"]) + "\n")
        script = (f"mount -t tmpfs tmpfs /root && mount -t tmpfs -o mode=755 tmpfs /var/lib && printf {name} > /var/lib/name && "
                  f"exec /usr/sbin/sshd -D -f {config} -E {self.directory}/{name}.log")
        self.started.append(subprocess.Popen(["unshare", "--mount", "sh", "-euc", script]))

    def wait(self, count):
        for _ in range(600):
            logs = [name for name in os.listdir(self.directory) if name.endswith(".log")]
            listening = sum("Server listening" in open(os.path.join(self.directory, name)).read() for name in logs)
            if listening == count:
                return
            time.sleep(0.1)
        raise SystemExit(f"{listening} of {count} servers listen")

    def stop(self):
        for process in self.started:
            process.terminate()
        for process in self.started:
            process.wait()
