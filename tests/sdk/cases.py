#!/usr/bin/env python3
"""What the acceptance tests of Open Responses ask of a server, told again in our own words and asked a little harder, with
the WebSocket transport and what the specification says beside them.

    cases.py BASE UPSTREAM [CASE…]
"""

import json

from websockets.sync.client import connect

from harness import PATIENCE, SILENCE, asked, base, call, case, do, run
from schema import TERMINAL, Stream, check_object, check_response, check_stream, read_sse, require

MODEL = "demo:latest"
# Two pixels by two, red; without `detail`, as the tests send it.
IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP8zwACTGCSAQANHQEDgslx/wAAAABJRU5ErkJggg=="
WEATHER = {"type": "function", "name": "get_weather", "description": "Tells the weather.", "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}}


def user(content):
    return {"type": "message", "role": "user", "content": content}


def answered(**request):
    status, body = call("POST", "/responses", {"model": MODEL, **request})
    require(status == 200, status, body)
    check_response(body)
    require(body["output"], "no output")
    return body


def completed(**request):
    body = answered(**request)
    require(body["status"] == "completed", body["status"], body["error"])
    return body


@case
def basic_response():
    completed(input=[user("Say hello in three words.")])


@case
def assistant_phase():
    words = "Repeat the number, please."
    early = {"type": "message", "role": "assistant", "phase": "commentary", "content": "It was written down."}
    late = {"type": "message", "role": "assistant", "phase": "final_answer", "content": "Four."}
    completed(input=[early, late, user(words)])
    contents = " ".join(message["content"] for message in asked(words)["messages"])
    require("It was written down." in contents and "Four." in contents, contents)


@case
def streaming_response():
    status, text = call("POST", "/responses", {"model": MODEL, "stream": True, "input": [user("Count to five.")]})
    require(status == 200, status, text)
    require(check_stream(read_sse(text.splitlines()))["status"] == "completed", text)
    require(text.rstrip().endswith("data: [DONE]"), "no [DONE]")


@case
def system_prompt():
    words = "Greet me as one does at sea."
    completed(input=[{"type": "message", "role": "system", "content": "You are a sailor."}, user(words)])
    first = asked(words)["messages"][0]
    require(first["role"] == "system" and "You are a sailor." in first["content"], first)


@case
def tool_calling():
    call_it = do("The weather in Oslo?", calls=[{"name": "get_weather", "arguments": {"location": "Oslo"}}])
    calls = [item for item in answered(input=[user(call_it)], tools=[WEATHER])["output"] if item["type"] == "function_call"]
    require(len(calls) == 1 and json.loads(calls[0]["arguments"]) == {"location": "Oslo"}, calls)


@case
def image_input():
    words = "What is on this picture of two by two?"
    completed(input=[user([{"type": "input_text", "text": words}, {"type": "input_image", "image_url": IMAGE}])])
    require(any(message.get("images") for message in asked(words)["messages"]), "the image was lost")


@case
def multi_turn():
    words = "Who did I say I am?"
    completed(input=[user("I am Alice."), {"type": "message", "role": "assistant", "content": "Hello Alice."}, user(words)])
    roles = [message["role"] for message in asked(words)["messages"] if message["role"] != "system"]
    require(roles == ["user", "assistant", "user"], roles)


@case
def input_of_every_shape():
    """What else the specification lets a client leave out, or say in another way."""
    completed(input="A string.", tools=None, tool_choice=None, text=None, reasoning=None, metadata=None, include=[], instructions=None)
    completed(input=[{"role": "user", "content": "No type."}], text={"format": None}, stream=False, tools=[])
    part = {"type": "output_text", "text": "No annotations."}
    completed(input=[{"type": "message", "role": "assistant", "content": [part]}, {"type": "reasoning", "summary": [], "content": None}, user("And?")])
    completed(input=[{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]}, user("Well?")])
    status, body = call("POST", "/responses", {"model": MODEL, "input": "Limits.", "max_output_tokens": 64, "truncation": "disabled", "service_tier": "auto"})
    require(status == 200 and body["max_output_tokens"] == 64, status, body)


def compacted(**request):
    status, body = call("POST", "/responses/compact", {"model": MODEL, **request})
    require(status == 200, status, body)
    check_object("compacted", body)
    require("compaction" in [item["type"] for item in body["output"]], body["output"])
    return body["output"]


@case
def compact_response():
    compacted(prompt_cache_key="compact-test", input=[user("We launch on Tuesday."), {"type": "message", "role": "assistant", "content": "Tuesday it is."}])


@case
def compact_missing_model():
    status, body = call("POST", "/responses/compact", {"input": [user("Compact this.")]})
    require(status in (400, 422), status, body)
    require(body["error"]["message"], body)


@case
def bad_requests_are_clear():
    for raw in (b"{", b"[]", b"null", b'{"input": "no model"}', b"\xff\xfe", b'{"model": "demo:latest", "input": 5}', b"[" * 100_000):
        status, body = call("POST", "/responses", raw=raw)
        require(status in (400, 413, 422), raw[:30], status, body)
        require(isinstance(body["error"]["message"], str) and body["error"]["message"], body)


@case
def stored_responses():
    body = completed(input="Keep this.")
    require(call("GET", f"/responses/{body['id']}") == (200, body), "GET tells another response")
    status, gone = call("DELETE", f"/responses/{body['id']}")
    require(status == 200 and gone == {"id": body["id"], "object": "response", "deleted": True}, status, gone)
    for method in ("GET", "DELETE"):
        status, error = call(method, f"/responses/{body['id']}")
        require(status == 404 and error["error"]["message"], status, error)


@case
def an_unknown_previous_response():
    status, body = call("POST", "/responses", {"model": MODEL, "previous_response_id": "resp_never", "input": "And?"})
    require(status in (400, 404) and body["error"]["code"] == "previous_response_not_found", status, body)


class Socket:
    """A connection on which answers are asked for, one after another."""

    def __enter__(self):
        url = base().replace("http", "ws", 1) + "/responses"
        self.connection = connect(url, additional_headers={"authorization": "Bearer none"}, proxy=None, open_timeout=PATIENCE, max_size=None)
        self.socket = self.connection.__enter__()
        return self

    def __exit__(self, *error):
        self.connection.__exit__(*error)

    def send(self, **request):
        self.socket.send(json.dumps({"type": "response.create", "model": MODEL, **request}))

    def turn(self, **request):
        """The last event of one answer."""
        self.send(**request)
        return self.end()

    def end(self):
        stream = Stream()
        while True:
            message = self.socket.recv(timeout=PATIENCE)
            require(isinstance(message, str), "a binary message")
            event = json.loads(message)
            if event["type"] == "error":
                check_object("websocket_error", event)
                require(stream.open is None, "an error while an item is open")
                return event
            stream.take(event)
            if event["type"] in TERMINAL:
                return event

    def completed(self, **request):
        event = self.turn(**request)
        require(event["type"] == "response.completed", event)
        return event["response"]


def code(event):
    return (event.get("error") or event["response"]["error"] or {}).get("code")


def not_found(event):
    require(code(event) == "previous_response_not_found", event)


@case
def websocket_response():
    with Socket() as socket:
        socket.completed(input=[user("Count to three.")])


@case
def websocket_sequential_responses():
    with Socket() as socket:
        ids = [socket.completed(store=False, input=do(word, text=[word]))["id"] for word in ("first", "second")]
        require(ids[0] != ids[1], ids)
        # The second is asked for before the first is answered, and has to wait for its turn.
        for word in ("third", "fourth"):
            socket.send(store=False, input=do(word, text=[word]))
        for word in ("third", "fourth"):
            require(socket.end()["response"]["output"][0]["content"][0]["text"] == word, word)


@case
def websocket_continuation():
    with Socket() as socket:
        first = socket.completed(store=False, input=do("The word is cobalt.", text=["Noted."]))
        second = socket.completed(store=False, previous_response_id=first["id"], input="Which word was it, on this socket?")
        require(second["previous_response_id"] == first["id"], second)
        contents = [message["content"] for message in asked("Which word was it, on this socket?")["messages"] if message["role"] != "system"]
        require(contents[0].startswith("The word is cobalt.") and contents[1] == "Noted.", contents)


@case
def websocket_generate_false():
    with Socket() as socket:
        warm = socket.completed(store=False, generate=False, input="Get ready to be warm.")
        require(warm["output"] == [], warm["output"])
        socket.completed(store=False, previous_response_id=warm["id"], input="Say that you are warm.")
        require("Get ready to be warm." in json.dumps(asked("Say that you are warm.")["messages"]), "the warm-up was forgotten")


@case
def websocket_reconnect_store_false_recovery():
    with Socket() as socket:
        first = socket.completed(store=False, input="The word is copper.")
    with Socket() as socket:
        not_found(socket.turn(store=False, previous_response_id=first["id"], input="Go on."))
        socket.completed(store=False, input=[user("Then from the beginning.")])


@case
def websocket_continues_what_is_stored():
    first = completed(input="Stored by HTTP.")
    with Socket() as socket:
        second = socket.completed(previous_response_id=first["id"], input="And from the socket?")
    require(call("GET", f"/responses/{second['id']}")[0] == 200, "an answer of a socket is not stored")


@case
def websocket_previous_response_not_found():
    with Socket() as socket:
        event = socket.turn(store=False, previous_response_id="resp_missing", input="Go on.")
        not_found(event)
        require(event["status"] == 400, event)


@case
def websocket_failed_continuation_evicts_cache():
    with Socket() as socket:
        first = socket.completed(store=False, input="The word is ember.")
        orphan = {"type": "function_call_output", "call_id": "call_missing", "output": "Nobody called."}
        failed = socket.turn(store=False, previous_response_id=first["id"], input=[orphan])
        require(failed["type"] in ("error", "response.failed"), failed)
        not_found(socket.turn(store=False, previous_response_id=first["id"], input="Go on."))


@case
def websocket_compact_new_chain():
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "OK."}]}
    window = compacted(input=[user([{"type": "input_text", "text": "The word is slate."}]), said, user([{"type": "input_text", "text": "Compress this."}])])
    with Socket() as socket:
        socket.completed(store=False, tools=[], input=[*window, user("Go on from here.")])


@case
def websocket_refuses_what_it_does_not_know():
    with Socket() as socket:
        for message in ('{"type": "response.dance"}', "not JSON", "[]"):
            socket.socket.send(message)
            event = json.loads(socket.socket.recv(timeout=PATIENCE))
            check_object("websocket_error", event)
            require(event["status"] == 400, event)
        socket.completed(input="Still there?")


@case
def websocket_beats_while_it_waits():
    with Socket() as socket:
        socket.completed(input=do("a long silence", text=["One, ", "two."], sleep=SILENCE))


run()
