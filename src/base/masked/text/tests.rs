//! Tests of masking in sentences.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

#[test]
fn a_sentence_keeps_everything_but_its_secrets() {
    for (text, shown) in [
        ("unknown command 'abcde1.0123456789abcde1'", "unknown command '***'"),
        ("--token=abcde1.0123456789abcde1.", "--token=***."),
        (
            "it has no dot; the format is abcdef.0123456789abcdef",
            "it has no dot; the format is abcdef.0123456789abcdef",
        ),
        ("proxy http://joe:hunter22@proxy:3128/ refused", "proxy http://***@proxy:3128/ refused"),
        ("proxy \"https://joe:hu/nt@er22@proxy:3128\"", "proxy \"https://***@proxy:3128\""),
        ("image joe:hunter22@reg.example/a:v1", "image ***@reg.example/a:v1"),
        ("reg.example:5000/a:v1@sha256:0123", "reg.example:5000/a:v1@sha256:0123"),
        ("ssh root@10.0.0.1: run 'x'", "ssh root@10.0.0.1: run 'x'"),
        ("bad -----BEGIN EC PRIVATE KEY----- MHc CAQ -----END EC PRIVATE KEY----- end", "bad *** end"),
        ("bad -----BEGIN PRIVATE KEY----- MHc", "bad ***"),
        ("the line '-----BEGIN CERT", "the line '***"),
        (
            "node01.example.com and 10.0.0.1:6443, see /etc/kubernetes/pki",
            "node01.example.com and 10.0.0.1:6443, see /etc/kubernetes/pki",
        ),
    ] {
        assert_eq!(sentence(text), shown);
    }
}

#[test]
fn a_sentence_of_a_server_keeps_names_times_paths_and_ids() {
    for text in [
        "secrets \"bootstrap-token-abcdef\" is forbidden: User \"system:anonymous\" cannot get resource",
        "Operation cannot be fulfilled on nodes \"ip-10-0-0-1.eu-west-1.compute.internal\": the object has been modified",
        "etcdserver: request timed out at 2026-12-01T20:11:59Z, UID 0f2b3c4d-1111-2222-3333-444455556666",
        "spec.affinity.requiredDuringSchedulingIgnoredDuringExecution: Invalid value: \"x\": must be /etc/kubernetes/pki/ca.crt",
        "container 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef exited with 1 2 3",
        "image registry.k8s.io/kube-apiserver:v1.36.2@sha256:0123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(foreign(text), text);
    }
}

/// A webhook that refuses an object may quote it.
#[test]
fn a_quoted_secret_is_masked_in_every_form() {
    let quoted = "MDEyMzQ1Njc4OWFiY2RlZg==";
    let bytes: Vec<String> = b"hunter22!".iter().map(u8::to_string).collect();
    for (text, secret) in [
        (format!("denied: {{\"data\":{{\"token-secret\":\"{quoted}\"}}}}"), quoted),
        (format!("denied: data: {{x: {quoted}}}"), quoted),
        ("denied: {\"stringData\":{\"password\":\"hunter22\"}}".to_owned(), "hunter22"),
        ("denied: {\\\"password\\\":\\\"hunter22\\\"}".to_owned(), "hunter22"),
        ("denied: password=hunter22 user=joe".to_owned(), "hunter22"),
        (format!("denied: Data:map[token-secret:[{}]]", bytes.join(" ")), "117 110 116"),
        ("denied: []uint8{0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32, 0x32}".to_owned(), "0x6e"),
        ("denied: eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl".to_owned(), "c2lnbmF0dXJl"),
        ("denied: -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n".to_owned(), "MIIE"),
    ] {
        let shown = foreign(&text);
        assert!(!shown.contains(secret) && shown.starts_with("denied: ") && shown.contains("***"), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_encoded_key_is_left_in_a_sentence_of_a_server(key in prop::collection::vec(any::<u8>(), 64..200), width in 60..80_usize) {
        let encoded = STANDARD.encode(&key);
        let lines: Vec<String> = encoded.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let shown = foreign(&format!("denied: \"{}\" is wrong", lines.join("\\n")));
        // A shorter rest may look like a word.
        let left = lines.iter().filter(|line| line.len() >= 60 && shown.contains(line.as_str())).count();
        prop_assert!(left == 0, "{}", shown);
    }

    #[test]
    fn nothing_is_lost_in_a_sentence_without_secrets(text in "[a-z ,.'()-]{0,80}") {
        prop_assert_eq!(sentence(&text), text);
    }
}
