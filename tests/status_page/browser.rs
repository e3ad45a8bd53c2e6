//! How the page looks, and whether everybody can use it.

use std::path::Path;

use serde_json::{Value, json};
use testbed::{Chromium, Screen};

use crate::fleet;

const SCREENS: [Screen; 4] = [
    Screen { width: 1280, height: 1100, scheme: "light" },
    Screen { width: 360, height: 2400, scheme: "dark" },
    Screen { width: 1280, height: 2300, scheme: "dark" },
    Screen { width: 800, height: 1200, scheme: "light" },
];

/// Of these, so many are audited, which takes longest: both layouts and both schemes.
const AUDITED: usize = 2;

/// What the audit of accessibility calls wrong, or cannot tell, in words. It cannot tell the contrast
/// of our shapes, which are decoration beside words.
const AUDIT: &str = "axe.run().then(result => result.violations.concat(result.incomplete).flatMap(rule =>
    rule.nodes.filter(node => !node.failureSummary.includes('only non-text characters')).map(node =>
        rule.id + ': ' + node.html + ' ' + node.failureSummary)))";

/// Everything in one test, since a browser takes its time to start.
#[tokio::test]
async fn the_page_is_for_every_screen_scheme_and_keyboard() {
    let (_stub, exporter) = fleet::start().await;
    let mut browser = Chromium::start().await.unwrap();
    for (place, screen) in SCREENS.into_iter().enumerate() {
        browser.look(screen).await.unwrap();
        browser.visit(&exporter.url("/")).await.unwrap();
        it_fits(&mut browser, screen).await;
        if place < AUDITED {
            it_passes_the_audit(&mut browser, screen).await;
        }
    }
    browser.order("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await.unwrap();
    the_keyboard_is_enough(&mut browser, &exporter.url("/")).await;
}

async fn it_fits(browser: &mut Chromium, screen: Screen) {
    let name = format!("status-page-{}-{}.png", screen.width, screen.scheme);
    browser.picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)).await.unwrap();
    let wide = "[...document.querySelectorAll('body *')].filter(one => !one.closest('.unseen, .skip, thead') &&
        one.getBoundingClientRect().right > innerWidth + 0.5).map(one => one.outerHTML.slice(0, 200))";
    assert_eq!(browser.evaluate(wide).await.unwrap(), json!([]), "too wide on {screen:?}");
    let scrolls = browser.evaluate("document.documentElement.scrollWidth - innerWidth").await.unwrap();
    assert!(scrolls.as_f64().unwrap() <= 0.0, "scrolls sideways by {scrolls} on {screen:?}");
    let paper = browser.evaluate("getComputedStyle(document.body).backgroundColor").await.unwrap();
    let is_dark = paper.as_str().unwrap().starts_with("rgb(18,");
    assert_eq!(is_dark, screen.scheme == "dark", "{paper} on {screen:?}");
}

async fn it_passes_the_audit(browser: &mut Chromium, screen: Screen) {
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/axe_playwright_python/axe.min.js");
    let axe = std::fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{}: {error}", axe.display()));
    browser.evaluate(&axe).await.unwrap();
    let wrong = browser.evaluate(AUDIT).await.unwrap();
    assert_eq!(wrong, json!([]), "{screen:?}: {wrong:#}");
}

/// From the top: the link that skips, then a filter and its use, without a script.
async fn the_keyboard_is_enough(browser: &mut Chromium, url: &str) {
    browser.visit(url).await.unwrap();
    browser.press("Tab").await.unwrap();
    let skip = focus(browser).await;
    assert_eq!(skip["text"], "Skip to the access keys", "{skip}");
    assert!(skip["top"].as_f64().unwrap() >= 0.0 && skip["outline"] != "none", "not seen: {skip}");
    browser.press("Enter").await.unwrap();
    while focus(browser).await["name"] != "account" {
        browser.press("Tab").await.unwrap();
    }
    browser.press("Tab").await.unwrap();
    assert_eq!(focus(browser).await["name"], "owner");
    browser.order("Input.insertText", json!({ "text": "PAYMENTS@example.com" })).await.unwrap();
    browser.told(&["Page.loadEventFired"]);
    browser.press("Enter").await.unwrap();
    browser.loaded().await.unwrap();
    let address = browser.evaluate("location.search + location.hash").await.unwrap();
    assert_eq!(address, "?account=&owner=PAYMENTS%40example.com&state=#keys");
    let rows = "[...document.querySelectorAll('.keys tbody th')].map(one => one.innerText.split('\\n')[0])";
    let rows = browser.evaluate(rows).await.unwrap();
    let users = ["payments-archive", "payments-reconcile", "payments-batch", "payments-batch"];
    let sorted = |value: &Value| {
        let mut names: Vec<_> = value.as_array().unwrap().iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    let mut wanted = json!(users);
    wanted.as_array_mut().unwrap().push(json!("payments-reconcile"));
    assert_eq!(sorted(&rows), sorted(&wanted));
    assert_eq!(rows[0], "payments-archive", "what is due first is not on top: {rows}");
}

async fn focus(browser: &mut Chromium) -> Value {
    let focus = "(one => ({ text: one.innerText, name: one.name, top: one.getBoundingClientRect().top,
        outline: getComputedStyle(one).outlineStyle }))(document.activeElement)";
    browser.evaluate(focus).await.unwrap()
}
