//! When a certificate expires soon.

/// The seconds of remaining validity below which a certificate is shown as one that expires soon, and renewed by `apply` and the
/// timer, unless something else is given.
pub const SOON: i64 = 30 * 86_400;

/// True if a certificate that is valid between these moments is to be renewed because it expires within this number of seconds. A
/// short-lived one is not before two thirds of its validity have passed: otherwise it would be renewed, and the control plane
/// restarted, every day.
pub fn is_due(not_before: i64, not_after: i64, now: i64, within: i64) -> bool {
    not_after - now <= within.min((not_after - not_before) / 3)
}
