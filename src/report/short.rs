//! Every change in short, by kind: what a certificate is for instead of its PEM, how long a file is instead of its
//! text, and the difference of what changes.

use super::about::{About, CertificateFacts};
use super::difference::{facts, unified_lines};
use super::item::Item;
use super::paint::{Paint, Tone};
use super::row::Row;
use crate::base::gate::{Change, Exchange};
use std::path::Path;

/// The parts of a plan, in the order in which they are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Certificates,
    Kubeconfigs,
    StaticPods,
    Files,
    Commands,
    Runtime,
    Etcd,
    Cluster,
    Removed,
}

const PARTS: [(Part, &str); 9] = [
    (Part::Certificates, "Certificates and keys"),
    (Part::Kubeconfigs, "Kubeconfigs"),
    (Part::StaticPods, "Static Pods"),
    (Part::Files, "Files"),
    (Part::Commands, "Services and commands"),
    (Part::Runtime, "Container runtime"),
    (Part::Etcd, "etcd"),
    (Part::Cluster, "Cluster"),
    (Part::Removed, "Removed from this host"),
];

/// The changes in short.
pub fn text(items: &[Item], paint: Paint) -> String {
    let part = |(title, rows): (&str, Vec<Row>)| {
        let rows: String = rows.iter().map(|row| row.text(paint)).collect();
        format!("{}\n{rows}", paint.text(Tone::Title, &format!("{title}:")))
    };
    parts(items).into_iter().map(part).collect()
}

/// The changes by part, each with its title; parts without changes are left out.
pub fn parts(items: &[Item]) -> Vec<(&'static str, Vec<Row>)> {
    let part = |(part, title)| {
        let chosen: Vec<&Item> = items.iter().filter(|item| part_of(item) == part).collect();
        (title, rows(&chosen))
    };
    PARTS.into_iter().map(part).filter(|(_, rows)| !rows.is_empty()).collect()
}

fn part_of(item: &Item) -> Part {
    match (&item.entry.change, &item.about) {
        (Change::Remove { .. }, _) => Part::Removed,
        (Change::Run { .. }, _) => Part::Commands,
        (Change::Request { api, .. }, _) => match api.as_str() {
            "cri" => Part::Runtime,
            "etcd" => Part::Etcd,
            _ => Part::Cluster,
        },
        (_, Some(About::Certificates { .. } | About::Request(_) | About::PublicKey(_) | About::PrivateKey(_))) => {
            Part::Certificates
        }
        (_, Some(About::Kubeconfig(_))) => Part::Kubeconfigs,
        (_, Some(About::StaticPod(_))) => Part::StaticPods,
        _ => Part::Files,
    }
}

/// The rows of one part. Items of which there is nothing to say but a name share a row with others of their kind,
/// at the place of the first.
fn rows(items: &[&Item]) -> Vec<Row> {
    let mut groups: Vec<Group> = Vec::new();
    for item in items {
        match shared(item) {
            Some((kind, name)) => match groups.iter_mut().find(|group| group.kind.as_ref() == Some(&kind)) {
                Some(group) => group.names.push(name),
                None => groups.push(Group { kind: Some(kind), names: vec![name], row: Row::default() }),
            },
            None => groups.push(Group { kind: None, names: Vec::new(), row: one(item) }),
        }
    }
    groups.into_iter().map(Group::row).collect()
}

/// Items in one row, or a single one.
struct Group {
    kind: Option<Kind>,
    names: Vec<String>,
    row: Row,
}

/// What items on one line have in common.
#[derive(Clone, PartialEq, Eq)]
struct Kind {
    verb: String,
    one: String,
    several: String,
}

impl Group {
    fn row(self) -> Row {
        let Some(kind) = self.kind else { return self.row };
        let noun = if self.names.len() == 1 { kind.one } else { kind.several };
        if noun.ends_with(':') {
            return Row { names: self.names, ..Row::new(&kind.verb, noun) };
        }
        Row::new(&kind.verb, format!("{noun} {}", self.names.join(", ")))
    }
}

/// The kind and name of an item that shares its line.
fn shared(item: &Item) -> Option<(Kind, String)> {
    let kind = |verb: &str, one: String, several: String| Kind { verb: verb.into(), one, several };
    match (&item.entry.change, &item.about) {
        (Change::CreateDirectory { path, mode }, _) => Some((
            kind("create", format!("directory ({mode:04o})"), format!("directories ({mode:04o})")),
            path.display().to_string(),
        )),
        (Change::WriteFile { path, mode, .. }, Some(About::PrivateKey(key))) => {
            let about = key.algorithm.map(|name| format!(", {name}")).unwrap_or_default();
            let about = format!("({mode:04o}{about})");
            Some((
                kind(verb_of(&item.entry.change), format!("private key {about}"), format!("private keys {about}")),
                path.display().to_string(),
            ))
        }
        (Change::WriteFile { path, mode, before: None, .. }, Some(About::Kubeconfig(facts))) => {
            let day = facts.day()?;
            let kubeconfig = |noun: &str| format!("{noun} ({mode:04o}) for {}, until {day}:", facts.server);
            Some((
                kind("create", kubeconfig("kubeconfig"), kubeconfig("kubeconfigs")),
                format!("{} ({})", path.display(), facts.user),
            ))
        }
        (Change::WriteFile { path, mode, before: None, .. }, Some(About::Hidden { note })) if note.contains("copy") => {
            Some((
                kind("create", format!("copy ({mode:04o})"), format!("copies ({mode:04o})")),
                path.display().to_string(),
            ))
        }
        (Change::Request { verb, object, exchange: None, .. }, _) => {
            let (noun, name) = object.split_once(' ')?;
            Some((kind(verb, noun.into(), noun.into()), name.into()))
        }
        _ => None,
    }
}

fn verb_of(change: &Change) -> &'static str {
    match change {
        Change::WriteFile { before: Some(_), .. } => "change",
        _ => "create",
    }
}

fn one(item: &Item) -> Row {
    match &item.entry.change {
        Change::WriteFile { path, mode, before, after } => {
            file(item, format!("{} ({mode:04o})", path.display()), before.as_deref(), after)
        }
        Change::WriteLink { path, target } => Row::new("link", format!("{} to {}", path.display(), target.display())),
        Change::Remove { path } => Row::new("remove", shown(path)),
        Change::Run { what, command } => Row { command: Some(command.join(" ")), ..Row::new("", what) },
        Change::Request { verb, object, exchange: Some(Exchange { before, after }), .. } => {
            Row { difference: unified_lines(before, after), ..Row::new(verb, object) }
        }
        Change::Request { verb, object, .. } => Row::new(verb, object),
        Change::CreateDirectory { path, .. } => Row::new("create", shown(path)),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A file with its facts, or with what changes of them.
fn file(item: &Item, place: String, before: Option<&str>, after: &str) -> Row {
    let verb = verb_of(&item.entry.change);
    let Some(about) = &item.about else { return Row::new(verb, place) };
    let old = item.about_before.as_ref().and_then(comparable);
    let difference = match (before, old, comparable(about)) {
        (Some(_), Some(old), Some(new)) => facts(&old, &new),
        (Some(before), _, None) => unified_lines(before, after),
        _ => {
            let (note, details) = described(about, after);
            return Row { details, ..Row::new(verb, place + &note) };
        }
    };
    if difference.is_empty() {
        // The mode changes, or a value that is masked on both sides.
        return Row { notes: vec!["the mode, or content that is not shown".into()], ..Row::new(verb, place) };
    }
    Row { difference, ..Row::new(verb, place) }
}

/// Text of so few lines is shown.
const FEW_LINES: usize = 3;

/// What follows the path of a new file on its line, and the sentences below it; `shown` is its text.
fn described(about: &About, shown: &str) -> (String, Vec<String>) {
    match about {
        About::Certificates { certificates } => {
            (String::new(), certificates.iter().flat_map(CertificateFacts::sentences).collect())
        }
        About::Request(key) => (format!(", request{}", after_comma(key.algorithm)), Vec::new()),
        About::PublicKey(key) => (format!(", public key{}", after_comma(key.algorithm)), Vec::new()),
        About::PrivateKey(key) => (format!(", private key{}", after_comma(key.algorithm)), Vec::new()),
        About::Kubeconfig(facts) => (String::new(), vec![facts.sentence()]),
        About::StaticPod(facts) => {
            let words = std::iter::once(&facts.image).chain(&facts.flags);
            (String::new(), vec![words.map(String::as_str).collect::<Vec<_>>().join(" ")])
        }
        About::Text { lines } if *lines <= FEW_LINES => (String::new(), vec![shown.to_owned()]),
        About::Text { lines } => (format!(", {}", super::count(*lines, "line")), Vec::new()),
        About::Hidden { note } => (format!(", {note}"), Vec::new()),
    }
}

fn after_comma(text: Option<&str>) -> String {
    text.map(|text| format!(", {text}")).unwrap_or_default()
}

/// The facts that take the place of the text in a comparison, one a line.
fn comparable(about: &About) -> Option<String> {
    match about {
        About::Certificates { certificates } => Some(certificates.iter().map(CertificateFacts::lines).collect()),
        About::Kubeconfig(facts) => Some(facts.lines()),
        _ => None,
    }
}
