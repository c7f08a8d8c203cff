//! Whether a host can be reached, whatever its service does: a process that starts accepts connections before it answers.

use reqwest::Url;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

/// True if the host in `url` accepts a connection or refuses it, each of its addresses asked for at most `limit`.
pub fn is_reachable(url: &str, limit: Duration) -> bool {
    let addresses = Url::parse(url).ok().and_then(|url| url.socket_addrs(|| None).ok()).unwrap_or_default();
    addresses.iter().any(|address| match TcpStream::connect_timeout(address, limit) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestServer, dead_address};

    #[test]
    fn a_host_that_refuses_or_says_nothing_is_reachable() {
        let limit = Duration::from_secs(1);
        assert!(is_reachable(&format!("https://{}", dead_address()), limit));
        let silent = TestServer::start_raw(drop);
        assert!(is_reachable(&silent.url(), limit));
        assert!(!is_reachable("https://no-such-host.invalid:2379", limit) && !is_reachable("nonsense", limit));
    }
}
