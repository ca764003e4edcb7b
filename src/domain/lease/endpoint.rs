//! Where a member of an etcd cluster is asked.

use std::fmt;
use std::str::FromStr;

/// The port that etcd has for its clients.
const PORT: u16 = 2379;

/// A member of an etcd cluster, written as `https://host:2379`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it speaks TLS.
    pub is_secure: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = (if self.is_secure { "https" } else { "http" }, &self.host, self.port);
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not written as https://HOST:PORT");
        let (is_secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(wrong()),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || ".-:".contains(letter);
        if host.is_empty() || host.starts_with('-') || !host.chars().all(is_letter) {
            return Err(wrong());
        }
        let port = port.map_or(Ok(PORT), str::parse).map_err(|_| wrong())?;
        Ok(Self { is_secure, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_the_same_and_the_port_may_be_left_out() {
        for (text, written) in [
            ("https://etcd-1.example:2379", "https://etcd-1.example:2379"),
            ("http://203.0.113.9", "http://203.0.113.9:2379"),
            ("https://[2001:db8::9]:23/", "https://[2001:db8::9]:23"),
            ("https://[2001:db8::9]", "https://[2001:db8::9]:2379"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), written);
            assert_eq!(written.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_and_a_password_has_no_place_in_one() {
        for text in ["", "etcd:2379", "https://", "https://a b", "https://user:pw@host:1", "https://h:99999", "ftp://h"]
        {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
