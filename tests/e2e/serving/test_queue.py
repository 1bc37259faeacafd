"""The queue that anyfpm owns: its limit, its timeout, clients that leave, idle connections."""

import contextlib
import socket
import struct
import time

import fcgi
import pytest
from accesslog import taken_in
from fcgi import Client, Closed, begin, pairs, params, stream
from servers import SLOW, free_port, wait_for


def check_503(answer):
    assert answer.status == 503
    assert answer.header["content-type"].startswith("text/html")
    assert int(answer.header["retry-after"]) >= 1
    assert b"503" in answer.body and len(answer.body) < 2000


def test_full_queue_answers_at_once(odd):
    """request_queue_limit: one runs, two wait, the fourth gets 503 with Retry-After."""
    server = odd(options={"pm.max_children": 1, "request_queue_limit": 2})
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.address)) for _ in range(4)]
        clients[0].request()
        clients[0].start(query="do=slow&ms=4000")
        taken_in(clients[0])
        for c in clients[1:3]:
            c.start()
            taken_in(c)
        started = time.monotonic()
        check_503(clients[3].request())
        assert time.monotonic() - started < 2.5
        for c in clients[:3]:
            assert c.answer().status == 200
    server.wait_log(r"\[pool www\].*request_queue_limit")


def test_waiting_too_long_is_a_503(odd):
    """request_queue_timeout: a request that waited longer is answered, not left waiting."""
    server = odd(options={"pm.max_children": 1, "request_queue_timeout": "1s"})
    with Client(server.address) as busy, Client(server.address) as late:
        busy.start(query="do=slow&ms=4000")
        taken_in(busy)
        started = time.monotonic()
        check_503(late.request())
        waited = time.monotonic() - started
        assert 0.9 <= waited < 2.5
        assert busy.answer().status == 200
        assert late.request().status == 200


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_gone_clients_leave_the_queue(odd, env, kind):
    """Requests of clients that hung up never reach a worker. By TCP, of those that reset: an end of
    file may be that of one that still reads."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 1}, args=(note,),
                 listen=f"127.0.0.1:{free_port()}" if kind == "tcp" else None)
    with Client(server.address) as busy:
        busy.start(query=f"do=split&until={env.dir}/pub/go", uri="/busy")
        wait_for(lambda: _note(note), 5 * SLOW, "the worker to start on it")
        gone = [Client(server.address) for _ in range(20)]
        for c in gone:
            c.start(uri="/gone")
            taken_in(c)
        for c in gone:
            if kind == "tcp":
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        with Client(server.address) as late:
            late.start(uri="/late")
            taken_in(late)  # so it has seen the others go
            with open(env.dir + "/pub/go", "wb"):
                assert late.answer().status == 200
        assert busy.answer().status == 200
    assert "/gone" not in _note(note)


def _note(path):
    try:
        with open(path, encoding="ascii") as f:
            return f.read()
    except OSError:
        return ""


def test_half_closed_client_is_still_there(odd):
    """A unix client that only shut down its sending side gets its answer."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        c.start(query="do=slow&ms=300")
        c.sock.shutdown(socket.SHUT_WR)
        assert c.answer().status == 200


def check_answered_at_once(server):
    """A new client waits for nobody; the best of five, because a machine may stall."""
    times = []
    for _ in range(5):
        started = time.monotonic()
        with Client(server.address) as c:
            assert c.request(query="do=hello").status == 200
        times.append(time.monotonic() - started)
    assert min(times) < 0.1 * SLOW, times


def test_a_thousand_idle_connections_pin_nothing(odd):
    """1,000 kept idle client connections and 4 workers: a new client is answered at once."""
    server = odd(options={"pm.max_children": 4})
    server.wait_workers(4)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.address)) for _ in range(1000)]
        for c in clients:
            assert c.request(query="do=hello").status == 200
        check_answered_at_once(server)
        for c in clients[::100]:
            assert c.request(query="do=hello").status == 200, "kept connections still work"


def test_a_thousand_half_sent_requests_pin_nothing(odd):
    """1,000 silent and half-sent clients bind no worker."""
    server = odd(options={"pm.max_children": 1, "request_header_timeout": "60s"})
    server.wait_workers(1)
    block = pairs(params("POST", body_length=100))
    with contextlib.ExitStack() as stack:
        for i in range(1000):
            c = stack.enter_context(Client(server.address))
            if i % 3 == 1:
                c.send(begin(), stream(fcgi.PARAMS, 1, block[:20], end=False))
            elif i % 3 == 2:
                c.send(begin(), stream(fcgi.PARAMS, 1, block),
                       stream(fcgi.STDIN, 1, b"half", end=False))
        check_answered_at_once(server)


def test_max_connections_per_address(odd):
    """listen.max_connections_per_address: one more is closed; another address is served, and
    whoever comes when one has left."""
    server = odd(options={"listen.max_connections_per_address": 2},
                 listen=f"127.0.0.1:{free_port()}")
    held = []

    def come():
        """Whether a connection is served; it stays open then."""
        c = Client(server.address)
        try:
            served = c.request().status == 200
        except (OSError, Closed):
            served = False
        if served:
            held.append(c)
        else:
            c.close()
        return served
    for i in range(2):
        wait_for(come, 5, f"connection {i} to be served")
    assert not come()
    server.wait_log(r"WARNING: \[pool www\].* 127\.0\.0\.1 refused: it has "
                    r"listen\.max_connections_per_address \(2\)")
    with Client(server.address, source="127.0.0.2") as other:
        assert other.request().status == 200
        held.pop(0).close()
        wait_for(come, 5, "the place of the one that left")
        assert not come()
        for c in (*held, other):
            assert c.request().status == 200
    for c in held:
        c.close()


def test_slow_parameters_time_out(odd):
    """request_header_timeout: parameters that never end are answered or closed."""
    server = odd(options={"request_header_timeout": "1s"})
    started = time.monotonic()
    with Client(server.address) as c:
        c.send(begin(), stream(fcgi.PARAMS, 1, pairs(params())[:9], end=False))
        try:
            assert c.answer().status == 408
        except fcgi.Closed:
            pass
        assert 0.8 < time.monotonic() - started < 4 * SLOW


def test_slow_body_times_out_with_408(odd):
    """request_body_timeout: no body byte for that long is a 408."""
    server = odd(options={"request_body_timeout": "1s"})
    started = time.monotonic()
    with Client(server.address) as c:
        c.send(begin(), stream(fcgi.PARAMS, 1, pairs(params("POST", body_length=10))),
               stream(fcgi.STDIN, 1, b"half", end=False))
        answer = c.answer()
        assert answer.status == 408
        assert answer.header["content-type"].startswith("text/html")
        assert 0.8 < time.monotonic() - started < 4 * SLOW


def test_full_is_not_too_many(odd):
    """At listen.max_connections an idle client goes when another comes, not before."""
    server = odd("hello", {"listen.max_connections": 5})
    clients = []
    for _ in range(5):
        clients.append(fcgi.Client(server.address))
        assert clients[-1].request().status == 200
    for c in clients:
        assert c.request().status == 200
    clients.append(fcgi.Client(server.address))
    assert clients[-1].request().status == 200
    assert sum(is_closed(c) for c in clients) == 1
    for c in clients:
        c.close()


def is_closed(client):
    client.sock.settimeout(0.2)
    try:
        return client.sock.recv(1) == b""
    except TimeoutError:
        return False
