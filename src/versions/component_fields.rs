//! The fields of the components' own configurations: their types and units, and which minors have them.

pub use super::field::{ComponentField, FieldType};
use super::kubelet_types;
use super::proxy_fields::{self, FieldKind};

/// The fields of `KubeletConfiguration`, of all minors.
pub fn kubelet() -> Vec<ComponentField> {
    kubelet_types::FIELDS.to_vec()
}

/// The fields of `KubeProxyConfiguration`, of all minors.
pub fn kube_proxy() -> Vec<ComponentField> {
    proxy_fields::all()
        .map(|field| ComponentField {
            path: field.path,
            of: of_proxy(field.kind),
            first: field.since,
            last: field.until.checked_sub(1).filter(|_| field.until != u16::MAX),
        })
        .collect()
}

fn of_proxy(kind: FieldKind) -> FieldType {
    match kind {
        FieldKind::Text | FieldKind::OmittedText => FieldType::Text,
        FieldKind::Bool | FieldKind::OmittedBool | FieldKind::OptionalBool => FieldType::Bool,
        FieldKind::Integer | FieldKind::OptionalInteger => FieldType::Int,
        FieldKind::Float => FieldType::Float,
        FieldKind::Duration | FieldKind::OptionalDuration => FieldType::Duration,
        FieldKind::DurationOrNanoseconds => FieldType::DurationOrNanoseconds,
        FieldKind::Quantity => FieldType::Quantity,
        FieldKind::TextList => FieldType::TextList,
        FieldKind::OmittedList => FieldType::AnyList,
        FieldKind::OmittedBoolMap => FieldType::BoolMap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::OLDEST;

    #[test]
    fn no_minor_has_a_field_twice_and_no_field_lies_below_another() {
        for fields in [kubelet(), kube_proxy()] {
            for minor in OLDEST..=super::super::newest() {
                let paths: Vec<&str> =
                    fields.iter().filter(|field| field.is_in(minor)).map(|field| field.path).collect();
                for path in &paths {
                    assert_eq!(paths.iter().filter(|other| *other == path).count(), 1, "{path} in v1.{minor}");
                    let below = [format!("{path}."), format!("{path}[]")];
                    assert!(!paths.iter().any(|other| below.iter().any(|below| other.starts_with(below))), "{path}");
                }
            }
        }
    }

    #[test]
    fn minors_have_the_fields_of_their_time() {
        let has = |minor: u16, path: &str| kubelet().iter().any(|field| field.path == path && field.is_in(minor));
        assert!(has(23, "logging.sanitization") && !has(24, "logging.sanitization"));
        assert!(!has(21, "seccompDefault") && has(22, "seccompDefault"));
        assert!(!has(30, "failCgroupV1") && has(31, "failCgroupV1"));
        assert!(has(20, "imageMinimumGCAge") && has(37, "imageMinimumGCAge"));
    }
}
