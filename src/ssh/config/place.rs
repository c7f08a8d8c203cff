//! What `ssh_config` depends on: the user, the home directory, the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the files and the values in them depend on.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The home directory, which `~` and `%d` stand for.
    pub home: PathBuf,
    /// The user of this machine.
    pub user: String,
    pub uid: u32,
    /// Environment variables, for `${NAME}` in paths.
    pub vars: BTreeMap<String, String>,
    /// Read instead of the usual two files, as `ssh -F` does.
    pub file: Option<PathBuf>,
}

impl Place {
    /// That of a process.
    pub fn of(vars: &BTreeMap<String, String>, uid: u32, file: Option<PathBuf>) -> Self {
        let var = |name: &str| vars.get(name).filter(|value| !value.is_empty());
        let home = var("HOME").map_or_else(|| PathBuf::from(if uid == 0 { "/root" } else { "/" }), PathBuf::from);
        let root = || if uid == 0 { "root".to_owned() } else { String::new() };
        let user = var("LOGNAME").or_else(|| var("USER")).cloned().unwrap_or_else(root);
        Self { home, user, uid, vars: vars.clone(), file }
    }
}
