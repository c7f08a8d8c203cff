//! Tests of what is not undone under Pods. What is not fixed is tested with the checks.

use super::*;
use crate::host::command::fake::FakeHost;
use crate::journal::HostChange;

fn journal(inverse: Inverse) -> Journal {
    let mut journal = Journal::default();
    journal.add_change(HostChange { what: "containerd uses x".into(), check: "X".into(), at: 0, inverse });
    journal
}

#[test]
fn fixes_are_not_undone_under_pods() {
    let (busy, idle) = (FakeHost::new().file("/proc/7/cgroup", "0::/kubepods.slice/x\n"), FakeHost::new());
    let (pods, none) = (busy.live(), idle.live());
    let file = |restart: Option<&str>| Inverse::RestoreFile {
        path: "/etc/x".into(),
        before: None,
        mode: 0o644,
        written: String::new(),
        restart: restart.map(str::to_owned),
    };
    let disturbing = [file(Some("containerd")), Inverse::SwapOn { path: "/swap".into() }];
    for inverse in disturbing {
        let error = refuse_undo(&pods, &journal(inverse.clone())).unwrap_err();
        assert!(error.to_string().ends_with("under them: containerd uses x"), "{error}");
        assert!(error.hint().unwrap().contains("drain the node"));
        assert!(refuse_undo(&none, &journal(inverse)).is_ok());
    }
    for inverse in [file(None), Inverse::SetSysctl { key: "a".into(), value: "0".into() }] {
        assert!(refuse_undo(&pods, &journal(inverse)).is_ok());
    }
}
