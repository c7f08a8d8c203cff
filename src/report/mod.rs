//! Layer 10: what a run would change or has changed, as values that text and JSON render.
//!
//! `about` recognizes what a file holds, `item` is a change with these facts, `change_list` the list of them, with the
//! texts `summary`, `short` (of `row`s) and `full`; `closing` is the last text of a command, `error_text` what is shown of a
//! failure, `html` the page of a run, `cloud_init` user data for new machines, `paint` are the colours. Reads: nothing. Writes: nothing.

mod about;
pub mod change_list;
pub mod closing;
pub mod cloud_init;
mod difference;
pub mod doctor;
pub mod error_text;
pub mod file_difference;
mod full;
pub mod html;
mod item;
pub mod paint;
mod row;
mod short;
pub mod status;
mod summary;

pub use change_list::ChangeList;
pub use closing::{Closing, count};
pub use paint::Paint;

/// The width that every terminal has.
const WIDTH: usize = 80;

#[cfg(test)]
mod tests;
