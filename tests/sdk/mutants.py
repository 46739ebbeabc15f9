#!/usr/bin/env python3
"""Shows that `schema.py` can say no: takes an answer that is right, breaks it in one place, and wants to hear of it."""

import copy
import sys
from pathlib import Path

from schema import check_stream, read_sse

WHOLE = read_sse((Path(__file__).parent.parent / "fixtures/openresponses/whole.sse").read_text().splitlines())


def at(kind, nth=0):
    return [number for number, event in enumerate(WHOLE) if event["type"] == f"response.{kind}"][nth]


def leave_out(kind, nth=0):
    def change(events):
        del events[at(kind, nth)]
        for number, event in enumerate(events):
            event["sequence_number"] = number
    return change


def put(kind, path, value, nth=0):
    def change(events):
        place = events[at(kind, nth)]
        for step in path[:-1]:
            place = place[step]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value
    return change


def twice(kind):
    def change(events):
        events.insert(at(kind), copy.deepcopy(events[at(kind)]))
        for number, event in enumerate(events):
            event["sequence_number"] = number
    return change


MUTANTS = {
    **{f"no {kind}": leave_out(kind) for kind in ["created", "output_item.added", "content_part.added", "content_part.done", "output_text.done", "reasoning_summary_part.added", "reasoning_summary_text.done", "function_call_arguments.done", "custom_tool_call_input.done", "output_item.done", "completed"]},
    "a word is lost": leave_out("output_text.delta"),
    "a thought is lost": leave_out("reasoning_summary_text.delta"),
    "the arguments are lost": leave_out("function_call_arguments.delta"),
    "two ends": twice("completed"),
    "two beginnings": twice("created"),
    "an item twice": twice("output_item.added"),
    "a number is wrong": put("output_text.delta", ["sequence_number"], 99),
    "no logprobs in a delta": put("output_text.delta", ["logprobs"], None),
    "no logprobs in a part": put("content_part.added", ["part", "logprobs"], None),
    "no annotations": put("content_part.added", ["part", "annotations"], None),
    "an output_index too many": put("output_item.added", ["output_index"], 7, 1),
    "another item_id": put("output_text.delta", ["item_id"], "msg_9"),
    "another content_index": put("output_text.delta", ["content_index"], 1),
    "an item changes its id": put("output_item.done", ["item", "id"], "msg_9", 1),
    "a call changes its call_id": put("output_item.done", ["item", "call_id"], "call_9", 2),
    "arguments as an object": put("function_call_arguments.done", ["arguments"], {"location": "Oslo"}),
    "other arguments at last": put("output_item.done", ["item", "arguments"], "{}", 2),
    "text that was never sent": put("output_item.done", ["item", "content", 0, "text"], "Else.", 1),
    "a message without status": put("output_item.added", ["item", "status"], None, 1),
    "a message without role": put("output_item.done", ["item", "role"], None, 1),
    "a bare in_progress between items": put("in_progress", ["response", "output"], [], 1),
    "output missing at the end": put("completed", ["response", "output"], []),
    "an id of another response": put("completed", ["response", "id"], "resp_9"),
    "a float of tokens": put("completed", ["response", "usage", "total_tokens"], 9542.5),
    "a sum that is none": put("completed", ["response", "usage", "total_tokens"], 1),
    "no cached_tokens": put("completed", ["response", "usage", "input_tokens_details", "cached_tokens"], None),
    "no end of time": put("completed", ["response", "completed_at"], None),
    "an error in success": put("completed", ["response", "error"], {"code": "server_error", "message": "no"}),
    "an event nobody knows": put("output_text.delta", ["type"], "keepalive"),
    **{f"a response without {field}": put("created", ["response", field], None) for field in WHOLE[0]["response"]},
}

check_stream(copy.deepcopy(WHOLE))
survivors = []
for name, change in MUTANTS.items():
    events = copy.deepcopy(WHOLE)
    change(events)
    try:
        check_stream(events)
        survivors.append(name)
    except (AssertionError, KeyError):
        pass
print(f"{len(MUTANTS)} mutants, not noticed: {survivors}")
sys.exit(bool(survivors))
