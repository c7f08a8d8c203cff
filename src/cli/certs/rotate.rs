//! `certs rotate-ca`: rotates the CAs of a running cluster in stages.

use super::discover;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::certs::{RotateArgs, RotateCommand, RotateStatusArgs};
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::context::Task;
use crate::context::renewal::Renewal;
use crate::context::rotation::{Rotation, Stage};
use crate::domain::paths::ADMIN_CONF;
use crate::domain::paths::KUBELET_CONF;
use crate::domain::paths::SUPER_ADMIN_CONF;
use crate::ops::turn;
use crate::phases;
use crate::phases::rotate_ca;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::moment;
use crate::report::ChangeList;
use crate::state::current_config;
use crate::state::quorum;
use crate::state::room;
use crate::state::rotation::RotationStatus;
use crate::state::rotation::host;
use crate::state::static_pod::StaticPod;
use serde_json::json;
use std::path::Path;

/// A host with this manifest is a control plane.
const API_SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// Runs a stage, or shows the status of the rotation.
pub fn run(command: &RotateCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        RotateCommand::Status(args) => status(args, session),
        RotateCommand::Trust(args) => stage(Stage::Trust, &args.stage, &args.only, false, session),
        RotateCommand::Reissue(args) => stage(Stage::Reissue, args, &[], false, session),
        RotateCommand::Drop(args) => stage(Stage::Drop, &args.stage, &[], args.now, session),
    }
}

fn stage(stage: Stage, args: &RotateArgs, chosen: &[String], now: bool, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs rotate-ca", args.dry_run)?;
    quorum::require(&session.context(Task::None, false))?;
    let (_, task) = discover::own(session)?;
    let looking = session.context(Task::None, false);
    let control_plane = StaticPod::read(&looking.files, "kube-apiserver")?.is_some();
    let (chosen, without) = (chosen.to_vec(), args.without.clone());
    let rotation = Rotation { chosen, without, now, ..Rotation::new(stage, control_plane) };
    let mut cx = session.context(Task::Renew(Box::new(Renewal { rotation: Some(rotation), ..task })), args.dry_run);
    room::require(&cx)?;
    // A worker restarts nothing that others use.
    let command = format!("certs rotate-ca {}", stage.name());
    let _turn = if control_plane { turn::hold(&cx, Path::new(ADMIN_CONF), &command)? } else { None };
    let plan = Plan::new(&phases::rotate_ca_workflow()?, &phases::registry(), &Choice::default(), &mut cx)?;
    // A directory of files has no cluster that 'trust' would have to ask.
    let may_be_over = cx.files.is_live() || stage == Stage::Drop;
    if !(may_be_over && rotate_ca::announce::finish_end(&mut cx)?) {
        plan.run(&mut cx)?;
    }
    let changed = ChangeList::new(cx.gate.entries());
    let (text, world) = if args.dry_run {
        (session.plan(&changed), None)
    } else {
        let world = host::status(&mut cx)?;
        let mut text = String::new();
        if changed.is_empty() {
            text += "This stage is already complete on this host; nothing changed.\n\n";
        }
        text += &next_step(&world, stage);
        (text, Some(world))
    };
    session.print(&json!({ "stage": stage, "dryRun": args.dry_run, "changed": changed, "status": world }), &text)?;
    Ok(ExitCode::Ok)
}

fn status(args: &RotateStatusArgs, session: &mut Session) -> Result<ExitCode> {
    let mut cx = session.context(Task::None, false);
    if args.kubeconfig.is_none() {
        quorum::require(&cx)?;
    }
    let given = args.kubeconfig.as_ref().map(|path| session.env.cwd.join(path));
    // A control plane whose admin.conf is missing is one all the same.
    let is_there = |path: &&str| cx.files.exists(Path::new(path));
    let leads = given.is_some() || [ADMIN_CONF, SUPER_ADMIN_CONF, API_SERVER].iter().any(is_there);
    let own = if leads { None } else { Some(current_config::from_host(&cx)?.1.name) };
    let path = given.as_deref().unwrap_or(Path::new(if leads { ADMIN_CONF } else { KUBELET_CONF }));
    let world = host::status_for(&mut cx, path, own.as_deref())?;
    let text = match &world.plan {
        None => "No CA rotation is in progress.\n".to_owned(),
        Some(plan) => {
            let names: Vec<&str> = plan.prints.keys().map(String::as_str).collect();
            let mut text = format!("Rotating {}, started {}.\n\n", names.join(", "), moment::text(plan.begun));
            let mut table = Table::new(["NODE", "ROLE", "DONE", "WHEN"]);
            for host in &world.hosts {
                table.row([
                    host.name.clone(),
                    if host.control_plane { "control plane" } else { "worker" }.into(),
                    host.done.map_or("-", Stage::name).into(),
                    host.at.map_or_else(|| "-".into(), moment::text),
                ]);
            }
            text += &table.to_string();
            text += "\n";
            if let Some(own) = &own {
                text += &format!(
                    "A worker only sees itself; run 'status' on a control plane to see hosts other than {own}.\n\n"
                );
            }
            text + &next_step(&world, Stage::Trust)
        }
    };
    session.print(&world, &text)?;
    Ok(ExitCode::Ok)
}

/// The next command, and the hosts to run it on.
fn next_step(world: &RotationStatus, done: Stage) -> String {
    if world.plan.is_none() {
        return match done {
            Stage::Drop => "The CA rotation is complete on every host.\n\
                 Pods started before it keep working; restart them when convenient, so that they only trust the new CA.\n\
                 Issue new kubeconfigs to users, and protect the copies in /var/lib/kubewright/backup.\n"
                .into(),
            _ => "No CA rotation is in progress.\n".into(),
        };
    }
    // A worker only knows the progress of the control planes.
    let only_workers = world.hosts.iter().all(|host| !host.control_plane);
    let Some(next) = world.next() else {
        if only_workers {
            return "This host has completed every stage; run 'kubewright certs rotate-ca status' on a control plane to see the others.\n".into();
        }
        return "Every host has completed every stage. To remove the records, run on a control plane:\n    kubewright certs rotate-ca drop\n".into();
    };
    let hosts: Vec<&str> = world.left(next).map(|host| host.name.as_str()).collect();
    let early = only_workers && next != Stage::Trust && world.control_planes.is_none_or(|done| done < Stage::Reissue);
    let when = if early { ", once every control plane has completed 'reissue'" } else { "" };
    format!("Next, on {}{when}:\n    kubewright certs rotate-ca {}\n", hosts.join(", "), next.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::rotation::Plan as RotationPlan;
    use crate::state::rotation::Host;

    fn world(hosts: &[(&str, bool, Option<Stage>)]) -> RotationStatus {
        let host = |(name, control_plane, done): &(&str, bool, Option<Stage>)| Host {
            name: (*name).to_owned(),
            control_plane: *control_plane,
            done: *done,
            at: None,
            joined_later: false,
        };
        let plan = RotationPlan { id: "1".into(), begun: 0, prints: [("ca".to_owned(), "00".to_owned())].into() };
        RotationStatus {
            plan: Some(plan),
            control_planes: None,
            reissued_at: None,
            tokens_at: None,
            hosts: hosts.iter().map(host).collect(),
        }
    }

    #[test]
    fn the_next_step_names_the_hosts_and_the_command() {
        let next = |hosts: &[(&str, bool, Option<Stage>)]| next_step(&world(hosts), Stage::Trust);
        assert_eq!(
            next(&[("cp1", true, Some(Stage::Trust)), ("cp2", true, None), ("w1", false, None)]),
            "Next, on cp2, w1:\n    kubewright certs rotate-ca trust\n"
        );
        assert_eq!(
            next(&[("w1", false, Some(Stage::Trust))]),
            "Next, on w1, once every control plane has completed 'reissue':\n    kubewright certs rotate-ca reissue\n"
        );
        assert_eq!(
            next(&[("cp1", true, Some(Stage::Drop))]),
            "Every host has completed every stage. To remove the records, run on a control plane:\n    \
             kubewright certs rotate-ca drop\n"
        );
        let none = RotationStatus { plan: None, ..world(&[]) };
        assert_eq!(next_step(&none, Stage::Trust), "No CA rotation is in progress.\n");
        assert_eq!(
            next_step(&none, Stage::Drop),
            "The CA rotation is complete on every host.\n\
             Pods started before it keep working; restart them when convenient, so that they only trust the new CA.\n\
             Issue new kubeconfigs to users, and protect the copies in /var/lib/kubewright/backup.\n"
        );
    }
}
