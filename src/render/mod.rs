//! Layer 2: from what is meant to text: static Pods, kubelet files, API objects, and patches on them.
//!
//! Everything here is a pure function of its arguments. Who calls it reads the world before and
//! writes the files after.

pub mod engine;
pub mod objects;
pub mod scalar;
