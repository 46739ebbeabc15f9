"""Codex's full-screen interface on a pseudo-terminal: types a question, and prints the screen's text once a word shows.

    tui.py SECONDS READY QUESTION WORD -- COMMAND...

It types once the screen has said READY, or has had half of the time, and answers what the interface asks of a terminal: where the cursor is, which colours there are.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

split = sys.argv.index("--")
seconds, (ready, question, word) = float(sys.argv[1]), sys.argv[2:5]
command = sys.argv[split + 1 :]

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
seen, answered, typed, code = b"", {query: 0 for query, _ in QUERIES}, 0, 1
until = time.monotonic() + seconds
enough = time.monotonic() + seconds / 2
while time.monotonic() < until:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            block = os.read(terminal, 65536)
        except OSError:
            break
        if not block:
            break
        seen += block
        # Counted over all that was seen: a query may be cut in two by the end of a block.
        for query, reply in QUERIES:
            while answered[query] < seen.count(query):
                os.write(terminal, reply)
                answered[query] += 1
    text = re.sub(rb"\x1b(\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()].|.)", b" ", seen).decode(errors="replace")
    # What is drawn over something else comes in pieces, which may never make up the word.
    if typed == 0 and (ready in text or text.strip() and time.monotonic() > enough):
        os.write(terminal, question.encode())
        typed, since = 1, time.monotonic()
    # What comes in one go is taken for pasted, and then the end of the line is part of the text.
    if typed == 1 and question.split()[-1] in text and time.monotonic() - since > 0.7:
        os.write(terminal, b"\r")
        typed = 2
    if typed == 2 and word in text:
        code = 0
        break
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
print(text[-4000:])
sys.exit(code)
