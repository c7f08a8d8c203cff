//! Suggestions for unknown fields.

use super::component;
use super::kind::Kind;
use super::shape::{Object, Type};
use crate::base::suggest::similar;
use crate::versions::ApiVersion;

/// Help for the unknown field `name` in `object` of a document of `kind`.
pub(super) fn suggest(kind: Kind, object: &Object, name: &str, api: ApiVersion) -> Option<String> {
    let here: Vec<&str> = object.fields_in(api).map(|f| f.name).collect();
    if let Some(near) = similar(name, here.iter().copied()) {
        return Some(format!("did you mean '{near}'?"));
    }
    if let Some(path) = find(kind.object(), name, api, "") {
        return Some(format!("did you mean '{path}'?"));
    }
    let elsewhere = Kind::ALL
        .into_iter()
        .filter(|other| *other != kind && other.fixed_api().is_none())
        .find_map(|other| find(other.object(), name, api, "").map(|path| (other, path)));
    if let Some((other, path)) = elsewhere {
        return Some(format!("'{path}' is a field of {}", other.name()));
    }
    for component in [Kind::Kubelet, Kind::KubeProxy] {
        if let Some(field) =
            component::fields(component).iter().find(|field| field.path.rsplit('.').next() == Some(name))
        {
            return Some(format!("'{}' is a field of {}", field.path, component.name()));
        }
    }
    if here.len() <= 8 { Some(format!("valid fields are {}", here.join(", "))) } else { None }
}

/// The path of the first field named `name` below `object`, closest to the root.
fn find(object: &Object, name: &str, api: ApiVersion, prefix: &str) -> Option<String> {
    if let Some(found) = object.field(name, api) {
        return Some(format!("{prefix}{}", found.name));
    }
    object.fields_in(api).find_map(|field| match field.of {
        Type::Object(inner) => find(inner, name, api, &format!("{prefix}{}.", field.name)),
        Type::List(inner) => find(inner, name, api, &format!("{prefix}{}[].", field.name)),
        _ => None,
    })
}
