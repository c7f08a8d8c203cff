//! Tests of preflight as a phase of 'init'.

use super::*;
use crate::checks::Unfit;
use crate::config::print;
use crate::context::{Init, InitOptions};
use crate::host::command::fake::FakeHost;
use crate::versions::table;

const SWAP_UNITS: &str = "systemctl list-unit-files --plain --no-legend --no-pager *.swap zramswap.service \
                          zram-config.service systemd-swap.service dphys-swapfile.service zram-swap.service";

fn fixing(fake: &FakeHost) -> Run<Init> {
    let mut cx = Context::for_tests(&fake.root().to_string_lossy());
    cx.host = fake.live();
    cx.host.files = cx.host.files.clone();
    cx.host.gate = cx.host.gate.clone();
    let config = print::default_init(table::facts(20).unwrap(), "n1");
    Run::init(cx, config, InitOptions { fix: true, ..InitOptions::default() })
}

#[test]
fn nothing_is_fixed_if_the_command_is_refused() {
    let show = |unit: &str| format!("systemctl show -p LoadState,ActiveState,UnitFileState {unit}");
    let mut fake = FakeHost::new()
        .systemd()
        .on("getent ahosts n1", "10.0.0.7 STREAM n1\n")
        .file("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n")
        .on(SWAP_UNITS, "")
        .program("swapoff");
    for unit in ["kubelet", "firewalld", "containerd", "crio", "cri-docker", "docker"] {
        fake = fake.on(&show(unit), "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n");
    }
    let mut cx = fixing(&fake);
    let failure = Preflight.run(&mut cx, &Target { path: "preflight".into(), item: None }).unwrap_err();
    let unfit: &Unfit = failure.downcast_ref().unwrap();
    let ids: Vec<&str> = unfit.errors.iter().map(|finding| finding.id.as_str()).collect();
    assert!(ids.contains(&"KubeletVersion") && !ids.contains(&"Swap"), "{ids:?}");
    assert_eq!(cx.host.gate.count(), 0, "{:?}", cx.host.gate.entries());
    assert!(!fake.ran().iter().any(|command| command.starts_with("swapoff")), "{:?}", fake.ran());
}
