//! The namespace of one test, which is removed however the test ends.

use super::super::cluster::Cluster;
use super::super::error::KubeError;
use super::super::kind::{NAMESPACE, ObjectRef};

/// Removes the namespace when it goes out of scope, also after an error or a panic.
pub struct Place<'a> {
    cluster: &'a Cluster,
    object: ObjectRef,
    done: bool,
}

impl<'a> Place<'a> {
    pub fn new(cluster: &'a Cluster, name: &str) -> Self {
        Self { cluster, object: ObjectRef::global(&NAMESPACE, name), done: false }
    }

    /// Removes it now. The cluster needs some seconds to delete what is in it.
    pub fn remove(mut self) -> Result<(), KubeError> {
        self.done = true;
        self.cluster.delete(&self.object).map(|_| ())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.cluster.delete(&self.object);
        }
    }
}
