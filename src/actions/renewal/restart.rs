//! Has components take up what was renewed: one after the other, each proved before the next.
//!
//! The proof is what the component shows on its port, that it runs in a new container, and that it says it is well.
//! A component that cannot live with its new certificate gets the old one back, and that is proved likewise.
//!
//! Reads: the static Pods' manifests, the container runtime, the components' ports. Writes: containers that are
//! stopped, which the kubelet starts again; on failure the old files.

use crate::actions::expiration::ports::{self, Port};
use crate::actions::static_pod::StaticPod;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::context::access::ADMIN_CONF;
use crate::context::renewal::{Before, Renewed};
use crate::host::cri::{self, Container, ContainerState, Cri};
use crate::kube::ready::{Component, ailment};
use crate::pipeline::{Action, Target};
use crate::pki::Cert;
use std::path::Path;
use std::time::Duration;

/// A component and the files that it has open or in memory.
struct Reader {
    /// The name of its manifest and container.
    component: &'static str,
    /// What it reads, by the names of `certs renew`.
    files: &'static [&'static str],
    /// It reads its files again for each connection.
    reloads: bool,
    /// Where it says that it is well, without asking who asks.
    health: &'static str,
}

/// In the order in which they depend on each other.
const READERS: &[Reader] = &[
    Reader { component: "etcd", files: &["etcd-server", "etcd-peer"], reloads: true, health: "/health" },
    Reader {
        component: "kube-apiserver",
        files: &["apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"],
        reloads: false,
        health: "/livez",
    },
    Reader {
        component: "kube-controller-manager",
        files: &["controller-manager.conf"],
        reloads: false,
        health: "/healthz",
    },
    Reader { component: "kube-scheduler", files: &["scheduler.conf"], reloads: false, health: "/healthz" },
];

/// How long a component that reads its files again is given before it is restarted after all.
const RELOAD: Duration = Duration::from_secs(2);

/// A component did not come up with what was renewed.
#[derive(Debug, thiserror::Error)]
#[error("{component} did not take up its renewed certificate: {why}; {outcome}")]
struct NotTakenUp {
    component: &'static str,
    why: String,
    outcome: String,
}

impl Fault for NotTakenUp {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'crictl logs $(crictl ps -a --name {} -q | head -1)' to see why, then run the same command again",
            self.component
        ))
    }
}

/// See the module's text.
pub struct RestartComponents;

impl Action for RestartComponents {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let ports = ports::ports(&cx.files)?;
        for reader in READERS {
            let renewed = cx.renewal()?.renewed.iter().any(|renewed| reader.files.contains(&renewed.name));
            if renewed && StaticPod::read(&cx.files, reader.component)?.is_some() {
                let own: Vec<Port> = ports.iter().filter(|port| port.component == reader.component).cloned().collect();
                take_up(cx, reader, &own)?;
            }
        }
        prove_admin(cx)
    }
}

fn take_up(cx: &Context, reader: &Reader, ports: &[Port]) -> Result<()> {
    let mine = || cx.renewal().map(|all| all.renewed.iter().filter(|one| reader.files.contains(&one.name)));
    let wanted = |name: &str| mine().ok()?.find(|one| one.name == name).map(|one| one.new.clone());
    if reader.reloads && shows(cx, ports, &wanted, RELOAD)? {
        cx.events.message(format!("{} has taken up its new certificate by itself", reader.component));
        return Ok(());
    }
    let since = mine()?.map(|one| one.at).max().unwrap_or_default();
    let Err(failure) = restart(cx, reader, ports, &wanted, since) else { return Ok(()) };
    let now = cx.clock.now();
    let outcome = if mine()?.any(|one| one.old.not_after <= now) {
        "the old one has ended, so the new one stays".to_owned()
    } else {
        for one in mine()? {
            put_back(cx, one)?;
        }
        let old = |name: &str| mine().ok()?.find(|one| one.name == name).map(|one| one.old.clone());
        match restart(cx, reader, ports, &old, cx.clock.now()) {
            Ok(()) => "the old one is back in place and in use".to_owned(),
            Err(again) => format!("the old one is back in place, but {again}"),
        }
    };
    Err(NotTakenUp { component: reader.component, why: failure.to_string(), outcome }.into())
}

/// Stops the component's container, if it was started before `since`, and waits until the kubelet has started it again and it is proved to be well.
fn restart(
    cx: &Context,
    reader: &Reader,
    ports: &[Port],
    wanted: &dyn Fn(&str) -> Option<Cert>,
    since: i64,
) -> Result<()> {
    let limit = cx.timeouts().upgrade_manifests;
    let runtime = cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?;
    let mut before = containers(&runtime, reader.component)?;
    // One that was started since has read the new file: a controller that lost the API server starts anew by itself.
    before.retain(|container| container.created / 1_000_000_000 <= since);
    for container in &before {
        runtime.stop_container(container)?;
    }
    let what = format!("a restarted {}", reader.component);
    cx.gate.effect(|| {
        Wait { slowest: Duration::from_millis(100), ..Wait::new(&what, limit) }.until(&cx.clock, &cx.events, || {
            let new = containers(&runtime, reader.component)?;
            if !new.iter().any(|one| before.iter().all(|old| old.id != one.id)) {
                return Ok(Poll::Pending("its container has not come back".into()));
            }
            Ok(match trouble(cx, reader, ports, wanted)? {
                None => Poll::Ready(()),
                Some(trouble) => Poll::Pending(trouble),
            })
        })
    })?;
    cx.events.message(format!("{} runs again and shows what is on the disk", reader.component));
    Ok(())
}

fn containers(runtime: &Cri, component: &str) -> Result<Vec<Container>> {
    let mut all = runtime.containers()?;
    all.retain(|one| {
        one.name == component
            && one.state == ContainerState::Running
            && one.labels.get("io.kubernetes.pod.namespace").is_some_and(|namespace| namespace == "kube-system")
    });
    Ok(all)
}

/// What is not right yet with a component that was restarted.
fn trouble(
    cx: &Context,
    reader: &Reader,
    ports: &[Port],
    wanted: &dyn Fn(&str) -> Option<Cert>,
) -> Result<Option<String>> {
    for port in ports {
        match ports::look(port) {
            Err(why) => return Ok(Some(why)),
            Ok(shown) => {
                let meant = port.name.and_then(wanted);
                if meant.is_some_and(|meant| meant.der != shown.der) {
                    return Ok(Some(format!("{} still shows serial {}", port.address, shown.serial)));
                }
            }
        }
    }
    let Some(url) = health_url(cx, reader, ports)? else { return Ok(None) };
    Ok(ailment(&Component { name: reader.component.into(), url })?)
}

/// etcd tells how it is on its metrics port, the others on their own.
fn health_url(cx: &Context, reader: &Reader, ports: &[Port]) -> Result<Option<String>> {
    if reader.component == "etcd" {
        let pod = StaticPod::read(&cx.files, reader.component)?.unwrap_or_default();
        let metrics = pod.flag("listen-metrics-urls").and_then(|urls| urls.split(',').next());
        return Ok(metrics.map(|url| format!("{}{}", url.trim_end_matches('/'), reader.health)));
    }
    Ok(ports.first().map(|port| format!("https://{}{}", port.address, reader.health)))
}

/// True when every port shows what is wanted within `limit`. A plan assumes that it does not.
fn shows(cx: &Context, ports: &[Port], wanted: &dyn Fn(&str) -> Option<Cert>, limit: Duration) -> Result<bool> {
    let looked = cx.gate.effect(|| {
        Wait::new("the new certificate on its port", limit).until(&cx.clock, &cx.events, || {
            let stale = ports.iter().find(|port| {
                let meant = port.name.and_then(wanted);
                meant.is_some_and(|meant| ports::look(port).map_or(true, |shown| shown.der != meant.der))
            });
            Ok(match stale {
                None => Poll::Ready(()),
                Some(port) => Poll::Pending(format!("{} does not show it", port.address)),
            })
        })
    });
    match looked {
        Ok(done) => Ok(done.is_some()),
        Err(failure) if failure.downcast_ref::<crate::base::wait::TimedOut>().is_some() => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn put_back(cx: &Context, one: &Renewed) -> Result<()> {
    match &one.before {
        Before::Pair(spec, pair) => {
            let renewal = cx.renewal()?;
            let dir = &renewal.cluster.certificates_dir;
            crate::pki::PkiStore::new(cx.files.clone(), dir, &cx.clock, &cx.random).replace_pair(spec, pair)?;
        }
        Before::Kubeconfig(path, config) => {
            cx.files.write(path, &config.content()?, 0o600)?;
        }
    }
    Ok(())
}

/// The administrator can enter with what is in admin.conf now.
fn prove_admin(cx: &mut Context) -> Result<()> {
    let touched = cx.renewal()?.renewed.iter().any(|one| one.name == "admin.conf" || one.name == "apiserver");
    if !touched || !cx.files.exists(Path::new(ADMIN_CONF)) || StaticPod::read(&cx.files, "kube-apiserver")?.is_none() {
        return Ok(());
    }
    let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
    cluster.wait_until_ready("/readyz", cx.timeouts().control_plane_component_health_check, &cx.events)?;
    cx.events.message("the API server is ready, and admin.conf opens it");
    Ok(())
}
