//! JSON patches (RFC 6902) and JSON merge patches (RFC 7396).

use serde_json::Value;

/// Applies a list of operations, all or none.
pub(super) fn patch(object: &mut Value, operations: &Value) -> Result<(), String> {
    let Value::Array(list) = operations else {
        return Err("a JSON patch is a list of operations, each with op and path".into());
    };
    // Parsed one by one, so that the error can name the invalid one.
    let mut patch = Vec::with_capacity(list.len());
    for (index, operation) in list.iter().enumerate() {
        let read = serde_json::from_value(operation.clone());
        patch.push(read.map_err(|e| format!("operation {}: {e}: {operation}", index + 1))?);
    }
    json_patch::patch(object, &patch).map_err(|e| {
        let which = list.get(e.operation).map(ToString::to_string).unwrap_or_default();
        format!("operation {}: {}: {which}", e.operation + 1, e.kind)
    })
}

/// Merges a document into `object`: null removes, maps are merged, everything else is replaced. The patch must be a
/// map, since anything else would replace the whole object.
pub(super) fn merge(object: &mut Value, patch: &Value) -> Result<(), String> {
    if !patch.is_object() {
        return Err("a merge patch is a map".into());
    }
    json_patch::merge(object, patch);
    Ok(())
}
