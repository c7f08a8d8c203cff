//! Fields that documents of the cluster and of a node share.

use super::shape::Type::{Int, List, Text, TextMap};
use super::shape::{Field, Object, field, object};
use crate::versions::ApiVersion::{V1Beta3, V1Beta4};

/// Flags of a component: a map until v1beta3, then a list that may repeat a name.
pub(super) const fn args(name: &'static str) -> [Field; 2] {
    [
        field(name, TextMap).until(V1Beta3, "write a list of 'name' and 'value' instead"),
        field(name, List(&ARG)).since(V1Beta4),
    ]
}

pub(super) static ARG: Object = object(&[field("name", Text), field("value", Text)]);

pub(super) static API_ENDPOINT: Object = object(&[field("advertiseAddress", Text), field("bindPort", Int)]);
