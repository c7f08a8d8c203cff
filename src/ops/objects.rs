//! The phases that create objects in a running cluster.
//!
//! A phase passes the objects that it needs; objects that are up to date are not changed.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::render::objects::Object;

/// Creates or updates objects that do not depend on each other, and reports those that changed.
pub fn settle(cx: &Context, cluster: &Cluster, objects: &[Object]) -> Result<()> {
    let values: Vec<_> = objects.iter().map(|object| object.value.clone()).collect();
    for (object, written) in objects.iter().zip(cluster.create_or_update_all(&values)?) {
        report(cx, object, written);
    }
    Ok(())
}

/// Reports the change of an object; nothing if it was up to date.
pub fn report(cx: &Context, object: &Object, written: Written) {
    let name = object;
    match written {
        Written::Created => cx.events.message(format!("created {name}")),
        Written::Changed => cx.events.message(format!("changed {name}")),
        Written::Unchanged => {}
    }
}
