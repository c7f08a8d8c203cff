//! The commands with `--report`.

use super::args::Command;
use super::args::certs::{CertsCommand, RotateCommand};
use super::args::upgrade::UpgradeCommand;
use std::path::Path;

/// The file for the report of this command, and its name for the title.
pub fn of(command: &Command) -> Option<(&'static str, &Path)> {
    let (name, page) = match command {
        Command::Init(args) => ("init", &args.page),
        Command::Join(args) => ("join", &args.page),
        Command::Status(args) => ("status", &args.page),
        Command::Apply(args) => ("apply", &args.page),
        Command::Upgrade(UpgradeCommand::Apply(args)) => ("upgrade apply", &args.shared.page),
        Command::Upgrade(UpgradeCommand::Node(args)) => ("upgrade node", &args.shared.page),
        Command::Certs(CertsCommand::Renew(args)) => ("certs renew", &args.page),
        Command::Certs(CertsCommand::RotateCa(RotateCommand::Trust(args))) => {
            ("certs rotate-ca trust", &args.stage.page)
        }
        Command::Certs(CertsCommand::RotateCa(RotateCommand::Reissue(args))) => {
            ("certs rotate-ca reissue", &args.stage.page)
        }
        Command::Certs(CertsCommand::RotateCa(RotateCommand::Drop(args))) => ("certs rotate-ca drop", &args.stage.page),
        _ => return None,
    };
    page.report.as_deref().map(|path| (name, path))
}
