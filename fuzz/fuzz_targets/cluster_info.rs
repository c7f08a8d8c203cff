//! The signature of cluster-info, whatever it holds, is only valid if it is the one that the token makes. The kubeconfig in
//! it, whatever it holds, is read or refused.
#![no_main]

use kubewright::kube::discovery::{ClusterInfo, jws};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const ID: &str = "abcdef";
const SECRET: &str = "0123456789abcdef";
const CONTENT: &str = "apiVersion: v1\n";

fuzz_target!(|text: &str| {
    let own = jws::sign(CONTENT, ID, SECRET);
    assert_eq!(jws::is_valid(text, CONTENT, ID, SECRET), text == own, "another signature is valid");
    if let Ok(info) = ClusterInfo::parse(&json!({"data": {"kubeconfig": text, "jws-kubeconfig-abcdef": text}})) {
        assert!(info.server().map_or(true, |server| server.starts_with("https://")));
        assert_eq!(info.signature(ID), Some(text).filter(|text| !text.is_empty()));
    }
});
