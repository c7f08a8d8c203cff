//! "Did you mean": the most similar known word.

/// The candidate most similar to `word`, if it is likely a typo: at most a third of the letters differ, or only case,
/// `-` and `_` do.
pub fn similar<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (word.len().max(candidate.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_found_and_unrelated_words_are_not() {
        let names = ["podSubnet", "serviceSubnet", "dnsDomain"];
        assert_eq!(similar("podSubent", names), Some("podSubnet"));
        assert_eq!(similar("pod_subnet", names), Some("podSubnet"));
        assert_eq!(similar("PODSUBNET", names), Some("podSubnet"));
        assert_eq!(similar("colour", names), None);
    }
}
