//! Certificates for servers on the loopback.

use std::path::Path;
use std::process::Command;

/// An authority, a server's certificate for loopback and a client's, as files of a folder.
///
/// They have no common name: etcd's gateway refuses those that have one where users log in with passwords.
pub fn draw_certificates(folder: &Path) {
    let line = r#"set -e; cd "$0"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=lab-ca \
            -keyout ca.key -out ca.pem
        for who in server client; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=$who" \
                -keyout "$who.key" -out "$who.csr"
            printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' > "$who.ext"
            openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
                -extfile "$who.ext" -out "$who.pem"
        done"#;
    let done = Command::new("sh").args(["-c", line]).arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
