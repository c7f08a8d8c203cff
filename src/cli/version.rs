//! `version`: what this binary is and which Kubernetes versions it knows.

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
        "version": format!("v{version}"),
        "kubernetes": { "oldest": format!("v1.{}", versions::OLDEST), "newest": format!("v1.{}", versions::newest()) },
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    session.print(&value, &text)?;
    Ok(ExitCode::Ok)
}
