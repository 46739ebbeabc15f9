//! A long text without any call.

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
