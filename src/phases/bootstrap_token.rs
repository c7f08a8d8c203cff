//! The bootstrap tokens, their permissions, and the cluster-info for discovery.
//!
//! Reads: the configuration, the CA, the existing tokens. Writes: Secrets, RBAC, and the ConfigMap
//! `kube-public/cluster-info`.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::BootstrapToken;
use crate::config::validate::token::NODE_GROUP;
use crate::context::{Context, Init, Run};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::kube::token;
use crate::ops::cluster_info;
use crate::ops::objects::settle;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog;
use crate::pki::cert;
use crate::render::objects::Object;
use crate::render::objects::bootstrap_token;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

pub struct BootstrapTokens;

impl Phase<Init> for BootstrapTokens {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Init>, _: &Target) -> Result<()> {
        let Run { cx, work: init } = run;
        let cluster = cx.new_cluster()?;
        let store = cx.pki()?;
        let ca = cert::bundle_pem(&store.require_ca(catalog::cert("ca")?, "cluster-info")?.certs);
        let now = cx.host.clock.now();
        adopt_generated(init, &cluster, now)?;
        let server = format!("https://{}", cx.cluster()?.endpoint(&cx.node()?.local_endpoint));
        let facts = cx.facts()?;
        let there = token::list(&cluster)?.0;
        let mut objects = Vec::new();
        for token in &init.bootstrap_tokens {
            if there
                .iter()
                .any(|known| is_same(known, token) && has_same_permissions(known, token) && is_valid(known, now))
            {
                // It exists; writing it again would only extend its expiry with every run.
                continue;
            }
            objects.extend(bootstrap_token::token_secret(token, now)?);
        }
        objects.extend(bootstrap_token::access(facts)?);
        let mut info = bootstrap_token::cluster_info(facts, &server, ca.as_bytes())?;
        for object in &mut info {
            keep_equal(&cluster, object)?;
            cluster_info::add_signatures(&mut object.value, &init.bootstrap_tokens);
        }
        objects.extend(info);
        settle(cx, &cluster, &objects)
    }
}

/// Takes the text of `cluster-info` that is there where it names the same cluster: kubeadm of another minor, or a change of
/// CA, writes the same in another form.
fn keep_equal(cluster: &Cluster, object: &mut Object) -> Result<()> {
    let Some(name) = ObjectRef::of(&object.value).filter(|name| name.kind == &CONFIG_MAP) else { return Ok(()) };
    let there = cluster.find(&name)?.unwrap_or_default();
    let clusters = |map: &Value| {
        let text = map["data"]["kubeconfig"].as_str()?;
        Some(Kubeconfig::parse(Path::new("cluster-info"), text.as_bytes()).ok()?.clusters)
    };
    let known = clusters(&there);
    if known.is_some() && known == clusters(&object.value) {
        object.value["data"]["kubeconfig"] = there["data"]["kubeconfig"].clone();
    }
    Ok(())
}

/// An earlier run, interrupted or not, has left its token: it is used instead of a newly generated one, so that
/// repeated runs do not add tokens.
fn adopt_generated(init: &mut Init, cluster: &Cluster, now: i64) -> Result<()> {
    let (there, _) = token::list(cluster)?;
    if !init.generated_token {
        return Ok(());
    }
    let Some(ours) = init.bootstrap_tokens.first_mut() else { return Ok(()) };
    if let Some(earlier) = there.iter().find(|earlier| can_replace(earlier, ours, now)) {
        ours.token = earlier.token.clone();
    }
    Ok(())
}

/// True if the earlier token can replace the wanted one: it has the same permissions, does not expire later, and is
/// valid for at least half of the wanted time.
fn can_replace(earlier: &BootstrapToken, wanted: &BootstrapToken, now: i64) -> bool {
    let left = |token: &BootstrapToken| token::ends_at(token, now).map(|end| end.saturating_sub(now));
    let lives_alike = match (left(earlier), left(wanted)) {
        (None, None) => true,
        (Some(earlier), Some(wanted)) => earlier >= wanted / 2 && earlier <= wanted,
        _ => false,
    };
    lives_alike && has_same_permissions(earlier, wanted) && earlier.description == wanted.description
}

fn is_same(one: &BootstrapToken, other: &BootstrapToken) -> bool {
    one.token.expose() == other.token.expose()
}

/// True if both have the same permissions, in any order.
fn has_same_permissions(one: &BootstrapToken, other: &BootstrapToken) -> bool {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<String>>();
    set(&one.usages) == set(&other.usages) && set(&one.groups) == set(&other.groups)
}

fn is_valid(token: &BootstrapToken, now: i64) -> bool {
    token::ends_at(token, now).is_none_or(|end| end > now)
}

/// A token of the cluster for joining, which must be valid and have the usages and groups that a join needs: the
/// wanted one, otherwise the one that expires last.
pub fn for_joining(cx: &Context, cluster: &Cluster, wanted: Option<&BootstrapToken>) -> Result<Option<Secret<String>>> {
    Ok(choose(token::list(cluster)?.0, wanted, cx.host.clock.now()))
}

fn choose(mut there: Vec<BootstrapToken>, wanted: Option<&BootstrapToken>, now: i64) -> Option<Secret<String>> {
    there.retain(|token| {
        token::USAGES.iter().all(|usage| token.usages.iter().any(|given| given == usage))
            && token.groups.iter().any(|group| group == NODE_GROUP)
            && is_valid(token, now)
    });
    let same = there.iter().position(|token| wanted.is_some_and(|wanted| is_same(token, wanted)));
    let last = || (0..there.len()).max_by_key(|at| token::ends_at(&there[*at], now).unwrap_or(i64::MAX));
    same.or_else(last).map(|at| there.swap_remove(at).token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::kube::test_api::TestApi;
    use serde_json::json;
    use std::time::Duration;

    const NOW: i64 = 1_800_000_000;

    fn token(id: &str, left: Option<i64>) -> BootstrapToken {
        let expires = left.map(|left| {
            let end = time::OffsetDateTime::from_unix_timestamp(NOW + left).unwrap();
            end.format(&time::format_description::well_known::Rfc3339).unwrap()
        });
        BootstrapToken {
            token: Secret::new(format!("{id}.0123456789abcdef")),
            description: String::new(),
            ttl: None,
            expires,
            usages: token::USAGES.map(str::to_owned).to_vec(),
            groups: vec![NODE_GROUP.to_owned()],
        }
    }

    #[test]
    fn a_token_with_little_time_left_or_another_ttl_is_not_reused() {
        let hour = 3600;
        let can_replace = |left: Option<i64>, ttl: i64| {
            let ttl = Some(Duration::from_secs(u64::try_from(ttl).unwrap()));
            super::can_replace(&token("abcdef", left), &BootstrapToken { ttl, ..token("fedcba", None) }, NOW)
        };
        assert!(can_replace(Some(24 * hour - 9), 24 * hour) && can_replace(None, 0));
        assert!(!can_replace(Some(30), 24 * hour), "it would expire before it can be typed");
        assert!(
            !can_replace(Some(23 * hour), 48 * hour) && !can_replace(Some(23 * hour), hour),
            "--token-ttl is respected"
        );
        assert!(!can_replace(None, hour) && !can_replace(Some(hour), 0));
        let signs_only = BootstrapToken { usages: vec!["signing".into()], ..token("abcdef", Some(hour)) };
        let wanted = BootstrapToken { ttl: Some(Duration::from_hours(1)), ..token("fedcba", None) };
        assert!(!super::can_replace(&signs_only, &wanted, NOW));
    }

    #[test]
    fn an_unusable_wanted_token_is_not_shown() {
        let there = [token("aaaaaa", Some(-5)), token("bbbbbb", Some(60)), token("cccccc", Some(600))];
        let chosen = |wanted: &str, there: &[BootstrapToken]| {
            choose(there.to_vec(), Some(&token(wanted, None)), NOW).map(|token| token.expose()[..6].to_owned())
        };
        assert_eq!(chosen("bbbbbb", &there).unwrap(), "bbbbbb");
        assert_eq!(chosen("aaaaaa", &there).unwrap(), "cccccc", "the wanted one has expired");
        let others = BootstrapToken { groups: vec!["system:bootstrappers:x".into()], ..token("dddddd", None) };
        assert_eq!(chosen("dddddd", &[others]), None);
    }

    /// After a change of CA, and after an upgrade with kubeadm, `init` wrote cluster-info again for the form of its YAML.
    #[test]
    fn a_cluster_info_that_names_the_same_cluster_in_another_form_is_kept() {
        let api = TestApi::default();
        let cluster = api.cluster(&Gate::open());
        let facts = crate::versions::facts(36).unwrap();
        let made = |server: &str| bootstrap_token::cluster_info(facts, server, b"ca").unwrap();
        let path = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
        let other = "kind: Config\napiVersion: v1\npreferences: {}\nusers: []\nclusters:\n- name: \"\"\n  cluster: {server: \
                     'https://a:6443', certificate-authority-data: Y2E=}\n";
        api.put(path, json!({"data": {"kubeconfig": other}}));
        let kept = |server: &str| {
            let mut objects = made(server);
            for object in &mut objects {
                keep_equal(&cluster, object).unwrap();
            }
            objects[0].value["data"]["kubeconfig"] == json!(other)
        };
        assert!(kept("https://a:6443"));
        assert!(!kept("https://b:6443"));
    }
}
