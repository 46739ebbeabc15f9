//! Texts that are no calls, however near they come.

pub(super) const TEXTS: &[&str] = &[
    "",
    " \n",
    "Hello.",
    "The `<tool_call>` tag opens a call.",
    "Write <tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>",
    "A call looks like this: <tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>",
    "It begins with \"<tool_call>\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n</tool_call>",
    "The call is `{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}`.",
    "The call is {\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}",
    "> {\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}",
    "> <tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>",
    "- {\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}",
    "1. <tool>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}",
    "```json\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```\nThis would list the files.",
    "```python\nexec_command(cmd=\"ls\")\n```",
    "```rust\nfn main() {\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```",
    "```text\n<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>\n```",
    "```text\n```python\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```",
    "exec_command(cmd=\"ls\")",
    "exec_command is the tool that runs `ls`.",
    "exec_command[0] is not a call.",
    "{\"name\":\"my-app\",\"version\":\"1.0.0\"}",
    "{\"name\":\"ls\"}",
    "{\"cmd\":\"ls\"}",
    "{\"type\":\"object\",\"properties\":{}}",
    "```json\n{\"name\":\"my-app\",\"dependencies\":{}}\n```",
    "{\"name\":\"list_files\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}",
    "[{\"type\":\"function\",\"function\":{\"name\":\"ls\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]",
    "[1, 2, 3]",
    "[link](https://example.org)",
    "[exec_command](https://example.org)",
    "[x] done",
    "Action: run the tests.",
    "Action: exec_command\nI will run it soon.",
    "*** Begin Patch\n*** Add File: a.txt\n+hi\n*** End Patch\nApply this by hand.",
    "*** Begin Patch\n*** Add File: a.txt\n+hi\n",
    "The patch begins with *** Begin Patch\n*** End Patch",
    "functools is a module of Python.",
    ">>> exec_command(cmd='ls')",
    ">>>all\nHello.",
    "<think>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</think>",
    "<think>\n<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>\n</think>\nHello.",
    "<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call></think>",
    "<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>\nThen:\n\
     <tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"pwd\"}}</tool_call>",
    "<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call><tool_call>{\"name\":\"exec",
    "<|channel|>commentary<|message|>{\"cmd\":\"ls\"}",
    "commentary to=user: all is well",
    "[TOOL_CALLS] is the mark of Mistral.",
    "<function=nothing>",
    "<invoke name=\"exec_command\">text",
    "{\"name\":\"exec_command\",\"arguments\":[\"ls\"]}",
    "{\"name\":\"exec_command\",\"arguments\":\"ls\"}",
];

pub(super) const LONG: &str = "All of these are words: functools, commentary, Action!\n\
    exec_command and list_files are tools; ls is one, too.\n\
    [see](x) the [notes] and { braces } and <b>tags</b>, a < b > c.\n\
    Action speaks. `code` and ```inline``` too.\n\
    {braces} at the start, and\n\
    [brackets], and\n\
    <angle>, and\n\
    *** stars, and\n\
    >>> prompts, and\n\
    > quotes.\n\
    ```rust\nfn main() {\n    let list = [1, 2];\n}\n```\n\
    {\"version\": 3, \"name\": \"x\"}\n\
    Ça suffit, 完了。\n";
