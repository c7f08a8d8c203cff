//! What `host change` does besides the phases of an upgrade: the kubelet's configuration, and the mark of nodes that have to
//! follow.

pub mod kubelet;
pub mod mark;
pub mod upload_kubelet;
