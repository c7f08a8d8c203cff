//! The lines of each part of the screen. A part that is unknown says why.

use super::part::Part;
use crate::pki::moment;
use crate::report::closing::count as number;
use crate::state::status::{
    Addon, Component, ComponentState, ControlPlane, Etcd, HostView, Node, Severity, Status, View,
};

/// So many nodes are listed by name; of more only those that need attention.
const NODES: usize = 6;
const MIB: u64 = 1 << 20;
const UNKNOWN: &str = "unknown";

/// The parts in order.
pub(in crate::report) fn all(status: &Status) -> Vec<Part> {
    let view = &status.view;
    let mut parts = vec![api(view), control_planes(view), etcd(view), nodes(view)];
    if view.host.is_some() || view.certificates.is_some() {
        parts.push(certificates(view));
    }
    parts.extend([addons(view), network(view), tokens(status), under_way(view)]);
    parts.extend(view.host.as_ref().map(host));
    if !view.unknown.is_empty() {
        let lines = not_seen(view);
        let failed = view.unknown.iter().any(|one| !one.by_design);
        parts.push(part("not seen", lines, if failed { Severity::Warning } else { Severity::Ok }));
    }
    parts
}

/// What could not be seen, together where the reason is the same.
fn not_seen(view: &View) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in &view.unknown {
        match reasons.iter_mut().find(|(why, _)| *why == one.why) {
            Some((_, parts)) => parts.push(&one.what),
            None => reasons.push((&one.why, vec![&one.what])),
        }
    }
    reasons.iter().map(|(why, parts)| format!("{}: {why}", parts.join(", "))).collect()
}

fn part(label: &'static str, lines: Vec<String>, severity: Severity) -> Part {
    Part { label, lines, severity }
}

/// A part that is not known. Its reason is in the last part.
fn unknown(label: &'static str) -> Part {
    part(label, vec![UNKNOWN.into()], Severity::Warning)
}

fn api(view: &View) -> Part {
    let Some(api) = &view.api else { return unknown("API") };
    let state = match (&api.problem, api.ready) {
        (_, true) => "ready".to_owned(),
        (Some(problem), _) => problem.clone(),
        (None, false) => "not ready".to_owned(),
    };
    let line = format!("{state}, {} with {}", api.server, api.kubeconfig.display());
    part("API", vec![line], if api.ready { Severity::Ok } else { Severity::Critical })
}

fn control_planes(view: &View) -> Part {
    let Some(planes) = view.planes() else { return unknown("control planes") };
    let lines: Vec<(String, bool)> = planes.iter().map(plane).collect();
    let is_good = lines.iter().all(|(_, good)| *good);
    let severity = if is_good { Severity::Ok } else { Severity::Warning };
    part("control planes", lines.into_iter().map(|(line, _)| line).collect(), severity)
}

fn plane(plane: &ControlPlane) -> (String, bool) {
    let bad: Vec<String> =
        plane.components.iter().filter(|one| one.state != ComponentState::Ready).map(component).collect();
    let ready = plane.components.len() - bad.len();
    let restarts: u64 = plane.components.iter().map(|one| one.restarts).sum();
    let version = plane.version.as_ref().map(|version| format!("  {version}")).unwrap_or_default();
    let more = if bad.is_empty() { String::new() } else { format!("; {}", bad.join(", ")) };
    let count = plane.components.len();
    let restarts = number(usize::try_from(restarts).unwrap_or(usize::MAX), "restart");
    (format!("{}{version}  {ready} of {count} components ready, {restarts}{more}", plane.name), bad.is_empty())
}

fn component(component: &Component) -> String {
    let state = match component.state {
        ComponentState::Ready => "ready",
        ComponentState::NotReady => "not ready",
        ComponentState::Crashing => "crashing",
        ComponentState::Missing => "missing",
    };
    format!("{} {state}", component.name)
}

fn etcd(view: &View) -> Part {
    let Some(etcd) = &view.etcd else { return unknown("etcd") };
    let mut words = vec![format!("{} of {} members respond", etcd.responding, etcd.voters)];
    words.extend(etcd.members.iter().find(|member| member.leader).map(|member| format!("leader {}", member.name)));
    words.extend(size(etcd));
    words.push(match etcd.responding.checked_sub(etcd.needed) {
        None => "no majority".to_owned(),
        Some(0) => "none may be lost".to_owned(),
        Some(spare) => format!("{spare} may be lost"),
    });
    if etcd.by_pods {
        words.push("seen through their Pods only".into());
    }
    let mut lines = vec![words.join(", ")];
    let mut severity = Severity::Ok;
    for member in &etcd.members {
        let mut notes = member.alarms.clone();
        notes.extend(member.problem.clone());
        if member.learner {
            notes.push("a learner, without a vote".into());
        }
        if !notes.is_empty() {
            severity = Severity::Warning;
            lines.push(format!("{}: {}", member.name, notes.join(", ")));
        }
    }
    if etcd.responding < etcd.needed {
        severity = Severity::Critical;
    }
    part("etcd", lines, severity)
}

fn size(etcd: &Etcd) -> Option<String> {
    let largest = etcd.members.iter().map(|member| member.size).max().filter(|size| *size > 0)?;
    let quota = etcd.quota.map(|quota| format!(" of {}", bytes(quota))).unwrap_or_default();
    Some(format!("{}{quota}", bytes(largest)))
}

fn bytes(bytes: u64) -> String {
    if bytes >= 1 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes.div_ceil(MIB)) }
}

fn nodes(view: &View) -> Part {
    let Some(nodes) = &view.nodes else { return unknown("nodes") };
    let ready = nodes.iter().filter(|node| node.ready).count();
    let mut versions: Vec<&str> = nodes.iter().map(|node| node.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut lines = vec![format!("{ready} of {} ready, {}", nodes.len(), versions.join(", "))];
    let is_calm = |node: &&Node| node.ready && !node.cordoned && node.pressure.is_empty();
    let mut bad = nodes.iter().filter(|node| !is_calm(node));
    lines.extend(bad.by_ref().take(NODES).map(node));
    if let more @ 1.. = bad.count() {
        lines.push(format!("and {more} more"));
    }
    let severity = if ready < nodes.len() { Severity::Critical } else { Severity::Ok };
    part("nodes", lines, if severity == Severity::Ok && needs_attention(nodes) { Severity::Warning } else { severity })
}

fn needs_attention(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| node.cordoned || !node.pressure.is_empty())
}

fn node(node: &Node) -> String {
    let mut words = Vec::new();
    let since = node.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    if node.silent {
        words.push(format!("silent{since}"));
    } else if !node.ready {
        words.push(format!("not ready{since}"));
    }
    words.extend(node.cordoned.then(|| "cordoned".to_owned()));
    words.extend(node.pressure.clone());
    words.extend(node.problem.clone().filter(|_| !node.silent));
    format!("{}: {}", node.name, words.join(", "))
}

fn certificates(view: &View) -> Part {
    use crate::state::expiry::{Severity as Expiry, State};
    let Some(certificates) = &view.certificates else { return unknown("certificates") };
    let mut lines = Vec::new();
    if let Some(next) = certificates.list.first() {
        let served = match next.served {
            Some(State::InUse) => ", served",
            Some(State::NotYetInUse) => ", not served yet",
            _ => "",
        };
        let days = next.seconds_left / 86_400;
        let when =
            if next.seconds_left <= 0 { "has expired".to_owned() } else { format!("expires in {}", number_of(days)) };
        lines.push(format!(
            "{} on this host; {} {when} ({}){served}",
            certificates.list.len(),
            next.name,
            next.expires
        ));
    }
    let stale: Vec<&str> = certificates
        .list
        .iter()
        .filter(|one| one.served == Some(State::NotYetInUse))
        .map(|one| one.name.as_str())
        .collect();
    if !stale.is_empty() {
        lines.push(format!("on disk, but not served yet: {}", stale.join(", ")));
    }
    lines.extend(certificates.unreadable.clone());
    if lines.is_empty() {
        lines.push("none on this host".into());
    }
    let worst = certificates.list.iter().map(|one| one.severity).max().unwrap_or_default();
    let severity = match worst {
        Expiry::Warning => Severity::Warning,
        Expiry::Ok if certificates.unreadable.is_empty() => Severity::Ok,
        Expiry::Ok | Expiry::Critical => Severity::Critical,
    };
    part("certificates", lines, severity)
}

fn number_of(days: i64) -> String {
    number(usize::try_from(days).unwrap_or_default(), "day")
}

fn addon(addon: &Addon) -> String {
    format!("{} {}/{}", addon.name, addon.ready, addon.wanted)
}

fn of_addons(label: &'static str, addons: &[Addon], none: &str) -> Part {
    let lacks = addons.iter().any(|addon| addon.ready < addon.wanted);
    let line =
        if addons.is_empty() { none.to_owned() } else { addons.iter().map(addon).collect::<Vec<_>>().join(", ") };
    part(label, vec![line], if lacks { Severity::Warning } else { Severity::Ok })
}

fn addons(view: &View) -> Part {
    view.addons.as_ref().map_or_else(|| unknown("addons"), |addons| of_addons("addons", addons, "none"))
}

fn network(view: &View) -> Part {
    let Some(network) = &view.pod_network else { return unknown("Pod network") };
    let mut part = of_addons("Pod network", &network.addons, "no known network addon");
    if !network.without.is_empty() {
        part.lines.push(format!("without a network plugin: {}", network.without.join(", ")));
        part.severity = Severity::Critical;
    }
    part
}

fn tokens(status: &Status) -> Part {
    let Some(tokens) = &status.view.tokens else { return unknown("tokens") };
    let next =
        tokens.next_expiry.as_deref().and_then(|next| Some((next, moment::parse(next)?, moment::parse(&status.at)?)));
    let next = next.map(|(text, at, now)| format!(", the next expires in {} ({text})", hours(at - now)));
    part("tokens", vec![format!("{} valid{}", tokens.valid, next.unwrap_or_default())], Severity::Ok)
}

fn hours(seconds: i64) -> String {
    if seconds < 7200 { format!("{} min", seconds / 60) } else { format!("{} h", seconds / 3600) }
}

fn under_way(view: &View) -> Part {
    let Some(work) = &view.under_way else { return unknown("under way") };
    let lines: Vec<String> = work.iter().map(|work| work.what.clone()).collect();
    let severity = if work.iter().any(|work| work.interrupted) { Severity::Warning } else { Severity::Ok };
    part("under way", if lines.is_empty() { vec!["nothing".into()] } else { lines }, severity)
}

fn host(host: &HostView) -> Part {
    let kubelet = host.kubelet.as_ref().map_or(UNKNOWN, |kubelet| kubelet.word.as_str());
    let runtime = match (&host.runtime, &host.runtime_problem) {
        (Some(runtime), _) => runtime.clone(),
        (None, Some(_)) => "no container runtime responds".into(),
        (None, None) => "container runtime unknown".into(),
    };
    let disk = host.disks.iter().min_by_key(|disk| disk.free);
    let disk =
        disk.map(|disk| format!(", {} free in {}", bytes(disk.free), disk.directory.display())).unwrap_or_default();
    let line = format!("{}: kubelet {kubelet}, {runtime}{disk}", host.name);
    let is_good = host.kubelet.as_ref().is_some_and(|kubelet| kubelet.active)
        && host.runtime_problem.is_none()
        && !host.disks.iter().any(|disk| disk.full || disk.read_only);
    part("this host", vec![line], if is_good { Severity::Ok } else { Severity::Critical })
}
