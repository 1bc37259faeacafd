"""Behind HAProxy, which can multiplex requests on one connection."""

import json
import os
import socket
import time
import zlib

import pytest
import servers
from web import fetch, fetch_all, in_background


def slow_upload(front, size, seconds):
    """POST `size` bytes over about `seconds` seconds; returns the body and its answer."""
    body = os.urandom(size)

    def pieces():
        step = size // 20
        for i in range(0, size, step):
            time.sleep(seconds / 20)
            yield body[i:i + step]
    return body, fetch(front, "/upload", "POST", pieces(), {"Content-Length": str(size)})


def fetch_through(front, paths, threads):
    """Requests side by side, on connections that carry an upload, too. HAProxy 2.6 writes a
    request's parameters only into what is left of a 16 KB buffer, and if they do not fit, aborts
    the request and answers 500 (log flags IH), however idle the other side: those are sent again.
    Whatever anyfpm does wrong is a 502 or another flag."""
    replies = fetch_all(front, paths, threads)
    for i, reply in enumerate(replies):
        if reply.status == 500 and b"An internal server error occurred." in reply.body:
            assert front.refused(paths[i]), "a 500 that is not HAProxy's own"
            replies[i] = fetch(front, paths[i])
    return replies


def leave_in_the_middle(front):
    """A client that goes away while its request runs."""
    with socket.create_connection(("127.0.0.1", front.port)) as s:
        s.sendall(b"GET /?do=slow&ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)


@pytest.mark.parametrize("multiplex", [True, False], ids=["multiplexed", "one_each"])
@pytest.mark.parametrize("listen", ["unix", "tcp"])
def test_fifty_concurrent_requests(odd, haproxy, listen, multiplex):
    """All correct, with a slow large upload and an aborted client among them."""
    address = f"127.0.0.1:{servers.free_port()}" if listen == "tcp" else None
    server = odd(options={"pm.max_children": 4}, listen=address)
    front = haproxy(server, multiplex=multiplex)
    upload = in_background(slow_upload, front, 5 << 20, 3)
    aborted = in_background(leave_in_the_middle, front)
    send = fetch_through if multiplex else fetch_all
    replies = send(front, [f"/{i}?do=echo&n={i}" for i in range(500)], 50)
    for i, reply in enumerate(replies):
        assert reply.status == 200, reply.body[:200]
        assert json.loads(reply.body)["params"]["QUERY_STRING"] == f"do=echo&n={i}"
    aborted.result()
    body, reply = upload.result()
    assert reply.status == 200
    got = json.loads(reply.body)
    assert got["length"] == len(body) and got["crc32"] == zlib.crc32(body)


def test_get_values_tells_haproxy_to_multiplex(odd, haproxy):
    """Slow requests share connections, each with a worker of its own."""
    server = odd(options={"pm.max_children": 8})
    server.wait_workers(8)
    front = haproxy(server)
    fetch(front, "/")
    started = time.monotonic()
    replies = fetch_all(front, ["/?do=slow&ms=1000"] * 8, threads=8)
    assert [r.status for r in replies] == [200] * 8
    assert time.monotonic() - started < 4, "they did not run side by side"


def test_crash_harms_only_its_own_request(odd, haproxy):
    """Requests that share the connection of a crashed one are answered correctly."""
    server = odd(options={"pm.max_children": 4})
    front = haproxy(server)
    paths = ["/?do=crash" if i % 10 == 0 else f"/?do=slow&ms=30&n={i}" for i in range(60)]
    replies = fetch_all(front, paths, threads=20)
    for path, reply in zip(paths, replies):
        assert reply.status == (502 if "crash" in path else 200), path
