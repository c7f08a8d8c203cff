//! Components of control planes that crash, are missing or are not ready, and the API.

use super::wording::{advice, one_of};
use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{Component, ComponentState, HostView, View};

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let mut found = Vec::new();
    let planes = view.planes().unwrap_or_default();
    for plane in &planes {
        for component in &plane.components {
            let works_elsewhere = planes.iter().filter(|other| other.name != plane.name).any(|other| {
                let mut all = other.components.iter();
                all.any(|one| one.name == component.name && one.state == ComponentState::Ready)
            });
            // One that the API takes for ready is still the only one.
            let severity = one_of(works_elsewhere);
            found.extend(one(view.host.as_ref(), &plane.name, component, severity));
        }
    }
    // Its missing manifest says more.
    found.retain(|cause: &Cause| {
        let has_cause = |id: &str, component: &str| {
            causes.iter().any(|known| known.id == id && known.place.ends_with(&format!("/{component}.yaml")))
        };
        let name = cause.place.split(' ').next().unwrap_or_default();
        !(cause.id == "ComponentMissing" && (has_cause("ManifestMissing", name) || has_cause("ManifestBroken", name)))
    });
    causes.extend(found);
    causes.extend(api(view));
}

fn one(host: Option<&HostView>, node: &str, component: &Component, severity: Severity) -> Option<Cause> {
    let name = &component.name;
    let problem = component.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
    let times = match component.restarts {
        0 => String::new(),
        1 => ", after 1 restart".into(),
        number => format!(", after {number} restarts"),
    };
    let (id, what, subject) = match component.state {
        ComponentState::Ready => return None,
        ComponentState::Crashing => {
            ("ComponentCrashing", format!("{name} on {node} ends again and again{times}{problem}"), name.clone())
        }
        ComponentState::Missing => {
            ("ComponentMissing", format!("{name} does not run on {node}{problem}"), name.clone())
        }
        ComponentState::NotReady => {
            ("ComponentNotReady", format!("{name} on {node} is not ready{times}{problem}"), format!("{name}-{node}"))
        }
    };
    let mut cause = Cause::new(id, severity, format!("{name} on {node}"), what, &subject);
    let own = host.filter(|host| host.name == node).and_then(|host| host.diagnosis.as_ref());
    if let Some(found) = own.filter(|found| found.who == *name) {
        cause.what = format!("{name} on {node} ends{times}: {}", found.cause);
        cause.next = advice(&found.fix);
    }
    Some(cause)
}

fn api(view: &View) -> Option<Cause> {
    let api = view.api.as_ref().filter(|api| !api.ready)?;
    let problem = api.problem.clone().unwrap_or_default();
    let own = view.host.as_ref().filter(|host| {
        host.components.iter().any(|one| one.name == "kube-apiserver" && one.state == ComponentState::Ready)
    });
    if let Some(host) = own.filter(|_| !api.responds) {
        let asked = if api.asked_instead.is_some() { " and was asked instead" } else { "" };
        let what = format!(
            "{} does not lead to an API server, and that of {} is ready{asked}: {problem}",
            api.server, host.name
        );
        return Some(Cause::new("EndpointDown", Severity::Critical, &api.server, what, &api.server));
    }
    let id = if api.responds { "ApiNotReady" } else { "ApiDown" };
    let verb = if api.responds { "is not ready" } else { "does not respond" };
    let what = format!("the API server {} {verb}: {problem}", api.server);
    Some(Cause::new(id, Severity::Critical, &api.server, what, ""))
}
