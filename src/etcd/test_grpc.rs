//! A gRPC server without TLS for tests: it answers each method with the messages and the status that the test gives.

use h2::server;
use http::{HeaderMap, Response};
use prost::Message;
use prost::bytes::Bytes;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;

/// The messages of an answer, and its status.
pub(crate) type Answer = (Vec<Vec<u8>>, u32);

/// Serves until the process exits.
pub(crate) struct GrpcServer {
    address: SocketAddr,
}

impl GrpcServer {
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(move |path, _| answer(path))
    }

    /// The answer depends on the message too.
    pub(crate) fn start_with(answer: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let answer: Arc<Answers> = Arc::new(answer);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&answer)));
                }
            });
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

type Respond = server::SendResponse<Bytes>;
type Answers = dyn Fn(&str, &[u8]) -> Answer + Send + Sync;

async fn serve(stream: tokio::net::TcpStream, answer: Arc<Answers>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        // Its body comes while the connection is driven.
        tokio::spawn(respond_to(request, respond, Arc::clone(&answer)));
    }
}

async fn respond_to(request: http::Request<h2::RecvStream>, mut respond: Respond, answer: Arc<Answers>) {
    let (head, mut body) = request.into_parts();
    let mut message = Vec::new();
    while let Some(Ok(part)) = body.data().await {
        message.extend_from_slice(&part);
    }
    let (messages, status) = answer(head.uri.path(), message.get(5..).unwrap_or_default());
    let response = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut stream = respond.send_response(response, false).unwrap();
    for message in messages {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        stream.send_data(Bytes::from([&[0], length.as_slice(), &message].concat()), false).unwrap();
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.to_string().parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}

#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(uint64, tag = "2")]
    remaining: u64,
    #[prost(bytes = "vec", tag = "3")]
    blob: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(uint64, tag = "2")]
    member: u64,
    #[prost(int64, tag = "3")]
    revision: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(string, tag = "2")]
    version: String,
    #[prost(int64, tag = "3")]
    size: i64,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Members {
    #[prost(message, repeated, tag = "2")]
    members: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
}

/// The list of these members, with ids from 1 on.
pub(crate) fn members(names: &[&str]) -> Vec<u8> {
    let member = |(nth, name): (usize, &&str)| Named { id: nth as u64 + 1, name: (*name).into() };
    Members { members: names.iter().enumerate().map(member).collect() }.encode_to_vec()
}

/// The status of the healthy member 1 with a database of this size.
pub(crate) fn status(size: usize) -> Vec<u8> {
    status_at(size, 0)
}

/// The same with its newest revision.
pub(crate) fn status_at(size: usize, revision: u64) -> Vec<u8> {
    Status {
        header: Some(Header { member: 1, revision: i64::try_from(revision).unwrap() }),
        version: "3.4.23".into(),
        size: i64::try_from(size).unwrap(),
        leader: 1,
    }
    .encode_to_vec()
}

/// The messages with which etcd sends a database.
pub(crate) fn snapshot(database: &[u8]) -> Vec<Vec<u8>> {
    let mut left = database.len() as u64;
    let mut messages: Vec<Vec<u8>> = database
        .chunks(32 << 10)
        .map(|blob| {
            left -= blob.len() as u64;
            Part { remaining: left, blob: blob.to_vec() }.encode_to_vec()
        })
        .collect();
    messages.push(Part { remaining: 0, blob: Sha256::digest(database).to_vec() }.encode_to_vec());
    messages
}
