//! Hosts for unit tests: each answers the commands that it expects, in this order, and fails the test on any other.

use super::remote::{Connect, Ran, Remote};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::config::cluster::HostEntry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The connection broke.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut")]
pub struct Cut;

impl Fault for Cut {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
    fn retryable(&self) -> bool {
        true
    }
}

#[derive(Clone)]
struct Answer {
    words: String,
    lines: Vec<String>,
    cut: bool,
    always: bool,
}

#[derive(Clone, Default)]
pub struct TestHosts {
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Answer>>>>,
    /// What was asked, as `HOST: WORDS`, with its standard input.
    pub asked: Arc<Mutex<Vec<(String, String)>>>,
    pub dead: Arc<Mutex<Vec<String>>>,
}

pub struct Expected<'a> {
    hosts: &'a TestHosts,
    host: String,
}

impl Expected<'_> {
    fn edit(self, edit: impl FnOnce(&mut Answer)) -> Self {
        edit(self.hosts.answers.lock().unwrap().get_mut(&self.host).unwrap().back_mut().unwrap());
        self
    }
    /// The connection breaks after the lines.
    pub fn cut(self) -> Self {
        self.edit(|answer| answer.cut = true)
    }
    /// It is asked any number of times.
    pub fn always(self) -> Self {
        self.edit(|answer| answer.always = true)
    }
}

impl TestHosts {
    /// The host expects a command that starts with these words, and prints these lines.
    pub fn on(&self, host: &str, words: &str, lines: &[&str]) -> Expected<'_> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let answer = Answer { words: words.into(), lines, cut: false, always: false };
        self.answers.lock().unwrap().entry(host.into()).or_default().push_back(answer);
        Expected { hosts: self, host: host.into() }
    }

    /// The host does not respond.
    pub fn kill(&self, host: &str) {
        self.dead.lock().unwrap().push(host.into());
    }

    /// All expected commands were run.
    #[track_caller]
    pub fn all_used(&self) {
        for (host, answers) in &*self.answers.lock().unwrap() {
            let left: Vec<&str> = answers.iter().filter(|it| !it.always).map(|it| it.words.as_str()).collect();
            assert!(left.is_empty(), "{host} was not asked: {left:?}");
        }
    }
}

impl Connect for TestHosts {
    fn connect(&self, host: &HostEntry) -> Result<Box<dyn Remote>> {
        if self.dead.lock().unwrap().contains(&host.target.host) {
            return Err(Cut.into());
        }
        Ok(Box::new(TestHost { hosts: self.clone(), name: host.target.host.clone() }))
    }
}

struct TestHost {
    hosts: TestHosts,
    name: String,
}

impl Remote for TestHost {
    fn run(&mut self, words: &[&str], input: &[u8], line: &mut dyn FnMut(&str) -> bool) -> Result<Ran> {
        let words = words.join(" ");
        let input = String::from_utf8_lossy(input).into_owned();
        self.hosts.asked.lock().unwrap().push((format!("{}: {words}", self.name), input));
        let answer = {
            let mut all = self.hosts.answers.lock().unwrap();
            let answers = all.get_mut(&self.name).unwrap_or_else(|| panic!("{}: unexpected '{words}'", self.name));
            let at = answers.iter().position(|answer| words.starts_with(&answer.words));
            let at = at.unwrap_or_else(|| panic!("{}: unexpected '{words}'", self.name));
            if answers[at].always { answers[at].clone() } else { answers.remove(at).unwrap() }
        };
        for text in &answer.lines {
            if !line(text) {
                return Err(Cut.into());
            }
        }
        if answer.cut {
            return Err(Cut.into());
        }
        Ok(Ran::default())
    }
}

/// A line of `hosts`.
pub fn entry(host: &str, role: &str) -> HostEntry {
    file(&format!("hosts:\n- {{ssh: {host}, role: {role}}}\n- {{ssh: another, role: control-plane}}\n")).hosts.remove(0)
}

/// A file with these lines behind the header.
pub fn file(body: &str) -> crate::config::cluster::ClusterFile {
    let text = format!("apiVersion: kubewright.io/v1alpha1\nkind: Cluster\n{body}");
    crate::config::parse("c.yaml", text.as_bytes()).unwrap().hosts().unwrap_or_else(|errors| panic!("{errors}"))
}
