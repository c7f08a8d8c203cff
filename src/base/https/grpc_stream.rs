//! gRPC calls that are answered with a stream of messages, each of which is passed on as it comes: an answer may be larger than
//! the memory.

use super::grpc::{LARGEST, answer, framed};
use super::{Answer, Grpc, HttpsError};
use http_body_util::BodyExt;
use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

/// The length of a message's head: a flag and its length.
const HEAD: usize = 5;

impl Grpc {
    /// Calls a method with an encoded message and passes each message of the answer to `take`, until that returns false. No
    /// more than `patience` may pass before the next part comes. The answer's own message is empty.
    pub fn stream(
        &self,
        url: &str,
        message: &[u8],
        patience: Duration,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, HttpsError> {
        let (peer, request) = self.request(url)?;
        let fail = |e| HttpsError::transport(&peer, patience, e);
        let late = || HttpsError::reading(&peer, patience, ErrorKind::TimedOut.into());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| HttpsError::reading(&peer, patience, e))?;
        runtime.block_on(async {
            let sent = tokio::time::timeout(patience, request.body(framed(message)).send()).await;
            let response: http::Response<reqwest::Body> = sent.map_err(|_| late())?.map_err(fail)?.into();
            let headers = response.headers().clone();
            let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !kind.starts_with("application/grpc") {
                return Ok(Answer::NotGrpc);
            }
            let mut body = pin!(response.into_body());
            let mut waiting = Vec::new();
            let mut trailers = http::HeaderMap::new();
            loop {
                let next = tokio::time::timeout(patience, body.frame()).await.map_err(|_| late())?;
                let Some(frame) = next.transpose().map_err(fail)? else { break };
                match frame.into_data() {
                    Ok(data) => waiting.extend_from_slice(&data),
                    Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
                }
                if !pass_on(&mut waiting, take).ok_or_else(|| HttpsError::too_long(&peer, LARGEST as u64))? {
                    return Ok(Answer::Message(Vec::new()));
                }
            }
            if !waiting.is_empty() {
                return Err(HttpsError::reading(&peer, patience, ErrorKind::UnexpectedEof.into()));
            }
            Ok(answer(&headers, &trailers, &[0; HEAD]))
        })
    }
}

/// Takes the complete messages out of what has come. False if no more are wanted, None if one is too large.
fn pass_on(waiting: &mut Vec<u8>, take: &mut dyn FnMut(&[u8]) -> bool) -> Option<bool> {
    let mut start = 0;
    let mut is_wanted = true;
    while is_wanted && let Some(length) = waiting.get(start + 1..start + HEAD).and_then(|bytes| bytes.try_into().ok()) {
        let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= LARGEST)?;
        let Some(message) = waiting.get(start + HEAD..start + HEAD + length) else { break };
        is_wanted = take(message);
        start += HEAD + length;
    }
    waiting.drain(..start);
    Some(is_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_passed_on_when_they_are_complete() {
        let whole = [framed(b"ab"), framed(b""), framed(b"cde")].concat();
        for cut in 0..whole.len() {
            let (mut waiting, mut seen) = (Vec::new(), Vec::new());
            for part in [&whole[..cut], &whole[cut..]] {
                waiting.extend_from_slice(part);
                assert_eq!(
                    pass_on(&mut waiting, &mut |message| {
                        seen.push(message.to_vec());
                        true
                    }),
                    Some(true)
                );
            }
            assert!(waiting.is_empty());
            assert_eq!(seen, [b"ab".to_vec(), Vec::new(), b"cde".to_vec()], "cut at {cut}");
        }
    }

    #[test]
    fn no_message_is_larger_than_the_limit_and_none_is_read_that_is_not_wanted() {
        assert_eq!(pass_on(&mut vec![0, 0xff, 0xff, 0xff, 0xff], &mut |_| true), None);
        let mut waiting = [framed(b"a"), framed(b"b")].concat();
        let mut seen = 0;
        let look = &mut |_: &[u8]| {
            seen += 1;
            false
        };
        assert_eq!(pass_on(&mut waiting, look), Some(false));
        assert_eq!((seen, waiting), (1, framed(b"b")));
    }
}
