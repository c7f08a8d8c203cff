//! A certificate signing request as the API stores it, whatever it holds, has a subject or none.
#![no_main]

use kubewright::pki::subject::Subject;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &str| {
    if let Some(subject) = Subject::of_request(request) {
        let _ = subject.to_der();
    }
});
