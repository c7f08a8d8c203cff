//! Starts an sshd with its own configuration, keys and port, and has a client's files for it.
//!
//! With users it runs in a mount namespace whose `/etc` has them, so that nothing of this machine is changed.

use crate::support::run::{Finished, Run};
use kubewright::base::env::{Clock, Random};
use kubewright::base::gate::Gate;
use kubewright::base::secret::Secret;
use kubewright::ssh::config::Place;
use kubewright::ssh::{Connector, Host, Overrides, Prompts, SshConfig, SshError, Target};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The password of users.
pub const PASSWORD: &str = "correct horse";

/// An sshd that is to be started.
#[must_use]
pub struct Server {
    dir: TempDir,
    config: String,
    host_keys: Vec<&'static str>,
    users: Vec<String>,
    etc: Vec<(String, String)>,
    setup: String,
    own_address: &'static str,
}

/// A running sshd, and the home directory of its client.
pub struct Running {
    pub dir: TempDir,
    pub port: u16,
    pub address: &'static str,
    child: Child,
}

pub fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    // Users other than ours read their files below it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).unwrap();
    let ssh = dir.path().join("home/.ssh");
    std::fs::create_dir_all(&ssh).unwrap();
    keygen(&ssh.join("id_ed25519"), &["-t", "ed25519", "-N", ""]);
    Server {
        dir,
        config: String::new(),
        host_keys: vec!["ed25519", "ecdsa"],
        users: Vec::new(),
        etc: Vec::new(),
        setup: String::new(),
        own_address: "127.0.0.1",
    }
}

/// Makes a key with `ssh-keygen`.
pub fn keygen(path: &Path, args: &[&str]) {
    let made = Command::new("ssh-keygen").args(["-q", "-C", "test", "-f"]).arg(path).args(args).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// `SHA256:…` of a public key, as `ssh-keygen` prints it.
pub fn fingerprint(public: &Path) -> String {
    let printed = Command::new("ssh-keygen").arg("-lf").arg(public).output().unwrap();
    String::from_utf8(printed.stdout).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

impl Server {
    /// A line of `sshd_config`; the first of a keyword counts.
    pub fn config(mut self, line: &str) -> Self {
        self.config += &format!("{line}\n");
        self
    }

    pub fn host_keys(mut self, kinds: &[&'static str]) -> Self {
        self.host_keys = kinds.to_vec();
        self
    }

    /// A user of the namespace with this login shell and, in its home directory, these files.
    pub fn user(mut self, name: &str, shell: &str, files: &[(&str, &str)]) -> Self {
        let id = 4242 + self.users.len();
        let home = self.dir.path().join(format!("homes/{name}"));
        std::fs::create_dir_all(&home).unwrap();
        for (file, text) in files {
            std::fs::write(home.join(file), text).unwrap();
        }
        self.users.push(format!("{name}:x:{id}:{id}::{}:{shell}", home.display()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file of `/etc` in the namespace.
    pub fn etc(mut self, name: &str, text: &str) -> Self {
        self.etc.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Shell commands in the namespace before sshd starts.
    pub fn setup(mut self, script: &str) -> Self {
        self.setup += &format!("{script}\n");
        self
    }

    pub fn address(mut self, address: &'static str) -> Self {
        self.own_address = address;
        self
    }

    pub fn start(self) -> Running {
        // The port may be taken between the look and the start.
        for _ in 0..5 {
            let port = TcpListener::bind((self.own_address, 0)).unwrap().local_addr().unwrap().port();
            if let Some(child) = self.attempt(port) {
                let running = Running { dir: self.dir, port, address: self.own_address, child };
                running.know();
                running.client_config("");
                return running;
            }
        }
        panic!("sshd does not start: {}", std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default());
    }

    fn attempt(&self, port: u16) -> Option<Child> {
        let dir = self.dir.path();
        let d = dir.display();
        let mut text = self.config.clone();
        text += &format!("Port {port}\nListenAddress {}\nAuthorizedKeysFile {d}/authorized_keys\n", self.own_address);
        text += "StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n";
        text += "PermitRootLogin prohibit-password\n";
        for kind in &self.host_keys {
            let key = dir.join(format!("host_{kind}"));
            if !key.exists() {
                keygen(&key, &["-t", kind, "-N", ""]);
            }
            text += &format!("HostKey {}\n", key.display());
        }
        std::fs::write(dir.join("sshd_config"), text).unwrap();
        if !dir.join("authorized_keys").exists() {
            std::fs::copy(dir.join("home/.ssh/id_ed25519.pub"), dir.join("authorized_keys")).unwrap();
        }
        let _ = std::fs::remove_file(dir.join("log"));
        if rustix_is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let sshd = format!("exec /usr/sbin/sshd -D -f {d}/sshd_config -E {d}/log");
        let mut command = if self.users.is_empty() && self.setup.is_empty() {
            // The profile of root on this machine is not what is tested.
            let quiet = format!("unshare --mount sh -c 'mount -t tmpfs tmpfs /root && {sshd}'");
            let mut command = Command::new("sh");
            command.args(["-c", &format!("unshare --mount true 2> /dev/null && exec {quiet}; {sshd}")]);
            command
        } else {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-euc", &format!("{}\n{sshd}", self.namespace())]);
            command
        };
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        for _ in 0..500 {
            let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
            if log.contains("Server listening") {
                return Some(child);
            }
            if let Some(status) = child.try_wait().unwrap() {
                let output = child.wait_with_output().unwrap();
                let printed = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(log.contains("in use"), "sshd ended with {status}: {log}{printed}");
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("sshd does not listen");
    }

    /// Lays another `/etc` and `/var/lib` over those of this machine.
    fn namespace(&self) -> String {
        let dir = self.dir.path();
        let etc = dir.join("etc");
        std::fs::create_dir_all(&etc).unwrap();
        let read = |name: &str| std::fs::read_to_string(Path::new("/etc").join(name)).unwrap_or_default();
        let (mut passwd, mut shadow, mut shells) = (read("passwd"), read("shadow"), read("shells"));
        let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let mut owners = String::new();
        for line in &self.users {
            let fields: Vec<&str> = line.split(':').collect();
            passwd += &format!("{line}\n");
            shadow += &format!("{}:{}:19000:0:99999:7:::\n", fields[0], hash.trim());
            shells += &format!("{}\n", fields[6]);
            owners += &format!("chown -R {}:{} {}\n", fields[2], fields[3], fields[5]);
        }
        let mut files = vec![("passwd", passwd), ("shadow", shadow), ("shells", shells)];
        files.extend(self.etc.iter().map(|(name, text)| (name.as_str(), text.clone())));
        let mut copy = String::new();
        for (index, (name, text)) in files.iter().enumerate() {
            std::fs::write(etc.join(index.to_string()), text).unwrap();
            copy += &format!("cat {}/{index} > /etc/{name}\n", etc.display());
        }
        let d = dir.display();
        format!(
            "mount --make-rprivate /\nmkdir -p {d}/etc-up /run/sudo\nmount -t tmpfs tmpfs {d}/etc-up\n\
             mount -t tmpfs -o mode=711 tmpfs /run/sudo\nmkdir {d}/etc-up/up {d}/etc-up/work\n\
             mount -t overlay overlay -o lowerdir=/etc,upperdir={d}/etc-up/up,workdir={d}/etc-up/work /etc\n\
             mount -t tmpfs -o mode=755 tmpfs /var/lib\nmount -t tmpfs -o mode=755 tmpfs /opt\n\
             mount -t tmpfs -o mode=755 tmpfs /usr/local/lib\n\
             {copy}chmod 640 /etc/shadow\n[ ! -e /etc/sudoers ] || chmod 440 /etc/sudoers\n{owners}{}",
            self.setup
        )
    }
}

/// The user that runs the tests, and so the servers.
pub fn user() -> String {
    if rustix_is_root() { "root".into() } else { std::env::var("USER").unwrap() }
}

fn rustix_is_root() -> bool {
    kubewright::base::env::Env::of_process().uid == 0
}

impl Running {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `HOST:PORT`, or `[HOST]:PORT`.
    pub fn host(&self) -> String {
        if self.address.contains(':') {
            format!("[{}]:{}", self.address, self.port)
        } else {
            format!("{}:{}", self.address, self.port)
        }
    }

    /// Writes all host keys to `known_hosts`.
    pub fn know(&self) {
        let kinds = ["ed25519", "ecdsa", "rsa"].into_iter().filter(|kind| self.path(&format!("host_{kind}")).exists());
        let lines: String = kinds.map(|kind| format!("{} {}\n", self.known_name(), self.host_key(kind))).collect();
        self.known_hosts(&lines);
    }

    pub fn known_name(&self) -> String {
        format!("[{}]:{}", self.address, self.port)
    }

    pub fn known_hosts(&self, text: &str) {
        std::fs::write(self.path("home/.ssh/known_hosts"), text).unwrap();
    }

    pub fn client_config(&self, text: &str) {
        std::fs::write(self.path("home/.ssh/config"), text).unwrap();
    }

    /// A public host key without its comment.
    pub fn host_key(&self, kind: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap();
        text.rsplit_once(' ').unwrap().0.to_owned()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    pub fn vars(&self) -> BTreeMap<String, String> {
        let home = self.path("home").display().to_string();
        [("HOME", home), ("USER", user()), ("PATH", "/usr/bin:/bin".into())]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// `kubewright ssh check` as the owner of the home directory.
    pub fn check(&self, args: &[&str]) -> Finished {
        self.check_with(args, "", &[])
    }

    pub fn check_with(&self, args: &[&str], stdin: &str, vars: &[(&str, &str)]) -> Finished {
        let config = self.path("home/.ssh/config");
        let mut run = Run::new(["ssh", "check"]).args(args).stdin(stdin);
        if !args.contains(&"-F") {
            // The configuration of this machine is not what is tested.
            run = run.arg("-F").arg(&config);
        }
        for (name, value) in &self.vars() {
            run = run.var(name, value);
        }
        for (name, value) in vars {
            run = run.var(name, value);
        }
        run.finish()
    }

    pub fn target(&self, user: Option<&str>, overrides: &Overrides) -> Result<Target, SshError> {
        let file = self.path("home/.ssh/config");
        let place = Place::of(&self.vars(), 0, file.exists().then_some(file));
        let config = SshConfig::read(&place)?;
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let address = format!("{user}{}", self.host()).parse().unwrap();
        Ok(config.resolve(&address, overrides)?)
    }

    pub fn connector(&self) -> Connector {
        connector(&self.vars(), None)
    }

    /// Connects with the library.
    pub fn connect(&self, user: Option<&str>) -> Result<Host, SshError> {
        self.connector().connect(&self.target(user, &Overrides::default())?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Phrase(Option<String>);

impl Prompts for Phrase {
    fn passphrase(&self, _key: &Path) -> Option<Secret<String>> {
        self.0.clone().map(Secret::new)
    }
}

/// A connector that answers questions for passphrases in this way.
pub fn connector(vars: &BTreeMap<String, String>, passphrase: Option<&str>) -> Connector {
    let prompts = Arc::new(Phrase(passphrase.map(str::to_owned)));
    Connector::new(vars, Clock::system(), Random::system(), prompts, Gate::open())
}
