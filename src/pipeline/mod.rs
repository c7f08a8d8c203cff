//! Layer 6: the order of phases, independent of what they do. Loads `phases/*.yaml`, selects, skips, plans, runs, describes.

pub mod action;
pub mod describe;
pub mod error;
pub mod plan;
pub mod run;
pub mod spec;
pub mod vocabulary;

pub use action::{Action, Entry, Item, Phase, Registry, Target};
pub use error::PipelineError;
pub use plan::{Plan, Step};
pub use spec::{PhaseList, Workflow};
pub use vocabulary::{Each, When};
