//! The user data with which cloud-init joins a new machine to a cluster.
//!
//! cloud-init runs commands as root and writes their output to a log that users can read, and arguments are in the list of
//! processes: so the token is in a file of root, in memory, and goes when the command has ended.

use serde_json::json;

/// Below /run, which is not on a disk. /tmp may be emptied while the machine boots.
pub const TOKEN_FILE: &str = "/run/kubewright-join/token";

/// `join`: the arguments with which the host joins by [`TOKEN_FILE`]. JSON is used where YAML would need quotes.
pub fn user_data(token: &str, join: &[String]) -> String {
    let directory = TOKEN_FILE.rsplit_once('/').map_or(TOKEN_FILE, |(directory, _)| directory);
    format!(
        "#cloud-config\n\
         # Joins a machine to a cluster. The image needs kubewright, a kubelet and a container runtime.\n\
         # Anyone who has this can join the cluster until the token expires.\n\
         write_files:\n  - path: {TOKEN_FILE}\n    owner: root:root\n    permissions: '0600'\n    content: {}\n\
         runcmd:\n  - {}\n  - {}\n",
        json!(token),
        json!(join),
        json!(["rm", "-rf", directory]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_in_a_file_of_root_and_not_in_the_arguments() {
        let token = "abcdef.0123456789abcdef";
        let join = ["kubewright", "join", "[fd00::1]:6443", "--token-file", TOKEN_FILE].map(str::to_owned);
        let text = user_data(token, &join);
        assert!(text.starts_with("#cloud-config\n"), "cloud-init ignores it otherwise");
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let file = &value["write_files"][0];
        assert_eq!((&file["content"], &file["permissions"]), (&json!(token), &json!("0600")));
        assert_eq!(file["path"], TOKEN_FILE);
        assert_eq!(value["runcmd"][0], json!(join));
        assert_eq!(value["runcmd"][1], json!(["rm", "-rf", "/run/kubewright-join"]));
        assert_eq!(text.matches(token).count(), 1);
    }
}
