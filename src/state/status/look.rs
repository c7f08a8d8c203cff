//! Asks everything at once, with one deadline for all of it.
//!
//! Each part has a thread of its own, which is not waited for longer than that: a disk or a server that hangs costs one part,
//! and the rest is shown.

use super::kubeconfig::Chosen;
use super::view::{Unknown, View};
use super::{certificates, cluster, etcd, host, under_way};
use crate::base::fault::Failure;
use crate::context::Context;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The time that what is wrong on this host is looked for in logs.
const LOGS: Duration = Duration::from_millis(1500);

/// What is seen of the cluster of a kubeconfig, and of this host if it is part of it, within `limit`.
pub fn look(cx: &Arc<Context>, chosen: &Chosen, limit: Duration) -> View {
    let start = cx.host.clock.monotonic();
    let left = || limit.saturating_sub(cx.host.clock.monotonic().saturating_sub(start));
    let asked = chosen.path.clone().map(|path| {
        let of_kubelet = chosen.of_kubelet;
        begin(cx, move |cx| cluster::read(cx, &path, of_kubelet))
    });
    let here = chosen.host.then(|| {
        let first = (begin(cx, host::read), begin(cx, host::runtime));
        (
            first,
            (begin(cx, certificates::read), begin(cx, certificates::read_files)),
            begin(cx, etcd::read),
            begin(cx, under_way::on_host),
        )
    });
    let late = |what: &str| Unknown::failed(what, format!("no answer within {limit:?}"));
    let mut unknown = Vec::new();
    let local = here.map(|((host, runtime), (served, files), etcd, work)| {
        let host = (wait(&host, left()), wait(&runtime, left()));
        let certificates = wait(&served, left()).or_else(|| wait(&files, Duration::ZERO));
        (host, certificates, wait(&etcd, left()), wait(&work, left()))
    });
    let mut view = match asked.map(|asked| wait(&asked, left())) {
        Some(Some(view)) => view,
        Some(None) => View { unknown: vec![late("the API")], ..View::default() },
        None => {
            let why = "this host has no kubeconfig; name one with --kubeconfig";
            View { unknown: vec![Unknown::elsewhere("the API", why)], ..View::default() }
        }
    };
    let Some(((host, runtime), certificates, etcd, work)) = local else { return view };
    match host {
        Some((mut host, more)) => {
            unknown.extend(more);
            unknown.extend(runtime.unwrap_or_else(|| super::host::Runtime::late(limit)).put(&mut host));
            view.host = Some(host);
        }
        None => unknown.push(late("this host")),
    }
    view.certificates = part("certificates", certificates, &late, &mut unknown);
    if let Some(seen) = part("etcd", etcd, &late, &mut unknown).flatten() {
        view.etcd = Some(match view.etcd.take() {
            // No member responds to this host, and the API is served: the others have a majority.
            Some(by_api) if seen.responding == 0 && by_api.responding > 0 => by_api.with_problems_of(&seen),
            _ => seen,
        });
    }
    match (&mut view.under_way, work) {
        (Some(known), Some(work)) => known.extend(work),
        (None, Some(work)) if !work.is_empty() => view.under_way = Some(work),
        _ => {}
    }
    view.unknown.extend(unknown);
    find_cause(cx, &mut view, left().max(LOGS));
    view
}

/// A part that was read; otherwise why it is unknown.
fn part<T>(
    what: &str,
    answer: Option<Result<T, Failure>>,
    late: &dyn Fn(&str) -> Unknown,
    unknown: &mut Vec<Unknown>,
) -> Option<T> {
    match answer {
        Some(Ok(read)) => return Some(read),
        Some(Err(failure)) => unknown.push(Unknown::failed(what, failure.to_string())),
        None => unknown.push(late(what)),
    }
    None
}

fn begin<T: Send + 'static>(cx: &Arc<Context>, read: impl FnOnce(&Context) -> T + Send + 'static) -> Receiver<T> {
    let (answer, answered) = channel();
    let cx = Arc::clone(cx);
    std::thread::spawn(move || {
        // Not received if it is too late.
        let _ = answer.send(read(&cx));
    });
    answered
}

fn wait<T>(answer: &Receiver<T>, left: Duration) -> Option<T> {
    answer.recv_timeout(left).ok()
}

/// Looks into logs if something on this host does not run.
fn find_cause(cx: &Arc<Context>, view: &mut View, left: Duration) {
    use super::view::ComponentState::Ready;
    let Some(host) = &mut view.host else { return };
    let fails = host.components.iter().any(|component| component.state != Ready)
        || host.kubelet.as_ref().is_some_and(|kubelet| !kubelet.active || kubelet.word == "activating");
    if fails {
        host.diagnosis = wait(&begin(cx, |cx| cx.diagnosis(None)), left).flatten();
    }
}
