//! Command lines that every login shell understands the same way.
//!
//! sshd gives the line to the user's login shell, whichever that is. Between single quotes sh, csh, tcsh, fish and zsh
//! agree on everything but four characters: the quote itself, the backslash (fish), the exclamation mark and the line
//! break (csh). So a line is `exec /bin/sh -c '…' '…'` without these.

use super::error::SshError;

/// A program on a host with its arguments. Secrets do not belong here but into standard input: command lines are visible
/// to every user of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCommand {
    words: Vec<String>,
}

impl RemoteCommand {
    /// A program (a path, or a name that is found in the usual directories) without arguments.
    pub fn new(program: impl Into<String>) -> Self {
        Self { words: vec![program.into()] }
    }

    /// With a further argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.words.push(arg.into());
        self
    }

    /// With further arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(args.into_iter().map(Into::into));
        self
    }

    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}

/// Directories of programs, whatever PATH the host gives: that of `sudo` often lacks some, and so does that of a user.
pub(super) const PATH: &str =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH; export PATH; LC_ALL=C; export LC_ALL";

/// `exec /bin/sh -c 'SCRIPT' 'ARGUMENT'…`, in which the arguments are `$0`, `$1`, ….
pub(super) fn sh(script: &str, arguments: &[&str]) -> Result<String, SshError> {
    let mut line = "exec /bin/sh -c ".to_owned();
    line += &quoted(script)?;
    for argument in arguments {
        line.push(' ');
        line += &quoted(argument)?;
    }
    Ok(line)
}

/// The word between single quotes.
fn quoted(word: &str) -> Result<String, SshError> {
    match word.chars().find(|c| "'\\!".contains(*c) || c.is_control()) {
        Some(character) => Err(SshError::Unquotable { character, word: crate::base::sanitize::line(word) }),
        None => Ok(format!("'{word}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_never_changed() {
        assert_eq!(sh("echo \"$0\"", &["a b", "$HOME"]).unwrap(), "exec /bin/sh -c 'echo \"$0\"' 'a b' '$HOME'");
    }

    #[test]
    fn what_shells_read_differently_is_refused() {
        for word in ["it's", "a\\b", "a!b", "a\nb", "a\0b"] {
            let error = sh("x", &[word]).unwrap_err();
            assert!(error.to_string().contains("cannot be given to every login shell"), "{error}");
        }
    }
}
