//! The result of a network test as text: the verdict, causes, nodes that were not tested, and what each node saw.

use super::super::table::{Table, Tone};
use super::outcome::{Outcome, Verdict};
use crate::base::wrap::wrap;
use crate::kube::network_test::{NameOf, Network, Seen, Severity, What, Why, listed};
use crate::report::count;
use crate::report::paint::{self, Paint};

/// More rows are shown only where something fails.
const MOST: usize = 30;

pub fn text(outcome: &Outcome, width: usize, paint: Paint) -> String {
    let mut text = verdict(outcome, width, paint);
    for cause in &outcome.causes {
        let (word, tone) = match cause.severity {
            Severity::Error => ("error", paint::Tone::Removed),
            Severity::Warning => ("warning", paint::Tone::Changed),
            Severity::Note => ("note", paint::Tone::Title),
        };
        let lines = wrap(&format!("{word}: {}", cause.what), width, "", "  ");
        text += &format!("\n{}", lines.replacen(word, &paint.text(tone, word), 1));
        text += &cause.evidence.iter().map(|line| wrap(line, width, "  ", "    ")).collect::<String>();
        text += &wrap(&format!("help: {}", cause.next), width, "  ", "    ");
    }
    let (chosen, others): (Vec<_>, Vec<_>) = outcome.untested.iter().partition(|one| one.why != Why::NotChosen);
    for one in chosen {
        text += &format!("\n{}", wrap(&format!("not tested: {}", one.what), width, "", "  "));
        text += &wrap(&format!("help: {}", one.next), width, "  ", "    ");
    }
    if !others.is_empty() {
        let line = format!(
            "{} were not chosen; 'kubewright network test --nodes NAME,NAME' tests others.",
            count(others.len(), "node")
        );
        text += &format!("\n{}", wrap(&line, width, "", ""));
    }
    text + &tables(outcome, paint)
}

fn verdict(outcome: &Outcome, width: usize, paint: Paint) -> String {
    let passed = outcome.probes.iter().filter(|seen| !seen.failed()).count();
    let numbers = format!(
        "{passed} of {} probes passed on {} in {:.1} s",
        outcome.probes.len(),
        count(outcome.nodes.len(), "node"),
        outcome.seconds
    );
    let (word, tone, what) = match outcome.verdict {
        Verdict::Passed if outcome.nodes.len() == 1 => (
            "OK",
            paint::Tone::Added,
            format!(
                "Pods on {} reach each other, Services and DNS; it is the only node that was tested",
                listed(&outcome.nodes)
            ),
        ),
        Verdict::Passed => {
            ("OK", paint::Tone::Added, format!("Pods on {} reach each other, Services and DNS", listed(&outcome.nodes)))
        }
        Verdict::Warning if outcome.nodes.is_empty() => {
            ("NOT TESTED", paint::Tone::Changed, "no node could be tested".into())
        }
        Verdict::Warning => ("WARNING", paint::Tone::Changed, format!("tested on {}", listed(&outcome.nodes))),
        Verdict::Failed => {
            let first = outcome.causes.first().map(|cause| cause.id).unwrap_or_default();
            ("FAILED", paint::Tone::Removed, first.to_owned())
        }
    };
    let line = wrap(&format!("{word}: {what} ({numbers})"), width, "", "  ");
    line.replacen(word, &paint.text(tone, word), 1)
}

/// A row for each pair, and for the names that each node looked up.
fn tables(outcome: &Outcome, paint: Paint) -> String {
    let pairs = pairs(outcome, paint);
    if pairs.is_empty() { pairs } else { format!("\n{pairs}\n{}", names(outcome, paint)) }
}

fn pairs(outcome: &Outcome, paint: Paint) -> String {
    let mut rows = Vec::new();
    for seen in &outcome.probes {
        let What::Tcp { to } = &seen.what else { continue };
        let cell = |what: fn(String) -> What| find(outcome, seen.network, &seen.from, &what(to.clone()));
        let cells = [
            cell(|to| What::Tcp { to }),
            cell(|to| What::Udp { to }),
            cell(|to| What::Large { to }),
            cell(|to| What::Packet { to }),
            cell(|to| What::Service { to }),
            cell(|to| What::Kubelet { to }),
        ];
        let from = if seen.network == Network::Host { format!("{} (node)", seen.from) } else { seen.from.clone() };
        rows.push((tone(&cells), from, to, cells));
    }
    if rows.is_empty() {
        return String::new();
    }
    let all = rows.len() <= MOST;
    let mut table = Table::new(["FROM", "TO POD ON", "TCP", "UDP", "8 KIB", "PACKET", "SERVICE", "KUBELET"])
        .with_colours(paint.is_on());
    for (tone, from, to, cells) in rows.into_iter().filter(|row| all || row.0 == Tone::Bad).take(MOST) {
        let [tcp, udp, large, packet, service, kubelet] = cells.map(shown);
        table.toned(tone, [from, to.clone(), tcp, udp, large, packet, service, kubelet]);
    }
    table.to_string()
}

fn names(outcome: &Outcome, paint: Paint) -> String {
    let mut table = Table::new(["FROM", "API", "KUBERNETES.DEFAULT", "NEW SERVICE", "OUTSIDE", "DNS PODS"])
        .with_colours(paint.is_on());
    for from in outcome.nodes.iter().take(MOST) {
        let cell = |what: What| find(outcome, Network::Pod, from, &what);
        let name = |name: NameOf| cell(What::Name { name });
        let cells = [cell(What::Api), name(NameOf::Cluster), name(NameOf::Test)];
        let outside = shown(name(NameOf::Outside));
        let asked = |seen: &&Seen| seen.from == *from && matches!(seen.what, What::NameServer { .. });
        let servers: Vec<&Seen> = outcome.probes.iter().filter(asked).collect();
        let answering = servers.iter().filter(|seen| !seen.failed()).count();
        let tone = tone(&cells);
        let [api, cluster, test] = cells.map(shown);
        table.toned(tone, [from.clone(), api, cluster, test, outside, format!("{answering} of {}", servers.len())]);
    }
    table.to_string()
}

fn find<'a>(outcome: &'a Outcome, network: Network, from: &str, what: &What) -> Option<&'a Seen> {
    outcome.probes.iter().find(|seen| seen.network == network && seen.from == from && seen.what == *what)
}

fn tone(cells: &[Option<&Seen>]) -> Tone {
    if cells.iter().flatten().any(|seen| seen.failed()) { Tone::Bad } else { Tone::Plain }
}

fn shown(seen: Option<&Seen>) -> String {
    match seen {
        None => "-".into(),
        Some(Seen { failure: Some(failure), .. }) => failure.text().into(),
        Some(Seen { what: What::Packet { .. }, bytes: Some(bytes), .. }) => format!("{bytes} bytes"),
        Some(seen) => format!("{} ms", seen.millis),
    }
}
