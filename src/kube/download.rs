//! Downloads a file from an HTTPS address.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::{Https, HttpsError, Options};
use http::Request;
use std::time::Duration;

/// For a slow link: 16 MB at one Mbit/s.
const LIMIT: Duration = Duration::from_mins(2);

/// A file cannot be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("cannot download {url}")]
    Unreachable { url: String, source: HttpsError },
    #[error("cannot download {url}: the server answered {status}")]
    Status { url: String, status: u16 },
    #[error("{url} is not an address")]
    NotAnAddress { url: String },
}

impl Fault for DownloadError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unreachable { source, .. } => source.exit_code(),
            Self::Status { .. } => ExitCode::Unreachable,
            Self::NotAnAddress { .. } => ExitCode::Input,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { source, .. } => return source.hint(),
            Self::Status { url, .. } => format!("run 'curl -fL {url}' to see what the server says"),
            Self::NotAnAddress { .. } => "write it as https://HOST/PATH#sha256=DIGEST".into(),
        })
    }
    fn retryable(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.retryable())
    }
}

/// Downloads a file from an HTTPS address, which messages give as `shown`.
pub fn download(url: &str, shown: &str, options: Options) -> Result<Vec<u8>, DownloadError> {
    let request = Request::get(url).body(Vec::new()).map_err(|_| DownloadError::NotAnAddress { url: shown.into() })?;
    let unreachable = |source| DownloadError::Unreachable { url: shown.into(), source };
    let answer = Https::new(options).and_then(|https| https.send(request, LIMIT)).map_err(unreachable)?;
    let status = answer.status();
    if status.is_success() {
        Ok(answer.into_body())
    } else {
        Err(DownloadError::Status { url: shown.into(), status: status.as_u16() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::Trust;
    use crate::base::https::test_server::{TestCa, TestServer};

    #[test]
    fn only_a_whole_file_of_a_limited_size_is_taken() {
        let ca = TestCa::new("web");
        let server = TestServer::start(&ca.local_leaf(), None, |request| match request.path.as_str() {
            "/net.yaml" => (200, "kind: DaemonSet".into()),
            "/long.yaml" => (200, "x".repeat(100)),
            _ => (404, "kind: DaemonSet".into()),
        });
        let get = |path: &str| {
            let options = Options { longest: 50, ..Options::new(Trust::Only(ca.pem())) };
            download(&format!("{}{path}", server.url()), "shown", options)
        };
        assert_eq!(get("/net.yaml").unwrap(), b"kind: DaemonSet");
        assert!(matches!(get("/none").unwrap_err(), DownloadError::Status { status: 404, .. }));
        assert!(matches!(get("/long.yaml").unwrap_err(), DownloadError::Unreachable { .. }));
    }
}
