//! The phases that put objects into a running cluster.
//!
//! All of them say what they want and leave alone what is right already.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::render::objects::Object;

/// Brings objects that do not depend on each other into the cluster and tells of those that changed.
pub fn settle(cx: &Context, cluster: &Cluster, objects: &[Object]) -> Result<()> {
    let values: Vec<_> = objects.iter().map(|object| object.value.clone()).collect();
    for (object, written) in objects.iter().zip(cluster.create_or_update_all(&values)?) {
        tell(cx, object, written);
    }
    Ok(())
}

/// Says what became of an object; nothing where it was right.
pub fn tell(cx: &Context, object: &Object, written: Written) {
    let name = object;
    match written {
        Written::Created => cx.events.message(format!("created {name}")),
        Written::Changed => cx.events.message(format!("changed {name}")),
        Written::Unchanged => {}
    }
}
