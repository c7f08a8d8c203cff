//! The first lines of a plan: how much of what is created, changed, removed, run and requested.

use super::about::About;
use super::item::Item;
use super::paint::{Paint, Tone};
use super::{WIDTH, count};
use crate::base::gate::Change;
use crate::base::wrap::wrap;
use std::path::Path;

/// Longer lists are counted only: each of their items follows in the plan anyway.
const LISTED: usize = 12;

/// The summary, with a hint at how to see more.
pub fn text(items: &[Item], verbosity: u8, paint: Paint) -> String {
    let planned = format!("{} planned. Nothing was changed.", count(items.len(), "change"));
    let more = if verbosity == 0 { " Add -v to show them in full." } else { "" };
    let mut text = format!("{}{more}\n", paint.text(Tone::Title, &planned));
    let rows = [
        ("create", Tone::Added, files(items, true)),
        ("change", Tone::Changed, files(items, false)),
        ("remove", Tone::Removed, removed(items)),
        ("run", Tone::Changed, runs(items)),
        ("runtime", Tone::Changed, requests(items, "cri")),
        ("etcd", Tone::Changed, requests(items, "etcd")),
        ("cluster", Tone::Changed, requests(items, "kubernetes")),
    ];
    for (label, tone, parts) in rows {
        if !parts.is_empty() {
            let first = format!("  {}{}", paint.text(tone, label), " ".repeat(10 - label.len()));
            text += &wrap(&parts.join("; "), WIDTH, &first, &" ".repeat(12));
        }
    }
    text
}

/// What a file is called, one and several.
type Noun = (&'static str, &'static str);

const NOUNS: [Noun; 9] = [CERTIFICATE, REQUEST, KEY, PUBLIC_KEY, KUBECONFIG, POD, FILE, COPY, DIRECTORY];
const CERTIFICATE: Noun = ("certificate", "certificates");
const REQUEST: Noun = ("certificate request", "certificate requests");
const KEY: Noun = ("private key", "private keys");
const PUBLIC_KEY: Noun = ("public key", "public keys");
const KUBECONFIG: Noun = ("kubeconfig", "kubeconfigs");
const POD: Noun = ("static Pod", "static Pods");
const FILE: Noun = ("file", "files");
const COPY: Noun = ("copy", "copies");
const DIRECTORY: Noun = ("directory", "directories");

/// The noun, and the name in a list; none where the number says enough.
fn described(item: &Item) -> Option<(Noun, Option<String>)> {
    match (&item.entry.change, &item.about) {
        (Change::CreateDirectory { .. }, _) => Some((DIRECTORY, None)),
        (Change::WriteLink { path, .. }, _) => Some((FILE, name(path, true))),
        (Change::WriteFile { path, .. }, Some(about)) => Some(match about {
            About::Certificates { .. } => (CERTIFICATE, name(path, false)),
            About::Request(_) => (REQUEST, name(path, false)),
            About::PrivateKey(_) => (KEY, None),
            About::PublicKey(_) => (PUBLIC_KEY, name(path, true)),
            About::Kubeconfig(_) => (KUBECONFIG, name(path, true)),
            About::StaticPod(facts) => (POD, Some(facts.name.clone())),
            About::Hidden { note } if note.contains("copy") => (COPY, None),
            About::Text { .. } | About::Hidden { .. } => (FILE, name(path, true)),
        }),
        _ => None,
    }
}

/// The file's name, with its directory if that distinguishes it; without the extension unless `whole`.
fn name(path: &Path, whole: bool) -> Option<String> {
    let file = if whole { path.file_name() } else { path.file_stem() }?.to_string_lossy();
    let is_etcd = path.parent().is_some_and(|parent| parent.ends_with("pki/etcd"));
    Some(if is_etcd { format!("etcd/{file}") } else { file.into_owned() })
}

/// The files that are created, or that change.
fn files(items: &[Item], created: bool) -> Vec<String> {
    let is_new = |change: &Change| !matches!(change, Change::WriteFile { before: Some(_), .. });
    let chosen = items.iter().filter(|item| is_new(&item.entry.change) == created);
    let described: Vec<_> = chosen.filter_map(described).collect();
    let counted = NOUNS.iter().map(|noun| {
        let names: Vec<_> = described.iter().filter(|(other, _)| other == noun).map(|(_, name)| name.clone()).collect();
        (*noun, names)
    });
    counted
        .filter(|(_, names)| !names.is_empty())
        .map(|((one, several), names)| {
            let number = names.len();
            let names: Option<Vec<String>> = names.into_iter().collect();
            format!("{number} {}{}", if number == 1 { one } else { several }, listed(names.unwrap_or_default()))
        })
        .collect()
}

/// The names in parentheses; nothing if there are none or too many.
fn listed(mut names: Vec<String>) -> String {
    names.dedup();
    if names.is_empty() || names.len() > LISTED { String::new() } else { format!(" ({})", names.join(", ")) }
}

fn removed(items: &[Item]) -> Vec<String> {
    let paths = items.iter().filter_map(|item| match &item.entry.change {
        Change::Remove { path } => Some(path.display().to_string()),
        _ => None,
    });
    let paths: Vec<String> = paths.collect();
    let number = paths.len();
    if number == 0 { Vec::new() } else { vec![format!("{}{}", count(number, "path"), listed(paths))] }
}

fn runs(items: &[Item]) -> Vec<String> {
    let runs = items.iter().filter_map(|item| match &item.entry.change {
        Change::Run { what, .. } => Some(what.clone()),
        _ => None,
    });
    let runs: Vec<String> = runs.collect();
    if runs.len() > LISTED { vec![count(runs.len(), "command")] } else { runs }
}

/// The requests to one API: objects that are created are counted, others are named too.
fn requests(items: &[Item], to: &str) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for item in items {
        let Change::Request { api, verb, object, .. } = &item.entry.change else { continue };
        match groups.iter_mut().find(|(known, _)| *known == verb.as_str()) {
            _ if api != to => {}
            Some((_, objects)) => objects.push(object.clone()),
            None => groups.push((verb.as_str(), vec![object.clone()])),
        }
    }
    let counted = groups.into_iter().map(|(verb, objects)| match (verb, objects.len()) {
        ("create" | "pull", 4..) | (_, 13..) => format!("{verb} {}", objects_text(to, objects.len())),
        _ => format!("{verb} {}", objects.join(", ")),
    });
    counted.collect()
}

fn objects_text(api: &str, number: usize) -> String {
    let noun = match api {
        "cri" => "image",
        "kubernetes" => "object",
        _ => "change",
    };
    count(number, noun)
}
