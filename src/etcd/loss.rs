//! Whether a cluster has lost its majority for good, and may be continued with the data of one member.
//!
//! What cannot be seen from here, whether silent members are gone, the administrator says member by member. What can be seen is
//! never overruled: a majority that answers, a leader, a member with newer data.
//!
//! Reads: what the members answer. Writes: nothing.

use super::client::Client;
use super::member::{Health, Member};
use super::member_api::MemberApi;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::parallel::for_each;

/// The member whose data is to be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    pub id: u64,
    /// The newest revision in its data.
    pub revision: u64,
}

/// What another member answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub member: Member,
    pub health: Health,
    /// Its newest revision, where it answers.
    pub revision: Option<u64>,
    /// It has a leader: a majority works.
    pub has_leader: bool,
}

impl Asked {
    fn answers(&self) -> bool {
        matches!(self.health, Health::Well | Health::Ill(_))
    }
}

/// The members that a forced new cluster leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Those that are gone.
    pub lost: Vec<Member>,
    /// Those that answer, and stop when they learn that they were left out.
    pub answering: Vec<Member>,
}

/// Why no new cluster is forced.
#[derive(Debug, thiserror::Error)]
pub enum LossError {
    #[error("the data on this host is of a member that its cluster has removed, or was never a full member of it")]
    NotAMember,
    #[error("etcd has its majority: {who} answers and has a leader")]
    HasLeader { who: String },
    #[error(
        "etcd has not lost its majority: {available} of {voters} voting members are there, and {needed} are enough"
    )]
    Majority { available: usize, voters: usize, needed: usize },
    #[error("these members do not answer, and may still have newer data than this host: {}", silent.join("; "))]
    Unconfirmed {
        /// The members, and why they do not answer.
        silent: Vec<String>,
        /// The names of all members that do not answer, also of those that were named as lost.
        names: Vec<String>,
    },
    #[error("{name} is named as lost, but it answers")]
    Answers { name: String },
    #[error("{name} is named as lost, but it is not another member; the others are {}", known.join(", "))]
    NoSuchMember { name: String, known: Vec<String> },
    #[error("{name} has newer data than this host: revision {revision} instead of {own}")]
    Newer { name: String, revision: u64, own: u64 },
}

impl Fault for LossError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoSuchMember { .. } => ExitCode::Input,
            _ => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAMember => "run it on the control plane whose etcd had joined completely and has the newest data".into(),
            Self::HasLeader { .. } | Self::Majority { .. } => {
                "nothing has to be recovered. If etcd on this host does not work, read its log: run 'crictl logs $(crictl ps -aq --name etcd)'".into()
            }
            Self::Unconfirmed { names, .. } => format!(
                "start their hosts: etcd continues by itself when a majority is back. Only if the hosts or their data are gone for good, \
                 run 'kubewright etcd recover --members-lost {}': what only they have is lost then",
                names.join(",")
            ),
            Self::Answers { .. } => "leave it out of --members-lost; if its data is to be given up, stop its host first".into(),
            Self::NoSuchMember { .. } => "correct --members-lost".into(),
            Self::Newer { name, .. } => format!("run the command on {name}"),
        })
    }
}

impl Client {
    /// Asks each of the members, all at once.
    pub fn ask_each(&self, members: &[Member]) -> Vec<Asked> {
        for_each(members, |member| {
            let health = MemberApi::health(self, member);
            let answers = matches!(health, Health::Well | Health::Ill(_));
            let urls = member.client_urls.iter().filter(|_| answers);
            let mut statuses = urls.filter_map(|url| self.status(url.trim_end_matches('/')).ok());
            let status = statuses.find(|status| status.member == member.id);
            let has_leader = health == Health::Well || status.as_ref().is_some_and(|status| status.leader != 0);
            Asked { member: member.clone(), health, revision: status.map(|status| status.revision), has_leader }
        })
    }
}

/// The name with which a member is named as lost: its id if it never started.
fn name(member: &Member) -> String {
    if member.has_started() { member.name.clone() } else { format!("{:x}", member.id) }
}

/// The member is one with a vote.
pub fn require_vote(id: u64, members: &[Member]) -> Result<(), LossError> {
    let has_vote = members.iter().any(|member| member.id == id && !member.learner);
    if has_vote { Ok(()) } else { Err(LossError::NotAMember) }
}

/// Assesses what the other members answer; `lost` are those that the administrator named.
pub fn assess(own: &Own, members: &[Member], others: &[Asked], lost: &[String]) -> Result<Loss, LossError> {
    require_vote(own.id, members)?;
    let known: Vec<String> = others.iter().map(|one| name(&one.member)).collect();
    if let Some(name) = lost.iter().find(|name| !known.contains(name)) {
        return Err(LossError::NoSuchMember { name: name.clone(), known });
    }
    if let Some(leading) = others.iter().find(|one| one.has_leader) {
        return Err(LossError::HasLeader { who: name(&leading.member) });
    }
    let voters = members.iter().filter(|member| !member.learner).count();
    let needed = voters / 2 + 1;
    let available = 1 + others.iter().filter(|one| !one.member.learner && one.answers()).count();
    if available >= needed {
        return Err(LossError::Majority { available, voters, needed });
    }
    if let Some(one) = others.iter().find(|one| one.answers() && lost.contains(&name(&one.member))) {
        return Err(LossError::Answers { name: name(&one.member) });
    }
    let newer = others.iter().filter(|one| one.revision.is_some_and(|revision| revision > own.revision));
    if let Some(one) = newer.max_by_key(|one| one.revision) {
        let revision = one.revision.unwrap_or_default();
        return Err(LossError::Newer { name: name(&one.member), revision, own: own.revision });
    }
    // One that was joining and has never started has no data to lose.
    let has_data = |one: &&Asked| !one.member.learner || one.member.has_started();
    let silent: Vec<&Asked> = others.iter().filter(|one| !one.answers()).filter(has_data).collect();
    let unnamed: Vec<&&Asked> = silent.iter().filter(|one| !lost.contains(&name(&one.member))).collect();
    if !unnamed.is_empty() {
        let why = |one: &&&Asked| match &one.health {
            Health::Silent(why) | Health::Down(why) | Health::Ill(why) => format!("{}: {why}", one.member.shown()),
            Health::Well => one.member.shown(),
        };
        let names = silent.iter().map(|one| name(&one.member)).collect();
        return Err(LossError::Unconfirmed { silent: unnamed.iter().map(why).collect(), names });
    }
    let members_of = |answers: bool| others.iter().filter(move |one| one.answers() == answers);
    Ok(Loss {
        lost: members_of(false).map(|one| one.member.clone()).collect(),
        answering: members_of(true).map(|one| one.member.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> Member {
        Member { id, name: format!("n{id}"), ..Member::default() }
    }

    fn asked(id: u64, health: Health, revision: Option<u64>) -> Asked {
        Asked { member: member(id), has_leader: health == Health::Well, health, revision }
    }

    fn gone(id: u64) -> Asked {
        asked(id, Health::Silent("no answer".into()), None)
    }

    fn leaderless(id: u64, revision: u64) -> Asked {
        asked(id, Health::Ill("it has no leader".into()), Some(revision))
    }

    /// The outcome for this host, n1 at revision 10, and these others.
    fn assessed(others: &[Asked], lost: &[&str]) -> Result<Loss, String> {
        let mut members: Vec<Member> = others.iter().map(|one| one.member.clone()).collect();
        members.push(member(1));
        let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
        assess(&Own { id: 1, revision: 10 }, &members, others, &lost).map_err(|error| {
            assert!(error.hint().is_some());
            error.to_string()
        })
    }

    #[test]
    fn every_silent_member_must_be_named() {
        let loss = assessed(&[gone(2), gone(3)], &["n2", "n3"]).unwrap();
        let names: Vec<String> = loss.lost.iter().map(name).collect();
        assert_eq!((names, loss.answering.len()), (vec!["n2".to_owned(), "n3".to_owned()], 0));
        for lost in [&[][..], &["n2"], &["n3"]] {
            let error = assessed(&[gone(2), gone(3)], lost).unwrap_err();
            assert!(error.contains("do not answer"), "{error}");
        }
    }

    /// The command lacked the members that were named already.
    #[test]
    fn the_command_names_every_silent_member() {
        let members = [member(1), member(2), member(3)];
        let own = Own { id: 1, revision: 10 };
        let error = assess(&own, &members, &[gone(2), gone(3)], &["n2".into()]).unwrap_err();
        assert!(error.to_string().contains("n3: no answer") && !error.to_string().contains("n2"), "{error}");
        assert!(error.hint().unwrap().contains("'kubewright etcd recover --members-lost n2,n3'"));
    }

    #[test]
    fn a_majority_that_is_there_is_not_overruled() {
        for (others, lost, words) in [
            (vec![gone(2), leaderless(3, 10)], &["n2"][..], "has not lost its majority: 2 of 3"),
            (vec![gone(2), asked(3, Health::Well, Some(9))], &["n2"], "n3 answers and has a leader"),
            (vec![asked(2, Health::Well, None), asked(3, Health::Well, None)], &["n2", "n3"], "has a leader"),
            // An alarm does not take the leader away.
            (vec![gone(2), Asked { has_leader: true, ..leaderless(3, 9) }], &["n2"], "n3 answers and has a leader"),
            (Vec::new(), &[], "1 of 1"),
        ] {
            let error = assessed(&others, lost).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_newest_data_is_used() {
        let lost = ["n3", "n4", "n5"];
        let others = |revision| vec![leaderless(2, revision), gone(3), gone(4), gone(5)];
        assert_eq!(assessed(&others(10), &lost).unwrap().answering.len(), 1);
        let error = assessed(&others(11), &lost).unwrap_err();
        assert!(error.contains("n2 has newer data than this host: revision 11 instead of 10"), "{error}");
    }

    #[test]
    fn a_member_that_answers_or_is_unknown_is_not_lost() {
        let others = [leaderless(2, 1), gone(3), gone(4), gone(5)];
        assert!(
            assessed(&others, &["n2", "n3", "n4", "n5"]).unwrap_err().contains("n2 is named as lost, but it answers")
        );
        assert!(assessed(&[gone(2), gone(3)], &["n2", "n3", "n1"]).unwrap_err().contains("n1 is named as lost"));
        assert!(assessed(&[gone(2), gone(3)], &["n2", "n33"]).unwrap_err().contains("the others are n2, n3"));
    }

    #[test]
    fn a_removed_member_or_a_learner_does_not_continue_the_cluster() {
        let learner = Member { learner: true, ..member(1) };
        for members in [vec![member(2)], vec![learner, member(2)]] {
            let outcome = assess(&Own { id: 1, revision: 1 }, &members, &[gone(2)], &["n2".into()]);
            assert!(matches!(outcome, Err(LossError::NotAMember)));
        }
    }

    /// After a majority was lost during a join, the joining member had to be named by its id.
    #[test]
    fn a_learner_that_never_started_need_not_be_named() {
        let mut joining = gone(4);
        joining.member = Member { id: 4, learner: true, ..Member::default() };
        let loss = assessed(&[gone(2), joining], &["n2"]).unwrap();
        assert_eq!(loss.lost.len(), 2);
    }

    #[test]
    fn a_learner_has_no_vote_and_must_be_named_all_the_same() {
        let mut learner = gone(4);
        learner.member.learner = true;
        let others = [gone(2), gone(3), learner];
        assert!(assessed(&others, &["n2", "n3"]).is_err());
        assert_eq!(assessed(&others, &["n2", "n3", "n4"]).unwrap().lost.len(), 3);
    }
}
