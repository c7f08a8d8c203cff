//! Forms of private keys. Those that log in are tried with a real sshd (tests/ssh).

use super::*;

fn why(text: &str) -> String {
    sniff(text).unwrap_err()
}

#[test]
fn forms_and_encryption_are_recognised() {
    let pem = |label: &str, head: &str| format!("-----BEGIN {label}-----\n{head}AAAA\n-----END {label}-----\n");
    assert_eq!(sniff(&pem("PRIVATE KEY", "")).unwrap(), (false, None));
    assert_eq!(sniff(&pem("ENCRYPTED PRIVATE KEY", "")).unwrap(), (true, None));
    assert_eq!(sniff(&pem("RSA PRIVATE KEY", "")).unwrap(), (false, None));
    assert_eq!(sniff(&pem("EC PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n")).unwrap(), (true, None));
    assert!(why("PuTTY-User-Key-File-3: x").contains("PuTTY"));
    assert!(why(&pem("CERTIFICATE", "")).contains("certificate"));
    assert!(why(&pem("DSA PRIVATE KEY", "")).contains("DSA"));
    assert!(why("hello").contains("does not start with"));
    assert_eq!(why(&pem("OPENSSH PRIVATE KEY", "")), "the file is damaged");
}

#[test]
fn the_public_key_of_a_file_of_openssh_is_read_and_tokens_are_named() {
    let file = |kind: &str, cipher: &str| {
        let field = |bytes: &[u8]| [u32::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), bytes].concat();
        let public = field(kind.as_bytes());
        let body = [
            b"openssh-key-v1\0".to_vec(),
            field(cipher.as_bytes()),
            field(b"bcrypt"),
            field(b""),
            vec![0, 0, 0, 1],
            field(&public),
        ];
        (
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
                STANDARD.encode(body.concat())
            ),
            public,
        )
    };
    let (text, public) = file("ssh-ed25519", "aes256-ctr");
    assert_eq!(sniff(&text).unwrap(), (true, Some(public)));
    assert!(!sniff(&file("ssh-ed25519", "none").0).unwrap().0);
    assert!(why(&file("sk-ssh-ed25519@openssh.com", "none").0).contains("hardware token"));
    for end in 0..text.len() {
        // Damaged in any way, it is refused and never a panic.
        let _ = sniff(&text[..end]);
    }
}

#[test]
fn a_file_that_is_missing_is_none_and_a_large_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(KeyFile::read(&dir.path().join("none")).unwrap().is_none());
    let large = dir.path().join("large");
    std::fs::write(&large, vec![b'x'; usize::try_from(LONGEST).unwrap() + 1]).unwrap();
    assert!(KeyFile::read(&large).unwrap_err().to_string().contains("larger than"));
    assert!(KeyFile::read(dir.path()).is_err());
}
