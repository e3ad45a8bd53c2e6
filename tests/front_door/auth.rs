//! Names and passwords, as exporter-toolkit has them.

use testbed::curl;

use crate::{behind, write};

#[tokio::test]
async fn every_path_wants_the_right_password_of_a_known_user() {
    let folder = tempfile::tempdir().unwrap();
    let hash = bcrypt::hash("opensesame", 4).unwrap();
    let text = format!(
        "basic_auth_users:\n  prometheus: {hash}\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n"
    );
    let (_stub, exporter) = behind(&write(folder.path(), "web.yml", &text)).await;
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/nothing"] {
        for credentials in [None, Some("prometheus:wrong"), Some("prometheus:"), Some("root:opensesame"), Some(":")] {
            let mut args = vec![exporter.url(path)];
            args.extend(credentials.iter().flat_map(|both| ["--user".to_owned(), (*both).to_owned()]));
            let reply = curl(&args).await;
            assert_eq!(reply.status, 401, "{path} {credentials:?}: {reply:?}");
            assert!(reply.text.to_lowercase().contains("\nwww-authenticate: basic\r\n"), "{reply:?}");
            assert!(reply.text.to_lowercase().contains("\nx-frame-options: deny\r\n"), "{reply:?}");
        }
    }
    for _ in 0..2 {
        let reply = curl(&["--user", "prometheus:opensesame", &exporter.url("/metrics")]).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!reply.text.contains("opensesame") && !reply.text.contains(&hash));
        assert!(reply.text.to_lowercase().contains("\nx-frame-options: deny\r\n"), "{reply:?}");
    }
}

#[tokio::test]
async fn more_requests_than_the_rate_limit_are_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (_stub, exporter) = behind(&write(folder.path(), "web.yml", "rate_limit: { interval: 1h, burst: 3 }")).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(curl(&[exporter.url("/-/healthy")]).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}
