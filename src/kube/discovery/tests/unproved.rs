//! What is parsed of a response before it is verified.

use super::*;

/// 22 KB of an untrusted server took 2 GB of memory before the pin was verified.
#[test]
fn cluster_information_that_aliases_make_large_is_refused() {
    let ca = TestCa::new("kubernetes");
    let bomb = format!("more: &a [{}]\nmuch: [{}]\n", "x,".repeat(5000), "*a,".repeat(4000));
    let text = format!("{}{bomb}", kubeconfig("https://10.0.0.1:6443", &ca.pem()));
    let server = serve(&ca.local_leaf(), config_map(&text, Some(jws::sign(&text, ID, SECRET))));
    let error = find(&server, &ca).unwrap_err();
    assert!(error.to_string().contains("more than 100000 values"), "{error}");
}

#[test]
fn only_the_ca_is_parsed_before_it_is_verified() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let text = kubeconfig("https://10.0.0.1:6443", &theirs.pem()).replace("kind: Config", "kind: Config\nusers: 7");
    let server = serve(&theirs.local_leaf(), config_map(&text, None));
    assert!(matches!(attack(&server, &ours), DiscoveryError::PinMismatch { .. }));
}
