//! `config print …-defaults`: the default documents of a kubeadm version.

use super::error::{COMPONENTS, OptionError};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::go_yaml;
use crate::cli::args::config::{DefaultsArgs, PrintCommand};
use crate::cli::args::global::Output;
use crate::cli::session::Session;
use crate::config::images::Released;
use crate::config::{Documents, Facts, InitFlags, print, tree};
use crate::host::facts;
use crate::render::kubelet::{SharedInput, shared_config};
use crate::render::objects::addons::kube_proxy::KubeProxy;
use crate::versions::{Minor, facts_of};

/// The last minor version whose kubeadm printed component configurations with all defaults
/// (kubernetes/kubernetes#119346).
const LAST_WITH_COMPONENTS_EVERYWHERE: u16 = 28;

pub fn run(command: &PrintCommand, session: &mut Session) -> Result<ExitCode> {
    let (PrintCommand::InitDefaults(args)
    | PrintCommand::JoinDefaults(args)
    | PrintCommand::ResetDefaults(args)
    | PrintCommand::UpgradeDefaults(args)) = command;
    let components = components(args)?;
    let minor = minor(args, session)?;
    let host_name = facts::hostname(&super::host::host(session))?;
    let mut documents = match command {
        PrintCommand::InitDefaults(_) => print::init_defaults(minor, &host_name).into(),
        PrintCommand::JoinDefaults(_) => vec![print::join_defaults(minor, &host_name)],
        PrintCommand::ResetDefaults(_) => vec![since_31(print::reset_defaults(minor), "ResetConfiguration", minor)?],
        PrintCommand::UpgradeDefaults(_) => {
            vec![since_31(print::upgrade_defaults(minor), "UpgradeConfiguration", minor)?]
        }
    };
    if !components.is_empty() {
        refuse_components(command, minor)?;
    }
    for component in components {
        documents.push(component_defaults(component, minor, &host_name)?);
    }
    show(&documents, session)?;
    Ok(ExitCode::Ok)
}

/// The requested component configurations.
fn components(args: &DefaultsArgs) -> Result<Vec<&'static str>, OptionError> {
    let known = |given: &String| {
        let found = COMPONENTS.into_iter().find(|name| name == given);
        found.ok_or_else(|| OptionError::UnknownComponent { given: given.clone() })
    };
    args.component_configs.iter().filter(|given| !given.is_empty()).map(known).collect()
}

/// The minor of the requested version, else of the installed kubelet, else the newest.
fn minor(args: &DefaultsArgs, session: &Session) -> Result<&'static Minor> {
    let mut facts = Facts::placeholder(session.env.random.clone());
    if args.kubernetes_version.is_none() {
        facts.kubelet_version = super::host::installed_kubelet(session);
    }
    let flags = InitFlags { kubernetes_version: args.kubernetes_version.clone(), ..InitFlags::default() };
    let resolved = Documents::none().init(&flags, &facts)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    Ok(facts_of(&resolved.config.cluster.version)?)
}

fn since_31(document: Option<String>, kind: &'static str, minor: &Minor) -> Result<String, OptionError> {
    document.ok_or(OptionError::NoDocument { kind, minor: minor.minor })
}

fn refuse_components(command: &PrintCommand, minor: &Minor) -> Result<(), OptionError> {
    let (command, why) = match command {
        PrintCommand::InitDefaults(_) => return Ok(()),
        PrintCommand::JoinDefaults(_) if minor.minor <= LAST_WITH_COMPONENTS_EVERYWHERE => return Ok(()),
        PrintCommand::JoinDefaults(_) => ("join-defaults", "a joining node gets them from the cluster"),
        PrintCommand::ResetDefaults(_) => ("reset-defaults", "'reset' does not use any"),
        PrintCommand::UpgradeDefaults(_) => ("upgrade-defaults", "'upgrade' gets them from the cluster"),
    };
    Err(OptionError::NoComponents { command, minor: minor.minor, why })
}

fn component_defaults(component: &str, minor: &'static Minor, host_name: &str) -> Result<String> {
    let init = print::default_init(minor, host_name);
    if component == "KubeletConfiguration" {
        return Ok(shared_config(&SharedInput { cluster: &init.cluster, facts: minor, systemd_resolved: false })?);
    }
    let proxy = KubeProxy {
        minor: minor.minor,
        cluster: &init.cluster,
        image: &Released::Proxy.image(&init.cluster).to_string(),
        server: "",
        advertise_address: init.node.local_endpoint.advertise_address,
        proxy_env: &[],
    };
    Ok(go_yaml::to_string(&proxy.configuration()?))
}

/// As YAML documents (also for `-o text`), or as one JSON list.
fn show(documents: &[String], session: &mut Session) -> Result<()> {
    if session.global.output == Output::Json {
        let values: Vec<_> = documents
            .iter()
            .flat_map(|text| tree::load(text.as_bytes()).documents)
            .map(|document| document.to_json())
            .collect();
        return session.print(&values, "");
    }
    session.print_text(&documents.join("---\n"))
}
