//! Tests of selection, skipping and needs.

use super::super::action::fakes;
use super::*;

const LIST: &str = "
workflow: init
phases:
  - {name: preflight, short: s, action: look}
  - {name: certs, short: s, action: note, each: certificate}
  - name: addon
    short: s
    phases:
      - {name: coredns, short: s, action: live, needs: [ready]}
      - {name: proxy, short: s, action: note, needs: [certs/one]}
  - {name: ready, short: s, action: done}
";

fn paths(choice: &Choice) -> Result<Vec<String>> {
    let workflow = fakes::load(LIST).unwrap();
    let plan = Plan::new(&workflow, choice, &mut fakes::run("/"))?;
    Ok(plan.steps.into_iter().map(|s| s.target.path).collect())
}

#[test]
fn the_whole_list_runs_in_order() {
    let all = ["preflight", "certs/one", "certs/two", "addon/coredns", "addon/proxy", "ready"];
    assert_eq!(paths(&Choice::default()).unwrap(), all);
}

#[test]
fn one_phase_its_group_and_all_of_a_group_can_be_chosen() {
    let only = |path: &str| paths(&Choice { only: Some(path.into()), skip: vec![] }).unwrap();
    assert_eq!(only("certs/two"), ["certs/two"]);
    assert_eq!(only("certs"), ["certs/one", "certs/two"]);
    assert_eq!(only("certs/all"), ["certs/one", "certs/two"]);
}

#[test]
fn a_skipped_group_takes_its_phases_along() {
    let skip = vec!["addon".into(), "certs/two".into()];
    assert_eq!(paths(&Choice { only: None, skip }).unwrap(), ["preflight", "certs/one", "ready"]);
}

#[test]
fn an_unknown_phase_is_named_with_the_nearest_one() {
    let failure = paths(&Choice { only: None, skip: vec!["certs/oen".into()] }).unwrap_err();
    assert_eq!(failure.to_string(), "'init' has no phase 'certs/oen'");
    assert!(failure.hint().unwrap().starts_with("did you mean 'certs/one'?"));
}

/// The guards of another cluster's data were checks of preflight, and went with it.
#[test]
fn a_check_with_always_is_part_of_every_run_that_needs_it_and_cannot_be_skipped() {
    const LIST: &str = "
workflow: init
phases:
  - {name: guard, short: s, action: look, always: true, hidden: true}
  - {name: preflight, short: s, action: look}
  - {name: certs, short: s, action: note}
  - {name: manifests, short: s, action: guarded, needs: [certs]}
  - {name: token, short: s, action: note}
";
    let workflow = fakes::load(LIST).unwrap();
    let paths = |only: Option<&str>, skip: &[&str]| -> Result<Vec<String>> {
        let choice = Choice { only: only.map(str::to_owned), skip: skip.iter().map(ToString::to_string).collect() };
        let plan = Plan::new(&workflow, &choice, &mut fakes::run("/"))?;
        Ok(plan.steps.into_iter().map(|step| step.target.path).collect())
    };
    assert_eq!(paths(None, &["preflight"]).unwrap(), ["guard", "certs", "manifests", "token"]);
    assert_eq!(paths(Some("token"), &[]).unwrap(), ["token"]);
    assert_eq!(paths(Some("certs"), &["preflight"]).unwrap(), ["certs"]);
    let failure = paths(Some("manifests"), &[]).unwrap_err();
    assert!(failure.to_string().contains("needs the result of 'certs'"), "{failure}");
    let failure = paths(None, &["preflight", "guard"]).unwrap_err();
    assert!(failure.to_string().contains("'guard' of 'init' cannot be skipped"), "{failure}");
}

/// Only debug builds noticed it.
#[test]
fn a_list_with_a_check_after_a_change_is_refused() {
    const LIST: &str = "workflow: w\nphases: [{name: a, short: s, action: note}, {name: b, short: s, action: look}]";
    let workflow = fakes::load(LIST).unwrap();
    let refused = Plan::new(&workflow, &Choice::default(), &mut fakes::run("/")).err().unwrap();
    assert!(refused.to_string().contains("only checks comes after one that makes changes"), "{refused}");
}

#[test]
fn a_need_is_met_by_the_run_or_by_the_host() {
    assert_eq!(paths(&Choice { only: Some("addon/coredns".into()), skip: vec![] }).unwrap(), ["addon/coredns"]);
    let failure = paths(&Choice { only: Some("addon/proxy".into()), skip: vec![] }).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "phase 'addon/proxy' needs the result of 'certs/one', which this run skips and this host does not have"
    );
}

#[test]
fn phases_that_need_a_running_host_are_skipped_in_a_root_directory() {
    let workflow = fakes::load(LIST).unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut cx = fakes::run(root.path().to_str().unwrap());
    let plan = Plan::new(&workflow, &Choice::default(), &mut cx).unwrap();
    assert_eq!(plan.left_for_host, ["addon/coredns"]);
}

#[test]
fn a_phase_comes_right_after_those_it_names_ahead_of_the_rest() {
    let list = "
workflow: init
phases:
  - {name: preflight, short: s, action: look}
  - {name: certs, short: s, action: note, each: certificate}
  - {name: config, short: s, action: note, each: kubeconfig}
  - {name: manifests, short: s, action: note}
  - {name: start, short: s, action: note, after: [certs/one, config/two]}
";
    let workflow = fakes::load(list).unwrap();
    let of = |choice: &Choice| -> Vec<String> {
        let plan = Plan::new(&workflow, choice, &mut fakes::run("/")).unwrap();
        plan.steps.into_iter().map(|step| step.target.path).collect()
    };
    let all = ["preflight", "certs/one", "config/two", "start", "certs/two", "config/one", "manifests"];
    assert_eq!(of(&Choice::default()), all);
    assert_eq!(of(&Choice { only: None, skip: vec!["certs".into()] })[1..3], ["config/two", "start"]);
    assert_eq!(of(&Choice { only: Some("start".into()), skip: vec![] }), ["start"]);
}

#[test]
fn a_phase_can_be_chosen_under_its_second_path() {
    const LIST: &str = "
workflow: join
phases:
  - {name: etcd-join, short: s, action: note, also: finish/etcd}
  - {name: wait, short: s, action: note}
  - name: finish
    short: s
    phases:
      - {name: mark, short: s, action: note}
";
    let workflow = fakes::load(LIST).unwrap();
    let paths = |only: Option<&str>, skip: &[&str]| -> Vec<String> {
        let choice = Choice { only: only.map(str::to_owned), skip: skip.iter().map(ToString::to_string).collect() };
        let plan = Plan::new(&workflow, &choice, &mut fakes::run("/")).unwrap();
        plan.steps.into_iter().map(|step| step.target.path).collect()
    };
    assert_eq!(paths(Some("finish/etcd"), &[]), ["etcd-join"]);
    assert_eq!(paths(Some("finish/all"), &[]), ["etcd-join", "finish/mark"]);
    assert_eq!(paths(Some("finish/mark"), &[]), ["finish/mark"]);
    assert_eq!(paths(Some("etcd-join"), &[]), ["etcd-join"]);
    assert_eq!(paths(None, &["finish/etcd"]), ["wait", "finish/mark"]);
    assert_eq!(paths(None, &["finish"]), ["etcd-join", "wait"]);
}

#[test]
fn a_phase_does_not_overtake_what_is_there_and_may_be_wrong() {
    let list = "
workflow: init
phases:
  - {name: certs, short: s, action: done}
  - {name: manifests, short: s, action: note}
  - {name: start, short: s, action: note, after: [manifests]}
";
    let workflow = fakes::load(list).unwrap();
    let plan = Plan::new(&workflow, &Choice::default(), &mut fakes::run("/")).unwrap();
    let paths: Vec<&str> = plan.steps.iter().map(|step| step.target.path.as_str()).collect();
    assert_eq!(paths, ["certs", "manifests", "start"]);
}

#[test]
fn a_phase_is_known_by_the_name_it_has_in_other_minors() {
    let list = "
workflow: init
phases:
  - name: finalize
    alias: finish
    short: s
    phases: [{name: rotate, alias: experimental-rotate, short: s, action: note}]
  - {name: show, short: s, action: note}
";
    let workflow = fakes::load(list).unwrap();
    let of = |only: Option<&str>, skip: Vec<String>| -> Vec<String> {
        let choice = Choice { only: only.map(str::to_owned), skip };
        let plan = Plan::new(&workflow, &choice, &mut fakes::run("/")).unwrap();
        plan.steps.into_iter().map(|step| step.target.path).collect()
    };
    assert_eq!(of(Some("finish/all"), vec![]), ["finalize/rotate"]);
    assert_eq!(of(None, vec!["finalize/experimental-rotate".into()]), ["show"]);
}
