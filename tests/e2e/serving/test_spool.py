"""Bodies on a connection that carries several requests go through a file: whole, and at no cost to
others however slow the disk is."""

import ctypes
import json
import os
import threading
import time
import zlib

import pytest
from fcgi import PARAMS, STDIN, Client, begin, pairs, params, stream
from servers import ASAN, wait_for

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
MANY = {"pm.max_children": 3, "request_spool_size": "256M"}


class Stopped:
    """One thread of a process, which goes no further until the end of the block."""

    def __init__(self, tid):
        self.tid = tid
        self.libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(self, what):
        if self.libc.ptrace(what, self.tid, None, None) == -1:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ptrace(PTRACE_SEIZE)
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, WALL)

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH)


def threads(pid, name="anyfpm-spool"):
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
            if f.read().strip() == name:
                found.append(int(tid))
    return found


def upload(request_id, body, **more):
    return (begin(request_id)
            + stream(PARAMS, request_id, pairs(params("POST", body_length=len(body), **more)))
            + stream(STDIN, request_id, body))


def check(answer, body):
    assert answer.status == 200
    report = json.loads(answer.body)
    assert (report["length"], report["crc32"]) == (len(body), zlib.crc32(body))


def sending(client, data):
    """Send beside the one who reads: Client.send() would read, too."""
    thread = threading.Thread(target=client.sock.sendall, args=(data,), daemon=True)
    thread.start()
    return thread


def test_no_thread_without_need(odd):
    server = odd("echo", MANY)
    body = os.urandom(200_000)
    with Client(server.address) as c:
        check(c.request(method="POST", body=body), body)
        assert not threads(server.pool())
        c.send(upload(1, body), upload(2, body))
        check(c.answer(1), body)
        check(c.answer(2), body)


@pytest.mark.limit(120)
def test_large_uploads_arrive_whole(odd):
    """Two on one connection, one of which waits for a worker until all of it is in its file."""
    server = odd("echo", MANY)
    bodies = [os.urandom(20_000_000 if ASAN else 60_000_000) for _ in range(2)]
    with Client(server.address, timeout=60) as c, Client(server.address, timeout=60) as one, \
            Client(server.address, timeout=60) as two:
        for busy in (one, two):
            busy.start(query="do=slow&ms=2000")
        parts = sending(c, upload(1, bodies[0]) + upload(2, bodies[1]))
        for i, body in enumerate(bodies):
            check(c.answer(i + 1), body)
        parts.join()
        assert len(threads(server.pool())) == 1
        assert one.answer().status == two.answer().status == 200


@pytest.mark.limit(60)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may stop a thread of the pool process")
def test_a_disk_that_hangs_holds_up_nobody_else(odd):
    server = odd("echo", dict(MANY, **{"ping.path": "/ping"}))
    body = os.urandom(3_000_000)
    with Client(server.address, timeout=30) as c:
        c.send(begin(1), stream(PARAMS, 1, pairs(params("POST", body_length=9))))  # stays open
        check(c.request(2, method="POST", body=body), body)
        spooler = wait_for(lambda: threads(server.pool()), what="the thread")[0]
        with Stopped(spooler):
            parts = sending(c, upload(3, body))
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                with Client(server.address, timeout=10) as other:
                    assert other.request(uri="/ping").status == 200
                    assert other.request().status == 200
            assert parts.is_alive(), "its client is read on although nothing is written"
        check(c.answer(3), body)
        parts.join()
    with Client(server.address) as c:
        assert c.request().status == 200


def test_clients_that_leave_leave_nothing(odd):
    """Descriptors and space are given back, whatever was on its way."""
    server = odd("echo", dict(MANY, **{"pm.max_children": 1}))
    body = os.urandom(1_000_000)

    def files():
        links = []
        for fd in os.listdir(f"/proc/{server.pool()}/fd"):
            try:
                links.append(os.readlink(f"/proc/{server.pool()}/fd/{fd}"))
            except OSError:
                pass
        return sorted(link for link in links if link.endswith("(deleted)"))
    before = files() if os.geteuid() == 0 else None
    with Client(server.address, timeout=30) as running:
        running.start(query="do=slow&ms=1500")
        for _ in range(10):
            with Client(server.address) as c:
                c.send(upload(1, body), upload(2, body))
        assert running.answer().status == 200
        if os.geteuid() == 0:
            wait_for(lambda: files() == before, what="closed files")
        check(running.request(method="POST", body=body), body)
