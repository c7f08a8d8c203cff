//! Checks the kubelet's and kube-proxy's own configuration against the fields that a Kubernetes minor has: names, types,
//! units.

use super::identify::Document;
use super::kind::Kind;
use super::unit;
use crate::base::suggest::similar;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::tree::{Entry, Node, Value};
use crate::config::validate::{Validated, duration};
use crate::versions::component_fields::{self, ComponentField, FieldType};

/// The fields of a component's own configuration, of all minors; none for kubeadm's kinds.
pub(super) fn fields(kind: Kind) -> Vec<ComponentField> {
    match kind {
        Kind::Kubelet => component_fields::kubelet(),
        Kind::KubeProxy => component_fields::kube_proxy(),
        _ => Vec::new(),
    }
}

/// Reports everything in `document` that its component does not read. Without a minor every field of any minor is taken.
pub(in crate::config) fn check_component(document: &Document, minor: Option<u16>, report: &mut Report) {
    let checker = Checker { kind: document.kind, minor, all: fields(document.kind), report };
    let mut checker = checker;
    for entry in document.root.entries().iter().filter(|entry| !matches!(entry.key.as_str(), "apiVersion" | "kind")) {
        checker.entry(entry, "", "");
    }
}

struct Checker<'a> {
    kind: Kind,
    minor: Option<u16>,
    all: Vec<ComponentField>,
    report: &'a mut Report,
}

impl Checker<'_> {
    /// `path` is where the map is in the file, `key` the same in the table's words.
    fn entry(&mut self, entry: &Entry, path: &str, key: &str) {
        let (path, key) = (join(path, &entry.key), join(key, &entry.key));
        if entry.value.value == Value::Null && self.knows(&key) {
            return;
        }
        let field = self.all.iter().find(|field| field.path == key && self.has(field)).copied();
        if let Some(field) = field {
            self.value(field.of, &entry.value, &path);
        } else if self.has_below(&format!("{key}.")) {
            match &entry.value.value {
                Value::Map(entries) => entries.iter().for_each(|entry| self.entry(entry, &path, &key)),
                _ => self.mismatch(&entry.value, &path, "a map", None),
            }
        } else if self.has_below(&format!("{key}[].")) {
            self.objects(&entry.value, &path, &format!("{key}[]"));
        } else {
            self.unknown(entry, path, &key);
        }
    }

    fn objects(&mut self, node: &Node, path: &str, key: &str) {
        let Value::List(items) = &node.value else { return self.mismatch(node, path, "a list of maps", None) };
        for (place, item) in items.iter().enumerate() {
            let path = format!("{path}[{place}]");
            match &item.value {
                Value::Map(entries) => entries.iter().for_each(|entry| self.entry(entry, &path, key)),
                _ => self.mismatch(item, &path, "a map", None),
            }
        }
    }

    fn value(&mut self, of: FieldType, node: &Node, path: &str) {
        use FieldType as T;
        match (of, &node.value) {
            (_, Value::Null)
            | (T::AnyList, Value::List(_))
            | (T::Bool, Value::Bool(_))
            | (T::Float | T::Quantity, Value::Int(_) | Value::Float(_))
            | (T::DurationOrNanoseconds | T::Nanoseconds | T::Long, Value::Int(_))
            | (T::Text, Value::Text(_)) => self.long_enough(of, node, path),
            (T::Int, Value::Int(number)) => self.range(i32::try_from(*number).is_ok(), *number, node, path),
            (T::UInt, Value::Int(number)) => self.range(u32::try_from(*number).is_ok(), *number, node, path),
            (T::Duration | T::DurationOrNanoseconds, Value::Text(text)) => self.unit(duration::check(text), node, path),
            (T::Quantity | T::QuantityText, Value::Text(text)) => self.unit(unit::quantity(text), node, path),
            (T::TextList, Value::List(items)) => self.items(T::Text, items, path),
            (T::IntList, Value::List(items)) => self.items(T::Int, items, path),
            (T::TextMap, Value::Map(entries)) => self.each(T::Text, entries, path),
            (T::BoolMap, Value::Map(entries)) => self.each(T::Bool, entries, path),
            (T::TextListMap, Value::Map(entries)) => self.each(T::TextList, entries, path),
            (T::DurationMap, Value::Map(entries)) => self.each(T::Duration, entries, path),
            (T::QuantityMap, Value::Map(entries)) => self.each(T::QuantityText, entries, path),
            (T::ResourceMap, Value::Map(entries)) => self.each(T::Quantity, entries, path),
            (T::PercentMap, Value::Map(entries)) => self.texts(unit::percentage, entries, path),
            (T::ThresholdMap, Value::Map(entries)) => self.texts(unit::threshold, entries, path),
            _ => {
                let (expected, help) = expected(of, &node.value);
                self.mismatch(node, path, expected, help);
            }
        }
    }

    /// Numbers of 64 bits have an end too.
    fn long_enough(&mut self, of: FieldType, node: &Node, path: &str) {
        if let (FieldType::Long | FieldType::Nanoseconds | FieldType::DurationOrNanoseconds, Value::Int(number)) =
            (of, &node.value)
        {
            self.range(i64::try_from(*number).is_ok(), *number, node, path);
        }
    }

    fn items(&mut self, of: FieldType, items: &[Node], path: &str) {
        for (place, item) in items.iter().enumerate() {
            self.value(of, item, &format!("{path}[{place}]"));
        }
    }

    fn each(&mut self, of: FieldType, entries: &[Entry], path: &str) {
        for entry in entries {
            self.value(of, &entry.value, &join(path, &entry.key));
        }
    }

    fn texts(&mut self, read: impl Fn(&str) -> Validated<()>, entries: &[Entry], path: &str) {
        for entry in entries {
            match &entry.value.value {
                Value::Text(text) => self.unit(read(text), &entry.value, &join(path, &entry.key)),
                _ => self.value(FieldType::Text, &entry.value, &join(path, &entry.key)),
            }
        }
    }

    fn unit(&mut self, read: Validated<()>, node: &Node, path: &str) {
        if let Err(complaint) = read {
            self.report.problem(Place::File { mark: node.mark, path: path.to_owned() }, complaint);
        }
    }

    fn range(&mut self, fits: bool, number: i128, node: &Node, path: &str) {
        self.unit(if fits { Ok(()) } else { Err(Complaint::new(format!("{number} is out of range"))) }, node, path);
    }

    fn mismatch(&mut self, node: &Node, path: &str, expected: &str, help: Option<String>) {
        let what = format!("must be {expected}, not {}", node.describe());
        self.unit(Err(Complaint { what, help }), node, path);
    }

    fn unknown(&mut self, entry: &Entry, path: String, key: &str) {
        let name = self.kind.name();
        let is_it = |field: &&ComponentField| field.path == key || is_below(field.path, key);
        let complaint = if let (Some(field), Some(minor)) = (self.all.iter().find(is_it), self.minor) {
            Complaint::with_help(
                format!("is not a field of {name} in v1.{minor}"),
                format!("it is one of {}", field.minors()),
            )
        } else {
            let what = match self.minor {
                Some(minor) => format!("is not a field of {name} in v1.{minor}"),
                None => format!("is not a field of {name}"),
            };
            Complaint { what, help: self.suggest(&entry.key, key) }
        };
        self.report.problem(Place::File { mark: entry.mark, path }, complaint);
    }

    fn suggest(&self, name: &str, key: &str) -> Option<String> {
        let above = key.strip_suffix(name).unwrap_or_default();
        let here: Vec<&str> = self
            .all
            .iter()
            .filter(|field| self.has(field))
            .filter_map(|field| field.path.strip_prefix(above)?.split(['.', '[']).next())
            .collect();
        let same = here.iter().find(|other| other.eq_ignore_ascii_case(name)).copied();
        if let Some(near) = same.or_else(|| similar(name, here.iter().copied())) {
            return Some(format!("did you mean '{near}'?"));
        }
        let last =
            |field: &&ComponentField| field.path.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
        if let Some(field) = self.all.iter().find(last) {
            return Some(format!("did you mean '{}'?", field.path));
        }
        let kinds = [Kind::Kubelet, Kind::KubeProxy].into_iter().filter(|kind| *kind != self.kind);
        let mut elsewhere = kinds.filter_map(|kind| Some((kind, fields(kind).iter().find(last)?.path)));
        elsewhere.next().map(|(kind, path)| format!("'{path}' is a field of {}", kind.name()))
    }

    fn has(&self, field: &ComponentField) -> bool {
        self.minor.is_none_or(|minor| field.is_in(minor))
    }

    fn has_below(&self, prefix: &str) -> bool {
        self.all.iter().any(|field| field.path.starts_with(prefix) && self.has(field))
    }

    fn knows(&self, key: &str) -> bool {
        self.all.iter().any(|field| self.has(field) && (field.path == key || is_below(field.path, key)))
    }
}

fn is_below(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What a field takes, and help where something else is written.
fn expected(of: FieldType, value: &Value) -> (&'static str, Option<String>) {
    use FieldType as T;
    let expected = description(of);
    let help = match (of, value) {
        (T::Text | T::QuantityText, Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
            Some("write it in quotes".into())
        }
        (T::Bool, Value::Text(text)) if text == "true" || text == "false" => {
            Some(format!("write {text} without quotes"))
        }
        (T::Bool, _) => Some("write true or false".into()),
        (T::Int | T::Long | T::UInt | T::Float, Value::Text(text)) if text.parse::<f64>().is_ok() => {
            Some(format!("write {text} without quotes"))
        }
        (T::Duration, Value::Int(0)) => Some("write \"0s\"".into()),
        (T::Duration, Value::Int(number)) => Some(format!("give it a unit: \"{number}s\" for seconds")),
        (T::TextList, Value::Text(text)) => Some(format!("write a list: [{text:?}]")),
        _ => None,
    };
    (expected, help)
}

/// What a field takes, with its article.
pub(super) fn description(of: FieldType) -> &'static str {
    match of {
        FieldType::AnyList => "a list",
        FieldType::Bool => "true or false",
        FieldType::BoolMap => "a map from names to true or false",
        FieldType::Duration => "a duration such as \"5m0s\"",
        FieldType::DurationMap => "a map from names to durations",
        FieldType::DurationOrNanoseconds => "a duration such as \"5m0s\", or a number of nanoseconds",
        FieldType::Float => "a number",
        FieldType::Int | FieldType::Long | FieldType::UInt => "a whole number",
        FieldType::IntList => "a list of whole numbers",
        FieldType::Nanoseconds => "a whole number of nanoseconds",
        FieldType::PercentMap => "a map from names to percentages such as \"50%\"",
        FieldType::Quantity | FieldType::QuantityText => "a quantity such as \"100Mi\"",
        FieldType::QuantityMap | FieldType::ResourceMap => "a map from names to quantities such as \"100Mi\"",
        FieldType::Text => "text",
        FieldType::TextList => "a list of text",
        FieldType::TextListMap => "a map from names to lists of text",
        FieldType::TextMap => "a map from names to text",
        FieldType::ThresholdMap => "a map from names to quantities such as \"100Mi\" or percentages such as \"10%\"",
    }
}
