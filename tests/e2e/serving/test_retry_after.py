"""Retry-After: who follows it finds a chance; where nothing is known, nothing is promised."""

import contextlib
import math
import os
import re
import time

import pytest
from accesslog import taken_in
from fcgi import Client
from servers import wait_for


def promise(answer):
    assert answer.status == 503
    return int(answer.header.get("retry-after", 0))


def test_full_queue_tells_how_long_it_will_last(odd):
    """Two wait for one worker, whose request has taken so long already: at least twice that."""
    server = odd("hello", {"pm.max_children": 1, "request_queue_limit": 2,
                           "request_queue_timeout": "60s"})
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.address)) for _ in range(4)]
        assert clients[0].request().status == 200
        began = time.monotonic()
        for c in clients[:3]:
            c.start(query="do=slow&ms=9000")
            taken_in(c)
        told = []

        def grown():
            told.append(promise(clients[3].request()))
            assert 1 <= told[-1] <= math.ceil(2 * (time.monotonic() - began))
            return told[-1] >= 4
        wait_for(grown, 10, "the promise to grow")
        assert told == sorted(told)


def test_backoff_tells_when_the_next_start_is(odd, env):
    """The program does not start; once it does, who comes back when it was told is served."""
    broken = env.dir + "/pub/broken"
    server = odd("fails-while", {"pm": "ondemand", "pm.max_children": 1}, args=(broken,))
    with open(broken, "w", encoding="ascii"):
        pass

    def delays_told():
        told = re.findall(r"next attempt is in ([0-9.]+) seconds", server.log())
        return [float(delay) for delay in told]

    def put_off():
        with Client(server.address) as c:
            seconds = promise(c.request())
        assert seconds >= 1
        delays = wait_for(lambda: [d for d in delays_told() if seconds <= math.ceil(d)][-1:], 5,
                          "a line in the log, which may come later, that allows that answer")
        return seconds if delays[0] >= 2 else 0
    seconds = wait_for(put_off, 20, "a longer wait")
    os.unlink(broken)
    time.sleep(seconds)
    with Client(server.address) as c:
        assert c.request().status == 200


@pytest.mark.parametrize("options, query", [
    ({"request_terminate_cpu": "100ms"}, "do=burn"),
    ({"request_terminate_memory": "64M"}, "do=eat"),
])
def test_limits_promise_nothing(odd, options, query):
    """The same request would use as much again."""
    server = odd("hello", {"pm.max_children": 1, **options})
    with Client(server.address) as c:
        assert c.request().status == 200
        assert promise(c.request(query=query)) == 0
