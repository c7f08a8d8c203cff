//! Errors of etcd requests and of membership changes.

use super::member::Member;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::HttpsError;
use std::time::Duration;

/// The gRPC code "permission denied".
const PERMISSION_DENIED: u64 = 7;
/// The gRPC code "unavailable", which etcd also uses for "try again".
const UNAVAILABLE: u64 = 14;
/// The gRPC code "deadline exceeded".
const DEADLINE: u64 = 4;

/// A request to etcd, or a change of its membership, failed.
#[derive(Debug, thiserror::Error)]
pub enum EtcdError {
    /// There was no response.
    #[error(transparent)]
    Transport(#[from] HttpsError),
    /// etcd refused the request.
    #[error("etcd refused to {what}: {message}")]
    Refused {
        /// The request.
        what: String,
        /// The gRPC code.
        code: u64,
        /// The message of etcd.
        message: String,
    },
    /// The response cannot be parsed.
    #[error("cannot parse etcd's response to {what}")]
    Answer {
        /// The request.
        what: String,
        /// The parse error.
        #[source]
        source: serde_json::Error,
    },
    /// An endpoint is not a valid address, or there is none.
    #[error("{address:?} is not the address of an etcd member, such as https://10.0.0.1:2379")]
    Address { address: String },
    /// Too few members are healthy for the change.
    #[error("only {healthy} of {voters} etcd members are healthy; {change} needs {needed}: {}", sick.join("; "))]
    NoQuorum {
        /// The change.
        change: String,
        /// The number of healthy voting members.
        healthy: usize,
        /// The number of voting members.
        voters: usize,
        /// The number of healthy members that the change needs.
        needed: usize,
        /// The unhealthy members, and why.
        sick: Vec<String>,
    },
    /// Fewer than a majority of the members respond: etcd, and the API with it, is unavailable until they are back.
    #[error("etcd has lost its majority: {}", who_is_missing(*voters, *answering, *needed, missing))]
    QuorumLost {
        /// The number of members that respond.
        answering: usize,
        /// The number of voting members.
        voters: usize,
        /// The number of members that must respond.
        needed: usize,
        /// The members that do not respond, and why.
        missing: Vec<String>,
        /// None of the others is reachable, so this host itself may be disconnected.
        cut_off: bool,
    },
    /// etcd does not accept a new member while another one is unreachable.
    #[error("etcd does not accept a new member while a member is unreachable: {}", away.join("; "))]
    MemberAway {
        /// The unreachable members, and why.
        away: Vec<String>,
    },
    /// This host has data of a member that the cluster does not list.
    #[error("this host has etcd data of an earlier membership, but {peer_url} is not a member")]
    StaleData {
        /// Its peer URL.
        peer_url: String,
    },
    /// The peer URL belongs to a member that may be another host's.
    #[error("{peer_url} is the address of the etcd member {holder}: {why}")]
    Taken {
        /// The name of the member.
        holder: String,
        /// The peer URL.
        peer_url: String,
        /// Why the member may be another host's.
        why: String,
    },
    /// Another member was added before, and was not promoted in time.
    #[error("the etcd member {shown} was added first and was not promoted within {limit:?}")]
    Behind {
        /// The member, for people.
        shown: String,
        /// Its key for `node remove`.
        key: String,
        /// The timeout.
        limit: Duration,
    },
    /// The new member never started.
    #[error("etcd on this host did not join within {limit:?}; the cluster {}", if *rolled_back { "is as it was before" } else { "still lists it" })]
    NeverStarted {
        /// The timeout.
        limit: Duration,
        /// The new member was removed from the cluster again.
        rolled_back: bool,
    },
    /// The member was removed while it was joining.
    #[error("the etcd member {id:x} was removed while it was joining")]
    Gone { id: u64 },
    /// A temporary failure lasted until the timeout.
    #[error("timed out after {limit:?} waiting for {what}: {last}")]
    TimedOut {
        what: String,
        /// The timeout.
        limit: Duration,
        /// The last failure.
        last: String,
    },
}

impl EtcdError {
    /// `other` was joining before this member for the whole timeout.
    pub(super) fn behind(other: &Member, limit: Duration) -> Self {
        let key = if other.has_started() { other.name.clone() } else { format!("{:x}", other.id) };
        Self::Behind { shown: other.shown(), key, limit }
    }

    /// The member in the request does not exist.
    pub fn is_not_found(&self) -> bool {
        self.says("member not found")
    }

    /// The learner has not received all data yet.
    pub fn is_not_in_sync(&self) -> bool {
        self.says("in sync with leader")
    }

    /// A voting member is not connected to the others, or has not been connected for long enough.
    pub fn is_unhealthy_cluster(&self) -> bool {
        self.says("unhealthy cluster")
    }

    /// The request was sent to a learner, which cannot handle it.
    pub fn is_of_a_learner(&self) -> bool {
        self.says("not supported for learner")
    }

    /// True if the cluster refuses this now but can do it later: another member is joining, a member is not connected,
    /// the member already exists.
    pub fn is_untimely(&self) -> bool {
        [
            "too many learner",
            "Peer URLs already exists",
            "member ID already exist",
            "unhealthy cluster",
            "not enough started members",
            "can only promote a learner",
            "not supported for learner",
        ]
        .iter()
        .any(|part| self.says(part))
    }

    /// The user in the client certificate lacks the permission.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Refused { code: PERMISSION_DENIED, .. })
            || self.says("permission denied")
            || self.says("user name is empty")
    }

    fn says(&self, part: &str) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains(part))
    }

    /// What is done about unhealthy members that will not return: without a majority none can be removed.
    pub fn otherwise(&self) -> String {
        match self {
            Self::NoQuorum { healthy, voters, sick, .. } if *healthy > voters / 2 => format!(
                "; if one of them will not return, run 'kubewright node remove {} --dead' on a control plane",
                first_name(sick)
            ),
            _ => "; if they are permanently gone, run 'kubewright etcd recover' on the control plane with the newest data \
                  (docs/quorum.md)"
                .into(),
        }
    }
}

fn who_is_missing(voters: usize, answering: usize, needed: usize, missing: &[String]) -> String {
    let missing = missing.join("; ");
    if voters == 1 {
        return format!("its only voting member does not answer: {missing}");
    }
    let ending = if answering == 1 { "s" } else { "" };
    format!("of {voters} voting members {answering} answer{ending}, and {needed} must; these do not: {missing}")
}

/// The name of the first of these members, which are given as `NAME: why`.
fn first_name(members: &[String]) -> &str {
    let name = members.first().and_then(|one| one.split(':').next()).filter(|name| !name.contains(' '));
    name.unwrap_or("NAME")
}

impl Fault for EtcdError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Transport(error) => error.exit_code(),
            Self::Refused { .. } | Self::Answer { .. } => ExitCode::Unreachable,
            Self::Address { .. } => ExitCode::Input,
            Self::QuorumLost { .. } => ExitCode::Unhealthy,
            Self::NoQuorum { .. } | Self::MemberAway { .. } | Self::StaleData { .. } | Self::Taken { .. } => {
                ExitCode::Refused
            }
            Self::Behind { .. } | Self::NeverStarted { .. } | Self::Gone { .. } | Self::TimedOut { .. } => {
                ExitCode::Unhealthy
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Transport(error) => return error.hint(),
            Self::Refused { .. } | Self::Answer { .. } => {
                "read etcd's log: run 'crictl logs $(crictl ps -q --name etcd)' on a control plane".into()
            }
            Self::Address { .. } => "write the address as https://HOST:2379".into(),
            Self::NoQuorum { .. } => {
                format!("first fix the members that are not healthy (run 'crictl logs $(crictl ps -aq --name etcd)' on their hosts){}", self.otherwise())
            }
            Self::QuorumLost { voters: 1, .. } => {
                "start its host, or etcd there again (run 'crictl logs $(crictl ps -aq --name etcd)' on it); if its data is permanently gone, restore a snapshot (docs/etcd.md); keep the data of every host until then".into()
            }
            Self::QuorumLost { cut_off, .. } => {
                let back = "start the hosts of the missing members: etcd recovers by itself once a majority is back. If they are permanently gone, run 'kubewright etcd recover' on the control plane with the newest data (docs/quorum.md); keep the data of every member until then";
                if *cut_off {
                    format!("first check the network of this host, which cannot reach any of the others: run 'ip -br address' and 'ip route'; then {back}")
                } else {
                    back.into()
                }
            }
            Self::MemberAway { away } => {
                format!(
                    "start it again (run 'crictl logs $(crictl ps -aq --name etcd)' on its host); if its host is gone for good, run 'kubewright node remove {} --dead' on a control plane; then run this command again: it continues",
                    first_name(away)
                )
            }
            Self::StaleData { .. } => {
                "keep the data: it may be the only copy of another cluster. Join another host; or, where it is known \
                 that the data is of this cluster and its members have all of it, move it away and join again".into()
            }
            Self::Taken { holder, .. } => format!(
                "give this host an address of its own with --apiserver-advertise-address (in a file: localAPIEndpoint.advertiseAddress) and a name of its own with --node-name; if {holder} is gone for good, run 'kubewright node remove {holder} --dead' on a control plane first"
            ),
            Self::Behind { key, .. } => format!(
                "complete the join of that host by running its command again; if it is gone for good, run 'kubewright node remove {key} --dead' on a control plane; then run this command again: it continues"
            ),
            Self::NeverStarted { .. } => {
                "run 'crictl logs $(crictl ps -aq --name etcd)' and 'journalctl -u kubelet' on this host, fix the cause and run the command again".into()
            }
            Self::Gone { .. } => "run the command again".into(),
            Self::TimedOut { .. } => {
                "run 'etcdctl endpoint health --cluster' and 'etcdctl member list' on a control plane; start the members that are unreachable, or remove each that will not return ('kubewright node remove --dead' with its name), then run the command again: it continues".into()
            }
        })
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Transport(error) => error.retryable(),
            Self::Refused { code, message, .. } => {
                matches!(*code, UNAVAILABLE | DEADLINE)
                    || message.contains("request timed out")
                    || message.contains("leader")
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u64, message: &str) -> EtcdError {
        EtcdError::Refused { what: "add a member".into(), code, message: message.into() }
    }

    /// Messages of etcd, from its rpctypes package.
    #[test]
    fn refusals_are_distinguished() {
        assert!(refused(5, "etcdserver: member not found").is_not_found());
        let early = refused(9, "etcdserver: can only promote a learner member which is in sync with leader");
        assert!(early.is_not_in_sync());
        for message in [
            "etcdserver: too many learner members in cluster",
            "etcdserver: Peer URLs already exists",
            "etcdserver: unhealthy cluster",
            "etcdserver: re-configuration failed due to not enough started members",
            "etcdserver: can only promote a learner member",
        ] {
            assert!(refused(9, message).is_untimely(), "{message}");
        }
        assert!(!refused(3, "etcdserver: given member URLs are invalid").is_untimely());
    }

    /// The advice had the placeholder NAME, also where no member can be removed because the majority is lost.
    #[test]
    fn a_member_to_remove_is_named_and_only_while_one_can_be_removed() {
        let hint = |healthy: usize| {
            let sick = vec!["n3: connection refused".into()];
            let change = "removing n2".into();
            EtcdError::NoQuorum { change, healthy, voters: 3, needed: 2, sick }.hint().unwrap()
        };
        assert!(hint(2).ends_with("run 'kubewright node remove n3 --dead' on a control plane"), "{}", hint(2));
        assert!(hint(1).contains("'kubewright etcd recover'") && !hint(1).contains("node remove"), "{}", hint(1));
    }

    #[test]
    fn temporary_failures_are_retryable() {
        assert!(refused(14, "etcdserver: no leader").retryable());
        assert!(refused(14, "etcdserver: request timed out").retryable());
        assert!(!refused(3, "etcdserver: given member URLs are invalid").retryable());
        assert!(!refused(16, "etcdserver: invalid auth token").retryable());
    }
}
