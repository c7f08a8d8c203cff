//! Which versions of the CRI a runtime speaks, and what it is.
//!
//! Reads: the runtime's answers. Writes nothing.

use super::grpc::{self, CallError, UNIMPLEMENTED};
use super::messages as wire;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// The two versions of the API in use. v1alpha2 went with containerd 2.0 and CRI-O 1.26.
pub(super) const APIS: [&str; 2] = ["v1", "v1alpha2"];

/// A runtime's name and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuntimeVersion {
    /// `containerd`, `cri-o`, ….
    pub name: String,
    /// Its version.
    pub version: String,
    /// The API it speaks: `v1` or `v1alpha2`.
    pub api: &'static str,
}

impl fmt::Display for RuntimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The version that a runtime reports in a version of the API; None when it does not support that.
pub(super) fn ask(socket: &Path, api: &str, limit: Duration) -> Result<Option<wire::VersionResponse>, CallError> {
    let method = format!("/runtime.{api}.RuntimeService/Version");
    match grpc::call(socket, &method, &wire::VersionRequest { version: api.into() }, limit) {
        Ok(answer) => Ok(Some(answer)),
        Err(CallError::Status { code: UNIMPLEMENTED, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
