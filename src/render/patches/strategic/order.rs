//! The order of a merged list.
//!
//! Items named by the patch are in the patch's order, the others in theirs. Existing items keep their relative order;
//! new ones are placed as far to the front as that permits.

use super::{ELEMENT_ORDER, Place};
use serde_json::{Map, Value};

/// Sorts `list`; `before` is the list without the patch, `named` has items with the patch's keys in its order. `key` is
/// empty for lists of plain values.
pub(super) fn arrange<'a>(list: &mut Vec<Value>, before: &[Value], named: impl Iterator<Item = &'a Value>, key: &str) {
    let place = |keys: &[&Value], item: &Value| {
        let wanted = key_of(item, key)?;
        keys.iter().position(|k| *k == wanted)
    };
    let before: Vec<&Value> = before.iter().filter_map(|item| key_of(item, key)).collect();
    let named: Vec<&Value> = named.filter_map(|item| key_of(item, key)).collect();
    let (mut patched, mut others): (Vec<Value>, Vec<Value>) =
        std::mem::take(list).into_iter().partition(|item| place(&named, item).is_some());
    patched.sort_by_key(|item| place(&named, item));
    others.sort_by_key(|item| place(&before, item));
    let (mut patched, mut others) = (patched.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(ours), Some(other)) = (patched.peek(), others.peek()) {
        let other_first = matches!((place(&before, other), place(&before, ours)), (Some(o), Some(p)) if o < p);
        list.extend(if other_first { others.next() } else { patched.next() });
    }
    list.extend(patched);
    list.extend(others);
}

fn key_of<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    if key.is_empty() { Some(item) } else { item.get(key) }
}

/// A merged list of plain values without duplicates.
pub(super) fn merge_plain(before: &[Value], patch: &[Value]) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for value in before.iter().chain(patch) {
        if !merged.contains(value) {
            merged.push(value.clone());
        }
    }
    arrange(&mut merged, before, patch.iter(), "");
    merged
}

/// Applies every `$setElementOrder/FIELD` of `patch`.
pub(super) fn apply_element_orders(
    object: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    at: &Place,
) -> Result<(), String> {
    for (directive, order) in patch {
        let Some(field) = directive.strip_prefix(ELEMENT_ORDER) else { continue };
        let Some(order) = order.as_array() else { return Err(at.below(directive).error("not a list")) };
        let Some(list) = object.get_mut(field).and_then(Value::as_array_mut) else { continue };
        let before = list.clone();
        match at.merge_key(field) {
            None => return Err(at.below(directive).error("this list is replaced, not merged")),
            Some(key) => arrange(list, &before, order.iter(), key),
        }
    }
    Ok(())
}
