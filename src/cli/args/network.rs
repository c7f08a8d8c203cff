//! The command `network`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `network`.
#[derive(Clone, Debug, Subcommand)]
pub enum NetworkCommand {
    /// Test whether the Pod network carries traffic, and name the cause if it does not
    #[command(after_help = TEST_HELP)]
    Test(TestArgs),
    /// What the Pods of a test run
    #[command(subcommand, hide = true)]
    Agent(AgentCommand),
}

const TEST_HELP: &str = "\
Starts up to three Pods on each node, in a namespace of its own, which is removed at the end: Pods ask each other by TCP and UDP, with \
little data and with full packets, and Services, DNS and the API; nodes ask Pods. What fails and what passes shows the cause. \
With more than 20 nodes, two of them are tested; name those that matter with --nodes.

No image is pulled: the Pods run this program, which has to be installed on the nodes as one static file, in an image that they have. \
They have no rights in the cluster or on the host. An interrupted test cleans up; what a killed one left is removed by the next.

Exits with 0 if everything passes, with 11 if a node could not be tested or for a warning, and with 7 if traffic does not pass.";

/// Flags of `network test`.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// kubeconfig of the cluster [default: KUBECONFIG, ~/.kube/config, the administrator's of this host]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Nodes to test [default: all, or two of more than 20]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub nodes: Vec<String>,
    /// Where kubewright is installed on the nodes
    #[arg(long, value_name = "PATH", default_value = "/usr/bin/kubewright", value_parser = binary)]
    pub binary: PathBuf,
    /// How long Pods may take to start, and to end
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = timeout)]
    pub timeout: u64,
}

fn binary(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_file = path.is_absolute() && path.file_name().is_some() && !text.contains("..");
    if is_file { Ok(path) } else { Err("give the absolute path of a file".into()) }
}

fn timeout(text: &str) -> Result<u64, String> {
    let seconds = super::certs::seconds(text).ok().and_then(|seconds| u64::try_from(seconds).ok());
    seconds.filter(|seconds| (5..=1800).contains(seconds)).ok_or_else(|| "give a time from 5s to 30m".into())
}

/// What a Pod does.
#[derive(Clone, Debug, Subcommand)]
pub enum AgentCommand {
    /// Answer others for a time
    Serve(ServeArgs),
    /// Ask, and print the answers
    Ask(AskArgs),
}

/// Flags of `network agent serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// How long
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=7200))]
    pub seconds: u64,
}

/// Arguments of `network agent ask`.
#[derive(Clone, Debug, Args)]
pub struct AskArgs {
    /// The questions, as JSON
    pub questions: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_times_are_checked() {
        assert_eq!(binary("/opt/kubewright").unwrap(), PathBuf::from("/opt/kubewright"));
        for text in ["kubewright", "/", "", "/opt/../etc/passwd"] {
            assert!(binary(text).is_err(), "{text}");
        }
        assert_eq!(timeout("90s"), Ok(90));
        for text in ["0s", "4s", "31m", "-5s", "soon"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
