//! A value that must not be displayed: it does not implement Display, its Debug output is `***`, and it is zeroed in
//! memory when dropped.

use std::fmt;
use zeroize::Zeroize;

/// A secret value. Reading it always takes the visible call `expose`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the code that needs it.
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
