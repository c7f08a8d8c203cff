//! `version`: the version of this binary and the Kubernetes versions it supports.

use super::args::global::Output;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::versions;
use serde_json::json;

pub fn run(session: &mut Session) -> Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    let window = versions::window();
    let text = match session.global.output {
        Output::Short => format!("v{version}\n"),
        _ => format!("kubewright v{version} (Kubernetes {window})\n"),
    };
    let value = json!({
        "clientVersion": client_version(),
        "version": format!("v{version}"),
        "kubernetes": { "oldest": format!("v1.{}", versions::OLDEST), "newest": format!("v1.{}", versions::newest()) },
        "platform": platform(),
    });
    session.print(&value, &text)?;
    Ok(ExitCode::Ok)
}

/// This build in the fields of a Kubernetes program. Those about Go and git are empty.
fn client_version() -> serde_json::Value {
    json!({
        "major": env!("CARGO_PKG_VERSION_MAJOR"),
        "minor": env!("CARGO_PKG_VERSION_MINOR"),
        "gitVersion": concat!("v", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": platform(),
    })
}

/// `linux/amd64`: the operating system and architecture by Go's names.
fn platform() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    format!("{}/{arch}", std::env::consts::OS)
}
