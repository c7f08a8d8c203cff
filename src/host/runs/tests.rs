use super::*;
use crate::base::gate::Gate;

fn files() -> (tempfile::TempDir, HostFiles) {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    (root, files)
}

fn lines(files: &HostFiles, id: &str, from: u64) -> (Vec<Value>, Option<Ending>) {
    let mut lines = Vec::new();
    let ending = follow(files, id, from, &Clock::fixed(0), &mut |line| {
        lines.push(serde_json::from_str(line).unwrap());
        true
    });
    (lines, ending.unwrap())
}

#[test]
fn a_run_is_followed_from_any_event() {
    let (_root, files) = files();
    assert!(create(&files, "r-1").unwrap());
    assert!(!create(&files, "r-1").unwrap(), "it was started twice");
    let mut writer = Writer::begin(&files, "r-1", "join", Clock::fixed(7)).unwrap().unwrap();
    writer.event(&json!({ "event": "message", "text": "a" }));
    assert_eq!(
        last(&files).unwrap().unwrap(),
        Run { id: "r-1".into(), command: "join".into(), running: true, exit_code: None }
    );
    writer.done(5, Some(3));
    let (all, ending) = lines(&files, "r-1", 0);
    assert_eq!(ending, Some(Ending::Done(5)));
    let seqs: Vec<u64> = all.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert_eq!(all[2], json!({ "seq": 3, "time": 7, "event": "runDone", "exitCode": 5, "changes": 3 }));
    assert_eq!(lines(&files, "r-1", 2).0, all[2..]);
    let run = last(&files).unwrap().unwrap();
    assert_eq!((run.running, run.exit_code), (false, Some(5)));
}

#[test]
fn a_killed_run_is_lost_and_not_waited_for() {
    let (_root, files) = files();
    create(&files, "r-1").unwrap();
    drop(Writer::begin(&files, "r-1", "join", Clock::fixed(7)).unwrap());
    assert_eq!(lines(&files, "r-1", 0).1, Some(Ending::Lost));
    // Nor is one that has never begun.
    create(&files, "r-2").unwrap();
    assert_eq!(lines(&files, "r-2", 0), (Vec::new(), Some(Ending::Lost)));
    assert_eq!(last(&files).unwrap().unwrap().exit_code, None);
}

#[test]
fn a_run_is_not_begun_twice() {
    let (_root, files) = files();
    create(&files, "r-1").unwrap();
    let first = Writer::begin(&files, "r-1", "join", Clock::fixed(7)).unwrap();
    assert!(Writer::begin(&files, "r-1", "join", Clock::fixed(7)).unwrap().is_none());
    drop(first);
    assert!(Writer::begin(&files, "r-1", "join", Clock::fixed(7)).unwrap().is_none(), "its file has events already");
}

#[test]
fn endless_events_end_at_the_budget_and_the_result_is_kept() {
    let (_root, files) = files();
    create(&files, "r-1").unwrap();
    let mut writer = Writer::begin(&files, "r-1", "join", Clock::fixed(7)).unwrap().unwrap();
    let text = "x".repeat(60_000);
    for _ in 0..300 {
        writer.event(&json!({ "event": "message", "text": text }));
        writer.event(&json!({ "event": "error", "error": text }));
    }
    writer.event(&json!({ "event": "message", "text": "y".repeat(LONGEST) }));
    let path = writer.done(1, None);
    assert!(path.metadata().unwrap().len() < BUDGET + 2 * LAST_BUDGET);
    assert_eq!(lines(&files, "r-1", 0).1, Some(Ending::Done(1)));
}

#[test]
fn ids_are_names_of_files_only() {
    let (_root, files) = files();
    for id in ["", "../x", "a/b", "A", &"a".repeat(65)] {
        assert!(create(&files, id).is_err(), "{id}");
    }
}

#[test]
fn old_runs_are_removed() {
    let (root, files) = files();
    for number in 0..KEPT + 5 {
        create(&files, &format!("r-{number}")).unwrap();
    }
    assert_eq!(std::fs::read_dir(root.path().join("var/lib/kubewright/runs")).unwrap().count(), KEPT);
}
