"""How the readers are run: `READER BASE UPSTREAM [CASE…]`, cases at once, a line for each, and exit code 1 when one has failed.

BASE is the bridge's `http://…/v1`, UPSTREAM where `upstream.py` serves.
"""

import json
import sys
import traceback
import urllib.request
from concurrent.futures import ThreadPoolExecutor

CASES = []
# Longer than a heartbeat may take, and longer than any answer does; in seconds.
SILENCE, PATIENCE = 11, 90


def case(function):
    CASES.append(function)
    return function


def do(prompt, **orders):
    """A user's words, and what `upstream.py` is to do when it hears them."""
    return f"{prompt}\n#do {json.dumps(orders)}"


def base():
    return sys.argv[1]


def asked(words):
    """What the upstream was sent by the only request with these words in it."""
    with urllib.request.urlopen(f"{sys.argv[2]}/asked", timeout=10) as answer:
        found = [body for body in json.load(answer) if words in json.dumps(body)]
    assert found, f"the upstream was never asked {words!r}"
    return found[-1]


def call(method, path, body=None, raw=None):
    """Status and JSON (or text) of a request that no SDK makes for us."""
    data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(base() + path, data, {"content-type": "application/json", "authorization": "Bearer none"}, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        return answer.status, json.loads(text) if "json" in answer.headers.get("content-type", "") else text


def run():
    def attempt(function):
        try:
            function()
            return None
        except Exception as error:  # whatever a reader throws is what this is about
            at = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {str(error)[:900]} ({at.name}:{at.lineno})"

    wanted = [function for function in CASES if not sys.argv[3:] or function.__name__ in sys.argv[3:]]
    with ThreadPoolExecutor(len(CASES)) as pool:
        outcomes = list(pool.map(attempt, wanted))
    for function, outcome in zip(wanted, outcomes):
        print(f"ok    {function.__name__}" if outcome is None else f"FAIL  {function.__name__}: {outcome}")
    sys.exit(any(outcomes) or not outcomes)
