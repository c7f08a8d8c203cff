//! Writes a result to standard output. A result that is lost, because the disk is full for example, is an error.

use super::exit_code::ExitCode;
use super::fault::Fault;
use std::io::{self, Write};

/// A result could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result to standard output; what the command did is done")]
pub struct OutputError(#[source] io::Error);

impl Fault for OutputError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }

    fn hint(&self) -> Option<String> {
        Some(match self.0.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free disk space (run 'df -h .'), or write to another file system".into()
            }
            _ => "write to another file or to a terminal".into(),
        })
    }
}

/// Writes all of it at once. A reader that closed the pipe, as `head` does, has read what it wanted.
pub fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), OutputError> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OutputError(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn only_a_closed_pipe_is_forgiven() {
        write(&mut Failing(io::ErrorKind::BrokenPipe), b"x").unwrap();
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::PermissionDenied, io::ErrorKind::Other] {
            let error = write(&mut Failing(kind), b"x").unwrap_err();
            assert!(error.hint().is_some() && error.exit_code() == ExitCode::Input);
        }
    }
}
