//! Layer 2: etcd.
