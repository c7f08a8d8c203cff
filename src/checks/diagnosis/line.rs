//! A line of a log that may say why something failed.

/// Where a line was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The log of a container that ended.
    Container,
    /// The host itself.
    Host,
    /// The kubelet's journal.
    Kubelet,
    /// The log of a container that runs.
    Running,
}

/// One line that may matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it was found.
    pub source: Source,
    /// The component: `kubelet`, `kube-apiserver`, ….
    pub who: String,
    /// The line.
    pub text: String,
}

impl Line {
    /// A line.
    pub fn new(source: Source, who: &str, text: &str) -> Self {
        Self { source, who: who.into(), text: text.trim_end().into() }
    }

    /// What the line says from `place` on, without what differs each time it is said: klog's time and process
    /// number, how deep the words are quoted.
    pub(super) fn gist(&self, place: usize) -> String {
        let whole = self.text.split_once("] ").filter(|_| self.is_klog()).map_or(self.text.as_str(), |(_, rest)| rest);
        let text = self.text.get(place..).filter(|_| place > 0).unwrap_or(whole);
        text.chars()
            .filter(|c| !c.is_ascii_digit() && !"\\\"".contains(*c))
            .take(if place > 0 { 60 } else { 120 })
            .collect()
    }

    /// True when klog says that it is an error or the end, or systemd that the service failed.
    pub(super) fn is_complaint(&self) -> bool {
        (self.is_klog() && self.text.starts_with(['E', 'F'])) || self.text.contains("Failed with result")
    }

    fn is_klog(&self) -> bool {
        let mut chars = self.text.chars();
        chars.next().is_some_and(|c| "IWEF".contains(c)) && chars.take(4).filter(char::is_ascii_digit).count() == 4
    }

    /// The line with its source, cut to `width` characters around `place`.
    pub(super) fn shown(&self, place: usize, width: usize) -> String {
        let before = self.text.get(..place).unwrap_or_default().chars().count();
        let all = self.text.chars().count();
        // Some of what leads to the relevant words is worth its room.
        let skipped = if all <= width { 0 } else { before.saturating_sub(width / 3).min(all - width) };
        let cut: String = self.text.chars().skip(skipped).take(width).collect();
        let (from, to) = (if skipped > 0 { "…" } else { "" }, if skipped + width < all { "…" } else { "" });
        format!("{}: {from}{cut}{to}", self.who)
    }
}
