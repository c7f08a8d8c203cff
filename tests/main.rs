//! The one integration-test binary: one link step instead of one per file.
//!
//! What belongs where:
//! - `advice`: all advice that destroys something, and what makes it safe
//! - `certs`: `certs …` on a folder of files: thresholds, renewals that are cut short, external CAs
//! - `circles`: no files of the source tree import each other
//! - `cli`: whole screens: help, results, errors and exit codes
//! - `conventions`: the words of the project
//! - `config`: what `config …` prints and judges, against kubeadm's own output
//! - `hostile`: files, folders and disks that cannot be used: told, and nothing left half
//! - `killed`: killed at any moment, `init` leaves whole files and continues
//! - `last_copy`: advice on a host that may hold the only copy of a cluster
//! - `needs_root`: mounts, disks and files of other users, in mount namespaces: marked `ignore`, and run by `./test` as root
//! - `objects`: the API objects that `init` creates from a recorded case
//! - `phases`: each phase of `init` by itself, dry runs, and runs on what is there
//! - `manual`: generated documents, help screens, completion scripts and manual pages
//! - `support`: running the built binary, comparing with golden files
//! - `preflight`: judging a host below a root folder, and what cannot be asked there
//! - `render`: manifests and kubelet files against kubeadm's own and the real components
//! - `reference`: files and API objects of every recorded case of real kubeadm against ours
//! - `reset`: what is left of a cluster in a root directory
//! - `tidy`: the conventions of the source tree
//! - `transcripts`: what each command prints on a host that is a directory, with its exit code
//! - `docs`: what the documents say is true
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::case_sensitive_file_extension_comparisons)] // The names are ours.

mod advice;
mod certs;
mod circles;
mod cli;
mod config;
mod conventions;
mod docs;
mod hostile;
mod killed;
mod last_copy;
mod manual;
mod needs_root;
mod objects;
mod phases;
mod preflight;
mod reference;
mod render;
mod reset;
mod support;
mod tidy;
mod transcripts;
