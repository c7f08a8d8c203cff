#!/usr/bin/env python3
"""Writes what a cluster tool left on a control plane and in its cluster, so that `diff -r` of two hosts shows how the tools differ.

  facts.py HOST ADDRESS DIRECTORY COMMAND...

COMMAND runs its further words on the host, as root. Names, addresses, keys, and what the API server counts are replaced, because
they differ between any two clusters: the host by HOST, its address by ADDRESS.
"""
import hashlib
import json
import re
import subprocess
import sys

# Static Pods, kubelet files, and kubeconfigs; of certificates only what they say.
FILES = ("/etc/kubernetes/manifests/*", "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env")
CERTIFICATES = """for f in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt; do
  echo "== $f"; openssl x509 -noout -subject -issuer -in "$f"
  for e in subjectAltName keyUsage extendedKeyUsage basicConstraints; do openssl x509 -noout -ext $e -in "$f" 2>/dev/null; done; done
for f in /etc/kubernetes/*.conf; do echo "== $f"; grep -v -e -data: "$f" | sort
  sed -n 's/.*client-certificate-data: //p' "$f" | base64 -d | openssl x509 -noout -subject -issuer 2>/dev/null; done"""
MODES = "find /etc/kubernetes -path /etc/kubernetes/tmp -prune -o -printf '%p %m %u %y\\n' | sort"
# What a cluster tool makes in a cluster. The rest is made by the API server.
OBJECTS = (
    ("kube-system", "configmaps"), ("kube-system", "roles"), ("kube-system", "rolebindings"), ("kube-system", "deployments"),
    ("kube-system", "daemonsets"), ("kube-system", "services"), ("kube-system", "serviceaccounts"), ("kube-public", "configmaps"),
    ("kube-public", "roles"), ("kube-public", "rolebindings"), (None, "nodes"), (None, "clusterroles"), (None, "clusterrolebindings"),
)
CHECKSUM = "kubeadm.kubernetes.io/component-config.hash"
OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")


def main():
    host, address, directory = sys.argv[1:4]
    on = sys.argv[4:]

    def tell(*words):
        return subprocess.run([*on, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def write(name, text):
        text = re.sub(rf"\b{re.escape(address)}\b", "ADDRESS", re.sub(rf"\b{re.escape(host)}\b", "HOST", text))
        with open(f"{directory}/{name}", "w") as file:
            file.write(text)

    for path in tell("sh", "-c", "ls " + " ".join(FILES)).split():
        write(path.strip("/").replace("/", "_"), tell("cat", path))
    write("certificates", tell("sh", "-c", CERTIFICATES))
    write("modes", tell("sh", "-c", MODES))
    for namespace, kind in OBJECTS:
        words = ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", kind, "-o", "json"]
        items = json.loads(tell(*words, *(["-n", namespace] if namespace else [])))["items"]
        shown = [plain(item) for item in items if not made_by_the_server(item)]
        write(f"{namespace or 'cluster'}-{kind}", json.dumps(shown, indent=1, sort_keys=True).replace("\\n", "\n    "))


def made_by_the_server(item):
    name = item["metadata"]["name"]
    labels = item["metadata"].get("labels") or {}
    return "kubernetes.io/bootstrapping" in labels or name in ("kube-root-ca.crt", "extension-apiserver-authentication")


def checksum(data):
    return "sha256:" + hashlib.sha256("".join(data[name] for name in sorted(data)).encode()).hexdigest()


def plain(item):
    item.pop("status", None)
    for field in OF_THE_SERVER:
        item["metadata"].pop(field, None)
    annotations = item["metadata"].get("annotations") or {}
    annotations.pop("deployment.kubernetes.io/revision", None)
    annotations.pop("deprecated.daemonset.template.generation", None)
    # kubeadm's checksum of a configuration: of the values in the order of their names.
    if annotations.get(CHECKSUM) == checksum(item.get("data") or {}):
        annotations[CHECKSUM] = "of the data"
    if not annotations:
        item["metadata"].pop("annotations", None)
    item.pop("secrets", None)
    text = json.dumps(item)
    # Certificates, and the signatures of tokens.
    text = re.sub(r"-----BEGIN [^-]*-----.*?-----END [^-]*-----", "PEM", text)
    text = re.sub(r"certificate-authority-data: \S+?(?=\\n|\s|\")", "certificate-authority-data: DATA", text)
    text = re.sub(r'"jws-kubeconfig-[^"]*": "[^"]*"', '"jws": ""', text)
    return json.loads(text)


main()
