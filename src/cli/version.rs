//! `version`: the version of this binary, what it was built from, and the Kubernetes versions it supports.
//!
//! What it was built from comes from variables that `scripts/build-release` sets for the compiler, so that a build needs
//! neither git nor a clock; other builds do not know it.

use super::args::global::Output;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::versions;
use serde_json::json;

/// The commit, the time of the commit (RFC 3339), and whether the sources were those of the commit: `clean` or `dirty`.
const COMMIT: Option<&str> = option_env!("KUBEWRIGHT_COMMIT");
const COMMIT_TIME: Option<&str> = option_env!("KUBEWRIGHT_COMMIT_TIME");
const TREE: Option<&str> = option_env!("KUBEWRIGHT_TREE");

pub fn run(session: &mut Session) -> Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    let window = versions::window();
    let text = if session.global.output == Output::Short {
        format!("v{version}\n")
    } else {
        format!("kubewright v{version} (Kubernetes {window}){}\n", source(COMMIT, COMMIT_TIME, TREE))
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

/// `, commit 0123456789ab of 2026-01-31`; empty if the commit is not known.
fn source(commit: Option<&str>, time: Option<&str>, tree: Option<&str>) -> String {
    let Some(commit) = commit.filter(|commit| !commit.is_empty()) else { return String::new() };
    let short = commit.get(..12).unwrap_or(commit);
    let day = time.and_then(|time| time.get(..10)).map(|day| format!(" of {day}")).unwrap_or_default();
    let changes = if tree == Some("dirty") { ", with uncommitted changes" } else { "" };
    format!(", commit {short}{day}{changes}")
}

/// This build in the fields of a Kubernetes program. The one about Go is empty; the build date is that of the commit, so
/// that two builds of it are the same.
fn client_version() -> serde_json::Value {
    json!({
        "major": env!("CARGO_PKG_VERSION_MAJOR"),
        "minor": env!("CARGO_PKG_VERSION_MINOR"),
        "gitVersion": concat!("v", env!("CARGO_PKG_VERSION")),
        "gitCommit": COMMIT.unwrap_or_default(),
        "gitTreeState": TREE.unwrap_or_default(),
        "buildDate": COMMIT_TIME.unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn a_build_names_its_commit_and_one_from_a_bare_archive_nothing() {
        let commit = Some("0123456789abcdef0123456789abcdef01234567");
        assert_eq!(
            source(commit, Some("2026-01-31T12:00:00+00:00"), Some("clean")),
            ", commit 0123456789ab of 2026-01-31"
        );
        assert_eq!(source(commit, None, Some("dirty")), ", commit 0123456789ab, with uncommitted changes");
        assert_eq!(source(Some("abc"), Some(""), None), ", commit abc");
        assert_eq!(source(None, Some("2026-01-31T12:00:00+00:00"), None), "");
        assert_eq!(source(Some(""), None, Some("clean")), "");
    }
}
