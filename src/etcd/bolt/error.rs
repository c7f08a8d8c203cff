//! Why a database file cannot be read.

use std::io;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BoltError {
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    #[error("it is not a database of etcd")]
    NotBolt,
    #[error("it is damaged: {0}")]
    Damaged(String),
}

pub fn damaged<T>(why: impl Into<String>) -> Result<T, BoltError> {
    Err(BoltError::Damaged(why.into()))
}
