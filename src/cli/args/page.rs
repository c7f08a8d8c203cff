//! The flag `--report`, which several commands have.

use clap::Args;
use std::path::PathBuf;

/// The page of a run.
#[derive(Clone, Debug, Default, Args)]
pub struct PageArgs {
    /// Also write a report to FILE: one HTML page without secrets, which shows what happened; it is written on failure too
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}
