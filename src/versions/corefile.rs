//! What newer versions of CoreDNS refuse in a Corefile, and what replaces it.
//!
//! Sources: the release notes of CoreDNS 1.5.0, 1.7.0, 1.8.0 and 1.12.4, and coredns/coredns#7436. Nothing else of the Corefiles that
//! CoreDNS 1.7.0 (Kubernetes v1.20) to 1.14.7 accepts was removed.

/// A part of a Corefile that CoreDNS refuses since a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    pub since: [u32; 3],
    pub plugin: &'static str,
    /// The first words of an option of the plugin; empty: the plugin itself.
    pub option: &'static [&'static str],
    pub remedy: Remedy,
}

/// What replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it had no effect any more.
    Drop,
    /// The plugin `transfer` of the same server block, for the zones of the plugin. The number of arguments that are no zones.
    Transfer { other_arguments: usize },
    /// The same option behind this word.
    Behind(&'static str),
    /// What a user can do.
    ByHand(&'static str),
}

const TRANSFER: &[&str] = &["transfer", "to"];

const fn removal(since: [u32; 3], plugin: &'static str, option: &'static [&'static str], remedy: Remedy) -> Removal {
    Removal { since, plugin, option, remedy }
}

/// All of them. An option of another plugin with the same name is not meant.
pub const REMOVALS: &[Removal] = &[
    removal([1, 5, 0], "proxy", &[], Remedy::ByHand("use the plugin forward instead")),
    removal([1, 7, 0], "federation", &[], Remedy::ByHand("remove it, as nothing replaces it")),
    removal([1, 7, 0], "kubernetes", &["resyncperiod"], Remedy::Drop),
    removal([1, 7, 0], "kubernetes", &["upstream"], Remedy::Drop),
    removal([1, 8, 0], "kubernetes", TRANSFER, Remedy::Transfer { other_arguments: 0 }),
    removal([1, 8, 0], "auto", TRANSFER, Remedy::Transfer { other_arguments: 0 }),
    removal([1, 8, 0], "secondary", TRANSFER, Remedy::Transfer { other_arguments: 0 }),
    // Its first argument is a file.
    removal([1, 8, 0], "file", TRANSFER, Remedy::Transfer { other_arguments: 1 }),
    removal([1, 12, 4], "header", &["set"], Remedy::Behind("response")),
    removal([1, 12, 4], "header", &["clear"], Remedy::Behind("response")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_and_each_is_there_once() {
        assert!(REMOVALS.is_sorted_by_key(|row| row.since));
        for (nth, row) in REMOVALS.iter().enumerate() {
            let same = |other: &&Removal| other.plugin == row.plugin && other.option == row.option;
            assert_eq!(REMOVALS.iter().filter(same).count(), 1, "{nth}: {row:?}");
        }
    }
}
