//! All keywords of `ssh_config`, by what becomes of them here.

/// What a keyword is to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The first value counts.
    First,
    /// All values count.
    All,
    /// It decides where or how to connect, and cannot be followed: refused if it applies, unless it has one of these
    /// values, and why.
    Refused(&'static [&'static str], &'static str),
    /// It is about something else.
    Ignored,
}

const OFF: &[&str] = &["none", "no", "off", "false"];

const FOLLOWED: [&str; 20] = [
    "addressfamily",
    "ciphers",
    "connecttimeout",
    "hashknownhosts",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "ignoreunknown",
    "kexalgorithms",
    "globalknownhostsfile",
    "macs",
    "port",
    "proxyjump",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
];

const REFUSED: [(&str, &[&str], &str); 8] = [
    ("bindaddress", &[], ""),
    ("bindinterface", &[], ""),
    ("canonicalizehostname", OFF, ": the name would be another one"),
    ("knownhostscommand", OFF, ": it decides which host keys are trusted"),
    ("pkcs11provider", OFF, ": load its keys into an agent"),
    ("proxycommand", OFF, ""),
    ("pubkeyauthentication", &["yes", "true", "unbound", "host-bound"], ": logins are by key"),
    ("revokedhostkeys", OFF, ": it decides which host keys are trusted"),
];

const IGNORED: [&str; 84] = [
    "addkeystoagent",
    "batchmode",
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizemaxdots",
    "canonicalizepermittedcnames",
    "casignaturealgorithms",
    "challengeresponseauthentication",
    "channeltimeout",
    "checkhostip",
    "cipher",
    "clearallforwardings",
    "compression",
    "connectionattempts",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "dynamicforward",
    "enableescapecommandline",
    "enablesshkeysign",
    "escapechar",
    "exitonforwardfailure",
    "fingerprinthash",
    "forkafterauthentication",
    "forwardagent",
    "forwardx11",
    "forwardx11timeout",
    "forwardx11trusted",
    "gatewayports",
    "gssapiauthentication",
    "gssapiclientidentity",
    "gssapidelegatecredentials",
    "gssapikexalgorithms",
    "gssapikeyexchange",
    "gssapirenewalforcesrekey",
    "gssapiserveridentity",
    "gssapitrustdns",
    "hostbasedacceptedalgorithms",
    "hostbasedauthentication",
    "hostbasedkeytypes",
    "ipqos",
    "kbdinteractiveauthentication",
    "kbdinteractivedevices",
    "localcommand",
    "localforward",
    "loglevel",
    "logverbose",
    "nohostauthenticationforlocalhost",
    "numberofpasswordprompts",
    "obscurekeystroketiming",
    "passwordauthentication",
    "permitlocalcommand",
    "permitremoteopen",
    "preferredauthentications",
    "protocol",
    "proxyusefdpass",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
    "rekeylimit",
    "remotecommand",
    "remoteforward",
    "requesttty",
    "requiredrsasize",
    "securitykeyprovider",
    "sendenv",
    "sessiontype",
    "setenv",
    "stdinnull",
    "streamlocalbindmask",
    "streamlocalbindunlink",
    "syslogfacility",
    "tag",
    "tcpkeepalive",
    "tunnel",
    "tunneldevice",
    "updatehostkeys",
    "usekeychain",
    "useprivilegedport",
    "useroaming",
    "verifyhostkeydns",
    "versionaddendum",
    "visualhostkey",
    "warnweakcrypto",
    "xauthlocation",
];

/// What becomes of a keyword, given in lower case; None if OpenSSH has no such keyword.
pub(super) fn of(keyword: &str) -> Option<Use> {
    if matches!(keyword, "identityfile" | "certificatefile") {
        return Some(Use::All);
    }
    if let Some((_, allowed, why)) = REFUSED.iter().find(|(name, ..)| *name == keyword) {
        return Some(Use::Refused(allowed, why));
    }
    if FOLLOWED.contains(&keyword) {
        return Some(Use::First);
    }
    IGNORED.contains(&keyword).then_some(Use::Ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_where_a_connection_goes_is_never_ignored() {
        for keyword in ["hostname", "user", "port", "proxyjump", "hostkeyalias", "userknownhostsfile", "identityfile"] {
            assert!(matches!(of(keyword), Some(Use::First | Use::All)), "{keyword}");
        }
        for keyword in ["proxycommand", "knownhostscommand", "revokedhostkeys", "bindaddress"] {
            assert!(matches!(of(keyword), Some(Use::Refused(..))), "{keyword}");
        }
        assert_eq!(of("forwardagent"), Some(Use::Ignored));
        assert_eq!(of("hostnam"), None);
    }

    #[test]
    fn no_keyword_is_listed_as_ignored_and_as_more() {
        for keyword in IGNORED {
            assert_eq!(of(keyword), Some(Use::Ignored), "{keyword}");
        }
    }
}
