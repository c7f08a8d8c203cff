//! For tests: a control plane whose etcd has three voting members on real TLS sockets, and loses its majority on demand.

use crate::base::https::test_server::{TestCa, TestRequest, TestResponse, TestServer};
use crate::context::Context;
use crate::host::command::Runner;
use crate::host::{Command, Host, HostError, Output};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const VOTERS: usize = 3;

/// The members n1, which is that of the host, n2 and n3.
pub(crate) struct Voters {
    /// How many of them respond, the first ones.
    answering: Arc<AtomicUsize>,
}

impl Voters {
    /// Starts them, all well, and gives the host in `root` a manifest of etcd and a client certificate.
    pub(crate) fn start(root: &Path) -> Self {
        let ca = TestCa::new("etcd-ca");
        let (answering, members) = (Arc::new(AtomicUsize::new(VOTERS)), Arc::new(OnceLock::<Value>::new()));
        let servers = [0, 1, 2].map(|number| {
            let (answering, members) = (answering.clone(), members.clone());
            TestServer::start(&ca.local_leaf(), Some(&ca), move |request| {
                answer(request, number, answering.load(Ordering::SeqCst), members.get().unwrap())
            })
        });
        let member = |number: usize| {
            let (id, name) = ((number + 1).to_string(), format!("n{}", number + 1));
            json!({"ID": id, "name": name, "peerURLs": [format!("https://{name}:2380")], "clientURLs": [servers[number].url()]})
        };
        members.set(json!({"members": [member(0), member(1), member(2)]})).unwrap();
        let put = |path: &str, text: &[u8]| {
            let path = root.join("etc/kubernetes").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let own = servers[0].url();
        let flags = format!(
            "--listen-client-urls={own}, --advertise-client-urls={own}, --initial-advertise-peer-urls=https://n1:2380"
        );
        put("manifests/etcd.yaml", format!("spec: {{containers: [{{command: [etcd, {flags}]}}]}}").as_bytes());
        let client = ca.local_leaf();
        put("pki/etcd/ca.crt", &ca.pem());
        put("pki/etcd/healthcheck-client.crt", &client.certificate);
        put("pki/etcd/healthcheck-client.key", &client.key);
        Self { answering }
    }

    /// Makes the files of a context those of a running host, on which no program may be started.
    pub(crate) fn attach(cx: &mut Context) {
        cx.host =
            Host::with_runner(cx.host.files.clone(), cx.host.gate.clone(), cx.host.clock.clone(), Arc::new(NoPrograms));
    }

    /// From now on only n1 responds.
    pub(crate) fn lose_majority(&self) {
        self.answering.store(1, Ordering::SeqCst);
    }

    /// From now on none responds.
    pub(crate) fn silence(&self) {
        self.answering.store(0, Ordering::SeqCst);
    }

    pub(crate) fn bring_back(&self) {
        self.answering.store(VOTERS, Ordering::SeqCst);
    }
}

fn answer(request: &TestRequest, number: usize, answering: usize, members: &Value) -> TestResponse {
    if number >= answering {
        return (0, String::new());
    }
    let has_majority = answering > VOTERS / 2;
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match request.path.as_str() {
        "/v3/cluster/member/list" if !has_majority && asked["linearizable"] == true => {
            (503, r#"{"message": "etcdserver: request timed out", "code": 14}"#.into())
        }
        "/v3/cluster/member/list" => (200, members.to_string()),
        "/v3/maintenance/status" => {
            let leader = if has_majority { "1" } else { "0" };
            let id = (number + 1).to_string();
            (200, json!({"header": {"member_id": id}, "leader": leader, "version": "3.5.0"}).to_string())
        }
        _ => (404, "{}".into()),
    }
}

struct NoPrograms;

impl Runner for NoPrograms {
    fn run(&self, _: &Path, command: &Command, _: Duration) -> Result<Output, HostError> {
        panic!("unexpected command: {}", command.shown())
    }
}
