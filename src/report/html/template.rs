//! Renders the template of the page. Every value is escaped, and the page may load nothing: its policy allows only the style
//! that it contains.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tera::{Context, Tera};

/// What a page of this program begins with, so that it is recognized.
pub const GENERATOR: &str = "<meta name=\"generator\" content=\"kubewright ";

const NAME: &str = "report/page.html.tera";
const TEMPLATE: &str = include_str!("../../../templates/report/page.html.tera");
const STYLE: &str = include_str!("../../../templates/report/page.css");

/// The page cannot be rendered: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("cannot render the report as HTML")]
pub struct HtmlError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Fault for HtmlError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

/// The page with the fields of `view`.
pub fn render(view: &impl Serialize) -> Result<String, HtmlError> {
    let failed = |error: tera::Error| HtmlError(error.into());
    let mut tera = Tera::new();
    tera.autoescape_on([""]);
    tera.add_raw_template(NAME, TEMPLATE).map_err(failed)?;
    let mut values = serde_json::to_value(view).map_err(|error| HtmlError(error.into()))?;
    if let Value::Object(map) = &mut values {
        map.insert("generator".into(), json!(GENERATOR));
        map.insert("version".into(), json!(concat!("v", env!("CARGO_PKG_VERSION"))));
        map.insert("style".into(), json!(STYLE));
        map.insert("style_hash".into(), json!(format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)))));
    }
    let context = Context::from_serialize(&values).map_err(failed)?;
    tera.render(NAME, &context).map_err(failed)
}
