//! Why etcd did not do what was asked, and why we did not ask it.

use super::member::Member;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::HttpsError;
use std::time::Duration;

/// gRPC's number for "permission denied".
const PERMISSION_DENIED: u64 = 7;
/// gRPC's number for "unavailable", which etcd also uses for "try again".
const UNAVAILABLE: u64 = 14;
/// gRPC's number for "the deadline passed".
const DEADLINE: u64 = 4;

/// A request to etcd, or a change of its membership, failed.
#[derive(Debug, thiserror::Error)]
pub enum EtcdError {
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] HttpsError),
    /// etcd said no.
    #[error("etcd refused to {what}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The gRPC code.
        code: u64,
        /// etcd's own sentence.
        message: String,
    },
    /// The answer is not etcd's.
    #[error("cannot understand etcd's answer to {what}")]
    Answer {
        /// What was asked for.
        what: String,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
    /// An endpoint is not an address, or there is none.
    #[error("{address:?} is not the address of an etcd member, such as https://10.0.0.1:2379")]
    Address {
        /// What was given.
        address: String,
    },
    /// Too few members are healthy for the change.
    #[error("only {healthy} of {voters} etcd members are healthy, {needed} must be for {change}: {}", sick.join("; "))]
    NoQuorum {
        /// What was to be done.
        change: String,
        /// How many can vote and are well.
        healthy: usize,
        /// How many can vote.
        voters: usize,
        /// How many must be well.
        needed: usize,
        /// Who is not, and why.
        sick: Vec<String>,
    },
    /// Fewer than a majority of the members answer: etcd, and the API with it, does nothing until they are back.
    #[error(
        "etcd has lost its majority: of {voters} voting members {answering} answer{}, and {needed} must; these do not: {}",
        if *answering == 1 { "s" } else { "" }, missing.join("; ")
    )]
    QuorumLost {
        /// How many answer.
        answering: usize,
        /// How many can vote.
        voters: usize,
        /// How many must answer.
        needed: usize,
        /// Who does not, and why.
        missing: Vec<String>,
        /// None of the others can be reached, so that this host itself may be cut off.
        cut_off: bool,
    },
    /// etcd takes nobody in while one of its members is away.
    #[error("etcd takes no member in as long as a member is away: {}", away.join("; "))]
    MemberAway {
        /// Who is, and why that seems so.
        away: Vec<String>,
    },
    /// This host has data of a member that the cluster does not know.
    #[error("this host has etcd data of an earlier membership, but {peer_url} is not a member")]
    StaleData {
        /// Its address for other members.
        peer_url: String,
    },
    /// The address belongs to a member that may be another host's.
    #[error("{peer_url} is the address of the etcd member {holder}: {why}")]
    Taken {
        /// The member's name.
        holder: String,
        /// The address for other members.
        peer_url: String,
        /// What speaks against its being this host's.
        why: String,
    },
    /// Another member was added before, and is not through.
    #[error("the etcd member {shown} was added first, and has not got its vote within {limit:?}")]
    Behind {
        /// That member, for people.
        shown: String,
        /// By what `node remove` knows it.
        key: String,
        /// The time that was given.
        limit: Duration,
    },
    /// The new member never came up.
    #[error("etcd on this host did not join within {limit:?}; the cluster {}", if *rolled_back { "is as it was before" } else { "still waits for it" })]
    NeverStarted {
        /// The time that was given.
        limit: Duration,
        /// The new member was taken out of the cluster again.
        rolled_back: bool,
    },
    /// Somebody removed the member while it was joining.
    #[error("the etcd member {id:x} was removed while it was joining")]
    Gone {
        /// Its id.
        id: u64,
    },
    /// What might have passed did not.
    #[error("timed out after {limit:?} waiting for {what}: {last}")]
    TimedOut {
        /// What was awaited.
        what: String,
        /// The time that was given.
        limit: Duration,
        /// What the last look found.
        last: String,
    },
}

impl EtcdError {
    /// `other` kept its place before us for all the time there was.
    pub(super) fn behind(other: &Member, limit: Duration) -> Self {
        let key = if other.has_started() { other.name.clone() } else { format!("{:x}", other.id) };
        Self::Behind { shown: other.shown(), key, limit }
    }

    /// The member that the request names does not exist.
    pub fn is_not_found(&self) -> bool {
        self.says("member not found")
    }

    /// The learner has not received all data yet.
    pub fn is_not_in_sync(&self) -> bool {
        self.says("in sync with leader")
    }

    /// A voting member is not connected to the others, or has not been for long enough.
    pub fn is_unhealthy_cluster(&self) -> bool {
        self.says("unhealthy cluster")
    }

    /// A learner was asked: it has no say.
    pub fn is_of_a_learner(&self) -> bool {
        self.says("not supported for learner")
    }

    /// True when the cluster can do this at another time, but not now: somebody else is joining, a member
    /// is not connected, the member is there already.
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

    /// The user whom the client certificate names may not do that.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Refused { code: PERMISSION_DENIED, .. })
            || self.says("permission denied")
            || self.says("user name is empty")
    }

    fn says(&self, part: &str) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains(part))
    }
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
                "see what etcd says: run 'crictl logs $(crictl ps -q --name etcd)' on a control plane".into()
            }
            Self::Address { .. } => "write the address as https://HOST:2379".into(),
            Self::NoQuorum { .. } => {
                "bring the members that are not healthy back first (run 'crictl logs $(crictl ps -aq --name etcd)' on their hosts), or take out those that will not return: run 'kubewright node remove NAME --dead' on a control plane".into()
            }
            Self::QuorumLost { cut_off, .. } => {
                let back = "start the hosts of the missing members: etcd goes on by itself once a majority is back. If they are gone for good, see 'docs/quorum.md' for the way back from the data of one member; keep that data until then";
                if *cut_off {
                    format!("first check the network of this host, which reaches none of the others: run 'ip -br address' and 'ip route'; then {back}")
                } else {
                    back.into()
                }
            }
            Self::MemberAway { .. } => {
                "bring it back (run 'crictl logs $(crictl ps -aq --name etcd)' on its host); if it will not return, run 'kubewright node remove NAME --dead' on a control plane; then run this command again: it continues".into()
            }
            Self::StaleData { .. } => {
                "keep the data: it may be the only copy of another cluster. Join with another host; or, where it is known \
                 that the data is of this cluster and its members have all of it, move it away and join again".into()
            }
            Self::Taken { holder, .. } => format!(
                "give this host an address of its own with --apiserver-advertise-address (in a file: localAPIEndpoint.advertiseAddress) and a name of its own with --node-name; if {holder} is gone for good, run 'kubewright node remove {holder} --dead' on a control plane first"
            ),
            Self::Behind { key, .. } => format!(
                "complete the join of that host by running its command again; if it is gone for good, run 'kubewright node remove {key} --dead' on a control plane; then run this command again: it continues"
            ),
            Self::NeverStarted { .. } => {
                "run 'crictl logs $(crictl ps -aq --name etcd)' and 'journalctl -u kubelet' on this host, mend the cause, then run the command again".into()
            }
            Self::Gone { .. } => "run the command again".into(),
            Self::TimedOut { .. } => {
                "run 'etcdctl endpoint health --cluster' and 'etcdctl member list' on a control plane; bring back the members that are away, or take out those that will not return with 'kubewright node remove NAME --dead', then run the command again: it continues".into()
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

    /// etcd's own sentences, as its rpctypes package has them.
    #[test]
    fn refusals_are_told_apart() {
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

    #[test]
    fn what_may_pass_is_retryable() {
        assert!(refused(14, "etcdserver: no leader").retryable());
        assert!(refused(14, "etcdserver: request timed out").retryable());
        assert!(!refused(3, "etcdserver: given member URLs are invalid").retryable());
        assert!(!refused(16, "etcdserver: invalid auth token").retryable());
    }
}
