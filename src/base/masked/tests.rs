//! Tests of masking: no way to write a document shows its secrets.

use super::*;
use proptest::prelude::*;

fn toml(text: &str) -> String {
    mask(text, Format::Toml)
}

/// A diff of the kubelet's configuration hid its mode.
#[test]
fn the_authorization_of_a_kubelet_is_shown() {
    let kubelet = "authorization:\n  mode: Webhook\n  webhook:\n    cacheAuthorizedTTL: 0s\n    token: abc\n";
    let masked = mask(kubelet, Format::Yaml);
    assert_eq!(masked, kubelet.replace("abc", "***"));
    assert!(!mask("authorization:\n  mode: Other\n  value: hunter22\n", Format::Yaml).contains("hunter22"));
    assert_eq!(mask("authorization: hunter22\n", Format::Yaml), "authorization: ***\n");
}

#[test]
fn every_way_to_write_a_setting_in_toml_is_masked_and_the_rest_stays() {
    for (text, shown) in [
        ("'password' = \"hunter22\" # x\n", "'password' = *** # x\n"),
        ("\"password\" = 'hunter22'\n", "\"password\" = ***\n"),
        ("auth.password = \"hunter22\"\nauth.x.y = true\n", "auth.password = ***\nauth.x.y = true\n"),
        ("Authorization = [\n  \"Basic hunter22\", # why\n]\n", "Authorization = [\n  ***, # why\n]\n"),
        ("x = { auth = { password = \"hunter22\" } }\n", "x = { auth = { password = *** } }\n"),
        ("X-Meta-Token = ['hunter22', \"hunter33\"]\n", "X-Meta-Token = [***, ***]\n"),
        ("identitytoken = \"\"\"\nhunter22\nhunter33\n\"\"\"\nroot = '/x'\n", "identitytoken = ***\nroot = '/x'\n"),
        ("password = 12345678\n", "password = ***\n"),
        ("[a.header]\nX = [\"hunter22\"]\n", "[a.header]\nX = [***]\n"),
        ("mirror = \"https://user:hunter22@reg/v2\"\n", "mirror = ***\n"),
        ("env = [\"HOME=/root\", \"REG_PASSWORD=hunter22\"]\n", "env = [\"HOME=/root\", ***]\n"),
        ("# password = \"hunter22\"\nroot = 1\n", "# ***\nroot = 1\n"),
        ("key = \"/etc/registry/client.key\"\n", "key = \"/etc/registry/client.key\"\n"),
        ("key = \"aHVudGVyMjI=\"\n", "key = ***\n"),
        ("disable_tokens = true\n", "disable_tokens = true\n"),
        (
            "[[hosts]]\nname = 'r'\n[hosts.auth]\nusername = \"u\"\n",
            "[[hosts]]\nname = 'r'\n[hosts.auth]\nusername = ***\n",
        ),
    ] {
        assert_eq!(toml(text), shown);
    }
}

#[test]
fn yaml_and_json_are_masked_too() {
    for (text, shown) in [
        ("password: hunter22\nuser: u\n", "password: ***\nuser: u\n"),
        ("token: |\n  hunter22\n  hunter33\nnext: 1\n", "token: |\n  ***\nnext: 1\n"),
        (
            "data: {a: b}\nkind: Secret\nstringData:\n  x: hunter22\n",
            "data: {a: ***}\nkind: Secret\nstringData:\n  x: ***\n",
        ),
        (
            "env:\n- name: DB_PASSWORD\n  value: hunter22\n- name: A\n  value: b\n",
            "env:\n- name: DB_PASSWORD\n  value: ***\n- name: A\n  value: b\n",
        ),
        ("args: [\"--token=hunter22\", --v=2]\n", "args: [***, --v=2]\n"),
        ("args: [--enable-bootstrap-token-auth=true]\n", "args: [--enable-bootstrap-token-auth=true]\n"),
        ("{\"a\": {\"client-key-data\": \"hunter22\", \"b\": 1}}\n", "{\"a\": {\"client-key-data\": ***, \"b\": 1}}\n"),
        ("a: 1\n---\n\"clientSecret\": >-\n  hunter22\n", "a: 1\n---\n\"clientSecret\": >-\n  ***\n"),
        ("tokenFile: /etc/kubernetes/token.txt\n", "tokenFile: /etc/kubernetes/token.txt\n"),
        ("a: abcdef.0123456789abcdef # token: hunter22\n", "a: *** # ***\n"),
    ] {
        assert_eq!(mask(text, Format::Yaml), shown);
    }
}

#[test]
fn what_cannot_be_parsed_is_not_shown() {
    for (text, format) in [
        ("password = \"hunter22\nx = 1\n", Format::Toml),
        ("password: \"hunter22\nx: 1\n", Format::Yaml),
        ("{\"password\": \"hunter22\", ", Format::Yaml),
        ("a: &x 1\n? [a, hunter22]\n: b\n", Format::Yaml),
    ] {
        assert_eq!(mask(text, format), format!("({} bytes that cannot be parsed, not shown)\n", text.len()));
    }
}

#[test]
fn a_secret_that_also_stands_elsewhere_hides_the_whole_document() {
    assert!(!toml("password = \"hunter22\"\n[mirrors.\"hunter22\"]\nx = 1\n").contains("hunter22"));
    assert!(!toml("password = \"hunter22\"\n# it was hunter22\n").contains("hunter22"));
}

#[test]
fn options_of_a_line_are_masked() {
    let fstab = "//srv/x /mnt cifs user=u,password=hunter22,ro 0 0\nUUID=1 / ext4 defaults 0 1\n";
    assert_eq!(mask(fstab, Format::Words), fstab.replace("hunter22", "***"));
}

#[test]
fn a_file_without_a_known_name_is_parsed_where_it_can_be() {
    assert_eq!(Format::of(Path::new("/etc/containerd/conf.d/reg"), "password = \"hunter22\"\n"), Format::Toml);
    assert_eq!(Format::of(Path::new("/etc/fstab"), "/dev/sda2 none swap sw 0 0\n"), Format::Words);
    assert_eq!(Format::of(Path::new("/x.json"), ""), Format::Yaml);
}

proptest! {
    #[test]
    fn no_form_of_a_document_shows_its_secret(
        name in prop::sample::select(&["password", "X-Meta-Token", "identity_token", "auth", "clientSecret", "api-key"][..]),
        secret in "[A-Za-z0-9+]{12}",
        form in 0..9_usize,
    ) {
        let (text, format) = match form {
            0 => (format!("a = 1\n\"{name}\" = \"{secret}\"\n"), Format::Toml),
            1 => (format!("[t]\nx.'{name}' = [\n '{secret}',\n 'b'\n]\n"), Format::Toml),
            2 => (format!("x = [ {{ y = {{ {name} = '''{secret}''' }} }} ]\n"), Format::Toml),
            3 => (format!("[[x.{name}]]\ny = \"{secret}\"\n"), Format::Toml),
            4 => (format!("a:\n- {name}:\n  - x: '{secret}'\n"), Format::Yaml),
            5 => (format!("a: {{\"{name}\": [{secret}]}}\n"), Format::Yaml),
            6 => (format!("{{\"a\": [{{\"{name}\": \"{secret}\"}}]}}"), Format::Yaml),
            7 => (format!("# {name}: {secret}\na: 1\n"), Format::Yaml),
            _ => (format!("x /y z {name}={secret},ro\n"), Format::Words),
        };
        let shown = mask(&text, format);
        prop_assert!(!shown.contains(&secret), "{}", shown);
        prop_assert!(shown.contains("***"), "{}", shown);
    }
}
