//! The API server's authorization modes.

use super::section::{Given, Section};
use crate::base::suggest::similar;
use crate::config::problem::{Complaint, Place, Report};

/// What `--authorization-mode` takes, in every minor (`pkg/kubeapiserver/authorizer/modes` of kubernetes/kubernetes).
const MODES: [&str; 6] = ["AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"];
const FLAG: &str = "authorization-mode";

/// Reports modes among the extra arguments with which the API server would not start.
pub(super) fn modes(api_server: &Section<'_>, report: &mut Report) {
    let (mut seen, given) = (Vec::new(), given(api_server));
    for (mode, place) in given.iter().flat_map(|given| given.text.split(',').map(|mode| (mode.trim(), &given.place))) {
        if !MODES.contains(&mode) {
            let what = format!("{mode:?} is not an authorization mode: they are {}", MODES.join(", "));
            let near = MODES.iter().find(|known| known.eq_ignore_ascii_case(mode)).copied();
            let help = near.or_else(|| similar(mode, MODES)).map(|near| format!("did you mean '{near}'?"));
            report.problem(place.clone(), Complaint { what, help });
        } else if seen.contains(&mode) {
            report.problem(place.clone(), Complaint::with_help(format!("{mode} is there twice"), "remove one of them"));
        }
        seen.push(mode);
    }
}

/// The values of the flag: in a map before v1beta4, in a list from then on, where the last one counts.
fn given(api_server: &Section<'_>) -> Option<Given> {
    if let Some(items) = api_server.sections("extraArgs") {
        let is_it = |item: &&Section<'_>| item.text("name").is_some_and(|name| name.text == FLAG);
        return items.iter().rfind(is_it)?.text("value");
    }
    let (key, node) = api_server.pairs("extraArgs").into_iter().find(|(key, _)| key.text == FLAG)?;
    let Place::File { path, .. } = key.place else { return None };
    Some(Given { text: node.text()?.to_owned(), place: Place::File { mark: node.mark, path } })
}
