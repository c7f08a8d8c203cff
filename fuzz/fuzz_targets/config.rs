//! A configuration file, whatever it holds, is understood or refused with a reason; one that can be migrated can be
//! read afterwards.
#![no_main]

use kubewright::base::env::Random;
use kubewright::config::migrate::migrate;
use kubewright::config::{Facts, InitFlags, parse};
use kubewright::versions::ApiVersion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let facts = Facts::placeholder(Random::seeded(1));
    match parse("cluster.yaml", bytes).and_then(|documents| documents.init(&InitFlags::default(), &facts)) {
        Ok(_) => {}
        Err(errors) => assert!(!errors.problems().is_empty(), "refused without a reason"),
    }
    if let Ok(migrated) = migrate("cluster.yaml", bytes, ApiVersion::V1Beta4) {
        parse("cluster.yaml", migrated.text.as_bytes()).expect("what was migrated can be read");
    }
});
