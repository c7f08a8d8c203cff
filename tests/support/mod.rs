//! What the tests stand on.

#![allow(dead_code)] // What a test can say, whether or not one says it now.

pub mod golden;
pub mod run;
pub mod tree;
pub mod whole;
