#!/usr/bin/env python3
"""What a stream of the Responses API has to be: each event and object after the Open Responses schema, and all of them
together after the grammar

    Created ( ItemAdded Delta* ItemDone )* ( Completed | Incomplete | Failed )

    schema.py FILE…      checks recorded streams (`event:` and `data:` lines), and says what is wrong with them
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parent.parent / "fixtures/openresponses/schema.json").read_text())
TERMINAL = {"response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed"}
VALIDATORS = {}


class Wrong(AssertionError):
    """Says what the reader does not accept."""


def require(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(part) for part in what))


def validate(name, schema, value):
    if name not in VALIDATORS:
        VALIDATORS[name] = Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]})
    errors = sorted(VALIDATORS[name].iter_errors(value), key=lambda error: len(error.path))
    require(not errors, f"{name}:", "; ".join(f"{error.json_path} {deepest(error)}" for error in errors[:3]))


def deepest(error):
    """What a union says is the opinion of the member that came nearest."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return f"({'.'.join(map(str, error.absolute_path))}) {error.message[:200]}"


def check_object(name, value):
    """`response`, `compacted`, `websocket_error`, or another of the definitions."""
    validate(name, SCHEMA["$defs"][name], value)


def check_event(event):
    kind = event.get("type") if isinstance(event, dict) else None
    known = SCHEMA["events"].get(kind) or SCHEMA["extension_events"].get(kind)
    require(known, "an event that nobody knows:", kind)
    validate(kind, known, event)


def read_sse(lines):
    """The events of a stream; `event:` has to be what `type` is, and every event one line of data."""
    name, events = None, []
    for line in lines:
        line = line.rstrip("\r\n")
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()
            require(data, "data without anything")
            if data == "[DONE]":
                require(events and events[-1]["type"] in TERMINAL, "[DONE] before the end")
                continue
            event = json.loads(data)
            require(name == event.get("type"), "the line says", name, "and the event", event.get("type"))
            events.append(event)
            name = None
        else:
            require(line == "" or line.startswith(":"), "a line that is none of SSE's:", line)
    return events


def identity(item):
    return item["type"], item["id"], item.get("call_id")


class Stream:
    """Follows one answer, event by event."""

    def __init__(self):
        self.count, self.id, self.open, self.done, self.over = 0, None, None, [], None
        self.parts, self.written, self.said, self.finished = [], "", "", False

    def take(self, event):
        check_event(event)
        kind = event["type"]
        require(self.over is None, kind, "after", self.over and self.over["type"])
        require(event["sequence_number"] == self.count, kind, "has number", event["sequence_number"], "and is number", self.count)
        require((self.count == 0) == (kind == "response.created"), kind, "as number", self.count)
        self.count += 1
        if "response" in event:
            self.lifecycle(kind, event["response"])
        elif kind == "response.output_item.added":
            self.added(event)
        elif kind == "response.output_item.done":
            self.item_done(event)
        else:
            self.inside(kind, event)

    def lifecycle(self, kind, response):
        self.id = self.id or response["id"]
        require(response["id"] == self.id, "another response:", response["id"])
        if kind in TERMINAL:
            require(self.open is None, kind, "while an item is open")
            require(response["output"] == self.done, kind, "with other output than was sent")
            self.over = {"type": kind, "response": response}
            check_end(kind, response)
        else:
            require(response["status"] in ("in_progress", "queued"), kind, "with status", response["status"])
            # A reader may take the output for the whole of what there is.
            require(self.open is None, kind, "while an item is open")
            require(response["output"] == self.done, kind, "with other output than was sent")

    def added(self, event):
        item = event["item"]
        require(self.open is None, "an item is added while another is open")
        require(event["output_index"] == len(self.done), "output_index", event["output_index"], "of item", len(self.done))
        require(item["id"] not in [other["id"] for other in self.done], "an id twice:", item["id"])
        calls = [other.get("call_id") for other in self.done if other.get("call_id")]
        require(item.get("call_id") not in calls, "a call_id twice:", item.get("call_id"))
        for key, empty in [("content", []), ("summary", []), ("arguments", ""), ("input", "")]:
            if key in item and item["type"] != "tool_search_call":
                require(item[key] == empty, key, "is not empty when", item["type"], "is added")
        require(item.get("status", "in_progress") == "in_progress", "added with status", item.get("status"))
        self.open, self.parts, self.written, self.said, self.finished = item, [], "", None, False

    def inside(self, kind, event):
        require(self.open is not None, kind, "outside of an item")
        require(event["item_id"] == self.open["id"], kind, "of another item:", event["item_id"])
        require(event["output_index"] == len(self.done), kind, "of another output_index:", event["output_index"])
        owner = {"content_part": "message", "output_text": "message", "refusal": "message", "reasoning_summary_part": "reasoning", "reasoning_summary_text": "reasoning", "function_call_arguments": "function_call", "custom_tool_call_input": "custom_tool_call"}
        _, subject, what = kind.split(".", 2)
        require(owner.get(subject) == self.open["type"], kind, "inside of", self.open["type"])
        index = event.get("content_index", event.get("summary_index"))
        part = subject.endswith("_part")
        if part and what == "added":
            require(index == len(self.parts), kind, "as part", index)
            require(self.said is None, kind, "while a part is open")
            require(event["part"].get("text", event["part"].get("refusal")) == "", kind, "with text")
            self.said, self.written, self.finished = event["part"], "", False
            return
        if index is not None:
            require(index == len(self.parts) and self.said is not None, kind, "of a part that is not open:", index)
        if what == "delta":
            require(not self.finished, kind, "after done")
            self.written += event["delta"]
        elif part:
            require(self.finished, kind, "before its text is done")
            require(event["part"].get("text", event["part"].get("refusal")) == self.written, kind, "with other text than was sent")
            self.parts.append(event["part"])
            self.said = None
        else:
            whole = event.get("text", event.get("arguments", event.get("input", event.get("refusal"))))
            require(not self.finished and whole == self.written, kind, "with other text than was sent:", repr(whole), repr(self.written))
            self.finished = True

    def item_done(self, event):
        item, opened = event["item"], self.open
        require(opened is not None, "an item is done that was not added")
        require(event["output_index"] == len(self.done), "output_index", event["output_index"], "of item", len(self.done))
        require(identity(item) == identity(opened), "added as", identity(opened), "and done as", identity(item))
        require(item.get("name") == opened.get("name"), "the name has changed:", item.get("name"))
        require(item.get("status", "completed") in ("completed", "incomplete"), "done with status", item.get("status"))
        require(self.said is None, "an item is done while a part is open")
        if item["type"] == "message":
            require(item["content"] == self.parts, "a message with other content than was sent")
        if item["type"] == "reasoning":
            require(item["summary"] == self.parts, "a summary with other parts than were sent")
        if item["type"] in ("function_call", "custom_tool_call"):
            key = "arguments" if item["type"] == "function_call" else "input"
            require(self.finished and item[key] == self.written, item["type"], "with another", key, "than was sent")
            if key == "arguments" and item["status"] == "completed":
                require(isinstance(json.loads(item[key]), dict), "arguments that are no object:", item[key])
        self.done.append(item)
        self.open = None


def check_end(kind, response):
    """What only the last word of an answer can say."""
    require(response["status"] == TERMINAL[kind], kind, "with status", response["status"])
    require((response["error"] is not None) == (kind == "response.failed"), kind, "with error", response["error"])
    require((response["incomplete_details"] is not None) == (kind == "response.incomplete"), kind, "with incomplete_details", response["incomplete_details"])
    require((response["completed_at"] is not None) == (kind == "response.completed"), kind, "with completed_at", response["completed_at"])
    usage = response["usage"]
    require(usage is not None or kind == "response.failed", kind, "without usage")
    if usage:
        require(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], "a sum that is none:", usage)


def check_response(response):
    """An answer that was not streamed."""
    check_object("response", response)
    ends = {status: kind for kind, status in TERMINAL.items()}
    require(response["status"] in ends, "status", response["status"])
    check_end(ends[response["status"]], response)


def check_stream(events):
    """The last response of a stream that is right."""
    stream = Stream()
    for event in events:
        stream.take(event)
    require(stream.over is not None, "the stream has no end after", stream.count, "events")
    return stream.over["response"]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with open(name) as file:
            print(name, check_stream(read_sse(file))["status"])
