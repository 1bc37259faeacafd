"""Large bodies in both directions: byte-exact, in bounded memory."""

import hashlib
import http.client
import os
import socket
import time
import zlib

import pytest
from fcgi import Client
from servers import ASAN, memory_kb
from web import fetch, in_background, pattern

SIZE = 100_000_000
RSS_LIMIT_KB = 20_000


def check_memory(server):
    if not ASAN:
        peak = memory_kb(server.pool(), "VmHWM")
        assert peak < RSS_LIMIT_KB, f"the pool process needed {peak} KB"


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
def test_100_mb_down(env, anyfpm, nginx, buffered):
    """A worker's 100 MB through nginx, with and without response buffering."""
    server = anyfpm(env.demo)
    front = nginx(server, buffering=buffered)
    reply = fetch(front, f"/large?bytes={SIZE}")
    assert reply.status == 200 and len(reply.body) == SIZE
    assert hashlib.sha1(reply.body).digest() == hashlib.sha1(pattern(SIZE)).digest()
    check_memory(server)


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
def test_100_mb_up(env, anyfpm, nginx, buffered):
    """100 MB to a worker through nginx, with and without request buffering."""
    server = anyfpm(env.demo)
    front = nginx(server, request_buffering=buffered)
    body = pattern(SIZE)
    reply = fetch(front, "/upload", "POST", body)
    assert reply.body == b"bytes %d\ncrc32 %08x\n" % (SIZE, zlib.crc32(body))
    check_memory(server)


def test_both_at_once_by_several(env, anyfpm, nginx):
    """Eight transfers share four workers; none gets a byte of another."""
    server = anyfpm(env.demo, {"pm.max_children": 4})
    front = nginx(server, request_buffering=False, buffering=False)
    jobs = []
    for i in range(4):
        body = os.urandom(5_000_000 + i)
        jobs.append((in_background(fetch, front, "/upload", "POST", body),
                     b"bytes %d\ncrc32 %08x\n" % (len(body), zlib.crc32(body))))
        jobs.append((in_background(fetch, front, f"/large?bytes={5_000_000 + i}"),
                     pattern(5_000_000 + i)))
    for job, expected in jobs:
        assert job.result().body == expected
    check_memory(server)


def test_chunked_upload(env, anyfpm, nginx):
    """A body without a length, streamed."""
    front = nginx(anyfpm(env.demo), request_buffering=False)
    conn = http.client.HTTPConnection("127.0.0.1", front.port, timeout=60)
    data = os.urandom(1_000_000)
    conn.request("POST", "/upload", iter([data[i:i + 9999] for i in range(0, len(data), 9999)]),
                 encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert conn.getresponse().read() == b"bytes 1000000\ncrc32 %08x\n" % zlib.crc32(data)
    conn.close()


def test_slow_reader_frees_the_worker(odd):
    """A response within response_buffer_size is taken at the worker's speed: while the client
    does not read, the only worker serves others."""
    server = odd(options={"pm.max_children": 1, "response_buffer_size": "1M"})
    with Client(server.address) as slow, Client(server.address) as c:
        slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.start(query="do=large&bytes=600000")
        started = time.monotonic()
        assert c.request().status == 200
        assert time.monotonic() - started < 5
        assert len(slow.answer().body) == 600000


def test_slow_reader_is_back_pressure(odd):
    """Beyond the buffers the worker waits for the client; memory stays flat, all bytes arrive."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as slow:
        slow.start(query=f"do=large&bytes={SIZE}")
        time.sleep(1)
        check_memory(server)
        assert len(slow.answer().body) == SIZE
    check_memory(server)


def test_slow_worker_is_back_pressure(odd):
    """A worker that does not read its large body: the client is held, memory stays flat."""
    server = odd("split", {"pm.max_children": 1, "request_buffer_size": "64K"})
    with Client(server.address) as c:
        answer = c.request(body=b"b" * 30_000_000, query="do=early")
        assert answer.body == b"early\n30000000\n"
    check_memory(server)


def test_many_idle_connections_cost_little(env, anyfpm):
    """An idle client connection keeps no buffer."""
    server = anyfpm(env.demo)
    clients = [Client(server.address) for _ in range(1000)]
    for c in clients:
        assert c.request(body=b"x" * 3000).status == 200
    if not ASAN:
        assert memory_kb(server.pool()) < RSS_LIMIT_KB
    for c in clients:
        c.close()
