//! One gRPC call over a unix socket: HTTP/2 with a five-byte frame around each message.
//!
//! Reads and writes the socket only. Asynchronous code stays inside this module.

use h2::client::SendRequest;
use http::{HeaderMap, Request};
use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;

/// gRPC status codes that are handled separately.
pub const NOT_FOUND: u32 = 5;
pub const UNIMPLEMENTED: u32 = 12;
pub const UNAVAILABLE: u32 = 14;

/// The limit of the CRI's own clients.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing listens on the socket, or access is denied.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The peer is not a gRPC server, or closed the connection.
    #[error("{0}")]
    Protocol(String),
    /// The runtime returned an error.
    #[error("{message}")]
    Status {
        /// The gRPC code.
        code: u32,
        /// The message of the runtime.
        message: String,
    },
    /// The call timed out.
    #[error("no response within {0:?}")]
    TimedOut(Duration),
}

impl CallError {
    /// True if the runtime accepts connections and is not ready for calls yet: containerd loads its CRI service after that.
    pub(super) fn is_of_a_start(&self) -> bool {
        matches!(self, Self::Status { message, .. } if message.contains("not initialized"))
    }
}

impl From<h2::Error> for CallError {
    fn from(error: h2::Error) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// Sends one message to `method` (`/runtime.v1.RuntimeService/Version`) and returns the response.
pub fn call<A: Message + Default>(
    socket: &Path,
    method: &str,
    message: &impl Message,
    limit: Duration,
) -> Result<A, CallError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CallError::Protocol(format!("cannot start the call: {e}")))?;
    let body = frame(message);
    let answer = runtime.block_on(async {
        tokio::time::timeout(limit, exchange(socket, method, body)).await.unwrap_or(Err(CallError::TimedOut(limit)))
    })?;
    decode(&answer)
}

/// The message in a response: one frame, not compressed.
pub fn decode<A: Message + Default>(response: &Bytes) -> Result<A, CallError> {
    A::decode(unframe(response)?).map_err(|e| CallError::Protocol(format!("cannot decode the response: {e}")))
}

async fn exchange(socket: &Path, method: &str, body: Bytes) -> Result<Bytes, CallError> {
    let stream = UnixStream::connect(socket).await.map_err(CallError::Connect)?;
    let (sender, connection) = h2::client::handshake(stream).await?;
    // The connection's own errors reach the request that waits on it.
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    let answer = ask(sender, method, body).await;
    driver.abort();
    answer
}

async fn ask(sender: SendRequest<Bytes>, method: &str, body: Bytes) -> Result<Bytes, CallError> {
    let mut sender = sender.ready().await?;
    let request = Request::post(format!("http://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .map_err(|e| CallError::Protocol(e.to_string()))?;
    let (answer, mut stream) = sender.send_request(request, false)?;
    stream.send_data(body, true)?;
    let (head, mut body) = answer.await?.into_parts();
    if head.status != http::StatusCode::OK {
        return Err(CallError::Protocol(format!("the response is HTTP {}, not gRPC", head.status)));
    }
    // A call that fails immediately has its status in the headers.
    if let Some(error) = failure(&head.headers) {
        return Err(error);
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if bytes.len() + chunk.len() > LARGEST_MESSAGE {
            return Err(CallError::Protocol(format!("the response is larger than {LARGEST_MESSAGE} bytes")));
        }
        bytes.put(chunk);
    }
    if let Some(trailers) = body.trailers().await?
        && let Some(error) = failure(&trailers)
    {
        return Err(error);
    }
    Ok(bytes.freeze())
}

/// The status in these headers, if it exists and is not "OK".
fn failure(headers: &HeaderMap) -> Option<CallError> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse::<u32>().unwrap_or(2);
    let message = headers.get("grpc-message").map(|value| percent_decoded(value.as_bytes())).unwrap_or_default();
    (code != 0).then_some(CallError::Status { code, message })
}

/// A message and its frame: not compressed, length in network order.
pub fn frame(message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::with_capacity(5 + message.encoded_len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.encoded_len()).unwrap_or(u32::MAX));
    bytes.put_slice(&message.encode_to_vec());
    bytes.freeze()
}

fn unframe(bytes: &Bytes) -> Result<Bytes, CallError> {
    let broken = |why: &str| CallError::Protocol(format!("the response is malformed: {why}"));
    let (Some(&flag), Some(length)) = (bytes.first(), bytes.get(1..5)) else {
        return Err(broken("it is shorter than its frame"));
    };
    if flag != 0 {
        return Err(broken("it is compressed, which was not requested"));
    }
    let length = length.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
    if bytes.len() != 5 + length {
        return Err(broken("its length differs from its header"));
    }
    Ok(bytes.slice(5..))
}

/// gRPC writes what is not printable ASCII as `%XX`.
fn percent_decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let (b'%', Some(byte)) = (first, code) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_runtime_are_decoded() {
        assert_eq!(percent_decoded(b"50%25 of %22x%22 %zz%"), "50% of \"x\" %zz%");
    }

    #[test]
    fn broken_frames_are_refused() {
        for bytes in [&b""[..], b"\0\0\0", b"\0\0\0\0\x05abc", b"\x01\0\0\0\x01a"] {
            assert!(unframe(&Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
        }
        assert_eq!(unframe(&Bytes::from_static(b"\0\0\0\0\x01a")).unwrap(), "a");
    }
}
