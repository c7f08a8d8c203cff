//! The one integration-test binary: one link step instead of one per file.
//!
//! What belongs where:
//! - `support`: running the built binary, comparing with golden files
//! - `tidy`: the conventions of the source tree
//! - `docs`: what the documents say is true
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod docs;
mod support;
mod tidy;
