//! Connections to real sshd on this machine.
//!
//! - `check`: `ssh check`, its messages and exit codes
//! - `commands`: Dropbear instead of OpenSSH
//! - `engine`: commands, uploads and jump hosts by the library
//! - `users`: other login shells, sudo and doas, as users of a mount namespace
//! - `server`: starts sshd
//! - `parsers`: whatever the files of OpenSSH contain, they are read or refused

mod parsers;
pub mod server;

mod needs_dropbear {
    mod commands;
}

mod needs_sshd {
    mod check;
    mod engine;
    mod jumps;
    mod login;
}

mod needs_users {
    mod shells;
    mod sudo;
    mod upload;
}
