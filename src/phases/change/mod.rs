//! What `host change` does besides the phases of an upgrade: the configuration of the kubelet and of kube-proxy, and the mark of nodes that have to
//! follow.

pub mod kube_proxy;
pub mod kubelet;
pub mod mark;
pub mod upload_kubelet;
