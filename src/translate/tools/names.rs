//! Flat names: letters, digits, `_` and `-`, 64 characters at most, which every chat API takes.

/// The limit of `OpenAI`'s API for functions, which other servers copied.
const LONGEST: usize = 64;

/// A name that is not taken: the most readable one, else with a number.
///
/// Members of an MCP server keep its name before them, as many servers have a `search`. Those of other namespaces
/// (agents) go by their own name where that is free: prompts speak of `spawn_agent`.
pub(super) fn flat(namespace: Option<&str>, name: &str, taken: impl Fn(&str) -> bool) -> String {
    let [first, second] = readable(namespace, name);
    if !taken(&first) {
        return first;
    }
    let free = |base: &str| {
        (2..=u32::MAX)
            .map(|number| fit(base, &format!("_{number}")))
            .find(|name| !taken(name))
            .unwrap_or_else(|| base.to_owned())
    };
    if taken(&second) { free(&second) } else { second }
}

/// The name that a tool would have if it were alone, and the one to take when that is gone.
pub(super) fn readable(namespace: Option<&str>, name: &str) -> [String; 2] {
    let bare = clean(name);
    let Some(space) = namespace.filter(|space| !space.is_empty()) else {
        let only = fit(&bare, "");
        return [only.clone(), only];
    };
    let space = clean(space);
    let space = space.trim_end_matches('_');
    let room = LONGEST.saturating_sub(2 + bare.len());
    let qualified = if room == 0 { fit(&bare, "") } else { format!("{}__{bare}", &space[..space.len().min(room)]) };
    if space.starts_with("mcp__") { [qualified.clone(), qualified] } else { [fit(&bare, ""), qualified] }
}

/// ASCII only, so that bytes are characters.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect()
}

fn fit(base: &str, suffix: &str) -> String {
    format!("{}{suffix}", &base[..base.len().min(LONGEST - suffix.len())])
}
