//! The expiry of certificates as Prometheus metrics.

use crate::state::expiry::{Report, State};

/// The metrics of a report in the format of the textfile collector.
pub fn text(report: &Report) -> String {
    let mut ends = String::new();
    let mut uses = String::new();
    for item in &report.certificates {
        let name = escape(&item.name);
        let path = escape(&item.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default());
        let serial = &item.serial;
        ends += &format!(
            "kubewright_certificate_not_after_timestamp_seconds{{name=\"{name}\",path=\"{path}\",serial=\"{serial}\"}} {}\n",
            item.not_after
        );
        if let Some(served) = item.served.as_ref().filter(|served| served.state != State::Unreachable) {
            let address = escape(&served.address);
            uses += &format!(
                "kubewright_certificate_in_use{{name=\"{name}\",address=\"{address}\"}} {}\n",
                u8::from(served.state == State::InUse)
            );
        }
    }
    let mut text = format!(
        "# HELP kubewright_certificate_not_after_timestamp_seconds When the certificate expires.\n\
         # TYPE kubewright_certificate_not_after_timestamp_seconds gauge\n{ends}"
    );
    if !uses.is_empty() {
        text += &format!(
            "# HELP kubewright_certificate_in_use Whether the component serves the certificate on disk.\n\
             # TYPE kubewright_certificate_in_use gauge\n{uses}"
        );
    }
    text += &format!(
        "# HELP kubewright_certificates_unreadable Files that should contain a certificate but do not.\n\
         # TYPE kubewright_certificates_unreadable gauge\nkubewright_certificates_unreadable {}\n",
        report.unreadable.len()
    );
    text
}

/// A label value between quotation marks.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped_and_an_empty_report_has_no_series() {
        assert_eq!(escape("a\"b\\c\n"), "a\\\"b\\\\c\\n");
        let text = text(&Report { certificates: Vec::new(), unreadable: vec!["x".into()] });
        assert!(text.ends_with("kubewright_certificates_unreadable 1\n") && !text.contains("in_use"), "{text}");
    }
}
