//! Answers that a real Ollama gave.

use super::{Api, check};

macro_rules! recorded {
    ($($test:ident $version:literal $name:literal: api $api:expr, chat $chat:expr;)*) => {$(
        #[test]
        fn $test() {
            let body = |bytes: &'static [u8]| unchunked(bytes);
            check(
                Api::Ollama,
                &body(include_bytes!(concat!("../../../../tests/fixtures/ollama-", $version, "/", $name, ".api_chat.http"))),
                $api,
            );
            check(
                Api::Chat,
                &body(include_bytes!(concat!("../../../../tests/fixtures/ollama-", $version, "/", $name, ".v1_chat.http"))),
                $chat,
            );
        }
    )*};
}

recorded! {
    text_of_0_24 "0.24" "text":
        api &["Hello", " from", " the", " tiny", " model.", "=stop 100>6 load 265.875264ms read 9.53006ms wrote 14.615219ms"],
        chat &["Hello", " from", " the", " tiny", " model.", "=stop 100>6"];
    a_call_of_0_24 "0.24" "tool":
        api &["[whole call_3a7azadt exec_command {\"cmd\":\"echo bridge-ok\"}]", "=stop 100>6 load 507.86µs read 607.2µs wrote 2.24869ms"],
        chat &["[0 call_ipzew65r exec_command {\"cmd\":\"echo bridge-ok\"}]", "=stop 100>6"];
    a_swallowed_call_of_0_24 "0.24" "bad":
        api &["=stop 100>4 load 435.88µs read 923.83µs wrote 3.86473ms"],
        chat &["=stop 100>4"];
    a_printed_call_of_0_24 "0.24" "leak_fenced":
        api &["```json\n", "{\"name\": \"exec_command\",", " \"arguments\": {\"cmd\":", " \"echo fenced\"}}", "\n```", "=stop 100>6 load 456.96µs read 275.89µs wrote 9.416999ms"],
        chat &["```json\n", "{\"name\": \"exec_command\",", " \"arguments\": {\"cmd\":", " \"echo fenced\"}}", "\n```", "=stop 100>6"];
    text "0.33" "text":
        api &["Hel", "lo", " wor", "ld", "=stop 8>4 load 1.4967ms read 1ms wrote 1ms"],
        chat &["Hel", "lo", " wor", "ld", "=stop 8>4"];
    thoughts_and_text "0.33" "think_text":
        api &["~Let me ", "~think.", "An", "swer", "=stop 18>13 load 882.25µs read 1ms wrote 1ms"],
        chat &["~Let me ", "~think.", "An", "swer", "=stop 18>13"];
    a_call "0.33" "tool":
        api &["[whole call_u6b0sd9r exec_command {\"cmd\":\"ls -la\"}]", "=stop 12>4 load 753.59µs read 1ms wrote 1ms"],
        chat &["[0 call_gkd9uqu7 exec_command {\"cmd\":\"ls -la\"}]", "=stop 12>4"];
    two_calls "0.33" "two_tools":
        api &["[whole call_vwcli4ci exec_command {\"cmd\":\"ls -la\"}]", "[whole call_a9ijpfux exec_command {\"cmd\":\"pwd\"}]", "=stop 19>7 load 681.1µs read 1ms wrote 1ms"],
        chat &["[0 call_1xf2i3yx exec_command {\"cmd\":\"ls -la\"}]", "[1 call_3gh4rjzm exec_command {\"cmd\":\"pwd\"}]", "=stop 19>7"];
    text_and_a_call "0.33" "text_tool":
        api &["I will ", "look.", "[whole call_zxq4a6c6 exec_command {\"cmd\":\"ls -la\"}]", "=stop 16>6 load 861.54µs read 1ms wrote 1ms"],
        chat &["I will ", "look.", "[0 call_0m6inhzf exec_command {\"cmd\":\"ls -la\"}]", "=stop 16>6"];
    thoughts_and_a_call_in_the_last_record "0.33" "think_tool":
        api &["~Let me ", "~think.", "[whole call_i7ebvt5t exec_command {\"cmd\":\"ls\"}] =stop 22>15 load 827.909µs read 1ms wrote 1ms"],
        chat &["~Let me ", "~think.", "[0 call_76iifmqx exec_command {\"cmd\":\"ls\"}]", "=stop 22>15"];
    the_limit "0.33" "length":
        api &["Trunc", "ated", "=length 7>2 load 646.22µs read 1ms wrote 1ms"],
        chat &["Trunc", "ated", "=length 7>2"];
    a_body_that_just_ends "0.33" "eof":
        api &["Some ", "text"],
        chat &["Some ", "text"];
    an_error_in_mid_stream "0.33" "error_mid":
        api &["Some text.", "!failed to parse JSON: invalid character 'b' looking for beginning of object key string"],
        chat &["Some text.", "!the upstream gave up in mid-answer, and did not say why"];
    an_error_at_once "0.33" "error_early":
        api &["!failed to parse JSON: invalid character 'b' looking for beginning of object key string"],
        chat &["!{\"message\":\"failed to parse JSON: invalid character 'b' looking for beginning of object key string\",\"type\":\"api_error\",\"param\":null,\"code\":null}"];
    a_call_that_harmony_refused "0.33" "harmony_bad_args":
        api &["!error parsing tool call: raw='ls -R', err=invalid character 'l' looking for beginning of value"],
        chat &["!{\"message\":\"error parsing tool call: raw='ls -R', err=invalid character 'l' looking for beginning of value\",\"type\":\"api_error\",\"param\":null,\"code\":null}"];
    a_swallowed_call "0.33" "swallowed":
        api &["=stop 10>3 load 701.16µs read 1ms wrote 1ms"],
        chat &["=stop 10>3"];
    a_printed_call "0.33" "leak_fenced":
        api &["```json\n", "{\"name\": \"exec_command\", ", "\"arguments\": {\"cmd\": \"ls\"}}", "\n```", "=stop 11>4 load 648.71µs read 1ms wrote 1ms"],
        chat &["```json\n", "{\"name\": \"exec_command\", ", "\"arguments\": {\"cmd\": \"ls\"}}", "\n```", "=stop 11>4"];
    escapes_of_html "0.33" "leak_qwen3coder":
        api &["Let me look.", "\n\n<function=exec_command>", "\n<parameter=cmd>", "\nls -la", "\n</parameter>", "\n</function>", "\n</tool_call>", "=stop 171>7 load 846.77µs read 1ms wrote 1ms"],
        chat &["Let me look.", "\n\n<function=exec_command>", "\n<parameter=cmd>", "\nls -la", "\n</parameter>", "\n</function>", "\n</tool_call>", "=stop 171>7"];
}

/// The body of a recorded response.
fn unchunked(recorded: &[u8]) -> Vec<u8> {
    let start = recorded.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let (mut rest, mut body) = (&recorded[start..], Vec::new());
    loop {
        let end = rest.windows(2).position(|end| end == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..][..length]);
        rest = &rest[end + 2 + length + 2..];
    }
}
