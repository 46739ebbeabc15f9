"""A command on a pseudo-terminal: waits for what shows, types what is to be typed, and ends as the command ended.

    terminal.py SECONDS KEYS -- COMMAND...

KEYS is JSON: `steps`, pairs of a pattern and of keys, and `last`, one more or null. Keys are typed once the pattern has been seen
in what was shown since the last ones, or, behind `sessions:`, in what Codex keeps of its sessions. After the steps, those
of `last` are typed again and again, until the command has ended. All that was shown, without orders for the terminal, goes to standard output. What a full-screen program asks
of a terminal is answered: where the cursor is, which colours there are.
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

split = sys.argv.index("--")
seconds, keys, command = float(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[split + 1 :]
steps, last = keys["steps"], keys["last"]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
# Where there is no room, nothing is drawn.
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

QUERIES = [
    (b"\x1b[6n", b"\x1b[1;1R"),
    (b"\x1b]10;?", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
    (b"\x1b]11;?", b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
    (b"\x1b[c", b"\x1b[?62;c"),
    (b"\x1b[?u", b"\x1b[?0u"),
]
ORDERS = re.compile(rb"\x1b(\[[0-9;?<>=]* ?[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()].|.)")
# What comes in one go is taken for pasted, and then the end of the line is part of the text.
PAUSE = 0.7


def shown(raw):
    """Without blanks: what is drawn in pieces has some within words."""
    return re.sub(r"\s+", "", ORDERS.sub(b"", raw).decode(errors="replace"))


def is_seen(pattern, raw):
    if not pattern.startswith("sessions:"):
        return re.search(pattern.replace(" ", ""), shown(raw))
    kept = pathlib.Path(os.environ["CODEX_HOME"], "sessions").glob("**/*.jsonl")
    return any(re.search(pattern.removeprefix("sessions:"), path.read_text(errors="replace")) for path in kept)


seen, answered, begun, since, ended = b"", {query: 0 for query, _ in QUERIES}, 0, time.monotonic(), False
until = time.monotonic() + seconds
while time.monotonic() < until:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            block = os.read(terminal, 65536)
        except OSError:
            block = b""
        if not block:
            ended = True
            break
        seen += block
        # Counted over all that was seen: a query may be cut in two by the end of a block.
        for query, reply in QUERIES:
            while answered[query] < seen.count(query):
                os.write(terminal, reply)
                answered[query] += 1
    step = steps[0] if steps else last
    if step and time.monotonic() - since > PAUSE and is_seen(step[0], seen[begun:]):
        begun, since = len(seen), time.monotonic()
        os.write(terminal, step[1].encode())
        if steps:
            steps.pop(0)
if not ended:
    os.kill(pid, signal.SIGKILL)
_, status = os.waitpid(pid, 0)
lines = ORDERS.sub(b" ", seen).decode(errors="replace").replace("\r", "")
print(lines[-20000:])
if not ended or steps:
    print("terminal.py: not done after", seconds, "s; left to type:", steps)
    sys.exit(99)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
