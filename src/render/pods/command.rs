//! The command line of a component: our flags and the user's.

use crate::config::model::Arg;

/// The flag `--name=value`.
pub(crate) fn arg(name: &str, value: &str) -> Arg {
    Arg { name: name.to_owned(), value: value.to_owned() }
}

/// The value that the component uses for a flag: the last one given.
pub(crate) fn last_value<'a>(args: &'a [Arg], name: &str) -> Option<&'a str> {
    args.iter().rev().find(|a| a.name == name).map(|a| a.value.as_str())
}

/// `--name=value` words: a default is dropped if the user sets the same flag, however often. The user's flags follow in
/// the given order if `extra_last`; otherwise everything is sorted.
pub(crate) fn words(mut defaults: Vec<Arg>, extra: &[Arg], extra_last: bool) -> Vec<String> {
    defaults.retain(|default| last_value(extra, &default.name).is_none());
    if !extra_last {
        defaults.extend_from_slice(extra);
    }
    defaults.sort_by(|a, b| (&a.name, &a.value).cmp(&(&b.name, &b.value)));
    if extra_last {
        defaults.extend_from_slice(extra);
    }
    defaults.iter().map(|a| format!("--{}={}", a.name, a.value)).collect()
}

/// The command that starts `program`.
pub(super) fn command(program: &str, defaults: Vec<Arg>, extra: &[Arg], extra_last: bool) -> Vec<String> {
    let mut command = vec![program.to_owned()];
    command.extend(words(defaults, extra, extra_last));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(pairs: &[(&str, &str)]) -> Vec<Arg> {
        pairs.iter().map(|(name, value)| arg(name, value)).collect()
    }

    #[test]
    fn the_users_flags_replace_defaults_and_keep_their_order() {
        let defaults = args(&[("v", "2"), ("bind-address", "127.0.0.1"), ("leader-elect", "true")]);
        let extra = args(&[("v", "4"), ("a", ""), ("v", "1")]);
        assert_eq!(
            words(defaults.clone(), &extra, true),
            ["--bind-address=127.0.0.1", "--leader-elect=true", "--v=4", "--a=", "--v=1"]
        );
        assert_eq!(
            words(defaults, &extra, false),
            ["--a=", "--bind-address=127.0.0.1", "--leader-elect=true", "--v=1", "--v=4"]
        );
        assert_eq!(last_value(&extra, "v"), Some("1"));
        assert_eq!(last_value(&extra, "b"), None);
    }
}
