//! The parts of DER that no crate offers: encoding an element, and splitting one without interpreting it.
//!
//! Names of external CAs must be copied into certificates byte for byte, and private keys must lose their PKCS#8
//! wrapper; both only need the boundaries of elements.

/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
#[cfg(any(test, not(feature = "static")))]
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// `UTF8String`.
pub const UTF8_STRING: u8 = 0x0c;
/// `PrintableString`.
pub const PRINTABLE_STRING: u8 = 0x13;

/// One element: tag, content and complete encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    pub tag: u8,
    /// Without tag and length.
    pub content: &'a [u8],
    /// With tag and length.
    pub raw: &'a [u8],
}

/// Encodes `content` as one element.
pub fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if let Ok(short @ 0..=0x7f) = u8::try_from(content.len()) {
        out.push(short);
    } else {
        let length = content.len().to_be_bytes();
        let digits: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
        // A usize has at most eight bytes, so the count fits next to the bit of the long form.
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        out.extend(digits);
    }
    out.extend_from_slice(content);
    out
}

/// The first element of `input` and the remaining bytes; None if `input` does not begin with a complete element of a
/// one-byte tag and a definite length.
pub fn first(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&mark, rest) = rest.split_first()?;
    let (length, rest) = if mark < 0x80 {
        (usize::from(mark), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(mark & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    let (raw, _) = input.split_at_checked(input.len() - after.len())?;
    Some((Element { tag, content, raw }, after))
}

/// The elements of `content`; None if it is something else.
pub fn elements(mut content: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !content.is_empty() {
        let (element, rest) = first(content)?;
        found.push(element);
        content = rest;
    }
    Some(found)
}

/// The elements of the SEQUENCE in `input`; None if `input` is something else.
pub fn sequence(input: &[u8]) -> Option<Vec<Element<'_>>> {
    let (element, rest) = first(input)?;
    if element.tag == SEQUENCE && rest.is_empty() { elements(element.content) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(encode(OCTET_STRING, &[7; 3])[..2], [0x04, 3]);
        assert_eq!(encode(OCTET_STRING, &[7; 0x80])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(encode(OCTET_STRING, &[7; 0x1234])[..4], [0x04, 0x82, 0x12, 0x34]);
    }

    #[test]
    fn truncated_input_is_refused() {
        let whole = encode(SEQUENCE, &encode(OCTET_STRING, &[1]));
        for length in 0..whole.len() {
            assert_eq!(first(&whole[..length]), None, "{length}");
        }
        assert_eq!(first(&[0x30, 0x80, 0, 0]), None, "an indefinite length was accepted");
        assert_eq!(first(&[0x30, 0x85, 1, 0, 0, 0, 0]), None, "a length past 4 GiB was accepted");
    }

    proptest! {
        #[test]
        fn an_element_is_read_as_it_was_written(tag: u8, content: Vec<u8>, after: Vec<u8>) {
            let mut input = encode(tag, &content);
            let raw = input.clone();
            input.extend(&after);
            prop_assert_eq!(first(&input), Some((Element { tag, content: &content, raw: &raw }, after.as_slice())));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let _ = sequence(&bytes);
            let _ = elements(&bytes);
        }
    }
}
