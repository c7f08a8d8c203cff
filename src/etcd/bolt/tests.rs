use super::sample::bolt;
use super::*;
use std::io::Write;

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn pairs(number: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    (0..number).map(|nth| (format!("key{nth:04}").into_bytes(), vec![b'x'; nth])).collect()
}

/// All keys of a bucket, or the error.
fn keys(bytes: &[u8], bucket: &str) -> Result<Vec<String>, BoltError> {
    let file = file(bytes);
    let bolt = Bolt::open(&file, bytes.len() as u64)?;
    let mut keys = Vec::new();
    if let Some(bucket) = bolt.bucket(bucket.as_bytes())? {
        bolt.each(&bucket, |key, _| {
            keys.push(String::from_utf8_lossy(key).into_owned());
            true
        })?;
    }
    Ok(keys)
}

#[test]
fn keys_are_read_through_branches_in_order_and_from_the_end() {
    let bytes = bolt(&[("a", pairs(1)), ("b", pairs(100)), ("none", Vec::new())], 7);
    assert_eq!(keys(&bytes, "a").unwrap(), ["key0000"]);
    let all = keys(&bytes, "b").unwrap();
    assert_eq!((all.len(), all[99].as_str(), all.is_sorted()), (100, "key0099", true));
    assert!(keys(&bytes, "none").unwrap().is_empty() && keys(&bytes, "other").unwrap().is_empty());
    let file = file(&bytes);
    let bolt = Bolt::open(&file, bytes.len() as u64).unwrap();
    let bucket = bolt.bucket(b"b").unwrap().unwrap();
    let mut last = Vec::new();
    bolt.each_backwards(&bucket, |key, value| {
        last.push((key.to_vec(), value.len()));
        last.len() < 2
    })
    .unwrap();
    assert_eq!(last, [(b"key0099".to_vec(), 99), (b"key0098".to_vec(), 98)]);
    assert_eq!(bolt.value(&bucket, b"key0003").unwrap().unwrap(), b"xxx");
}

#[test]
fn a_value_may_be_longer_than_a_page() {
    let bytes = bolt(&[("a", vec![(b"k".to_vec(), vec![7; 100_000])])], 1);
    let file = file(&bytes);
    let bolt = Bolt::open(&file, bytes.len() as u64).unwrap();
    let bucket = bolt.bucket(b"a").unwrap().unwrap();
    assert_eq!(bolt.value(&bucket, b"k").unwrap().unwrap(), vec![7; 100_000]);
}

#[test]
fn a_meta_page_that_was_not_written_completely_is_not_used() {
    let whole = bolt(&[("a", pairs(3))], 7);
    for (place, text) in [(16 + 20, "first"), (4096 + 16 + 20, "second")] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        assert_eq!(keys(&bytes, "a").unwrap().len(), 3, "{text}");
    }
    let mut bytes = whole;
    bytes[16 + 20] ^= 1;
    bytes[4096 + 16 + 20] ^= 1;
    assert!(matches!(keys(&bytes, "a"), Err(BoltError::NotBolt)));
}

#[test]
fn a_file_that_is_too_short_is_damaged() {
    let whole = bolt(&[("a", pairs(50))], 7);
    assert!(matches!(keys(&whole[..whole.len() - 4096], "a"), Err(BoltError::Damaged(_))));
    assert!(matches!(keys(&whole[..100], "a"), Err(BoltError::Damaged(_) | BoltError::NotBolt)));
    assert!(matches!(keys(&[], "a"), Err(BoltError::NotBolt)));
}

#[test]
fn pages_that_refer_to_each_other_end_with_an_error() {
    let mut bytes = bolt(&[("a", pairs(50))], 7);
    // The branch is the page before the root; let its first entry refer to itself.
    let branch = bytes.len() - 2 * 4096;
    let number = bytes[branch..branch + 8].to_vec();
    bytes[branch + 16 + 8..branch + 16 + 16].copy_from_slice(&number);
    let error = keys(&bytes, "a").unwrap_err().to_string();
    assert!(error.contains("in a circle"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn any_damage_is_an_error_or_other_content_and_nothing_else(
        changes in proptest::collection::vec((0usize..14 * 4096, 0u8..=255), 1..8)
    ) {
        let mut bytes = bolt(&[("a", pairs(30)), ("b", pairs(2))], 5);
        for (place, byte) in changes {
            if let Some(at) = bytes.get_mut(place) {
                *at = byte;
            }
        }
        let _ = keys(&bytes, "a");
        let _ = keys(&bytes, "b");
    }
}
