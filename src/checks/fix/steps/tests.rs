//! Tests of fixes and of their undoing.

use super::*;
use crate::base::gate::Change;
use crate::checks::finding::Finding;
use crate::host::command::fake::FakeHost;
use crate::journal::{Journal, undo};

fn report(repairs: impl IntoIterator<Item = Repair>) -> Report {
    let findings = repairs.into_iter().map(|repair| Finding::error("X", "", "", "").fixed_by(repair)).collect();
    Report { findings, ..Report::default() }
}

/// The completed fixes, if none failed.
fn all(fixes: Fixes) -> Vec<Fixed> {
    assert!(fixes.failed.is_empty(), "{:?}", fixes.failed);
    fixes.fixed
}

fn read(host: &FakeHost, path: &str) -> String {
    std::fs::read_to_string(host.root().join(&path[1..])).unwrap()
}

const FSTAB: &str = "UUID=1 / ext4 defaults 0 1\n/dev/sda2 none swap sw 0 0\n";
const SWAPS: &str = "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n";

const SWAP_UNITS: &str = "systemctl list-unit-files --plain --no-legend --no-pager *.swap zramswap.service \
                          zram-config.service systemd-swap.service dphys-swapfile.service zram-swap.service";

fn swapping() -> FakeHost {
    FakeHost::new()
        .on(SWAP_UNITS, "")
        .file("/proc/swaps", SWAPS)
        .file("/etc/fstab", FSTAB)
        .on("swapoff /dev/sda2", "")
        .file("/dev/sda2", "")
        .on("swapon /dev/sda2", "")
}

#[test]
fn swap_is_turned_off_now_and_at_boot() {
    let fake = swapping();
    let host = fake.live();
    let mut journal = Journal::default();
    let fixed = all(apply(&host, &mut journal, &report([Repair::Swap])));
    assert_eq!(fixed.len(), 2);
    assert!(read(&fake, "/etc/fstab").contains("#kubewright# /dev/sda2 none swap"));
    assert_eq!(fake.ran(), ["swapoff /dev/sda2"]);
}

#[test]
fn undoing_turns_swap_on_again() {
    let fake = swapping();
    let host = fake.live();
    let mut journal = Journal::default();
    all(apply(&host, &mut journal, &report([Repair::Swap])));
    let fake = fake.file("/proc/swaps", "Filename Type Size Used Priority\n");
    let mut journal = Journal::load(&host.files).unwrap();
    undo(&host, &mut journal).unwrap();
    assert_eq!(read(&fake, "/etc/fstab"), FSTAB);
    assert_eq!(fake.ran(), ["swapoff /dev/sda2", "swapon /dev/sda2"]);
}

#[test]
fn swap_of_a_unit_or_a_generator_stays_off_and_is_restored_by_undoing() {
    let fake = swapping()
        .systemd()
        .on(SWAP_UNITS, "data.swap enabled enabled\ndev-zram0.swap generated -\n")
        .file("/run/systemd/generator/dev-zram0.swap", "[Unit]\nDocumentation=man:zram-generator(8)\n")
        .on("systemctl daemon-reload", "")
        .on("systemctl disable data.swap", "")
        .on("systemctl mask dev-zram0.swap", "")
        .on("systemctl enable data.swap", "")
        .on("systemctl unmask dev-zram0.swap", "");
    let host = fake.live();
    let mut journal = Journal::default();
    let fixed = all(apply(&host, &mut journal, &report([Repair::Swap])));
    let what: Vec<&str> = fixed.iter().map(|fixed| fixed.what.as_str()).collect();
    assert_eq!(
        what[1..3],
        ["data.swap no longer turns swap on at boot", "dev-zram0.swap no longer turns swap on at boot"]
    );
    let fake = fake.file("/proc/swaps", "Filename Type Size Used Priority\n");
    undo(&host, &mut Journal::load(&host.files).unwrap()).unwrap();
    let ran = fake.ran();
    for command in ["disable data.swap", "mask dev-zram0.swap", "unmask dev-zram0.swap", "enable data.swap"] {
        assert!(ran.contains(&format!("systemctl {command}")), "{ran:?}");
    }
}

/// systemd found the partition on the disk, because /etc/fstab no longer named any.
#[test]
fn a_swap_partition_that_leaves_fstab_is_not_turned_on_by_its_type() {
    const UNIT: &str = "run/systemd/generator.late/dev-sda2.swap";
    let listed = |root: &Path| {
        let stdout = if root.join(UNIT).exists() { "dev-sda2.swap generated -\n" } else { "" };
        crate::host::command::Output { code: Some(0), stdout: stdout.into(), ..Default::default() }
    };
    let generated = |root: &Path| {
        let is_named = !std::fs::read_to_string(root.join("etc/fstab")).unwrap().contains("#kubewright#");
        assert!(!is_named, "the unit files are read again before /etc/fstab was changed");
        std::fs::create_dir_all(root.join("run/systemd/generator.late")).unwrap();
        std::fs::write(root.join(UNIT), "[Unit]\nDocumentation=man:systemd-gpt-auto-generator(8)\n").unwrap();
        crate::host::command::Output { code: Some(0), ..Default::default() }
    };
    let fake = swapping()
        .systemd()
        .on_computed(SWAP_UNITS, listed)
        .on_computed("systemctl daemon-reload", generated)
        .on("systemctl mask dev-sda2.swap", "");
    let fixed = all(apply(&fake.live(), &mut Journal::default(), &report([Repair::Swap])));
    assert_eq!(fixed[1].what, "dev-sda2.swap no longer turns swap on at boot");
    assert_eq!(fake.ran().last().unwrap(), "swapoff /dev/sda2");
}

#[test]
fn a_dry_run_shows_each_change_and_makes_none() {
    let fake = swapping().file("/proc/sys/net/ipv4/ip_forward", "0\n");
    let host = fake.dry();
    let repairs = [Repair::Swap, Repair::Sysctl { key: "net.ipv4.ip_forward".into(), value: "1".into() }];
    all(apply(&host, &mut Journal::default(), &report(repairs)));
    assert!(fake.ran().is_empty());
    assert_eq!(read(&fake, "/etc/fstab"), FSTAB);
    assert!(!fake.root().join("var/lib/kubewright").exists());
    let entries = host.gate.entries();
    let files: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.change {
            Change::WriteFile { path, .. } => Some(path.display().to_string()),
            _ => None,
        })
        .collect();
    assert!(files.contains(&"/etc/fstab".into()) && files.contains(&"/etc/sysctl.d/99-z-kubewright.conf".into()));
    assert!(entries.iter().any(|e| matches!(&e.change, Change::Run { command, .. } if command[0] == "sysctl")));
}

#[test]
fn a_parameter_of_br_netfilter_loads_its_module_and_both_are_set_at_boot() {
    let key = "net.bridge.bridge-nf-call-iptables";
    let fake = FakeHost::new()
        .on("modprobe br_netfilter", "")
        .on("sysctl -w net.bridge.bridge-nf-call-iptables=1", "")
        .file("/etc/sysctl.d/99-z-kubewright.conf", "net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables=0\n");
    let host = fake.live();
    all(apply(&host, &mut Journal::default(), &report([Repair::Sysctl { key: key.into(), value: "1".into() }])));
    assert_eq!(fake.ran(), ["modprobe br_netfilter", "sysctl -w net.bridge.bridge-nf-call-iptables=1"]);
    assert_eq!(read(&fake, "/etc/modules-load.d/kubewright.conf"), "br_netfilter\n");
    assert_eq!(read(&fake, "/etc/sysctl.d/99-z-kubewright.conf"), format!("net.ipv4.ip_forward = 1\n{key} = 1\n"));
}

#[test]
fn a_module_that_was_loaded_by_hand_is_loaded_at_boot_too() {
    let key = "net.bridge.bridge-nf-call-iptables";
    let fake = FakeHost::new()
        .file("/proc/modules", "br_netfilter 32768 0 - Live 0x0\n")
        .file("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
    let host = fake.live();
    all(apply(&host, &mut Journal::default(), &report([Repair::Sysctl { key: key.into(), value: "1".into() }])));
    assert_eq!(read(&fake, "/etc/modules-load.d/kubewright.conf"), "br_netfilter\n");
    assert_eq!(read(&fake, "/etc/sysctl.d/99-z-kubewright.conf"), format!("{key} = 1\n"));
}

#[test]
fn a_failed_fix_does_not_prevent_the_others() {
    let fake = swapping().on_result("modprobe ip_vs", 1, "", "modprobe: FATAL: Module ip_vs not found");
    let repairs = [Repair::Modules { modules: vec!["ip_vs".into()] }, Repair::Swap];
    let fixes = apply(&fake.live(), &mut Journal::default(), &report(repairs));
    assert_eq!(fixes.fixed.len(), 2);
    assert!(fixes.failed[0].why.to_string().contains("Module ip_vs not found"), "{:?}", fixes.failed);
}

/// The strict fake panics where a real run was killed: just before that command.
#[test]
fn a_fix_that_was_killed_anywhere_is_undone() {
    let commands =
        ["systemctl daemon-reload", "swapoff /dev/sda2", "sysctl -w net.ipv4.ip_forward=1", "systemctl enable kubelet"];
    let show = "systemctl show -p LoadState,ActiveState,UnitFileState kubelet";
    let disabled = "LoadState=loaded\nActiveState=active\nUnitFileState=disabled\n";
    for killed_at in 0..commands.len() {
        let mut fake =
            swapping().systemd().on(show, disabled).on(SWAP_UNITS, "").file("/proc/sys/net/ipv4/ip_forward", "0\n");
        for command in &commands[..killed_at] {
            fake = fake.on(command, "");
        }
        let host = fake.program("swapoff").program("sysctl");
        let repairs = [
            Repair::Swap,
            Repair::Sysctl { key: "net.ipv4.ip_forward".into(), value: "1".into() },
            Repair::EnableService { service: "kubelet".into() },
        ];
        let run = || apply(&host.live(), &mut Journal::default(), &report(repairs));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        // The fake's kernel does not change by itself: the effect of earlier commands is written by hand.
        let host = if killed_at > 1 { host.file("/proc/swaps", "Filename Type Size Used Priority\n") } else { host };
        let host = if killed_at > 2 { host.file("/proc/sys/net/ipv4/ip_forward", "1\n") } else { host };
        let host = host.on("sysctl -w net.ipv4.ip_forward=0", "").on("systemctl disable kubelet", "");
        let live = host.live();
        let messages = undo(&live, &mut Journal::load(&live.files).unwrap()).unwrap().messages;
        assert_eq!(
            messages.iter().any(|line| line.contains("swap on /dev/sda2 back on")),
            killed_at > 1,
            "{messages:?}"
        );
        assert_eq!(messages.iter().any(|line| line.contains("ip_forward back to 0")), killed_at > 2, "{messages:?}");
        assert_eq!(read(&host, "/etc/fstab"), FSTAB);
        assert!(!host.root().join("etc/sysctl.d/99-z-kubewright.conf").exists());
        assert!(Journal::load(&live.files).unwrap().changes().is_empty());
    }
}
