//! Members of etcd that do not respond, alarms, a lost majority.

use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{Etcd, Member, View};

const FULL: &str = "NOSPACE";

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let Some(etcd) = &view.etcd else { return };
    let away: Vec<&Member> = etcd.members.iter().filter(|member| member.problem.is_some()).collect();
    if etcd.responding < etcd.needed {
        let why = |member: &&Member| format!("{} ({})", member.name, member.problem.clone().unwrap_or_default());
        let missing: Vec<String> = away.iter().filter(|member| !member.learner).map(why).collect();
        let what = format!(
            "etcd has lost its majority: {} of {} members respond, and {} must; these do not: {}",
            etcd.responding,
            etcd.voters,
            etcd.needed,
            missing.join(", ")
        );
        let cause = Cause::new("EtcdQuorumLost", Severity::Critical, "etcd", what, "");
        causes.push(if etcd.voters > 1 { cause } else { alone(cause, etcd) });
        return;
    }
    for member in away {
        let spare = etcd.responding - etcd.needed;
        let severity = if spare == 0 && !member.learner { Severity::Critical } else { Severity::Warning };
        let problem = member.problem.clone().unwrap_or_default();
        let margin = match (member.learner, spare) {
            (true, _) => "it is a learner, without a vote".to_owned(),
            (false, 0) => "one more, and etcd stops".to_owned(),
            (false, spare) => format!("{spare} more may be lost"),
        };
        let what = format!("the etcd member {} does not work ({problem}); {margin}", member.name);
        let cause = Cause::new("EtcdMemberLost", severity, &member.name, what, &member.name);
        causes.push(if member.never_started { abandoned(cause, member) } else { cause });
    }
    for member in &etcd.members {
        for alarm in &member.alarms {
            let id = if alarm.contains(FULL) { "EtcdFull" } else { "EtcdAlarm" };
            let what = format!("etcd on {} has raised an alarm: {alarm}", member.name);
            causes.push(Cause::new(id, Severity::Critical, &member.name, what, &member.name));
        }
    }
}

/// Nothing of it runs, so no host has its logs.
fn abandoned(cause: Cause, member: &Member) -> Cause {
    let next = format!(
        "if a join is under way, wait for it or run it again; otherwise run 'kubewright node remove {} --dead'",
        member.name
    );
    cause.with_next(next)
}

/// A single member has no others to start.
fn alone(cause: Cause, etcd: &Etcd) -> Cause {
    let member = etcd.members.first();
    let problem = member.and_then(|member| member.problem.clone()).unwrap_or_default();
    let name = member.map_or("this host", |member| member.name.as_str());
    Cause { what: format!("etcd on {name} does not respond: {problem}"), ..cause }.with_next(
        "run 'crictl logs $(crictl ps -aq --name etcd | head -n 1)' to see why; keep its data (docs/quorum.md)",
    )
}
