//! What is read of an answer before anything is proved.

use super::*;

/// 22 KB of a stranger took 2 GB before the pin was looked at.
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
fn of_another_ca_nothing_but_the_ca_is_read() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let text = kubeconfig("https://10.0.0.1:6443", &theirs.pem()).replace("kind: Config", "kind: Config\nusers: 7");
    let server = serve(&theirs.local_leaf(), config_map(&text, None));
    assert!(matches!(attack(&server, &ours), DiscoveryError::PinMismatch { .. }));
}
