"""What the tests of the slow log share: a strict reader of entries, a worker, the helper."""

import os
import re
import signal
import subprocess
import time

import pytest
from fcgi import Client
from servers import ANYFPM, SLOW, WORKERS, children, cmdline, stat, wait_for
import statuspage

with open(ANYFPM, "rb") as binary:
    HAS_STACKS = b"dwfl_linux_proc_report" in binary.read()
stacks = pytest.mark.skipif(not HAS_STACKS, reason="built without libdw")

HEAD = re.compile(r"\[(\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d\.\d{6})\]  \[pool (\S+)\] pid (\d+)")
FIELD = re.compile(r"([a-z_]+) = (.*)")
FRAME = re.compile(r"\[0x([0-9a-f]{16})\] (.+)\(\)(?: (.+))?")
STOPPED_MAX = 0.05  # seconds


class Entry:
    """One entry, read strictly: a line that fits nothing is an error."""

    def __init__(self, text):
        lines = text.split("\n")
        head = HEAD.fullmatch(lines[0])
        assert head, f"not the head of an entry: {lines[0]!r}"
        self.pool, self.pid = head.group(2), int(head.group(3))
        self.fields, self.threads, self.output, self.incomplete = {}, [], [], []
        for line in lines[1:]:
            if line.startswith("| "):
                self.output.append(line[2:])
            elif FRAME.fullmatch(line):
                self.threads[-1][1].append(FRAME.fullmatch(line).groups())
            else:
                field = FIELD.fullmatch(line)
                assert field, f"not a line of an entry: {line!r}"
                if field.group(1) == "thread":
                    self.threads.append((field.group(2), []))
                elif field.group(1) == "incomplete":
                    self.incomplete.append(field.group(2))
                else:
                    assert field.group(1) not in self.fields, line
                    self.fields[field.group(1)] = field.group(2)
        assert list(self.fields)[:3] == ["script_filename", "request", "duration"]

    @property
    def duration(self):
        return float(self.fields["duration"].removesuffix(" seconds"))

    @property
    def stopped(self):
        return float(self.fields["stopped"].removesuffix(" seconds"))

    @property
    def functions(self):
        return [[frame[1].split("@")[0] for frame in frames] for _, frames in self.threads]


def read_entries(path):
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except FileNotFoundError:
        return []
    assert not text or text.startswith("\n[")
    if not text.endswith("\n"):
        text = text.rpartition("\n\n")[0]  # its end is still on its way
    return [Entry(part) for part in text.strip("\n").split("\n\n") if part]


def build(source, to, *args):
    subprocess.run(["cc", "-g", "-O1", "-o", to, f"{WORKERS}/{source}", *args], check=True)
    return to


@pytest.fixture(scope="session")
def program(shared):
    """The worker slow.c, with debug information."""
    return build("slow.c", shared + "/slow", "-lfcgi", "-pthread")


@pytest.fixture
def slow(env, anyfpm, program):
    """anyfpm with a slow log: slow({"directive": value}, command=...)."""
    def start(options=None, *, command=None, timeout="200ms", threads=0, **more):
        path = f"{env.dir}/slow.log"
        settings = {"slowlog": path, "request_slowlog_timeout": timeout,
                    "pm.status_path": "/status", "pm.max_children": 1}
        settings.update(options or {})
        server = anyfpm(command or f"{program} {threads}", settings, **more)
        server.slow_path = path
        server.entries = lambda: read_entries(settings["slowlog"])
        server.wait_entries = lambda n, timeout=8: wait_for(
            lambda: len(server.entries()) >= n and server.entries(), timeout * SLOW,
            f"{n} entries")
        return server
    return start


def tracers(server):
    """Processes of the pool that are no worker: what looks at workers."""
    return [p for p in children(server.pool()) if cmdline(p).startswith("anyfpm: trace")]


def catch_helper(server, workers, entries):
    """Stop the pool's next child that is none of these workers, as soon as it is born, and return
    its pid; None where it was too quick for us, having written an entry beyond so many."""
    pool = server.pool()
    deadline = time.monotonic() + 5 * SLOW
    while time.monotonic() < deadline and len(server.entries()) <= entries:
        with open(f"/proc/{pool}/task/{pool}/children", encoding="ascii") as f:
            new = set(map(int, f.read().split())) - set(workers)
        for pid in new:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                continue
            wait_for(lambda p=pid: (stat(p) or "?")[0] in "TZ?", 5, "it to stop or to have ended")
            if (stat(pid) or "?")[0] == "T":
                return pid
    assert len(server.entries()) > entries, "no helper was started"
    return None


def ask(server, query="ms=1500", uri="/page", **more):
    with Client(server.address, timeout=30) as c:
        return c.request(uri=uri, query=query, **more)


def ask_until_whole(server, *args, **more):
    """An answer, and the entry of its request with the whole stack of each thread.

    A thread that gets no CPU does not stop at once, and one whose helper gets none is let go: on a
    busy machine that may happen, but not every time.
    """
    entry = None
    for _ in range(5):
        n = len(server.entries())
        answer = ask(server, *args, **more)
        entry = server.wait_entries(n + 1)[n]
        if entry.threads and not entry.incomplete and "stack" not in entry.fields:
            return answer, entry
    raise AssertionError(f"never whole: {entry.fields} {entry.incomplete}")


def slow_requests(server):
    with Client(server.address) as c:
        return statuspage.numbers(c)["slow requests"]
