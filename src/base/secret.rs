//! A value that must not be seen: it has no Display, its Debug says `***`, and it is wiped from
//! memory when it goes.

use std::fmt;
use zeroize::Zeroize;

/// A secret value. Reading it is always the visible word `expose`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        let secret = Secret::new(String::from("abcdef.0123456789abcdef"));
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "abcdef.0123456789abcdef");
    }
}
