//! An archive in the formats of `tar` and `gzip`, for files that people pass on.
//!
//! Writes: nothing; the caller gets the bytes.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io;
use tar::{Builder, Header};

/// The bytes of a `.tar.gz` with these files, each with mode 0600 and the time `at`, in seconds since the epoch.
pub fn archive(files: &[(String, Vec<u8>)], at: i64) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, content) in files {
        let mut header = Header::new_ustar();
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        header.set_mtime(u64::try_from(at).unwrap_or_default());
        tar.append_data(&mut header, name, content.as_slice())?;
    }
    tar.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn files_are_read_back_whole_with_their_mode_and_time() {
        let content: Vec<u8> = (0..200_000u32).map(|number| number.to_le_bytes()[0]).collect();
        let bytes = archive(&[("a.txt".into(), content.clone()), ("d/b.txt".into(), Vec::new())], 1).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(bytes.as_slice()));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = Vec::new();
            entry.read_to_end(&mut text).unwrap();
            let header = entry.header();
            assert_eq!((header.mode().unwrap(), header.mtime().unwrap()), (0o600, 1));
            assert_eq!(&header.as_bytes()[257..262], b"ustar");
            found.push((entry.path().unwrap().display().to_string(), text));
        }
        assert_eq!(found, [("a.txt".to_owned(), content), ("d/b.txt".to_owned(), Vec::new())]);
    }
}
