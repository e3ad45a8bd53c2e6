//! Names, tags, errors and addresses that would like to be markup, styles or scripts.

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub};
use serde_json::{Value, json};
use testbed::{Chromium, Exporter, Screen, Settings};

use crate::{BINARY, QUICK, fleet::once};

/// Each would change the title, load something, style something or send the reader away.
const ATTACKS: [&str; 9] = [
    "<script>document.title='taken'</script>",
    "\"><img src=x onerror=\"document.title='taken'\">",
    "'><svg onload=document.title='taken'>",
    "</title></style></textarea></select><script src=//127.0.0.1:1/x.js></script>",
    "<style>*{display:none}</style><link rel=stylesheet href=//127.0.0.1:1/x.css>",
    "<meta http-equiv=refresh content='0;url=//127.0.0.1:1/'><base href=//127.0.0.1:1/>",
    "<iframe srcdoc=\"<script>parent.document.title='taken'</script>\"></iframe>",
    "javascript:document.title='taken'",
    "{{ 7*7 }}{% raw %}&#x3C;script&#x3E;",
];

#[tokio::test]
async fn nothing_that_others_name_becomes_markup() {
    let (_stub, exporter) = start().await;
    let attack = ATTACKS.join(" ");
    let asked: String = form_urlencoded::byte_serialize(attack.as_bytes()).collect();
    let mut browser = Chromium::start().await.unwrap();
    let named = format!("?{asked}={asked}");
    let filtered = format!("?account={asked}&owner={asked}&state={asked}&page={asked}&accounts_page={asked}");
    for query in ["", &named, &filtered] {
        browser.visit(&exporter.url(&format!("/{query}"))).await.unwrap();
        nothing_ran(&mut browser).await;
    }
    browser.visit(&exporter.url("/")).await.unwrap();
    let seen = browser.evaluate("document.body.innerText").await.unwrap();
    for attack in ATTACKS {
        assert!(seen.as_str().unwrap().contains(attack), "{attack} is not shown as it is:\n{seen}");
    }
    browser.look(Screen { width: 360, height: 800, scheme: "light" }).await.unwrap();
    let wide = browser.evaluate("document.documentElement.scrollWidth").await.unwrap();
    assert_eq!(wide, 360, "long words widen the page");
    the_headers_would_hold_where_the_template_does_not(&mut browser).await;
}

/// The title is ours, there is no element that we did not make, nothing was asked for but the page,
/// and the browser has nothing to complain of, least of all our own stylesheet.
async fn nothing_ran(browser: &mut Chromium) {
    let title = browser.evaluate("document.title").await.unwrap();
    assert!(title.as_str().unwrap().ends_with(" · iam-key-exporter"), "{title}");
    let foreign = "document.querySelectorAll('script, img, svg, iframe, link, base, meta[http-equiv], [onload], \
                   [onerror], style ~ style, body style').length";
    assert_eq!(browser.evaluate(foreign).await.unwrap(), json!(0));
    let hrefs = "[...document.querySelectorAll('a')].map(a => a.protocol + a.hostname).filter(to => \
                 to !== 'https:github.com' && to !== 'http:127.0.0.1')";
    assert_eq!(browser.evaluate(hrefs).await.unwrap(), json!([]));
    let styled = browser.evaluate("getComputedStyle(document.querySelector('.tiles')).display").await.unwrap();
    assert_eq!(styled, "grid", "our own stylesheet is not in force");
    let complaints = browser.told(&["Log.entryAdded", "Audits.issueAdded", "Runtime.exceptionThrown"]);
    assert_eq!(complaints, Vec::<Value>::new());
    let dialogs = browser.told(&["Page.javascriptDialogOpening", "Runtime.consoleAPICalled"]);
    assert_eq!(dialogs, Vec::<Value>::new());
    let requests = browser.told(&["Network.requestWillBeSent"]);
    assert_eq!(requests.len(), 1, "{requests:#?}");
}

/// Markup that does get in loads nothing, runs nothing, styles nothing, and is reported.
async fn the_headers_would_hold_where_the_template_does_not(browser: &mut Chromium) {
    let slipped = "document.body.insertAdjacentHTML('beforeend', `<img src=/x onerror=\"document.title='taken'\">
        <p id=p style='color:red'>x</p><iframe srcdoc=\"<script>parent.document.title='taken'</script>\"></iframe>
        <style>#p{display:none}</style><svg onload=\"document.title='taken'\"></svg>`);
        const late = document.createElement('script'); late.textContent = \"document.title='taken'\";
        document.body.append(late);
        new Promise(done => setTimeout(() => requestAnimationFrame(() => done(document.title + ' ' +
            getComputedStyle(document.getElementById('p')).display)), 100))";
    let after = browser.evaluate(slipped).await.unwrap();
    let after = after.as_str().unwrap();
    assert!(after.ends_with(" · iam-key-exporter block"), "{after}");
    let reported = browser.told(&["Audits.issueAdded"]);
    let of_policy = |issue: &&Value| issue["params"]["issue"]["code"] == "ContentSecurityPolicyIssue";
    assert!(reported.iter().filter(of_policy).count() >= 4, "{reported:#?}");
}

/// An account whose every text is hostile, and one that fails with such words.
async fn start() -> (Stub, Exporter) {
    let stub = Stub::start().await.unwrap();
    let attack = ATTACKS.join(" ");
    {
        let mut cloud = stub.cloud();
        let account = cloud.account(DEFAULT_ACCOUNT);
        account.alias = Some(attack.clone());
        for (number, attack) in ATTACKS.iter().enumerate() {
            let user = account.user(&format!("{number} {attack}"));
            user.path = format!("/{attack}/");
            user.tag("owner", attack).tag("team", attack);
            user.key(&format!("AKIA{number}<b>\""), 1_700_000_000).used(1_750_000_000, attack, attack);
        }
        let fault = Fault::Error { status: 403, code: "AccessDenied".into(), message: xml(&attack) };
        cloud.fault_in("222233334444", "AssumeRole", fault);
    }
    let name = serde_json::to_string(&attack).unwrap();
    let accounts = format!("accounts:\n- {{ role_arn: 'arn:aws:iam::222233334444:role/watch', name: {name} }}\n");
    let config = format!("{QUICK}labels: {{ user_tags: [owner, team] }}\n{accounts}");
    let exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(&config)).await.unwrap();
    once(&exporter, "", &["AKIA8", "What is broken", "7*7"]).await;
    (stub, exporter)
}

/// AWS tells its errors in XML.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
