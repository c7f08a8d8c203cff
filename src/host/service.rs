//! Services of the host: the kubelet and the container runtime.
//!
//! Reads: unit states and the journal. Writes: unit states, through the gate. systemd is managed in
//! full and `OpenRC` where it can do the same; on other hosts it returns a clear error.

use super::command::{Command, Host};
use super::error::HostError;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// What starts services on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InitSystem {
    /// systemd, booted.
    Systemd,
    /// `OpenRC`, booted.
    OpenRc,
    /// Something else.
    Unknown,
}

/// What systemd or `OpenRC` knows of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// A unit of this name is installed.
    pub exists: bool,
    /// It starts at boot.
    pub enabled: bool,
    /// It runs, is about to, or has not ended yet: a kubelet without its configuration is started again and again.
    pub active: bool,
    /// The init system's word: `active`, `activating`, `failed`, `inactive`, ….
    pub word: String,
}

/// The services of a host.
pub struct Services<'a> {
    host: &'a Host,
    init: InitSystem,
}

/// Shows that systemd runs the host, as in `sd_booted(3)`: the `systemctl` program alone
/// may be there in a container without systemd.
const SYSTEMD_BOOTED: &str = "/run/systemd/system";
const OPENRC_BOOTED: &str = "/run/openrc";

impl<'a> Services<'a> {
    /// Finds out what runs the host's services.
    pub fn of(host: &'a Host) -> Self {
        let init = if host.files.exists(Path::new(SYSTEMD_BOOTED)) && host.find("systemctl").is_some() {
            InitSystem::Systemd
        } else if host.files.exists(Path::new(OPENRC_BOOTED)) && host.find("rc-service").is_some() {
            InitSystem::OpenRc
        } else {
            InitSystem::Unknown
        };
        Self { host, init }
    }

    /// What runs the host's services.
    pub fn init_system(&self) -> InitSystem {
        self.init
    }

    /// What is known of a service.
    pub fn state(&self, service: &str) -> Result<State, HostError> {
        match self.init {
            InitSystem::Systemd => self.systemd_state(service),
            InitSystem::OpenRc => self.openrc_state(service),
            InitSystem::Unknown => Err(self.unknown("look at", service)),
        }
    }

    /// How often the service was restarted automatically since it was started manually; None where that is not counted.
    pub fn restarts(&self, service: &str) -> Option<u32> {
        let is_counted = self.init == InitSystem::Systemd;
        let command = Command::new(["systemctl", "show", "-p", "NRestarts", service]);
        let text = is_counted.then(|| self.host.read_text(&command).ok()).flatten()?;
        text.trim().strip_prefix("NRestarts=")?.parse().ok()
    }

    /// How long ago the service was started; None where that is not known.
    pub fn age(&self, service: &str) -> Option<Duration> {
        let is_known = self.init == InitSystem::Systemd;
        let command = Command::new(["systemctl", "show", "-p", "ActiveEnterTimestampMonotonic", service]);
        let text = is_known.then(|| self.host.read_text(&command).ok()).flatten()?;
        let start: u64 = text.trim().strip_prefix("ActiveEnterTimestampMonotonic=")?.parse().ok()?;
        let uptime = self.host.files.read_text(Path::new("/proc/uptime")).ok().flatten()?;
        let uptime = Duration::try_from_secs_f64(uptime.split(' ').next()?.parse().ok()?).ok()?;
        // Zero: it has never been started.
        (start > 0).then(|| uptime.saturating_sub(Duration::from_micros(start)))
    }

    /// The program and the arguments that the service is started with; None where that is not known.
    pub fn command_line(&self, service: &str) -> Option<Vec<String>> {
        let command = Command::new(["systemctl", "show", "-p", "ExecStart", service]);
        let text = (self.init == InitSystem::Systemd).then(|| self.host.read_text(&command).ok()).flatten()?;
        let (_, line) = text.split_once("argv[]=")?;
        let (line, _) = line.split_once(" ;")?;
        Some(line.split_whitespace().map(str::to_owned).collect())
    }

    /// Starts a service now.
    pub fn start(&self, service: &str) -> Result<(), HostError> {
        self.act("start", service)
    }

    /// Stops a service.
    pub fn stop(&self, service: &str) -> Result<(), HostError> {
        self.act("stop", service)
    }

    /// Stops and starts a service.
    pub fn restart(&self, service: &str) -> Result<(), HostError> {
        self.act("restart", service)
    }

    /// Enables a service at boot.
    pub fn enable(&self, service: &str) -> Result<(), HostError> {
        self.act("enable", service)
    }

    /// Disables a service at boot.
    pub fn disable(&self, service: &str) -> Result<(), HostError> {
        self.act("disable", service)
    }

    /// Makes systemd read its unit files again; other init systems read them each time.
    pub fn reload_units(&self) -> Result<(), HostError> {
        if self.init == InitSystem::Systemd {
            self.host.change("read the unit files again", &Command::new(["systemctl", "daemon-reload"]))?;
        }
        Ok(())
    }

    /// The command with which a person lets the service start at boot.
    pub fn enable_command(&self, service: &str) -> String {
        self.words("enable", service).map_or_else(
            || format!("enable {service} at boot with the init system of this host"),
            |words| format!("run '{}'", words.join(" ")),
        )
    }

    /// The last `lines` lines a service wrote to the journal, oldest first. Empty without a
    /// journal (`OpenRC` services write to files of their own choice).
    pub fn journal(&self, service: &str, lines: usize) -> Result<Vec<String>, HostError> {
        if self.init != InitSystem::Systemd || self.host.find("journalctl").is_none() {
            return Ok(Vec::new());
        }
        let count = lines.to_string();
        let words = ["journalctl", "-u", service, "-b", "-n", &count, "-o", "cat", "--no-pager", "--quiet"];
        let text = self.host.read_text(&Command::new(words))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn systemd_state(&self, service: &str) -> Result<State, HostError> {
        let command = Command::new(["systemctl", "show", "-p", "LoadState,ActiveState,UnitFileState", service]);
        let text = self.host.read_text(&command)?;
        let value = |key: &str| {
            text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default().trim()
        };
        let word = value("ActiveState").to_owned();
        if word.is_empty() {
            return Err(HostError::Unexpected { command: command.shown(), expected: "a unit's state", text });
        }
        Ok(State {
            exists: value("LoadState") == "loaded",
            // A unit pulled in by another one is as good as enabled; one enabled in /run is not after a boot.
            enabled: matches!(value("UnitFileState"), "enabled" | "static" | "indirect" | "alias" | "generated"),
            active: matches!(word.as_str(), "active" | "activating" | "deactivating" | "reloading"),
            word,
        })
    }

    fn openrc_state(&self, service: &str) -> Result<State, HostError> {
        let exists = self.host.files.exists(&Path::new("/etc/init.d").join(service));
        if !exists {
            return Ok(State { exists, enabled: false, active: false, word: "not-found".into() });
        }
        let status = self.host.read(&Command::new(["rc-service", service, "status"]))?;
        let levels = self.host.read_text(&Command::new(["rc-update", "show"]))?;
        let enabled = levels.lines().any(|line| {
            line.split_once('|').is_some_and(|(name, levels)| name.trim() == service && !levels.trim().is_empty())
        });
        let active = status.is_success();
        Ok(State { exists, enabled, active, word: if active { "started" } else { "stopped" }.into() })
    }

    fn act(&self, verb: &'static str, service: &str) -> Result<(), HostError> {
        let words = self.words(verb, service).ok_or_else(|| self.unknown(verb, service))?;
        let (what, command) = (format!("{verb} {service}"), Command::new(words));
        let Err(error) = self.host.change(&what, &command) else { return Ok(()) };
        if !self.is_rate_limited(verb, service) {
            return Err(error);
        }
        let reset = Command::new(["systemctl", "reset-failed", service]);
        self.host.change(&format!("reset the start limit of {service}"), &reset)?;
        self.host.change(&what, &command).map(|_| ())
    }

    /// True if systemd refused a start only because the unit was started too often in a short time, for example while
    /// the user tried several configurations.
    fn is_rate_limited(&self, verb: &str, service: &str) -> bool {
        let command = Command::new(["systemctl", "show", "-p", "Result", service]);
        self.init == InitSystem::Systemd
            && matches!(verb, "start" | "restart")
            && self.host.read_text(&command).is_ok_and(|text| text.trim() == "Result=start-limit-hit")
    }

    fn words(&self, verb: &str, service: &str) -> Option<Vec<String>> {
        let words = match (self.init, verb) {
            (InitSystem::Systemd, _) => vec!["systemctl", verb, service],
            (InitSystem::OpenRc, "enable") => vec!["rc-update", "add", service, "default"],
            (InitSystem::OpenRc, "disable") => vec!["rc-update", "del", service, "default"],
            (InitSystem::OpenRc, _) => vec!["rc-service", service, verb],
            (InitSystem::Unknown, _) => return None,
        };
        Some(words.into_iter().map(str::to_owned).collect())
    }

    fn unknown(&self, verb: &'static str, service: &str) -> HostError {
        let why = match (self.host.find("systemctl"), self.host.find("rc-service")) {
            (Some(_), _) => format!("systemctl is installed but systemd did not boot this host (no {SYSTEMD_BOOTED})"),
            (None, Some(_)) => format!("OpenRC is installed but did not boot this host (no {OPENRC_BOOTED})"),
            (None, None) => "this host has neither systemd nor OpenRC".into(),
        };
        HostError::NoInitSystem { verb, service: service.into(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::Fault;
    use crate::host::command::Output;
    use crate::host::command::fake::FakeHost;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    const SHOW: &str = "systemctl show -p LoadState,ActiveState,UnitFileState kubelet";

    #[test]
    fn a_kubelet_that_is_started_again_and_again_counts_as_active() {
        let fake =
            FakeHost::new().systemd().on(SHOW, "LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n");
        let state = Services::of(&fake.live()).state("kubelet").unwrap();
        assert_eq!(state, State { exists: true, enabled: true, active: true, word: "activating".into() });
    }

    #[test]
    fn restarts_are_counted_where_systemd_counts_them() {
        let restarts = |answer: &str| {
            let fake = FakeHost::new().systemd().on("systemctl show -p NRestarts kubelet", answer);
            Services::of(&fake.live()).restarts("kubelet")
        };
        // Before version 235 the property does not exist.
        assert_eq!((restarts("NRestarts=17\n"), restarts("\n")), (Some(17), None));
        assert_eq!(Services::of(&FakeHost::new().live()).restarts("kubelet"), None);
    }

    #[test]
    fn the_age_of_a_service_is_counted_from_its_last_start() {
        let age = |start: &str| {
            let fake = FakeHost::new()
                .systemd()
                .file("/proc/uptime", "100.50 380.11\n")
                .on("systemctl show -p ActiveEnterTimestampMonotonic kubelet", start);
            Services::of(&fake.live()).age("kubelet")
        };
        assert_eq!(age("ActiveEnterTimestampMonotonic=98500000\n"), Some(Duration::from_secs(2)));
        assert_eq!(age("ActiveEnterTimestampMonotonic=0\n"), None);
        assert_eq!(age("\n"), None);
    }

    #[test]
    fn a_service_that_is_still_ending_has_not_ended() {
        let fake =
            FakeHost::new().systemd().on(SHOW, "LoadState=loaded\nActiveState=deactivating\nUnitFileState=enabled\n");
        assert!(Services::of(&fake.live()).state("kubelet").unwrap().active);
    }

    #[test]
    fn a_unit_that_is_enabled_until_the_next_boot_is_not_enabled() {
        let shown = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled-runtime\n";
        let fake = FakeHost::new().systemd().on(SHOW, shown);
        assert!(!Services::of(&fake.live()).state("kubelet").unwrap().enabled);
    }

    #[test]
    fn a_unit_that_is_not_there_is_not_an_error() {
        let fake = FakeHost::new().systemd().on(SHOW, "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n");
        let state = Services::of(&fake.live()).state("kubelet").unwrap();
        assert!(!state.exists && !state.enabled && !state.active);
    }

    #[test]
    fn a_rate_limited_unit_is_started_again() {
        let limit_is_reset = Arc::new(AtomicBool::new(false));
        let (reset, is_reset) = (Arc::clone(&limit_is_reset), limit_is_reset);
        let answer = |code: i32| Output { code: Some(code), ..Output::default() };
        let fake = FakeHost::new()
            .systemd()
            .on("systemctl show -p Result containerd", "Result=start-limit-hit\n")
            .on_computed("systemctl reset-failed containerd", move |_| {
                reset.store(true, Ordering::Relaxed);
                answer(0)
            })
            .on_computed("systemctl restart containerd", move |_| answer(i32::from(!is_reset.load(Ordering::Relaxed))));
        Services::of(&fake.live()).restart("containerd").unwrap();
    }

    #[test]
    fn a_unit_that_fails_is_not_started_again() {
        let fake = FakeHost::new().systemd().on("systemctl show -p Result containerd", "Result=exit-code\n").on_result(
            "systemctl restart containerd",
            1,
            "",
            "Job failed.",
        );
        Services::of(&fake.live()).restart("containerd").unwrap_err();
        let restarts = fake.ran().iter().filter(|command| *command == "systemctl restart containerd").count();
        assert_eq!(restarts, 1);
    }

    #[test]
    fn systemctl_without_systemd_is_reported() {
        let fake = FakeHost::new().program("systemctl");
        let host = fake.live();
        let error = Services::of(&host).start("kubelet").unwrap_err();
        assert!(error.to_string().contains("systemd did not boot this host"), "{error}");
        assert!(error.hint().unwrap().contains("--skip-phases"));
    }

    #[test]
    fn openrc_is_asked_in_its_own_words() {
        let fake = FakeHost::new()
            .file("/run/openrc/softlevel", "default")
            .file("/etc/init.d/kubelet", "")
            .on("rc-service kubelet status", " * status: started\n")
            .on("rc-update show", "  crond | default\n kubelet |      default\n")
            .on("rc-service kubelet restart", "");
        let host = fake.live();
        let services = Services::of(&host);
        assert!(services.state("kubelet").unwrap().enabled);
        services.restart("kubelet").unwrap();
        assert_eq!(services.enable_command("kubelet"), "run 'rc-update add kubelet default'");
    }
}
