//! Values from a short list.

use super::Validated;
use crate::base::suggest::similar;
use crate::config::model::KeyAlgorithm;
use crate::config::problem::Complaint;

/// When the kubelet pulls an image.
pub const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// The effects of taints.
pub const TAINT_EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Kubernetes' `HostPathType`.
pub const PATH_TYPES: [&str; 7] =
    ["DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];

/// Flags of umount(2) for `reset`.
pub const UNMOUNT_FLAGS: [&str; 4] = ["MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW"];

/// One of `choices`; an error suggests the most similar one, or lists all.
pub fn one_of(text: &str, choices: &[&str]) -> Validated<String> {
    if choices.contains(&text) {
        return Ok(text.to_owned());
    }
    let help = match similar(text, choices.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("use one of {}", choices.join(", ")),
    };
    Err(Complaint::with_help(format!("{text:?} is not an allowed value"), help))
}

/// A key algorithm by kubeadm's name.
pub fn key_algorithm(text: &str) -> Validated<KeyAlgorithm> {
    let names = KeyAlgorithm::ALL.map(|(_, name)| name);
    let name = one_of(text, &names)?;
    let found = KeyAlgorithm::ALL.into_iter().find(|(_, n)| *n == name);
    found.map(|(algorithm, _)| algorithm).ok_or_else(|| Complaint::new("is not an algorithm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_get_the_most_similar_choice() {
        assert_eq!(key_algorithm("ECDSA-P384").unwrap(), KeyAlgorithm::EcdsaP384);
        assert_eq!(key_algorithm("rsa2048").unwrap_err().help.unwrap(), "did you mean 'RSA-2048'?");
        assert_eq!(one_of("always", &PULL_POLICIES).unwrap_err().help.unwrap(), "did you mean 'Always'?");
        assert!(one_of("zzz", &TAINT_EFFECTS).unwrap_err().help.unwrap().starts_with("use one of"));
    }
}
