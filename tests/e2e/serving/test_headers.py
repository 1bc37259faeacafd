"""Header blocks of responses: large ones, and lines that are no header fields."""

import json
import re

import pytest
from accesslog import ends
from fcgi import AUTHORIZER, FILTER, RESPONDER, Client
from web import fetch

TYPE = b"Content-Type: text/plain\r\n"


def raw(head, body=b"ok", fill=0):
    """The query that has the worker answer so."""
    return f"do=raw&fill={fill}&hex={(head + body).hex()}"


# As a program sends it, and what the log shows of it.
WRONG = {
    "message": (b"Deprecated in x.rb on line 3\n" + TYPE + b"\r\n", "Deprecated in x.rb on line 3"),
    "warning": (b"PHP Warning:  in x.php\n" + TYPE + b"\r\n", "PHP Warning:  in x.php"),
    "between": (TYPE + b"gone wrong\r\n\r\n", "gone wrong"),
    "page": (b"<html>\n<b>no header at all</b>\n\n</html>", "<html>"),
    "status": (b"Status: OK\r\n" + TYPE + b"\r\n", "Status: OK"),
    "control": (b"\x1b[31mred\n" + TYPE + b"\r\n", r"\x1b[31mred"),
    "long": (b"w" * 5000 + b"\n" + TYPE + b"\r\n", "w" * 100 + '"...'),
}
# With the status that is logged.
RIGHT = {
    "none": (b"\r\n", 200),
    "number": (b"Status: 200\r\n" + TYPE + b"\r\n", 200),
    "reason": (b"Status: 404 Not Found\r\n" + TYPE + b"\r\n", 404),
    "line feeds": (b"Status: 404\n" + TYPE.replace(b"\r", b"") + b"\n", 404),
    "odd name": (b"X_!#$%&'*+.^`|~: 1\r\n" + TYPE + b"\r\n", 200),
    "folded": (b"X-A: b\r\n and more\r\n" + TYPE + b"\r\n", 200),
    "blank": (b"X-A : b\r\n" + TYPE + b"\r\n", 200),
}


@pytest.mark.parametrize("role", [RESPONDER, AUTHORIZER, FILTER],
                         ids=["responder", "authorizer", "filter"])
@pytest.mark.parametrize("name", WRONG)
def test_line_that_is_no_header_field(logging, env, name, role):
    """502, the log has the line, the worker is kept, and its connection stays in step."""
    head, shown = WRONG[name]
    server = logging()
    data = b"" if role == FILTER else None
    with Client(server.address) as c:
        pids = [json.loads(c.request(role=role, data=data).body)["pid"]]
        answer = c.request(role=role, data=data, query=raw(head))
        assert answer.status == 502 and b"invalid response" in answer.body
        pids.append(json.loads(c.request(role=role, data=data).body)["pid"])
    assert pids[0] == pids[1], "the worker was replaced"
    server.wait_log(re.escape(f'sent a line that is no header field: "{shown}'))
    assert [(e.status, e.end) for e in ends(env, 3)] == [
        ("200", "-"), ("502", "invalid"), ("200", "-")]


@pytest.mark.parametrize("name", RIGHT)
def test_header_fields_that_web_servers_take(logging, env, name):
    head, status = RIGHT[name]
    server = logging()
    with Client(server.address) as c:
        assert c.request(query=raw(head)).stdout == head + b"ok"
    assert [(e.status, e.end) for e in ends(env, 1)] == [(str(status), "-")]


@pytest.mark.parametrize("front", ["nginx", "apache", "haproxy"])
def test_status_line(odd, request, front):
    """A program that takes itself for the server: its status arrives, whoever stands before it."""
    server = odd()
    web = request.getfixturevalue(front)(server)
    reply = fetch(web, "/?" + raw(b"HTTP/1.1 404 Not Found\r\n" + TYPE + b"\r\n", b"no"))
    assert (reply.status, reply.body) == (404, b"no")


def test_wrong_line_while_the_body_comes(odd):
    """The request is answered before it was sent; the connection of the client stays in step."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        answer = c.request(method="POST", body=b"b" * 2000000, query=raw(b"no header\n\n"))
        assert answer.status == 502
        assert c.request().status == 200


def test_wrong_line_for_warmup_is_a_failed_start(odd, env):
    """A worker that answers pm.warmup with nonsense does not become ready."""
    query = raw(b"Traceback, most recent call last\n\n")
    server = odd(options={"pm.max_children": 1, "pm.warmup": f'"/warm?{query}"'}, wait=False)
    server.wait_log("sent a line that is no header field: \"Traceback, most recent call last\"; "
                    "pm.warmup has failed")
    server.wait_log("it answered pm.warmup with status 502")


@pytest.mark.parametrize("limit,served", [("512K", True), (None, True), ("64K", False)],
                         ids=["raised", "default", "lowered"])
def test_header_block_of_200_kb(odd, limit, served):
    """response_header_limit."""
    server = odd(options={"pm.max_children": 1, "response_header_limit": limit})
    with Client(server.address) as c:
        answer = c.request(query=raw(TYPE + b"\r\n", fill=50))
    if served:
        assert answer.status == 200 and answer.body == b"ok"
        assert len(answer.stdout) > 200000 and answer.header["x-fill-49"] == "y" * 4000
    else:
        assert answer.status == 502
        server.wait_log("sent a header block of more than response_header_limit")
