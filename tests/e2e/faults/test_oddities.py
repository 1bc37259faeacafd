"""Odd workers under load through nginx: every request is served."""

import os
import re

import pytest
from fcgi import Client
from servers import SLOW, wait_for
from web import fetch_all

REQUESTS = 600 // SLOW
# Of a program that leaves: most of the time goes by in starts.
STARTS = 60 // SLOW


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("behavior,args", [
    ("no-keepalive", ()), ("exits-after", (3,)), ("exits-after", (1,)), ("chatty", ()),
    ("stderr", ()), ("no-empty-stdout", ()), ("exit-after", ()), ("early", ())],
    ids=lambda v: v if isinstance(v, str) else "-".join(map(str, v)))
def test_no_request_is_lost(odd, nginx, behavior, args, method):
    """Leaves by itself, closes each connection, talks out of turn: 16 clients, all get a 200."""
    server = odd(behavior, {"pm.max_children": 4}, args=args)
    front = nginx(server)
    body = b"b" * 3000 if method == "POST" else None
    each = 1 if behavior == "exit-after" else args[0] if args else 0  # requests of one process
    count = STARTS * each or REQUESTS
    replies = fetch_all(front, [f"/{i}" for i in range(count)], method=method, body=body)
    bad = [r.status for r in replies if r.status != 200]
    assert not bad, (len(bad), bad[:5], server.log()[-3000:])
    assert "answered 502" not in server.log()  # a pid may be 502 as well
    if each == 1:  # none is in vain
        assert len(re.findall(r"child \d+ started", server.log())) <= count + 4


def test_answer_before_the_body(odd, nginx):
    """A whole answer before the body was read, a body larger than every buffer."""
    server = odd("ignore-body", {"pm.max_children": 2})
    front = nginx(server, request_buffering=False)
    replies = fetch_all(front, ["/"] * 50, threads=4, method="POST", body=b"b" * 1000000)
    assert {(r.status, r.body) for r in replies} == {(413, b"no\n")}


def test_words_outside_of_fastcgi_reach_the_log(odd):
    """Descriptors 1 and 2 are always drained; their lines are logged where that is wanted."""
    server = odd("chatty", {"pm.max_children": 1, "catch_workers_output": "yes"})
    with Client(server.address) as c:
        for _ in range(10):  # 1 MB, which the log's queue holds while nothing can be written
            answer = c.request()
            assert answer.status == 200 and answer.body == b"hello\n" and not answer.stderr
    server.wait_log(r"\[pool www\] child \d+ said into stdout: \"before on descriptor 1\"", 10)
    server.wait_log(r"\[pool www\] child \d+ said into stderr: \".*before on descriptor 2\"", 10)


def test_output_that_nobody_wants_blocks_nobody(odd):
    """catch_workers_output = no: a worker that says 5 MB on descriptor 1 is served all the same."""
    server = odd("chatty", {"pm.max_children": 1})
    with Client(server.address) as c:
        for _ in range(50):
            assert c.request().status == 200
    assert os.path.getsize(server.log_path) < 1 << 20
    assert "descriptor 1" not in server.log()


def test_program_that_leaves_while_idle(odd):
    """exit(0) right after each answer is no failed start: no back-off."""
    server = odd("exit-after", {"pm.max_children": 2})
    with Client(server.address) as c:
        for i in range(30):
            assert c.request(body=b"x" * (i % 2)).status == 200
    assert "failed in a row" not in server.log()
    wait_for(lambda: len(re.findall(r"child \d+ exited with code 0", server.log())) == 30,
             10 * SLOW, "thirty workers to have left")
