//! Validates single values: pure functions from text to a typed value or an error.
//!
//! The same functions serve flags and fields. The rules are those of kubeadm's `apis/kubeadm/validation/validation.go`,
//! plus some that kubeadm leaves to the components.

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

/// A typed value, or the error in the text.
pub type Validated<T> = Result<T, Complaint>;
