//! Renders the templates built into the binary.
//!
//! Strict: an undefined variable, or a value without a filter that makes it safe for YAML, is an error. Each part of
//! this layer has its own table of templates and refers to them by name.

use super::scalar;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::go_yaml;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};
use tera::{Context, Kwargs, State, Tera};

/// A template could not be rendered. Templates and their values are part of this program, so this is a bug.
#[derive(Debug, thiserror::Error)]
#[error("cannot render the template {name:?}")]
pub struct TemplateError {
    name: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl TemplateError {
    fn new(name: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { name: name.to_owned(), source: source.into() }
    }
}

impl Fault for TemplateError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

/// A set of named templates.
///
/// Every string, list and map must pass through one of these filters:
/// - `yaml`: the value as one scalar, or on one line in flow style;
/// - `quoted`: a string, always in double quotes;
/// - `block(indent=N)`: a list or map on several lines, each indented by N spaces.
pub struct Templates {
    tera: Result<Tera, String>,
}

impl Templates {
    /// The templates of a table of names and texts (`include_str!`). A table with an error fails on its first use.
    pub fn new(table: &[(&str, &str)]) -> Self {
        let mut tera = Tera::new();
        tera.autoescape_on([""]);
        tera.set_escape_fn(refuse_unfiltered);
        tera.register_filter("yaml", YamlFilter);
        tera.register_filter("quoted", QuotedFilter);
        tera.register_filter("block", BlockFilter);
        let added = tera.add_raw_templates(table.iter().copied());
        Self { tera: added.map(|()| tera).map_err(|e| e.to_string()) }
    }

    /// Renders `name` with the fields of `values`, which must be a struct or map.
    pub fn render(&self, name: &str, values: &impl Serialize) -> Result<String, TemplateError> {
        let tera = self.tera.as_ref().map_err(|e| TemplateError::new(name, e.clone()))?;
        let context = Context::from_serialize(values).map_err(|e| TemplateError::new(name, e))?;
        // Tera treats an unknown name in a condition as false; here it is an error there too.
        let mut used: Vec<_> =
            tera.get_template_variables(name).map_err(|e| TemplateError::new(name, e))?.into_iter().collect();
        used.sort_unstable();
        if let Some(missing) = used.iter().find(|variable| !context.contains_key(variable)) {
            return Err(TemplateError::new(name, format!("the variable '{missing}' is not defined")));
        }
        tera.render(name, &context).map_err(|e| TemplateError::new(name, e))
    }
}

/// Called for a value without a filter.
fn refuse_unfiltered(value: &str, _: &mut dyn Write) -> io::Result<()> {
    Err(io::Error::other(format!("{value:?} is used in a template without a filter such as 'yaml'")))
}

struct YamlFilter;

impl tera::Filter<&tera::Value, tera::TeraResult<String>> for YamlFilter {
    fn call(&self, value: &tera::Value, _: Kwargs, _: &State<'_>) -> tera::TeraResult<String> {
        Ok(scalar::write(&to_json(value)?))
    }

    fn is_safe(&self) -> bool {
        true
    }
}

struct QuotedFilter;

impl tera::Filter<&str, tera::TeraResult<String>> for QuotedFilter {
    fn call(&self, value: &str, _: Kwargs, _: &State<'_>) -> tera::TeraResult<String> {
        Ok(scalar::quote(value))
    }

    fn is_safe(&self) -> bool {
        true
    }
}

struct BlockFilter;

impl tera::Filter<&tera::Value, tera::TeraResult<String>> for BlockFilter {
    fn call(&self, value: &tera::Value, options: Kwargs, _: &State<'_>) -> tera::TeraResult<String> {
        let indent = " ".repeat(options.must_get::<usize>("indent")?);
        let text = go_yaml::to_string(&to_json(value)?);
        let lines: Vec<String> =
            text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") }).collect();
        Ok(lines.join("\n"))
    }

    fn is_safe(&self) -> bool {
        true
    }
}

/// A missing field of a map arrives here as "undefined" and must not become null.
fn to_json(value: &tera::Value) -> tera::TeraResult<Value> {
    if value.is_undefined() {
        return Err(tera::Error::message("this field is not defined"));
    }
    serde_json::to_value(value).map_err(tera::Error::message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(template: &str, values: &Value) -> Result<String, String> {
        Templates::new(&[("t", template)])
            .render("t", values)
            .map_err(|e| crate::base::Failure::from(e).causes().join(": "))
    }

    #[test]
    fn values_are_quoted_by_filters() {
        let values = json!({"name": "yes", "list": ["a", 1], "map": {"b": {"d": "on", "c": "x\ny"}, "a": []}, "n": 3});
        assert_eq!(render("k: {{ name | yaml }}", &values).unwrap(), "k: \"yes\"");
        assert_eq!(render("k: {{ list | yaml }}", &values).unwrap(), "k: [\"a\", 1]");
        assert_eq!(render("k: {{ n }}", &values).unwrap(), "k: 3");
        let block = render("k:\n{{ map | block(indent=2) }}\n", &values).unwrap();
        assert_eq!(serde_yaml::from_str::<Value>(&block).unwrap(), json!({ "k": values["map"] }), "{block}");
        assert!(block.find("  a:").unwrap() < block.find("  b:").unwrap(), "{block}");
    }

    #[test]
    fn a_value_without_a_filter_is_refused() {
        let values = json!({"name": "x", "list": ["a"]});
        assert!(render("k: {{ name }}", &values).unwrap_err().contains("without a filter"));
        assert!(render("k: {{ list }}", &values).unwrap_err().contains("without a filter"));
        assert!(render("{% for x in list %}{{ x }}{% endfor %}", &values).unwrap_err().contains("without a filter"));
    }

    #[test]
    fn an_unknown_variable_is_an_error_even_in_a_condition() {
        let values = json!({"pod": {"name": "x"}, "list": [{"a": 1}]});
        for template in [
            "{{ nmae | yaml }}",
            "{% if nmae %}x{% endif %}",
            "{% if not nmae %}x{% endif %}",
            "{% for x in nmae %}x{% endfor %}",
            "{{ pod.nmae | yaml }}",
            "{{ pod.nmae }}",
            "{% if pod.nmae.x %}x{% endif %}",
        ] {
            let message = render(template, &values).unwrap_err();
            assert!(message.contains("nmae"), "{template}: {message}");
        }
        assert_eq!(render("{% set y = 1 %}{% for x in list %}{{ x.a + y }}{% endfor %}", &values).unwrap(), "2");
    }

    #[test]
    fn a_template_that_does_not_parse_says_so_when_it_is_used() {
        assert!(render("{% if %}", &json!({})).is_err());
    }
}
