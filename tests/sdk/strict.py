#!/usr/bin/env python3
"""openai-python as a strict reader. By itself it takes almost anything; here each event also goes strictly through the
type that it has in the SDK, which knows what OpenAI's own server sends.

    strict.py BASE UPSTREAM [CASE…]
"""

import copy
import typing

import openai
from openai.types.responses import CompactedResponse, Response, ResponseStreamEvent
from pydantic import BaseModel, ValidationError

from harness import SILENCE, asked, base, case, do, run
from schema import Stream, Wrong, check_object, check_response, read_sse, require

MODEL = "demo:latest"
CLIENT = openai.OpenAI(base_url=base(), api_key="none", max_retries=0, timeout=90)
TYPES = {typing.get_args(kind.model_fields["type"].annotation)[0]: kind for kind in typing.get_args(typing.get_args(ResponseStreamEvent)[0])}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# Codes that clients act upon and the SDK's enumeration does not have.
MORE_CODES = {"context_length_exceeded", "previous_response_not_found"}


class GetWeather(BaseModel):
    """Tells the weather."""

    location: str
    days: int


class Person(BaseModel):
    name: str
    age: int


PARSED = openai.pydantic_function_tool(GetWeather)
WEATHER = {"type": "function", **PARSED["function"]}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits files."}


def strictly(kind, value):
    value = copy.deepcopy(value)
    response = value.get("response", value)
    if (response.get("error") or {}).get("code") in MORE_CODES:
        response["error"]["code"] = "server_error"
    try:
        return kind.model_validate(value, strict=True)
    except ValidationError as error:
        raise Wrong(f"{value.get('type', kind.__name__)}: {error}") from None


def events(**request):
    """The events of a stream, each read in all three ways; and the end of it."""
    stream, seen = Stream(), []
    with CLIENT.responses.with_streaming_response.create(model=MODEL, stream=True, **request) as answer:
        for event in read_sse(answer.iter_lines()):
            strictly(TYPES[event["type"]], event)
            stream.take(event)
            seen.append(event)
    require(stream.over, "no end after", len(seen), "events")
    return seen, stream.over["response"]


def accumulated(**request):
    with CLIENT.responses.stream(model=MODEL, **request) as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


def created(**request):
    raw = CLIENT.responses.with_raw_response.create(model=MODEL, **request)
    body = raw.http_response.json()
    check_response(body)
    strictly(Response, body)
    return raw.parse()


def deltas(seen, kind):
    return [event["delta"] for event in seen if event["type"] == f"response.{kind}.delta" and event["delta"]]


def same(got, wanted):
    require(got == wanted, repr(got), "is not", repr(wanted))


@case
def text_is_created():
    same(created(input=do("created", text=["One, ", "two."])).output_text, "One, two.")


@case
def text_is_streamed_as_it_comes():
    seen, response = events(input=do("streamed", text=["One, ", "two, ", "three."]))
    same(deltas(seen, "output_text"), ["One, ", "two, ", "three."])
    same(response["status"], "completed")


@case
def text_is_accumulated():
    same(accumulated(input=do("accumulated", text=["One, ", "two."])).output_text, "One, two.")


@case
def thoughts_are_a_summary():
    wanted = do("thoughts", think=["Hm, ", "yes."], text=["Yes."])
    seen, response = events(input=wanted, reasoning={"effort": "high"})
    same(deltas(seen, "reasoning_summary_text"), ["Hm, ", "yes."])
    same([item["type"] for item in response["output"]], ["reasoning", "message"])
    require(asked("thoughts\\n#do")["think"], "it was not told to think")
    final = accumulated(input=wanted, reasoning={"effort": "high", "summary": "auto"})
    same(final.output[0].summary[0].text, "Hm, yes.")


@case
def calls_are_parsed():
    wanted = do("calls", text=["Let me see."], calls=[{"name": "GetWeather", "arguments": {"location": place, "days": 2}} for place in ("Oslo", "Rome")])
    final = accumulated(input=wanted, tools=[PARSED])
    calls = [item for item in final.output if item.type == "function_call"]
    same([call.parsed_arguments for call in calls], [GetWeather(location="Oslo", days=2), GetWeather(location="Rome", days=2)])
    require(calls[0].call_id != calls[1].call_id, "two calls of one id")
    seen, _ = events(input=wanted, tools=[WEATHER])
    same([event["type"] for event in seen].count("response.function_call_arguments.done"), 2)
    same(created(input=wanted, tools=[WEATHER]).output[-1].name, "GetWeather")


@case
def a_loop_of_calls_is_closed():
    ask = [{"role": "user", "content": do("loop", calls=[{"name": "GetWeather", "arguments": {"location": "Oslo", "days": 1}}])}]
    first = created(input=ask, tools=[WEATHER])
    call = first.output[-1]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain of frogs"}
    back = [item.model_dump(exclude_none=True) for item in first.output]
    same(created(input=[*ask, *back, result], tools=[WEATHER]).output_text, "tool said: rain of frogs")
    same(created(previous_response_id=first.id, input=[result], tools=[WEATHER]).output_text, "tool said: rain of frogs")


@case
def custom_tools_come_back_as_custom_calls():
    wanted = do("custom", calls=[{"name": "apply_patch", "arguments": {"input": "*** Begin Patch"}}])
    seen, response = events(input=wanted, tools=[PATCH])
    same(response["output"][-1]["type"], "custom_tool_call")
    same(response["output"][-1]["input"], "*** Begin Patch")
    same("".join(deltas(seen, "custom_tool_call_input")), "*** Begin Patch")
    same(accumulated(input=wanted, tools=[PATCH]).output[-1].input, "*** Begin Patch")


@case
def namespaces_come_back_apart():
    member = {"type": "function", "name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, "strict": False}
    tools = [{"type": "namespace", "name": "mcp__tiny", "description": "Numbers.", "tools": [member]}]
    words = "namespace of numbers"
    created(input=words, tools=tools)
    (tool,) = asked(words)["tools"]
    final = created(input=do("namespace", calls=[{"name": tool["function"]["name"], "arguments": {"a": 1}}]), tools=tools)
    same((final.output[-1].namespace, final.output[-1].name), ("mcp__tiny", "add"))


@case
def no_tool_is_offered_where_none_is_wanted():
    words = "without any tool"
    created(input=words, tools=[WEATHER], tool_choice="none")
    require(not asked(words).get("tools"), "tools were sent")


@case
def formats_are_kept():
    wanted = do("format of a person", text=['{"name": "Ada", ', '"age": 36}'])
    parsed = CLIENT.responses.parse(model=MODEL, input=wanted, text_format=Person)
    same(parsed.output_parsed, Person(name="Ada", age=36))
    sent = asked("format of a person")["format"]
    same(sorted(sent["properties"]), ["age", "name"])
    same(accumulated(input=wanted, text_format=Person).output_parsed, Person(name="Ada", age=36))
    _, response = events(input=wanted, text={"format": {"type": "json_schema", "name": "person", "schema": Person.model_json_schema() | {"additionalProperties": False}}})
    same(response["text"]["format"]["name"], "person")


@case
def images_arrive():
    words = "what is in this picture"
    content = [{"type": "input_text", "text": words}, {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}]
    created(input=[{"role": "user", "content": content}])
    images = [image for message in asked(words)["messages"] for image in message.get("images", [])]
    same(images, [PIXEL])


@case
def settings_are_kept_and_told():
    words = "settings of a request"
    response = created(input=words, instructions="Be short.", temperature=0.25, top_p=0.5, max_output_tokens=77, metadata={"a": "b"}, safety_identifier="me", prompt_cache_key="key")
    same((response.temperature, response.top_p, response.max_output_tokens), (0.25, 0.5, 77))
    same((response.metadata, response.safety_identifier, response.prompt_cache_key, response.instructions), ({"a": "b"}, "me", "key", "Be short."))
    sent = asked(words)
    same([sent["options"][key] for key in ("temperature", "top_p", "num_predict")], [0.25, 0.5, 77])
    require(sent["messages"][0]["role"] == "system" and "Be short." in sent["messages"][0]["content"], "no instructions:", sent["messages"][0])


@case
def a_length_is_told():
    _, response = events(input=do("length", text=["One, "], done="length"), max_output_tokens=16)
    same((response["status"], response["incomplete_details"]), ("incomplete", {"reason": "max_output_tokens"}))
    same(created(input=do("length", text=["One, "], done="length"), max_output_tokens=16).status, "incomplete")


@case
def stored_answers_are_had_again_and_deleted():
    first = created(input=do("stored", text=["Kept."]))
    raw = CLIENT.responses.with_raw_response.retrieve(first.id).http_response.json()
    check_response(raw)
    strictly(Response, raw)
    same(raw, first.to_dict() | {"output": raw["output"]})
    same(CLIENT.responses.retrieve(first.id).output_text, "Kept.")
    CLIENT.responses.delete(first.id)
    missing(lambda: CLIENT.responses.retrieve(first.id))
    missing(lambda: CLIENT.responses.delete(first.id))
    missing(lambda: CLIENT.responses.create(model=MODEL, previous_response_id=first.id, input="and now"))


def missing(ask):
    try:
        ask()
    except openai.APIStatusError as error:
        require(error.status_code in (400, 404), "status", error.status_code)
        require(error.body and error.body.get("message"), "no message in", error.body)
    else:
        raise Wrong("it is still there")


@case
def what_is_not_to_be_stored_is_not():
    first = created(input="not to be kept", store=False)
    same(first.store, False)
    missing(lambda: CLIENT.responses.retrieve(first.id))


@case
def answers_follow_each_other():
    first = created(input="my name is Ada")
    second = created(previous_response_id=first.id, input="what is my name, then")
    same(second.previous_response_id, first.id)
    contents = [message["content"] for message in asked("what is my name, then")["messages"]]
    require("my name is Ada" in contents and "Hello there, friend." in contents, contents)


@case
def conversations_are_compacted():
    raw = CLIENT.responses.with_raw_response.compact(model=MODEL, input=[{"role": "user", "content": "the code word is slate"}]).http_response.json()
    check_object("compacted", raw)
    strictly(CompactedResponse, raw)
    same(created(input=[*raw["output"], {"role": "user", "content": "after the compaction"}]).status, "completed")
    asked("the code word is slate")


@case
def a_missing_model_is_named():
    try:
        response = CLIENT.responses.create(model="nobody:7b", input="hello")
    except openai.APIStatusError as error:
        require(400 <= error.status_code < 500, "status", error.status_code)
        message = error.body["message"]
    else:
        same(response.status, "failed")
        message = response.error.message
    require("nobody:7b" in message, message)


@case
def an_error_in_mid_answer_is_a_failure():
    seen, response = events(input=do("broken", text=["One, "], error="the graphics card is on fire"))
    same(response["status"], "failed")
    require("on fire" in response["error"]["message"], response["error"])
    # The SDK takes a failed answer for an event like others, and has no final response.
    with CLIENT.responses.stream(model=MODEL, input=do("broken", text=["One, "], error="the graphics card is on fire")) as stream:
        same([event.type for event in stream][-1], "response.failed")


@case
def a_cut_answer_goes_on():
    seen, response = events(input=do("cut", text=["One, ", "two, ", "three."], cut=2))
    same("".join(deltas(seen, "output_text")), "One, two, three.")
    same(response["status"], "completed")


SILENT = {"think": ["Hm."], "text": ["One, ", "two."], "calls": [{"name": "GetWeather", "arguments": {"location": place, "days": 1}} for place in ("Oslo", "Rome")], "sleep": SILENCE}


@case
def silence_is_not_dead():
    seen, response = events(input=do("silence", **SILENT), tools=[WEATHER], reasoning={"effort": "high"})
    same(response["status"], "completed")
    beats = [event for event in seen[2:-1] if event["type"] == "response.in_progress" or event.get("delta") == ""]
    # Before the first piece, after the thoughts, inside the text, and between the calls.
    require(len(beats) >= 4, "only", len(beats), "heartbeats in", len(seen), "events")


@case
def silence_is_accumulated():
    final = accumulated(input=do("silence to be accumulated", **SILENT), tools=[PARSED], reasoning={"effort": "high"})
    same([item.type for item in final.output], ["reasoning", "message", "function_call", "function_call"])


run()
