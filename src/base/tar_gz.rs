//! A small archive in the format of `tar` and `gzip`, for files that people pass on. Nothing is compressed, which every reader
//! accepts.
//!
//! Writes: nothing; the caller gets the bytes.

/// The size of a block of an archive.
const BLOCK: usize = 512;
/// The longest name in a header.
const LONGEST: usize = 100;
/// The largest part of a stream that is not compressed.
const STORED: usize = 0xffff;

/// The bytes of a `.tar.gz` with these files, each with mode 0600 and the time `at`, in seconds since the epoch.
pub fn archive(files: &[(String, Vec<u8>)], at: i64) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        tar.extend(header(name, content.len(), at));
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    gzip(&tar)
}

/// A header of the `ustar` format (POSIX.1-1988).
fn header(name: &str, length: usize, at: i64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |place: usize, bytes: &[u8]| {
        header.iter_mut().skip(place).zip(bytes).for_each(|(to, from)| *to = *from);
    };
    let name: String = name.chars().take(LONGEST).filter(char::is_ascii).collect();
    put(0, name.as_bytes());
    put(100, b"0000600\x000000000\x000000000\x00");
    put(124, format!("{length:011o}\x00").as_bytes());
    put(136, format!("{:011o}\x00", at.max(0)).as_bytes());
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\x00 ");
    header.iter_mut().skip(148).zip(sum.as_bytes()).for_each(|(to, from)| *to = *from);
    header
}

/// The gzip format (RFC 1952) with stored blocks (RFC 1951, section 3.2.4).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut parts = bytes.chunks(STORED).peekable();
    while let Some(part) = parts.next() {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        out.push(u8::from(parts.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(part);
    }
    out.extend(crc32(bytes).to_le_bytes());
    let length = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or_default();
    out.extend(length.to_le_bytes());
    out
}

/// CRC-32 as in gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (start, entry) in (0u32..).zip(table.iter_mut()) {
        *entry = (0..8).fold(start, |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 });
    }
    let step = |sum: u32, byte: &u8| {
        let at = usize::from((sum ^ u32::from(*byte)).to_le_bytes()[0]);
        table.get(at).copied().unwrap_or_default() ^ (sum >> 8)
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn long_content_is_in_several_blocks_and_whole() {
        let content = vec![7u8; 200_000];
        let bytes = archive(&[("a.txt".into(), content.clone())], 1);
        // The blocks without their heads are the archive.
        let mut rest = &bytes[10..bytes.len() - 8];
        let mut tar = Vec::new();
        loop {
            let length = usize::from(u16::from_le_bytes([rest[1], rest[2]]));
            tar.extend(&rest[5..5 + length]);
            let is_last = rest[0] == 1;
            rest = &rest[5 + length..];
            if is_last {
                break;
            }
        }
        assert!(rest.is_empty());
        assert_eq!(&tar[BLOCK..BLOCK + content.len()], content.as_slice());
        assert_eq!((&tar[..5], &tar[257..262]), (b"a.txt".as_slice(), b"ustar".as_slice()));
        assert_eq!(tar.len() % BLOCK, 0);
    }
}
