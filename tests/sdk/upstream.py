#!/usr/bin/env python3
"""An Ollama that does as the last user message says, for readers that sit behind the bridge.

A message may end in a line `#do {…}`; without one the answer is `Hello there, friend.`:

    think    pieces of thinking, first
    text     pieces of text
    calls    [{"name": …, "arguments": {…}}, …], after the text, a record each
    done     done_reason (`stop`)
    status   an HTTP status instead of an answer, with `error` as its message
    error    an error record where the end would be
    cut      after so many pieces of text the connection dies, the first time this is asked
    sleep    seconds of silence before the first piece, after the thoughts, inside the text and between calls

A message that follows a tool's result is answered with `tool said: RESULT`. Where the last message is the assistant's
own beginning, the answer goes on from there, as Ollama's does. `GET /asked` tells all the requests for answers.

    upstream.py          prints its port, and serves until its standard input ends
"""

import base64
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "demo:latest"
DETAILS = {"family": "demo", "families": ["demo"], "format": "gguf", "parameter_size": "8B", "quantization_level": "Q4_K_M"}
ASKED, CUT, LOCK = [], set(), threading.Lock()


def orders(messages):
    """What the last user message wants, and the result it would be told about."""
    last = messages[-1] if messages else {}
    if last.get("role") == "tool":
        return {"text": ["tool said: ", last.get("content", "")]}
    for message in reversed(messages):
        if message.get("role") == "user":
            _, found, line = message.get("content", "").rpartition("#do ")
            return json.JSONDecoder().raw_decode(line)[0] if found else {"text": ["Hello ", "there, ", "friend."]}
    return {"text": ["Hello."]}


def rest(pieces, said):
    """The pieces that are left when `said` of them has been said already."""
    for piece in pieces:
        taken = min(len(said), len(piece)) if piece.startswith(said) or said.startswith(piece) else 0
        said = said[taken:]
        if piece[taken:]:
            yield piece[taken:]


class Ollama(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        known = {
            "/api/version": {"version": "0.33.0"},
            "/api/tags": {"models": [{"name": MODEL, "model": MODEL, "modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "0" * 64, "details": DETAILS}]},
            "/api/ps": {"models": [{"name": MODEL, "model": MODEL, "size": 1, "size_vram": 1, "context_length": 32768, "details": DETAILS}]},
            "/v1/models": {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "library"}]},
            "/asked": ASKED,
            "/": "Ollama is running",
        }
        found = known.get(self.path)
        self.answer(200 if found is not None else 404, found if found is not None else {"error": "not found"})

    def do_HEAD(self):
        self.answer(200, "")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if self.path == "/api/show":
            if body.get("model", body.get("name")) != MODEL:
                return self.answer(404, {"error": f"model '{body.get('model')}' not found"})
            return self.answer(200, {"details": DETAILS, "model_info": {"general.architecture": "demo", "demo.context_length": 32768}, "capabilities": ["completion", "tools", "thinking", "vision"], "template": "{{ .Prompt }}"})
        if self.path != "/api/chat":
            return self.answer(404, {"error": "not found"})
        with LOCK:
            ASKED.append(body)
        self.chat(body)

    def chat(self, body):
        if body["model"] not in (MODEL, MODEL.partition(":")[0]):
            return self.answer(404, {"error": f"model '{body['model']}' not found"})
        for message in body["messages"]:
            for image in message.get("images", []):
                base64.b64decode(image, validate=True)
        do = orders(body["messages"])
        if "status" in do:
            return self.answer(do["status"], {"error": do.get("error", "no")})
        last = body["messages"][-1]
        said = last.get("content", "") if last.get("role") == "assistant" else ""
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        pause, count = do.get("sleep", 0), 0
        time.sleep(pause)
        if not said:
            for piece in do.get("think", []):
                count += 1
                self.record(message={"role": "assistant", "content": "", "thinking": piece})
            if do.get("think"):
                time.sleep(pause)
        cut = self.first_cut(do)
        for at, piece in enumerate(rest(do.get("text", []), said)):
            if at == cut:
                self.close_connection = True
                return None
            count += 1
            if at == 1:
                time.sleep(pause)
            self.record(message={"role": "assistant", "content": piece})
        for at, call in enumerate(do.get("calls", [])):
            if at == 1:
                time.sleep(pause)
            self.record(message={"role": "assistant", "content": "", "tool_calls": [{"id": f"call_{at}", "function": {"index": at, **call}}]})
        if "error" in do:
            self.record_raw({"error": do["error"]})
        else:
            self.record(message={"role": "assistant", "content": ""}, done=True, done_reason=do.get("done", "stop"), total_duration=9, load_duration=1, prompt_eval_count=26, prompt_eval_duration=4, eval_count=max(count, 1), eval_duration=4)
        self.wfile.write(b"0\r\n\r\n")
        return None

    def first_cut(self, do):
        asked = json.dumps(do)
        with LOCK:
            fresh = asked not in CUT
            CUT.add(asked)
        return do.get("cut") if fresh else None

    def record(self, **fields):
        self.record_raw({"model": MODEL, "created_at": "2026-01-01T00:00:00Z", "done": False, **fields})

    def record_raw(self, record):
        line = json.dumps(record).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()

    def answer(self, status, body):
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is nothing to tell of; whatever else goes wrong, the readers notice."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Ollama)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
