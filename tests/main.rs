//! The one integration-test binary: one link step instead of one per file.
//!
//! What belongs where:
//! - `advice`: all hints that destroy something, and what makes them safe
//! - `certs`: `certs …` on a directory of files: thresholds, interrupted renewals, external CAs
//! - `chains`: certificates that clients reject and CAs that may not sign
//! - `circles`: no files of the source tree import each other
//! - `cli`: whole screens: help, results, errors and exit codes
//! - `conventions`: the words of the project
//! - `config`: the output and validation of `config …`, compared with kubeadm's own output
//! - `fleet`: the hosts of a cluster in a file, and what runs on each of them
//! - `hostile`: unusable files, directories and disks: reported, and nothing partially written
//! - `killed`: killed at any time, `init` leaves complete files and continues
//! - `last_copy`: hints on a host that may have the only copy of a cluster
//! - `needs_root`: mounts, disks and files of other users, in mount namespaces: marked `ignore`, and run by `./test`
//!   as root
//! - `objects`: the API objects that `init` creates from a recorded case
//! - `packages`: what packages contain, and the workflow that builds them
//! - `pages`: the HTML page of `--report`, also in a real browser, which is marked `ignore` like what needs root
//! - `phases`: each phase of `init` by itself, dry runs, and runs with existing files
//! - `manual`: generated documents, help screens, completion scripts and manual pages
//! - `support`: running the built binary, comparing with golden files
//! - `preflight`: checks of a host in a root directory, and checks that cannot be made there
//! - `render`: manifests and kubelet files compared with kubeadm's own and the real components
//! - `reference`: files and API objects of every recorded case of real kubeadm compared with ours
//! - `reset`: leftovers of a cluster in a root directory
//! - `secrets`: nothing that a command prints, logs or records has a secret, whatever is damaged
//! - `ssh`: connections to real sshd on this machine
//! - `status`: `status` and `doctor` without an API, and the archive for others
//! - `tidy`: the conventions of the source tree
//! - `transcripts`: the output of each command on a host that is a directory, with its exit code
//! - `docs`: what the documents say is true
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::case_sensitive_file_extension_comparisons)] // The names are ours.

mod advice;
mod certs;
mod chains;
mod circles;
mod cli;
mod config;
mod conventions;
mod docs;
mod fleet;
mod hostile;
mod killed;
mod last_copy;
mod manual;
mod needs_root;
mod objects;
mod packages;
mod pages;
mod phases;
mod preflight;
mod reference;
mod render;
mod reset;
mod secrets;
mod ssh;
mod status;
mod support;
mod tidy;
mod transcripts;
