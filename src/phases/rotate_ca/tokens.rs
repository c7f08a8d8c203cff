//! Service-account tokens that the old key has signed, in Secrets and in Pods.
//!
//! The token of a Secret never expires, and the controller manager does not sign it again by itself, except when the
//! token is removed. Pods get theirs from the kubelet, which renews it before it expires, and at the latest after a
//! day.
//!
//! Reads: Secrets, Pods, the progress of each control plane. Writes: Secrets with a token of another key, and the time
//! of that in `cluster-info`.

use crate::base::fault::Result;
use crate::context::rotation::{Plan, Stage};
use crate::context::{Context, Rotating, Run};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{ObjectRef, POD, SECRET};
use crate::kube::request::{PatchKind, Query};
use crate::pipeline::{Phase, Target};
use crate::pki::PrivateKey;
use crate::pki::catalog::SERVICE_ACCOUNT;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host::{cluster, token_key};
use crate::state::rotation::{self, RotationStatus, TOKENS};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The type of Secrets with a token.
const TOKEN: &str = "kubernetes.io/service-account-token";
/// How long a kubelet may take to update a Secret or token in a Pod, in seconds, and the Pod to read it.
const PROPAGATION: i64 = 180;
/// The default lifetime of the token that every Pod gets, in seconds: an hour, and seven seconds with which the API
/// server recognizes the default.
const DEFAULT_LIFETIME: i64 = 3607;
/// After this time a kubelet renews a token, regardless of its lifetime.
const RENEWED_AFTER: i64 = 24 * 3600;

/// Before the old key is dropped: lets its tokens be signed again, and refuses to continue until the new ones are in
/// use everywhere.
pub struct Tokens;

impl Phase<Rotating> for Tokens {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        let rotation = &cx.work.purpose;
        let concerned = rotation.stage == Stage::Drop && rotation.control_plane;
        // At the beginning of a rotation there is none yet.
        let Some(plan) = rotation.plan.clone().filter(|plan| concerned && plan.prints.contains_key(SERVICE_ACCOUNT))
        else {
            return Ok(());
        };
        let api = cluster(cx)?;
        sign_again(cx, &api, &plan)?;
        let status = crate::state::rotation::host::status(cx)?;
        if cx.work.purpose.now || is_dropped(&status) {
            return Ok(());
        }
        let mut lifetime = DEFAULT_LIFETIME;
        api.visit(&POD, &mut |pod| lifetime = lifetime.max(longest(pod)))?;
        let seconds = end_of_use(&status, lifetime) - cx.host.clock.now();
        if seconds > 0 { Err(RotationError::TokensLive { seconds }.into()) } else { Ok(()) }
    }
}

/// Lets every token in a Secret be signed with the current key, and records the time.
pub fn sign_again(cx: &mut Context, api: &Cluster, plan: &Plan) -> Result<()> {
    let Some(key) = token_key(cx)? else { return Ok(()) };
    let id = key_id(&key);
    // All Secrets of a cluster may be too large for one request, or for the memory.
    let fields = format!("type={TOKEN}");
    let mut secrets = api.list_where(&SECRET, None, Query { fields: &fields, ..Query::default() })?;
    secrets.retain(|secret| is_foreign(secret, &id));
    if secrets.is_empty() {
        return Ok(());
    }
    // First, so that an interrupted run has recorded it.
    let now = rotation::note(plan, Stage::Reissue, cx.host.clock.now());
    let patch = json!({"metadata": {"annotations": {TOKENS: now}}});
    api.patch(&rotation::cluster_info(), PatchKind::Merge, &patch)?;
    for object in secrets.iter().filter_map(ObjectRef::of) {
        api.modify(&object, |secret| {
            if is_foreign(secret, &id)
                && let Some(data) = secret["data"].as_object_mut()
            {
                data.remove("token");
            }
        })?;
    }
    cx.events.message(format!("{} tokens in Secrets were signed with the new key", secrets.len()));
    Ok(())
}

/// Once a control plane has dropped the old key, waiting has no effect.
fn is_dropped(status: &RotationStatus) -> bool {
    status.hosts.iter().any(|host| host.control_plane && host.done == Some(Stage::Drop))
}

/// The time from which on no token of the old key is in use, in seconds since the epoch.
fn end_of_use(status: &RotationStatus, lifetime: i64) -> i64 {
    let leaders = status.hosts.iter().filter(|host| host.control_plane);
    let last_signed = leaders.filter_map(|host| host.at).max().unwrap_or_default();
    let in_pods = last_signed + lifetime.min(RENEWED_AFTER) + PROPAGATION;
    in_pods.max(status.tokens_at.map_or(0, |at| at + PROPAGATION))
}

/// The longest lifetime of the tokens that a Pod gets from its kubelet, in seconds.
fn longest(pod: &Value) -> i64 {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let sources = list(&pod["spec"]["volumes"]).into_iter();
    let sources = sources.flat_map(|volume| list(&volume["projected"]["sources"]));
    let lifetimes = sources.filter_map(|source| source["serviceAccountToken"]["expirationSeconds"].as_i64());
    lifetimes.chain([DEFAULT_LIFETIME]).max().unwrap_or(DEFAULT_LIFETIME)
}

/// True if a Secret contains a token of another key, or one so old that it does not name its key.
fn is_foreign(secret: &Value, id: &str) -> bool {
    secret["type"] == TOKEN && header(secret).is_some_and(|header| header["kid"] != id)
}

/// The header of a Secret's token; None if it has none.
fn header(secret: &Value) -> Option<Value> {
    let token = String::from_utf8(STANDARD.decode(secret["data"]["token"].as_str()?).ok()?).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?).ok()
}

/// The id of a key in Kubernetes: the hash of its public key.
fn key_id(key: &PrivateKey) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key.public_der()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phases::rotate_ca::check::Check;
    use crate::phases::rotate_ca::fixture::{INFO, TestHost, phase};

    const SECRET_PATH: &str = "/api/v1/namespaces/default/secrets/robot";

    fn token(header: &str) -> String {
        STANDARD.encode(format!("{}.e30.x", URL_SAFE_NO_PAD.encode(header)))
    }

    fn put_secret(host: &TestHost, header: &str) {
        let metadata = json!({"name": "robot", "namespace": "default"});
        host.api.put(SECRET_PATH, json!({"metadata": metadata, "type": TOKEN, "data": {"token": token(header)}}));
    }

    fn run(host: &TestHost, now: bool) -> Result<()> {
        let mut cx = host.run(Stage::Drop);
        cx.work.purpose.now = now;
        cx.work.purpose.plan = crate::state::rotation::host::status(&mut cx)?.plan;
        phase(&Tokens, &mut cx)
    }

    /// A control plane at `reissue` since `ago` seconds.
    fn reissued(ago: i64) -> (TestHost, Plan) {
        let host = TestHost::control_plane();
        let plan = host.begun(&["ca", "sa"]);
        host.noted("cp1", &plan, Stage::Reissue, 1_800_000_000 - ago);
        (host, plan)
    }

    /// The first worker that dropped the old CA disabled the wait for the control planes.
    #[test]
    fn the_progress_of_workers_does_not_end_the_wait_for_tokens() {
        let (host, plan) = reissued(60);
        host.node("w1", false);
        host.noted("w1", &plan, Stage::Drop, 8);
        assert!(run(&host, false).unwrap_err().to_string().contains("tokens"));
        host.node("cp2", true);
        host.noted("cp2", &plan, Stage::Drop, 8);
        run(&host, false).unwrap();
    }

    #[test]
    fn the_wait_is_as_long_as_the_longest_token_lifetime_of_a_pod_and_at_most_a_day() {
        let (host, _) = reissued(DEFAULT_LIFETIME + PROPAGATION);
        run(&host, false).unwrap();
        let pod = |seconds: i64| {
            let source = json!({"serviceAccountToken": {"expirationSeconds": seconds}});
            json!({"metadata": {"name": "p", "namespace": "default"},
                   "spec": {"volumes": [{"emptyDir": {}}, {"projected": {"sources": [source]}}]}})
        };
        host.api.put("/api/v1/namespaces/default/pods/p", pod(7200));
        assert!(run(&host, false).unwrap_err().to_string().contains(&format!("another {} s", 7200 - DEFAULT_LIFETIME)));
        run(&host, true).unwrap();
        let (host, _) = reissued(RENEWED_AFTER + PROPAGATION);
        host.api.put("/api/v1/namespaces/default/pods/p", pod(31_536_000));
        run(&host, false).unwrap();
    }

    /// A token that was found late was signed again, and the next run did not wait until Pods had it.
    #[test]
    fn a_token_that_was_signed_again_gets_time_to_reach_pods() {
        let (host, _) = reissued(90_000);
        put_secret(&host, r#"{"kid":"old"}"#);
        for _ in 0..2 {
            assert!(run(&host, false).unwrap_err().to_string().contains("another 180 s"));
            assert!(host.object(SECRET_PATH)["data"]["token"].is_null());
        }
        host.annotate(INFO, TOKENS, "r1 reissue 1799999000");
        run(&host, false).unwrap();
    }

    /// All Secrets of a big cluster did not fit into one answer.
    #[test]
    fn tokens_and_lifetimes_are_found_on_every_page() {
        let (host, _) = reissued(DEFAULT_LIFETIME + PROPAGATION);
        host.api.with(|state| state.page = Some(2));
        let path = |name: &str| format!("/api/v1/namespaces/default/secrets/{name}");
        for number in 0..5 {
            let metadata = json!({"name": format!("robot{number}"), "namespace": "default"});
            let secret = json!({"metadata": metadata, "type": TOKEN, "data": {"token": token(r#"{"kid":"old"}"#)}});
            host.api.put(&path(&format!("robot{number}")), secret);
            let seconds = if number == 4 { 7200 } else { 600 };
            let source = json!({"serviceAccountToken": {"expirationSeconds": seconds}});
            let pod = json!({"metadata": {"name": format!("p{number}"), "namespace": "default"},
                             "spec": {"volumes": [{"projected": {"sources": [source]}}]}});
            host.api.put(&format!("/api/v1/namespaces/default/pods/p{number}"), pod);
        }
        let refusal = run(&host, false).unwrap_err().to_string();
        assert!(refusal.contains(&format!("another {} s", 7200 - DEFAULT_LIFETIME)), "{refusal}");
        for number in 0..5 {
            assert!(host.object(&path(&format!("robot{number}")))["data"]["token"].is_null(), "{number}");
        }
    }

    /// Tokens of very old clusters do not name their key; they were treated as current and became invalid at `drop`.
    #[test]
    fn a_token_without_a_key_id_is_signed_again() {
        let (host, _) = reissued(90_000);
        put_secret(&host, r#"{"alg":"RS256"}"#);
        run(&host, true).unwrap();
        assert!(host.object(SECRET_PATH)["data"]["token"].is_null());
    }

    #[test]
    fn secrets_without_a_token_are_not_changed() {
        let mine = json!({"type": TOKEN, "data": {"token": token(r#"{"kid":"abc"}"#)}});
        assert!(!is_foreign(&mine, "abc") && is_foreign(&mine, "abd"));
        for odd in [json!({}), json!({"type": TOKEN, "data": {"token": STANDARD.encode("no token")}})] {
            assert!(!is_foreign(&odd, "abc"));
        }
        assert!(!is_foreign(&json!({"type": "Opaque", "data": mine["data"]}), "abd"));
    }

    #[test]
    fn the_check_changes_nothing() {
        let (host, _) = reissued(60);
        put_secret(&host, r#"{"kid":"old"}"#);
        host.api.take_log();
        let _ = phase(&Check, &mut host.run(Stage::Drop));
        assert!(host.api.take_log().iter().all(|line| line.starts_with("GET ")));
    }
}
