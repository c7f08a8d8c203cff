use super::test_server::{TestCa, TestServer, dead_address};
use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::io::{Read, Write};

const LIMIT: Duration = Duration::from_secs(5);

fn fetch(client: &Https, url: &str) -> Result<Response<Vec<u8>>, HttpsError> {
    client.send(Request::get(url).body(Vec::new()).unwrap(), LIMIT)
}

fn trouble(options: Options, url: &str) -> Trouble {
    fetch(&Https::new(options).unwrap(), url).unwrap_err().trouble
}

#[test]
fn only_the_given_ca_is_trusted() {
    let (ours, other) = (TestCa::new("ours"), TestCa::new("other"));
    let server = TestServer::start(&ours.local_leaf(), None, |_| (200, "hello".into()));
    let client = Https::new(Options::new(Trust::Only(ours.pem()))).unwrap();
    let answer = fetch(&client, &server.url()).unwrap();
    assert_eq!(answer.body(), b"hello");
    assert!(answer.extensions().get::<PeerCertificate>().is_some());
    assert_eq!(trouble(Options::new(Trust::Only(other.pem())), &server.url()), Trouble::UnknownIssuer);
    assert!(fetch(&Https::new(Options::new(Trust::Anyone)).unwrap(), &server.url()).is_ok());
}

#[test]
fn invalid_certificates_are_distinguished() {
    let ca = TestCa::new("ours");
    for (leaf, expected) in [
        (ca.leaf(&["127.0.0.1"], (1, 2)), Trouble::NotYetValid),
        (ca.leaf(&["127.0.0.1"], (-2, -1)), Trouble::Expired),
        (ca.leaf(&["10.0.0.1"], (-1, 1)), Trouble::WrongName),
    ] {
        let server = TestServer::start(&leaf, None, |_| (200, String::new()));
        assert_eq!(trouble(Options::new(Trust::Only(ca.pem())), &server.url()), expected);
    }
}

#[test]
fn a_client_certificate_is_sent_and_its_absence_is_reported() {
    let ca = TestCa::new("ours");
    let server = TestServer::start(&ca.local_leaf(), Some(&ca), |_| (200, "in".into()));
    let mut options = Options::new(Trust::Only(ca.pem()));
    assert_eq!(trouble(options.clone(), &server.url()), Trouble::TurnedAway);
    let leaf = ca.local_leaf();
    options.credentials = Credentials::Certificate { certificate: leaf.certificate.clone(), key: leaf.key.into() };
    assert_eq!(fetch(&Https::new(options.clone()).unwrap(), &server.url()).unwrap().body(), b"in");
    let foreign = ca.local_leaf();
    options.credentials = Credentials::Certificate { certificate: leaf.certificate, key: foreign.key.into() };
    let error = Https::new(options).err().unwrap();
    assert_eq!((error.exit_code(), error.retryable()), (ExitCode::Input, false));
}

#[test]
fn a_token_is_sent_and_connections_are_used_again() {
    let ca = TestCa::new("ours");
    let server = TestServer::start(&ca.local_leaf(), None, |request| {
        (200, request.header("authorization").unwrap_or("none").to_owned())
    });
    let options =
        Options { credentials: Credentials::Token(String::from("abc").into()), ..Options::new(Trust::Only(ca.pem())) };
    let client = Https::new(options).unwrap();
    for _ in 0..5 {
        assert_eq!(fetch(&client, &server.url()).unwrap().body(), b"Bearer abc");
    }
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// The header was left out, and the request was an anonymous one.
#[test]
fn a_token_that_is_not_a_header_value_is_an_error_and_not_an_anonymous_request() {
    for token in ["abc\ndef", "abc\u{7f}"] {
        let credentials = Credentials::Token(token.to_owned().into());
        let error = Https::new(Options { credentials, ..Options::new(Trust::Anyone) }).err().unwrap();
        let text = format!("{error:?} {error} {}", error.hint().unwrap());
        assert!(text.contains("the bearer token cannot be used") && !text.contains("abc"), "{text}");
        assert_eq!((error.exit_code(), error.retryable()), (ExitCode::Input, false));
    }
}

#[test]
fn closed_ports_and_silent_peers_are_distinguished() {
    let options = Options::new(Trust::Anyone);
    let refused = fetch(&Https::new(options.clone()).unwrap(), &format!("https://{}", dead_address())).unwrap_err();
    assert_eq!(refused.trouble, Trouble::Refused);
    assert!(refused.before_sending() && refused.retryable());
    assert!(refused.to_string().ends_with("refused the connection"), "{refused}");

    let ca = TestCa::new("ours");
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let silent = TestServer::start(&ca.local_leaf(), None, move |_| {
        let _ = wait.lock().unwrap().recv();
        (200, String::new())
    });
    let client = Https::new(options).unwrap();
    let limit = Duration::from_millis(100);
    let error = client.send(Request::get(silent.url()).body(Vec::new()).unwrap(), limit).unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer(limit));
    assert!(!error.before_sending());
    drop(end);
}

#[test]
fn peers_without_tls_or_with_an_old_one_are_refused() {
    let plain = TestServer::start_raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.read(&mut [0; 1024]);
    });
    // A ServerHello that answers with TLS 1.1 (version 3.2) and an RSA cipher suite.
    let old = TestServer::start_raw(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0, 0x2f, 0]);
        let _ = stream.write_all(&hello);
        let _ = stream.read(&mut [0; 1024]);
    });
    // An alert that says "protocol version".
    let alert = TestServer::start_raw(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]);
        let _ = stream.read(&mut [0; 1024]);
    });
    for server in [plain, old, alert] {
        assert_eq!(trouble(Options::new(Trust::Anyone), &server.url()), Trouble::NotTls);
    }
}

#[test]
fn the_proxy_is_used_and_named() {
    let vars = [("HTTPS_PROXY".to_owned(), format!("http://joe:secret@{}", dead_address()))];
    let options = Options { proxies: Proxies::from_vars(&vars.into_iter().collect()), ..Options::new(Trust::Anyone) };
    let error = fetch(&Https::new(options.clone()).unwrap(), "https://192.0.2.1:6443").unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    let text = error.to_string();
    assert!(text.contains("through the proxy http://127.0.0.1:") && !text.contains("secret"), "{text}");
    assert!(error.hint().unwrap().contains("NO_PROXY=$NO_PROXY,192.0.2.1'"));
    let near = fetch(&Https::new(options).unwrap(), &format!("https://{}", dead_address())).unwrap_err();
    assert!(!near.to_string().contains("proxy"), "{near}");
}

#[test]
fn redirects_are_followed_only_where_wanted_and_only_to_https() {
    let ca = TestCa::new("ours");
    let end = TestServer::start(&ca.local_leaf(), None, |_| (200, "end".into()));
    let options = Options::new(Trust::Only(ca.pem()));
    let (none, some) = (options.clone(), Options { redirects: 3, ..options });
    let end_url = end.url();
    let good = TestServer::start(&ca.local_leaf(), None, move |_| (302, end_url.clone()));
    assert_eq!(fetch(&Https::new(none).unwrap(), &good.url()).unwrap().status(), 302);
    let following = Https::new(some).unwrap();
    assert_eq!(fetch(&following, &good.url()).unwrap().body(), b"end");
    let plain = TestServer::start(&ca.local_leaf(), None, move |_| (302, "http://127.0.0.1:1/".into()));
    let error = fetch(&following, &plain.url()).unwrap_err();
    assert!(format!("{:?}", crate::base::Failure::from(error)).contains("an address without TLS"));
    let circle = TestServer::start(&ca.local_leaf(), None, move |_| (302, "/".into()));
    assert!(fetch(&following, &circle.url()).is_err());
}

#[test]
fn an_unverified_peer_cannot_exhaust_the_memory() {
    let ca = TestCa::new("ours");
    let server = TestServer::start(&ca.local_leaf(), None, |_| (200, "x".repeat(5 << 20)));
    let found = trouble(Options::new(Trust::Anyone), &server.url());
    assert_eq!(found, Trouble::TooLong(LONGEST_OF_STRANGERS));
    let known = Https::new(Options::new(Trust::Only(ca.pem()))).unwrap();
    assert_eq!(fetch(&known, &server.url()).unwrap().body().len(), 5 << 20);
}
