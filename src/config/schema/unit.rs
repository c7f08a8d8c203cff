//! Values with units: quantities (`500m`, `100Mi`) and percentages (`10%`).

use crate::config::problem::Complaint;
use crate::config::validate::Validated;

/// What may follow the number of a quantity (`k8s.io/apimachinery/pkg/api/resource`).
const SUFFIXES: [&str; 16] = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Checks a quantity.
pub(super) fn quantity(text: &str) -> Validated<()> {
    if is_quantity(text) {
        return Ok(());
    }
    let help = match text.to_ascii_lowercase().trim_end_matches('b') {
        lower if lower.len() < text.len() => "leave the B out: units are Ki, Mi, Gi, or k, M, G".to_owned(),
        _ => "write a number with a unit such as Ki, Mi, Gi, or k, M, G, or m for thousandths".to_owned(),
    };
    Err(Complaint::with_help(format!("{text:?} is not a quantity"), help))
}

/// Checks a percentage from 0% to 100%.
pub(super) fn percentage(text: &str) -> Validated<()> {
    let number =
        text.strip_suffix('%').filter(|number| is_number(number)).and_then(|number| number.parse::<f64>().ok());
    match number {
        Some(number) if (0.0..=100.0).contains(&number) => Ok(()),
        _ => Err(Complaint::with_help(format!("{text:?} is not a percentage"), "write it as \"10%\"")),
    }
}

/// Checks a threshold: a quantity or a percentage.
pub(super) fn threshold(text: &str) -> Validated<()> {
    if text.ends_with('%') { percentage(text) } else { quantity(text) }
}

fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    is_number(number) && (SUFFIXES.contains(&suffix) || is_exponent(suffix))
}

/// Digits with at most one dot.
fn is_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 0 && text.len() - digits <= 1 && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn is_exponent(text: &str) -> bool {
    let digits = text.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_and_percentages_have_units() {
        for good in ["100Mi", "0", "500m", "1.5Gi", ".5", "1e3", "12E", "12E2", "-1", "10k"] {
            assert!(quantity(good).is_ok(), "{good}");
        }
        for bad in ["", "100MB", "100mi", "5 Gi", "1.2.3", "Mi", "1e", "10%", "1d", "100K"] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
        assert!(quantity("100MB").unwrap_err().help.unwrap().starts_with("leave the B out"));
        for (text, good) in
            [("10%", true), ("0.5%", true), ("100%", true), ("101%", false), ("10", false), ("%", false)]
        {
            assert_eq!(percentage(text).is_ok(), good, "{text}");
        }
        assert!(threshold("10%").is_ok() && threshold("100Mi").is_ok() && threshold("10 %").is_err());
    }
}
