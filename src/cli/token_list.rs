//! The table of `token list`.

use super::session::OUTPUT_API;
use super::table::Table;
use crate::config::model::BootstrapToken;
use crate::kube::token;
use serde::Serialize;

/// A token in kubeadm's output API, with the time that is left.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    kind: &'static str,
    api_version: &'static str,
    token: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    usages: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    /// Seconds until it expires, negative if it has; None if it never does.
    seconds_left: Option<i64>,
}

/// The rows for `tokens` at the time `now`.
pub fn rows(tokens: &[BootstrapToken], now: i64) -> Vec<Row> {
    let row = |token: &BootstrapToken| Row {
        kind: "BootstrapToken",
        api_version: OUTPUT_API,
        token: token.token.expose().clone(),
        description: token.description.clone(),
        expires: token.expires.clone(),
        usages: token.usages.clone(),
        groups: token.groups.clone(),
        seconds_left: token::ends_at(token, now).map(|end| end - now),
    };
    tokens.iter().map(row).collect()
}

/// The rows as text.
pub fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "No tokens. To create one, run: kubewright token create --print-join-command\n".into();
    }
    let mut table = Table::new(["TOKEN", "LEFT", "EXPIRES", "USAGES", "DESCRIPTION", "GROUPS"]);
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    for row in rows {
        table.row([
            row.token.clone(),
            left(row.seconds_left),
            row.expires.clone().unwrap_or_else(|| "never".into()),
            or_none(row.usages.join(",")),
            or_none(row.description.clone()),
            or_none(row.groups.join(",")),
        ]);
    }
    table.to_string()
}

/// `364d`, `23h`, `12m`, `40s`; `expired` if negative.
pub fn left(seconds: Option<i64>) -> String {
    match seconds {
        None => "forever".into(),
        Some(left) if left <= 0 => "expired".into(),
        Some(left) if left < 120 => format!("{left}s"),
        Some(left) if left < 2 * 3600 => format!("{}m", left / 60),
        Some(left) if left < 2 * 86_400 => format!("{}h", left / 3600),
        Some(left) => format!("{}d", left / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use std::time::Duration;

    #[test]
    fn the_table_shows_how_long_each_token_is_valid() {
        let token = BootstrapToken {
            token: Secret::new("abcdef.0123456789abcdef".into()),
            description: String::new(),
            ttl: None,
            expires: Some("1970-01-02T00:00:00Z".into()),
            usages: vec!["signing".into(), "authentication".into()],
            groups: Vec::new(),
        };
        let forever = BootstrapToken { expires: None, ttl: Some(Duration::ZERO), ..token.clone() };
        let rows = rows(&[token, forever], 86_400 - 7000);
        assert_eq!(
            table(&rows),
            "TOKEN                    LEFT     EXPIRES               USAGES                  DESCRIPTION  GROUPS\n\
             abcdef.0123456789abcdef  116m     1970-01-02T00:00:00Z  signing,authentication  -            -\n\
             abcdef.0123456789abcdef  forever  never                 signing,authentication  -            -\n"
        );
        assert_eq!(left(Some(-1)), "expired");
    }
}
