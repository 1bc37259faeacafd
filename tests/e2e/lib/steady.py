"""Clients that ask all the time until they are told to stop: what failed, and how long it took.

Each is a process of its own, so that no client waits for another's Python. Through a web server by
HTTP, or straight at the pool's socket; the pool's program is the demo, or PHP.
"""

import http.client
import multiprocessing
import re
import subprocess
import time
import zlib

from fcgi import KEEP_CONN, Client, Closed
from stalls import Stalls
from wrk import WRK

BODY = b"0123456789abcdef" * 1250
SLOW_MS = 4000
TIMEOUT = 20  # seconds that a client waits for an answer
PAUSE = 0.02  # seconds between two requests of the probe
REASONS = 3  # that are told of each client
IDS = 8  # requests at a time on the connection that is shared

# Answers as the demo does.
PHP = """<?php
if (preg_match('/ms=(\\d+)/', $_SERVER['QUERY_STRING'], $m)) {
	usleep(1000 * $m[1]);
	echo "<p>Slept $m[1] ms.</p>";
} else if ($_SERVER['REQUEST_METHOD'] == 'POST') {
	header('Content-Type: text/plain');
	$body = file_get_contents('php://input');
	printf("bytes %d\\ncrc32 %08x\\n", strlen($body), crc32($body));
} else {
	header('Content-Type: text/plain');
	echo "hello\\n";
}
"""
# (method, path, body, what comes back)
GET = ("GET", "/hello", b"", b"hello\n")
POST = ("POST", "/upload", BODY, b"bytes %d\ncrc32 %08x\n" % (len(BODY), zlib.crc32(BODY)))


class Tally:
    """What a client has to say at its end."""

    def __init__(self):
        self.asked = self.failed = 0
        self.reasons = []  # the first few
        self.longest_ms = 0
        self.longest_ours_ms = 0  # without what the machine took

    def add(self, why):
        """A request has ended; why it failed, or None."""
        self.asked += 1
        if why:
            self.failed += 1
            if len(self.reasons) < REASONS:
                self.reasons.append(f"{time.strftime('%H:%M:%S')} {why[:100]}")


class Steady:
    """A client from start() to join(); run(tally, stop, ...) is what it does."""

    def __init__(self, kind, run, *args):
        self.kind = kind
        context = multiprocessing.get_context("fork")
        self.stop = context.Event()
        self.receiver, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=self._run, args=(sender, run, args), daemon=True)

    def _run(self, sender, run, args):
        tally = Tally()
        run(tally, self.stop, *args)
        sender.send(tally)

    def start(self):
        self.process.start()

    def join(self):
        """Tell it to stop; returns its tally."""
        self.stop.set()
        if not self.receiver.poll(3 * TIMEOUT):
            self.process.kill()
            self.process.join()
            raise AssertionError(f"{self.kind}: a request hangs")
        tally = self.receiver.recv()
        self.process.join()
        return tally


# Straight at the socket ---------------------------------------------------------

def _start(client, request, number, script, flags):
    method, path, body, _ = request
    client.start(number, method=method, uri=path, body=body, flags=flags,
                 SCRIPT_FILENAME=script, REDIRECT_STATUS="200")


def _wrong(answer, right):
    if answer.status != 200 or answer.app_status or answer.protocol_status:
        return (f"status {answer.status}, ended with {answer.app_status}, "
                f"{answer.protocol_status}: {bytes(answer.stdout[:200])}")
    return None if answer.body == right else f"body {answer.body[:100]}"


def one_at_a_time(tally, stop, address, script, keep=True):
    """One request after the other, on one connection that is kept, or each on its own."""
    client, number = None, 0
    while not stop.is_set():
        request = (GET, POST)[number % 2]
        number += 1
        try:
            client = client or Client(address, TIMEOUT)
            _start(client, request, 1, script, KEEP_CONN if keep else 0)
            why = _wrong(client.answer(), request[3])
        except (Closed, OSError) as e:
            why = f"{type(e).__name__} {e}"
            time.sleep(PAUSE)
        tally.add(why)
        if client and (why or not keep):
            client.close()
            client = None


def multiplexed(tally, stop, address, script):
    """Several requests at a time on one connection, each followed by another."""
    client, number, open_ids = None, 0, {}
    while open_ids or not stop.is_set():
        try:
            client = client or Client(address, TIMEOUT)
            while len(open_ids) < IDS and not stop.is_set():
                request_id = next(i for i in range(1, IDS + 1) if i not in open_ids)
                open_ids[request_id] = (GET, POST)[number % 2]
                number += 1
                _start(client, open_ids[request_id], request_id, script, KEEP_CONN)
            request_id = client.take().request_id
            if client.answers[request_id].ended:
                right = open_ids.pop(request_id)[3]
                tally.add(_wrong(client.answers.pop(request_id), right))
        except (Closed, OSError) as e:
            for _ in range(max(1, len(open_ids))):
                tally.add(f"{type(e).__name__} {e}")
            open_ids = {}
            if client:
                client.close()
            client = None
            time.sleep(PAUSE)


# Through a web server -------------------------------------------------------------

def _fetch(port, path):
    """(status, body) of a request on a connection of its own; OSError or HTTPException."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        conn.request("GET", path)
        reply = conn.getresponse()
        return reply.status, reply.read()
    finally:
        conn.close()


def _asked(port, path, right):
    try:
        status, body = _fetch(port, path)
    except (OSError, http.client.HTTPException) as e:
        return f"{type(e).__name__} {e}"
    return None if status == 200 and right in body else f"status {status}: {body[:200]}"


def slow(tally, stop, port):
    """One request of SLOW_MS after the other."""
    while not stop.is_set():
        tally.add(_asked(port, f"/slow?ms={SLOW_MS}", b"Slept %d ms." % SLOW_MS))


def probe(tally, stop, port):
    """Short requests, each on a new connection; the longest is what counts."""
    with Stalls() as stalls:
        while not stop.wait(PAUSE):
            started = time.monotonic()
            tally.add(_asked(port, GET[1], GET[3]))
            took = time.monotonic() - started
            tally.longest_ms = max(tally.longest_ms, 1000 * took)
            tally.longest_ours_ms = max(tally.longest_ours_ms,
                                        1000 * (took - stalls.since(started)))


LUA = """
wrk.method, wrk.body = "{method}", string.rep("{unit}", {times})
counts = {{}}
function response(status, headers, body)
  local what = "status " .. status
  if status == 200 then what = body == "{right}" and "right" or "wrong body" end
  counts[what] = (counts[what] or 0) + 1
end
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency, requests)
  for _, thread in ipairs(threads) do
    for what, n in pairs(thread:get("counts")) do print("counted " .. n .. " " .. what) end
  end
  for what, n in pairs(summary.errors) do
    if what ~= "status" then print("counted " .. n .. " errors: " .. what) end
  end
end
"""


class Wrk:
    """wrk with requests of one kind: start() to join(); it stops by itself."""

    def __init__(self, kind, request, front, clients, seconds, directory):
        self.kind, self.seconds = kind, seconds
        method, path, body, right = request
        script = f"{directory}/{method}.lua"
        with open(script, "w", encoding="ascii") as f:
            f.write(LUA.format(method=method, unit=body[:16].decode(), times=len(body) // 16,
                               right=right.decode().replace("\n", "\\n")))
        self.argv = [WRK, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", f"{TIMEOUT}s",
                     "-s", script, f"http://127.0.0.1:{front.port}{path}"]

    def start(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)

    def join(self):
        out = self.process.communicate(timeout=self.seconds + 3 * TIMEOUT)[0]
        assert self.process.returncode == 0, out
        tally = Tally()
        for n, what in re.findall(r"^counted (\d+) (.+)$", out, re.M):
            tally.asked += int(n)
            if what != "right" and int(n):
                tally.failed += int(n)
                tally.reasons.append(f"{n} {what}")
        return tally
