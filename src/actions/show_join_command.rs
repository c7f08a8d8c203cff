//! The lines that make other hosts join.
//!
//! Reads: the configuration, the CA, the tokens of the cluster. Writes: nothing.

use super::cluster::bootstrap_token;
use crate::base::fault::Result;
use crate::context::{Context, Findings};
use crate::pipeline::{Action, Target};
use crate::pki::catalog;
use crate::pki::pin::Pin;

/// See the module's text.
pub struct ShowJoinCommand;

impl Action for ShowJoinCommand {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let store = cx.pki()?;
        let ca = store.require_ca(catalog::cert("ca")?, "the join command")?;
        let pins: Vec<String> = ca.certs.iter().map(|cert| Pin::of(cert).to_string()).collect();
        let cluster = cx.new_cluster()?;
        let (init, options) = cx.init()?;
        let Some(token) = bootstrap_token::for_joining(cx, &cluster, init.bootstrap_tokens.first())? else {
            cx.events.warning(
                "the cluster has no token with which a host could join; run 'kubewright init phase bootstrap-token', \
                 then this again",
            );
            return Ok(());
        };
        let endpoint = init.cluster.endpoint(&init.node.local_endpoint);
        let shown = if options.skip_token_print { "<token>" } else { token.expose() };
        let hashes: Vec<String> = pins.iter().map(|pin| format!("--discovery-token-ca-cert-hash {pin}")).collect();
        let line = format!("kubewright join {endpoint} --token {shown} {}", hashes.join(" "));
        let mut control_plane = None;
        if let Some(key) = &init.certificate_key
            && options.upload_certs
        {
            let key = if options.skip_certificate_key_print { "<certificate key>" } else { key.expose() };
            control_plane = Some(format!("{line} --control-plane --certificate-key {key}"));
        }
        cx.result = Findings { worker_join: Some(line), control_plane_join: control_plane };
        Ok(())
    }
}
