//! Fields that are no conversation.

use super::*;
use crate::translate::Client;
use crate::translate::request::{Format, Think, client};

#[test]
fn effort_becomes_what_the_model_takes() {
    use Think::{Level, Off, On};
    let rows = [
        ("none", Api::Ollama, "qwen3", None, Some(Off)),
        ("none", Api::Ollama, "qwen3", Some(false), None),
        ("none", Api::Ollama, "gpt-oss:20b", Some(true), Some(Level("low"))),
        ("minimal", Api::Ollama, "gpt-oss:20b", None, Some(Level("low"))),
        ("medium", Api::Ollama, "gpt-oss:20b", None, Some(Level("medium"))),
        ("high", Api::Ollama, "qwen3", None, Some(On)),
        ("minimal", Api::Ollama, "qwen3", Some(true), Some(On)),
        ("low", Api::Ollama, "llama3", Some(false), None),
        ("xhigh", Api::Ollama, "GPT-OSS", None, Some(Level("high"))),
        ("max", Api::Chat, "qwen3", None, Some(Level("high"))),
        ("ultra", Api::Chat, "qwen3", None, Some(Level("high"))),
        ("none", Api::Chat, "qwen3", None, Some(Off)),
        ("weird", Api::Chat, "qwen3", None, None),
    ];
    for (effort, api, model, thinking, expected) in rows {
        let asked = json!({"model": model, "input": "hi", "reasoning": {"effort": effort}});
        let (settings, facts) = (Settings { api, ..SETTINGS }, Facts { thinking, ..Facts::default() });
        let translation = translate(&asked, &[], &settings, &facts, Telling::Structured).unwrap();
        assert_eq!(translation.prompt.think, expected, "{effort} {model} {thinking:?}");
        let all_kept = !matches!((effort, model), ("weird", _) | ("low", "llama3") | ("none", "gpt-oss:20b"));
        assert_eq!(translation.losses.is_empty(), all_kept, "{effort} {model} {thinking:?}: {:?}", translation.losses);
    }
}

#[test]
fn a_family_tells_more_than_a_name() {
    let asked = json!({"model": "mine", "input": "hi", "reasoning": {"effort": "low"}});
    let facts = Facts { family: Some("gptoss".to_owned()), ..Facts::default() };
    let translation = translate(&asked, &[], &SETTINGS, &facts, Telling::Structured).unwrap();
    assert_eq!(translation.prompt.think, Some(Think::Level("low")));
}

#[test]
fn limits_are_set_only_where_given() {
    let mut asked = request(json!("hi"));
    let bare = translated(&asked).prompt;
    assert_eq!((bare.max_output_tokens, bare.temperature, bare.top_p, bare.num_ctx), (None, None, None, None));
    for key in ["max_output_tokens", "temperature", "top_p"] {
        asked[key] = json!(1);
    }
    let settings = Settings { num_ctx: Some(8192), ..SETTINGS };
    let set = translate(&asked, &[], &settings, &Facts::default(), Telling::Structured).unwrap().prompt;
    assert_eq!(
        (set.max_output_tokens, set.temperature, set.top_p, set.num_ctx),
        (Some(1), Some(1.0), Some(1.0), Some(8192))
    );
    for key in ["max_output_tokens", "temperature", "top_p"] {
        asked[key] = json!("1");
    }
    let lost = lost(&translated(&asked));
    assert_eq!(
        lost,
        ["max_output_tokens", "temperature", "top_p"].map(|key| format!("{key}: not of the expected form, left out"))
    );
}

#[test]
fn formats_are_read() {
    let schema = json!({"type": "object"});
    let rows = [
        (json!({"type": "text"}), None, 0),
        (json!({"type": "json_object"}), Some(Format::Json), 0),
        (json!({"type": "json_schema", "schema": schema}), Some(Format::Schema(&schema)), 0),
        (json!({"type": "json_schema"}), Some(Format::Json), 1),
        (json!({"type": "grammar"}), None, 1),
        (json!(7), None, 1),
    ];
    for (format, expected, losses) in rows {
        let asked = json!({"model": "m", "input": "hi", "text": {"format": format}});
        let translation = translated(&asked);
        assert_eq!((&translation.prompt.format, translation.losses.len()), (&expected, losses), "{asked}");
    }
}

#[test]
fn fields_without_equivalent_are_lost_and_told() {
    let unset = json!({"model": "m", "input": "hi", "truncation": "disabled", "frequency_penalty": 0.0, "background": false,
        "top_logprobs": 0, "prompt": null, "parallel_tool_calls": false, "store": true, "include": []});
    assert_eq!(lost(&translated(&unset)), Vec::<String>::new());
    let set = json!({"model": "m", "input": "hi", "truncation": "auto", "presence_penalty": 0.5, "text": {"verbosity": "low"}});
    assert_eq!(
        lost(&translated(&set)),
        [
            "presence_penalty: `presence_penalty` has no equivalent, left out",
            "truncation: `truncation` has no equivalent, left out",
            "text.verbosity: `verbosity` has no equivalent, left out",
        ]
    );
}

#[test]
fn codex_is_known_by_its_marks() {
    let (plain, marked) = (json!({}), json!({"client_metadata": {"x-codex-window-id": "1"}}));
    let rows = [
        (Some("codex_exec"), None, &plain, Client::Codex),
        (Some("codex-tui"), None, &plain, Client::Codex),
        (None, Some("Codex_cli_rs/0.98.0"), &plain, Client::Codex),
        (None, None, &marked, Client::Codex),
        (None, Some("OpenAI/Python 2.54"), &plain, Client::Other),
        (Some("code"), Some("é"), &json!({"client_metadata": {"a": 1}}), Client::Other),
        (None, None, &json!(7), Client::Other),
    ];
    for (originator, agent, request, expected) in rows {
        assert_eq!(client(originator, agent, request), expected, "{originator:?} {agent:?} {request}");
    }
}
