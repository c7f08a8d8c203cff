//! The commands with which other hosts join.
//!
//! Reads: the configuration, the CA, the tokens of the cluster. Writes: nothing.

use crate::base::fault::Result;
use crate::context::{Init, Run};
use crate::phases::bootstrap_token;
use crate::phases::upload_certs::HIDDEN_KEY;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog;
use crate::pki::pin;
use crate::state::join_command::ClusterEndpoint;

pub struct ShowJoinCommand;

impl Phase<Init> for ShowJoinCommand {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Init>, _: &Target) -> Result<()> {
        let Run { cx, work: init } = run;
        let options = &init.options;
        let store = cx.pki()?;
        let ca = store.require_ca(catalog::cert("ca")?, "the join command")?;
        let cluster = cx.new_cluster()?;
        let Some(token) = bootstrap_token::for_joining(cx, &cluster, init.bootstrap_tokens.first())? else {
            cx.events.warning(
                "the cluster has no token with which a host could join; run 'kubewright init phase bootstrap-token', \
                 then this command again",
            );
            return Ok(());
        };
        let endpoint = cx.cluster()?.endpoint(&cx.node()?.local_endpoint);
        let meeting = ClusterEndpoint { endpoint, pins: pin::of_all(&ca.certs) };
        let shown = if options.skip_token_print { "<token>" } else { token.expose() };
        let mut control_plane = None;
        if options.upload_certs && cx.cluster()?.control_plane_endpoint.is_none() {
            cx.events.warning(
                "no other control plane can join, because the cluster has no controlPlaneEndpoint; specify \
                 --control-plane-endpoint for the first 'init'",
            );
        } else if let Some(key) = &init.certificate_key
            && options.upload_certs
        {
            let key = if options.skip_certificate_key_print { HIDDEN_KEY } else { key.expose() };
            control_plane = Some(meeting.control_plane(shown, key));
        }
        let worker_join = Some(meeting.worker(shown));
        (init.found.worker_join, init.found.control_plane_join) = (worker_join, control_plane);
        Ok(())
    }
}
