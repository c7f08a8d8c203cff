//! Every change in short, by kind: what a certificate is for instead of its PEM, how long a file is instead of its
//! text, and the difference of what changes.

use super::WIDTH;
use super::about::{About, CertificateFacts};
use super::difference::{INDENT, facts, unified};
use super::item::Item;
use super::paint::{Paint, Tone};
use crate::base::gate::{Change, Exchange};
use crate::base::wrap::wrap;
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
    let mut text = String::new();
    for (part, title) in PARTS {
        let chosen: Vec<&Item> = items.iter().filter(|item| part_of(item) == part).collect();
        if !chosen.is_empty() {
            text += &format!("{}\n{}", paint.text(Tone::Title, &format!("{title}:")), lines(&chosen, paint));
        }
    }
    text
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

/// The lines of one part. Items of which there is nothing to say but a name share a line with others of their kind,
/// at the place of the first.
fn lines(items: &[&Item], paint: Paint) -> String {
    let mut groups: Vec<Group> = Vec::new();
    for item in items {
        match shared(item) {
            Some((kind, name)) => match groups.iter_mut().find(|group| group.kind == kind) {
                Some(group) => group.names.push(name),
                None => groups.push(Group { kind, names: vec![name], text: String::new() }),
            },
            None => groups.push(Group { kind: Kind::default(), names: Vec::new(), text: one(item, paint) }),
        }
    }
    groups.into_iter().map(|group| group.lines(paint)).collect()
}

/// Items on one line, or below one that ends with a colon, or the lines of a single one.
struct Group {
    kind: Kind,
    names: Vec<String>,
    text: String,
}

/// What items on one line have in common.
#[derive(Clone, Default, PartialEq, Eq)]
struct Kind {
    verb: String,
    one: String,
    several: String,
}

impl Group {
    fn lines(self, paint: Paint) -> String {
        if self.names.is_empty() {
            return self.text;
        }
        let noun = if self.names.len() == 1 { self.kind.one } else { self.kind.several };
        if noun.ends_with(':') {
            let names: String = self.names.iter().map(|name| format!("      {name}\n")).collect();
            return headed(&self.kind.verb, &noun, paint) + &names;
        }
        headed(&self.kind.verb, &format!("{noun} {}", self.names.join(", ")), paint)
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

/// `  create WHAT`, wrapped, with the verb in its colour.
fn headed(verb: &str, what: &str, paint: Paint) -> String {
    let tone = match verb {
        "create" | "pull" => Tone::Added,
        "remove" | "delete" | "evict" | "stop" => Tone::Removed,
        _ => Tone::Changed,
    };
    wrap(what, WIDTH, &format!("  {} ", paint.text(tone, verb)), "      ")
}

fn one(item: &Item, paint: Paint) -> String {
    match &item.entry.change {
        Change::WriteFile { path, mode, before, after } => {
            file(item, &format!("{} ({mode:04o})", path.display()), before.as_deref(), after, paint)
        }
        Change::WriteLink { path, target } => {
            headed("link", &format!("{} to {}", path.display(), target.display()), paint)
        }
        Change::Remove { path } => headed("remove", &shown(path), paint),
        // A command stays on one line, so that it can be copied.
        Change::Run { what, command } => format!("  {what}: {}\n", command.join(" ")),
        Change::Request { verb, object, exchange: Some(Exchange { before, after }), .. } => {
            headed(verb, object, paint) + &unified(before, after, paint)
        }
        Change::Request { verb, object, .. } => headed(verb, object, paint),
        Change::CreateDirectory { path, .. } => headed("create", &shown(path), paint),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A file with its facts, or with what changes of them.
fn file(item: &Item, place: &str, before: Option<&str>, after: &str, paint: Paint) -> String {
    let verb = verb_of(&item.entry.change);
    let Some(about) = &item.about else { return headed(verb, place, paint) };
    let old = item.about_before.as_ref().and_then(comparable);
    match (before, old, comparable(about)) {
        (Some(_), Some(old), Some(new)) => headed(verb, place, paint) + &shown_or_note(facts(&old, &new, paint)),
        (Some(before), _, None) => headed(verb, place, paint) + &shown_or_note(unified(before, after, paint)),
        _ => {
            let (note, details) = described(about, after);
            headed(verb, &format!("{place}{note}"), paint) + &details
        }
    }
}

/// Without a difference the mode changes, or a value that is masked on both sides.
fn shown_or_note(difference: String) -> String {
    if difference.is_empty() { format!("{INDENT}the mode, or content that is not shown\n") } else { difference }
}

/// Text of so few lines is shown.
const FEW_LINES: usize = 3;

/// What follows the path of a new file on its line, and the lines below it; `shown` is its text.
fn described(about: &About, shown: &str) -> (String, String) {
    let below = |text: &str| wrap(text, WIDTH, INDENT, INDENT);
    match about {
        About::Certificates { certificates } => {
            let sentences = certificates.iter().flat_map(CertificateFacts::sentences);
            (String::new(), sentences.map(|sentence| below(&sentence)).collect())
        }
        About::Request(key) => (format!(", request{}", after_comma(key.algorithm)), String::new()),
        About::PublicKey(key) => (format!(", public key{}", after_comma(key.algorithm)), String::new()),
        About::PrivateKey(key) => (format!(", private key{}", after_comma(key.algorithm)), String::new()),
        About::Kubeconfig(facts) => (String::new(), below(&facts.sentence())),
        About::StaticPod(facts) => {
            let words = std::iter::once(&facts.image).chain(&facts.flags);
            (String::new(), below(&words.map(String::as_str).collect::<Vec<_>>().join(" ")))
        }
        About::Text { lines } if *lines <= FEW_LINES => (String::new(), below(shown)),
        About::Text { lines } => (format!(", {}", super::count(*lines, "line")), String::new()),
        About::Hidden { note } => (format!(", {note}"), String::new()),
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
