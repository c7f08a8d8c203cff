//! Judges single values: pure functions from text to a typed value or a complaint.
//!
//! The same functions serve flags and fields, so both are held to the same rules: those of kubeadm's
//! `apis/kubeadm/validation/validation.go`, and some that kubeadm leaves to the components to trip over.

pub mod choice;
pub mod duration;
pub mod endpoint;
pub mod image;
pub mod name;
pub mod net;
pub mod path;
pub mod subnets;
pub mod token;
pub mod version;

use super::problem::Complaint;

/// A typed value, or what is wrong with the text.
pub type Judged<T> = Result<T, Complaint>;
