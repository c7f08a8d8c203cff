//! Supported Kubernetes versions.

use super::Validated;
use crate::base::fault::Fault;
use crate::config::problem::Complaint;
use crate::versions::{self, Version};

/// A supported version. Labels such as `stable` are not versions.
pub fn installable(text: &str) -> Validated<Version> {
    let version: Version = text
        .parse()
        .map_err(|error: versions::version::NotAVersion| Complaint { what: error.to_string(), help: error.hint() })?;
    if version.major == 1 && versions::facts(version.minor).is_some() {
        return Ok(version);
    }
    let what = format!("{version} is not supported; supported versions are {}", versions::window());
    Err(Complaint::with_help(what, format!("use a version from {}", versions::window())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_supported_versions_are_accepted() {
        assert_eq!(installable("1.20.2").unwrap().to_string(), "v1.20.2");
        for bad in ["v1.10.0", "v1.99.0", "v2.20.0", "v0.20.0"] {
            assert!(installable(bad).unwrap_err().what.contains("v1.20 to v1."), "{bad}");
        }
        for bad in ["banana", "stable", "stable-1", "latest", "ci/latest", ""] {
            assert!(installable(bad).unwrap_err().what.contains("is not a Kubernetes version"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn versions_are_read_back(patch in any::<u16>(), pre in "(rc|alpha|beta)\\.[1-9]", with_pre in any::<bool>()) {
            let mut text = format!("v1.20.{patch}");
            if with_pre {
                text = format!("{text}-{pre}");
            }
            prop_assert_eq!(installable(&text).unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[v0-9.+a-z-]{0,30}") {
            let _ = installable(&text);
        }
    }
}
