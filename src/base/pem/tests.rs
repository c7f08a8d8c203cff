//! Tests of reading and writing PEM.

use super::*;
use proptest::prelude::*;

const KEY: &str = "RSA PRIVATE KEY";

fn error(text: &str) -> PemError {
    blocks(text.as_bytes()).err().expect("it was taken for PEM")
}

#[test]
fn several_blocks_are_read_in_order_and_text_between_is_skipped() {
    let text = format!("Subject: x\n{}\nnote\r\n{}", encode(CERTIFICATE, b"one"), encode(KEY, b"two"));
    let found = blocks(text.replace('\n', "\r\n").as_bytes()).unwrap();
    let found: Vec<_> = found.iter().map(|b| (b.label, b.der.as_slice())).collect();
    assert_eq!(found, [(CERTIFICATE, b"one".as_slice()), (KEY, b"two".as_slice())]);
}

#[test]
fn each_kind_of_damage_has_its_own_word() {
    assert_eq!(error("hello"), PemError::NoBlock);
    assert_eq!(error(""), PemError::NoBlock);
    let whole = encode(CERTIFICATE, &[1; 100]);
    let cut = &whole[..whole.len() / 2];
    assert_eq!(error(cut), PemError::Truncated { label: CERTIFICATE, line: 1 });
    assert_eq!(error(&format!("x\n{cut}\n{whole}")), PemError::Truncated { label: CERTIFICATE, line: 2 });
    let bad = "-----BEGIN CERTIFICATE-----\n*not base64*\n-----END CERTIFICATE-----\n";
    assert_eq!(error(bad), PemError::NotBase64 { label: CERTIFICATE, line: 1 });
    assert_eq!(error(&format!("\u{feff}{whole}")), PemError::ByteOrderMark);
    assert_eq!(error(&whole.replace('\n', " ")), PemError::BrokenLine { line: 1 });
    assert_eq!(error(&whole.replace('\n', "\r")), PemError::BrokenLine { line: 1 });
    // As 'cat' joins files without a last line break.
    assert_eq!(error(&format!("{}{whole}", whole.trim_end())), PemError::BrokenLine { line: 5 });
    assert_eq!(error(&whole.to_lowercase()), PemError::BrokenLine { line: 1 });
}

/// Go's decoder passes over a block that is indented, and the API server does not start with such a file.
#[test]
fn an_indented_block_is_refused_with_its_line() {
    let whole = encode(CERTIFICATE, &[1; 100]);
    let indented: String = whole.lines().map(|line| format!("  {line}\n")).collect();
    assert_eq!(error(&indented), PemError::Indented { line: 1 });
    assert_eq!(error(indented.trim_start()), PemError::Indented { line: 5 });
    assert_eq!(error(&format!("{whole}{indented}")), PemError::Indented { line: 6 });
    // Go's decoder takes blanks at the ends of lines and within the text.
    let lines = whole.replace('\n', " \t\n").replace("AQEB", "AQ EB").replace("\nAQ", "\n  AQ");
    assert_eq!(blocks(lines.as_bytes()).unwrap()[0].der.as_slice(), [1; 100]);
}

#[test]
fn encrypted_blocks_are_known_as_such() {
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert!(blocks(old.as_bytes()).unwrap()[0].encrypted);
    assert!(blocks(encode("ENCRYPTED PRIVATE KEY", b"x").as_bytes()).unwrap()[0].encrypted);
    assert!(!blocks(encode("PRIVATE KEY", b"x").as_bytes()).unwrap()[0].encrypted);
}

/// The longest run of letters of the body that a message may share with it by chance: `base`, `line`.
const BY_CHANCE: usize = 5;

/// A text of the key that stands in `shown`, if one does.
fn leak<'a>(body: &'a str, shown: &str) -> Option<&'a str> {
    (0..body.len().saturating_sub(BY_CHANCE))
        .filter_map(|i| body.get(i..=i + BY_CHANCE))
        .find(|part| shown.contains(part))
}

/// One kind of damage, done at a place that `at` chooses.
fn damage(kind: u8, at: usize, text: &str) -> String {
    let at = (0..=at % text.len().max(1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let shifted = at % lines.len().max(1);
    match kind {
        0 => text.replace('\n', " "),
        1 => text.replace('\n', "\t"),
        2 => text.replace('\n', "\r"),
        3 => text.replace('\n', ""),
        4 => text.replace('\n', "\\n"),
        5 => text[..at].into(),
        6 => text[at..].into(),
        7 => lines[shifted..].iter().chain(&lines[..shifted]).map(|line| format!("{line}\n")).collect(),
        8 => text.to_lowercase(),
        9 => text.to_uppercase(),
        10 => format!("\u{feff}{text}"),
        11 => text.replacen("-----\n", "", 1),
        12 => text.replace("-----END", "----- END"),
        13 => lines.iter().map(|line| format!("  {line}\n")).collect(),
        14 => text.replacen('\n', ":", at % 9),
        15 => text.replace("-----\n", "-----").replace("\n-----", "-----"),
        16 => text.replace('\n', "-----\n-----BEGIN "),
        17 => format!("{}{}", &text[at..], &text[..at]),
        18 => text.replacen("RSA PRIVATE KEY", "", 1),
        _ => text.replace('\n', "\n\n "),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(der: Vec<u8>) {
        let text = encode(KEY, &der);
        prop_assert!(text.lines().all(|line| line.len() <= 64));
        let found = blocks(text.as_bytes()).unwrap();
        prop_assert_eq!(found[0].der.as_slice(), der.as_slice());
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
        let _ = blocks(&bytes);
    }

    /// A key whose line breaks had become blanks was shown whole, as the label of its block.
    #[test]
    fn no_damage_to_a_key_file_makes_an_error_show_the_key(
        der in prop::collection::vec(any::<u8>(), 60..400),
        damages in prop::collection::vec((0u8..20, any::<usize>()), 1..4),
    ) {
        let whole = encode(KEY, &der);
        let body = STANDARD.encode(&der);
        let text = damages.into_iter().fold(whole, |text, (kind, at)| damage(kind, at, &text));
        let shown = match blocks(text.as_bytes()) {
            Ok(found) => labels(&found),
            Err(error) => format!("{error} {error:?} {:?}", error.fix(std::path::Path::new("/k"))),
        };
        for body in [&body, &body.to_lowercase(), &body.to_uppercase()] {
            prop_assert_eq!(leak(body, &shown), None, "{}", shown);
        }
    }
}
