//! Prometheus itself, through client certificates and passwords.

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use testbed::{Prometheus, prometheus::Watch, wait};

use crate::{behind, pki::Authority, write};

#[tokio::test]
async fn it_scrapes_over_mutual_tls_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    ours.server("server");
    let client = ours.client("prometheus", &["prometheus.example"]);
    let hash = bcrypt::hash("opensesame", 4).unwrap();
    let text = format!(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ours.crt\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.example]\n\
         basic_auth_users: {{ prometheus: {hash} }}\n"
    );
    let (_stub, exporter) = behind(&write(folder.path(), "web.yml", &text)).await;
    let password = write(folder.path(), "password", "opensesame");
    let shown = |file: &Path| fs::canonicalize(file).unwrap().display().to_string();
    let through = json!({
        "scheme": "https",
        "tls_config": {
            "ca_file": shown(&ours.file()), "cert_file": shown(&client.certificate), "key_file": shown(&client.key),
        },
        "basic_auth": { "username": "prometheus", "password_file": shown(&password) },
    });
    for binary in testbed::prometheus::binaries(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        let watch = Watch { targets: &[exporter.address()], through: through.clone(), ..Watch::default() };
        let prometheus = Prometheus::start_binary(&binary, &watch).await.unwrap();
        let scraped = wait::until(Duration::from_secs(30), async || {
            let keys = prometheus.query("count(aws_iam_access_key_info)").await;
            if keys.is_empty() { Err(prometheus.query("up").await) } else { Ok(()) }.map_err(|up| format!("{up:?}"))
        });
        scraped.await.unwrap_or_else(|last| panic!("{}: {last}\n{}", binary.display(), prometheus.log()));
    }
}
