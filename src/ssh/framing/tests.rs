//! Conversations with hosts that print what they like, in pieces of any size.

use super::*;
use crate::base::env::Random;
use crate::ssh::error::SudoError;

#[derive(Default)]
struct Kept(Vec<u8>, Vec<u8>);

impl Sink for Kept {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        match stream {
            Stream::Stdout => self.0.extend_from_slice(bytes),
            Stream::Stderr => self.1.extend_from_slice(bytes),
        }
        ControlFlow::Continue(())
    }
}

fn markers() -> Markers {
    Markers::new(&Random::seeded(1)).unwrap()
}

/// What would be written now.
fn said(framed: &mut Framed<'_>) -> String {
    match framed.next() {
        Say::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Say::Nothing => "nothing".into(),
        Say::End => "end".into(),
    }
}

#[test]
fn output_begins_behind_the_marker_however_it_is_cut() {
    let markers = markers();
    let whole = [b"noise\n".as_slice(), &markers.start_line(), b"out\nput"].concat();
    for size in [1, 2, 7, whole.len()] {
        let mut kept = Kept::default();
        let mut framed = Framed::new(&markers, None, b"in", &mut kept, 100);
        for piece in whole.chunks(size) {
            assert!(framed.heard(Stream::Stdout, piece).unwrap().is_continue());
        }
        assert_eq!(said(&mut framed), "in");
        framed.said(2);
        assert_eq!(said(&mut framed), "end");
        assert_eq!(framed.end(Ok(Exit::Code(3)), None, "u").unwrap(), Exit::Code(3));
        assert_eq!(kept.0, b"out\nput");
    }
}

#[test]
fn nothing_is_sent_before_the_command_has_started() {
    let markers = markers();
    let mut kept = Kept::default();
    let mut framed = Framed::new(&markers, None, b"secret", &mut kept, 100);
    let echo = markers.announcement();
    for text in ["", "password: ", echo.as_str(), "\n"] {
        assert!(framed.heard(Stream::Stdout, text.as_bytes()).unwrap().is_continue());
        assert_eq!(said(&mut framed), "nothing");
    }
    let error = framed.end(Ok(Exit::Code(1)), None, "u").unwrap_err();
    assert!(matches!(error, SshError::NoShell { .. }), "{error}");
}

#[test]
fn a_password_follows_its_prompt_only_and_only_once() {
    let markers = markers();
    let password = Secret::new("pw".to_owned());
    let prompt = markers.prompt_text();
    let mut kept = Kept::default();
    let mut framed = Framed::new(&markers, Some(&password), b"in", &mut kept, 100);
    let _ = framed.heard(Stream::Stderr, markers.prompt_word().as_bytes()).unwrap();
    assert_eq!(said(&mut framed), "nothing");
    let _ = framed.heard(Stream::Stderr, &prompt[..5]).unwrap();
    assert_eq!(said(&mut framed), "nothing");
    let _ = framed.heard(Stream::Stderr, &prompt[5..]).unwrap();
    assert_eq!(said(&mut framed), "pw\n");
    framed.said(1);
    assert_eq!(said(&mut framed), "w\n");
    framed.said(2);
    assert_eq!(said(&mut framed), "nothing");
    let _ = framed.heard(Stream::Stderr, b"Sorry, try again.\n").unwrap();
    let _ = framed.heard(Stream::Stderr, &prompt).unwrap();
    assert_eq!(said(&mut framed), "end");
    let error = framed.end(Ok(Exit::Code(1)), Some(Way::SudoPassword), "u").unwrap_err();
    assert!(matches!(error, SshError::Sudo(SudoError::WrongPassword { .. })), "{error}");
}

#[test]
fn a_command_that_starts_without_a_prompt_does_not_get_the_password() {
    let markers = markers();
    let password = Secret::new("pw".to_owned());
    let mut kept = Kept::default();
    let mut framed = Framed::new(&markers, Some(&password), b"in", &mut kept, 100);
    let _ = framed.heard(Stream::Stdout, &markers.start_line()).unwrap();
    assert_eq!(said(&mut framed), "in");
}

#[test]
fn noise_and_output_have_limits_of_their_own() {
    let markers = markers();
    let mut kept = Kept::default();
    let mut framed = Framed::new(&markers, None, b"", &mut kept, 10);
    assert!(framed.heard(Stream::Stderr, &vec![b'x'; NOISE]).unwrap().is_continue());
    assert!(framed.heard(Stream::Stderr, b"xx").unwrap().is_break());
    assert!(matches!(framed.end(Ok(Exit::Stopped), None, "u"), Err(SshError::Noise { .. })));

    let mut framed = Framed::new(&markers, None, b"", &mut kept, 10);
    let _ = framed.heard(Stream::Stdout, &markers.start_line()).unwrap();
    assert!(framed.heard(Stream::Stdout, b"0123456789").unwrap().is_continue());
    assert!(framed.heard(Stream::Stdout, b"x").unwrap().is_break());
    assert!(matches!(framed.end(Ok(Exit::Stopped), None, "u"), Err(SshError::Output { limit: 10 })));
}

#[test]
fn a_host_that_does_nothing_is_given_up() {
    let markers = markers();
    let mut kept = Kept::default();
    let mut framed = Framed::new(&markers, None, b"", &mut kept, 10);
    assert!((0..=PATIENCE).any(|_| framed.idle().is_break()));
    let error = framed.end(Ok(Exit::Stopped), None, "u").unwrap_err();
    assert_eq!(error.to_string(), "u cannot run commands: instead of the command, nothing happened for a minute");
}
