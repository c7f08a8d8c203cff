//! A systemd timer that renews certificates before they expire.
//!
//! Reads: whether the host runs systemd, and the state of the timer and its last run. Writes:
//! `/etc/systemd/system/kubewright-certs-renew.service` and `.timer`.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Content;
use crate::context::Context;
use crate::host::service::{InitSystem, Services};
use crate::host::{Command, Host};
use crate::state::timer::{ENABLED, UNIT, is_installed, path};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The host does not support systemd timers.
#[derive(Debug, thiserror::Error)]
#[error("this host does not run systemd, which the timer needs")]
struct NoSystemd;

impl Fault for NoSystemd {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        Some(
            "run 'kubewright certs renew all --within 30d' daily with cron, at a different hour on each control plane"
                .into(),
        )
    }
}

/// The timer could never work.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the program {} does not exist", .0.display())]
    Program(PathBuf),
    #[error("{} must not be run as root every day: {why}", program.display())]
    Unsafe { program: PathBuf, why: String },
    #[error("systemd cannot parse {what} {text:?}: {why}")]
    Time { what: &'static str, text: String, why: String },
}

impl Fault for Unusable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Program(_) => "specify the kubewright binary with --program".into(),
            Self::Unsafe { .. } => {
                "install kubewright in a directory that only root can write to: run 'install -m 0755 kubewright \
                 /usr/local/bin/', and then '/usr/local/bin/kubewright certs timer install'"
                    .into()
            }
            Self::Time { .. } => {
                "run 'systemd-analyze calendar daily' for examples of schedules, and see 'man systemd.time'".into()
            }
        })
    }
}

/// The command and the schedule of the timer.
pub struct Schedule<'a> {
    /// The kubewright binary.
    pub program: &'a Path,
    /// The remaining validity below which a certificate is renewed.
    pub within: &'a str,
    /// systemd's `OnCalendar`.
    pub calendar: &'a str,
    /// systemd's `RandomizedDelaySec`.
    pub delay: &'a str,
}

/// Writes the units and starts the timer.
pub fn install(cx: &Context, schedule: &Schedule<'_>) -> Result<()> {
    let services = Services::of(&cx.host);
    if cx.host.files.is_live() && services.init_system() != InitSystem::Systemd {
        return Err(NoSystemd.into());
    }
    // The programs of an image may be installed later, so they are not checked.
    if cx.host.files.is_live() {
        validate(&cx.host, schedule)?;
    }
    cx.host.files.write(&path("service"), &Content::public(service_text(schedule)), 0o644)?;
    cx.host.files.write(&path("timer"), &Content::public(timer_text(schedule)), 0o644)?;
    if cx.host.files.is_live() {
        services.reload_units()?;
        // A link to the package's units would stay in the way.
        if cx.host.files.exists(Path::new(ENABLED)) {
            services.disable(&format!("{UNIT}.timer"))?;
        }
        services.enable(&format!("{UNIT}.timer"))?;
        services.restart(&format!("{UNIT}.timer"))?;
    }
    Ok(())
}

/// Rejects values that systemd would only report when the timer runs.
fn validate(host: &Host, schedule: &Schedule<'_>) -> Result<()> {
    if host.find(&schedule.program.display().to_string()).is_none() {
        return Err(Unusable::Program(schedule.program.to_path_buf()).into());
    }
    if let Some(why) = writable_by_others(host, schedule.program) {
        return Err(Unusable::Unsafe { program: schedule.program.to_path_buf(), why }.into());
    }
    if host.find("systemd-analyze").is_none() {
        return Ok(());
    }
    for (what, verb, text) in
        [("the schedule", "calendar", schedule.calendar), ("the delay", "timespan", schedule.delay)]
    {
        let output = host.read(&Command::new(["systemd-analyze", verb, text]))?;
        // Releases without this verb report it differently.
        if !output.is_success() && output.stderr.contains("parse") {
            let why = output.stderr.lines().next().unwrap_or_default().to_owned();
            return Err(Unusable::Time { what, text: text.into(), why }.into());
        }
    }
    Ok(())
}

/// Why users other than root could change the program at this path; None if they cannot. A link and its target are
/// both checked.
fn writable_by_others(host: &Host, program: &Path) -> Option<String> {
    let root = host.files.root().to_path_buf();
    let real = host.files.real(program).ok()?;
    let plain = root.join(program.strip_prefix("/").unwrap_or(program));
    let ways = plain.ancestors().chain(real.ancestors()).filter(|path| path.starts_with(&root));
    // In a root directory of tests, its owner stands for root.
    let trusted = std::fs::metadata(&root).map_or(0, |there| there.uid());
    ways.into_iter().find_map(|path| reason(path, trusted))
}

/// Why users other than root can change this file or directory.
fn reason(path: &Path, trusted: u32) -> Option<String> {
    let shown = path.display();
    let Ok(there) = std::fs::symlink_metadata(path) else { return Some(format!("{shown} cannot be read")) };
    let is_link = there.file_type().is_symlink();
    // In a sticky directory such as /tmp, other users cannot replace a file of root.
    let sticky = there.is_dir() && there.mode() & 0o1000 != 0;
    if there.uid() != 0 && there.uid() != trusted {
        return Some(format!("{shown} belongs to the user with UID {}", there.uid()));
    }
    let is_open = there.mode() & 0o022 != 0 && !is_link && !sticky;
    is_open.then(|| format!("users other than root can write to {shown}"))
}

/// Stops the timer and removes its units, or disables those of a package; false if there were none.
pub fn remove(cx: &Context) -> Result<bool> {
    if !is_installed(cx) && !cx.host.files.exists(&path("service")) {
        return Ok(false);
    }
    let services = Services::of(&cx.host);
    let live = cx.host.files.is_live() && services.init_system() == InitSystem::Systemd;
    if live && is_installed(cx) {
        services.disable(&format!("{UNIT}.timer"))?;
        services.stop(&format!("{UNIT}.timer"))?;
    }
    cx.host.files.remove(&path("timer"))?;
    cx.host.files.remove(&path("service"))?;
    if live {
        services.reload_units()?;
    } else {
        cx.host.files.remove(Path::new(ENABLED))?;
    }
    Ok(true)
}

fn service_text(schedule: &Schedule<'_>) -> String {
    // systemd reads quoted text as one word, and a percent sign as the start of a specifier.
    let program = schedule.program.display().to_string().replace('%', "%%");
    let program = if program.contains(' ') { format!("\"{program}\"") } else { program };
    format!(
        "[Unit]\nDescription=Renew the certificates of the Kubernetes control plane\nAfter=network-online.target kubelet.service\n\
         \n[Service]\nType=oneshot\nExecStart={program} certs renew all --within {}\n",
        schedule.within
    )
}

fn timer_text(schedule: &Schedule<'_>) -> String {
    // Persistent: a host that was off at that time runs it after it has started.
    format!(
        "[Unit]\nDescription=Renew the certificates of the Kubernetes control plane before they \
         expire\n\n[Timer]\nOnCalendar={}\nRandomizedDelaySec={}\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
        schedule.calendar, schedule.delay
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;
    use crate::state::timer::status;

    fn schedule(calendar: &str) -> Schedule<'_> {
        Schedule { program: Path::new("/usr/bin/kubewright"), within: "30d", calendar, delay: "12h" }
    }

    #[test]
    fn an_unusable_schedule_or_program_is_rejected_before_the_units_are_written() {
        let message = "Failed to parse calendar specification 'dayly': Invalid argument\n";
        let fake = FakeHost::new()
            .on("systemd-analyze calendar daily", "")
            .on("systemd-analyze timespan 12h", "")
            .on_result("systemd-analyze calendar dayly", 1, "", message);
        let failure = validate(&fake.live(), &schedule("daily")).unwrap_err();
        assert_eq!(failure.to_string(), "the program /usr/bin/kubewright does not exist");
        let fake = fake.program("kubewright");
        validate(&fake.live(), &schedule("daily")).unwrap();
        let failure = validate(&fake.live(), &schedule("dayly")).unwrap_err();
        assert!(failure.to_string().contains("the schedule \"dayly\": Failed to parse"), "{failure}");
        assert_eq!(failure.exit_code(), ExitCode::Usage);
    }

    /// The owner of the download had root permissions on the next day.
    #[test]
    fn a_program_that_other_users_can_change_is_refused() {
        let mode = |path: &Path, mode| {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(path, permissions).unwrap();
        };
        let fake = FakeHost::new().program("kubewright");
        let host = fake.live();
        let program = Path::new("/usr/bin/kubewright");
        assert_eq!(writable_by_others(&host, program), None);
        let (file, directory) = (fake.root().join("usr/bin/kubewright"), fake.root().join("usr/bin"));
        for (path, open, shut) in [(&file, 0o775, 0o755), (&file, 0o757, 0o755), (&directory, 0o777, 0o755)] {
            mode(path, open);
            assert!(writable_by_others(&host, program).unwrap().contains("can write"), "{open:o}");
            mode(path, shut);
        }
        mode(&directory, 0o1777);
        assert_eq!(writable_by_others(&host, program), None);
        // Only root may give files away.
        if std::os::unix::fs::chown(&file, Some(2000), None).is_ok() {
            assert!(writable_by_others(&host, program).unwrap().contains("2000"));
            std::fs::create_dir(fake.root().join("opt")).unwrap();
            std::os::unix::fs::symlink("/usr/bin/kubewright", fake.root().join("opt/kubewright")).unwrap();
            assert!(writable_by_others(&host, Path::new("/opt/kubewright")).unwrap().contains("2000"));
        }
    }

    #[test]
    fn the_state_of_a_timer_contains_its_next_run_and_the_last_result() {
        let next = "systemctl show -p NextElapseUSecRealtime kubewright-certs-renew.timer";
        let last = "systemctl show -p Result,ExecMainStatus,ExecMainExitTimestamp kubewright-certs-renew.service";
        let state = "systemctl show -p LoadState,ActiveState,UnitFileState kubewright-certs-renew.timer";
        for (ended, run, result) in [
            ("Result=success\nExecMainStatus=0\nExecMainExitTimestamp=\n", None, None),
            ("Result=success\nExecMainStatus=0\nExecMainExitTimestamp=Mon\n", Some("Mon"), Some("success")),
            (
                "Result=exit-code\nExecMainStatus=9\nExecMainExitTimestamp=Mon\n",
                Some("Mon"),
                Some("exit-code, exit code 9"),
            ),
        ] {
            let fake = FakeHost::new()
                .systemd()
                .on(state, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
                .on(next, "NextElapseUSecRealtime=Tue\n")
                .on(last, ended)
                .file("/etc/systemd/system/kubewright-certs-renew.timer", "");
            let mut cx = Context::for_tests(fake.root().to_str().unwrap());
            cx.host = fake.live();
            let found = status(&cx).unwrap().unwrap();
            assert_eq!(found.next_run.as_deref(), Some("Tue"));
            assert_eq!((found.last_run.as_deref(), found.last_result.as_deref()), (run, result));
        }
    }

    #[test]
    fn installed_units_contain_the_schedule_and_the_delay_and_are_removed_again() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        assert!(!remove(&cx).unwrap());
        install(&cx, &schedule("daily")).unwrap();
        let read = |kind: &str| cx.host.files.read_text(&path(kind)).unwrap().unwrap();
        assert!(read("timer").contains("OnCalendar=daily\nRandomizedDelaySec=12h\n"));
        assert!(read("service").contains("ExecStart=/usr/bin/kubewright certs renew all --within 30d\n"));
        assert!(remove(&cx).unwrap());
        assert!(!cx.host.files.exists(&path("timer")) && !cx.host.files.exists(&path("service")));
    }

    /// 'systemctl enable' had been enough to turn the package's timer on, and nothing here could turn it off.
    #[test]
    fn the_enabled_timer_of_a_package_is_installed_and_removing_disables_it() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let shipped = Path::new("/usr/lib/systemd/system/kubewright-certs-renew.timer");
        cx.host.files.create_dir(shipped.parent().unwrap(), 0o755).unwrap();
        cx.host.files.write(shipped, &Content::public(timer_text(&schedule("daily"))), 0o644).unwrap();
        assert!(!is_installed(&cx) && !remove(&cx).unwrap());
        cx.host.files.create_dir(Path::new(ENABLED).parent().unwrap(), 0o755).unwrap();
        cx.host.files.link(Path::new(ENABLED), shipped).unwrap();
        assert!(is_installed(&cx) && remove(&cx).unwrap());
        assert!(!is_installed(&cx) && cx.host.files.exists(shipped));
    }
}
