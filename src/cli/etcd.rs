//! `etcd`: snapshots of its data, and the recovery from a lost majority.

mod recover;
mod restore;
mod save;
mod status;
mod undo;

use super::args::etcd::{EtcdCommand, SnapshotCommand};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;

pub fn run(command: EtcdCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        EtcdCommand::Recover(args) => recover::run(args, session),
        EtcdCommand::Snapshot(SnapshotCommand::Save(args)) => save::run(&args, session),
        EtcdCommand::Snapshot(SnapshotCommand::Restore(args)) => restore::run(args, session),
        EtcdCommand::Snapshot(SnapshotCommand::Status(args)) => status::run(&args, session),
    }
}
