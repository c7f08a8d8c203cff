//! Tests of the tables of workflows.

use super::*;

#[test]
fn every_phase_list_loads() {
    let names: Vec<String> = all().unwrap().into_iter().map(|list| list.workflow).collect();
    assert_eq!(
        names,
        [
            "add-san",
            "host change",
            "etcd-recover",
            "etcd-restore",
            "etcd-snapshot",
            "import",
            "init",
            "join",
            "remove",
            "renew",
            "reset",
            "rotate-ca",
            "upgrade apply",
            "upgrade node",
        ]
    );
}

#[test]
fn every_action_is_used_by_its_list() {
    fn check<W>(workflow: Loaded<W>) {
        let workflow = workflow.unwrap();
        let used = format!("{:?}", workflow.list.phases);
        for (name, _) in workflow.registry.actions {
            let used = used.contains(&format!("action: Some({name:?})"));
            assert!(used, "no phase of '{}' uses '{name}'", workflow.list.workflow);
        }
    }
    check(add_san_workflow());
    check(change_workflow());
    check(etcd_recover_workflow());
    check(etcd_restore_workflow());
    check(etcd_snapshot_workflow());
    check(import_workflow());
    check(init_workflow());
    check(join_workflow());
    check(remove_workflow());
    check(renew_workflow());
    check(reset_workflow());
    check(rotate_ca_workflow());
    check(upgrade_apply_workflow());
    check(upgrade_node_workflow());
}

/// Such a list failed only when that phase ran.
#[test]
fn a_list_that_names_an_action_of_another_workflow_does_not_load() {
    let list = include_str!("../../phases/etcd-restore.yaml").replace("prepare-data", "copy-data");
    let Registry { actions, holds, .. } = etcd_restore_workflow().unwrap().registry;
    let refused = load(&list, actions, holds).err().unwrap().to_string();
    assert!(refused.contains("'copy-data', which this workflow does not have"), "{refused}");
}
