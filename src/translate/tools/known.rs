//! Short forms, written by hand, of tools that Codex declares in nearly every request (0.98 to 0.169).
//!
//! A form applies only to a tool that is declared under this flat name, and only chooses among the parameters of that
//! declaration: types, choices and what is required come from there. So a form may be wrong about a version and
//! still loses nothing that this version needs. Tools whose name says it all have no description.
//!
//! Why so few words: Codex's own prompt explains the tools at length, and a TUI of 0.169 declares 27 of them.

pub(super) struct Form {
    pub(super) description: &'static str,
    /// Path and description of each parameter to keep; required ones are kept in any case.
    parameters: &'static [(&'static str, &'static str)],
}

impl Form {
    /// The description of a parameter that this form mentions, maybe empty.
    pub(super) fn words(&self, path: &str) -> Option<&'static str> {
        self.parameters.iter().find(|(known, _)| *known == path).map(|(_, words)| *words)
    }
}

pub(super) fn form(name: &str) -> Option<&'static Form> {
    FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| form)
}

const fn plain(parameters: &'static [(&'static str, &'static str)]) -> Form {
    told("", parameters)
}

const fn told(description: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Form {
    Form { description, parameters }
}

/// Enough of the patch language for a model that has never seen it; the declared grammar is not told beside it.
const PATCH: &str = "Edit files. Input: a line `*** Begin Patch`; then for each file `*** Add File: path` and lines with `+`, \
or `*** Delete File: path`, or `*** Update File: path` and hunks: a line `@@`, then lines with ` ` (context), `-` or `+`; \
last a line `*** End Patch`";

const FORMS: &[(&str, Form)] = &[
    // `sandbox_permissions` and `justification` are how a model asks the user for more than the sandbox allows.
    // `yield_time_ms`, `tty`, `login` and the rest invite a local model to fill them in, and `"1000"` or `1000.0` fails the
    // call; a command that runs on is polled.
    (
        "exec_command",
        told(
            "Run a shell command",
            &[("cmd", ""), ("workdir", ""), ("sandbox_permissions", ""), ("justification", "With require_escalated")],
        ),
    ),
    ("write_stdin", told("No chars: poll", &[("session_id", ""), ("chars", "")])),
    (
        "update_plan",
        plain(&[("plan", ""), ("plan[].step", ""), ("plan[].status", "pending, in_progress (one) or completed")]),
    ),
    (
        "request_user_input",
        told(
            "Plan mode only",
            &[
                ("questions", ""),
                ("questions[].id", ""),
                ("questions[].header", ""),
                ("questions[].question", ""),
                ("questions[].options", ""),
                ("questions[].options[].label", ""),
                ("questions[].options[].description", ""),
            ],
        ),
    ),
    ("view_image", plain(&[("path", "")])),
    ("apply_patch", told(PATCH, &[("input", "")])),
    // Agents: `multi_agent_v1`, flat in 0.130. `task_name` is required in `collaboration`.
    ("spawn_agent", plain(&[("message", ""), ("task_name", "lowercase_words")])),
    ("send_input", plain(&[("target", ""), ("message", "")])),
    ("resume_agent", plain(&[("id", "")])),
    ("wait_agent", plain(&[("targets", ""), ("targets[]", "")])),
    ("close_agent", plain(&[("target", "")])),
    // From 0.137 on. The user has to ask for a goal, says the declaration.
    ("get_goal", plain(&[])),
    ("create_goal", told("If the user asks", &[("objective", "")])),
    ("update_goal", plain(&[("status", "")])),
    // Any request with an MCP server.
    ("list_mcp_resources", plain(&[])),
    ("list_mcp_resource_templates", plain(&[])),
    ("read_mcp_resource", plain(&[("server", ""), ("uri", "")])),
    // The TUI of 0.169: twelve tools about other tasks and worktrees, which a turn rarely needs.
    ("mcp__codex_tui__create_thread", plain(&[("prompt", "")])),
    ("mcp__codex_tui__create_worktree", plain(&[("allowAsync", "")])),
    ("mcp__codex_tui__fork_thread", plain(&[])),
    ("mcp__codex_tui__get_worktree_creation_status", plain(&[("operationId", "")])),
    ("mcp__codex_tui__list_archived_threads", plain(&[])),
    ("mcp__codex_tui__list_threads", plain(&[])),
    ("mcp__codex_tui__list_worktrees", plain(&[])),
    ("mcp__codex_tui__read_thread", plain(&[("threadId", "")])),
    ("mcp__codex_tui__send_message_to_thread", plain(&[("threadId", ""), ("prompt", "")])),
    ("mcp__codex_tui__set_thread_archived", plain(&[("archived", "")])),
    ("mcp__codex_tui__set_thread_title", plain(&[("title", "")])),
    ("mcp__codex_tui__wait_threads", plain(&[("targets", "")])),
];
