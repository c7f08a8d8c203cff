//! `certs rotate-ca`: rotates the CAs of a running cluster in stages.

use super::discover;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::cli::args::certs::{NewKeyArgs, NextKeyArgs, RotateArgs, RotateCommand, RotateStatusArgs};
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::context::rotation::{Rotation, Stage};
use crate::context::{Rotating, Run};
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
use crate::state::rotation::error::RotationError;
use crate::state::rotation::handover;
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
        RotateCommand::Trust(args) => {
            let certificate_key = certificate_key(&args.key, session);
            let rotation =
                Rotation { chosen: args.only.clone(), certificate_key, ..Rotation::new(Stage::Trust, false) };
            stage(rotation, &args.stage, session)
        }
        RotateCommand::Reissue(args) => {
            let certificate_key = certificate_key(&args.key, session);
            stage(Rotation { certificate_key, ..Rotation::new(Stage::Reissue, false) }, &args.stage, session)
        }
        RotateCommand::Drop(args) => {
            stage(Rotation { now: args.now, ..Rotation::new(Stage::Drop, false) }, &args.stage, session)
        }
        RotateCommand::NewKey(args) => new_key(args, session),
    }
}

/// The given certificate key.
fn certificate_key(args: &NextKeyArgs, session: &Session) -> Option<Secret<String>> {
    let variable = || session.env.vars.get("KUBEWRIGHT_CERTIFICATE_KEY").cloned();
    args.certificate_key.clone().or_else(variable).map(Secret::new)
}

/// The context of a rotation on this host.
fn context(rotation: Rotation, dry_run: bool, session: &mut Session) -> Result<Run<Rotating>> {
    session.hold_host("certs rotate-ca", dry_run)?;
    quorum::require(&session.context(false))?;
    let found = discover::own(session)?;
    let looking = session.context(false);
    let control_plane = StaticPod::read(&looking.host.files, "kube-apiserver")?.is_some();
    let rotation = Rotation { control_plane, ..rotation };
    let cx = found.run(rotation, dry_run, session);
    room::require(&cx)?;
    Ok(cx)
}

fn stage(rotation: Rotation, args: &RotateArgs, session: &mut Session) -> Result<ExitCode> {
    let stage = rotation.stage;
    let mut cx = context(Rotation { without: args.without.clone(), ..rotation }, args.dry_run, session)?;
    session.shows(&cx);
    let control_plane = cx.work.purpose.control_plane;
    // A worker restarts nothing that others use.
    let command = format!("certs rotate-ca {}", stage.name());
    let _turn = if control_plane { turn::hold(&cx, Path::new(ADMIN_CONF), &command)? } else { None };
    let plan = Plan::new(&phases::rotate_ca_workflow()?, &Choice::default(), &mut cx)?;
    // A directory of files has no cluster that 'trust' would have to ask.
    let may_be_over = cx.host.files.is_live() || stage == Stage::Drop;
    if !(may_be_over && rotate_ca::announce::finish_end(&mut cx)?) {
        plan.run(&mut cx)?;
    }
    let changed = ChangeList::new(cx.host.gate.entries());
    if args.dry_run {
        let shown = json!({ "stage": stage, "dryRun": true, "changed": changed, "status": null });
        session.print(&shown, &session.plan(&changed))?;
        return Ok(ExitCode::Ok);
    }
    let world = host::status(&mut cx)?;
    let key = if needs_key(&world) && control_plane { handover::current_key(&mut cx)? } else { None };
    let key = key.as_ref().map(|key| key.expose().as_str());
    let mut text = String::new();
    if changed.is_empty() {
        text += "This stage is already complete on this host; nothing changed.\n\n";
    }
    text += &next_step(&world, stage, key);
    let mut shown = json!({ "stage": stage, "dryRun": false, "changed": changed, "status": world });
    if let Some(key) = key {
        shown["certificateKey"] = json!(key);
        shown["controlPlaneTrust"] = json!(with_key(key));
    }
    session.print(&shown, &text)?;
    Ok(ExitCode::Ok)
}

fn new_key(args: &NewKeyArgs, session: &mut Session) -> Result<ExitCode> {
    let mut cx = context(Rotation::new(Stage::Trust, false), args.dry_run, session)?;
    if !cx.work.purpose.control_plane {
        return Err(RotationError::NewKeysElsewhere { name: "ca".into() }.into());
    }
    let _turn = turn::hold(&cx, Path::new(ADMIN_CONF), "certs rotate-ca new-key")?;
    let key = rotate_ca::new_key::new_key(&mut cx)?;
    let changed = ChangeList::new(cx.host.gate.entries());
    if args.dry_run {
        session.print(&json!({ "dryRun": true, "changed": changed }), &session.plan(&changed))?;
        return Ok(ExitCode::Ok);
    }
    let command = with_key(key.expose());
    let shown = json!({
        "dryRun": false, "changed": changed, "certificateKey": key.expose(), "controlPlaneTrust": command,
    });
    let text = format!(
        "Keys printed before are void. On each control plane that has not completed 'trust':\n    {command}\n{CARRY}"
    );
    session.print(&shown, &text)?;
    Ok(ExitCode::Ok)
}

fn status(args: &RotateStatusArgs, session: &mut Session) -> Result<ExitCode> {
    let mut cx = session.context(false);
    if args.kubeconfig.is_none() {
        quorum::require(&cx)?;
    }
    let given = args.kubeconfig.as_ref().map(|path| session.env.cwd.join(path));
    // A control plane whose admin.conf is missing is one all the same.
    let is_there = |path: &&str| cx.host.files.exists(Path::new(path));
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
            text + &next_step(&world, Stage::Trust, None)
        }
    };
    session.print(&world, &text)?;
    Ok(ExitCode::Ok)
}

/// What to do with a certificate key.
const CARRY: &str = "The certificate key decrypts the new CAs: do not store it in the cluster, and forget it when every control \
                     plane has completed 'trust'.\n";

fn with_key(key: &str) -> String {
    format!("kubewright certs rotate-ca trust --certificate-key {key}")
}

/// True while a control plane has yet to get the new CAs.
fn needs_key(world: &RotationStatus) -> bool {
    world.plan.is_some() && world.left(Stage::Trust).any(|host| host.control_plane)
}

/// The next command, and the hosts to run it on. `key`: the certificate key, if this host knows it.
fn next_step(world: &RotationStatus, done: Stage, key: Option<&str>) -> String {
    let Some(plan) = &world.plan else {
        return match done {
            Stage::Drop => "The CA rotation is complete on every host.\n\
                 Pods started before it keep working; restart them when convenient, so that they only trust the new CA.\n\
                 Issue new kubeconfigs to users, and protect the copies in /var/lib/kubewright/backup.\n"
                .into(),
            _ => "No CA rotation is in progress.\n".into(),
        };
    };
    if plan.is_of_earlier_version() {
        return "An earlier version began this rotation. First, on a control plane that has completed 'trust':\n    \
                kubewright certs rotate-ca new-key\n"
            .into();
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
    if needs_key(world) {
        return trust_step(world, key);
    }
    let early = only_workers && next != Stage::Trust && world.control_planes.is_none_or(|done| done < Stage::Reissue);
    let when = if early { ", once every control plane has completed 'reissue'" } else { "" };
    format!("Next, on {}{when}:\n    kubewright certs rotate-ca {}\n", hosts.join(", "), next.name())
}

/// The first stage on control planes that lack the new CAs, and on workers, which need no key.
fn trust_step(world: &RotationStatus, key: Option<&str>) -> String {
    let names = |control_plane: bool| {
        let left = world.left(Stage::Trust).filter(|host| host.control_plane == control_plane);
        left.map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (planes, workers) = (names(true), names(false));
    let Some(key) = key else {
        let all = [planes, workers].into_iter().filter(|names| !names.is_empty()).collect::<Vec<_>>().join(", ");
        return format!(
            "Next, on {all}:\n    kubewright certs rotate-ca trust\n\
             Control planes also need '--certificate-key' with the key that the first 'trust' printed. To print a new one,\n\
             run 'kubewright certs rotate-ca new-key' on a control plane that has completed 'trust'.\n"
        );
    };
    let workers =
        if workers.is_empty() { workers } else { format!("On {workers}:\n    kubewright certs rotate-ca trust\n") };
    format!("Next, on {planes}:\n    {}\n{workers}{CARRY}", with_key(key))
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
        let plan = RotationPlan { id: "1".into(), begun: 0, prints: [("ca".to_owned(), "00".repeat(32))].into() };
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
        let next = |hosts: &[(&str, bool, Option<Stage>)]| next_step(&world(hosts), Stage::Trust, None);
        let begun = [("cp1", true, Some(Stage::Trust)), ("cp2", true, None), ("w1", false, None)];
        assert!(
            next(&begun).starts_with("Next, on cp2, w1:\n    kubewright certs rotate-ca trust\nControl planes also")
        );
        let key = "0f".repeat(32);
        assert_eq!(
            next_step(&world(&begun), Stage::Trust, Some(&key)),
            format!(
                "Next, on cp2:\n    kubewright certs rotate-ca trust --certificate-key {key}\n\
                 On w1:\n    kubewright certs rotate-ca trust\n{CARRY}"
            )
        );
        assert_eq!(
            next(&[("cp1", true, Some(Stage::Trust)), ("w1", false, None)]),
            "Next, on w1:\n    kubewright certs rotate-ca trust\n"
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
        assert_eq!(next_step(&none, Stage::Trust, None), "No CA rotation is in progress.\n");
        assert_eq!(
            next_step(&none, Stage::Drop, None),
            "The CA rotation is complete on every host.\n\
             Pods started before it keep working; restart them when convenient, so that they only trust the new CA.\n\
             Issue new kubeconfigs to users, and protect the copies in /var/lib/kubewright/backup.\n"
        );
    }
}
