//! One row for each way of writing. The texts are written by us after the models' templates.

use crate::translate::recover::Family::{self, *};

/// Family, text, and the calls: name and arguments.
pub(super) struct Row<'a>(pub(super) Family, pub(super) &'a str, pub(super) &'a [(&'a str, &'a str)]);

const LS: &[(&str, &str)] = &[("exec_command", r#"{"cmd":"ls"}"#)];
const TWO: &[(&str, &str)] = &[("exec_command", r#"{"cmd":"ls"}"#), ("exec_command", r#"{"cmd":"pwd"}"#)];

pub(super) const FAMILIES: [Family; 29] = [
    Hermes,
    BareJson,
    QwenCoder,
    LlamaJson,
    LlamaCustom,
    LlamaPython,
    MistralList,
    MistralArgs,
    DeepSeekFenced,
    DeepSeek,
    Dsml,
    Harmony,
    Gemma3,
    Gemma4,
    FunctionGemma,
    Granite3,
    CommandR,
    CommandA,
    Functools,
    Functionary,
    Glm,
    Kimi,
    MiniMax,
    Invoke,
    Lfm2,
    Nemotron,
    GenericJson,
    ReAct,
    Codex,
];

pub(super) const CALLS: &[Row<'_>] = &[
    Row(Hermes, "<tool_call>\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n</tool_call>", LS),
    Row(BareJson, r#"{"name":"exec_command","arguments":{"cmd":"ls"}}"#, LS),
    Row(BareJson, "```json\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```", LS),
    Row(BareJson, "```\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}\n```", LS),
    Row(BareJson, "I will list the files.\n\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}", LS),
    Row(
        QwenCoder,
        "<tool_call>\n<function=exec_command>\n<parameter=cmd>\nls\n</parameter>\n</function>\n</tool_call>",
        LS,
    ),
    Row(QwenCoder, "<function=exec_command>\n<parameter=cmd>\nls\n</parameter>\n</function>\n</tool_call>", LS),
    Row(QwenCoder, "<tool_call>\n<function=exec_command>\n<parameter=cmd>\nls\n</function>\n</tool_call>", LS),
    Row(
        QwenCoder,
        "<seed:tool_call>\n<function=exec_command>\n<parameter=cmd>ls</parameter>\n</function>\n</seed:tool_call>",
        LS,
    ),
    Row(LlamaJson, r#"{"name":"exec_command","parameters":{"cmd":"ls"}}"#, LS),
    Row(LlamaJson, r#"<|python_tag|>{"name":"exec_command","parameters":{"cmd":"ls"}}"#, LS),
    Row(
        LlamaJson,
        r#"{"name":"exec_command","parameters":{"cmd":"ls"}}; {"name":"exec_command","parameters":{"cmd":"pwd"}}"#,
        TWO,
    ),
    Row(LlamaCustom, r#"<function=exec_command>{"cmd":"ls"}</function>"#, LS),
    Row(LlamaCustom, r#"<|python_tag|>exec_command.call(cmd="ls")"#, LS),
    Row(LlamaPython, r#"[exec_command(cmd="ls"), exec_command(cmd='pwd')]"#, TWO),
    Row(MistralList, r#"[TOOL_CALLS][{"name":"exec_command","arguments":{"cmd":"ls"},"id":"a1b2c3d4e"}]"#, LS),
    Row(MistralList, r#"[TOOL_CALLS] [{"name":"exec_command","arguments":{"cmd":"ls"}}]"#, LS),
    Row(MistralArgs, r#"[TOOL_CALLS]exec_command[ARGS]{"cmd":"ls"}"#, LS),
    Row(MistralArgs, r#"[TOOL_CALLS]exec_command[CALL_ID]a1b2c3d4e[ARGS]{"cmd":"ls"}"#, LS),
    Row(MistralArgs, r#"exec_command[ARGS]{"cmd":"ls"}"#, LS),
    Row(
        DeepSeekFenced,
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>exec_command\n```json\n{\"cmd\":\"ls\"}\n```\
         <｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        LS,
    ),
    Row(
        DeepSeek,
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>exec_command<｜tool▁sep｜>{\"cmd\":\"ls\"}<｜tool▁call▁end｜>\
         <｜tool▁call▁begin｜>exec_command<｜tool▁sep｜>{\"cmd\":\"pwd\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        TWO,
    ),
    Row(
        Dsml,
        "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"exec_command\">\n<｜DSML｜parameter name=\"cmd\" \
         string=\"true\">ls</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        LS,
    ),
    Row(
        Dsml,
        "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"ls\">\n<｜DSML｜parameter name=\"n\" \
         string=\"false\">[1]</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
        &[("ls", r#"{"n":[1]}"#)],
    ),
    Row(
        Harmony,
        r#"<|channel|>commentary to=functions.exec_command <|constrain|>json<|message|>{"cmd":"ls"}<|call|>"#,
        LS,
    ),
    Row(
        Harmony,
        r#"<|start|>assistant<|channel|>commentary to=functions.exec_command<|message|>{"cmd":"ls"}<|call|>"#,
        LS,
    ),
    Row(
        Harmony,
        r#"<|start|>assistant to=functions.exec_command<|channel|>commentary json<|message|>{"cmd":"ls"}"#,
        LS,
    ),
    Row(Harmony, r#"commentary to=functions.exec_command json{"cmd":"ls"}"#, LS),
    Row(BareJson, r#"{"name":"exec_command<|channel|>commentary","arguments":{"cmd":"ls"}}"#, LS),
    Row(BareJson, r#"{"name":"exec_command<|channel|>json","arguments":{"cmd":"ls"}}"#, LS),
    Row(BareJson, r#"{"name":"functions.exec_command","arguments":{"cmd":"ls"}}"#, LS),
    Row(Gemma3, "```tool_code\nexec_command(cmd=\"ls\")\n```", LS),
    Row(Gemma3, "```tool_code\nprint(default_api.exec_command(cmd='ls'))\nexec_command(cmd=\"pwd\")\n```", TWO),
    Row(Gemma4, "<|tool_call>call:exec_command{cmd:<|\"|>ls<|\"|>}<tool_call|>", LS),
    Row(FunctionGemma, "<start_function_call>call:exec_command{cmd:<escape>ls<escape>}<end_function_call>", LS),
    Row(Granite3, r#"<|tool_call|>[{"name":"exec_command","arguments":{"cmd":"ls"}}]"#, LS),
    Row(Granite3, r#"<function_call> {"name":"exec_command","arguments":{"cmd":"ls"}}"#, LS),
    Row(CommandR, "Action: ```json\n[{\"tool_name\":\"exec_command\",\"parameters\":{\"cmd\":\"ls\"}}]\n```", LS),
    Row(
        CommandA,
        r#"<|START_ACTION|>[{"tool_call_id":"0","tool_name":"exec_command","parameters":{"cmd":"ls"}}]<|END_ACTION|>"#,
        LS,
    ),
    Row(Functools, r#"functools[{"name":"exec_command","arguments":{"cmd":"ls"}}]"#, LS),
    Row(Functools, r#"<|tool_call|>[{"name":"exec_command","arguments":{"cmd":"ls"}}]<|/tool_call|>"#, LS),
    Row(Functionary, ">>>exec_command\n{\"cmd\":\"ls\"}", LS),
    Row(
        Glm,
        "<tool_call>exec_command\n<arg_key>cmd</arg_key>\n<arg_value>ls</arg_value>\n</tool_call>\n\
         <tool_call>exec_command<arg_key>cmd</arg_key><arg_value>pwd</arg_value></tool_call>",
        TWO,
    ),
    Row(
        Kimi,
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.exec_command:0<|tool_call_argument_begin|>\
         {\"cmd\":\"ls\"}<|tool_call_end|><|tool_call_begin|>functions.exec_command:1<|tool_call_argument_begin|>\
         {\"cmd\":\"pwd\"}<|tool_call_end|><|tool_calls_section_end|>",
        TWO,
    ),
    Row(
        MiniMax,
        "<minimax:tool_call>\n<invoke name=\"exec_command\">\n<parameter name=\"cmd\">ls</parameter>\n</invoke>\n\
         <invoke name=\"exec_command\">\n<parameter name=\"cmd\">pwd</parameter>\n</invoke>\n</minimax:tool_call>",
        TWO,
    ),
    Row(
        Invoke,
        "<function_calls><invoke name=\"exec_command\"><parameter name=\"cmd\">ls</parameter></invoke></function_calls>",
        LS,
    ),
    Row(Lfm2, r#"<|tool_call_start|>[exec_command(cmd="ls")]<|tool_call_end|>"#, LS),
    Row(Lfm2, r#"<function_calls>exec_command(cmd="ls")</function_calls>"#, LS),
    Row(Lfm2, "<function_calls>\nexec_command(cmd=\"ls\")\nexec_command(cmd=\"pwd\")\n</function_calls>", TWO),
    Row(Nemotron, r#"<TOOLCALL>[{"name":"exec_command","arguments":{"cmd":"ls"}}]</TOOLCALL>"#, LS),
    Row(Nemotron, r#"<|tools_prefix|>[{"exec_command":{"cmd":"ls"}}]<|tools_suffix|>"#, LS),
    Row(GenericJson, r#"[{"name":"exec_command","arguments":{"cmd":"ls"}}]"#, LS),
    Row(GenericJson, r#"{"type":"function","function":{"name":"exec_command","arguments":"{\"cmd\":\"ls\"}"}}"#, LS),
    Row(GenericJson, r#"{"tool_calls":[{"function":{"name":"exec_command","arguments":{"cmd":"ls"}}}]}"#, LS),
    Row(ReAct, "Action: exec_command\nAction Input: {\"cmd\":\"ls\"}", LS),
    Row(ReAct, "Action: exec_command\nAction Input: {\"cmd\":\"ls\"}\nObservation:", LS),
    Row(
        Codex,
        "*** Begin Patch\n*** Add File: a.txt\n+hi\n*** End Patch",
        &[(
            "exec_command",
            r#"{"cmd":"apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: a.txt\n+hi\n*** End Patch\nEOF"}"#,
        )],
    ),
    Row(BareJson, r#"{"name":"container.exec","arguments":{"command":["bash","-lc","ls"]}}"#, LS),
    Row(BareJson, r#"{"name":"shell","arguments":{"command":["ls"]}}"#, LS),
    Row(BareJson, r#"{"name":"bash","arguments":{"command":"ls"}}"#, LS),
];

/// What parsers were bitten by.
pub(super) const EDGES: &[Row<'_>] = &[
    Row(
        Hermes,
        r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"echo '</tool_call>' done"}}</tool_call>"#,
        &[("exec_command", r#"{"cmd":"echo '</tool_call>' done"}"#)],
    ),
    Row(Hermes, r#"<tool_call>{"name":"exec_command","arguments":"{\"cmd\":\"ls\"}"}</tool_call>"#, LS),
    Row(
        Hermes,
        r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"grep 'a\.b' x"}}</tool_call>"#,
        &[("exec_command", r#"{"cmd":"grep 'a\\.b' x"}"#)],
    ),
    Row(
        Hermes,
        "<tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"a\nb\"}}</tool_call>",
        &[("exec_command", r#"{"cmd":"a\nb"}"#)],
    ),
    Row(Hermes, r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"ls"}}}]</tool_call>"#, LS),
    Row(BareJson, r#"{"name":"exec_command","arguments":{"cmd":"ls"}}]"#, LS),
    Row(
        BareJson,
        r#"{"name":"exec_command","arguments":{"cmd":"ls"}}{"name":"exec_command","arguments":{"cmd":"pwd"}}"#,
        TWO,
    ),
    Row(
        Hermes,
        "<tool_call>{'name': 'exec_command', 'arguments': {'cmd': 'ls', 'tty': True, 'env': None}}</tool_call>",
        &[("exec_command", r#"{"cmd":"ls","tty":true,"env":null}"#)],
    ),
    Row(
        BareJson,
        "<think>\nI could call ls.\n</think>\n\n{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}",
        LS,
    ),
    Row(
        Hermes,
        "<tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call> maybe</think>\
         <tool_call>{\"name\":\"exec_command\",\"arguments\":{\"cmd\":\"ls\"}}</tool_call>",
        LS,
    ),
    Row(
        Hermes,
        r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"ls","timeout":"5"}}</tool_call>"#,
        &[("exec_command", r#"{"cmd":"ls","timeout":"5"}"#)],
    ),
    Row(
        QwenCoder,
        "<function=exec_command>\n<parameter=cmd>\n5\n</parameter>\n<parameter=timeout>\n5\n</parameter>\n\
         <parameter=tty>\nTrue\n</parameter>\n<parameter=env>\n{\"A\": \"1\"}\n</parameter>\n<parameter=paths>\n\
         [\"a\"]\n</parameter>\n</function>",
        &[("exec_command", r#"{"cmd":"5","timeout":5,"tty":true,"env":{"A":"1"},"paths":["a"]}"#)],
    ),
    Row(
        QwenCoder,
        "<function=exec_command>\n<parameter=cmd>\ncat &lt;a &amp;&amp; ls\n</parameter>\n</function>",
        &[("exec_command", r#"{"cmd":"cat <a && ls"}"#)],
    ),
    Row(
        QwenCoder,
        "<function=exec_command>\n<parameter=cmd>\necho '<b>&lt;</b>' '</parameter>' x\n</parameter>\n</function>",
        &[("exec_command", r#"{"cmd":"echo '<b>&lt;</b>' '</parameter>' x"}"#)],
    ),
    Row(Hermes, r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"ls"}}"#, LS),
    Row(Hermes, r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"ls"}}</tool_ca"#, LS),
    Row(Hermes, r#"Let me look.<tool_call>{"name":"exec_command","arguments":{"cmd":"ls"}}</tool_call><|im_end|>"#, LS),
    Row(
        Hermes,
        r#"<tool_call>{"arguments":{"cmd":"ls -la"},"name":"exec_command"}</tool_call>"#,
        &[("exec_command", r#"{"cmd":"ls -la"}"#)],
    ),
    Row(Hermes, r#"<tool_call>{"name":"list_files"}</tool_call>"#, &[("list_files", "{}")]),
    Row(
        LlamaPython,
        r#"[exec_command(cmd="a\"b", timeout=5, env={"A": [1.5, None]}, tty=False)]"#,
        &[("exec_command", r#"{"cmd":"a\"b","timeout":5,"env":{"A":[1.5,null]},"tty":false}"#)],
    ),
    Row(
        Hermes,
        r#"<tool_call>{"name":"exec_command","arguments":{"cmd":"echo \ud83d\ude00 \u00e9"}}</tool_call>"#,
        &[("exec_command", r#"{"cmd":"echo 😀 é"}"#)],
    ),
];
