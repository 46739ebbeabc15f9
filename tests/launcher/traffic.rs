//! Whom else a Codex asks that was started here: with `--offline`, nobody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::outside::Outside;
use crate::scene::{Scene, Version};

on_every_version!(offline_nobody_else_is_asked, offline_nobody_hears_of_a_login, what_codex_asks_by_itself_is_known,);

fn offline_nobody_else_is_asked(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    let said = scene.exec(&["--upstream", "demo", "--offline"], &["Hello"]).with(0);
    assert_eq!((scene.outside.names(), Outside::left(&scene.host)), (vec![], 0), "{said}");
}

/// Whoever is logged in at their maker: nothing is asked there, and the forward does not see the token.
fn offline_nobody_hears_of_a_login(version: Version) {
    let Some(scene) = Scene::new(version) else { return };
    // Of nobody: a header, a user with a plan, until the year 2100, and a signature that is none.
    let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let id = token(
        r#"{"email":"a@b.c","exp":4102444800,"https://api.openai.com/auth":{"chatgpt_plan_type":"plus","chatgpt_account_id":"acc"}}"#,
    );
    let access = token(r#"{"exp":4102444800}"#);
    let login = json!({
        "auth_mode": "chatgpt",
        "tokens": {"id_token": id, "access_token": access, "refresh_token": "none", "account_id": "acc"},
        "last_refresh": "2099-01-01T00:00:00Z",
    });
    std::fs::write(scene.path("codex/auth.json"), login.to_string()).unwrap();
    let running = scene.running();
    let said = scene.exec(&["--offline"], &["Hello"]).with(0);
    assert_eq!((scene.outside.names(), Outside::left(&scene.host)), (vec![], 0), "{said}");
    let heads: Vec<String> = running.questions().into_iter().map(|ask| ask.head).collect();
    assert!(heads.len() == 1 && !heads[0].contains(&access) && !heads[0].contains("account-id"), "{heads:?}");
    running.stop();
}

/// Left to itself, it asks these, and nobody else: what `--offline` switches off. The sink can see it.
fn what_codex_asks_by_itself_is_known(version: Version) {
    let known: &[&str] = match version {
        Version::V0_98 => &["api.openai.com"],
        Version::V0_130 | Version::V0_169 => &["ab.chatgpt.com", "api.github.com", "chatgpt.com", "github.com"],
    };
    let Some(scene) = Scene::new(version) else { return };
    let said = scene.exec(&["--upstream", "demo"], &["Hello"]).with(0);
    let asked = scene.outside.names();
    assert!(!asked.is_empty() && Outside::left(&scene.host) > 0, "{said}");
    // A search domain may stand behind a name.
    let is_known = |name: &String| known.iter().any(|known| name.starts_with(known));
    assert!(asked.iter().all(is_known), "{asked:?}: {said}");
    assert!(said.err.contains("--offline"), "what leaves the machine is said: {said}");
}
