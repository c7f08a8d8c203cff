//! The names of patch files: `TARGET[SUFFIX][+TYPE].EXTENSION`.

use super::PatchError;
use crate::base::suggest::similar;
use std::fmt;
use std::path::Path;

/// What a patch applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The static Pod of etcd.
    Etcd,
    /// The static Pod of kube-apiserver.
    KubeApiserver,
    /// The static Pod of kube-controller-manager.
    KubeControllerManager,
    /// The static Pod of kube-scheduler.
    KubeScheduler,
    /// This host's kubelet configuration.
    KubeletConfiguration,
    /// The Deployment of CoreDNS.
    CorednsDeployment,
}

impl Target {
    /// All targets with their names in file names.
    const ALL: [(Self, &'static str); 6] = [
        (Self::Etcd, "etcd"),
        (Self::KubeApiserver, "kube-apiserver"),
        (Self::KubeControllerManager, "kube-controller-manager"),
        (Self::KubeScheduler, "kube-scheduler"),
        (Self::KubeletConfiguration, "kubeletconfiguration"),
        (Self::CorednsDeployment, "corednsdeployment"),
    ];

    pub(super) fn names() -> [&'static str; 6] {
        Self::ALL.map(|(_, name)| name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(target, _)| target == self).map_or("", |(_, name)| name))
    }
}

/// How a patch is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchType {
    /// A list of operations (RFC 6902).
    Json,
    /// A document merged into another (RFC 7396).
    Merge,
    /// Like `Merge`, but merges lists by key; the default.
    Strategic,
}

impl PatchType {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Json, "json"), (Self::Merge, "merge"), (Self::Strategic, "strategic")];
}

impl fmt::Display for PatchType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
    }
}

const EXTENSIONS: [&str; 2] = ["yaml", "json"];

/// The target and type of the patch file `name`; None for files that are clearly not patches, such as a README. Fails
/// for a name that is almost valid. When the name looks like that of a patch and is not quite one.
pub(super) fn parse(file: &Path, name: &str) -> Result<Option<(Target, PatchType)>, PatchError> {
    let wrong = |problem: String, suggestion: Option<String>| {
        Err(PatchError::Name { file: file.to_owned(), problem, suggestion })
    };
    let target = Target::ALL.iter().find(|(_, prefix)| name.starts_with(prefix));
    let Some((stem, extension)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else {
        return match target {
            Some(_) => wrong("no extension".into(), Some(format!("{name}.yaml"))),
            None => Ok(None),
        };
    };
    if !EXTENSIONS.contains(&extension) {
        return match target {
            Some(_) => wrong(
                format!("the extension {extension:?}, which is neither yaml nor json"),
                similar(extension, EXTENSIONS).map(|right| format!("{stem}.{right}")),
            ),
            None => Ok(None),
        };
    }
    let Some((target, prefix)) = target else {
        let (word, rest) = stem.split_at(stem.find(['+', '.']).unwrap_or(stem.len()));
        let right = similar(word.trim_end_matches(|c: char| c.is_ascii_digit()), Target::names());
        return wrong(
            format!("no known target ({})", Target::names().join(", ")),
            right.map(|right| format!("{right}{rest}.{extension}")),
        );
    };
    let suffix = stem.get(prefix.len()..).unwrap_or_default();
    let Some((before, word)) = suffix.split_once('+') else { return Ok(Some((*target, PatchType::Strategic))) };
    match PatchType::ALL.iter().find(|(_, name)| *name == word) {
        Some((kind, _)) if !before.contains('.') => Ok(Some((*target, *kind))),
        Some(_) => wrong(
            "a dot before the '+'".into(),
            Some(format!("{prefix}{}+{word}.{extension}", before.replace('.', "-"))),
        ),
        None => wrong(
            format!("the unknown patch type {word:?} (known are json, merge, strategic)"),
            similar(word, PatchType::ALL.map(|(_, name)| name))
                .map(|right| format!("{prefix}{before}+{right}.{extension}")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::Fault;

    #[test]
    fn names_contain_target_and_type() {
        use PatchType::{Json, Merge, Strategic};
        for (name, meaning) in [
            ("etcd.yaml", Some((Target::Etcd, Strategic))),
            ("kube-apiserver0+strategic.yaml", Some((Target::KubeApiserver, Strategic))),
            ("kube-apiserver1+json.json", Some((Target::KubeApiserver, Json))),
            ("kube-controller-manager-foo+merge.json", Some((Target::KubeControllerManager, Merge))),
            ("kube-scheduler.v2.yaml", Some((Target::KubeScheduler, Strategic))),
            ("kubeletconfiguration+merge.yaml", Some((Target::KubeletConfiguration, Merge))),
            ("corednsdeployment.json", Some((Target::CorednsDeployment, Strategic))),
            ("README.md", None),
            ("notes", None),
            (".gitignore", None),
            (".yaml", None),
        ] {
            assert_eq!(parse(Path::new(name), name).unwrap(), meaning, "{name}");
        }
    }

    #[test]
    fn almost_valid_names_are_errors_with_the_right_name() {
        for (name, right) in [
            ("kube-apisever+merge.yaml", Some("kube-apiserver+merge.yaml")),
            ("apiserver.yaml", Some("kube-apiserver.yaml")),
            ("kubelet-configuration0.yaml", Some("kubeletconfiguration.yaml")),
            ("etcd+strategc.yaml", Some("etcd+strategic.yaml")),
            ("etcd+.yaml", None),
            ("etcd0.x+json.yaml", Some("etcd0-x+json.yaml")),
            ("etcd.yml", Some("etcd.yaml")),
            ("etcd", Some("etcd.yaml")),
            ("settings.yaml", None),
        ] {
            let error = parse(Path::new(name), name).unwrap_err();
            let hint = error.hint().unwrap();
            match right {
                Some(right) => assert!(hint.contains(&format!("'mv {name} {right}'")), "{name}: {error}; {hint}"),
                None => assert!(hint.contains("TARGET"), "{name}: {error}; {hint}"),
            }
        }
    }
}
