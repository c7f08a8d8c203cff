//! Members and their status, parsed from the JSON of etcd's gateway, which encodes 64-bit numbers as strings and omits
//! zero and empty values.

use serde_json::Value;

/// A member of an etcd cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub id: u64,
    /// Empty until it has started for the first time.
    pub name: String,
    /// Its peer URLs.
    pub peer_urls: Vec<String>,
    /// Its client URLs; empty until it has started for the first time.
    pub client_urls: Vec<String>,
    /// True for a learner, which has no vote.
    pub learner: bool,
}

impl Member {
    /// True if it has started at least once.
    pub fn has_started(&self) -> bool {
        !self.name.is_empty()
    }

    /// Its name for people: the name or, while it has none, its id and address.
    pub fn shown(&self) -> String {
        if self.has_started() {
            return self.name.clone();
        }
        format!("{:x} at {}", self.id, self.peer_urls.join(","))
    }

    pub(super) fn all(answer: &Value) -> Vec<Self> {
        answer["members"].as_array().into_iter().flatten().map(Self::of).collect()
    }

    /// A member as etcd stores it in its database.
    pub(super) fn stored(value: &Value) -> Self {
        Self { id: number(&value["id"]), ..Self::of(value) }
    }

    fn of(value: &Value) -> Self {
        Self {
            id: number(&value["ID"]),
            name: text(&value["name"]),
            peer_urls: texts(&value["peerURLs"]),
            client_urls: texts(&value["clientURLs"]),
            learner: value["isLearner"] == true,
        }
    }
}

/// Whether a member works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Well,
    /// It responds, but has this problem.
    Ill(String),
    /// It does not respond, for this reason.
    Silent(String),
    /// Its host is reachable, but etcd does not respond there: the connection is refused, or nothing comes.
    Down(String),
}

/// The status of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The id of its cluster.
    pub cluster: u64,
    /// The id of the member.
    pub member: u64,
    /// Its version: `3.5.21`.
    pub version: String,
    /// The size of its data on disk, in bytes.
    pub db_size: u64,
    /// The part of it in use; defragmentation frees the rest.
    pub db_size_in_use: u64,
    /// The newest revision that it has.
    pub revision: u64,
    /// The id of its leader; 0 for none.
    pub leader: u64,
    /// The index of its raft log.
    pub raft_index: u64,
    /// The index up to which it has applied the log.
    pub applied_index: u64,
    /// True for a learner.
    pub learner: bool,
    /// Its alarms, such as a full database.
    pub errors: Vec<String>,
}

impl Status {
    pub(super) fn of(value: &Value) -> Self {
        Self {
            cluster: number(&value["header"]["cluster_id"]),
            member: number(&value["header"]["member_id"]),
            version: text(&value["version"]),
            db_size: number(&value["dbSize"]),
            db_size_in_use: number(&value["dbSizeInUse"]),
            revision: number(&value["header"]["revision"]),
            leader: number(&value["leader"]),
            raft_index: number(&value["raftIndex"]),
            applied_index: number(&value["raftAppliedIndex"]),
            learner: value["isLearner"] == true,
            errors: texts(&value["errors"]),
        }
    }

    /// Whether the member works.
    pub fn health(&self) -> Health {
        if self.leader == 0 {
            return Health::Ill("it has no leader".into());
        }
        if self.errors.is_empty() { Health::Well } else { Health::Ill(self.errors.join(", ")) }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Responses of etcd 3.4.23, shortened.
    #[test]
    fn responses_with_numbers_as_strings_are_parsed() {
        let members = Member::all(&json!({"header": {"cluster_id": "1553397540594784389"}, "members": [
            {"ID": "2076033014867361086", "name": "n1", "peerURLs": ["https://10.0.0.1:2380"], "clientURLs": ["https://10.0.0.1:2379"]},
            {"ID": "15553397540594784389", "peerURLs": ["https://10.0.0.2:2380"], "isLearner": true}]}));
        assert_eq!(
            (members[0].id, members[0].has_started(), members[0].learner),
            (2_076_033_014_867_361_086, true, false)
        );
        assert_eq!(
            (members[1].id, members[1].has_started(), members[1].learner),
            (15_553_397_540_594_784_389, false, true)
        );
        assert_eq!(members[1].shown(), "d7d8c4a861961885 at https://10.0.0.2:2380");
        let status = Status::of(
            &json!({"header": {"member_id": "7"}, "version": "3.4.23", "dbSize": "1445888", "leader": "7", "raftIndex": "1160"}),
        );
        assert_eq!((status.member, status.db_size, status.health()), (7, 1_445_888, Health::Well));
        for ill in [json!({"version": "3.5.0"}), json!({"leader": "1", "errors": ["memberID:1 alarm:NOSPACE"]})] {
            assert!(matches!(Status::of(&ill).health(), Health::Ill(_)), "{ill}");
        }
    }
}
