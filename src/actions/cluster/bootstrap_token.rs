//! The tokens with which others join, what they may do, and the cluster-info that they read.
//!
//! Reads: the configuration, the CA, the tokens that are there. Writes: Secrets, RBAC, and the
//! ConfigMap `kube-public/cluster-info`.

use super::settle;
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::model::BootstrapToken;
use crate::config::validate::token::NODE_GROUP;
use crate::context::{Context, Task};
use crate::kube::cluster::Cluster;
use crate::kube::token;
use crate::pipeline::{Action, Target};
use crate::pki::catalog;
use crate::pki::cert;
use crate::render::objects::bootstrap_token;

/// See the module's text.
pub struct BootstrapTokens;

impl Action for BootstrapTokens {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let store = cx.pki()?;
        let ca = cert::bundle_pem(&store.require_ca(catalog::cert("ca")?, "cluster-info")?.certs);
        adopt_generated(cx, &cluster)?;
        let (init, _) = cx.init()?;
        let server = format!("https://{}", init.cluster.endpoint(&init.node.local_endpoint));
        let now = cx.clock.now();
        let facts = cx.facts()?;
        let known: Vec<String> = token::list(&cluster)?.0.iter().map(|token| token.token.expose().clone()).collect();
        let mut objects = Vec::new();
        for token in &init.bootstrap_tokens {
            if known.contains(token.token.expose()) {
                // It is there; writing it again would only push its end away at every run.
                continue;
            }
            objects.extend(bootstrap_token::token_secret(token, now)?);
        }
        objects.extend(bootstrap_token::access(facts)?);
        objects.extend(bootstrap_token::cluster_info(facts, &server, ca.as_bytes())?);
        settle(cx, &cluster, &objects)
    }
}

/// An earlier run that was cut short, or came to its end, has left its token: it is taken in place of a
/// token that this run made up, so that running again adds none.
fn adopt_generated(cx: &mut Context, cluster: &Cluster) -> Result<()> {
    let (there, _) = token::list(cluster)?;
    let now = cx.clock.now();
    let Task::Init(init, _) = &mut cx.task else { return Ok(()) };
    if !init.generated_token {
        return Ok(());
    }
    let Some(ours) = init.bootstrap_tokens.first_mut() else { return Ok(()) };
    let fits = |token: &&BootstrapToken| {
        token.usages == ours.usages
            && token.groups == ours.groups
            && token.description == ours.description
            && token::ends_at(token, now).is_none_or(|end| end > now)
    };
    if let Some(earlier) = there.iter().find(fits) {
        ours.token = earlier.token.clone();
    }
    Ok(())
}

/// A token of the cluster with which hosts can join: the wanted one when it is there, else any that is alive, may
/// do all that joining takes, and whose bearers are let in as nodes.
///
/// # Errors
/// When the tokens cannot be listed.
pub fn for_joining(cx: &Context, cluster: &Cluster, wanted: Option<&BootstrapToken>) -> Result<Option<Secret<String>>> {
    let now = cx.clock.now();
    let lets_in = |token: &&BootstrapToken| {
        token::USAGES.iter().all(|usage| token.usages.iter().any(|given| given == usage))
            && token.groups.iter().any(|group| group == NODE_GROUP)
            && token::ends_at(token, now).is_none_or(|end| end > now)
    };
    let (there, _) = token::list(cluster)?;
    let same = wanted.and_then(|wanted| there.iter().find(|token| token.token.expose() == wanted.token.expose()));
    // Of several the one that lives longest.
    let last = |token: &&BootstrapToken| token::ends_at(token, now).unwrap_or(i64::MAX);
    let found = same.or_else(|| there.iter().filter(lets_in).max_by_key(last));
    Ok(found.map(|token| token.token.clone()))
}
