//! The test at the end of `init`, in its closing text: a sentence, and what to do.

use super::outcome::{Outcome, Verdict};
use crate::kube::network_test::{Why, listed};
use crate::report::Closing;

const AGAIN: &str = "kubewright network test";

/// Adds the result, or why there is none.
pub fn proved(closing: Closing, result: &Result<Outcome, String>) -> Closing {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(why) => {
            return closing.paragraph(format!("The pod network was not tested: {why}.")).step("To test it", AGAIN);
        }
    };
    let mut closing = match outcome.verdict {
        Verdict::Failed => closing.paragraph("The pod network does not carry all traffic:"),
        Verdict::Warning if outcome.nodes.is_empty() => closing.paragraph("The pod network was not tested:"),
        Verdict::Warning => closing.paragraph(format!("The pod network was tested on {}:", listed(&outcome.nodes))),
        Verdict::Passed if outcome.nodes.len() > 1 => {
            return closing
                .paragraph(format!("Pods on {} reach each other, Services and DNS.", listed(&outcome.nodes)));
        }
        Verdict::Passed => {
            let text = format!("Pods on {} reach each other, Services and DNS.", listed(&outcome.nodes));
            return closing.paragraph(text).step("To test the traffic between hosts when others have joined", AGAIN);
        }
    };
    for cause in &outcome.causes {
        closing = closing.sentence(format!("{}: {}", cause.id, cause.what)).sentence(format!("help: {}", cause.next));
    }
    for one in outcome.untested.iter().filter(|one| one.why != Why::NotChosen) {
        closing = closing.sentence(one.what.clone()).sentence(format!("help: {}", one.next));
    }
    closing.step("To test it again", AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::network_test::{Cause, Severity, Tested, Untested};
    use std::time::Duration;

    fn text(nodes: &[&str], causes: Vec<Cause>, untested: Vec<Untested>) -> String {
        let nodes = nodes.iter().map(|name| (*name).to_owned()).collect();
        let outcome = Outcome::of(Tested { nodes, untested, seen: Vec::new(), causes }, Duration::ZERO);
        proved(Closing::new("Done."), &Ok(outcome)).text()
    }

    fn cause(severity: Severity) -> Cause {
        let (what, next) = ("it is broken".into(), "run 'x'".into());
        Cause { id: "KubeProxy", severity, nodes: vec!["n1".into()], what, evidence: Vec::new(), next }
    }

    #[test]
    fn a_test_of_one_node_says_so_and_how_hosts_are_tested() {
        let text = text(&["n1"], Vec::new(), Vec::new());
        assert_eq!(
            text,
            "Done.\n\nPods on n1 reach each other, Services and DNS.\n\nTo test the traffic between hosts when others have \
             joined:\n    kubewright network test\n"
        );
    }

    #[test]
    fn a_failure_is_shown_with_its_cause() {
        let failed = text(&["n1"], vec![cause(Severity::Error)], Vec::new());
        let expected =
            "The pod network does not carry all traffic:\nKubeProxy: it is broken\nhelp: run 'x'\n\nTo test it again:";
        assert!(failed.contains(expected), "{failed}");
        let warned = text(&["n1", "n2"], vec![cause(Severity::Warning)], Vec::new());
        assert!(warned.contains("The pod network was tested on n1 and n2:\nKubeProxy: "), "{warned}");
    }

    /// What could not be tested is never shown as a pass.
    #[test]
    fn a_node_that_could_not_be_tested_is_named() {
        let one =
            Untested { node: "n1".into(), why: Why::NoImage, what: "n1 has no image".into(), next: "wait".into() };
        let none = text(&[], Vec::new(), vec![one]);
        assert!(none.contains("The pod network was not tested:\nn1 has no image\nhelp: wait\n"), "{none}");
        assert!(!none.contains("reach each other"), "{none}");
        let failed = proved(Closing::new("Done."), &Err("no API".into())).text();
        assert!(failed.contains("The pod network was not tested: no API.") && failed.contains(AGAIN), "{failed}");
    }
}
