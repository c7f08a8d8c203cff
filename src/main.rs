//! The kubewright command: hands the process to the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubewright::run(kubewright::base::env::Env::of_process()).into()
}
