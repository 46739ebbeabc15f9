//! Recipes as they are found in people's files.

use super::*;
use crate::migrate::command::Tool;
use crate::migrate::comment;

fn wanted() -> Wanted {
    Wanted { port: 11434, home: "/home/me".into(), scripts: vec!["/home/me/.local/bin/ollama-forward".into()] }
}

/// Lines as `first-last`, why as a word, how as a letter.
#[track_caller]
fn check(text: &str, expected: &[(&str, &str, How)]) {
    let found = find(text, &wanted());
    let shown: Vec<(String, String, How)> = found
        .iter()
        .map(|found| {
            let (first, last) = (found.lines.start(), found.lines.end());
            let lines = if first == last { first.to_string() } else { format!("{first}-{last}") };
            let why = match &found.why {
                Why::Starts(Tool::Socat) => "socat".to_owned(),
                Why::Starts(tool) => tool.name().to_owned(),
                Why::Runs(_) => "script".to_owned(),
                Why::Named(name) => format!("alias {name}"),
                Why::Variable(name) => name.clone(),
            };
            (lines, why, found.how)
        })
        .collect();
    let shown: Vec<(&str, &str, How)> = shown.iter().map(|(lines, why, how)| (&**lines, &**why, *how)).collect();
    assert_eq!(shown, expected, "{text}");
    let edits: Vec<_> = found.iter().filter_map(Found::edit).collect();
    let new = comment::out(text, &edits, "2026-11-28");
    assert_eq!(comment::back(&new).0, text, "byte for byte");
    let left: Vec<_> = find(&new, &wanted()).into_iter().filter(|found| found.how != How::ByHand).collect();
    assert_eq!(left, [], "done once is done: {new}");
}

#[test]
fn aliases_are_found() {
    check(
        "alias ll='ls -l'\nalias ollama-forward='socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434'\n",
        &[("2", "alias ollama-forward", How::Comment)],
    );
    check("alias of=\"~/.local/bin/ollama-forward start\"\n", &[("1", "alias of", How::Comment)]);
    check("alias of ~/.local/bin/ollama-forward\n", &[("1", "alias of", How::Comment)]);
    check("alias codex='codex --oss'\nalias of='/opt/ollama-forward/bin/of --translate'\n", &[]);
}

#[test]
fn variables_that_lead_past_the_forward_are_found() {
    for line in [
        "export OLLAMA_HOST=http://172.22.96.1:11434",
        "export OLLAMA_HOST=172.22.96.1",
        "OLLAMA_HOST=\"http://$(ip route show | grep default | awk '{print $3}'):11434\"; export OLLAMA_HOST",
        "export OLLAMA_HOST=$(grep nameserver /etc/resolv.conf | awk '{print $2}'):11434",
        "set -gx OLLAMA_HOST http://(ip route show default | awk '{print $3}'):11434",
        "set -Ux OLLAMA_HOST http://172.22.96.1:11434",
    ] {
        check(line, &[("1", "OLLAMA_HOST", How::Comment)]);
    }
    let text = "export WSL_HOST=$(ip route | awk '/default/ {print $3}')\nexport CODEX_OSS_BASE_URL=\"http://$WSL_HOST:11434/v1\"";
    check(text, &[("2", "CODEX_OSS_BASE_URL", How::Comment)]);
}

#[test]
fn variables_that_mean_something_else_are_left() {
    for line in [
        "export OLLAMA_HOST=http://localhost:11434",
        "export OLLAMA_HOST=0.0.0.0",
        "export OLLAMA_HOST=http://my-server.lan:11434",
        "export OLLAMA_HOST=http://192.168.1.20:11434",
        "export OPENAI_BASE_URL=http://172.22.96.1:1234/v1",
        "export CODEX_OSS_BASE_URL=http://localhost:11435/v1",
        "export DISPLAY=$(ip route | awk '/default/ {print $3}'):0",
        "# export OLLAMA_HOST=http://172.22.96.1:11434",
        "OLLAMA_HOST=172.22.96.1 ollama list",
    ] {
        check(line, &[]);
    }
}

#[test]
fn starts_are_found_over_several_lines() {
    check("pgrep socat || socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434 &\n", &[("1", "socat", How::Comment)]);
    let text = "x=1\npgrep -f 'socat TCP-LISTEN:11434' >/dev/null ||\n  nohup socat TCP-LISTEN:11434,fork \\\n    TCP:$gw:11434 &\ny=2";
    check(text, &[("2-4", "socat", How::Comment)]);
    check("(~/.local/bin/ollama-forward start >/dev/null 2>&1 &)\n", &[("1", "script", How::Comment)]);
    check("[[ -x ~/.local/bin/ollama-forward ]] && ~/.local/bin/ollama-forward &\n", &[("1", "script", How::Comment)]);
    check("if ! pgrep socat; then socat TCP-LISTEN:11434,fork TCP:a:1 & fi\n", &[("1", "socat", How::Comment)]);
}

#[test]
fn inside_a_block_something_remains() {
    let text = "if ! pgrep -x socat >/dev/null; then\n  gw=$(ip route)\n  nohup socat TCP-LISTEN:11434,fork TCP:$gw:11434 &\nfi\n";
    check(text, &[("3", "socat", How::Inside)]);
    let text = "case $- in\n  *i*)\n    ~/.local/bin/ollama-forward &\n    ;;\nesac\nexport OLLAMA_HOST=172.20.0.1\n";
    check(text, &[("3", "script", How::Inside), ("6", "OLLAMA_HOST", How::Comment)]);
    let text = "(\n  socat TCP-LISTEN:11434,fork TCP:a:1 &\n)\n";
    check(text, &[("2", "socat", How::Inside)]);
    let text = "if status is-interactive\n    pgrep socat; or socat TCP-LISTEN:11434,fork TCP:a:1 &\nend\nset -gx OLLAMA_HOST 172.20.0.1\n";
    check(text, &[("2", "socat", How::Inside), ("4", "OLLAMA_HOST", How::Comment)]);
}

#[test]
fn what_cannot_be_cut_out_is_left_to_its_owner() {
    let text = "if true; then\n  socat TCP-LISTEN:11434,fork TCP:a:1 & fi\n";
    check(text, &[("2", "socat", How::ByHand)]);
    let text = "case $1 in\n  start) socat TCP-LISTEN:11434,fork TCP:a:1 & ;;\nesac\n";
    check(text, &[("2", "socat", How::ByHand)]);
    let text = "alias of='socat TCP-LISTEN:11434,fork TCP:a:1 &\necho started'\n";
    check(text, &[("1", "alias of", How::ByHand)]);
}

#[test]
fn a_function_of_the_old_name_goes_as_a_whole() {
    let text = "x=1\nollama-forward() {\n  local gw\n  if true; then\n    socat TCP-LISTEN:11434,fork TCP:$gw:11434 &\n  fi\n}\ny=2\n";
    check(text, &[("2-7", "alias ollama-forward", How::Comment)]);
    check(
        "function ollama-forward\n  socat TCP-LISTEN:11434,fork TCP:a:1 &\nend\n",
        &[("1-3", "alias ollama-forward", How::Comment)],
    );
    check(
        "ollama-forward()\n{\n  socat TCP-LISTEN:11434,fork TCP:a:1\n}\n",
        &[("1-4", "alias ollama-forward", How::Comment)],
    );
    check(
        "ollama-forward() { socat TCP-LISTEN:11434,fork TCP:a:1; }\n",
        &[("1", "alias ollama-forward", How::Comment)],
    );
    let text = "function ollama-forward() {\n  socat TCP-LISTEN:11434,fork TCP:a:1\n}\nexport OLLAMA_HOST=172.20.0.1\n";
    check(text, &[("1-3", "alias ollama-forward", How::Comment), ("4", "OLLAMA_HOST", How::Comment)]);
    check("of() {\n  socat TCP-LISTEN:11434,fork TCP:a:1 &\n}\n", &[("2", "socat", How::Inside)]);
    check("ollama-forward() {\n  command /opt/of \"$@\"\n}\n", &[]);
}

#[test]
fn here_documents_are_data() {
    let text = "cat > x <<'EOF'\nsocat TCP-LISTEN:11434,fork TCP:a:1\nEOF\nsocat TCP-LISTEN:11434,fork TCP:a:1 &\n";
    check(text, &[("4", "socat", How::Comment)]);
    check("grep x <<< \"y\"\nsocat TCP-LISTEN:11434,fork TCP:a:1 &\n", &[("2", "socat", How::Comment)]);
}

#[test]
fn ordinary_files_have_none() {
    let text = "# ~/.bashrc\ncase $- in\n    *i*) ;;\n      *) return;;\nesac\nHISTCONTROL=ignoreboth\nif [ -x /usr/bin/dircolors ]; then\n    test -r ~/.dircolors && eval \"$(dircolors -b ~/.dircolors)\" || eval \"$(dircolors -b)\"\n    alias ls='ls --color=auto'\nfi\nexport PATH=\"$HOME/.local/bin:$PATH\"\n";
    check(text, &[]);
    check("", &[]);
}
